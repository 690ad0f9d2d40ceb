// Events (DOM section 2, HTML section 8.1.8): Event, EventTarget and the event classes that Workers have.
//
// For other files of the runtime:
//   dispatch(target, event, onError)    fires a trusted event; `onError(error)` instead of reporting what a listener throws
//   isEvent(value) isEventTarget(value) hasListeners(target, type)
//   defineEventHandler(prototype, "message")   gives `prototype` an `onmessage` attribute
//   observeListeners(target, observer)  `observer(target)` runs whenever a listener is added or removed
//   setGlobalTarget(object)             makes `object` an EventTarget: the one that methods called without receiver mean
//   reportException(error)              reports what a callback threw, as setReportException(report) was told to

import { primordials } from "./primordials.js";
import { flags } from "./compatibility.js";
import {
  converters, createDictionary, createNullable, createSequence, defineInterface, illegalInvocation, isObject, notOfType, requiredArguments,
} from "./webidl.js";
import { DOMException } from "./domexception.js";
import { op_now } from "skerry:ops";
const {
  ArrayPrototypePush, ArrayPrototypeSlice, ArrayPrototypeSplice, FunctionPrototypeCall, ObjectDefineProperty, ObjectFreeze,
  ObjectGetOwnPropertyDescriptor, Promise, PromisePrototype, ObjectPrototypeIsPrototypeOf, SafeMap, TypeError,
} = primordials;

// === Event ===

const NONE = 0;
const CAPTURING_PHASE = 1;
const AT_TARGET = 2;
const BUBBLING_PHASE = 3;

const BUBBLES = 1;
const CANCELABLE = 2;
const COMPOSED = 4;
const CANCELED = 8;
const STOP_PROPAGATION = 16;
const STOP_IMMEDIATE = 32;
const DISPATCH = 64;
const IN_PASSIVE = 128;
const TRUSTED = 256;

export const eventInitMembers = ObjectFreeze([
  { key: "bubbles", converter: converters.boolean, defaultValue: () => false },
  { key: "cancelable", converter: converters.boolean, defaultValue: () => false },
  { key: "composed", converter: converters.boolean, defaultValue: () => false },
]);
const toEventInit = createDictionary("EventInit", [ArrayPrototypeSlice(eventInitMembers)]);

export class Event {
  #type;
  #flags = 0;
  #target = null;
  #currentTarget = null;
  #timeStamp = op_now();

  constructor(type, init = undefined) {
    const prefix = "Failed to construct 'Event'";
    requiredArguments(arguments.length, 1, prefix);
    this.#type = converters.DOMString(type, prefix, "parameter 1");
    if (init !== undefined && init !== null) {
      const { bubbles, cancelable, composed } = toEventInit(init, prefix, "parameter 2");
      this.#flags = (bubbles ? BUBBLES : 0) | (cancelable ? CANCELABLE : 0) | (composed ? COMPOSED : 0);
    }
    ObjectDefineProperty(this, "isTrusted", isTrustedDescriptor);
  }

  get type() { return #type in this ? this.#type : illegalInvocation(); }
  get target() { return #type in this ? this.#target : illegalInvocation(); }
  get srcElement() { return #type in this ? this.#target : illegalInvocation(); }
  get currentTarget() { return #type in this ? this.#currentTarget : illegalInvocation(); }

  composedPath() {
    if (!(#type in this)) illegalInvocation();
    return this.#currentTarget === null ? [] : [this.#currentTarget];
  }

  get eventPhase() {
    if (!(#type in this)) illegalInvocation();
    return this.#flags & DISPATCH ? AT_TARGET : NONE;
  }

  stopPropagation() {
    if (!(#type in this)) illegalInvocation();
    this.#flags |= STOP_PROPAGATION;
  }

  get cancelBubble() {
    if (!(#type in this)) illegalInvocation();
    return (this.#flags & STOP_PROPAGATION) !== 0;
  }

  set cancelBubble(value) {
    if (!(#type in this)) illegalInvocation();
    if (value) this.#flags |= STOP_PROPAGATION;
  }

  stopImmediatePropagation() {
    if (!(#type in this)) illegalInvocation();
    this.#flags |= STOP_PROPAGATION | STOP_IMMEDIATE;
  }

  get bubbles() { return #type in this ? (this.#flags & BUBBLES) !== 0 : illegalInvocation(); }
  get cancelable() { return #type in this ? (this.#flags & CANCELABLE) !== 0 : illegalInvocation(); }
  get returnValue() { return #type in this ? (this.#flags & CANCELED) === 0 : illegalInvocation(); }

  set returnValue(value) {
    if (!(#type in this)) illegalInvocation();
    if (!value) this.#cancel();
  }

  preventDefault() {
    if (!(#type in this)) illegalInvocation();
    this.#cancel();
  }

  get defaultPrevented() { return #type in this ? (this.#flags & CANCELED) !== 0 : illegalInvocation(); }
  get composed() { return #type in this ? (this.#flags & COMPOSED) !== 0 : illegalInvocation(); }
  get timeStamp() { return #type in this ? this.#timeStamp : illegalInvocation(); }

  initEvent(type, bubbles = false, cancelable = false) {
    if (!(#type in this)) illegalInvocation();
    const prefix = "Failed to execute 'initEvent' on 'Event'";
    requiredArguments(arguments.length, 1, prefix);
    type = converters.DOMString(type, prefix, "parameter 1");
    if (this.#flags & DISPATCH) return;
    this.#type = type;
    this.#target = null;
    this.#flags = (this.#flags & COMPOSED) | (bubbles ? BUBBLES : 0) | (cancelable ? CANCELABLE : 0);
  }

  #cancel() {
    if ((this.#flags & (CANCELABLE | IN_PASSIVE)) === CANCELABLE) this.#flags |= CANCELED;
  }

  // The dispatcher's hands on an event's private state.
  static {
    isTrustedDescriptor = {
      __proto__: null, enumerable: true, configurable: false, set: undefined,
      get: ObjectGetOwnPropertyDescriptor({
        get isTrusted() { return isObject(this) && #type in this ? (this.#flags & TRUSTED) !== 0 : illegalInvocation(); },
      }, "isTrusted").get,
    };
    isEvent = (value) => isObject(value) && #type in value;
    isDispatching = (event) => (event.#flags & DISPATCH) !== 0;
    begin = (event, target, trusted) => {
      event.#flags = trusted ? event.#flags | DISPATCH | TRUSTED : (event.#flags | DISPATCH) & ~TRUSTED;
      event.#target = target;
      event.#currentTarget = target;
      return event.#type;
    };
    end = (event) => {
      event.#flags &= ~(DISPATCH | STOP_PROPAGATION | STOP_IMMEDIATE);
      event.#currentTarget = null;
      return (event.#flags & CANCELED) === 0;
    };
    isStopped = (event, flag) => (event.#flags & flag) !== 0;
    setPassive = (event, passive) => {
      event.#flags = passive ? event.#flags | IN_PASSIVE : event.#flags & ~IN_PASSIVE;
    };
    cancel = (event) => event.#cancel();
  }
}
var isTrustedDescriptor, isDispatching, begin, end, isStopped, setPassive, cancel;
export var isEvent;
defineInterface(Event, { constants: { NONE, CAPTURING_PHASE, AT_TARGET, BUBBLING_PHASE } });

// === EventTarget ===

let globalTarget;
let globalListeners = null;
let globalObserver = null;
let report = (error) => { throw error; };

export function setGlobalTarget(object) {
  globalTarget = object;
}

export function setReportException(reporter) {
  report = reporter;
}

/** Reports an exception that nobody can catch (HTML section 8.1.4.7). */
export function reportException(error) {
  report(error);
}

const nullableCallback = createNullable((value, prefix, context) => {
  if (!isObject(value)) throw notOfType(prefix, context, "EventListener");
  return value;
});

/** Flattened options: `capture` alone decides a listener's identity. */
function captureOf(options) {
  return isObject(options) ? !!options.capture : !!options;
}

export class EventTarget {
  // type -> array of listeners: { callback, capture, once, passive, signal, onAbort, removed, handler }
  #listeners = null;
  #observer = null;

  constructor() {
    // Present so that `EventTarget.length` is 0 and subclasses need pass nothing.
  }

  addEventListener(type, callback, options = undefined) {
    const target = receiver(this);
    const prefix = "Failed to execute 'addEventListener' on 'EventTarget'";
    requiredArguments(arguments.length, 2, prefix);
    type = converters.DOMString(type, prefix, "parameter 1");
    callback = nullableCallback(callback, prefix, "parameter 2");
    let once = false;
    let passive = false;
    let signal;
    let capture = false;
    if (isObject(options)) {
      // Members in the lexicographical order that Web IDL reads them in, the inherited dictionary's first.
      capture = !!options.capture;
      once = !!options.once;
      passive = !!options.passive;
      signal = options.signal;
      if (signal !== undefined && !abortHooks.isSignal(signal)) throw notOfType(prefix, "member signal of AddEventListenerOptions", "AbortSignal");
    } else {
      capture = !!options;
    }
    if (signal !== undefined && abortHooks.isAborted(signal)) return;
    if (callback === null) return;
    const list = listOf(target, type, true);
    for (let i = 0; i < list.length; i++) {
      if (!list[i].handler && list[i].callback === callback && list[i].capture === capture) return;
    }
    const listener = { callback, capture, once, passive, signal, onAbort: undefined, removed: false, handler: false };
    ArrayPrototypePush(list, listener);
    if (signal !== undefined) {
      listener.onAbort = () => removeListener(target, type, listener);
      abortHooks.add(signal, listener.onAbort);
    }
    notify(target);
  }

  removeEventListener(type, callback, options = undefined) {
    const target = receiver(this);
    const prefix = "Failed to execute 'removeEventListener' on 'EventTarget'";
    requiredArguments(arguments.length, 2, prefix);
    type = converters.DOMString(type, prefix, "parameter 1");
    callback = nullableCallback(callback, prefix, "parameter 2");
    const capture = captureOf(options);
    const list = listOf(target, type, false);
    if (list === undefined) return;
    for (let i = 0; i < list.length; i++) {
      const listener = list[i];
      if (!listener.handler && listener.callback === callback && listener.capture === capture) {
        removeListener(target, type, listener);
        return;
      }
    }
  }

  dispatchEvent(event) {
    const target = receiver(this);
    const prefix = "Failed to execute 'dispatchEvent' on 'EventTarget'";
    requiredArguments(arguments.length, 1, prefix);
    if (!isEvent(event)) throw notOfType(prefix, "parameter 1", "Event");
    if (isDispatching(event)) throw new DOMException(`${prefix}: The event is already being dispatched.`, "InvalidStateError");
    if (flags.spec_compliant_dispatch_exceptions) return run(target, event, false, reportException);
    try {
      return run(target, event, false, rethrow);
    } catch (error) {
      end(event);
      throw error;
    }
  }

  static {
    isEventTarget = (value) => isObject(value) && (#listeners in value || value === globalTarget);
    receiver = (self) => {
      if (self === undefined || self === null) {
        if (globalTarget !== undefined) return globalTarget;
      } else if (isEventTarget(self)) {
        return self;
      }
      return illegalInvocation();
    };
    listenersOf = (target) => (target === globalTarget ? globalListeners : target.#listeners);
    listOf = (target, type, create) => {
      let listeners = listenersOf(target);
      if (listeners === null) {
        if (!create) return undefined;
        listeners = new SafeMap();
        if (target === globalTarget) globalListeners = listeners;
        else target.#listeners = listeners;
      }
      let list = listeners.get(type);
      if (list === undefined && create) {
        list = [];
        listeners.set(type, list);
      }
      return list;
    };
    notify = (target) => {
      const observer = target === globalTarget ? globalObserver : target.#observer;
      if (observer !== null) observer(target);
    };
    observeListeners = (target, observer) => {
      if (target === globalTarget) globalObserver = observer;
      else target.#observer = observer;
    };
  }
}
var receiver, listenersOf, listOf, notify;
export var isEventTarget, observeListeners;
defineInterface(EventTarget);

// abort.js hooks itself in: it needs this file to be evaluated first.
export const abortHooks = { __proto__: null, isSignal: undefined, isAborted: undefined, add: undefined, remove: undefined };

function removeListener(target, type, listener) {
  if (listener.removed) return;
  listener.removed = true;
  if (listener.onAbort !== undefined) abortHooks.remove(listener.signal, listener.onAbort);
  const listeners = listenersOf(target);
  const list = listeners.get(type);
  for (let i = 0; i < list.length; i++) {
    if (list[i] === listener) {
      ArrayPrototypeSplice(list, i, 1);
      break;
    }
  }
  if (list.length === 0) listeners.delete(type);
  notify(target);
}

export function hasListeners(target, type) {
  return listOf(target, type, false) !== undefined;
}

/** Fires `event` at `target` as the runtime itself: `isTrusted` is true. False when a listener prevented the default. */
export function dispatch(target, event, onError = reportException) {
  return run(target, event, true, onError);
}

/** DOM section 2.9 for a target without parents: capturing listeners first, then the others. */
function run(target, event, trusted, onError) {
  const type = begin(event, target, trusted);
  const list = listOf(target, type, false);
  if (list !== undefined && !isStopped(event, STOP_PROPAGATION)) {
    if (list.length === 1 && !list[0].capture) {
      invoke(target, event, type, list[0], onError);
    } else {
      // Each phase sees the listeners that are there when it begins.
      invokeAll(target, event, type, ArrayPrototypeSlice(list), true, onError);
      if (!isStopped(event, STOP_PROPAGATION)) invokeAll(target, event, type, ArrayPrototypeSlice(list), false, onError);
    }
  }
  return end(event);
}

function invokeAll(target, event, type, list, capture, onError) {
  for (let i = 0; i < list.length; i++) {
    if (isStopped(event, STOP_IMMEDIATE)) return;
    const listener = list[i];
    if (listener.capture === capture && !listener.removed) invoke(target, event, type, listener, onError);
  }
}

function rethrow(error) {
  throw error;
}

function invoke(target, event, type, listener, onError) {
  if (listener.once) removeListener(target, type, listener);
  if (listener.passive) setPassive(event, true);
  try {
    const { callback } = listener;
    if (listener.handler) {
      invokeHandler(target, event, type, callback);
    } else if (typeof callback === "function") {
      FunctionPrototypeCall(callback, flags.set_event_target_this ? target : globalThis, event);
    } else {
      const { handleEvent } = callback;
      if (typeof handleEvent !== "function") throw new TypeError("EventListener.handleEvent is not a function");
      FunctionPrototypeCall(handleEvent, callback, event);
    }
  } catch (error) {
    onError(error);
  }
  if (listener.passive) setPassive(event, false);
}

/** HTML section 8.1.8.1, "the event handler processing algorithm". */
function invokeHandler(target, event, type, handler) {
  if (type === "error" && target === globalTarget && isErrorEvent(event)) {
    const result = FunctionPrototypeCall(handler, target, event.message, event.filename, event.lineno, event.colno, event.error);
    if (result === true) cancel(event);
    return;
  }
  if (FunctionPrototypeCall(handler, target, event) === false) cancel(event);
}

/** Adds an event handler attribute `on<type>` to `prototype`. */
export function defineEventHandler(prototype, type, name = `on${type}`) {
  const find = (target) => {
    const list = listOf(target, type, false);
    if (list === undefined) return undefined;
    for (let i = 0; i < list.length; i++) {
      if (list[i].handler) return list[i];
    }
    return undefined;
  };
  const { get, set } = ObjectGetOwnPropertyDescriptor({
    get [name]() { return find(receiver(this))?.callback ?? null; },
    set [name](callback) {
      const target = receiver(this);
      const existing = find(target);
      if (typeof callback !== "function" && !(typeof callback === "object" && callback !== null)) {
        if (existing !== undefined) removeListener(target, type, existing);
      } else if (existing !== undefined) {
        // A handler that changes keeps its place among the listeners.
        existing.callback = callback;
      } else {
        ArrayPrototypePush(listOf(target, type, true), {
          callback, capture: false, once: false, passive: false, signal: undefined, onAbort: undefined, removed: false, handler: true,
        });
        notify(target);
      }
    },
  }, name);
  ObjectDefineProperty(prototype, name, { __proto__: null, configurable: true, enumerable: true, get, set });
}

// === The other event classes ===

export class CustomEvent extends Event {
  #detail = null;

  constructor(type, init = undefined) {
    requiredArguments(arguments.length, 1, "Failed to construct 'CustomEvent'");
    super(type, init);
    this.#detail = init?.detail ?? null;
  }

  get detail() { return #detail in this ? this.#detail : illegalInvocation(); }

  initCustomEvent(type, bubbles = false, cancelable = false, detail = null) {
    if (!(#detail in this)) illegalInvocation();
    requiredArguments(arguments.length, 1, "Failed to execute 'initCustomEvent' on 'CustomEvent'");
    if (isDispatching(this)) return;
    FunctionPrototypeCall(initEvent, this, type, bubbles, cancelable);
    this.#detail = detail;
  }
}
const { initEvent } = Event.prototype;
defineInterface(CustomEvent);

const toErrorEventInit = createDictionary("ErrorEventInit", [
  { key: "message", converter: converters.DOMString, defaultValue: () => "" },
  { key: "filename", converter: converters.USVString, defaultValue: () => "" },
  { key: "lineno", converter: converters["unsigned long"], defaultValue: () => 0 },
  { key: "colno", converter: converters["unsigned long"], defaultValue: () => 0 },
  { key: "error", converter: converters.any },
]);

export class ErrorEvent extends Event {
  #init;

  constructor(type, init = undefined) {
    const prefix = "Failed to construct 'ErrorEvent'";
    requiredArguments(arguments.length, 1, prefix);
    super(type, init);
    this.#init = toErrorEventInit(init, prefix, "parameter 2");
  }

  get message() { return #init in this ? this.#init.message : illegalInvocation(); }
  get filename() { return #init in this ? this.#init.filename : illegalInvocation(); }
  get lineno() { return #init in this ? this.#init.lineno : illegalInvocation(); }
  get colno() { return #init in this ? this.#init.colno : illegalInvocation(); }
  get error() { return #init in this ? this.#init.error : illegalInvocation(); }

  static {
    isErrorEvent = (event) => #init in event;
  }
}
var isErrorEvent;
defineInterface(ErrorEvent);

const toPromiseRejectionEventInit = createDictionary("PromiseRejectionEventInit", [
  { key: "promise", converter: converters.object, required: true },
  { key: "reason", converter: converters.any },
]);

export class PromiseRejectionEvent extends Event {
  #promise;
  #reason;

  constructor(type, init) {
    const prefix = "Failed to construct 'PromiseRejectionEvent'";
    requiredArguments(arguments.length, 2, prefix);
    super(type, init);
    const { promise, reason } = toPromiseRejectionEventInit(init, prefix, "parameter 2");
    // `Promise<any>` converts anything else to a promise resolved with it.
    this.#promise = ObjectPrototypeIsPrototypeOf(PromisePrototype, promise) ? promise : new Promise((resolve) => resolve(promise));
    this.#reason = reason;
  }

  get promise() { return #promise in this ? this.#promise : illegalInvocation(); }
  get reason() { return #promise in this ? this.#reason : illegalInvocation(); }
}
defineInterface(PromiseRejectionEvent);

const toMessageEventInit = createDictionary("MessageEventInit", [
  { key: "data", converter: converters.any, defaultValue: () => null },
  { key: "origin", converter: converters.USVString, defaultValue: () => "" },
  { key: "lastEventId", converter: converters.DOMString, defaultValue: () => "" },
  {
    key: "source", defaultValue: () => null,
    converter: createNullable((value, prefix, context) => {
      if (!isEventTarget(value)) throw notOfType(prefix, context, "MessageEventSource");
      return value;
    }),
  },
  {
    key: "ports", defaultValue: () => [],
    converter: createSequence((value, prefix, context) => {
      if (!isEventTarget(value)) throw notOfType(prefix, context, "MessagePort");
      return value;
    }),
  },
]);

export class MessageEvent extends Event {
  #init;

  constructor(type, init = undefined) {
    const prefix = "Failed to construct 'MessageEvent'";
    requiredArguments(arguments.length, 1, prefix);
    super(type, init);
    this.#init = toMessageEventInit(init, prefix, "parameter 2");
    ObjectFreeze(this.#init.ports);
  }

  get data() { return #init in this ? this.#init.data : illegalInvocation(); }
  get origin() { return #init in this ? this.#init.origin : illegalInvocation(); }
  get lastEventId() { return #init in this ? this.#init.lastEventId : illegalInvocation(); }
  get source() { return #init in this ? this.#init.source : illegalInvocation(); }
  get ports() { return #init in this ? this.#init.ports : illegalInvocation(); }
}
defineInterface(MessageEvent);

const toCloseEventInit = createDictionary("CloseEventInit", [
  { key: "wasClean", converter: converters.boolean, defaultValue: () => false },
  { key: "code", converter: converters["unsigned short"], defaultValue: () => 0 },
  { key: "reason", converter: converters.USVString, defaultValue: () => "" },
]);

export class CloseEvent extends Event {
  #init;

  constructor(type, init = undefined) {
    const prefix = "Failed to construct 'CloseEvent'";
    requiredArguments(arguments.length, 1, prefix);
    super(type, init);
    this.#init = toCloseEventInit(init, prefix, "parameter 2");
  }

  get wasClean() { return #init in this ? this.#init.wasClean : illegalInvocation(); }
  get code() { return #init in this ? this.#init.code : illegalInvocation(); }
  get reason() { return #init in this ? this.#init.reason : illegalInvocation(); }
}
defineInterface(CloseEvent);
