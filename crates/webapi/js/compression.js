// CompressionStream and DecompressionStream (https://compression.spec.whatwg.org), which inherit from TransformStream as on the platform.

import { op_compression_drop, op_compression_finish, op_compression_new, op_compression_write } from "skerry:ops";
import { primordials } from "./primordials.js";
import { flags } from "./compatibility.js";
import { bytesOf, notBytesWritten } from "./streams/native.js";
import { kInternal } from "./streams/readable_state.js";
import { isShared } from "./streams/strategy.js";
import { createTransformStream, TransformStream } from "./streams/transform.js";
import { converters, defineInterface, requiredArguments } from "./webidl.js";
const { TypedArrayPrototypeGetByteLength, TypeError } = primordials;

/** An output of this length means that there may be more of it. */
const STEP = 65536;

/** The transformer. Its native half is made by the first chunk, as it belongs to the request that it is made in. */
class Codec {
  #format;
  #compress;
  #rid = -1;

  constructor(format, compress) {
    this.#format = format;
    this.#compress = compress;
  }

  transform(chunk, stream) {
    const bytes = bytesOf(chunk);
    if (bytes === undefined || isShared(bytes)) throw notBytesWritten(chunk);
    if (this.#rid === -1) this.#open();
    return this.#enqueueAll(op_compression_write(this.#rid, bytes), stream, op_compression_write, false);
  }

  flush(stream) {
    if (this.#rid === -1) this.#open();
    return this.#enqueueAll(op_compression_finish(this.#rid), stream, op_compression_finish, true);
  }

  cancel() {
    this.#close();
  }

  #open() {
    this.#rid = op_compression_new(this.#format, this.#compress, flags.strict_compression_checks);
  }

  #close() {
    const rid = this.#rid;
    this.#rid = -1;
    if (rid !== -1) op_compression_drop(rid);
  }

  /** The usual step has less than a full output and no need to wait. */
  #enqueueAll(output, stream, next, isLast) {
    const length = TypedArrayPrototypeGetByteLength(output);
    if (length > 0) stream.enqueue(output);
    if (length === STEP) return this.#enqueueRest(stream, next, isLast);
    if (isLast) this.#close();
    return undefined;
  }

  /** More comes out than one step may hold: it waits for the reader, so that a small input cannot fill the memory. */
  async #enqueueRest(stream, next, isLast) {
    for (;;) {
      await stream.whenWanted();
      // The reader has gone meanwhile.
      if (this.#rid === -1) return;
      const output = next(this.#rid);
      const length = TypedArrayPrototypeGetByteLength(output);
      if (length > 0) stream.enqueue(output);
      if (length < STEP) break;
    }
    if (isLast) this.#close();
  }
}

function makeCodec(format, compress, prefix, argumentCount) {
  requiredArguments(argumentCount, 1, prefix);
  const name = converters.DOMString(format, prefix, "parameter 1");
  if (name !== "gzip" && name !== "deflate" && name !== "deflate-raw") {
    throw new TypeError("The compression format must be either 'deflate', 'deflate-raw' or 'gzip'.");
  }
  return createTransformStream(new Codec(name, compress));
}

export class CompressionStream extends TransformStream {
  constructor(format) {
    const { readable, writable } = makeCodec(format, true, "Failed to construct 'CompressionStream'", arguments.length);
    super(kInternal, readable, writable);
  }
}
defineInterface(CompressionStream);

export class DecompressionStream extends TransformStream {
  constructor(format) {
    const { readable, writable } = makeCodec(format, false, "Failed to construct 'DecompressionStream'", arguments.length);
    super(kInternal, readable, writable);
  }
}
defineInterface(DecompressionStream);
