// `internalBinding('string_decoder')`: a decoder's state is seven bytes: of a character that is not whole up to four, how many it lacks,
// how many there are, the encoding.

'use strict';

const { FunctionPrototypeCall, TypedArrayPrototypeSet, TypedArrayPrototypeSubarray, Uint8Array } = primordials;

const MISSING = 4;
const BUFFERED = 5;
const ENCODING = 6;
const UTF8 = 1;
const BASE64 = 2;
const UTF16LE = 3;
const BASE64URL = 7;
const encodings = ['ascii', 'utf8', 'base64', 'utf16le', 'latin1', 'hex', 'buffer', 'base64url'];

module.exports = (binding) => {
  const { asciiSlice, base64Slice, base64urlSlice, hexSlice, latin1Slice, ucs2Slice, utf8Slice } = internalBinding('buffer');
  const slices = [asciiSlice, utf8Slice, base64Slice, ucs2Slice, latin1Slice, hexSlice, utf8Slice, base64urlSlice];
  const text = (bytes, encoding, end) => FunctionPrototypeCall(slices[encoding], bytes, 0, end);

  binding.encodings = encodings;
  binding.kIncompleteCharactersStart = 0;
  binding.kIncompleteCharactersEnd = 4;
  binding.kMissingBytes = MISSING;
  binding.kBufferedBytes = BUFFERED;
  binding.kEncodingField = ENCODING;
  binding.kNumFields = 7;
  binding.kSize = 7;

  binding.decode = (state, chunk) => {
    const encoding = state[ENCODING];
    let bytes = new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const buffered = state[BUFFERED];
    if (buffered > 0) {
      const whole = new Uint8Array(buffered + bytes.length);
      TypedArrayPrototypeSet(whole, TypedArrayPrototypeSubarray(state, 0, buffered));
      TypedArrayPrototypeSet(whole, bytes, buffered);
      bytes = whole;
    }
    const total = begun(bytes, encoding);
    state[BUFFERED] = total === 0 ? 0 : tail(bytes, encoding);
    state[MISSING] = total === 0 ? 0 : total - state[BUFFERED];
    const end = bytes.length - state[BUFFERED];
    TypedArrayPrototypeSet(state, TypedArrayPrototypeSubarray(bytes, end));
    return text(bytes, encoding, end);
  };

  binding.flush = (state) => {
    const encoding = state[ENCODING];
    const end = encoding === UTF16LE ? state[BUFFERED] & ~1 : state[BUFFERED];
    state[BUFFERED] = state[MISSING] = 0;
    return text(state, encoding, end);
  };
};

/** How many bytes at the end belong to a character that is not whole. */
function tail(bytes, encoding) {
  const { length } = bytes;
  if (encoding === BASE64 || encoding === BASE64URL) return length % 3;
  if (encoding === UTF16LE) {
    if (length % 2 === 1) return 1;
    return length > 0 && (bytes[length - 1] & 0xfc) === 0xd8 ? 2 : 0;
  }
  if (encoding !== UTF8) return 0;
  for (let back = 1; back <= 3 && back <= length; back++) {
    const byte = bytes[length - back];
    if ((byte & 0xc0) === 0x80) continue;
    return back < sizeOf(byte) ? back : 0;
  }
  return 0;
}

/** How many bytes the character has that is not whole; 0 when there is none. */
function begun(bytes, encoding) {
  const size = tail(bytes, encoding);
  if (size === 0) return 0;
  if (encoding === UTF8) return sizeOf(bytes[bytes.length - size]);
  return encoding === UTF16LE ? size * 2 : 3;
}

/** How many bytes a character has that begins with this one in UTF-8; 0: none does. */
function sizeOf(byte) {
  if ((byte & 0xe0) === 0xc0) return 2;
  if ((byte & 0xf0) === 0xe0) return 3;
  return (byte & 0xf8) === 0xf0 ? 4 : 0;
}
