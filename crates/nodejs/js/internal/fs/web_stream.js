// `filehandle.readableWebStream()`: the platform's stream over `read`.

'use strict';

const { FunctionPrototypeBind, SafeWeakSet, Uint8Array, WeakSetPrototypeAdd, WeakSetPrototypeHas } = primordials;
const { host: { streams: { ReadableStream } } } = require('internal/host');
const { codes: { ERR_INVALID_STATE } } = require('internal/errors');
const { kEmptyObject } = require('internal/util');
const { validateString } = require('internal/validators');
const { bytesOf } = require('internal/vfs/bytes');

const CHUNK = 16384;

const locked = new SafeWeakSet();

function readableWebStream(options = kEmptyObject) {
  if (this.fd === -1) throw new ERR_INVALID_STATE('The FileHandle is closed');
  if (WeakSetPrototypeHas(locked, this)) throw new ERR_INVALID_STATE('The FileHandle is locked');
  if (options.type !== undefined) validateString(options.type, 'options.type');
  WeakSetPrototypeAdd(locked, this);
  const read = FunctionPrototypeBind(this.read, this);
  return new ReadableStream({
    type: options.type === 'bytes' ? 'bytes' : undefined,
    async pull(controller) {
      const { bytesRead, buffer } = await read(new Uint8Array(CHUNK), 0, CHUNK, null);
      if (bytesRead > 0) return controller.enqueue(bytesOf(buffer, 0, bytesRead));
      controller.close();
      return controller.byobRequest?.respond(0);
    },
  });
}

module.exports = { readableWebStream };
