// The global scope as a Worker's compatibility flags have it, and what tells the Worker of them: `Cloudflare.compatibilityFlags`.

import { op_compatibility_flags } from "skerry:ops";
import { primordials } from "../webapi/primordials.js";
import { flags } from "../webapi/compatibility.js";
import { Headers } from "../webapi/headers.js";
import { Navigator } from "../webapi/navigator.js";
import { Performance } from "../webapi/performance.js";
import { ExecutionContext } from "./context.js";
import { DurableObjectState } from "./durable_object_state.js";
import { interfaces, unnamed } from "./globals.js";
const {
  Error, ObjectDefineProperty, ObjectFreeze, ReflectDeleteProperty, ObjectKeys, ObjectPrototype, ObjectSetPrototypeOf,
  ReflectGetPrototypeOf, SymbolToStringTag, globalThis,
} = primordials;

class Cloudflare {
  constructor() {
    // Made when somebody asks: most Workers never do.
    ObjectDefineProperty(this, "compatibilityFlags", {
      __proto__: null,
      enumerable: true,
      configurable: true,
      get() {
        const value = {};
        const told = op_compatibility_flags();
        for (let i = 0; i < told.length; i += 2) ObjectDefineProperty(value, told[i], { __proto__: null, value: told[i + 1], enumerable: true });
        ObjectDefineProperty(this, "compatibilityFlags", { __proto__: null, value: ObjectFreeze(value), enumerable: true });
        return value;
      },
    });
  }
}
ObjectDefineProperty(globalThis, "Cloudflare", { __proto__: null, value: new Cloudflare(), writable: true, enumerable: true, configurable: true });

function importScripts() {
  throw new Error("Failed to execute 'importScripts' on 'WorkerGlobalScope': the method is not implemented.");
}

function remove(...names) {
  for (let i = 0; i < names.length; i++) ReflectDeleteProperty(globalThis, names[i]);
}

/** Before the script runs. */
export function arrangeGlobals() {
  if (!flags.global_navigator) remove("navigator", "Navigator");
  if (!flags.enable_navigator_language) {
    ReflectDeleteProperty(Navigator.prototype, "language");
    ReflectDeleteProperty(Navigator.prototype, "languages");
  }
  if (!flags.enable_weak_ref) remove("WeakRef", "FinalizationRegistry");
  if (!flags.expose_global_message_channel) remove("MessageChannel", "MessagePort");
  if (!flags.http_headers_getsetcookie) ReflectDeleteProperty(Headers.prototype, "getSetCookie");
  if (!flags.no_global_importscripts) {
    ObjectDefineProperty(globalThis, "importScripts", { __proto__: null, value: importScripts, writable: true, enumerable: true, configurable: true });
  }
  if (!flags.enable_ctx_exports) {
    ReflectDeleteProperty(ExecutionContext.prototype, "exports");
    ReflectDeleteProperty(DurableObjectState.prototype, "exports");
  }
  if (!flags.enable_global_performance_classes && !flags.enable_nodejs_perf_hooks_module) removeTimeline();
  if (!flags.enable_nodejs_perf_hooks_module) removeMembers(Performance.prototype, NODES_PERFORMANCE);
  if (!flags.set_tostring_tag) removeTags();
}

const TIMELINE = [
  "Performance", "PerformanceEntry", "PerformanceMark", "PerformanceMeasure", "PerformanceObserver", "PerformanceObserverEntryList", "PerformanceResourceTiming",
];
const NODES_PERFORMANCE = ["eventLoopUtilization", "markResourceTiming", "nodeTiming", "timerify"];

function removeMembers(object, names) {
  for (let i = 0; i < names.length; i++) ReflectDeleteProperty(object, names[i]);
}

/** Without its timeline `performance` is a clock, and no EventTarget. */
function removeTimeline() {
  removeMembers(globalThis, TIMELINE);
  const { prototype } = Performance;
  const names = ObjectKeys(prototype);
  for (let i = 0; i < names.length; i++) if (names[i] !== "now" && names[i] !== "timeOrigin") ReflectDeleteProperty(prototype, names[i]);
  ObjectSetPrototypeOf(prototype, ObjectPrototype);
}

/** The names of the platform's classes; V8's own keep theirs. */
function removeTags() {
  for (let i = 0; i < unnamed.length; i++) ReflectDeleteProperty(unnamed[i].prototype, SymbolToStringTag);
  const names = ObjectKeys(interfaces);
  for (let i = 0; i < names.length; i++) {
    const { prototype } = interfaces[names[i]];
    if (prototype !== undefined) ReflectDeleteProperty(prototype, SymbolToStringTag);
  }
  for (let object = ReflectGetPrototypeOf(globalThis); object !== null; object = ReflectGetPrototypeOf(object)) ReflectDeleteProperty(object, SymbolToStringTag);
}
