// What tests/nodejs_modules.rs asks of the modules that do little or nothing on the platform; stubs.json has what workerd 1.20260426.1 said
// to the same (compatibility date 2026-04-24).
import { Duplex } from "node:_stream_duplex";
import { Readable } from "node:_stream_readable";
import child_process from "node:child_process";
import cluster from "node:cluster";
import { disconnect } from "node:cluster";
import dgram from "node:dgram";
import { ADDRCONFIG } from "node:dns/promises";
import domain from "node:domain";
import { MessageEvent as Message, WebSocket as Socket } from "node:http";
import http2 from "node:http2";
import inspector from "node:inspector";
import inspectorPromises from "node:inspector/promises";
import os from "node:os";
import perf_hooks from "node:perf_hooks";
import readline from "node:readline";
import readlinePromises from "node:readline/promises";
import repl from "node:repl";
import { promises as streamPromises } from "node:stream/promises";
import { promises as timerPromises } from "node:timers";
import trace_events from "node:trace_events";
import tty from "node:tty";
import { toPathIfFileURL } from "node:url";
import v8 from "node:v8";
import vm from "node:vm";
import wasi from "node:wasi";
import worker_threads from "node:worker_threads";
import { BROTLI_ENCODE, Z_BEST_COMPRESSION } from "node:zlib";

const modules = {
  child_process, cluster, dgram, domain, http2, inspector, inspectorPromises, os, perf_hooks, readline, readlinePromises, repl, trace_events, tty, v8, vm, wasi, worker_threads,
};
/** What is exported by name and stands on no module, or not to be seen. */
const named = {
  brotli: BROTLI_ENCODE, best: Z_BEST_COMPRESSION, duplex: new Duplex().writable, readable: new Readable().readable, disconnect: typeof disconnect, hints: ADDRCONFIG > 0,
  message: Message === MessageEvent, socket: Socket === WebSocket, stream: typeof streamPromises.pipeline, timer: typeof timerPromises.setTimeout, path: toPathIfFileURL("x"),
};
modules.named = named;

/** What the platform's own machine says, or what is another module's. */
const OTHERS = {
  cluster: ["_events", "_eventsCount", "_maxListeners", "domain"], os: ["constants"], repl: ["builtinModules", "_builtinLibs"], inspector: ["console"], inspectorPromises: ["console"], perf_hooks: ["PerformanceResourceTiming", "Performance", "PerformanceMark", "PerformanceMeasure", "PerformanceObserver"],
  http2: ["getDefaultSettings"], worker_threads: ["MessageChannel", "MessagePort"],
};

function show(value, depth = 0) {
  if (value === undefined) return "undefined";
  if (typeof value === "symbol") return String(value);
  if (typeof value === "function") return "function";
  if (typeof value !== "object" || value === null) return value;
  if (typeof value.then === "function") return "promise";
  if (Array.isArray(value)) return value.map((entry) => show(entry, depth + 1));
  if (depth > 1) return "object";
  if (Object.getPrototypeOf(value) !== Object.prototype && Object.getPrototypeOf(value) !== null) return `of ${value.constructor.name}`;
  return Object.fromEntries(Object.keys(value).sort().map((key) => [key, show(value[key], depth + 1)]));
}
const told = (run) => { try { return show(run()); } catch (error) { return ["throws", error.name, error.code, error.message]; } };
const without = (list) => (name) => !list.includes(name);

function ask(name) {
  const module = modules[name];
  const answers = {};
  for (const key of Object.getOwnPropertyNames(module).filter(without(OTHERS[name] ?? [])).sort()) {
    const value = module[key];
    if (typeof value !== "function") answers[key] = show(value);
    else if (/^[A-Z]/.test(key)) answers[key] = ["class", told(() => new value()), Object.getOwnPropertyNames(value.prototype).filter(without(["constructor"])).sort()];
    else answers[key] = told(() => value.call(module));
  }
  return answers;
}

export default {
  async fetch(request) {
    const name = new URL(request.url).pathname.slice(1);
    return Response.json(name === "" ? Object.keys(modules) : ask(name));
  },
};
