// The `cloudflare:workers` module: classes that entrypoints extend, and the environment for code without a handler's arguments.

import { primordials } from "../webapi/primordials.js";
import { defineInterface } from "../webapi/webidl.js";
import { currentEvent, isExecutionContext, waitUntil as waitFor } from "./context.js";
import { importableEnv, importableExports, withEnv, withEnvAndExports, withExports } from "./environment.js";
import { RpcPromise, RpcProperty, RpcStub } from "./rpc_stub.js";
import { RpcTarget } from "./rpc_target.js";
import { Fetcher } from "./service.js";
import { tracing } from "./tracing.js";

const { Error, ObjectDefineProperty, ObjectPrototypeIsPrototypeOf, TypeError } = primordials;

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

/** What workflows are made of. Here is no engine that would run one. */
export class WorkflowEntrypoint {
  constructor(ctx, env) {
    if (!isExecutionContext(ctx)) throw new TypeError("Failed to construct 'WorkflowEntrypoint': constructor parameter 1 is not of type 'ExecutionContext'.");
    this.ctx = ctx;
    this.env = env;
  }
}
defineInterface(WorkflowEntrypoint);

/** A workflow's error after which its step is not tried again, of the module `cloudflare:workflows`. */
class NonRetryableError extends Error {
  constructor(message, name = "NonRetryableError") {
    super(message);
    this.name = name;
  }
}
ObjectDefineProperty(NonRetryableError, "length", { __proto__: null, configurable: true, value: 1 });

/** https://developers.cloudflare.com/email-routing/email-workers/runtime-api/#emailmessage-definition */
class EmailMessage {
  constructor(from, to, raw) {
    this.from = from;
    this.to = to;
    this.raw = raw;
  }
}

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
  return {
    __proto__: null,
    DurableObject, RpcPromise, RpcProperty, RpcStub, RpcTarget, ServiceStub: Fetcher, WorkerEntrypoint, WorkflowEntrypoint,
    env: importableEnv(), exports: importableExports(), tracing, waitUntil, withEnv, withEnvAndExports, withExports,
  };
}

export const workflowsModule = () => ({ __proto__: null, NonRetryableError });
export const emailModule = () => ({ __proto__: null, EmailMessage });

