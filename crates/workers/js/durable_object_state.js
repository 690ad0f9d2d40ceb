// A Durable Object from inside: its instance, its `ctx`, and the events that reach it.
// https://developers.cloudflare.com/durable-objects/api/state/

import {
  op_alarm_begin, op_alarm_end, op_async_frame_get, op_async_frame_set, op_object_reset, op_object_socket_begun, op_report_exception,
  op_respond_error, op_timer_clear, op_timer_start,
} from "skerry:ops";
import { primordials } from "../webapi/primordials.js";
import { receivedClose, replyToClose } from "../webapi/websocket.js";
import { defineInterface, illegalInvocation, requiredArguments } from "../webapi/webidl.js";
import { answered, beginEvent, currentEvent, waitUntil } from "./context.js";
import {
  acceptSocket, autoResponse, autoResponseTimestamp, eventTimeout, forgetSocket, setAutoResponse, setEventTimeout, socketOf, socketsWith, tagsOf,
} from "./durable_object_sockets.js";
import { newObjectId } from "./durable_objects.js";
import { newObjectStorage } from "./durable_object_storage.js";
import { DurableObject } from "./entrypoint.js";
import { currentEnv, mainModule, serveWith } from "./handlers.js";
import { addObject, currentObject, requireObject } from "./object.js";
import { ownExports } from "./own_exports.js";
import { setObjects } from "./rpc_target.js";

const {
  ArrayPrototypePush, ArrayPrototypeShift, Error, ObjectPrototypeIsPrototypeOf, Promise, PromisePrototypeThen, PromiseReject, PromiseResolve, String, Symbol,
  TypeError, TypedArrayPrototypeGetBuffer,
} = primordials;

const INTERNAL = Symbol("DurableObjectState");
/** What `blockConcurrencyWhile` may take. */
const BLOCK_MS = 30_000;
/** How often a failed alarm is run again. */
const ALARM_RETRIES = 6;

/** What all objects of this isolate are instances of. */
let Class;

// === The instance ===

/** Once, when the script has run: this isolate is for instances of the class that the main module exports as `name`. */
export function startObjects(name) {
  Class = mainModule()?.[name];
  if (typeof Class !== "function") {
    throw new TypeError(`The Worker's main module exports no class ${name}, which its configuration says is a Durable Object's.`);
  }
  setObjects(deliver, callTarget);
  serveWith((request) => deliver((instance) => {
    if (typeof instance.fetch !== "function") throw new TypeError("Handler does not export a fetch() function.");
    return instance.fetch(request);
  }));
}

/** Hook: an object has come into this isolate. */
export function openObject(id, name, sql, jurisdiction) {
  const object = addObject(id);
  const storage = newObjectStorage(object, sql, (work) => transact(object, work));
  object.state = new DurableObjectState(INTERNAL, object, newObjectId(id, name, jurisdiction), storage);
}

/** Runs `work(instance)` when the current object's instance is there and takes events; what it returns, or a promise of it. */
function deliver(work) {
  const object = currentObject();
  if (object.instance === undefined) {
    try {
      object.instance = new Class(object.state, currentEnv());
    } catch (error) {
      op_object_reset(error);
      throw error;
    }
  }
  if (object.blocks === 0 && object.waiting.length === 0) return work(object.instance);
  return new Promise((resolve, reject) => {
    const run = () => {
      try {
        PromisePrototypeThen(PromiseResolve(work(object.instance)), resolve, reject);
      } catch (error) {
        reject(error);
      }
    };
    ArrayPrototypePush(object.waiting, { frame: op_async_frame_get(), run });
  });
}

/** Keeps new events waiting until `work` has settled; a promise of its outcome. */
function block(object, work) {
  object.blocks++;
  const outcome = attempt(work);
  const unblock = () => {
    object.blocks--;
    admitSoon(object);
  };
  PromisePrototypeThen(outcome, unblock, unblock);
  return outcome;
}

/** One event at a time, each in a step of its own: what the one before does without waiting for anything but storage comes first. */
function admitSoon(object) {
  if (object.blocks === 0 && object.waiting.length > 0) op_timer_start(() => admit(object), 0, false);
}

function admit(object) {
  if (object.blocks > 0 || object.waiting.length === 0) return;
  const { frame, run } = ArrayPrototypeShift(object.waiting);
  admitSoon(object);
  op_async_frame_set(frame);
  run();
}

function attempt(work) {
  try {
    return PromiseResolve(work());
  } catch (error) {
    return PromiseReject(error);
  }
}

/** An asynchronous transaction: no new event until it has ended, and one transaction after the other. */
function transact(object, work) {
  const turn = () => attempt(work);
  const { transaction } = object;
  const outcome = block(object, () => (transaction === undefined ? turn() : PromisePrototypeThen(transaction, turn, turn)));
  object.transaction = outcome;
  return outcome;
}

// === ctx ===

export class DurableObjectState {
  #object;
  #id;
  #storage;
  #props;

  constructor(key, object, id, storage) {
    if (key !== INTERNAL) throw new TypeError("Illegal constructor");
    this.#object = object;
    this.#id = id;
    this.#storage = storage;
  }

  /** What follows is for the object's own code. */
  #own() {
    requireObject(this.#object);
    return this.#object;
  }

  get id() {
    if (!(#id in this)) illegalInvocation();
    return this.#id;
  }

  get storage() {
    if (!(#id in this)) illegalInvocation();
    return this.#storage;
  }

  get props() {
    if (!(#id in this)) illegalInvocation();
    return (this.#props ??= {});
  }

  get exports() {
    if (!(#id in this)) illegalInvocation();
    return ownExports();
  }

  waitUntil(promise) {
    if (!(#id in this)) illegalInvocation();
    requiredArguments(arguments.length, 1, "Failed to execute 'waitUntil' on 'DurableObjectState'");
    const event = currentEvent();
    // Work of an object goes on anyway; within an event its failure is reported.
    if (event !== undefined) waitUntil(event, promise);
  }

  blockConcurrencyWhile(callback) {
    if (!(#id in this)) illegalInvocation();
    const object = this.#own();
    requiredArguments(arguments.length, 1, "Failed to execute 'blockConcurrencyWhile' on 'DurableObjectState'");
    if (typeof callback !== "function") {
      throw new TypeError("Failed to execute 'blockConcurrencyWhile' on 'DurableObjectState': parameter 1 is not of type 'Function'.");
    }
    const timer = op_timer_start(() => {
      op_object_reset(new Error("A call to blockConcurrencyWhile() in a Durable Object waited for too long. The call was canceled and the Durable Object was reset."));
    }, BLOCK_MS, false);
    const outcome = block(object, callback);
    PromisePrototypeThen(
      outcome,
      () => op_timer_clear(timer),
      // What it was to prepare is not there: the object starts anew.
      (error) => op_object_reset(error),
    );
    return outcome;
  }

  abort(reason = undefined) {
    if (!(#id in this)) illegalInvocation();
    this.#own();
    op_object_reset(new Error(reason === undefined ? "Application called abort() to reset Durable Object." : String(reason)));
  }

  acceptWebSocket(socket, tags = undefined) {
    if (!(#id in this)) illegalInvocation();
    this.#own();
    acceptSocket(socket, tags);
  }

  getWebSockets(tag = undefined) {
    if (!(#id in this)) illegalInvocation();
    this.#own();
    return socketsWith(tag);
  }

  getTags(socket) {
    if (!(#id in this)) illegalInvocation();
    this.#own();
    return tagsOf(socket);
  }

  setWebSocketAutoResponse(pair = undefined) {
    if (!(#id in this)) illegalInvocation();
    this.#own();
    setAutoResponse(pair);
  }

  getWebSocketAutoResponse() {
    if (!(#id in this)) illegalInvocation();
    this.#own();
    return autoResponse();
  }

  getWebSocketAutoResponseTimestamp(socket) {
    if (!(#id in this)) illegalInvocation();
    this.#own();
    return autoResponseTimestamp(socket);
  }

  setHibernatableWebSocketEventTimeout(milliseconds = undefined) {
    if (!(#id in this)) illegalInvocation();
    this.#own();
    setEventTimeout(milliseconds);
  }

  getHibernatableWebSocketEventTimeout() {
    if (!(#id in this)) illegalInvocation();
    this.#own();
    return eventTimeout();
  }
}
defineInterface(DurableObjectState);

// === Methods called from outside ===

/** What calls are made on. */
function callTarget() {
  const { instance } = currentObject();
  if (ObjectPrototypeIsPrototypeOf(DurableObject.prototype, instance)) return instance;
  throw new TypeError(
    "The receiving Durable Object does not support RPC, because its class was not declared with `extends DurableObject`. In order to enable RPC, make " +
      "sure your class extends the special class `DurableObject`, which can be imported from the module \"cloudflare:workers\".",
  );
}

// === WebSockets ===

/** What happens on a socket that the object has accepted. `kind`: message, close, error; see SocketEvent for the rest. */
export function dispatchSocket(id, number, kind, first, second, third) {
  const event = beginEvent(id);
  const failed = (error) => {
    op_report_exception(error);
    answered(event);
  };
  const work = (instance) => {
    try {
      const socket = socketOf(number);
      return socket === undefined ? undefined : tellSocket(instance, socket, number, kind, first, second, third);
    } finally {
      op_object_socket_begun();
    }
  };
  let result;
  try {
    result = deliver(work);
  } catch (error) {
    op_object_socket_begun();
    return failed(error);
  }
  PromisePrototypeThen(PromiseResolve(result), () => answered(event), failed);
}

function tellSocket(instance, socket, number, kind, first, second, third) {
  if (kind === "message") {
    if (typeof instance.webSocketMessage !== "function") return undefined;
    return instance.webSocketMessage(socket, typeof first === "string" ? first : TypedArrayPrototypeGetBuffer(first));
  }
  const isError = kind === "error";
  receivedClose(socket, !isError && third);
  const told = attempt(() => {
    if (isError) return typeof instance.webSocketError === "function" ? instance.webSocketError(socket, new Error(first)) : undefined;
    return typeof instance.webSocketClose === "function" ? instance.webSocketClose(socket, first, second, third) : undefined;
  });
  const end = () => {
    if (!isError) replyToClose(socket, first, second);
    forgetSocket(number);
  };
  PromisePrototypeThen(told, end, end);
  return told;
}

// === Alarms ===

/** https://developers.cloudflare.com/durable-objects/api/alarms/ */
export function dispatchAlarm(id, retryCount) {
  const event = beginEvent(id);
  const failed = (error) => {
    if (retryCount >= ALARM_RETRIES) op_alarm_end();
    op_respond_error(error);
    answered(event);
  };
  let result;
  try {
    result = deliver((instance) => {
      if (!op_alarm_begin()) return undefined;
      if (typeof instance.alarm !== "function") {
        op_alarm_end();
        throw new TypeError("The Durable Object has an alarm, but its class no alarm() handler.");
      }
      const ran = instance.alarm({ retryCount, isRetry: retryCount > 0 });
      return PromisePrototypeThen(PromiseResolve(ran), () => op_alarm_end());
    });
  } catch (error) {
    return failed(error);
  }
  PromisePrototypeThen(PromiseResolve(result), () => answered(event), failed);
}
