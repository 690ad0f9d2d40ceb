// What tests/nodejs_compat.rs asks of node:crypto without asymmetric keys; tests/nodejs/crypto.json has what node v20.20.2 said to the same.
import crypto, { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes } from "node:crypto";
import { Buffer } from "node:buffer";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";

const told = (error) => [error.name, error.code, error.message, error.library, error.reason, error.opensslErrorStack];
const failure = (run) => { try { return run(); } catch (error) { return told(error); } };
const later = (run) => new Promise((resolve) => {
  try { run((error, result) => resolve(error ? told(error) : Buffer.isBuffer(result) ? result.toString("hex") : Buffer.from(result).toString("hex"))); } catch (error) { resolve(["at once", ...told(error)]); }
});
const hex = (data) => Buffer.from(data).toString("hex");
const key = (length, start = 0) => Buffer.from(Array.from({ length }, (_, i) => (start + i) & 255));

const ALGORITHMS = [
  "md5", "sha1", "SHA1", "sha224", "sha256", "RSA-SHA256", "sha384", "sha512", "sha512-256", "sha512-224", "sha3-224", "sha3-256", "sha3-384",
  "sha3-512", "shake128", "shake256", "ripemd160", "rmd160", "blake2b512", "blake2s256", "sm3", "md5-sha1", "sha256WithRSAEncryption",
];

const seal = (...args) => failure(() => sealAndOpen(...args));

function sealAndOpen(name, keyLength, ivLength, options, aad) {
  const cipher = createCipheriv(name, key(keyLength), ivLength === null ? null : key(ivLength, 100), options);
  if (aad) cipher.setAAD(Buffer.from("more"), { plaintextLength: 20 });
  const sealed = Buffer.concat([cipher.update("twenty bytes of text"), cipher.final()]);
  const tag = aad === undefined ? undefined : cipher.getAuthTag();
  const decipher = createDecipheriv(name, key(keyLength), ivLength === null ? null : key(ivLength, 100), options);
  if (tag) decipher.setAuthTag(tag);
  if (aad) decipher.setAAD(Buffer.from("more"), { plaintextLength: 20 });
  return [sealed.toString("hex"), tag?.toString("hex"), decipher.update(sealed, undefined, "utf8") + decipher.final("utf8")];
}

const cases = {
  digests: () => ALGORITHMS.map((name) => [name, createHash(name).update("abc").digest("hex"), createHash(name).digest("base64"), createHmac("sha256", name).update("").digest("base64url")]),
  hashes: async () => {
    const hash = createHash("sha256").update("a");
    const copy = hash.copy();
    const long = createHash("sha256");
    for (let i = 0; i < 300; i++) long.update(Buffer.alloc(1000, i));
    const longCopy = long.copy();
    longCopy.update("x");
    const stream = createHash("sha1");
    await pipeline(Readable.from(["abc", Buffer.from("def")]), stream);
    return [
      hash.update("b").digest("hex"), copy.update("c").digest("latin1"), long.digest("hex"), longCopy.digest("hex"), stream.read().toString("hex"),
      createHash("shake128", { outputLength: 40 }).update("a").digest("hex"), createHash("shake256", { outputLength: 0 }).update("a").digest("hex"),
      createHash("sha256", { outputLength: 32 }).digest("hex"), failure(() => createHash("sha256", { outputLength: 5 })), failure(() => createHash("xyz")),
      failure(() => createHash("sha256").update(5)), failure(() => createHash()), failure(() => { const one = createHash("md5"); one.digest(); one.update("a"); }),
      failure(() => { const one = createHash("md5"); one.digest(); one.digest(); }), failure(() => { const one = createHash("md5"); one.digest(); one.copy(); }),
      createHash("sha1").update("616263", "hex").update("YWJj", "base64").update("é", "latin1").update("é", "utf16le").digest("hex"),
      createHash("sha256").update(new Uint16Array([1, 2])).update(new DataView(new ArrayBuffer(3))).digest().length,
      crypto.hash("sha1", "abc"), crypto.hash("sha256", Buffer.from("abc"), "base64"), crypto.hash("md5", "", "buffer").toString("hex"),
      failure(() => crypto.hash("nope", "a")), failure(() => crypto.hash("md5", 1)), failure(() => crypto.hash("md5", "a", "what")),
      createHash("sha256").update("a").digest("what").length, crypto.getHashes().includes("sha256"), crypto.getHashes().length > 40,
      createHash("shake128", { outputLength: 8 }).copy({ outputLength: 16 }).digest("hex"), failure(() => createHash("shake128", { outputLength: -1 })),
    ];
  },
  hmacs: () => [
    createHmac("sha256", "key").update("The quick brown fox jumps over the lazy dog").digest("hex"), createHmac("md5", "").update("").digest("hex"),
    createHmac("sha512", Buffer.alloc(500, 7)).update("a").update("b").digest("base64"), createHmac("sha3-256", "k").update("a").digest("hex"),
    createHmac("sha1", new Uint8Array([1, 2, 3]).buffer).update("x").digest("hex"), createHmac("sha256", crypto.createSecretKey(Buffer.from("key"))).update("a").digest("hex"),
    failure(() => createHmac("nope", "k")), failure(() => createHmac("sha1", null)), failure(() => createHmac("sha1")), failure(() => createHmac("shake128", "k")),
    (() => { const one = createHmac("sha1", "k"); one.digest(); return [one.digest().length, one.digest("hex"), failure(() => one.update("a"))]; })(),
    createHmac("sha256", "a".repeat(64)).update("b".repeat(100000)).digest("hex"), createHmac("sha384", "6b6579", { encoding: "hex" }).update("a").digest("hex"),
  ],
  random: async () => [
    randomBytes(0).length, randomBytes(100000).some((byte) => byte !== 0), Buffer.isBuffer(randomBytes(3)), failure(() => randomBytes(-1)), failure(() => randomBytes("a")),
    (await promisify(randomBytes)(5)).length, crypto.randomFillSync(new Uint32Array(4), 1).at(0), crypto.randomFillSync(Buffer.alloc(4), 1, 2).at(3),
    (await promisify(crypto.randomFill)(Buffer.alloc(5))).length, failure(() => crypto.randomFillSync(Buffer.alloc(4), 5)), failure(() => crypto.randomFillSync("a")),
    Array.from({ length: 100 }, () => crypto.randomInt(3)).every((n) => n >= 0 && n < 3), Number.isInteger(await promisify(crypto.randomInt)(5, 10)),
    failure(() => crypto.randomInt(5, 5)), failure(() => crypto.randomInt(1.5)), failure(() => crypto.randomInt(2 ** 50)),
    /^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/.test(crypto.randomUUID()), crypto.randomUUID({ disableEntropyCache: true }).length, failure(() => crypto.randomUUID(1)),
    new Set(Array.from({ length: 300 }, () => crypto.randomUUID())).size, crypto.pseudoRandomBytes(4).length, crypto.getRandomValues(new Uint8Array(2)).length, crypto.rng(2).length,
    crypto.timingSafeEqual(Buffer.from("abc"), new Uint8Array([97, 98, 99])), crypto.timingSafeEqual(Buffer.from("abc"), Buffer.from("abd")),
    failure(() => crypto.timingSafeEqual(Buffer.alloc(1), Buffer.alloc(2))), failure(() => crypto.timingSafeEqual("a", Buffer.alloc(1))), failure(() => crypto.timingSafeEqual(Buffer.alloc(1))),
    crypto.timingSafeEqual(new ArrayBuffer(4), new Uint16Array(2)),
  ],
  derivation: async () => [
    ...["md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sha3-256"].map((name) => crypto.pbkdf2Sync("password", "salt", 3, 70, name).toString("hex")),
    crypto.pbkdf2Sync("", "", 1, 20, "sha1").toString("hex"), crypto.pbkdf2Sync("p", "s", 1, 0, "sha1").length, await later((done) => crypto.pbkdf2("secret", "salt", 1000, 32, "sha512", done)),
    failure(() => crypto.pbkdf2Sync("p", "s", 0, 10, "sha1")), failure(() => crypto.pbkdf2Sync("p", "s", 1, 10, "nope")), failure(() => crypto.pbkdf2Sync("p", "s", 1, 10)),
    failure(() => crypto.pbkdf2Sync("p", "s", 1, -1, "sha1")), failure(() => crypto.pbkdf2("p", "s", 1, 1, "sha1")), failure(() => crypto.pbkdf2Sync("p", "s", 1, 10, "shake128")),
    crypto.scryptSync("", "", 64, { N: 16, r: 1, p: 1 }).toString("hex"), crypto.scryptSync("password", "NaCl", 64, { cost: 1024, blockSize: 8, parallelization: 16 }).toString("hex"),
    crypto.scryptSync("p", "s", 0).length, await later((done) => crypto.scrypt("secret", "salt", 32, done)), await later((done) => crypto.scrypt("a", "b", 9, { N: 4 }, done)),
    failure(() => crypto.scryptSync("p", "s", 10, { N: 3 })), failure(() => crypto.scryptSync("p", "s", 10, { N: 1 << 20, r: 8 })), failure(() => crypto.scryptSync("p", "s", 10, { N: 1 << 17, r: 1 })),
    failure(() => crypto.scryptSync("p", "s", 10, { p: 2 ** 30 })), failure(() => crypto.scryptSync("p", "s", 10, { N: 1, cost: 2 })), failure(() => crypto.scryptSync("p", "s", -1)),
    hex(crypto.hkdfSync("sha256", key(22, 11), key(13), key(10, 0xf0), 42)), hex(crypto.hkdfSync("sha512", "", "", "", 100)), hex(crypto.hkdfSync("sha3-256", "key", "salt", "info", 64)),
    await later((done) => crypto.hkdf("sha1", crypto.createSecretKey(Buffer.from("key")), "salt", "info", 30, done)), failure(() => crypto.hkdfSync("sha256", "k", "s", "i", 255 * 32 + 1)),
    failure(() => crypto.hkdfSync("nope", "k", "s", "i", 9)), failure(() => crypto.hkdfSync("sha1", "k", "s", Buffer.alloc(1025), 9)), failure(() => crypto.hkdfSync("sha1", 1, "s", "i", 9)),
  ],
  primes: async () => [
    crypto.checkPrimeSync(7n), crypto.checkPrimeSync(9n), crypto.checkPrimeSync(Buffer.from([0x13])), crypto.checkPrimeSync(2n ** 127n - 1n), crypto.checkPrimeSync(2n ** 128n - 1n),
    crypto.checkPrimeSync(0n), crypto.checkPrimeSync(1n), crypto.checkPrimeSync(2n), crypto.checkPrimeSync(561n, { checks: 10 }), await promisify(crypto.checkPrime)(97n),
    crypto.checkPrimeSync(crypto.generatePrimeSync(128)), typeof crypto.generatePrimeSync(32, { bigint: true }), crypto.generatePrimeSync(64).byteLength,
    crypto.generatePrimeSync(40, { add: 12n, rem: 11n, bigint: true }) % 12n === 11n, crypto.checkPrimeSync((crypto.generatePrimeSync(64, { safe: true, bigint: true }) - 1n) / 2n),
    crypto.generatePrimeSync(3, { bigint: true }) > 4n, (await promisify(crypto.generatePrime)(16)).byteLength, failure(() => crypto.generatePrimeSync(1)), failure(() => crypto.generatePrimeSync(0)),
    failure(() => crypto.generatePrimeSync(8, { add: 600n })), failure(() => crypto.generatePrimeSync(8, { add: 6n, rem: 7n })), failure(() => crypto.checkPrimeSync("a")), failure(() => crypto.checkPrimeSync(-1n)),
  ],
  ciphers: () => [
    ...["cbc", "ctr", "ofb", "cfb", "cfb8", "cfb1"].flatMap((mode) => [128, 192, 256].map((bits) => seal(`aes-${bits}-${mode}`, bits / 8, 16))),
    ...[128, 192, 256].map((bits) => seal(`AES-${bits}-ecb`, bits / 8, null)), seal("aes-128-ecb", 16, 0), seal("aes-256-xts", 64, 16), seal("des-ede3-cbc", 24, 8), seal("des3", 24, 8),
    seal("des-ede3", 24, null), seal("chacha20", 32, 16), seal("aria-128-cbc", 16, 16), seal("sm4-cbc", 16, 16), seal("aes256", 32, 16), seal("des-ede-cbc", 16, 8),
  ],
  authenticated: () => [
    ...[128, 192, 256].map((bits) => seal(`aes-${bits}-gcm`, bits / 8, 12, undefined, true)), seal("aes-128-gcm", 16, 12, undefined, false), seal("aes-256-gcm", 32, 60, { authTagLength: 12 }, true),
    seal("id-aes256-GCM", 32, 12, { authTagLength: 4 }, true), seal("chacha20-poly1305", 32, 12, undefined, true), seal("chacha20-poly1305", 32, 8, { authTagLength: 10 }, false),
    seal("aes-128-ccm", 16, 13, { authTagLength: 8 }, true), seal("aes-256-ccm", 32, 7, { authTagLength: 16 }, false), seal("aes-128-ocb", 16, 12, { authTagLength: 16 }, true),
    seal("aes-256-ocb", 32, 15, { authTagLength: 8 }, false), seal("aria-256-gcm", 32, 12, undefined, true),
    (() => { const one = createCipheriv("id-aes128-wrap", key(16), Buffer.alloc(8, 0xa6)); return [one.update(key(24)).toString("hex"), one.final().length]; })(),
    (() => { const one = createCipheriv("id-aes256-wrap-pad", key(32), Buffer.from("a65959a6", "hex")); return [one.update(key(21)).toString("hex"), one.final().length]; })(),
    (() => { const one = createDecipheriv("aes128-wrap", key(16), Buffer.alloc(8, 0xa6)); return one.update(Buffer.from("dead", "hex").subarray(0, 0)).length; })(),
  ],
  cipherErrors: () => {
    const gcm = (change) => failure(() => {
      const cipher = createCipheriv("aes-128-gcm", key(16), key(12));
      const sealed = Buffer.concat([cipher.update("text"), cipher.final()]);
      const decipher = createDecipheriv("aes-128-gcm", key(16), key(12));
      return change(decipher, cipher.getAuthTag(), sealed);
    });
    return [
      failure(() => createCipheriv("nope", key(16), null)), failure(() => createCipheriv("aes-128-cbc", key(15), key(16))), failure(() => createCipheriv("aes-128-cbc", key(16), key(15))),
      failure(() => createCipheriv("aes-128-cbc", key(16), null)), failure(() => createCipheriv("aes-128-cbc", key(16))), failure(() => createCipheriv("aes-128-gcm", key(16), Buffer.alloc(0))),
      failure(() => createCipheriv("aes-128-ecb", key(16), key(16))), failure(() => createCipheriv(1, key(16), null)), failure(() => createCipheriv("aes-128-cbc", 1, key(16))),
      failure(() => createCipheriv("aes-128-gcm", key(16), key(12), { authTagLength: 3 })), failure(() => createCipheriv("aes-128-ccm", key(16), key(12))),
      failure(() => createCipheriv("aes-128-ccm", key(16), key(12), { authTagLength: 5 })), failure(() => createCipheriv("aes-128-ccm", key(16), key(6), { authTagLength: 4 })),
      failure(() => createCipheriv("aes-128-ocb", key(16), key(12), { authTagLength: 17 })), failure(() => createCipheriv("aes-128-ocb", key(16), key(16), { authTagLength: 16 })),
      failure(() => createCipheriv("chacha20-poly1305", key(32), key(13))), failure(() => createCipheriv("aes-128-gcm", key(16), key(12), { authTagLength: -1 })),
      failure(() => { const one = createCipheriv("aes-128-ccm", key(16), key(13), { authTagLength: 8 }); one.setAAD(key(4)); }),
      failure(() => { const one = createCipheriv("aes-128-ccm", key(16), key(13), { authTagLength: 8 }); one.update(Buffer.alloc(65536)); }),
      failure(() => { const one = createCipheriv("aes-128-cbc", key(16), key(16)); one.final(); one.final(); }),
      failure(() => { const one = createCipheriv("aes-128-cbc", key(16), key(16)); one.final(); one.update("a"); }),
      failure(() => { const one = createCipheriv("aes-128-cbc", key(16), key(16)); one.final(); one.setAutoPadding(); }),
      failure(() => { const one = createCipheriv("aes-128-cbc", key(16), key(16)); one.setAutoPadding(false); one.update("a"); one.final(); }),
      failure(() => { const one = createDecipheriv("aes-128-cbc", key(16), key(16)); one.update(key(15)); one.final(); }),
      failure(() => { const one = createDecipheriv("aes-128-cbc", key(16), key(16)); one.update(key(16)); one.final(); }),
      failure(() => { const one = createDecipheriv("aes-128-cbc", key(16), key(16)); one.final(); }), failure(() => createCipheriv("aes-128-cbc", key(16), key(16)).getAuthTag()),
      failure(() => createCipheriv("aes-128-gcm", key(16), key(12)).getAuthTag()), failure(() => createCipheriv("aes-128-cbc", key(16), key(16)).setAAD(key(1))),
      failure(() => createDecipheriv("aes-128-cbc", key(16), key(16)).setAuthTag(key(16))), failure(() => createDecipheriv("aes-128-gcm", key(16), key(12)).setAuthTag(key(5))),
      failure(() => createDecipheriv("aes-128-gcm", key(16), key(12), { authTagLength: 16 }).setAuthTag(key(12))), failure(() => createDecipheriv("aes-128-gcm", key(16), key(12)).setAuthTag(1)),
      gcm((one, tag, sealed) => { one.setAuthTag(tag); return one.update(sealed, null, "utf8") + one.final("utf8"); }), gcm((one, tag, sealed) => { one.setAuthTag(tag.fill(0)); one.update(sealed); one.final(); }),
      gcm((one, tag, sealed) => { one.update(sealed); one.final(); }), gcm((one, tag) => { one.setAuthTag(tag); one.setAuthTag(tag); }),
      gcm((one, tag, sealed) => { one.setAuthTag(tag.subarray(0, 4)); one.update(sealed); one.final(); return "short"; }), gcm((one, tag, sealed) => { one.setAuthTag(tag); one.setAAD(key(1)); one.update(sealed); one.final(); }),
      failure(() => { const one = createDecipheriv("aes-128-ccm", key(16), key(13), { authTagLength: 8 }); one.setAuthTag(key(8)); const got = one.update(key(9)).length; return [got, failure(() => one.final())]; }),
      failure(() => createCipheriv("aes-128-cbc", key(16), key(16)).update(1)), failure(() => createCipheriv("aes-128-cbc", key(16), key(16)).update("a", "utf8", "what")),
    ];
  },
  cipherUses: async () => {
    const cipher = createCipheriv("aes-256-cbc", crypto.createSecretKey(key(32)), key(16));
    const chunks = [];
    await pipeline(Readable.from(["some ", "text ", "x".repeat(100000)]), cipher, async (source) => { for await (const chunk of source) chunks.push(chunk); });
    const sealed = Buffer.concat(chunks);
    const decipher = createDecipheriv("aes-256-cbc", key(32), key(16));
    const opened = [];
    await pipeline(Readable.from([sealed]), decipher, async (source) => { for await (const chunk of source) opened.push(chunk); });
    const unpadded = createCipheriv("aes-128-cbc", key(16), key(16));
    const split = createCipheriv("aes-128-ctr", key(16), key(16));
    const broken = await pipeline(Readable.from([key(15)]), createDecipheriv("aes-128-cbc", key(16), key(16)), async (source) => { for await (const chunk of source) chunk; }).catch(told);
    return [
      createHash("sha1").update(sealed).digest("hex"), Buffer.concat(opened).toString().slice(0, 15), Buffer.concat(opened).length,
      unpadded.setAutoPadding(false).update(key(16), null, "hex") + unpadded.final("hex"), split.update("a", "utf8", "base64") + split.update("bcdefg", "utf8", "base64") + split.final("base64"), broken,
      createCipheriv("aes-128-cbc", "0123456789abcdef", "fedcba9876543210").update("61".repeat(16), "hex", "latin1").length,
    ];
  },
  cipherInfo: () => [
    ...["aes-128-cbc", "AES-256-GCM", "aes-128-ccm", "aes-192-ctr", "aes-128-ecb", "aes-128-ocb", "aes-256-xts", "chacha20-poly1305", "chacha20", "des3", "id-aes128-wrap", "id-aes256-wrap-pad", "aes-128-cfb8", "des-ede3-ofb"].map((name) => crypto.getCipherInfo(name)),
    crypto.getCipherInfo("nope"), crypto.getCipherInfo(419), crypto.getCipherInfo(99999), crypto.getCipherInfo("aes-128-cbc", { keyLength: 16, ivLength: 16 }), crypto.getCipherInfo("aes-128-cbc", { keyLength: 15 }),
    crypto.getCipherInfo("aes-128-cbc", { ivLength: 12 }), crypto.getCipherInfo("aes-128-gcm", { ivLength: 100 }), crypto.getCipherInfo("aes-128-ccm", { ivLength: 13 }), crypto.getCipherInfo("aes-128-ccm", { ivLength: 14 }),
    crypto.getCipherInfo("aes-128-ocb", { ivLength: 15 }), crypto.getCipherInfo("aes-128-ocb", { ivLength: 16 }), crypto.getCipherInfo("chacha20-poly1305", { ivLength: 8 }), crypto.getCipherInfo("chacha20-poly1305", { ivLength: 13 }),
    failure(() => crypto.getCipherInfo(null)), failure(() => crypto.getCipherInfo("aes-128-cbc", { keyLength: "a" })), crypto.getCiphers().includes("aes-256-gcm"), crypto.getCiphers().includes("chacha20-poly1305"),
  ],
  passwords: () => {
    const cipher = crypto.createCipher("aes-192-cbc", "password");
    const sealed = cipher.update("text", "utf8", "hex") + cipher.final("hex");
    const decipher = crypto.createDecipher("aes-192-cbc", "password");
    return [sealed, decipher.update(sealed, "hex", "utf8") + decipher.final("utf8"), failure(() => crypto.createCipher("nope", "a"))];
  },
  platform: () => [
    crypto.webcrypto === globalThis.crypto, crypto.subtle === globalThis.crypto.subtle, crypto.constants, crypto.getFips(), crypto.fips, crypto.secureHeapUsed(), Object.keys(crypto).filter((name) => !/^(Crypto|Private|Public|Secret)Key/.test(name)).sort(),
    crypto.getCurves().includes("prime256v1"), new Set(crypto.getCiphers()).size === crypto.getCiphers().length,
  ],
};

export default {
  async fetch(request) {
    const name = new URL(request.url).pathname.slice(1);
    return Response.json(name === "" ? Object.keys(cases) : (await cases[name]()) ?? null);
  },
};
