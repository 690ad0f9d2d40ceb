// What a tail handler is given: https://developers.cloudflare.com/workers/runtime-apis/handlers/tail/
//
// Everything is an own, enumerable property that can't be written, so that JSON.stringify() shows all of it.

import { primordials } from "../webapi/primordials.js";
import { parse } from "../webapi/json.js";
import { defineInterface, illegalConstructor, illegalInvocation } from "../webapi/webidl.js";

const { ArrayPrototypePush, Date, ObjectDefineProperty, ObjectKeys, Symbol } = primordials;

const INTERNAL = Symbol("TraceItem");

/** Gives `object` the properties of `values`. */
function show(object, values) {
  const names = ObjectKeys(values);
  for (let i = 0; i < names.length; i++) {
    ObjectDefineProperty(object, names[i], { __proto__: null, value: values[names[i]], writable: false, enumerable: true, configurable: true });
  }
}

class Shown {
  constructor(key, values) {
    if (key !== INTERNAL) illegalConstructor();
    show(this, values);
  }
}

class TraceItem extends Shown {}
class TraceLog extends Shown {}
class TraceException extends Shown {}
class FetchEventInfo extends Shown {}
class Response extends Shown {}
class JsRpcEventInfo extends Shown {}
class ScheduledEventInfo extends Shown {}
class AlarmEventInfo extends Shown {}
class QueueEventInfo extends Shown {}
class EmailEventInfo extends Shown {}
class TailEventInfo extends Shown {}
class TailItem extends Shown {}
class HibernatableWebSocketEventInfo extends Shown {}
class CustomEventInfo extends Shown {}

class Request extends Shown {
  /** What of it is hidden elsewhere, as it was. */
  #unredacted;

  constructor(key, values, unredacted) {
    super(key, values);
    this.#unredacted = unredacted;
  }

  getUnredacted() {
    if (!(#unredacted in this)) illegalInvocation();
    return this.#unredacted === undefined ? this : new Request(INTERNAL, { ...this, ...this.#unredacted }, undefined);
  }
}

for (const Class of [
  TraceItem, TraceLog, TraceException, FetchEventInfo, Response, JsRpcEventInfo, ScheduledEventInfo, AlarmEventInfo, QueueEventInfo, EmailEventInfo,
  TailEventInfo, TailItem, HibernatableWebSocketEventInfo, CustomEventInfo, Request,
]) {
  defineInterface(Class);
}

function all(Class, values) {
  const made = [];
  for (let i = 0; i < values.length; i++) ArrayPrototypePush(made, new Class(INTERNAL, values[i]));
  return made;
}

/** What the event was about, by what is known of it. */
function eventInfo(event, unredacted) {
  if (event === null || event === undefined) return null;
  if (event.request !== undefined) {
    const { request, response } = event;
    return new FetchEventInfo(INTERNAL, {
      response: response === undefined ? undefined : new Response(INTERNAL, response),
      request: new Request(INTERNAL, request, unredacted ?? undefined),
    });
  }
  if (event.rpcMethod !== undefined) return new JsRpcEventInfo(INTERNAL, event);
  if (event.cron !== undefined) return new ScheduledEventInfo(INTERNAL, event);
  if (event.scheduledTime !== undefined) return new AlarmEventInfo(INTERNAL, { ...event, scheduledTime: new Date(event.scheduledTime) });
  if (event.queue !== undefined) return new QueueEventInfo(INTERNAL, event);
  if (event.mailFrom !== undefined) return new EmailEventInfo(INTERNAL, event);
  if (event.consumedEvents !== undefined) return new TailEventInfo(INTERNAL, { consumedEvents: all(TailItem, event.consumedEvents) });
  if (event.getWebSocketEvent !== undefined) return new HibernatableWebSocketEventInfo(INTERNAL, event);
  return new CustomEventInfo(INTERNAL, event);
}

/** The items of which `json` tells, as platform/src/tail.rs writes them. */
export function traceItems(json) {
  const told = parse(json);
  const items = [];
  for (let i = 0; i < told.length; i++) {
    const { unredacted, event, logs, exceptions, ...values } = told[i];
    ArrayPrototypePush(items, new TraceItem(INTERNAL, {
      ...values, event: eventInfo(event, unredacted), logs: all(TraceLog, logs), exceptions: all(TraceException, exceptions),
    }));
  }
  return items;
}
