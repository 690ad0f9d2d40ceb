// Node.js' modules, for Workers with the flag: nothing of them is in the snapshot but this. What the loader and the modules need of the
// runtime they get from here as `host`.

import {
  op_async_frame_get, op_async_frame_set, op_console, op_fetch_abort, op_fetch_id, op_node_binding, op_node_compile, op_node_modules, op_now, op_socket_connect, op_socket_drop,
  op_socket_end, op_socket_read, op_socket_start_tls, op_socket_write, op_timer_clear, op_timer_start,
} from "skerry:ops";
import { primordials } from "../webapi/primordials.js";
import { AbortController, AbortSignal } from "../webapi/abort.js";
import { Blob, File } from "../webapi/blob.js";
import { flags } from "../webapi/compatibility.js";
import { CompressionStream, DecompressionStream } from "../webapi/compression.js";
import { console } from "../webapi/console.js";
import { CryptoKey, crypto } from "../webapi/crypto.js";
import { keyMaterial } from "../webapi/crypto/key.js";
import { DOMException } from "../webapi/domexception.js";
import { TextDecoder, TextDecoderStream, TextEncoder, TextEncoderStream } from "../webapi/encoding.js";
import { CloseEvent, Event, EventTarget, MessageEvent, reportException } from "../webapi/events.js";
import { fetch } from "../webapi/fetch.js";
import { Headers } from "../webapi/headers.js";
import { MessageChannel, MessagePort } from "../webapi/message_channel.js";
import * as timeline from "../webapi/performance.js";
import { Request } from "../webapi/request.js";
import { Response } from "../webapi/response.js";
import * as streams from "../webapi/streams.js";
import { structuredClone } from "../webapi/structured_clone.js";
import { queueMicrotask } from "../webapi/timers.js";
import { URL, URLSearchParams } from "../webapi/url.js";
import { WebSocket } from "../webapi/websocket.js";
import { currentEvent } from "./context.js";
import * as timers from "./node_timers.js";
import { currentObject } from "./object.js";

const { FinalizationRegistry, ObjectDefineProperty, ReflectDeleteProperty, WeakRef, globalThis } = primordials;

/** TCP connections, under `net` and `tls`. */
const sockets = {
  __proto__: null,
  abort: op_fetch_abort, attempt: op_fetch_id, connect: op_socket_connect, drop: op_socket_drop, end: op_socket_end, read: op_socket_read,
  startTls: op_socket_start_tls, write: op_socket_write,
};

/** Whose files the running code has: the record of its object, or of its event, or undefined. */
const owner = () => currentObject() ?? currentEvent();

/** `(specifier) -> exports | undefined`, once a Worker has asked for something. */
let load;
/** Where `process.env` has its values from, if anywhere. */
let textBindings;

/** Before the script runs. Nothing is loaded yet: that takes longer than all else of a Worker's start, and most need none of it. */
export function startNode(bindings) {
  if (flags.nodejs_compat_populate_process_env) textBindings = bindings;
  if (!flags.nodejs_compat_v2) return;
  define("Buffer", () => nodeModule("node:buffer").Buffer);
  define("process", () => nodeModule("node:process").default);
  define("global", () => globalThis);
  place("setImmediate", timers.setImmediate);
  place("clearImmediate", timers.clearImmediate);
  if (!flags.enable_nodejs_global_timers) return;
  for (let i = 0; i < GLOBAL_TIMERS.length; i++) place(GLOBAL_TIMERS[i], timers[GLOBAL_TIMERS[i]], true);
}

const GLOBAL_TIMERS = ["setTimeout", "clearTimeout", "setInterval", "clearInterval"];

// Node's own file brings the one that knows Node's errors, as soon as it is loaded.
timers.setValidateCallback((callback) => nodeModule("node:timers").setTimeout(callback));

function place(name, value, enumerable = false) {
  ObjectDefineProperty(globalThis, name, { __proto__: null, value, writable: true, enumerable, configurable: true });
}

/** A global that is made when it is first looked at. */
function define(name, get) {
  ObjectDefineProperty(globalThis, name, {
    __proto__: null,
    get() {
      const value = get();
      place(name, value);
      return value;
    },
    set: (value) => place(name, value),
    enumerable: false,
    configurable: true,
  });
}

function startLoader() {
  const host = {
    __proto__: null,
    AbortController, AbortSignal, Blob, CloseEvent, CompressionStream, CryptoKey, DOMException, DecompressionStream, Event, EventTarget, File, Headers,
    MessageChannel, MessageEvent, MessagePort, Request, Response, TextDecoder, TextDecoderStream, TextEncoder, TextEncoderStream, URL,
    URLSearchParams, WebSocket,
    binding: op_node_binding, clearTimer: op_timer_clear, compile: op_node_compile, console, crypto, fetch, flags, frame: op_async_frame_get, keyMaterial,
    log: op_console, modules: op_node_modules(), now: op_now, owner, queueMicrotask, reportException, setFrame: op_async_frame_set, sockets,
    startTimer: op_timer_start, streams, structuredClone, timeline, timers,
  };
  // The loader is a module like those that it loads.
  const module = { __proto__: null, exports: undefined };
  op_node_compile("internal/loader")(undefined, undefined, module);
  const start = () => module.exports(host, flags.nodejs_compat || flags.nodejs_compat_v2, flags.nodejs_compat_v2, textBindings);
  if (flags.enable_weak_ref) return start();
  // Node's own files have them, though the Worker does not.
  place("WeakRef", WeakRef);
  place("FinalizationRegistry", FinalizationRegistry);
  try {
    return start();
  } finally {
    ReflectDeleteProperty(globalThis, "WeakRef");
    ReflectDeleteProperty(globalThis, "FinalizationRegistry");
  }
}

/** The exports of one of Node's modules, or undefined where it is not to be seen. */
export function nodeModule(name) {
  if (!flags.nodejs_als && !flags.nodejs_compat && !flags.nodejs_compat_v2) return undefined;
  load ??= startLoader();
  return load(name);
}
