// node:async_hooks over what V8 carries along the asynchronous flow of control: an event's id, or `[event, stores, owner]`.
// `stores` is a list of pairs, a storage and its store; it never changes.

'use strict';

const { ArrayPrototypePush, Error, FunctionPrototypeBind, ObjectDefineProperties, ObjectFreeze, ReflectApply } = primordials;
const { host: { flags, frame, setFrame } } = require('internal/host');
const { validateFunction, validateString } = require('internal/validators');

function storesOf(carried) {
  return typeof carried === 'object' && carried !== null && carried.length > 1 ? carried[1] : undefined;
}

/** Runs `run` with these stores, in the event that the code that runs belongs to. */
function withStores(stores, run, self, args) {
  const before = frame();
  const isList = typeof before === 'object' && before !== null;
  const event = isList ? before[0] : before;
  setFrame(isList && before.length > 2 ? [event, stores, before[2]] : [event, stores]);
  try {
    return ReflectApply(run, self, args);
  } finally {
    setFrame(before);
  }
}

function changed(storage, store, isSet) {
  const before = storesOf(frame());
  const stores = [];
  if (before !== undefined) {
    for (let i = 0; i < before.length; i += 2) {
      if (before[i] !== storage) ArrayPrototypePush(stores, before[i], before[i + 1]);
    }
  }
  if (isSet) ArrayPrototypePush(stores, storage, store);
  return stores;
}

/** Whose I/O it is: an event's, or that of an object, which outlives events. */
function ownerOf(carried) {
  if (typeof carried !== 'object' || carried === null) return carried;
  return carried.length > 2 ? carried[2] : carried[0];
}

function snapshot() {
  const carried = frame();
  const stores = storesOf(carried);
  const owner = flags.bind_asynclocalstorage_snapshot_to_request ? ownerOf(carried) : undefined;
  return (run, self, args) => {
    if (owner !== undefined && ownerOf(frame()) !== owner) {
      throw new Error('Cannot call this AsyncLocalStorage bound function outside of the request in which it was created.');
    }
    return withStores(stores, run, self, args);
  };
}

class AsyncLocalStorage {
  static bind(fn) {
    validateFunction(fn, 'fn');
    const inside = snapshot();
    return function(...args) { return inside(fn, this, args); };
  }

  static snapshot() {
    const inside = snapshot();
    return function(fn, ...args) { return inside(fn, this, args); };
  }

  getStore() {
    const stores = storesOf(frame());
    if (stores === undefined) return undefined;
    for (let i = 0; i < stores.length; i += 2) {
      if (stores[i] === this) return stores[i + 1];
    }
    return undefined;
  }

  run(store, callback, ...args) {
    return withStores(changed(this, store, true), callback, undefined, args);
  }

  exit(callback, ...args) {
    return withStores(changed(this, undefined, true), callback, undefined, args);
  }

  enterWith() {
    throw new Error('asyncLocalStorage.enterWith() is not implemented');
  }

  disable() {
    throw new Error('asyncLocalStorage.disable() is not implemented');
  }
}

class AsyncResource {
  #inside = snapshot();

  constructor(type) {
    validateString(type, 'type');
  }

  static bind(fn, type, thisArg) {
    return new AsyncResource(type || fn.name || 'bound-anonymous-fn').bind(fn, thisArg);
  }

  bind(fn, thisArg) {
    validateFunction(fn, 'fn');
    const resource = this;
    const bound = thisArg === undefined ?
      function(...args) { return resource.runInAsyncScope(fn, this, ...args); } :
      FunctionPrototypeBind(this.runInAsyncScope, this, fn, thisArg);
    ObjectDefineProperties(bound, {
      __proto__: null,
      length: { __proto__: null, configurable: true, enumerable: false, value: fn.length, writable: false },
    });
    return bound;
  }

  runInAsyncScope(fn, thisArg, ...args) {
    return this.#inside(fn, thisArg, args);
  }

  emitDestroy() { return this; }
  asyncId() { return 0; }
  triggerAsyncId() { return 0; }
}

/** What Node counts asynchronous resources by; here nothing counts them. */
const PROVIDERS = [
  'NONE', 'DIRHANDLE', 'DNSCHANNEL', 'ELDHISTOGRAM', 'FILEHANDLE', 'FILEHANDLECLOSEREQ', 'BLOBREADER', 'FSEVENTWRAP', 'FSREQCALLBACK', 'FSREQPROMISE',
  'GETADDRINFOREQWRAP', 'GETNAMEINFOREQWRAP', 'HEAPSNAPSHOT', 'HTTP2SESSION', 'HTTP2STREAM', 'HTTP2PING', 'HTTP2SETTINGS', 'HTTPINCOMINGMESSAGE',
  'HTTPCLIENTREQUEST', 'LOCKS', 'JSSTREAM', 'JSUDPWRAP', 'MESSAGEPORT', 'PIPECONNECTWRAP', 'PIPESERVERWRAP', 'PIPEWRAP', 'PROCESSWRAP', 'PROMISE',
  'QUERYWRAP', 'QUIC_ENDPOINT', 'QUIC_LOGSTREAM', 'QUIC_SESSION', 'QUIC_STREAM', 'QUIC_UDP', 'SHUTDOWNWRAP', 'SIGNALWRAP', 'STATWATCHER', 'STREAMPIPE',
  'TCPCONNECTWRAP', 'TCPSERVERWRAP', 'TCPWRAP', 'TTYWRAP', 'UDPSENDWRAP', 'UDPWRAP', 'SIGINTWATCHDOG', 'WORKER', 'WORKERCPUPROFILE', 'WORKERCPUUSAGE',
  'WORKERHEAPPROFILE', 'WORKERHEAPSNAPSHOT', 'WORKERHEAPSTATISTICS', 'WRITEWRAP', 'ZLIB', 'CHECKPRIMEREQUEST', 'PBKDF2REQUEST', 'KEYPAIRGENREQUEST',
  'KEYGENREQUEST', 'KEYEXPORTREQUEST', 'ARGON2REQUEST', 'CIPHERREQUEST', 'DERIVEBITSREQUEST', 'HASHREQUEST', 'RANDOMBYTESREQUEST', 'RANDOMPRIMEREQUEST',
  'SCRYPTREQUEST', 'SIGNREQUEST', 'TLSWRAP', 'VERIFYREQUEST', 'QUIC_PACKET',
];
const asyncWrapProviders = { __proto__: null };
for (let i = 0; i < PROVIDERS.length; i++) asyncWrapProviders[PROVIDERS[i]] = 0;

module.exports = {
  AsyncLocalStorage,
  AsyncResource,
  asyncWrapProviders: ObjectFreeze(asyncWrapProviders),
  createHook: () => ({ enable() { return this; }, disable() { return this; } }),
  executionAsyncId: () => 0,
  executionAsyncResource: () => ({ __proto__: null }),
  triggerAsyncId: () => 0,
};
