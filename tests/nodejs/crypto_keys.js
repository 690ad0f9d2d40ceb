// What tests/nodejs_compat.rs asks of node:crypto with asymmetric keys; tests/nodejs/crypto_keys.json has what node v20.20.2 said to the same.
import crypto, { createPrivateKey, createPublicKey, createSecretKey, KeyObject, X509Certificate } from "node:crypto";
import { Buffer } from "node:buffer";
import { promisify } from "node:util";
import * as keys from "./keys.js";

const told = (error) => [error.name, error.code, error.message, error.library, error.reason];
const failure = (run) => { try { return run(); } catch (error) { return told(error); } };
const details = (key) => ({ ...key.asymmetricKeyDetails, publicExponent: `${key.asymmetricKeyDetails.publicExponent}` });
const hex = (data) => Buffer.from(data).toString("hex");
const PRIVATE = ["rsa", "rsaPss", "p256", "p384", "p521", "k256", "ed25519", "ed448", "x25519", "x448", "dsa"];
const { constants } = crypto;

/** Whether what one signed is verified, and nothing else is. */
function signs(algorithm, key, options = {}) {
  return failure(() => {
    const publicKey = createPublicKey(key);
    const data = Buffer.from("some data");
    const signature = crypto.sign(algorithm, data, { key, ...options });
    const check = (data, signature) => crypto.verify(algorithm, data, { key: publicKey, ...options }, signature);
    return [check(data, signature), check(Buffer.from("other"), signature), check(data, signature.subarray(1)), check(data, Buffer.alloc(0)), publicKey.asymmetricKeyType === "ec" || publicKey.asymmetricKeyType === "dsa" ? 0 : signature.length];
  });
}

const cases = {
  reading: () => [
    ...PRIVATE.map((name) => failure(() => { const key = createPrivateKey(keys[name]); return [name, key.type, key.asymmetricKeyType, details(key), details(createPublicKey(key)), key.export({ type: "pkcs8", format: "pem" }) === keys[name]]; })),
    createPublicKey(keys.rsaPublic).export({ type: "spki", format: "pem" }) === keys.rsaPublic, createPublicKey(keys.rsaPkcs1Public).export({ type: "pkcs1", format: "pem" }) === keys.rsaPkcs1Public,
    createPublicKey(keys.rsa).equals(createPublicKey(keys.rsaPublic)), createPrivateKey(keys.p256Sec1).equals(createPrivateKey(keys.p256)),
    createPublicKey(keys.leaf).equals(createPublicKey(keys.rsa)), createPrivateKey({ key: keys.rsaSealed, passphrase: "secret" }).equals(createPrivateKey(keys.rsa)),
    createPrivateKey({ key: keys.rsaOldSealed, passphrase: Buffer.from("secret") }).equals(createPrivateKey(keys.rsa)), createPublicKey({ key: keys.rsaSealed, passphrase: "secret" }).type,
    createPrivateKey(Buffer.from(keys.ed25519)).type, createPrivateKey({ key: keys.ed25519, format: "pem" }).asymmetricKeyType,
    failure(() => createPrivateKey({ key: keys.rsaSealed, passphrase: "wrong" })),
    failure(() => createPrivateKey("nonsense")), failure(() => createPrivateKey("")), failure(() => createPrivateKey(keys.rsaPublic)), failure(() => createPublicKey("nonsense")),
    failure(() => createPublicKey({ key: Buffer.from("nonsense"), format: "der", type: "spki" })),
    failure(() => createPrivateKey(1)), failure(() => createPrivateKey({})), failure(() => createPublicKey(createPublicKey(keys.rsa))), failure(() => createPrivateKey(createPrivateKey(keys.rsa))),
    failure(() => createPrivateKey({ key: keys.rsa, format: "what" })), failure(() => createPrivateKey({ key: Buffer.from("a"), format: "der" })), failure(() => createPublicKey({ key: Buffer.from("a"), format: "der", type: "what" })),
  ],
  writing: () => {
    const rsa = createPrivateKey(keys.rsa);
    const ec = createPrivateKey(keys.p256);
    const again = (key, type, options = {}) => failure(() => {
      const sealed = key.export({ format: "pem", type, ...options });
      return [sealed.split("\n")[0], sealed.includes("Proc-Type"), createPrivateKey({ key: sealed, passphrase: options.passphrase }).equals(key)];
    });
    const inDer = (key, type, options = {}) => failure(() => {
      const der = key.export({ format: "der", type, ...options });
      return [Buffer.isBuffer(der), createPrivateKey({ key: der, format: "der", type, passphrase: options.passphrase }).equals(key)];
    });
    return [
      again(rsa, "pkcs1"), again(rsa, "pkcs8"), again(ec, "sec1"), again(rsa, "pkcs8", { cipher: "aes-256-cbc", passphrase: "a" }), again(rsa, "pkcs1", { cipher: "aes-128-cbc", passphrase: "abc" }),
      again(ec, "sec1", { cipher: "des-ede3-cbc", passphrase: "abcd" }), again(createPrivateKey(keys.ed25519), "pkcs8", { cipher: "aes-128-cbc", passphrase: "x" }),
      inDer(rsa, "pkcs1"), inDer(rsa, "pkcs8"), inDer(ec, "sec1"), inDer(rsa, "pkcs8", { cipher: "aes-256-cbc", passphrase: "a" }), hex(createPublicKey(keys.ed25519).export({ format: "der", type: "spki" })),
      createPublicKey(rsa).export({ format: "der", type: "pkcs1" }).length,
      failure(() => rsa.export()), failure(() => rsa.export({ format: "pem" })), failure(() => rsa.export({ format: "pem", type: "spki" })), failure(() => rsa.export({ format: "pem", type: "sec1" })), failure(() => ec.export({ format: "pem", type: "pkcs1" })),
      failure(() => rsa.export({ format: "pem", type: "pkcs8", cipher: "nope", passphrase: "a" })), failure(() => rsa.export({ format: "pem", type: "pkcs8", cipher: "aes-256-cbc" })), failure(() => rsa.export({ format: "pem", type: "pkcs8", passphrase: "a" })),
      failure(() => rsa.export({ format: "der", type: "pkcs1", cipher: "aes-128-cbc", passphrase: "a" })), failure(() => rsa.export({ format: "jwk", passphrase: "a" })), failure(() => createPublicKey(rsa).export({ format: "pem", type: "pkcs8" })),
    ];
  },
  webKeys: () => [
    ...PRIVATE.map((name) => failure(() => { const jwk = createPrivateKey(keys[name]).export({ format: "jwk" }); return [jwk, createPrivateKey({ key: jwk, format: "jwk" }).equals(createPrivateKey(keys[name]))]; })),
    ...PRIVATE.map((name) => failure(() => { const jwk = createPublicKey(keys[name]).export({ format: "jwk" }); return [jwk, createPublicKey({ key: jwk, format: "jwk" }).equals(createPublicKey(keys[name]))]; })),
    createPublicKey({ key: createPrivateKey(keys.p256).export({ format: "jwk" }), format: "jwk" }).type, createSecretKey(Buffer.from("secret")).export({ format: "jwk" }),
    failure(() => createPrivateKey({ key: {}, format: "jwk" })), failure(() => createPublicKey({ key: { kty: "EC", crv: "P-256", x: "AA", y: "AA" }, format: "jwk" })), failure(() => createPublicKey({ key: { kty: "EC", crv: "P-999", x: "AA", y: "AA" }, format: "jwk" })),
    failure(() => createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: "AA" }, format: "jwk" })), failure(() => createPublicKey({ key: { kty: "RSA", n: "AQAB" }, format: "jwk" })), failure(() => createPrivateKey({ key: "a", format: "jwk" })),
    failure(() => createPrivateKey({ key: { kty: "oct", k: "AA" }, format: "jwk" })), failure(() => createPrivateKey({ key: { kty: "RSA", n: "AQAB", e: "AQAB" }, format: "jwk" })),
  ],
  secrets: () => {
    const secret = createSecretKey("736563726574", "hex");
    return [
      secret.type, secret.symmetricKeySize, secret.export().toString(), secret.equals(createSecretKey(Buffer.from("secret"))), secret.equals(createSecretKey(Buffer.from("secreT"))), secret.equals(createPublicKey(keys.rsa)),
      createSecretKey(Buffer.alloc(0)).symmetricKeySize, createSecretKey(new Uint16Array([1, 2]).buffer).symmetricKeySize, Object.prototype.toString.call(secret), secret instanceof KeyObject,
      failure(() => createSecretKey()), failure(() => createSecretKey(1)), failure(() => secret.export({ format: "what" })), failure(() => secret.equals(1)), failure(() => new KeyObject("secret", {})), failure(() => new KeyObject("what")), failure(() => KeyObject.from(1)),
    ];
  },
  cryptoKeys: async () => {
    const hmac = await crypto.subtle.importKey("raw", Buffer.from("secret"), { name: "HMAC", hash: "SHA-256" }, true, ["sign"]);
    const aes = await crypto.subtle.generateKey({ name: "AES-CBC", length: 128 }, true, ["encrypt"]);
    const { publicKey, privateKey } = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"]);
    const rsa = await crypto.subtle.importKey("pkcs8", createPrivateKey(keys.rsa).export({ format: "der", type: "pkcs8" }), { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" }, true, ["sign"]);
    const signature = crypto.sign("sha256", Buffer.from("data"), { key: privateKey, dsaEncoding: "ieee-p1363" });
    return [
      KeyObject.from(hmac).export().toString(), KeyObject.from(aes).symmetricKeySize, KeyObject.from(publicKey).asymmetricKeyDetails, KeyObject.from(privateKey).type,
      KeyObject.from(rsa).equals(createPrivateKey(keys.rsa)), crypto.createHmac("sha256", hmac).update("a").digest("hex"), crypto.verify("sha256", Buffer.from("data"), { key: publicKey, dsaEncoding: "ieee-p1363" }, signature),
      await crypto.subtle.verify({ name: "ECDSA", hash: "SHA-256" }, publicKey, signature, Buffer.from("data")), crypto.createSign("sha256").update("a").sign(rsa, "base64"),
    ];
  },
  generating: async () => {
    const pair = (type, options) => failure(() => { const { publicKey, privateKey } = crypto.generateKeyPairSync(type, options); return [publicKey.asymmetricKeyType, details(publicKey), details(privateKey), createPublicKey(privateKey).equals(publicKey)]; });
    const encoded = crypto.generateKeyPairSync("ec", { namedCurve: "P-384", publicKeyEncoding: { type: "spki", format: "der" }, privateKeyEncoding: { type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "p" } });
    const { publicKey, privateKey } = await promisify(crypto.generateKeyPair)("rsa", { modulusLength: 1024, publicExponent: 3, publicKeyEncoding: { type: "pkcs1", format: "pem" }, privateKeyEncoding: { format: "jwk" } });
    return [
      pair("rsa", { modulusLength: 1024 }), pair("rsa-pss", { modulusLength: 1024 }), pair("rsa-pss", { modulusLength: 1024, hashAlgorithm: "sha256" }), pair("rsa-pss", { modulusLength: 1024, hashAlgorithm: "sha512", mgf1HashAlgorithm: "sha256", saltLength: 0 }),
      pair("ec", { namedCurve: "P-256" }), pair("ec", { namedCurve: "secp256k1" }), pair("ec", { namedCurve: "brainpoolP256r1" }), pair("ed25519"), pair("ed448"), pair("x25519"), pair("x448"),
      Buffer.isBuffer(encoded.publicKey), encoded.privateKey.split("\n")[0], createPublicKey({ key: encoded.privateKey, passphrase: "p" }).equals(createPublicKey({ key: encoded.publicKey, format: "der", type: "spki" })),
      publicKey.split("\n")[0], Object.keys(privateKey), privateKey.e, (await promisify(crypto.generateKey)("hmac", { length: 64 })).symmetricKeySize, crypto.generateKeySync("aes", { length: 256 }).symmetricKeySize, crypto.generateKeySync("hmac", { length: 12 }).symmetricKeySize,
      failure(() => crypto.generateKeyPairSync("what")), failure(() => crypto.generateKeyPairSync("rsa")), failure(() => crypto.generateKeyPairSync("rsa", { modulusLength: "a" })), failure(() => crypto.generateKeyPairSync("ec", { namedCurve: "nope" })),
      failure(() => crypto.generateKeyPairSync("rsa-pss", { modulusLength: 512, hashAlgorithm: "nope" })), failure(() => crypto.generateKeyPairSync("rsa-pss", { modulusLength: 512, mgf1HashAlgorithm: "nope" })), failure(() => crypto.generateKeySync("aes", { length: 100 })),
      failure(() => crypto.generateKeySync("hmac", { length: 1 })), failure(() => crypto.generateKeySync("what", {})), failure(() => crypto.generateKeyPairSync("ec", { namedCurve: "P-256", publicKeyEncoding: 1 })), failure(() => crypto.generateKeyPairSync("ed25519", { publicKeyEncoding: { type: "pkcs1", format: "pem" } })),
    ];
  },
  signing: async () => {
    const sign = (key, options) => crypto.createSign("RSA-SHA256").update("some ").update("data").sign({ key, ...options });
    const verify = (key, signature, options) => crypto.createVerify("sha256").update("some data").verify({ key, ...options }, signature);
    const rsa = sign(keys.rsa);
    const pss = sign(keys.rsa, { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 20 });
    const raw = sign(keys.p256, { dsaEncoding: "ieee-p1363" });
    return [
      rsa.toString("hex"), verify(keys.rsaPublic, rsa), verify(keys.rsaPublic, rsa.fill(0, 0, 1)), verify(keys.rsaPublic, pss, { padding: constants.RSA_PKCS1_PSS_PADDING }), verify(keys.rsaPublic, pss, { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 20 }),
      verify(keys.rsaPublic, pss, { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }), verify(keys.rsaPublic, pss), raw.length, verify(keys.p256, raw, { dsaEncoding: "ieee-p1363" }), verify(keys.p256, raw), verify(keys.p256, sign(keys.p256)),
      verify(keys.leaf, sign(keys.rsa)), verify(keys.rsaPss, sign(keys.rsaPss)), verify(keys.dsa, sign(keys.dsa)),
      ...["rsa", "p256", "p384", "p521", "k256", "dsa"].map((name) => signs("sha256", keys[name])), signs(null, keys.ed25519), signs(undefined, keys.ed448), signs("sha512", keys.p256, { dsaEncoding: "ieee-p1363" }), signs("sha1", keys.rsa, { padding: constants.RSA_PKCS1_PSS_PADDING }),
      signs("sha384", keys.rsa, { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_MAX_SIGN }), signs("sha256", keys.rsaPss), signs("sha1", keys.rsaPss), signs("sha256", keys.rsaPss, { saltLength: 10 }), signs("sha256", keys.ed25519), signs(null, keys.rsa), signs(null, keys.p256), signs("sha256", keys.x25519), signs("sha3-256", keys.rsa), signs("ripemd160", keys.p256),
      crypto.sign(null, Buffer.from("data"), keys.ed25519).toString("hex"), crypto.sign("sha256", Buffer.from("data"), keys.rsa).toString("base64").slice(0, 20), (await promisify(crypto.sign)("sha256", Buffer.from("data"), keys.rsa)).toString("base64").slice(0, 20),
      await promisify(crypto.verify)(null, Buffer.from("data"), keys.ed25519Public, crypto.sign(null, Buffer.from("data"), keys.ed25519)), await promisify(crypto.sign)("sha1", Buffer.from("a"), { key: keys.rsaPss }).catch(told),
      failure(() => crypto.createSign("nope")), failure(() => crypto.createSign()), failure(() => crypto.createSign("sha1").sign()), failure(() => crypto.createSign("sha1").sign("nonsense")), failure(() => crypto.createSign("sha1").sign(keys.ed25519)), failure(() => crypto.createVerify("sha1").verify(keys.ed25519, Buffer.alloc(64))),
      failure(() => crypto.createSign("sha256").sign({ key: keys.rsa, padding: constants.RSA_PKCS1_OAEP_PADDING })), failure(() => crypto.createSign("sha256").sign({ key: keys.rsa, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 1000 })), failure(() => crypto.createSign("sha256").sign({ key: keys.rsa, padding: "a" })),
      failure(() => crypto.createSign("sha256").sign({ key: keys.p256, dsaEncoding: "a" })), failure(() => crypto.createVerify("sha256").verify({ key: keys.p256, dsaEncoding: "ieee-p1363" }, Buffer.alloc(3))), failure(() => crypto.sign("nope", Buffer.alloc(1), keys.rsa)), failure(() => crypto.sign("sha1", "a", keys.rsa).length),
      failure(() => crypto.sign("sha1", Buffer.alloc(1))), failure(() => crypto.verify("sha1", Buffer.alloc(1), keys.rsa, "a")), failure(() => { const one = crypto.createSign("sha1"); one.sign(keys.rsa); one.sign(keys.rsa); }), failure(() => { const one = crypto.createSign("sha1"); one.sign(keys.rsa); one.update("a"); }),
      failure(() => crypto.createSign("sha1").sign(keys.rsaPublic)), failure(() => crypto.createSign("sha1").sign({ key: createPublicKey(keys.rsa) })), failure(() => crypto.createSign("sha1").sign(createSecretKey(Buffer.from("a")))), crypto.createSign("DSS1").update("a").sign(keys.rsa, "hex").length,
      (() => { const stream = crypto.createSign("sha256"); stream.write("some "); stream.end("data"); return stream.sign(keys.rsa, "hex") === sign(keys.rsa).toString("hex"); })(),
    ];
  },
  encrypting: () => {
    const data = Buffer.from("some data");
    const around = (options) => failure(() => { const sealed = crypto.publicEncrypt({ key: keys.rsaPublic, ...options }, data); return [sealed.length, crypto.privateDecrypt({ key: keys.rsa, ...options }, sealed).toString()]; });
    const signed = crypto.privateEncrypt(keys.rsa, data);
    return [
      around({}), around({ oaepHash: "sha256" }), around({ oaepHash: "sha512", oaepLabel: Buffer.from("label") }), around({ oaepHash: "nope" }), around({ oaepHash: 1 }), around({ padding: 99 }), around({ padding: constants.RSA_NO_PADDING }),
      signed.toString("hex"), crypto.publicDecrypt(keys.rsaPublic, signed).toString(), crypto.publicDecrypt(keys.rsa, signed).toString(), crypto.privateDecrypt({ key: keys.rsaSealed, passphrase: "secret" }, crypto.publicEncrypt(keys.leaf, data)).toString(),
      crypto.publicEncrypt({ key: keys.rsa, padding: constants.RSA_NO_PADDING }, Buffer.alloc(256, 1)).toString("hex").slice(0, 20), failure(() => crypto.publicEncrypt(keys.rsaPublic, Buffer.alloc(500))), failure(() => crypto.privateDecrypt(keys.rsa, Buffer.alloc(256, 1))), failure(() => crypto.privateDecrypt(keys.rsa, Buffer.alloc(10))),
      failure(() => crypto.publicDecrypt(keys.rsaPublic, Buffer.alloc(256, 1))), failure(() => crypto.publicEncrypt(keys.p256, data)), failure(() => crypto.publicEncrypt(keys.ed25519, data)), failure(() => crypto.publicEncrypt(keys.rsa)), failure(() => crypto.publicEncrypt()),
    ];
  },
  agreeing: () => {
    const dh = (name) => failure(() => { const other = crypto.generateKeyPairSync(createPrivateKey(keys[name]).asymmetricKeyType, { namedCurve: createPrivateKey(keys[name]).asymmetricKeyDetails.namedCurve }); const one = crypto.diffieHellman({ privateKey: createPrivateKey(keys[name]), publicKey: other.publicKey }); return [one.length, one.equals(crypto.diffieHellman({ privateKey: other.privateKey, publicKey: createPublicKey(keys[name]) }))]; });
    const alice = crypto.createECDH("secp256k1");
    const bob = crypto.createECDH("secp256k1");
    alice.setPrivateKey("0a".repeat(32), "hex");
    bob.setPrivateKey(Buffer.alloc(32, 0x0b));
    return [
      ...["p256", "p384", "p521", "k256", "x25519", "x448"].map(dh), crypto.diffieHellman({ privateKey: createPrivateKey(keys.x25519), publicKey: createPublicKey(keys.x25519) }).toString("hex"),
      failure(() => crypto.diffieHellman({ privateKey: createPrivateKey(keys.p256), publicKey: createPublicKey(keys.p384) })), failure(() => crypto.diffieHellman({ privateKey: createPrivateKey(keys.p256), publicKey: createPublicKey(keys.x25519) })), failure(() => crypto.diffieHellman({ privateKey: createPrivateKey(keys.rsa), publicKey: createPublicKey(keys.rsa) })), failure(() => crypto.diffieHellman({})), failure(() => crypto.diffieHellman()),
      alice.getPublicKey("hex"), alice.getPublicKey("hex", "compressed"), alice.getPublicKey("base64", "hybrid"), alice.getPrivateKey("hex"), alice.computeSecret(bob.getPublicKey(), null, "hex"), bob.computeSecret(alice.getPublicKey("hex", "compressed"), "hex", "hex"),
      crypto.ECDH.convertKey(alice.getPublicKey("hex", "compressed"), "secp256k1", "hex", "hex", "uncompressed") === alice.getPublicKey("hex"), crypto.createECDH("prime256v1").generateKeys().length, crypto.createECDH("secp521r1").generateKeys("hex", "compressed").length,
      failure(() => crypto.createECDH("nope")), failure(() => crypto.createECDH(1)), failure(() => alice.computeSecret(Buffer.alloc(10))), failure(() => alice.setPrivateKey(Buffer.alloc(32))), failure(() => alice.setPrivateKey(Buffer.alloc(32, 255))), failure(() => alice.setPublicKey(Buffer.alloc(32))), failure(() => alice.getPublicKey("hex", "what")),
      failure(() => crypto.createECDH("secp256k1").getPublicKey()), failure(() => crypto.createECDH("secp256k1").getPrivateKey()), failure(() => crypto.createECDH("secp256k1").computeSecret(alice.getPublicKey())), failure(() => crypto.ECDH.convertKey("abcd", "secp256k1", "hex")), failure(() => crypto.ECDH.convertKey(alice.getPublicKey(), "nope")),
    ];
  },
  numbers: () => {
    const alice = crypto.createDiffieHellman(512);
    const bob = crypto.createDiffieHellman(alice.getPrime(), alice.getGenerator());
    const [a, b] = [alice.generateKeys(), bob.generateKeys("hex")];
    const group = crypto.getDiffieHellman("modp14");
    const other = crypto.createDiffieHellmanGroup("modp14");
    group.generateKeys(); other.generateKeys();
    const small = crypto.createDiffieHellman(Buffer.from([23]), Buffer.from([5]));
    small.setPrivateKey(Buffer.from([6]));
    return [
      alice.getPrime().length, alice.getGenerator("hex"), alice.verifyError, bob.verifyError, alice.computeSecret(b, "hex", "hex") === bob.computeSecret(a, null, "hex"), alice.computeSecret(b, "hex").length,
      group.verifyError, group.getPrime("hex").slice(0, 40), group.getGenerator("hex"), group.computeSecret(other.getPublicKey()).equals(other.computeSecret(group.getPublicKey())), group.setPrivateKey, typeof alice.setPrivateKey,
      ...["modp1", "modp2", "modp5", "modp15", "modp16", "MODP17", "modp18"].map((name) => crypto.getDiffieHellman(name).getPrime().length), small.verifyError, failure(() => small.generateKeys("hex")), failure(() => alice.computeSecret(Buffer.from([0]))), failure(() => alice.computeSecret(Buffer.from([1]))), failure(() => alice.computeSecret(alice.getPrime())),
      failure(() => crypto.getDiffieHellman("nope")), failure(() => crypto.createDiffieHellman(0)), failure(() => crypto.createDiffieHellman(-1)), failure(() => crypto.createDiffieHellman("")), failure(() => crypto.createDiffieHellman(Buffer.from([23]), 1)), failure(() => crypto.createDiffieHellman(Buffer.from([23]), Buffer.alloc(0))), failure(() => crypto.createDiffieHellman(null)),
      failure(() => crypto.createDiffieHellman(Buffer.from([23])).getPublicKey()), failure(() => crypto.createDiffieHellman(Buffer.from([23])).getPrivateKey()), crypto.createDiffieHellman(Buffer.from("abcd", "hex")).verifyError, crypto.createDiffieHellman("17", "hex", 5).getGenerator("hex"), crypto.createDiffieHellman("17", "hex", "05", "hex").getGenerator("hex"),
    ];
  },
  certificates: () => {
    const [leaf, ca, plain] = [keys.leaf, keys.ca, keys.plain].map((pem) => new X509Certificate(pem));
    const all = (one) => [one.subject, one.issuer, one.subjectAltName, one.infoAccess, one.validFrom, one.validTo, one.fingerprint, one.fingerprint256, one.fingerprint512, one.keyUsage, one.serialNumber, one.ca, one.raw.length, one.publicKey.asymmetricKeyType, one.issuerCertificate, one.toString(), JSON.stringify(one), one.toLegacyObject()];
    return [
      all(leaf), all(ca), all(plain), new X509Certificate(leaf.raw).fingerprint === leaf.fingerprint, new X509Certificate(Buffer.from(keys.leaf)).serialNumber,
      ...["example.com", "EXAMPLE.com", "a.example.org", "a.b.example.org", "example.org", "www.example.net", "xn--w.example.net", "www.example.com", ".example.org", ".org", "*.example.org", "", "a\0b"].map((name) => failure(() => leaf.checkHost(name))),
      leaf.checkHost("www.example.com", { subject: "always" }), leaf.checkHost("example.com", { subject: "never" }), leaf.checkHost("www.example.net", { partialWildcards: false }), leaf.checkHost("a.example.org", { wildcards: false }), leaf.checkHost("a.b.example.org", { multiLabelWildcards: true }), plain.checkHost("plain.example.com"), plain.checkHost("plain.example.com", { subject: "never" }),
      leaf.checkEmail("Mail@example.COM"), leaf.checkEmail("mail@example.com"), leaf.checkEmail("admin@example.com"), leaf.checkEmail("admin@example.com", { subject: "always" }), plain.checkEmail("a@example.com"), leaf.checkIP("127.0.0.1"), leaf.checkIP("::1"), leaf.checkIP("127.0.0.2"), failure(() => leaf.checkIP("nonsense")), failure(() => leaf.checkHost(1)), failure(() => leaf.checkHost("a", { subject: "what" })),
      leaf.checkIssued(ca), ca.checkIssued(leaf), ca.checkIssued(ca), plain.checkIssued(plain), leaf.verify(ca.publicKey), leaf.verify(leaf.publicKey), ca.verify(ca.publicKey), leaf.checkPrivateKey(createPrivateKey(keys.rsa)), leaf.checkPrivateKey(createPrivateKey(keys.p256)), failure(() => leaf.checkIssued(1)), failure(() => leaf.verify(1)), failure(() => leaf.checkPrivateKey(leaf.publicKey)),
      failure(() => new X509Certificate("nonsense")), failure(() => new X509Certificate(1)), failure(() => new X509Certificate(Buffer.from("3003020101", "hex"))),
    ];
  },
  signedKeys: () => [
    crypto.Certificate.verifySpkac(keys.spkac), crypto.Certificate.exportChallenge(keys.spkac).toString(), crypto.Certificate.exportPublicKey(keys.spkac).toString() === keys.rsaPublic, crypto.Certificate.verifySpkac("nonsense"), crypto.Certificate.exportChallenge("nonsense"), crypto.Certificate.exportPublicKey("nonsense"),
    new crypto.Certificate().verifySpkac(Buffer.from(keys.spkac)), failure(() => crypto.Certificate.verifySpkac(1)),
  ],
};

export default {
  async fetch(request) {
    const name = new URL(request.url).pathname.slice(1);
    return Response.json(name === "" ? Object.keys(cases) : (await cases[name]()) ?? null);
  },
};
