// `internalBinding('js_stream')`: the handle of a net.Socket over a stream of JavaScript, whose methods `onwrite` and the like its owner puts on it.

'use strict';

const {
  ArrayPrototypePush, ReflectApply, TypedArrayPrototypeGetBuffer, TypedArrayPrototypeGetByteLength, TypedArrayPrototypeGetByteOffset,
} = primordials;
const { Buffer } = require('buffer');
const { UV_EOF } = internalBinding('uv');
const { kArrayBufferOffset, kBytesWritten, kLastWriteWasAsync, kReadBytesOrError, streamBaseState } = internalBinding('stream_wrap');

class JSStream {
  fd = -1;
  bytesRead = 0;
  bytesWritten = 0;
  isStreamBase = true;

  getAsyncId() { return 0; }
  getProviderType() { return 0; }
  readStart() { return this.onreadstart(); }
  readStop() { return this.onreadstop(); }
  shutdown(request) { return this.onshutdown(request); }
  useUserBuffer() {}

  /** Bytes have come from the stream. */
  readBuffer(chunk) {
    const length = TypedArrayPrototypeGetByteLength(chunk);
    this.bytesRead += length;
    streamBaseState[kReadBytesOrError] = length;
    streamBaseState[kArrayBufferOffset] = TypedArrayPrototypeGetByteOffset(chunk);
    this.onread(TypedArrayPrototypeGetBuffer(chunk));
  }

  emitEOF() {
    streamBaseState[kReadBytesOrError] = UV_EOF;
    this.onread(undefined);
  }

  finishWrite(request, status) { ReflectApply(request.oncomplete, request, [status, this, undefined]); }
  finishShutdown(request, status) { ReflectApply(request.oncomplete, request, [status]); }

  #write(request, buffers) {
    let length = 0;
    for (let i = 0; i < buffers.length; i++) length += buffers[i].byteLength;
    this.bytesWritten += length;
    streamBaseState[kBytesWritten] = length;
    streamBaseState[kLastWriteWasAsync] = 1;
    return this.onwrite(request, buffers);
  }

  writeBuffer(request, buffer) { return this.#write(request, [buffer]); }
  writeUtf8String(request, string) { return this.#write(request, [Buffer.from(string, 'utf8')]); }
  writeAsciiString(request, string) { return this.#write(request, [Buffer.from(string, 'latin1')]); }
  writeLatin1String(request, string) { return this.#write(request, [Buffer.from(string, 'latin1')]); }
  writeUcs2String(request, string) { return this.#write(request, [Buffer.from(string, 'utf16le')]); }

  writev(request, chunks, areBuffers) {
    if (areBuffers) return this.#write(request, chunks);
    const buffers = [];
    for (let i = 0; i < chunks.length; i += 2) {
      ArrayPrototypePush(buffers, typeof chunks[i] === 'string' ? Buffer.from(chunks[i], chunks[i + 1]) : chunks[i]);
    }
    return this.#write(request, buffers);
  }
}

module.exports = (binding) => {
  binding.JSStream = JSStream;
};
