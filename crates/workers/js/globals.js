// The global scope: what stands on `globalThis`, with the attributes that Web IDL gives interfaces, functions and attributes.

import { op_report_exception } from "skerry:ops";
import { primordials } from "../webapi/primordials.js";
import { AbortController, AbortSignal } from "../webapi/abort.js";
import { atob, btoa } from "../webapi/base64.js";
import { Blob, File } from "../webapi/blob.js";
import { Body } from "../webapi/body.js";
import { CompressionStream, DecompressionStream } from "../webapi/compression.js";
import { console } from "../webapi/console.js";
import { Crypto, crypto, CryptoKey, SubtleCrypto } from "../webapi/crypto.js";
import { DOMException } from "../webapi/domexception.js";
import { TextDecoder, TextDecoderStream, TextEncoder, TextEncoderStream } from "../webapi/encoding.js";
import {
  CloseEvent, CustomEvent, ErrorEvent, Event, EventTarget, MessageEvent, PromiseRejectionEvent, dispatch, setGlobalTarget, setReportException,
} from "../webapi/events.js";
import { EventSource } from "../webapi/event_source.js";
import { fetch } from "../webapi/fetch.js";
import { FormData } from "../webapi/formdata.js";
import { Headers } from "../webapi/headers.js";
import { HTMLRewriter } from "../webapi/html_rewriter.js";
import "../webapi/json.js";
import { MessageChannel, MessagePort } from "../webapi/message_channel.js";
import { Navigator, navigator } from "../webapi/navigator.js";
import {
  Performance, performance, PerformanceEntry, PerformanceMark, PerformanceMeasure, PerformanceObserver, PerformanceObserverEntryList,
  PerformanceResourceTiming,
} from "../webapi/performance.js";
import "../webapi/performance_node.js";
import { Request } from "../webapi/request.js";
import { Response } from "../webapi/response.js";
import {
  ByteLengthQueuingStrategy, CountQueuingStrategy, FixedLengthStream, IdentityTransformStream, ReadableByteStreamController, ReadableStream,
  ReadableStreamBYOBReader, ReadableStreamBYOBRequest, ReadableStreamDefaultController, ReadableStreamDefaultReader, TransformStream,
  TransformStreamDefaultController, WritableStream, WritableStreamDefaultController, WritableStreamDefaultWriter,
} from "../webapi/streams.js";
import "../webapi/streams/transfer.js";
import { structuredClone } from "../webapi/structured_clone.js";
import { clearInterval, clearTimeout, queueMicrotask, Scheduler, scheduler, setInterval, setTimeout } from "../webapi/timers.js";
import { URL, URLSearchParams } from "../webapi/url.js";
import { URLPattern } from "../webapi/urlpattern.js";
import { WebSocket, WebSocketPair } from "../webapi/websocket.js";
import { requiredArguments } from "../webapi/webidl.js";
import "./beacon.js";
import { Cache, CacheStorage, caches } from "./cache.js";
import { ExecutionContext } from "./context.js";
import { WebSocketRequestResponsePair } from "./durable_object_sockets.js";
import { ExtendableEvent, FetchEvent, ScheduledController, ScheduledEvent, TailEvent } from "./service_worker.js";

const { ObjectDefineProperty, ObjectKeys, ObjectSetPrototypeOf, SymbolToStringTag, TypeError, globalThis } = primordials;

setGlobalTarget(globalThis);
setReportException(report);

class WorkerGlobalScope extends EventTarget {
  constructor() {
    throw new TypeError("Illegal constructor");
  }
}
ObjectDefineProperty(WorkerGlobalScope.prototype, SymbolToStringTag, { __proto__: null, value: "WorkerGlobalScope", configurable: true });

class ServiceWorkerGlobalScope extends WorkerGlobalScope {}
ObjectDefineProperty(ServiceWorkerGlobalScope.prototype, SymbolToStringTag, { __proto__: null, value: "ServiceWorkerGlobalScope", configurable: true });
ObjectSetPrototypeOf(globalThis, ServiceWorkerGlobalScope.prototype);

/** An exception that nobody caught: listeners of `error` may take it, else its owner is told (HTML section 8.1.4.6). */
export function report(error) {
  let message = "Uncaught exception";
  try {
    message = `Uncaught ${error}`;
  } catch {
    // A value without a text form is reported without one.
  }
  // What a listener for errors throws goes straight to the owner.
  if (dispatch(globalThis, new ErrorEvent("error", { error, message, cancelable: true }), op_report_exception)) op_report_exception(error);
}

function reportError(error) {
  requiredArguments(arguments.length, 1, "Failed to execute 'reportError' on 'ServiceWorkerGlobalScope'");
  report(error);
}

function define(values, enumerable) {
  const names = ObjectKeys(values);
  for (let i = 0; i < names.length; i++) {
    ObjectDefineProperty(globalThis, names[i], { __proto__: null, value: values[names[i]], writable: true, enumerable, configurable: true });
  }
}

/** Classes of what a Worker is given, without a name of their own. */
export const unnamed = [ExecutionContext, ScheduledController, Scheduler];

/** The classes, and what stands on the global object like one. */
export const interfaces = {
  AbortController, AbortSignal, Blob, Body, ByteLengthQueuingStrategy, Cache, CacheStorage, CloseEvent, CompressionStream, CountQueuingStrategy, Crypto, CryptoKey, CustomEvent,
  DOMException, DecompressionStream, ErrorEvent, Event, EventSource, EventTarget, ExtendableEvent, FetchEvent, File, FixedLengthStream, FormData,
  HTMLRewriter, Headers, IdentityTransformStream, MessageChannel, MessageEvent, MessagePort, Navigator, Performance, PerformanceEntry, PerformanceMark, PerformanceMeasure,
  PerformanceObserver, PerformanceObserverEntryList, PerformanceResourceTiming, PromiseRejectionEvent, ReadableByteStreamController, ReadableStream, ReadableStreamBYOBReader, ReadableStreamBYOBRequest,
  ReadableStreamDefaultController, ReadableStreamDefaultReader, Request, Response, ScheduledEvent,
  ServiceWorkerGlobalScope, SubtleCrypto, TailEvent, TextDecoder, TextDecoderStream, TextEncoder, TextEncoderStream, TraceEvent: TailEvent, TransformStream,
  TransformStreamDefaultController, URL, URLPattern, URLSearchParams, WebSocket, WebSocketPair, WebSocketRequestResponsePair, WorkerGlobalScope, WritableStream, WritableStreamDefaultController,
  WritableStreamDefaultWriter,
  console,
};
define(interfaces, false);

ObjectDefineProperty(globalThis, "origin", { __proto__: null, value: "null", enumerable: true, configurable: true });
define({
  atob, btoa, caches, clearInterval, clearTimeout, crypto, fetch, navigator, performance, queueMicrotask, reportError, scheduler, self: globalThis,
  setInterval, setTimeout, structuredClone,
}, true);
