// EventSource (HTML section 9.2) as the platform has it: https://developers.cloudflare.com/workers/runtime-apis/eventsource/. No credentials, a `fetcher` to
// connect by, and `EventSource.from(stream)`.

import { op_async_frame_get, op_timer_clear, op_timer_start } from "skerry:ops";
import { primordials } from "./primordials.js";
import { abortedReason, createAbortSignal, signalAbort } from "./abort.js";
import { bodyStream } from "./body.js";
import { DOMException } from "./domexception.js";
import { EventStreamParser } from "./event_stream.js";
import { defineEventHandler, dispatch, ErrorEvent, Event, EventTarget, MessageEvent } from "./events.js";
import { fetch } from "./fetch.js";
import { listGet } from "./headers.js";
import { parseMimeType } from "./mime.js";
import { isResponse, responseBody, responseFacts, responsePlace, takeResponseBody } from "./response.js";
import { bytesOf, notBytes } from "./streams/native.js";
import { markAsHandled } from "./streams/promises.js";
import { isReadableStream, readableOf } from "./streams/readable.js";
import { acquireReader, readableCancel, readPromise } from "./streams/readable_state.js";
import { URL } from "./url.js";
import { defineInterface, illegalInvocation, isObject } from "./webidl.js";

const {
  Error, FunctionPrototypeCall, MathMax, MathMin, ObjectDefineProperty, ObjectGetOwnPropertyDescriptor, Symbol, SymbolDispose, TypeError, uncurryThis,
} = primordials;

const INTERNAL = Symbol("EventSource");
const hrefOf = uncurryThis(ObjectGetOwnPropertyDescriptor(URL.prototype, "href").get);
const originOf = uncurryThis(ObjectGetOwnPropertyDescriptor(URL.prototype, "origin").get);

const CONNECTING = 0;
const OPEN = 1;
const CLOSED = 2;

/** How long to wait before connecting again, in milliseconds: what a server asks for is kept within these. */
const RETRY = 2000;
const MIN_RETRY = 1000;
const MAX_RETRY = 10000;

export class EventSource extends EventTarget {
  #state = CONNECTING;
  /** The URL now connected to; undefined for a stream that was given. */
  #url = undefined;
  #fetcher = undefined;
  #retry = RETRY;
  #timer = undefined;
  /** Ends the exchange that is under way. */
  #signal = createAbortSignal();
  #reader = undefined;
  #wasEmpty = false;
  #parser = new EventStreamParser(
    (type, data, lastEventId) => this.#message(type, data, lastEventId),
    (milliseconds) => { this.#retry = MathMax(MathMin(milliseconds, MAX_RETRY), MIN_RETRY); },
  );

  constructor(url, init = undefined) {
    super();
    if (op_async_frame_get() === undefined) {
      throw new DOMException("An EventSource can only be created within the context of a worker request.", "NotSupportedError");
    }
    if (url === INTERNAL) return;
    const prefix = "Failed to construct 'EventSource'";
    if (arguments.length < 1) throw new TypeError(`${prefix}: constructor parameter 1 is not of type 'string'.`);
    const text = `${url}`;
    if (init !== undefined && init !== null) {
      if (!isObject(init)) throw new TypeError(`${prefix}: constructor parameter 2 is not of type 'EventSourceInit'.`);
      const { withCredentials, fetcher } = init;
      if (withCredentials) throw new DOMException("The init.withCredentials option is not supported. It must be false or undefined.", "NotSupportedError");
      if (fetcher !== undefined && (!isObject(fetcher) || typeof fetcher.fetch !== "function")) {
        throw new TypeError("Incorrect type for the 'fetcher' field on 'EventSourceInit': the provided value is not of type 'Fetcher'.");
      }
      this.#fetcher = fetcher;
    }
    try {
      this.#url = new URL(text);
    } catch {
      throw new DOMException(`Cannot open an EventSource to '${text}'. The URL is invalid.`, "SyntaxError");
    }
    this.#connect();
  }

  static from(stream) {
    if (!isReadableStream(stream)) throw new TypeError("Failed to execute 'from' on 'EventSource': parameter 1 is not of type 'ReadableStream'.");
    const readable = readableOf(stream);
    if (readable.reader !== undefined) throw new TypeError("This ReadableStream is locked.");
    if (readable.disturbed) throw new TypeError("This ReadableStream has already been read from.");
    const source = new EventSource(INTERNAL);
    source.#read(readable);
    return source;
  }

  get url() {
    if (!(#url in this)) illegalInvocation();
    return this.#url === undefined ? "" : hrefOf(this.#url);
  }

  get withCredentials() {
    if (!(#url in this)) illegalInvocation();
    return false;
  }

  get readyState() {
    if (!(#url in this)) illegalInvocation();
    return this.#state;
  }

  close() {
    if (!(#url in this)) illegalInvocation();
    this.#state = CLOSED;
    this.#disconnect(undefined);
    if (this.#timer !== undefined) op_timer_clear(this.#timer);
    this.#timer = undefined;
  }

  // === One connection ===

  #connect() {
    const signal = this.#signal;
    const headers = { __proto__: null, accept: "text/event-stream", "cache-control": "no-cache" };
    if (this.#parser.lastEventId !== "") headers["last-event-id"] = this.#parser.lastEventId;
    const init = { __proto__: null, headers, signal };
    const href = hrefOf(this.#url);
    let answer;
    try {
      answer = this.#fetcher === undefined ? fetch(href, init) : FunctionPrototypeCall(this.#fetcher.fetch, this.#fetcher, href, init);
    } catch (error) {
      this.#fail(error, false);
      return;
    }
    this.#receive(answer, signal);
  }

  async #receive(answer, signal) {
    let response;
    try {
      response = await answer;
    } catch (error) {
      // After `close()` nobody wants to know.
      if (abortedReason(signal) === undefined) this.#fail(error, false);
      return;
    }
    if (this.#state === CLOSED) return;
    const refused = isResponse(response) ? refusal(response) : "What the fetcher answered is no Response.";
    if (refused !== undefined) {
      this.#fail(new DOMException(refused, "AbortError"), false);
      return;
    }
    const { url, redirected } = responsePlace(response);
    if (redirected) this.#url = new URL(url);
    if (responseBody(response) === null) {
      // Once may be an accident.
      const again = !this.#wasEmpty;
      this.#wasEmpty = true;
      this.#fail(new Error(`The server provided no content.${again ? " Will try reconnecting." : ""}`), again);
      return;
    }
    this.#read(readableOf(bodyStream(takeResponseBody(response, "The fetcher's response was read already."))));
  }

  #read(readable) {
    this.#parser.reset();
    const reader = acquireReader(readable);
    this.#reader = reader;
    this.#state = OPEN;
    dispatch(this, new Event("open"));
    markAsHandled(this.#pump(reader));
  }

  async #pump(reader) {
    try {
      while (this.#reader === reader) {
        const { value, done } = await readPromise(reader);
        if (this.#reader !== reader) return;
        if (done) break;
        const bytes = bytesOf(value);
        if (bytes === undefined) throw notBytes();
        this.#parser.feed(bytes);
      }
    } catch (error) {
      // A connection that breaks off is one that may come back; whatever else fails would again.
      const lost = this.#url !== undefined && isObject(error) && error.message === "Network connection lost.";
      if (this.#reader === reader) this.#fail(lost ? new Error("The server disconnected.") : error, lost);
      return;
    }
    if (this.#reader === reader) this.#fail(new Error("The server disconnected."), this.#url !== undefined);
  }

  #message(type, data, lastEventId) {
    if (this.#state === CLOSED) return;
    const origin = this.#url === undefined ? "" : originOf(this.#url);
    dispatch(this, new MessageEvent(type, { __proto__: null, data, lastEventId, origin }));
  }

  /** Tells of an end, and connects again where `again`. */
  #fail(error, again) {
    if (this.#state === CLOSED) return;
    this.#disconnect(error);
    this.#state = again ? CONNECTING : CLOSED;
    dispatch(this, new ErrorEvent("error", { __proto__: null, error, message: messageOf(error) }));
    if (!again || this.#state === CLOSED) return;
    this.#signal = createAbortSignal();
    this.#timer = op_timer_start(() => {
      this.#timer = undefined;
      this.#connect();
    }, this.#retry, false);
  }

  #disconnect(reason) {
    const reader = this.#reader;
    this.#reader = undefined;
    signalAbort(this.#signal, reason);
    if (reader !== undefined) markAsHandled(readableCancel(reader.stream, reason));
  }
}
defineInterface(EventSource);
defineEventHandler(EventSource.prototype, "open");
defineEventHandler(EventSource.prototype, "message");
defineEventHandler(EventSource.prototype, "error");
const STATES = { __proto__: null, CONNECTING, OPEN, CLOSED };
for (const name of ["CONNECTING", "OPEN", "CLOSED"]) {
  ObjectDefineProperty(EventSource, name, { __proto__: null, value: STATES[name], enumerable: true });
}
ObjectDefineProperty(EventSource.prototype, SymbolDispose, {
  __proto__: null, value: EventSource.prototype.close, writable: true, enumerable: false, configurable: true,
});

/** Why a response is no event stream, or undefined. */
function refusal(response) {
  const { status, headers } = responseFacts(response);
  if (status < 200 || status > 299) return `The response status code was ${status}.`;
  const type = listGet(headers, "content-type");
  if (type === null) return "No content type header was present in the response.";
  if (parseMimeType(type)?.essence !== "text/event-stream") return `The content type '${type}' is invalid.`;
  return undefined;
}

function messageOf(error) {
  try {
    return isObject(error) ? `${error.message}` : `${error}`;
  } catch {
    return "";
  }
}
