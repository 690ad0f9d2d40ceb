// RSASSA-PKCS1-v1_5, RSA-PSS and RSA-OAEP (sections 20 to 22).

import { primordials } from "../primordials.js";
import { flags } from "../compatibility.js";
import { converters, createDictionary } from "../webidl.js";
import { checkUsages, commonUsages, dataError, newKey, operationError, requireUsages, unknownFormat } from "./key.js";
import { HASHES, toHash } from "./hashes.js";
import { checkJwk, jwkParts, newJwk, refuseMorePrimes, toJsonWebKey } from "./jwk.js";
import { exportDer, requireType } from "./pair.js";
import { bufferOf, toView } from "./views.js";
import { op_crypto_generate, op_crypto_import, op_crypto_of_parts, op_crypto_parts, op_crypto_rsa_oaep, op_crypto_sign, op_crypto_verify } from "skerry:ops";
const { ArrayPrototypeConcat, TypedArrayPrototypeGetBuffer, TypedArrayPrototypeGetByteLength, Uint8Array } = primordials;

const ENFORCED = { __proto__: null, enforceRange: true };
const toGenerate = createDictionary("RsaHashedKeyGenParams", [
  [
    { key: "modulusLength", converter: converters["unsigned long"], options: ENFORCED, required: true },
    { key: "publicExponent", converter: converters.Uint8Array, required: true },
  ],
  { key: "hash", converter: toHash, required: true },
]);
const toImport = createDictionary("RsaHashedImportParams", [{ key: "hash", converter: toHash, required: true }]);
const toPss = createDictionary("RsaPssParams", [
  { key: "saltLength", converter: converters["unsigned long"], options: ENFORCED, required: true },
]);
const toOaep = createDictionary("RsaOaepParams", [{ key: "label", converter: toView }]);

const MESSAGES = { __proto__: null, jwk: "JSON Web Key", pkcs8: "PKCS8", spki: "SPKI" };
const EMPTY = new Uint8Array(0);
const PUBLIC_PARTS = ["n", "e"];
const PRIVATE_PARTS = ["n", "e", "d", "p", "q", "dp", "dq", "qi"];

/** Finding primes takes the time of the modulus to the fourth: some seconds for the longest. */
const MIN_MODULUS_BITS = 512;
const MAX_MODULUS_BITS = 4096;

function checkSize({ modulusLength, publicExponent }) {
  if (modulusLength < MIN_MODULUS_BITS || modulusLength > MAX_MODULUS_BITS || modulusLength % 8 !== 0) {
    throw operationError(
      `The modulus length must be a multiple of 8 and between ${MIN_MODULUS_BITS} and ${MAX_MODULUS_BITS}, but ${modulusLength} was requested.`,
    );
  }
  if (flags.strict_crypto_checks && modulusLength % 128 !== 0) {
    throw operationError("Can't generate key: RSA key size is required to be a multiple of 128");
  }
  let exponent = 0;
  for (let i = 0; i < TypedArrayPrototypeGetByteLength(publicExponent); i++) {
    exponent = exponent * 256 + publicExponent[i];
    if (exponent > 65537) break;
  }
  if (exponent !== 3 && exponent !== 65537) throw operationError(`The "publicExponent" must be either 3 or 65537, but got ${exponent}.`);
  return exponent;
}

/** A key from its DER; what Workers see of it comes from the key itself. */
function rsaKey(name, type, hash, bytes, extractable, usages) {
  const parts = op_crypto_parts("RSA", type === "private", bytes);
  const { 0: n, 1: e } = parts;
  let modulusLength = n.length * 8;
  for (let top = n[0]; top < 128; top *= 2) modulusLength--;
  return newKey(
    { __proto__: null, type, extractable, name, usages, bytes, hash },
    { name, modulusLength, publicExponent: flags.crypto_preserve_public_exponent ? e : TypedArrayPrototypeGetBuffer(e), hash: { name: hash } },
  );
}

function fromJwk(name, jwk, isPrivate, use, algorithms, extractable, usages) {
  checkJwk(jwk, { name, kty: "RSA", use, algorithms, extractable, usages });
  refuseMorePrimes(jwk);
  return op_crypto_of_parts("RSA", isPrivate, jwkParts(jwk, isPrivate ? PRIVATE_PARTS : PUBLIC_PARTS, name));
}

/** `publicUsages` and `privateUsages` are what the keys of a pair are for; `jwkAlgorithm(hash)` is their "alg". */
function family(name, publicUsages, privateUsages, use, jwkAlgorithm, operations) {
  const allUsages = ArrayPrototypeConcat(publicUsages, privateUsages);
  return {
    __proto__: null,
    name,
    generateKey: {
      params: toGenerate,
      run(params, extractable, usages) {
        checkUsages(usages, allUsages, "generate", name);
        const exponent = checkSize(params);
        const { hash, modulusLength } = params;
        requireUsages(commonUsages(usages, privateUsages));
        const pair = op_crypto_generate("RSA", modulusLength, exponent);
        if (pair === undefined) throw operationError("RSA key generation failed.");
        return {
          publicKey: rsaKey(name, "public", hash, pair[1], true, commonUsages(usages, publicUsages)),
          privateKey: rsaKey(name, "private", hash, pair[0], extractable, commonUsages(usages, privateUsages)),
        };
      },
    },
    importKey: {
      params: toImport,
      run({ hash }, format, data, extractable, usages) {
        const jwk = format === "jwk" ? toJsonWebKey(data) : undefined;
        if (format === "raw") throw unknownFormat("import", format, name);
        const isPrivate = jwk === undefined ? format === "pkcs8" : jwk.d !== undefined;
        const type = isPrivate ? "private" : "public";
        checkUsages(usages, isPrivate ? privateUsages : publicUsages, `import ${type}`, name);
        const bytes = jwk === undefined
          ? op_crypto_import("RSA", isPrivate, data)
          : fromJwk(name, jwk, isPrivate, use, [jwkAlgorithm(hash)], extractable, usages);
        if (bytes === undefined) throw dataError(`Invalid ${MESSAGES[format]} input: no RSA key, or one of more than 8192 bits.`);
        if (isPrivate) requireUsages(usages);
        return rsaKey(name, type, hash, bytes, extractable, usages);
      },
    },
    exportKey: {
      run(format, material) {
        const { type, bytes } = material;
        const isPrivate = type === "private";
        if (format === "jwk") {
          const parts = op_crypto_parts("RSA", isPrivate, bytes);
          return newJwk(material, "RSA", isPrivate ? PRIVATE_PARTS : PUBLIC_PARTS, parts, { __proto__: null, alg: jwkAlgorithm(material.hash) });
        }
        return exportDer(format, material);
      },
    },
    ...operations,
  };
}

function signing(name, params, saltLength) {
  return {
    sign: {
      params,
      run(params, { type, bytes, hash }, data) {
        requireType(type, "private");
        const signature = op_crypto_sign("RSA", hash, saltLength(params), bytes, data);
        if (signature === undefined) throw operationError(`Signing with ${name} failed: the key is too short for the hash and the salt.`);
        return bufferOf(signature);
      },
    },
    verify: {
      params,
      run(params, { type, bytes, hash }, signature, data) {
        requireType(type, "public");
        return op_crypto_verify("RSA", hash, saltLength(params), bytes, data, signature);
      },
    },
  };
}

/** A salt longer than any modulus fails by itself. */
const pssSalt = ({ saltLength }) => (saltLength > 8192 ? 8192 : saltLength);
const noSalt = () => -1;

function oaep(encrypt) {
  return {
    params: toOaep,
    run({ label = EMPTY }, { type, bytes, hash }, data) {
      requireType(type, encrypt ? "public" : "private");
      const result = op_crypto_rsa_oaep(encrypt, hash, bytes, label, data);
      if (result !== undefined) return bufferOf(result);
      throw operationError("RSA-OAEP failed encrypt/decrypt.");
    },
  };
}

export const RSA = [
  family("RSASSA-PKCS1-v1_5", ["verify"], ["sign"], "sig", (hash) => `RS${HASHES.get(hash).jwk}`, signing("RSASSA-PKCS1-v1_5", undefined, noSalt)),
  family("RSA-PSS", ["verify"], ["sign"], "sig", (hash) => `PS${HASHES.get(hash).jwk}`, signing("RSA-PSS", toPss, pssSalt)),
  family(
    "RSA-OAEP", ["encrypt", "wrapKey"], ["decrypt", "unwrapKey"], "enc",
    (hash) => (hash === "SHA-1" ? "RSA-OAEP" : `RSA-OAEP-${HASHES.get(hash).jwk}`),
    { encrypt: oaep(true), decrypt: oaep(false) },
  ),
];
