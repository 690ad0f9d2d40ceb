// Node.js' modules, for Workers with the flag: nothing of them is in the snapshot but this. What the loader and the modules need of the
// runtime they get from here as `host`.

import { op_async_frame_get, op_async_frame_set, op_node_binding, op_node_compile, op_timer_clear, op_timer_start } from "skerry:ops";
import { AbortController, AbortSignal } from "../webapi/abort.js";
import { Blob, File } from "../webapi/blob.js";
import { console } from "../webapi/console.js";
import { DOMException } from "../webapi/domexception.js";
import { TextDecoder, TextEncoder } from "../webapi/encoding.js";
import { Event, EventTarget, reportException } from "../webapi/events.js";
import * as streams from "../webapi/streams.js";
import { queueMicrotask } from "../webapi/timers.js";
import { URL, URLSearchParams } from "../webapi/url.js";

/** `(name) -> exports | undefined`; undefined without the flags. */
let load;

/** Before the script runs: its flags. `textBindings`: where `process.env` has its values from, if anywhere. */
export function startNode(als, node, globals, textBindings) {
  if (!als) return;
  const host = {
    __proto__: null,
    AbortController, AbortSignal, Blob, DOMException, Event, EventTarget, File, TextDecoder, TextEncoder, URL, URLSearchParams,
    binding: op_node_binding, clearTimer: op_timer_clear, compile: op_node_compile, console, frame: op_async_frame_get, queueMicrotask,
    reportException, setFrame: op_async_frame_set, startTimer: op_timer_start, streams,
  };
  // The loader is a module like those that it loads.
  const module = { __proto__: null, exports: undefined };
  op_node_compile("internal/loader")(undefined, undefined, module);
  load = module.exports(host, node, globals, textBindings);
}

/** The exports of one of Node's modules, or undefined where it is not to be seen. */
export function nodeModule(name) {
  return load === undefined ? undefined : load(name);
}
