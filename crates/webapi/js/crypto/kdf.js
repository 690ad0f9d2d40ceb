// HKDF and PBKDF2 (sections 32 and 33).

import { primordials } from "../primordials.js";
import { converters, createDictionary } from "../webidl.js";
import { DOMException } from "../domexception.js";
import { checkUsages, newKey, operationError, requireUsages, unknownFormat } from "./key.js";
import { HASHES, toHash } from "./hashes.js";
import { copyBytes, toView } from "./views.js";
import { op_crypto_hkdf, op_crypto_pbkdf2 } from "skerry:ops";
const { MathCeil, Uint8Array } = primordials;

const toHkdf = createDictionary("HkdfParams", [
  { key: "hash", converter: toHash, required: true },
  { key: "salt", converter: toView, required: true },
  { key: "info", converter: toView, required: true },
]);
const toPbkdf2 = createDictionary("Pbkdf2Params", [
  { key: "salt", converter: toView, required: true },
  { key: "iterations", converter: converters["unsigned long"], options: { __proto__: null, enforceRange: true }, required: true },
  { key: "hash", converter: toHash, required: true },
]);

const USAGES = ["deriveKey", "deriveBits"];

/** As many as Cloudflare allows. */
const MAX_ITERATIONS = 100000;
/** Iterations times digests of output: three seconds of work with SHA-512, which nothing interrupts. */
const MAX_WORK = 4000000;

/** The bytes of `length` bits, which may not be null here. */
function bytesOf(length, name) {
  if (length === null) throw operationError(`${name} cannot derive a key with null length.`);
  if (length % 8 !== 0) throw operationError(`${name} requires a derived key length that is a multiple of eight (requested ${length}).`);
  return length / 8;
}

function family(name, params, derive) {
  return {
    __proto__: null,
    name,
    importKey: {
      run(params, format, data, extractable, usages) {
        if (format !== "raw") throw unknownFormat("import", format, name);
        checkUsages(usages, USAGES, "import secret", name);
        if (extractable) throw new DOMException(`${name} key cannot be extractable.`, "SyntaxError");
        requireUsages(usages);
        return newKey({ __proto__: null, type: "secret", extractable: false, name, usages, bytes: copyBytes(data) }, { name });
      },
    },
    keyLength: { run: () => null },
    deriveBits: { params, run: derive },
  };
}

function hkdf({ hash, salt, info }, { bytes }, length) {
  const size = bytesOf(length, "HKDF");
  if (size > 255 * HASHES.get(hash).size) throw operationError("HKDF deriveBits failed.");
  return op_crypto_hkdf(hash, bytes, salt, info, size);
}

function pbkdf2({ hash, salt, iterations }, { bytes }, length) {
  const size = bytesOf(length, "PBKDF2");
  if (iterations === 0) throw operationError("PBKDF2 requires a positive iteration count (requested 0).");
  if (iterations > MAX_ITERATIONS) {
    throw new DOMException(
      `Pbkdf2 failed: iteration counts above ${MAX_ITERATIONS} are not supported (requested ${iterations}).`, "NotSupportedError",
    );
  }
  if (iterations * MathCeil(size / HASHES.get(hash).size) > MAX_WORK) {
    throw operationError(`PBKDF2 gives no more than ${MAX_WORK} digests, counting every iteration; derive fewer bits.`);
  }
  if (size === 0) return new Uint8Array(0);
  const result = op_crypto_pbkdf2(hash, bytes, salt, iterations, size);
  if (result === undefined) throw operationError("PBKDF2 failed.");
  return result;
}

export const KDF = [family("HKDF", toHkdf, hkdf), family("PBKDF2", toPbkdf2, pbkdf2)];
