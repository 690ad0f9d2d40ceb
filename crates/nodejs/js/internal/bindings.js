// What of Node's bindings is no native function: constants, and what the platform's own classes do.

'use strict';

const { ObjectAssign, ObjectDefineProperty, SafeWeakRef, Symbol } = primordials;
const { host } = require('internal/host');

module.exports = {
  __proto__: null,
  ...require('internal/bindings_of_io'),
  buffer(binding) {
    binding.kMaxLength = 2 ** 32;
    binding.kStringMaxLength = 2 ** 29 - 24;
    // Memory is always zeroed.
    binding.getZeroFillToggle = () => [1];
    binding.swap16 = (bytes) => swap(bytes, 2);
    binding.swap32 = (bytes) => swap(bytes, 4);
    binding.swap64 = (bytes) => swap(bytes, 8);
  },
  config(binding) {
    binding.hasIntl = false;
  },
  constants(binding) {
    ObjectAssign(binding, require('internal/constants_of_linux'));
    ObjectDefineProperty(binding, 'crypto', { __proto__: null, get: () => require('internal/crypto/constants') });
    binding.zlib = require('internal/zlib_constants');
  },
  crypto(binding) {
    require('internal/crypto/binding')(binding);
  },
  errors(binding) {
    binding.triggerUncaughtException = (error) => host.reportException(error);
  },
  messaging(binding) {
    binding.DOMException = host.DOMException;
  },
  string_decoder(binding) {
    require('internal/string_decoder_binding')(binding);
  },
  util(binding) {
    binding.constants = {
      __proto__: null, kPending: 0, kFulfilled: 1, kRejected: 2, ALL_PROPERTIES: 0, ONLY_ENUMERABLE: 2,
    };
    binding.privateSymbols = {
      __proto__: null,
      arrow_message_private_symbol: Symbol('node:arrowMessage'),
      decorated_private_symbol: Symbol('node:decorated'),
      untransferable_object_private_symbol: Symbol('node:untransferableObject'),
    };
    binding.isInsideNodeModules = () => false;
    binding.guessHandleType = () => 'UNKNOWN';
    binding.WeakReference = class WeakReference {
      #target;
      #strong;
      #count = 0;
      constructor(target) { this.#target = new SafeWeakRef(target); }
      get() { return this.#target.deref(); }
      incRef() { if (++this.#count === 1) this.#strong = this.get(); }
      decRef() { if (--this.#count === 0) this.#strong = undefined; }
    };
  },
};

function swap(bytes, size) {
  for (let at = 0; at + size <= bytes.length; at += size) {
    for (let i = 0, j = size - 1; i < j; i++, j--) {
      const byte = bytes[at + i];
      bytes[at + i] = bytes[at + j];
      bytes[at + j] = byte;
    }
  }
  return bytes;
}
