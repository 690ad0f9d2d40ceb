// The Durable Objects that live in this isolate: many of one class share it, each with its own instance, events and I/O.

import { op_actor } from "skerry:ops";
import { primordials } from "../webapi/primordials.js";

const { Error, MapPrototypeDelete, MapPrototypeGet, MapPrototypeSet, SafeMap, SafeSet } = primordials;

const DIFFERENT = "Cannot perform I/O on behalf of a different Durable Object. I/O objects (such as streams, request/response bodies, and others) " +
  "created in the context of one Durable Object cannot be accessed from a different Durable Object in the same isolate. This is a limitation of " +
  "Cloudflare Workers which allows us to improve overall performance.";

const objects = new SafeMap();

/**
 * The record of an object, under the number of its own event. `id`: the text of its id; `state`: its `ctx`; `instance`: what its class made, once an event
 * has come; `blocks`: how many ask for new events to wait, and `waiting` the events that do, each with the async context that it is to run in;
 * `transaction`: the one that was begun last; `sockets`: the WebSockets that it has accepted, by number; `exports`: the numbers of what stubs lead to
 * in it (rpc_target.js); `files`: as an event's (context.js).
 */
export function addObject(id) {
  const number = op_actor();
  const object = {
    __proto__: null, number, id, state: undefined, instance: undefined, blocks: 0, waiting: [], transaction: undefined, sockets: new SafeMap(),
    exports: new SafeSet(), files: undefined,
  };
  MapPrototypeSet(objects, number, object);
  return object;
}

/** The object that the running code belongs to; undefined where there are none. */
export function currentObject() {
  const number = op_actor();
  return number === undefined ? undefined : MapPrototypeGet(objects, number);
}

/** What is an object's own is for its own code: that of others in the isolate can come by it, and may not use it. */
export function requireObject(object) {
  if (op_actor() !== object.number) throw new Error(DIFFERENT);
}

let forgetExports;

/** rpc_target.js brings here what forgets the exports of an object that is gone. */
export function setForgetObjectExports(forget) {
  forgetExports = forget;
}

/** Hook: the object has left memory, or was reset. */
export function actorClosed(number) {
  const object = MapPrototypeGet(objects, number);
  if (object === undefined) return;
  MapPrototypeDelete(objects, number);
  forgetExports(object.exports);
}
