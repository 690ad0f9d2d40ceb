// FormData (https://xhr.spec.whatwg.org section 5), and its two encodings: multipart/form-data (RFC 7578, HTML section 4.10.21.8) and
// application/x-www-form-urlencoded (URL section 5), read and written.

import { primordials } from "./primordials.js";
import { converters, defineInterface, illegalInvocation, isObject, mixinPairIterable, requiredArguments } from "./webidl.js";
import { blobBytes, blobType, fileFromBlob, fileFromBytes, fileName, isBlob, isFile, normalizedType } from "./blob.js";
import { flags } from "./compatibility.js";
import { concatBytes, copyBytes, viewBytes } from "./bytes.js";
import { utf8DecodeWithoutBOM, utf8Encode } from "./encoding.js";
import { extractMimeType, parameter, trimWhitespace } from "./mime.js";
import { parseQuery } from "./url.js";
import { op_random_uuid } from "skerry:ops";
const {
  ArrayPrototypePush, StringPrototypeIndexOf, StringPrototypeReplaceAll, StringPrototypeSlice, StringPrototypeToLowerCase,
  TypedArrayPrototypeGetByteLength, TypedArrayPrototypeIndexOf, TypeError,
} = primordials;

// === FormData ===

/** `formDataEntries(form)` is the live flat list `[name, value, ...]`, a value being a string or a File; `newFormData(list)` takes its list over. */
export var isFormData, formDataEntries, newFormData;

/** "Create an entry" of section 5: a Blob becomes a File, a given file name replaces the File's own. */
function entryValue(value, filename) {
  if (!isFile(value)) return fileFromBlob(value, filename ?? "blob");
  return filename === undefined ? value : fileFromBlob(value, filename);
}

/** The value (and file name) arguments of `append` and `set`. */
function convertValue(values, method) {
  const prefix = `Failed to execute '${method}' on 'FormData'`;
  if (values.length < 2) {
    throw new TypeError(`${prefix}: parameter ${values.length + 1} is not of type '${values.length === 0 ? "string" : "File or Blob or string"}'.`);
  }
  const value = values[1];
  if (!isBlob(value)) return converters.USVString(value, prefix, "parameter 2");
  return entryValue(value, values[2] === undefined ? undefined : converters.USVString(values[2], prefix, "parameter 3"));
}

export class FormData {
  #entries = [];

  constructor() {
    // A form can't be given: there are no elements here. What is passed is ignored, as on the platform.
  }

  append(name, value) {
    if (!isFormData(this)) illegalInvocation();
    const converted = convertValue(arguments, "append");
    ArrayPrototypePush(this.#entries, converters.USVString(name), converted);
  }

  delete(name) {
    if (!isFormData(this)) illegalInvocation();
    requiredArguments(arguments.length, 1, "Failed to execute 'delete' on 'FormData'");
    this.#remove(converters.USVString(name), 0);
  }

  #remove(name, from) {
    const entries = this.#entries;
    let kept = from;
    for (let i = from; i < entries.length; i += 2) {
      if (entries[i] === name) continue;
      entries[kept] = entries[i];
      entries[kept + 1] = entries[i + 1];
      kept += 2;
    }
    entries.length = kept;
  }

  get(name) {
    if (!isFormData(this)) illegalInvocation();
    requiredArguments(arguments.length, 1, "Failed to execute 'get' on 'FormData'");
    name = converters.USVString(name);
    const value = parameter(this.#entries, name);
    return value === undefined ? null : value;
  }

  getAll(name) {
    if (!isFormData(this)) illegalInvocation();
    requiredArguments(arguments.length, 1, "Failed to execute 'getAll' on 'FormData'");
    name = converters.USVString(name);
    const values = [];
    for (let i = 0; i < this.#entries.length; i += 2) {
      if (this.#entries[i] === name) ArrayPrototypePush(values, this.#entries[i + 1]);
    }
    return values;
  }

  has(name) {
    if (!isFormData(this)) illegalInvocation();
    requiredArguments(arguments.length, 1, "Failed to execute 'has' on 'FormData'");
    return parameter(this.#entries, converters.USVString(name)) !== undefined;
  }

  set(name, value) {
    if (!isFormData(this)) illegalInvocation();
    const converted = convertValue(arguments, "set");
    name = converters.USVString(name);
    const entries = this.#entries;
    for (let i = 0; i < entries.length; i += 2) {
      if (entries[i] !== name) continue;
      entries[i + 1] = converted;
      this.#remove(name, i + 2);
      return;
    }
    ArrayPrototypePush(entries, name, converted);
  }

  static {
    isFormData = (value) => isObject(value) && #entries in value;
    formDataEntries = (form) => form.#entries;
    newFormData = (entries) => {
      const form = new FormData();
      form.#entries = entries;
      return form;
    };
  }
}
defineInterface(FormData);
mixinPairIterable(FormData, "FormData", (form) => (isFormData(form) ? formDataEntries(form) : illegalInvocation()));

// === multipart/form-data, written ===

function crlf(text) {
  const unix = StringPrototypeReplaceAll(StringPrototypeReplaceAll(text, "\r\n", "\n"), "\r", "\n");
  return StringPrototypeReplaceAll(unix, "\n", "\r\n");
}

/** A name or file name between quotes. A backslash before the closing one would escape it for who reads. */
function escapeName(name) {
  if (name[name.length - 1] === "\\") throw new TypeError("Name or filename can't end with backslash");
  const escaped = StringPrototypeReplaceAll(StringPrototypeReplaceAll(name, "\n", "%0A"), "\r", "%0D");
  return StringPrototypeReplaceAll(escaped, '"', "%22");
}

/** `{ bytes, type }`: the body of a form and its Content-Type. */
export function serializeMultipart(form) {
  const boundary = `----SkerryFormBoundary${StringPrototypeReplaceAll(op_random_uuid(), "-", "")}`;
  const chunks = [];
  let length = 0;
  const push = (chunk) => {
    ArrayPrototypePush(chunks, chunk);
    length += TypedArrayPrototypeGetByteLength(chunk);
  };
  const entries = formDataEntries(form);
  let newline = "";
  for (let i = 0; i < entries.length; i += 2) {
    const value = entries[i + 1];
    const head = `${newline}--${boundary}\r\nContent-Disposition: form-data; name="${escapeName(crlf(entries[i]))}"`;
    if (typeof value === "string") {
      push(utf8Encode(`${head}\r\n\r\n${crlf(value)}`));
    } else {
      const type = blobType(value);
      push(utf8Encode(
        `${head}; filename="${escapeName(fileName(value))}"\r\nContent-Type: ${type === "" ? "application/octet-stream" : type}\r\n\r\n`,
      ));
      push(blobBytes(value));
    }
    newline = "\r\n";
  }
  push(utf8Encode(`${newline}--${boundary}--\r\n`));
  return { bytes: concatBytes(chunks, length), type: `multipart/form-data; boundary=${boundary}` };
}

// === multipart/form-data, read ===

const LF = 0x0a;
const CR = 0x0d;
const DASH = 0x2d;
/** A part's header lines together; the body itself is bounded by whoever read it. */
const MAX_PART_HEADERS = 16 * 1024;

function startsWith(bytes, at, prefix) {
  // Past the end an element is undefined, so nothing matches there.
  const length = TypedArrayPrototypeGetByteLength(prefix);
  for (let i = 0; i < length; i++) {
    if (bytes[at + i] !== prefix[i]) return false;
  }
  return true;
}

/** The position of the next `delimiter` ("--" and the boundary) at the start of a line, from `from` (a line's start) on, or -1. */
function findDelimiter(bytes, delimiter, from) {
  let at = from;
  while (true) {
    if (startsWith(bytes, at, delimiter)) return at;
    const newline = TypedArrayPrototypeIndexOf(bytes, LF, at);
    if (newline === -1) return -1;
    at = newline + 1;
  }
}

/** Past the line end at `at`; `at` itself where there is none. */
function skipNewline(bytes, at) {
  if (bytes[at] === LF) return at + 1;
  return bytes[at] === CR && bytes[at + 1] === LF ? at + 2 : at;
}

/** Before the line end that comes just before `at`. */
function trimNewline(bytes, start, at) {
  if (at > start && bytes[at - 1] === LF) at--;
  return at > start && bytes[at - 1] === CR ? at - 1 : at;
}

/** The end of the part headers that start at `at`: the position after their empty line. */
function endOfHeaders(bytes, start) {
  let at = start;
  while (at - start <= MAX_PART_HEADERS) {
    const after = skipNewline(bytes, at);
    if (after !== at) return after;
    const newline = TypedArrayPrototypeIndexOf(bytes, LF, at);
    if (newline === -1) break;
    at = newline + 1;
  }
  throw new TypeError("No multipart message header termination found.");
}

/** A quoted (or bare) parameter of Content-Disposition, as browsers and curl write them: `\"`, %22, %0D and %0A stand for what they mean. */
function dispositionParameter(text, at) {
  if (text[at] !== '"') {
    const semicolon = StringPrototypeIndexOf(text, ";", at);
    const end = semicolon === -1 ? text.length : semicolon;
    return { value: trimWhitespace(StringPrototypeSlice(text, at, end)), end };
  }
  let close = at;
  do {
    close = StringPrototypeIndexOf(text, '"', close + 1);
  } while (close !== -1 && text[close - 1] === "\\");
  const end = close === -1 ? text.length : close;
  let value = StringPrototypeReplaceAll(StringPrototypeSlice(text, at + 1, end), '\\"', '"');
  value = StringPrototypeReplaceAll(StringPrototypeReplaceAll(value, "%22", '"'), "%0A", "\n");
  return { value: StringPrototypeReplaceAll(value, "%0D", "\r"), end };
}

/** `{ name, filename }` of a Content-Disposition. */
function parseDisposition(text) {
  const result = { __proto__: null, name: undefined, filename: undefined };
  let at = StringPrototypeIndexOf(text, ";");
  const kind = trimWhitespace(at === -1 ? text : StringPrototypeSlice(text, 0, at));
  if (StringPrototypeToLowerCase(kind) !== "form-data") {
    throw new TypeError(
      `Content-Disposition header for FormData part must have the value "form-data", possibly followed by parameters. Got: "${kind}"`,
    );
  }
  while (at !== -1) {
    const equals = StringPrototypeIndexOf(text, "=", at);
    if (equals === -1) break;
    const key = StringPrototypeToLowerCase(trimWhitespace(StringPrototypeSlice(text, at + 1, equals)));
    const { value, end } = dispositionParameter(text, equals + 1);
    if ((key === "name" || key === "filename") && result[key] === undefined) result[key] = value;
    at = StringPrototypeIndexOf(text, ";", end);
  }
  if (result.name === undefined) throw new TypeError("Content-Disposition header in FormData part is missing a name.");
  return result;
}

/** `{ name, filename, type }` of a part's header lines. */
function parsePartHeaders(text) {
  let disposition;
  let type = "";
  let at = 0;
  while (at < text.length) {
    const newline = StringPrototypeIndexOf(text, "\n", at);
    const end = newline === -1 ? text.length : newline;
    const line = StringPrototypeSlice(text, at, end);
    const colon = StringPrototypeIndexOf(line, ":");
    if (colon !== -1) {
      const name = StringPrototypeToLowerCase(trimWhitespace(StringPrototypeSlice(line, 0, colon)));
      const value = trimWhitespace(StringPrototypeSlice(line, colon + 1));
      if (name === "content-disposition") disposition ??= parseDisposition(value);
      else if (name === "content-type") type = value;
    }
    at = end + 1;
  }
  if (disposition === undefined) throw new TypeError("No valid Content-Disposition header found in FormData part.");
  return { name: disposition.name, filename: disposition.filename, type };
}

/** The flat list of entries in `bytes`. */
function parseMultipart(bytes, boundary) {
  const delimiter = utf8Encode(`--${boundary}`);
  const entries = [];
  let at = findDelimiter(bytes, delimiter, 0);
  if (at === -1) throw new TypeError("No initial boundary string (or you have a truncated message).");
  while (true) {
    at += TypedArrayPrototypeGetByteLength(delimiter);
    if (bytes[at] === DASH && bytes[at + 1] === DASH) return entries;
    while (bytes[at] === 0x20 || bytes[at] === 0x09) at++;
    const headers = skipNewline(bytes, at);
    if (headers === at) throw new TypeError("Boundary string was not succeeded by CRLF, LF, or '--'.");
    const content = endOfHeaders(bytes, headers);
    at = findDelimiter(bytes, delimiter, content);
    if (at === -1) throw new TypeError("No subsequent boundary string after multipart message.");
    const { name, filename, type } = parsePartHeaders(utf8DecodeWithoutBOM(viewBytes(bytes, headers, content)));
    const value = viewBytes(bytes, content, trimNewline(bytes, content, at));
    const isFile = filename !== undefined && flags.formdata_parser_supports_files;
    const entry = !isFile ? utf8DecodeWithoutBOM(value) : fileFromBytes(copyBytes(value), filename, normalizedType(type));
    ArrayPrototypePush(entries, name, entry);
  }
}

/** The form in a body, by its Content-Type (null when it has none). */
export function parseFormData(bytes, contentType) {
  if (contentType === null) throw new TypeError("Parsing a Body as FormData requires a Content-Type header.");
  const type = extractMimeType(contentType);
  if (type !== null && type.essence === "multipart/form-data") {
    const boundary = parameter(type.parameters, "boundary");
    if (boundary === undefined) {
      throw new TypeError(
        "No boundary string in Content-Type header. The multipart/form-data MIME type requires a boundary parameter, " +
          "e.g. 'Content-Type: multipart/form-data; boundary=\"abcd\"'. See RFC 7578, section 4.",
      );
    }
    return newFormData(parseMultipart(bytes, boundary));
  }
  if (type !== null && type.essence === "application/x-www-form-urlencoded") return newFormData(parseQuery(utf8DecodeWithoutBOM(bytes)));
  throw new TypeError(
    "Unrecognized Content-Type header value. FormData can only parse the following MIME types: multipart/form-data, " +
      "application/x-www-form-urlencoded",
  );
}
