// The Encoding standard (https://encoding.spec.whatwg.org): TextEncoder, TextDecoder and their streams.
// Conversion is native (src/encoding.rs).
//
// For other files: utf8Encode(string) -> Uint8Array; utf8Decode(view) -> string with U+FFFD for what is malformed, its BOM removed;
// utf8DecodeWithoutBOM(view), as the standard calls decoding that knows no BOM: it stays.

import { primordials } from "./primordials.js";
import { flags } from "./compatibility.js";
import { converters, createDictionary, defineInterface, illegalInvocation, isArrayBuffer, notOfType, requiredArguments, viewOf } from "./webidl.js";
import { createTransformStream } from "./streams/transform.js";
import {
  op_decoder_drop, op_decoder_push, op_decoder_start, op_encoding_name, op_text_decode, op_utf8_decode, op_utf8_encode, op_utf8_encode_into,
} from "skerry:ops";
const {
  ArrayBufferIsView, DataView, RangeError, SafeFinalizationRegistry, StringPrototypeCharCodeAt, StringPrototypeSlice, Uint8Array,
} = primordials;

export const utf8Encode = op_utf8_encode;

export function utf8Decode(view) {
  return op_utf8_decode(view, false, false);
}

export function utf8DecodeWithoutBOM(view) {
  return op_utf8_decode(view, false, true);
}

/** `AllowSharedBufferSource` as a view. */
function toView(value, prefix, context) {
  if (ArrayBufferIsView(value)) return value;
  if (isArrayBuffer(value)) return viewOf(value);
  try {
    // Takes nothing but buffers: this one is shared.
    return new DataView(value);
  } catch {
    throw notOfType(prefix, context, "ArrayBuffer' or 'ArrayBufferView");
  }
}

export class TextEncoder {
  #brand;

  constructor() {
    this.#brand = true;
  }

  get encoding() { return #brand in this ? "utf-8" : illegalInvocation(); }

  encode(input = "") {
    if (!(#brand in this)) illegalInvocation();
    return op_utf8_encode(converters.DOMString(input, "Failed to execute 'encode' on 'TextEncoder'", "parameter 1"));
  }

  encodeInto(source, destination) {
    if (!(#brand in this)) illegalInvocation();
    const prefix = "Failed to execute 'encodeInto' on 'TextEncoder'";
    requiredArguments(arguments.length, 2, prefix);
    source = converters.DOMString(source, prefix, "parameter 1");
    const counts = op_utf8_encode_into(source, converters.Uint8Array(destination, prefix, "parameter 2"));
    return { read: counts[0], written: counts[1] };
  }
}
defineInterface(TextEncoder);

const toDecoderOptions = createDictionary("TextDecoderOptions", [
  { key: "fatal", converter: converters.boolean, defaultValue: () => false },
  { key: "ignoreBOM", converter: converters.boolean, defaultValue: () => false },
]);
const toDecodeOptions = createDictionary("TextDecodeOptions", [
  { key: "stream", converter: converters.boolean, defaultValue: () => false },
]);

// Frees the native decoders of streams that were abandoned half-way. Made at the first use: not part of the snapshot.
let abandoned;

/** The decoder of one text: its encoding, and a native decoder between the chunks of a stream. */
class Decoder {
  encoding = "utf-8";
  fatal = false;
  ignoreBOM = false;
  #id = 0;

  constructor(label, options, prefix) {
    label = converters.DOMString(label, prefix, "parameter 1");
    if (label !== "utf-8") {
      this.encoding = op_encoding_name(label);
      if (this.encoding === undefined) throw new RangeError(`"${label}" is not a valid encoding.`);
    }
    if (options !== undefined && options !== null) {
      const { fatal, ignoreBOM } = toDecoderOptions(options, prefix, "parameter 2");
      this.fatal = fatal;
      this.ignoreBOM = ignoreBOM;
    }
  }

  /** `view` may be undefined: no more bytes. */
  decode(view, stream) {
    if (this.#id === 0) {
      if (!stream) {
        if (view === undefined) return "";
        return this.encoding === "utf-8"
          ? op_utf8_decode(view, this.fatal, this.ignoreBOM)
          : op_text_decode(this.encoding, view, this.fatal, this.ignoreBOM);
      }
      this.#id = op_decoder_start(this.encoding, this.fatal, this.ignoreBOM);
      abandoned ??= new SafeFinalizationRegistry(op_decoder_drop);
      abandoned.register(this, this.#id, this);
    }
    let going = false;
    try {
      const text = op_decoder_push(this.#id, view ?? new Uint8Array(0), !stream);
      going = stream;
      return text;
    } finally {
      // At the end, and when the input is malformed, native code has let go of it already.
      if (!going) this.#forget();
    }
  }

  /** Gives up a text half-way. */
  reset() {
    if (this.#id === 0) return;
    op_decoder_drop(this.#id);
    this.#forget();
  }

  #forget() {
    abandoned.unregister(this);
    this.#id = 0;
  }
}

export class TextDecoder {
  #decoder;

  constructor(label = "utf-8", options = undefined) {
    this.#decoder = new Decoder(label, options, "Failed to construct 'TextDecoder'");
  }

  get encoding() { return #decoder in this ? this.#decoder.encoding : illegalInvocation(); }
  get fatal() { return #decoder in this ? this.#decoder.fatal : illegalInvocation(); }
  get ignoreBOM() { return #decoder in this ? this.#decoder.ignoreBOM : illegalInvocation(); }

  decode(input = undefined, options = undefined) {
    if (!(#decoder in this)) illegalInvocation();
    const prefix = "Failed to execute 'decode' on 'TextDecoder'";
    const view = input === undefined ? undefined : toView(input, prefix, "parameter 1");
    const stream = options === undefined || options === null ? false : toDecodeOptions(options, prefix, "parameter 2").stream;
    return this.#decoder.decode(view, stream);
  }
}
defineInterface(TextDecoder);

// === Streams (section 7.5, section 7.6) ===

function isHighSurrogate(code) {
  return code >= 0xd800 && code <= 0xdbff;
}

/** What the readable side takes before somebody reads: nothing, by the standard. */
const readAhead = () => (flags.encoder_stream_spec_compliant_backpressure ? 0 : 1);

/** The transformer of a TextEncoderStream. */
class EncoderTransformer {
  /** A lead surrogate that ended the last chunk. */
  #pending = "";

  transform(chunk, stream) {
    let text = this.#pending + converters.DOMString(chunk);
    this.#pending = "";
    if (text === "") return;
    const last = text.length - 1;
    if (isHighSurrogate(StringPrototypeCharCodeAt(text, last))) {
      this.#pending = StringPrototypeSlice(text, last);
      text = StringPrototypeSlice(text, 0, last);
      if (text === "") return;
    }
    stream.enqueue(op_utf8_encode(text));
  }

  flush(stream) {
    // Encodes as U+FFFD.
    if (this.#pending !== "") stream.enqueue(op_utf8_encode(this.#pending));
  }

  cancel() {
    this.#pending = "";
  }
}

export class TextEncoderStream {
  #transform;

  constructor() {
    this.#transform = createTransformStream(new EncoderTransformer(), 1, readAhead());
  }

  get encoding() { return #transform in this ? "utf-8" : illegalInvocation(); }
  get readable() { return #transform in this ? this.#transform.readable : illegalInvocation(); }
  get writable() { return #transform in this ? this.#transform.writable : illegalInvocation(); }
}
defineInterface(TextEncoderStream);

/** The transformer of a TextDecoderStream. */
class DecoderTransformer {
  #decoder;

  constructor(decoder) {
    this.#decoder = decoder;
  }

  transform(chunk, stream) {
    const text = this.#decoder.decode(toView(chunk, "Failed to decode a chunk of a TextDecoderStream", "the chunk"), true);
    if (text !== "") stream.enqueue(text);
  }

  flush(stream) {
    const text = this.#decoder.decode(undefined, false);
    if (text !== "") stream.enqueue(text);
  }

  cancel() {
    this.#decoder.reset();
  }
}

export class TextDecoderStream {
  #decoder;
  #transform;

  constructor(label = "utf-8", options = undefined) {
    this.#decoder = new Decoder(label, options, "Failed to construct 'TextDecoderStream'");
    this.#transform = createTransformStream(new DecoderTransformer(this.#decoder), 1, readAhead());
  }

  get encoding() { return #decoder in this ? this.#decoder.encoding : illegalInvocation(); }
  get fatal() { return #decoder in this ? this.#decoder.fatal : illegalInvocation(); }
  get ignoreBOM() { return #decoder in this ? this.#decoder.ignoreBOM : illegalInvocation(); }
  get readable() { return #decoder in this ? this.#transform.readable : illegalInvocation(); }
  get writable() { return #decoder in this ? this.#transform.writable : illegalInvocation(); }
}
defineInterface(TextDecoderStream);
