// Web Cryptography (https://w3c.github.io/webcrypto/): `crypto` with its random values, and Cloudflare's DigestStream. The algorithms
// are in crypto/, a family in each file; the arithmetic is native (src/crypto/).

import { primordials } from "./primordials.js";
import { converters, defineInterface, illegalConstructor, illegalInvocation, isBufferSource, requiredArguments } from "./webidl.js";
import { DOMException } from "./domexception.js";
import { utf8Encode } from "./encoding.js";
import { WritableStream } from "./streams/writable.js";
import { toDigest } from "./crypto/hashes.js";
import { INTERNAL, noConstructor } from "./crypto/key.js";
import { SubtleCrypto } from "./crypto/subtle.js";
import { toView, viewByteLength } from "./crypto/views.js";
import { op_digest_finish, op_digest_start, op_digest_update, op_random_fill, op_random_uuid } from "skerry:ops";
const {
  ObjectDefineProperty, Promise, PromisePrototypeThen, TypeError, TypedArrayPrototypeGetBuffer, TypedArrayPrototypeGetByteLength,
  TypedArrayPrototypeGetSymbolToStringTag,
} = primordials;

export { CryptoKey } from "./crypto/key.js";
export { SubtleCrypto } from "./crypto/subtle.js";

// === DigestStream ===

export class DigestStream extends WritableStream {
  #state;

  constructor(algorithm) {
    const prefix = "Failed to construct 'DigestStream'";
    requiredArguments(arguments.length, 1, prefix);
    const hash = toDigest(algorithm, prefix, "parameter 1");
    const state = { __proto__: null, rid: -1, written: 0, promise: undefined, resolve: undefined, reject: undefined };
    state.promise = new Promise((resolve, reject) => {
      state.resolve = resolve;
      state.reject = reject;
    });
    // A digest that nobody waits for is not an unhandled rejection.
    PromisePrototypeThen(state.promise, undefined, () => {});
    super({
      __proto__: null,
      write(chunk) {
        let view;
        if (typeof chunk === "string") {
          view = utf8Encode(chunk);
        } else if (isBufferSource(chunk)) {
          view = toView(chunk);
        } else {
          const error = new TypeError(
            "DigestStream is a byte stream but received an object of non-ArrayBuffer/ArrayBufferView/string type on its writable side.",
          );
          state.reject(error);
          throw error;
        }
        if (state.rid === -1) state.rid = op_digest_start(hash);
        op_digest_update(state.rid, view);
        state.written += viewByteLength(view);
      },
      close() {
        if (state.rid === -1) state.rid = op_digest_start(hash);
        state.resolve(TypedArrayPrototypeGetBuffer(op_digest_finish(state.rid)));
      },
      abort(reason) {
        state.reject(reason);
      },
    });
    this.#state = state;
  }

  get digest() { return #state in this ? this.#state.promise : illegalInvocation(); }
  get bytesWritten() { return #state in this ? this.#state.written : illegalInvocation(); }
}
defineInterface(DigestStream);

// === Crypto (section 10) ===

const subtle = new SubtleCrypto(INTERNAL);

export class Crypto {
  #brand = true;

  constructor(token) {
    if (token !== INTERNAL) illegalConstructor();
  }

  get subtle() { return #brand in this ? subtle : illegalInvocation(); }

  getRandomValues(array) {
    if (!(#brand in this)) illegalInvocation();
    const prefix = "Failed to execute 'getRandomValues' on 'Crypto'";
    requiredArguments(arguments.length, 1, prefix);
    converters.ArrayBufferView(array, prefix, "parameter 1");
    switch (TypedArrayPrototypeGetSymbolToStringTag(array)) {
      case undefined: case "Float16Array": case "Float32Array": case "Float64Array":
        throw new DOMException("ArrayBufferView argument to getRandomValues() must be an integer-typed view.", "TypeMismatchError");
    }
    const length = TypedArrayPrototypeGetByteLength(array);
    if (length > 65536) {
      throw new DOMException(`getRandomValues() only accepts buffers of size <= 64K but provided ${length} bytes.`, "QuotaExceededError");
    }
    op_random_fill(array);
    return array;
  }

  randomUUID() {
    if (!(#brand in this)) illegalInvocation();
    return op_random_uuid();
  }
}
defineInterface(Crypto);
noConstructor(Crypto);
ObjectDefineProperty(Crypto.prototype, "DigestStream", { __proto__: null, configurable: true, writable: true, value: DigestStream });

export const crypto = new Crypto(INTERNAL);
