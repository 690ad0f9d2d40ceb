// Blob and File (https://w3c.github.io/FileAPI section 3, section 4). A blob's bytes are a list of chunks that nobody changes, so a slice shares them.

import { primordials } from "./primordials.js";
import { converters, createDictionary, defineInterface, illegalInvocation, isArrayBuffer, isObject, sequenceFrom } from "./webidl.js";
import { utf8DecodeWithoutBOM, utf8Encode } from "./encoding.js";
import { flags } from "./compatibility.js";
import { concatBytes, copyBytes, streamOfChunks, viewBytes } from "./bytes.js";
import { viewBuffer } from "./streams/strategy.js";
const {
  ArrayBufferIsView, ArrayBufferPrototypeGetResizable, ArrayPrototypePush, DateNow, MathMax, MathMin, PromiseReject, PromiseResolve, RegExpPrototypeExec,
  StringPrototypeReplaceAll, StringPrototypeToLowerCase, SymbolIterator, TypedArrayPrototypeGetBuffer, TypedArrayPrototypeGetByteLength,
  TypeError,
} = primordials;

/** section 3.1: a type with anything else becomes the empty string. */
const PRINTABLE = /^[\x20-\x7e]*$/;

// === Parts and options ===

function toPart(part, prefix, context) {
  if (isBlob(part)) return part;
  if (ArrayBufferIsView(part) || isArrayBuffer(part)) {
    if (flags.no_resizable_array_buffer_in_blob && isResizable(part)) throw new TypeError("Cannot create a Blob with a resizable ArrayBuffer");
    return part;
  }
  return converters.USVString(part, prefix, context);
}

function isResizable(part) {
  const buffer = ArrayBufferIsView(part) ? viewBuffer(part) : part;
  return isArrayBuffer(buffer) && ArrayBufferPrototypeGetResizable(buffer);
}

function endings(value, prefix, context) {
  const string = converters.DOMString(value, prefix, context);
  if (string === "transparent" || string === "native") return string;
  throw new TypeError(`${prefix}: '${string}' is not a valid enum value of type EndingType.`);
}

const BLOB_MEMBERS = [
  { key: "endings", converter: endings, defaultValue: () => "transparent" },
  { key: "type", converter: converters.DOMString, defaultValue: () => "" },
];
const toBlobOptions = createDictionary("BlobPropertyBag", BLOB_MEMBERS);
const toFileOptions = createDictionary("FilePropertyBag", [BLOB_MEMBERS, { key: "lastModified", converter: converters["long long"] }]);

function convertParts(parts, className) {
  const prefix = `Failed to construct '${className}'`;
  const iterate = isObject(parts) ? parts[SymbolIterator] : undefined;
  if (typeof iterate !== "function") throw new TypeError(`${prefix}: constructor parameter 1 is not of type 'Array'.`);
  return sequenceFrom(parts, iterate, toPart, prefix, "constructor parameter 1");
}

/** section 3.1 "convert line endings to native": native is a line feed here. */
function nativeLineEndings(text) {
  return StringPrototypeReplaceAll(StringPrototypeReplaceAll(text, "\r\n", "\n"), "\r", "\n");
}

/** A type as Blobs have it: printable ASCII in lower case, or nothing. */
export function normalizedType(type) {
  return RegExpPrototypeExec(PRINTABLE, type) === null ? "" : StringPrototypeToLowerCase(type);
}

// === Blob ===

/** For the rest of the runtime: `newBlob(bytes, type)` takes the bytes over, `blobBytes` may return an array that is shared (don't change it). */
export var isBlob, newBlob, blobBytes, blobType;

export class Blob {
  #chunks = [];
  #size = 0;
  #type = "";

  constructor(blobParts = undefined, options = undefined) {
    // A File has its parameters converted already: their order is observable.
    if (blobParts === CONVERTED) {
      this.#take(options.parts, options);
      return;
    }
    const parts = blobParts === undefined ? [] : convertParts(blobParts, "Blob");
    this.#take(parts, toBlobOptions(options, "Failed to construct 'Blob'", "constructor parameter 2"));
  }

  #take(parts, options) {
    for (let i = 0; i < parts.length; i++) {
      const part = parts[i];
      if (typeof part === "string") {
        this.#push(utf8Encode(options.endings === "native" ? nativeLineEndings(part) : part));
      } else if (isBlob(part)) {
        for (let j = 0; j < part.#chunks.length; j++) this.#push(part.#chunks[j]);
      } else {
        this.#push(copyBytes(part));
      }
    }
    this.#type = normalizedType(options.type);
  }

  #push(chunk) {
    const length = TypedArrayPrototypeGetByteLength(chunk);
    if (length === 0) return;
    ArrayPrototypePush(this.#chunks, chunk);
    this.#size += length;
  }

  get size() { return isBlob(this) ? this.#size : illegalInvocation(); }
  get type() { return isBlob(this) ? this.#type : illegalInvocation(); }

  slice(start = undefined, end = undefined, contentType = undefined) {
    if (!isBlob(this)) illegalInvocation();
    const prefix = "Failed to execute 'slice' on 'Blob'";
    const relative = (value, context, fallback) => {
      if (value === undefined) return fallback;
      const offset = converters["long long"](value, prefix, context, CLAMP);
      return offset < 0 ? MathMax(this.#size + offset, 0) : MathMin(offset, this.#size);
    };
    const from = relative(start, "parameter 1", 0);
    const to = relative(end, "parameter 2", this.#size);
    const type = contentType === undefined ? "" : converters.DOMString(contentType, prefix, "parameter 3");
    const slice = new Blob();
    slice.#type = normalizedType(type);
    let at = 0;
    for (let i = 0; i < this.#chunks.length && at < to; i++) {
      const chunk = this.#chunks[i];
      const length = TypedArrayPrototypeGetByteLength(chunk);
      const first = MathMax(from - at, 0);
      const last = MathMin(to - at, length);
      if (first < last) slice.#push(first === 0 && last === length ? chunk : viewBytes(chunk, first, last));
      at += length;
    }
    return slice;
  }

  arrayBuffer() { return read(this, (bytes) => TypedArrayPrototypeGetBuffer(copyBytes(bytes))); }
  bytes() { return read(this, copyBytes); }
  // A byte order mark stays, as on the platform.
  text() { return read(this, utf8DecodeWithoutBOM); }

  stream() {
    if (!isBlob(this)) illegalInvocation();
    return streamOfChunks(this.#chunks, this.#size);
  }

  static {
    isBlob = (value) => isObject(value) && #chunks in value;
    newBlob = (bytes, type) => {
      const blob = new Blob();
      blob.#push(bytes);
      blob.#type = type;
      return blob;
    };
    blobType = (blob) => blob.#type;
    blobBytes = (blob) => (blob.#chunks.length === 1 ? blob.#chunks[0] : concatBytes(blob.#chunks, blob.#size));
  }
}
const CONVERTED = { __proto__: null };
const CLAMP = { __proto__: null, clamp: true };
defineInterface(Blob);

/** A promise of what `convert` makes of the blob's bytes, which it may not hand out. */
function read(blob, convert) {
  if (!isBlob(blob)) return PromiseReject(new TypeError("Illegal invocation"));
  return PromiseResolve(convert(blobBytes(blob)));
}

// === File ===

export var isFile, fileName;

export class File extends Blob {
  #name;
  #lastModified;

  constructor(fileBits, fileName, options = undefined) {
    if (fileBits === CONVERTED) {
      super(CONVERTED, options);
      this.#name = fileName;
      this.#lastModified = DateNow();
      return;
    }
    const prefix = "Failed to construct 'File'";
    if (arguments.length < 2) throw new TypeError(`${prefix}: constructor parameter 2 is not of type 'string'.`);
    const parts = convertParts(fileBits, "File");
    const name = converters.USVString(fileName, prefix, "constructor parameter 2");
    const converted = toFileOptions(options, prefix, "constructor parameter 3");
    converted.parts = parts;
    super(CONVERTED, converted);
    this.#name = name;
    this.#lastModified = converted.lastModified ?? DateNow();
  }

  get name() { return isFile(this) ? this.#name : illegalInvocation(); }
  get lastModified() { return isFile(this) ? this.#lastModified : illegalInvocation(); }

  static {
    isFile = (value) => isObject(value) && #name in value;
    fileName = (file) => file.#name;
  }
}
defineInterface(File);

/** A File of a blob's bytes and type. */
export function fileFromBlob(blob, name) {
  return new File(CONVERTED, name, { __proto__: null, parts: [blob], endings: "transparent", type: blobType(blob) });
}

/** A File of bytes that nobody else will change. */
export function fileFromBytes(bytes, name, type) {
  return fileFromBlob(newBlob(bytes, type), name);
}
