// AES-CTR, AES-CBC, AES-GCM and AES-KW (sections 27 to 30).

import { primordials } from "../primordials.js";
import { converters, createDictionary } from "../webidl.js";
import { checkUsages, dataError, newKey, operationError, requireUsages } from "./key.js";
import { exportSecret, secretBytes } from "./secret.js";
import { bufferOf, toView, viewByteLength } from "./views.js";
import { op_crypto_aes, op_random_bytes } from "skerry:ops";
const { StringPrototypeSlice, Uint8Array } = primordials;

const ENFORCED = { __proto__: null, enforceRange: true };
const toLength = createDictionary("AesKeyGenParams", [
  { key: "length", converter: converters["unsigned short"], options: ENFORCED, required: true },
]);
const toCbc = createDictionary("AesCbcParams", [{ key: "iv", converter: toView, required: true }]);
const toCtr = createDictionary("AesCtrParams", [
  { key: "counter", converter: toView, required: true },
  { key: "length", converter: converters.octet, options: ENFORCED, required: true },
]);
const toGcm = createDictionary("AesGcmParams", [
  { key: "iv", converter: toView, required: true },
  { key: "additionalData", converter: toView },
  { key: "tagLength", converter: converters.octet, options: ENFORCED },
]);

const EMPTY = new Uint8Array(0);
const CIPHER_USAGES = ["encrypt", "decrypt", "wrapKey", "unwrapKey"];

function isLength(length) {
  return length === 128 || length === 192 || length === 256;
}

function checkLength({ length }) {
  if (!isLength(length)) throw operationError(`Generated AES key length must be 128, 192, or 256 bits but requested ${length}.`);
  return length;
}

function aesKey(name, bytes, extractable, usages) {
  return newKey(
    { __proto__: null, type: "secret", extractable, name, usages, bytes },
    { name, length: bytes.length * 8 },
  );
}

/** "AES-GCM" with 16 bytes is "A128GCM". */
function jwkAlgorithm(name, bytes) {
  return `A${bytes.length * 8}${StringPrototypeSlice(name, 4)}`;
}

function family(name, usagesAllowed, operations) {
  return {
    __proto__: null,
    name,
    generateKey: {
      params: toLength,
      run(params, extractable, usages) {
        checkUsages(usages, usagesAllowed, "generate", name);
        const length = checkLength(params);
        requireUsages(usages);
        return aesKey(name, op_random_bytes(length / 8), extractable, usages);
      },
    },
    importKey: {
      run(params, format, data, extractable, usages) {
        checkUsages(usages, usagesAllowed, "import secret", name);
        const bytes = secretBytes(format, data, {
          name, use: "enc", extractable, usages, jwkAlgorithm: (bytes) => (isLength(bytes.length * 8) ? jwkAlgorithm(name, bytes) : undefined),
        });
        if (!isLength(bytes.length * 8)) {
          throw dataError(`Imported AES key length must be 128, 192, or 256 bits but provided ${bytes.length * 8}.`);
        }
        requireUsages(usages);
        return aesKey(name, bytes, extractable, usages);
      },
    },
    exportKey: { run: (format, material) => exportSecret(format, material, jwkAlgorithm(name, material.bytes)) },
    keyLength: { params: toLength, run: checkLength },
    ...operations,
  };
}

/** An operation in both directions; `check(params)` gives [iv, number, additionalData] or throws. */
function cipher(name, params, check) {
  const direction = (encrypt) => ({
    params,
    run(params, { bytes }, data) {
      const { 0: iv, 1: number, 2: additional } = check(params);
      const result = op_crypto_aes(name, encrypt, bytes, data, iv, number, additional);
      if (result === undefined) throw operationError(failure(name, encrypt, viewByteLength(data), number));
      return bufferOf(result);
    },
  });
  return { encrypt: direction(true), decrypt: direction(false) };
}

function failure(name, encrypt, length, number) {
  if (name === "AES-KW") {
    return encrypt
      ? `Unwrapped key bit length must be a multiple of 64 bits but unwrapped key has a length of ${length * 8} bits.`
      : "AES-KW key unwrapping failed.";
  }
  if (encrypt) return `Encryption with ${name} failed: the counter is too short for the data.`;
  if (name === "AES-GCM" && length * 8 < number) {
    return `Ciphertext length of ${length * 8} bits must be greater than or equal to the size of the AES-GCM tag length of ${number} bits.`;
  }
  return "Decryption failed. This could be due to a ciphertext authentication failure, bad padding, incorrect CryptoKey, or another " +
    `algorithm-specific reason. Input length was ${name === "AES-GCM" ? length - number / 8 : length} for ${name}`;
}

function checkCbc({ iv }) {
  const length = viewByteLength(iv);
  if (length !== 16) throw operationError(`AES-CBC IV must be 16 bytes long (provided ${length} bytes).`);
  return [iv, 0, EMPTY];
}

function checkCtr({ counter, length }) {
  if (viewByteLength(counter) !== 16) throw operationError(`Counter must have length of 16 bytes (provided ${viewByteLength(counter)}).`);
  if (length < 1 || length > 128) throw operationError(`Invalid counter of ${length} bits length provided.`);
  return [counter, length, EMPTY];
}

/** OpenSSL takes no longer one; a nonce has 12 bytes. */
const MAX_GCM_IV = 128;

function checkGcm({ iv, additionalData = EMPTY, tagLength = 128 }) {
  switch (tagLength) {
    case 32: case 64: case 96: case 104: case 112: case 120: case 128: break;
    default: throw operationError(`Invalid AES-GCM tag length ${tagLength}.`);
  }
  const length = viewByteLength(iv);
  if (length === 0) throw operationError("AES-GCM IV must not be empty.");
  if (length > MAX_GCM_IV) throw operationError(`AES-GCM IV may be ${MAX_GCM_IV} bytes at most (provided ${length}).`);
  return [iv, tagLength, additionalData];
}

const wrapper = cipher("AES-KW", undefined, () => [EMPTY, 0, EMPTY]);

export const AES = [
  family("AES-CTR", CIPHER_USAGES, cipher("AES-CTR", toCtr, checkCtr)),
  family("AES-CBC", CIPHER_USAGES, cipher("AES-CBC", toCbc, checkCbc)),
  family("AES-GCM", CIPHER_USAGES, cipher("AES-GCM", toGcm, checkGcm)),
  family("AES-KW", ["wrapKey", "unwrapKey"], { wrapKey: wrapper.encrypt, unwrapKey: wrapper.decrypt }),
];
