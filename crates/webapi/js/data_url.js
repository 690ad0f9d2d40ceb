// data: URLs (Fetch section 6).

import { primordials } from "./primordials.js";
import { utf8Decode, utf8Encode } from "./encoding.js";
import { viewBytes } from "./bytes.js";
import { parseMimeType, serializeMimeType, trimWhitespace } from "./mime.js";
import { op_atob } from "skerry:ops";
const {
  RegExpPrototypeExec, StringPrototypeCharCodeAt, StringPrototypeIndexOf, StringPrototypeSlice, TypedArrayPrototypeGetByteLength,
  Uint8Array,
} = primordials;

const BASE64 = /; *base64$/i;

function hexDigit(code) {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

/** URL section 1.3 "percent-decode", in place: the bytes up to the returned length. */
function percentDecode(bytes) {
  const length = TypedArrayPrototypeGetByteLength(bytes);
  let kept = 0;
  for (let i = 0; i < length; i++) {
    let byte = bytes[i];
    if (byte === 0x25 && i + 2 < length) {
      const high = hexDigit(bytes[i + 1]);
      const low = hexDigit(bytes[i + 2]);
      if (high !== -1 && low !== -1) {
        byte = high * 16 + low;
        i += 2;
      }
    }
    bytes[kept++] = byte;
  }
  return kept;
}

/** The bytes of base64 text in bytes, or null. */
function decodeBase64(bytes) {
  const binary = op_atob(utf8Decode(bytes));
  if (binary === undefined) return null;
  const decoded = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) decoded[i] = StringPrototypeCharCodeAt(binary, i);
  return decoded;
}

/** `{ bytes, type }` of a serialised data: URL without its fragment, or null when it is not well-formed. */
export function parseDataUrl(href) {
  const comma = StringPrototypeIndexOf(href, ",");
  if (comma === -1) return null;
  let mime = trimWhitespace(StringPrototypeSlice(href, 5, comma));
  const encoded = utf8Encode(StringPrototypeSlice(href, comma + 1));
  let bytes = viewBytes(encoded, 0, percentDecode(encoded));
  const base64 = RegExpPrototypeExec(BASE64, mime);
  if (base64 !== null) {
    bytes = decodeBase64(bytes);
    if (bytes === null) return null;
    mime = StringPrototypeSlice(mime, 0, base64.index);
  }
  if (mime[0] === ";") mime = `text/plain${mime}`;
  const type = parseMimeType(mime);
  return { bytes, type: type === null ? "text/plain;charset=US-ASCII" : serializeMimeType(type) };
}
