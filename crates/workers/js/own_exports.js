// What a Worker finds of itself in `ctx.exports`: stubs of its own entrypoints, the namespaces of its Durable Object classes.
// https://developers.cloudflare.com/workers/runtime-apis/context/#exports

import { primordials } from "../webapi/primordials.js";
import { isObject } from "../webapi/webidl.js";
import { setOwnExports } from "./context.js";
import { makeObjectNamespace } from "./durable_objects.js";
import { isEntrypointClass } from "./entrypoint.js";
import { mainModule } from "./handlers.js";
import { packProps, unpackProps } from "./rpc.js";
import { LoopbackServiceStub, makeFetcher } from "./service.js";

const { ObjectKeys, TypeError } = primordials;

/** `[service | undefined, class, namespace, ...]` by their numbers (runtime.rs). */
let own = [];
let made;

setOwnExports(ownExports, unpackProps);

/** Before the script runs. */
export function prepareOwnExports(told) {
  own = told;
}

/** The object, made when somebody asks for it first; empty while the script runs. */
export function ownExports() {
  if (made !== undefined) return made;
  const exported = mainModule();
  return exported === undefined ? {} : (made = exportsOf(exported));
}

/** Those that only have handlers come first, then entrypoint classes, then Durable Objects. */
function exportsOf(exported) {
  const all = {};
  const names = ObjectKeys(exported);
  if (own[0] !== undefined) {
    for (let i = 0; i < names.length; i++) {
      const value = exported[names[i]];
      if (isObject(value) && typeof value !== "function") all[names[i]] = loopback(own[0], names[i]);
    }
    for (let i = 0; i < names.length; i++) {
      if (isEntrypointClass(exported[names[i]])) all[names[i]] = loopback(own[0], names[i]);
    }
  }
  for (let i = 1; i < own.length; i += 2) {
    if (typeof exported[own[i]] === "function") all[own[i]] = makeObjectNamespace(own[i + 1]);
  }
  return all;
}

function loopback(service, name) {
  const entrypoint = name === "default" ? undefined : name;
  return new LoopbackServiceStub(service, entrypoint, (args) => makeFetcher(service, entrypoint, propsOf(args)));
}

/** The bytes of the props in `{ props }`; undefined for none. */
function propsOf(args) {
  const options = args[0];
  if (args.length === 0 || (options !== null && !isObject(options))) {
    throw new TypeError("Failed to execute '(called as function)' on 'LoopbackServiceStub': parameter 1 is not of type 'Options'.");
  }
  const props = options?.props;
  if (props === undefined) return undefined;
  if (!isObject(props)) throw new TypeError("Incorrect type for the 'props' field on 'Options': the provided value is not of type 'Object'.");
  return packProps(props);
}
