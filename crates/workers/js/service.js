// Service bindings: https://developers.cloudflare.com/workers/runtime-apis/bindings/service-bindings/

import { op_service_fetch } from "skerry:ops";
import { primordials } from "../webapi/primordials.js";
import { flags } from "../webapi/compatibility.js";
import { exchange } from "../webapi/fetch.js";
import { requestParts } from "../webapi/request.js";
import { defineInterface, illegalInvocation, isObject } from "../webapi/webidl.js";
import { fetcherMethods } from "./fetcher_methods.js";
import { BindingFace, newProperty, SERVICE } from "./rpc_stub.js";

const { JSONStringify, ObjectCreate, ObjectPrototype, ObjectSetPrototypeOf, PromiseReject, Proxy, ReflectGet, ReflectHas, Symbol, TypeError, uncurryThis } = primordials;

const INTERNAL = Symbol("Fetcher");

/** What a Fetcher's methods are properties of, with the number of its service; undefined for anything else. */
export let serviceFace;

class ReturnArgument {
  constructor(object) {
    return object;
  }
}

/** Gives what it is made of, an object of the class below, the state of a Fetcher. */
export class Fetcher extends ReturnArgument {
  #root;

  /** `entrypoint` and `props`: which one of its own Worker it is a stub of, and the bytes of what that finds as `ctx.props`. */
  constructor(key, object, service, entrypoint = undefined, props = undefined) {
    if (key !== INTERNAL) throw new TypeError("Illegal constructor");
    super(object);
    this.#root = new BindingFace(SERVICE, service, entrypoint, props);
  }

  fetch(input, init = undefined) {
    try {
      if (!(#root in this)) illegalInvocation();
      if (arguments.length < 1) throw new TypeError("Failed to execute 'fetch' on 'Fetcher': parameter 1 is not of type 'Request or string'.");
      const request = requestParts(input, init);
      const { method, url, headers, cfContext } = request;
      const cf = request.cf !== undefined ? JSONStringify(request.cf) : cfContext === -1 ? undefined : cfContext;
      const { number, id: entrypoint, name: props } = this.#root;
      const begin = (body, redirect, id) => op_service_fetch(method, url, headers, body, redirect, cf, id, number, entrypoint, props);
      return exchange(request, begin);
    } catch (error) {
      return PromiseReject(error);
    }
  }

  static {
    serviceFace = (value) => (isObject(value) && #root in value ? value.#root : undefined);
  }
}
defineInterface(Fetcher);

const fetchOf = uncurryThis(Fetcher.prototype.fetch);
const methods = fetcherMethods((fetcher, url, init) => (serviceFace(fetcher) === undefined ? illegalInvocation() : fetchOf(fetcher, url, init)));

/** Any other name is a member of the other Worker's entrypoint, but for those that the language itself asks for. */
ObjectSetPrototypeOf(Fetcher.prototype, new Proxy(ObjectCreate(ObjectPrototype), {
  __proto__: null,
  get(target, name, receiver) {
    if (typeof name === "symbol" || name === "then" || name === "toJSON" || ReflectHas(target, name)) return ReflectGet(target, name, receiver);
    if (!flags.fetcher_no_get_put_delete && methods[name] !== undefined) return methods[name];
    if (!flags.rpc) return undefined;
    const root = serviceFace(receiver);
    return root === undefined ? undefined : newProperty(root, name);
  },
  has: (target, name) => (flags.rpc && typeof name === "string" && name !== "then") || ReflectHas(target, name),
}));

/** Hook: the face of the service that native code knows by this number. */
export function makeFetcher(service, entrypoint = undefined, props = undefined) {
  return new Fetcher(INTERNAL, undefined, service, entrypoint, props);
}

/** A stub of an entrypoint of this Worker. `specialize(options)`: calling it makes another one, with props. */
export class LoopbackServiceStub extends Fetcher {
  constructor(service, entrypoint, specialize) {
    const callable = (...args) => specialize(args);
    delete callable.length;
    delete callable.name;
    ObjectSetPrototypeOf(callable, LoopbackServiceStub.prototype);
    super(INTERNAL, callable, service, entrypoint);
  }
}
defineInterface(LoopbackServiceStub);
