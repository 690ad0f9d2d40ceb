// `ctx.tracing` (https://developers.cloudflare.com/workers/observability/traces/). Nobody collects traces here, so that every span is one that is
// not traced; code inside of spans runs all the same.

import { primordials } from "../webapi/primordials.js";
import { converters, defineInterface, illegalConstructor, illegalInvocation, isObject } from "../webapi/webidl.js";
import { storeOf, withStores } from "./async_stores.js";

const { FunctionPrototypeApply, ObjectDefineProperty, SafeArrayIterator, Symbol, TypeError } = primordials;

const INTERNAL = Symbol("Tracing");
/** The key of the span that code runs in. */
const ACTIVE = { __proto__: null };

function wrongParameter(method, owner, place, type) {
  return new TypeError(`Failed to execute '${method}' on '${owner}': parameter ${place} is not of type '${type}'.`);
}

/** Names are looked at, and then nobody is told of them. */
function requireText(value, method, owner) {
  if (value === undefined) throw wrongParameter(method, owner, 1, "string");
  converters.DOMString(value);
}

let isSpan;

class Span {
  #brand;

  constructor(key) {
    if (key !== INTERNAL) illegalConstructor();
    this.#brand = true;
  }

  get isTraced() {
    return #brand in this ? false : illegalInvocation();
  }

  spanContext() {
    if (!(#brand in this)) illegalInvocation();
    return { traceId: "00000000000000000000000000000000", spanId: "0000000000000000", traceFlags: 0 };
  }

  setAttribute(name, value) {
    if (!(#brand in this)) illegalInvocation();
    requireText(name, "setAttribute", "Span");
    return this;
  }

  setAttributes(attributes) {
    if (!(#brand in this)) illegalInvocation();
    if (!isObject(attributes)) throw wrongParameter("setAttributes", "Span", 1, "object");
    return this;
  }

  recordException(error) {
    if (!(#brand in this)) illegalInvocation();
    if (error === undefined) throw wrongParameter("recordException", "Span", 1, "Value");
  }

  updateName(name) {
    if (!(#brand in this)) illegalInvocation();
    requireText(name, "updateName", "Span");
    return this;
  }

  setStatus(status) {
    if (!(#brand in this)) illegalInvocation();
    if (!isObject(status)) throw wrongParameter("setStatus", "Span", 1, "TracingSpanStatus");
    const { code } = status;
    if (code !== "unset" && code !== "ok" && code !== "error") throw new TypeError("Span status code must be 'unset', 'ok', or 'error'.");
    return this;
  }

  end() {
    if (!(#brand in this)) illegalInvocation();
  }

  static {
    isSpan = (value) => isObject(value) && #brand in value;
  }
}
defineInterface(Span);

function within(method, span, run, args) {
  if (typeof run !== "function") throw wrongParameter(method, "Tracing", 2, "Function");
  return withStores([ACTIVE, span], () => FunctionPrototypeApply(run, undefined, args));
}

class Tracing {
  #brand;

  constructor(key) {
    if (key !== INTERNAL) illegalConstructor();
    this.#brand = true;
  }

  enterSpan(name, run, ...args) {
    if (!(#brand in this)) illegalInvocation();
    requireText(name, "enterSpan", "Tracing");
    const span = new Span(INTERNAL);
    return within("enterSpan", span, run, [span, ...new SafeArrayIterator(args)]);
  }

  startActiveSpan(name, run, ...args) {
    if (!(#brand in this)) illegalInvocation();
    requireText(name, "startActiveSpan", "Tracing");
    const span = new Span(INTERNAL);
    return within("startActiveSpan", span, run, [span, ...new SafeArrayIterator(args)]);
  }

  startSpan(name) {
    if (!(#brand in this)) illegalInvocation();
    requireText(name, "startSpan", "Tracing");
    return new Span(INTERNAL);
  }

  getActiveSpan() {
    if (!(#brand in this)) illegalInvocation();
    return storeOf(ACTIVE) ?? new Span(INTERNAL);
  }

  withActiveSpan(span, run, ...args) {
    if (!(#brand in this)) illegalInvocation();
    if (!isSpan(span)) throw wrongParameter("withActiveSpan", "Tracing", 1, "Span");
    return within("withActiveSpan", span, run, args);
  }
}
defineInterface(Tracing);
ObjectDefineProperty(Tracing.prototype, "Span", { __proto__: null, value: Span, writable: true, enumerable: true, configurable: true });

export const tracing = new Tracing(INTERNAL);
