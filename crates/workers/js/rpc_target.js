// The callee's side of RPC: what stubs lead to, how a call finds the member that it means, and how it is answered.
// https://developers.cloudflare.com/workers/runtime-apis/rpc/visibility/

import { op_report_exception, op_rpc_pipeline, op_rpc_return, op_trace_exception } from "skerry:ops";
import { primordials } from "../webapi/primordials.js";
import { defineInterface, isObject } from "../webapi/webidl.js";
import { answered, beginEvent, currentEvent, hold, letGo, setForgetExports, unkeepAll } from "./context.js";
import { callTarget } from "./handlers.js";
import { currentObject, setForgetObjectExports } from "./object.js";
import { Group, packResult, stubMembers, unpackArguments } from "./rpc.js";
import { packThrown } from "./rpc_error.js";
import { faceOf, PROPERTY, rootOf, STUB } from "./rpc_stub.js";

const {
  ArrayPrototypeJoin, Error, FunctionPrototypeApply, FunctionPrototypeCall, ObjectHasOwn, ObjectPrototype, PromisePrototypeThen, PromiseResolve, SafeMap, SafeSet,
  SymbolDispose, TypeError,
} = primordials;

export class RpcTarget {}
defineInterface(RpcTarget);

/** In an isolate of Durable Objects: what brings the current one an event, and what calls are made on. */
let deliver;
let objectTarget;

export function setObjects(deliverToObject, targetOfObject) {
  deliver = deliverToObject;
  objectTarget = targetOfObject;
}

/** The event that keeps stubs for as long as its caller's goes on; undefined where they are an object's. */
export function keepingEvent() {
  if (deliver !== undefined) return undefined;
  const event = currentEvent();
  return event !== undefined && event.isCall ? event : undefined;
}

// === Exports ===

/** All that stubs lead to, by number. */
const exports = new SafeMap();
let lastExport = 0;

/**
 * Exports `value`; its number. `own`: its own properties are its members, rather than those of its class. `lasting`: the current event lasts as long
 * as it is held. `dispose` is what happens when nobody holds it any more (otherwise what the value itself says), `stubs` are then disposed of.
 * `borrowed`: it stays whoever's it is, disposers and stubs in it included.
 */
export function addExport(value, own, lasting, { dispose = undefined, stubs = undefined, borrowed = false } = { __proto__: null }) {
  const number = ++lastExport;
  const event = lasting || deliver === undefined ? currentEvent() : undefined;
  const object = event === undefined ? currentObject() : undefined;
  if (dispose === undefined && !borrowed) {
    const method = value[SymbolDispose];
    if (typeof method === "function") dispose = method;
  }
  exports.set(number, { value, own, event, object, lasting, dispose, stubs, borrowed });
  if (object !== undefined) object.exports.add(number);
  if (event !== undefined) {
    event.exports ??= new SafeSet();
    event.exports.add(number);
    if (lasting) hold(event);
  }
  return number;
}

/** Takes back what has not left. */
export function dropExport(number) {
  const target = forget(number);
  if (target !== undefined && target.lasting && target.event !== undefined) letGo(target.event);
}

function forget(number) {
  const target = exports.get(number);
  if (target === undefined) return undefined;
  exports.delete(number);
  if (target.event !== undefined) target.event.exports.delete(number);
  if (target.object !== undefined) target.object.exports.delete(number);
  return target;
}

const forgetAll = (numbers) => numbers.forEach((number) => exports.delete(number));
setForgetExports(forgetAll);
setForgetObjectExports(forgetAll);

/** Hook: nobody holds it any more. */
export function dispatchRelease(number) {
  const target = forget(number);
  if (target === undefined) return;
  const { value, dispose, stubs, event } = target;
  if (dispose !== undefined) {
    try {
      FunctionPrototypeCall(dispose, value);
    } catch (error) {
      op_report_exception(error);
    }
  }
  disposeAll(stubs);
  if (target.lasting && event !== undefined) letGo(event);
}

function disposeAll(stubs) {
  if (stubs !== undefined) for (let i = 0; i < stubs.length; i++) stubs[i].dispose();
}

// === Members ===

const TARGET_RESERVED = new SafeSet().add("constructor").add("dup");
const ENTRYPOINT_RESERVED = new SafeSet()
  .add("constructor").add("dup").add("fetch").add("connect").add("alarm").add("webSocketMessage").add("webSocketClose").add("webSocketError");

function noMember(name) {
  return new TypeError(`The RPC receiver does not implement the method "${name}".`);
}

/** A member of `value`: of its own where `own` says so, else of its class, and never what every object has. */
function member(value, name, own, reserved) {
  if (reserved.has(name)) throw new TypeError(`'${name}' is a reserved method and cannot be called over RPC.`);
  if (name === "__proto__" || ObjectHasOwn(value, name) !== own) throw noMember(name);
  const found = value[name];
  if (!own && found === ObjectPrototype[name]) throw noMember(name);
  return found;
}

/** The member that a path leads to, and what it is a member of. */
function find(value, own, path, reserved) {
  if (typeof path === "string") return { found: member(value, path, own, reserved), self: value };
  if (path.length === 0) return { found: value, self: undefined };
  let throughStub = false;
  for (let i = 0; i < path.length - 1; i++) {
    const name = path[i];
    const next = member(value, name, own, reserved);
    if (!isObject(next)) throw noMember(name);
    const face = faceOf(next);
    if (face !== undefined) {
      // Members of a stub's are the stub's own business.
      if (face.kind !== STUB && !(throughStub && face.kind === PROPERTY)) throw noMember(name);
      throughStub = true;
      own = false;
    } else {
      own = stubMembers(next);
      if (own === undefined) throw noMember(name);
    }
    value = next;
    reserved = TARGET_RESERVED;
  }
  return { found: member(value, path[path.length - 1], own, reserved), self: value };
}

function pathName(path) {
  if (typeof path === "string") return path;
  return path.length === 0 ? "(this)" : ArrayPrototypeJoin(path, ".");
}

/** The arguments of a method that is no class's: the one that was sent, env and ctx. */
function plainArguments(method, name, args, env, ctx) {
  const arity = method.length;
  if (typeof arity === "number" && arity > 3) {
    throw new TypeError(
      `Cannot call handler function "${name}" over RPC because it has the wrong number of arguments. A simple function handler can only be called over ` +
        "RPC if it has exactly the arguments (arg, env, ctx), where only the first argument comes from the client. To support multi-argument RPC " +
        "functions, use class-based syntax (extending WorkerEntrypoint) instead.",
    );
  }
  if (args.length !== 1) {
    throw new TypeError(
      `Attempted to call RPC function "${name}" with the wrong number of arguments. When calling a top-level handler function that is not declared as ` +
        "part of a class, you must always send exactly one argument. In order to support variable numbers of arguments, the server must use " +
        "class-based syntax (extending WorkerEntrypoint) instead.",
    );
  }
  return [args[0], env, ctx];
}

// === Calls ===

/** A call that has come. `attached` and `event`: where its answer goes, and what ends with it (see op_rpc_return). */
class Incoming {
  #path;
  #calls;
  #data;
  #slots;
  #attached;
  #event;
  #group = new Group();
  #borrowed = false;
  /** The event that it is part of, and lasts for it. */
  #within = undefined;

  constructor(path, calls, data, slots, attached, event) {
    this.#path = path;
    this.#calls = calls;
    this.#data = data;
    this.#slots = slots;
    this.#attached = attached;
    this.#event = event;
  }

  /** Keeps the event that it is part of until it is answered, or nobody wants the answer. */
  within(event) {
    this.#within = event;
    hold(event);
    event.calls ??= new SafeMap();
    event.calls.set(this.#attached, this);
  }

  abandoned() {
    const within = this.#within;
    if (within === undefined) return;
    this.#within = undefined;
    within.calls.delete(this.#attached);
    letGo(within);
  }

  /** Runs it on what `target()` gives: `{ target, own, plain, env, ctx }`. */
  run(target, reserved) {
    let result;
    try {
      const work = () => this.#perform(target(), reserved);
      result = deliver === undefined ? work() : deliver(work);
      if (!isObject(result)) return this.#returned(result);
    } catch (error) {
      return this.#thrown(error);
    }
    PromisePrototypeThen(PromiseResolve(result), (value) => this.#returned(value), (error) => this.#thrown(error));
  }

  #perform({ target, own, plain, env, ctx, borrowed }, reserved) {
    const path = this.#path;
    this.#borrowed = borrowed === true;
    const { found, self } = find(target, own, path, reserved);
    if (!this.#calls) return found;
    if (typeof found !== "function") throw new TypeError(`"${pathName(path)}" is not a function.`);
    let args = unpackArguments(this.#data, this.#slots, this.#group);
    if (plain) args = plainArguments(found, pathName(path), args, env, ctx);
    return FunctionPrototypeApply(found, self, args);
  }

  #returned(value) {
    try {
      const { data, slots, pipelines, stubs } = packResult(value, this.#borrowed);
      const waiting = op_rpc_return(this.#attached, false, data, slots, pipelines, keeper());
      if (waiting !== undefined) {
        const isBinding = rootOf(value) !== undefined;
        const target = isBinding || (isObject(value) && stubMembers(value) !== undefined) ? value : {};
        op_rpc_pipeline(waiting, addExport(target, !isBinding, true, { stubs, borrowed: true }));
      } else {
        disposeAll(stubs);
      }
    } catch (error) {
      return this.#thrown(error);
    }
    this.#end();
  }

  #thrown(error) {
    if (this.#attached === 0) op_trace_exception(error);
    op_rpc_return(this.#attached, true, packThrown(error, currentObject()?.id), undefined, 0, keeper());
    this.#end();
  }

  #end() {
    this.#group.dispose();
    if (this.#event !== undefined) answered(this.#event);
    this.abandoned();
  }
}

/** What the caller's event is given to hold where its stubs are kept: when that has ended, so may this event. Its number, or 0. */
function keeper() {
  const event = keepingEvent();
  if (event === undefined || event.kept === 0) return 0;
  return addExport({}, true, false, { dispose: () => unkeepAll(event) });
}

/** Hook: a call of an entrypoint, or of this object. */
export function dispatchCall(id, entrypoint, props, path, calls, data, slots) {
  const event = beginEvent(id, props, true);
  const incoming = new Incoming(path, calls, data, slots, 0, event);
  if (deliver !== undefined) return incoming.run(() => ({ target: objectTarget(), own: false, plain: false }), ENTRYPOINT_RESERVED);
  incoming.run(() => {
    const { target, plain, env, ctx } = callTarget(entrypoint, event);
    return { target, own: plain, plain, env, ctx };
  }, ENTRYPOINT_RESERVED);
}

/** Hook: a call of what this isolate has exported. `id`: the event that it is in an object; 0: it is part of one. */
export function dispatchTargetCall(id, number, path, calls, data, slots, attached) {
  const event = id === 0 ? undefined : beginEvent(id, undefined, true);
  const incoming = new Incoming(path, calls, data, slots, attached, event);
  const within = event === undefined ? keepingEvent() : undefined;
  if (within !== undefined) incoming.within(within);
  incoming.run(() => {
    const target = exports.get(number);
    if (target === undefined) throw new Error("The execution context which hosts this callback is no longer running.");
    const { value, own, borrowed } = target;
    return { target: value, own, plain: false, borrowed };
  }, TARGET_RESERVED);
}

/** Hook: nobody waits for the answer of a call that is part of an event. */
export function dispatchAbandoned(attached) {
  currentEvent()?.calls?.get(attached)?.abandoned();
}
