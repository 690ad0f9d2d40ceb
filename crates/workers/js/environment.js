// `env` and `exports` of "cloudflare:workers": what a handler has as arguments, for code that has none, and what puts others in their place.

import { primordials } from "../webapi/primordials.js";
import { flags } from "../webapi/compatibility.js";
import { isObject } from "../webapi/webidl.js";
import { storeOf, withStores } from "./async_stores.js";
import { currentEnv } from "./handlers.js";
import { ownExports } from "./own_exports.js";

const {
  ArrayPrototypePush, Proxy, ReflectDefineProperty, ReflectDeleteProperty, ReflectGet, ReflectGetOwnPropertyDescriptor, ReflectHas, ReflectOwnKeys, ReflectSet,
  TypeError,
} = primordials;

// The keys of what replaces them for the code that runs.
const ENV = { __proto__: null };
const EXPORTS = { __proto__: null };

/** An object that is whatever `current()` says, each time that it is looked at. */
function view(target, current) {
  return new Proxy(target, {
    __proto__: null,
    defineProperty: (unused, name, descriptor) => ReflectDefineProperty(current(), name, descriptor),
    deleteProperty: (unused, name) => ReflectDeleteProperty(current(), name),
    get: (unused, name) => ReflectGet(current(), name),
    getOwnPropertyDescriptor: (unused, name) => ReflectGetOwnPropertyDescriptor(current(), name),
    has: (unused, name) => ReflectHas(current(), name),
    ownKeys: () => ReflectOwnKeys(current()),
    set: (unused, name, value) => ReflectSet(current(), name, value),
  });
}

/** What a Worker finds that may not see the real ones here. */
const nothing = {};

/** `env`: over the real one, so that it is shown as it is. */
export function importableEnv() {
  const own = flags.disallow_importable_env ? nothing : currentEnv();
  return view(own, () => storeOf(ENV) ?? own);
}

export function importableExports() {
  return view({}, () => storeOf(EXPORTS) ?? (flags.disallow_importable_env ? nothing : ownExports()));
}

/** Runs `run` with others in their place; what is no object replaces nothing. */
function replacing(method, pairs, place, run) {
  if (typeof run !== "function") throw new TypeError(`Failed to execute '${method}' on 'EnvModule': parameter ${place} is not of type 'function'.`);
  const stores = [];
  for (let i = 0; i < pairs.length; i += 2) {
    const value = pairs[i + 1];
    if (isObject(value)) ArrayPrototypePush(stores, pairs[i], value);
    else if (flags.env_module_nullable_support && (value === undefined || value === null)) ArrayPrototypePush(stores, pairs[i], nothing);
  }
  return withStores(stores, () => run());
}

export function withEnv(newEnv, fn) {
  return replacing("withEnv", [ENV, newEnv], 2, fn);
}

export function withExports(newExports, fn) {
  return replacing("withExports", [EXPORTS, newExports], 2, fn);
}

export function withEnvAndExports(newEnv, newExports, fn) {
  return replacing("withEnvAndExports", [ENV, newEnv, EXPORTS, newExports], 3, fn);
}
