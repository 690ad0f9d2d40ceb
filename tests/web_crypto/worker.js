// What tests/web_crypto.rs asks of Web Cryptography; every path answers with JSON.
const { subtle } = crypto;
const encoder = new TextEncoder();
const bytes = (hex) => Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
const hex = (buffer) => [...new Uint8Array(buffer)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
const ofPem = (pem) => Uint8Array.from(atob(pem.replace(/-----[^-]+-----|\s/g, "")), (c) => c.charCodeAt(0));
const failure = async (promise) => { try { await promise; return "fulfilled"; } catch (error) { return error.name; } };

const JWT = {
  RS256: [{ name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" }],
  PS256: [{ name: "RSA-PSS", hash: "SHA-256" }, { name: "RSA-PSS", saltLength: 32 }],
  ES256: [{ name: "ECDSA", namedCurve: "P-256" }, { name: "ECDSA", hash: "SHA-256" }],
  ES384: [{ name: "ECDSA", namedCurve: "P-384" }, { name: "ECDSA", hash: "SHA-384" }],
  ES512: [{ name: "ECDSA", namedCurve: "P-521" }, { name: "ECDSA", hash: "SHA-512" }],
  EdDSA: [{ name: "Ed25519" }],
};

const paths = {
  /** Signs with a PEM; verifies with the public PEM, and with both keys after a round through JSON Web Keys. */
  async sign({ alg, privatePem, publicPem, text }) {
    const [key, operation = key] = JWT[alg];
    const data = encoder.encode(text);
    const privateKey = await subtle.importKey("pkcs8", ofPem(privatePem), key, true, ["sign"]);
    const publicKey = await subtle.importKey("spki", ofPem(publicPem), key, true, ["verify"]);
    const signature = await subtle.sign(operation, privateKey, data);
    const privateJwk = JSON.parse(JSON.stringify(await subtle.exportKey("jwk", privateKey)));
    const publicJwk = JSON.parse(JSON.stringify(await subtle.exportKey("jwk", publicKey)));
    const again = await subtle.importKey("jwk", privateJwk, key, false, ["sign"]);
    const publicAgain = await subtle.importKey("jwk", publicJwk, key, false, ["verify"]);
    const second = await subtle.sign(operation, again, data);
    const changed = new Uint8Array(signature.slice(0));
    changed[7] ^= 1;
    return {
      signature: hex(signature),
      verified: [
        await subtle.verify(operation, publicKey, signature, data),
        await subtle.verify(operation, publicAgain, second, data),
        await subtle.verify(operation, publicKey, changed, data),
        await subtle.verify(operation, publicKey, signature.slice(1), data),
        await subtle.verify(operation, publicKey, signature, encoder.encode(text + ".")),
      ],
      alg: privateJwk.alg,
    };
  },

  async verify({ alg, publicPem, text, signature }) {
    const [key, operation = key] = JWT[alg];
    const publicKey = await subtle.importKey("spki", ofPem(publicPem), key, true, ["verify"]);
    return await subtle.verify(operation, publicKey, bytes(signature), encoder.encode(text));
  },

  async knownAnswers() {
    // NIST's GCM test case 16, RFC 3394 section 4.6, RFC 5869 case 1, RFC 7914 section 11.
    const gcm = await subtle.importKey("raw", bytes("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"), "AES-GCM", false, ["encrypt"]);
    const sealed = await subtle.encrypt(
      { name: "AES-GCM", iv: bytes("cafebabefacedbaddecaf888"), additionalData: bytes("feedfacedeadbeeffeedfacedeadbeefabaddad2") }, gcm,
      bytes("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"),
    );
    const kek = await subtle.importKey("raw", bytes("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"), "AES-KW", false, ["wrapKey", "unwrapKey"]);
    const secret = await subtle.importKey("raw", bytes("00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f"), { name: "HMAC", hash: "SHA-256" }, true, ["sign"]);
    const wrapped = await subtle.wrapKey("raw", secret, kek, "AES-KW");
    const ikm = await subtle.importKey("raw", bytes("0b".repeat(22)), "HKDF", false, ["deriveBits"]);
    const okm = await subtle.deriveBits({ name: "HKDF", hash: "SHA-256", salt: bytes("000102030405060708090a0b0c"), info: bytes("f0f1f2f3f4f5f6f7f8f9") }, ikm, 336);
    const password = await subtle.importKey("raw", encoder.encode("Password"), "PBKDF2", false, ["deriveBits"]);
    const stretched = await subtle.deriveBits({ name: "PBKDF2", hash: "SHA-256", salt: encoder.encode("NaCl"), iterations: 80000 }, password, 512);
    const agreed = [];
    for (const algorithm of [{ name: "X25519" }, { name: "ECDH", namedCurve: "P-256" }, { name: "ECDH", namedCurve: "P-521" }]) {
      const alice = await subtle.generateKey(algorithm, false, ["deriveBits"]);
      const bob = await subtle.generateKey(algorithm, false, ["deriveBits"]);
      const ours = await subtle.deriveBits({ name: algorithm.name, public: bob.publicKey }, alice.privateKey, 256);
      const theirs = await subtle.deriveBits({ name: algorithm.name, public: alice.publicKey }, bob.privateKey, 256);
      agreed.push(hex(ours) === hex(theirs));
    }
    return { sealed: hex(sealed), wrapped: hex(wrapped), okm: hex(okm), stretched: hex(stretched), agreed };
  },

  /** Every kind of key, wrapped and unwrapped by everything that wraps. */
  async wrapping() {
    const rsa = { modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256" };
    const oaep = await subtle.generateKey({ name: "RSA-OAEP", ...rsa }, false, ["wrapKey", "unwrapKey"]);
    const wrappers = [
      ["RSA-OAEP", oaep.publicKey, oaep.privateKey, { name: "RSA-OAEP" }],
    ];
    for (const params of [{ name: "AES-CBC", iv: new Uint8Array(16) }, { name: "AES-CTR", counter: new Uint8Array(16), length: 64 }, { name: "AES-GCM", iv: new Uint8Array(12) }, { name: "AES-KW" }]) {
      const key = await subtle.generateKey({ name: params.name, length: 256 }, false, ["wrapKey", "unwrapKey"]);
      wrappers.push([params.name, key, key, params]);
    }
    const ecdsa = await subtle.generateKey({ name: "ECDSA", namedCurve: "P-384" }, true, ["sign", "verify"]);
    const keys = [
      [await subtle.generateKey({ name: "AES-GCM", length: 128 }, true, ["encrypt"]), ["raw", "jwk"]],
      [await subtle.generateKey({ name: "HMAC", hash: "SHA-256" }, true, ["sign"]), ["raw", "jwk"]],
      [ecdsa.privateKey, ["pkcs8", "jwk"]],
      [ecdsa.publicKey, ["spki", "jwk"]],
    ];
    const wrong = [];
    for (const [name, wrap, unwrap, params] of wrappers) {
      for (const [key, formats] of keys) {
        for (const format of formats) {
          // What RSA-OAEP can't hold, and what AES-KW can't divide by eight.
          const exported = await subtle.exportKey(format, key);
          const size = format === "jwk" ? JSON.stringify(exported).length : exported.byteLength;
          if (name === "RSA-OAEP" && size > 190) continue;
          if (name === "AES-KW" && format !== "jwk" && size % 8 !== 0) continue;
          const wrapped = await subtle.wrapKey(format, key, wrap, params);
          const back = await subtle.unwrapKey(format, wrapped, unwrap, params, key.algorithm, true, key.usages);
          const after = await subtle.exportKey(format, back);
          const same = format === "jwk" ? JSON.stringify(after) === JSON.stringify(exported) : hex(after) === hex(exported);
          if (!same) wrong.push([name, key.algorithm.name, format]);
        }
      }
    }
    return wrong;
  },

  async hostile({ publicPem }) {
    const pss = { name: "RSA-PSS", hash: "SHA-256" };
    const p256 = { name: "ECDSA", namedCurve: "P-256" };
    const password = await subtle.importKey("raw", encoder.encode("x"), "PBKDF2", false, ["deriveBits", "deriveKey"]);
    const pbkdf2 = (iterations, bits) => failure(subtle.deriveBits({ name: "PBKDF2", hash: "SHA-1", salt: new Uint8Array(8), iterations }, password, bits));
    const der = ofPem(publicPem);
    const malformed = [];
    for (let at = 0; at < der.length; at++) {
      malformed.push(await failure(subtle.importKey("spki", der.subarray(0, at), pss, true, ["verify"])));
      malformed.push(await failure(subtle.importKey("pkcs8", der.subarray(at), p256, true, ["sign"])));
    }
    const aes = await subtle.generateKey({ name: "AES-GCM", length: 128 }, false, ["encrypt", "decrypt"]);
    const iv = new Uint8Array(12);
    const sealed = await subtle.encrypt({ name: "AES-GCM", iv }, aes, encoder.encode("secret"));
    // What a Worker does to the builtins shows it no key.
    const seen = [];
    const { toJSON } = Object.prototype;
    Object.prototype.toJSON = function () { if (this.k !== undefined) seen.push(this.k); return this; };
    Object.defineProperty(Object.prototype, "k", { configurable: true, set(value) { seen.push(value); } });
    const kek = await subtle.generateKey({ name: "AES-KW", length: 128 }, false, ["wrapKey"]);
    const secret = await subtle.generateKey({ name: "HMAC", hash: "SHA-1" }, true, ["sign"]);
    await subtle.wrapKey("jwk", secret, kek, "AES-KW");
    delete Object.prototype.toJSON;
    delete Object.prototype.k;
    return {
      iterations: [await pbkdf2(0, 128), await pbkdf2(100001, 128), await pbkdf2(4294967295, 128), await pbkdf2(100000, 8 * 1024 * 1024), await pbkdf2(1, 4294967288)],
      modulus: [await failure(subtle.generateKey({ ...pss, modulusLength: 16384, publicExponent: new Uint8Array([1, 0, 1]) }, true, ["sign"])),
        await failure(subtle.generateKey({ ...pss, modulusLength: 2048, publicExponent: new Uint8Array(1000000) }, true, ["sign"]))],
      malformed: [...new Set(malformed)],
      trailing: await failure(subtle.importKey("spki", new Uint8Array([...der, 0]), pss, true, ["verify"])),
      infinity: await failure(subtle.importKey("raw", new Uint8Array(1), p256, true, ["verify"])),
      offCurve: await failure(subtle.importKey("raw", new Uint8Array(65).fill(4), p256, true, ["verify"])),
      jwk: [await failure(subtle.importKey("jwk", { kty: "RSA", n: "AAAA", e: "AQAB" , d: "AQ", p: "AQ", q: "AQ", dp: "AQ", dq: "AQ", qi: "AQ" }, pss, true, ["sign"])),
        await failure(subtle.importKey("jwk", { kty: "EC", crv: "P-256", x: "AQ", y: "AQ" }, p256, true, ["verify"])),
        await failure(subtle.importKey("jwk", { kty: "RSA", n: "_".repeat(200000), e: "AQAB" }, pss, true, ["verify"]))],
      tag: [await failure(subtle.decrypt({ name: "AES-GCM", iv }, aes, sealed.slice(0, -1))), await failure(subtle.decrypt({ name: "AES-GCM", iv }, aes, new Uint8Array(3))),
        await failure(subtle.decrypt({ name: "AES-GCM", iv: new Uint8Array(1000) }, aes, sealed))],
      notExtractable: [await failure(subtle.exportKey("raw", aes)), await failure(subtle.exportKey("jwk", aes))],
      seen,
    };
  },
};

export default {
  async fetch(request) {
    const path = new URL(request.url).pathname.slice(1);
    return Response.json(await paths[path](request.method === "POST" ? await request.json() : {}));
  },
};
