// Service bindings: https://developers.cloudflare.com/workers/runtime-apis/bindings/service-bindings/

import { op_service_fetch } from "skerry:ops";
import { primordials } from "../webapi/primordials.js";
import { exchange } from "../webapi/fetch.js";
import { requestParts } from "../webapi/request.js";
import { defineInterface, illegalInvocation, isObject } from "../webapi/webidl.js";
import { BindingFace, newProperty, SERVICE } from "./rpc_stub.js";

const { JSONStringify, ObjectCreate, ObjectPrototype, ObjectSetPrototypeOf, PromiseReject, Proxy, ReflectGet, ReflectHas, Symbol, TypeError } = primordials;

const INTERNAL = Symbol("Fetcher");

/** The number of a Fetcher's service, undefined for anything else; and what its methods are properties of. */
export let serviceOf, serviceFace;

export class Fetcher {
  #service;
  #root;

  constructor(key, service) {
    if (key !== INTERNAL) throw new TypeError("Illegal constructor");
    this.#service = service;
    this.#root = new BindingFace(SERVICE, service);
  }

  fetch(input, init = undefined) {
    try {
      if (!(#service in this)) illegalInvocation();
      if (arguments.length < 1) throw new TypeError("Failed to execute 'fetch' on 'Fetcher': parameter 1 is not of type 'Request or string'.");
      const request = requestParts(input, init);
      const { method, url, headers, cfContext } = request;
      const cf = request.cf !== undefined ? JSONStringify(request.cf) : cfContext === -1 ? undefined : cfContext;
      const begin = (body, redirect, id) => op_service_fetch(method, url, headers, body, redirect, cf, id, this.#service);
      return exchange(request, begin);
    } catch (error) {
      return PromiseReject(error);
    }
  }

  static {
    serviceOf = (value) => (isObject(value) && #service in value ? value.#service : undefined);
    serviceFace = (value) => (isObject(value) && #service in value ? value.#root : undefined);
  }
}
defineInterface(Fetcher);

/** Any other name is a member of the other Worker's entrypoint, but for those that the language itself asks for. */
ObjectSetPrototypeOf(Fetcher.prototype, new Proxy(ObjectCreate(ObjectPrototype), {
  __proto__: null,
  get(target, name, receiver) {
    if (typeof name === "symbol" || name === "then" || name === "toJSON" || ReflectHas(target, name)) return ReflectGet(target, name, receiver);
    const root = serviceFace(receiver);
    return root === undefined ? undefined : newProperty(root, name);
  },
  has: (target, name) => (typeof name === "string" && name !== "then") || ReflectHas(target, name),
}));

/** Hook: the face of the service that native code knows by this number. */
export function makeFetcher(service) {
  return new Fetcher(INTERNAL, service);
}
