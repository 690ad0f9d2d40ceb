// Service bindings: https://developers.cloudflare.com/workers/runtime-apis/bindings/service-bindings/

import { op_service_fetch, op_service_rpc } from "skerry:ops";
import { primordials } from "../webapi/primordials.js";
import { exchange } from "../webapi/fetch.js";
import { requestParts } from "../webapi/request.js";
import { defineInterface, illegalInvocation } from "../webapi/webidl.js";

const { JSONStringify, ObjectCreate, ObjectPrototype, ObjectSetPrototypeOf, PromiseReject, Proxy, Symbol, TypeError } = primordials;

const INTERNAL = Symbol("Fetcher");

class Fetcher {
  #service;

  constructor(key, service) {
    if (key !== INTERNAL) throw new TypeError("Illegal constructor");
    this.#service = service;
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
}
defineInterface(Fetcher);

/** Any other name is a method of the other Worker's, but for those that the language itself asks for. */
ObjectSetPrototypeOf(Fetcher.prototype, new Proxy(ObjectCreate(ObjectPrototype), {
  __proto__: null,
  get(target, name) {
    if (typeof name === "symbol" || name in target || name === "then" || name === "toJSON") return target[name];
    return () => op_service_rpc(name);
  },
}));

/** Hook: the face of the service that native code knows by this number. */
export function makeFetcher(service) {
  return new Fetcher(INTERNAL, service);
}
