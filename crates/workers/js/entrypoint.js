// The `cloudflare:workers` module: classes that entrypoints extend, and the environment for code without a handler's arguments.

import { primordials } from "../webapi/primordials.js";
import { defineInterface } from "../webapi/webidl.js";
import { currentEvent, waitUntil as waitFor } from "./context.js";
import { currentEnv } from "./handlers.js";
import { RpcPromise, RpcProperty, RpcStub } from "./rpc_stub.js";
import { RpcTarget } from "./rpc_target.js";
import { Fetcher } from "./service.js";

const { Error, ObjectPrototypeIsPrototypeOf } = primordials;

/** https://developers.cloudflare.com/workers/runtime-apis/bindings/service-bindings/rpc/#the-workerentrypoint-class */
export class WorkerEntrypoint {
  constructor(ctx, env) {
    this.ctx = ctx;
    this.env = env;
  }
}
defineInterface(WorkerEntrypoint);

export class DurableObject {
  constructor(ctx, env) {
    this.ctx = ctx;
    this.env = env;
  }
}
defineInterface(DurableObject);

const { prototype: entrypointPrototype } = WorkerEntrypoint;

export function isEntrypointClass(value) {
  return typeof value === "function" && ObjectPrototypeIsPrototypeOf(entrypointPrototype, value.prototype);
}

function waitUntil(promise) {
  const event = currentEvent();
  if (event === undefined) throw new Error("waitUntil() can only be called while an event is being handled.");
  waitFor(event, promise);
}

export function workersModule() {
  return { __proto__: null, env: currentEnv(), waitUntil, WorkerEntrypoint, DurableObject, RpcTarget, RpcStub, RpcPromise, RpcProperty, ServiceStub: Fetcher };
}
