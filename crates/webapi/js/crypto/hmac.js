// HMAC (section 31).

import { primordials } from "../primordials.js";
import { converters, createDictionary } from "../webidl.js";
import { checkUsages, dataError, newKey, operationError, requireUsages } from "./key.js";
import { HASHES, toDigest } from "./hashes.js";
import { exportSecret, secretBytes } from "./secret.js";
import { bufferOf, truncateBits } from "./views.js";
import { op_hmac, op_random_bytes, op_timing_safe_equal } from "skerry:ops";
const { MathCeil } = primordials;

const toParameters = createDictionary("HmacKeyGenParams", [
  { key: "hash", converter: toDigest, required: true },
  { key: "length", converter: converters["unsigned long"], options: { __proto__: null, enforceRange: true } },
]);

const USAGES = ["sign", "verify"];

/** No key needs to be longer than a hash's block; this is far beyond. */
const MAX_KEY_BITS = 1 << 20;

function hmacKey(bytes, hash, length, extractable, usages) {
  return newKey(
    { __proto__: null, type: "secret", extractable, name: "HMAC", usages, bytes, hash },
    { name: "HMAC", hash: { name: hash }, length },
  );
}

/** MD5 has no name there. */
function jwkAlgorithm(hash) {
  return hash === "MD5" ? undefined : `HS${HASHES.get(hash).jwk}`;
}

function keyLength({ hash, length = HASHES.get(hash).block }) {
  if (length === 0) throw operationError("HMAC key length must be a non-zero unsigned long integer.");
  if (length > MAX_KEY_BITS) throw operationError(`HMAC key length may be ${MAX_KEY_BITS} bits at most.`);
  return length;
}

export const HMAC = {
  __proto__: null,
  name: "HMAC",
  sign: { run: (params, { bytes, hash }, data) => bufferOf(op_hmac(hash, bytes, data)) },
  verify: { run: (params, { bytes, hash }, signature, data) => op_timing_safe_equal(op_hmac(hash, bytes, data), signature) },
  generateKey: {
    params: toParameters,
    run(params, extractable, usages) {
      checkUsages(usages, USAGES, "generate", "HMAC");
      const length = keyLength(params);
      requireUsages(usages);
      return hmacKey(truncateBits(op_random_bytes(MathCeil(length / 8)), length), params.hash, length, extractable, usages);
    },
  },
  importKey: {
    params: toParameters,
    run(params, format, data, extractable, usages) {
      checkUsages(usages, USAGES, "import secret", "HMAC");
      const { hash } = params;
      const bytes = secretBytes(format, data, { name: "HMAC", use: "sig", extractable, usages, jwkAlgorithm: () => jwkAlgorithm(hash) });
      const bits = bytes.length * 8;
      const { length = bits } = params;
      if (length === 0 || length > bits || length <= bits - 8) {
        throw dataError(
          `Imported HMAC key length (${length}) must be a non-zero value up to 7 bits less than, and no greater than, the bit length of ` +
          `the raw key data (${bits}).`,
        );
      }
      requireUsages(usages);
      return hmacKey(truncateBits(bytes, length), hash, length, extractable, usages);
    },
  },
  exportKey: { run: (format, material) => exportSecret(format, material, jwkAlgorithm(material.hash)) },
  keyLength: { params: toParameters, run: keyLength },
};
