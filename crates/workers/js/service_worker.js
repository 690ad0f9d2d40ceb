// Service-worker syntax: `addEventListener("fetch", event => event.respondWith(...))`.
// https://developers.cloudflare.com/workers/reference/migrate-to-module-workers/

import { primordials } from "../webapi/primordials.js";
import { dispatch, Event, hasListeners } from "../webapi/events.js";
import { fetch } from "../webapi/fetch.js";
import { defineInterface, illegalInvocation, requiredArguments } from "../webapi/webidl.js";
import { waitUntil } from "./context.js";
import { warn } from "./queue_event.js";

const { Error, Symbol, TypeError, globalThis } = primordials;

const INTERNAL = Symbol("ExtendableEvent");

export class ExtendableEvent extends Event {
  #event;

  constructor(key, type, event) {
    if (key !== INTERNAL) throw new TypeError("Illegal constructor");
    super(type);
    this.#event = event;
  }

  waitUntil(promise) {
    if (!(#event in this)) illegalInvocation();
    requiredArguments(arguments.length, 1, "Failed to execute 'waitUntil' on 'ExtendableEvent'");
    waitUntil(this.#event, promise);
  }

  passThroughOnException() {
    if (!(#event in this)) illegalInvocation();
    this.#event.passThrough = true;
  }
}
defineInterface(ExtendableEvent);

let responseOf;

export class FetchEvent extends ExtendableEvent {
  #request;
  /** What `respondWith` was given, in an array of one; null before. */
  #response = null;

  constructor(key, event, request) {
    super(key, "fetch", event);
    this.#request = request;
  }

  get request() {
    return #request in this ? this.#request : illegalInvocation();
  }

  respondWith(response) {
    if (!(#request in this)) illegalInvocation();
    requiredArguments(arguments.length, 1, "Failed to execute 'respondWith' on 'FetchEvent'");
    if (this.#response !== null) throw new TypeError("FetchEvent.respondWith() has already been called; it can only be called once.");
    this.#response = [response];
    this.stopImmediatePropagation();
  }

  static {
    responseOf = (event) => event.#response;
  }
}
defineInterface(FetchEvent);

/** What a `scheduled` handler is given first. */
export class ScheduledController {
  #cron;
  #scheduledTime;

  constructor(cron, scheduledTime) {
    this.#cron = cron;
    this.#scheduledTime = scheduledTime;
  }

  get cron() {
    return #cron in this ? this.#cron : illegalInvocation();
  }
  get scheduledTime() {
    return #cron in this ? this.#scheduledTime : illegalInvocation();
  }
  get type() {
    return #cron in this ? "scheduled" : illegalInvocation();
  }
  noRetry() {
    if (!(#cron in this)) illegalInvocation();
  }
}
defineInterface(ScheduledController);

export class ScheduledEvent extends ExtendableEvent {
  #controller;

  constructor(key, event, controller) {
    super(key, "scheduled", event);
    this.#controller = controller;
  }

  get cron() {
    return #controller in this ? this.#controller.cron : illegalInvocation();
  }
  get scheduledTime() {
    return #controller in this ? this.#controller.scheduledTime : illegalInvocation();
  }
  noRetry() {
    if (!(#controller in this)) illegalInvocation();
  }
}
defineInterface(ScheduledEvent);

/** A batch of a queue, see queue_event.js. */
class QueueEvent extends ExtendableEvent {
  #batch;

  constructor(key, event, batch) {
    super(key, "queue", event);
    this.#batch = batch;
  }

  get messages() {
    return #batch in this ? this.#batch.messages : illegalInvocation();
  }
  get metadata() {
    return #batch in this ? this.#batch.metadata : illegalInvocation();
  }
  get queue() {
    return #batch in this ? this.#batch.queue : illegalInvocation();
  }
  ackAll() {
    return #batch in this ? this.#batch.ackAll() : illegalInvocation();
  }
  retryAll(options = undefined) {
    return #batch in this ? this.#batch.retryAll(options) : illegalInvocation();
  }
}
defineInterface(QueueEvent);

/** What a tail handler in service-worker syntax is told with, under both of its names. */
export class TailEvent extends ExtendableEvent {
  #items;

  constructor(key, type, event, items) {
    super(key, type, event);
    this.#items = items;
  }

  get events() {
    return #items in this ? this.#items : illegalInvocation();
  }
  get traces() {
    return #items in this ? this.#items : illegalInvocation();
  }
}
defineInterface(TailEvent);

export function listensFor(type) {
  return hasListeners(globalThis, type);
}

export function hasEventListeners() {
  return listensFor("fetch") || listensFor("scheduled") || listensFor("queue") || listensFor("tail") || listensFor("trace");
}

/** Fires at the global scope; the first exception that a listener throws is thrown. */
function fire(event) {
  let thrown = null;
  dispatch(globalThis, event, (error) => {
    thrown ??= [error];
  });
  if (thrown !== null) throw thrown[0];
}

/** The response that a listener gave; without one the request goes on to its origin. */
export function callFetchListeners(request, event) {
  const fetchEvent = new FetchEvent(INTERNAL, event, request);
  fire(fetchEvent);
  const response = responseOf(fetchEvent);
  return response === null ? fetch(request) : response[0];
}

export function callScheduledListeners(controller, event) {
  fire(new ScheduledEvent(INTERNAL, event, controller));
}

export function callQueueListeners(batch, event) {
  if (!listensFor("queue")) {
    warn('Received a QueueEvent but we lack an event listener for queue events. Did you remember to call addEventListener("queue", ...)?');
    throw new Error("No event listener registered for queue messages.");
  }
  fire(new QueueEvent(INTERNAL, event, batch));
}

export function callTailListeners(items, event) {
  fire(new TailEvent(INTERNAL, listensFor("tail") ? "tail" : "trace", event, items));
}
