// Durable Objects from outside: namespaces, ids, stubs. https://developers.cloudflare.com/durable-objects/api/namespace/

import { op_object_fetch, op_object_id } from "skerry:ops";
import { primordials } from "../webapi/primordials.js";
import { flags } from "../webapi/compatibility.js";
import { exchange } from "../webapi/fetch.js";
import { requestParts } from "../webapi/request.js";
import { converters, defineInterface, illegalInvocation, requiredArguments } from "../webapi/webidl.js";
import { fetcherMethods } from "./fetcher_methods.js";
import { BindingFace, mark, newProperty, OBJECT } from "./rpc_stub.js";

const {
  Error, JSONStringify, PromiseReject, Proxy, RangeError, ReflectApply, ReflectGet, ReflectHas, Symbol, TypeError,
} = primordials;

const INTERNAL = Symbol("DurableObject");
const BY_NAME = 0;
const NEW = 1;
const READ = 2;

// === Ids ===

let isId;
let textOf;
let nameOf;
let jurisdictionOf;

/** https://developers.cloudflare.com/durable-objects/api/id/ */
export class DurableObjectId {
  #text;
  #name;
  #jurisdiction;

  constructor(key, text, name, jurisdiction) {
    if (key !== INTERNAL) throw new TypeError("Illegal constructor");
    this.#text = text;
    this.#name = name;
    this.#jurisdiction = jurisdiction;
  }

  toString() {
    if (!(#text in this)) illegalInvocation();
    return this.#text;
  }

  equals(other) {
    if (!(#text in this)) illegalInvocation();
    if (!isId(other)) throw new TypeError("Failed to execute 'equals' on 'DurableObjectId': parameter 1 is not of type 'DurableObjectId'.");
    return this.#text === other.#text;
  }

  get name() {
    if (!(#text in this)) illegalInvocation();
    return this.#name;
  }

  get jurisdiction() {
    if (!(#text in this)) illegalInvocation();
    return this.#jurisdiction;
  }

  static {
    isId = (value) => typeof value === "object" && value !== null && #text in value;
    textOf = (id) => id.#text;
    nameOf = (id) => id.#name;
    jurisdictionOf = (id) => id.#jurisdiction;
  }
}
defineInterface(DurableObjectId);

export function newObjectId(text, name, jurisdiction) {
  return new DurableObjectId(INTERNAL, text, name, jurisdiction);
}

// === Stubs ===

class DurableObjectStub {
  #id;
  /** What the object's methods are properties of. */
  #root;

  constructor(key, root, id) {
    if (key !== INTERNAL) throw new TypeError("Illegal constructor");
    this.#root = root;
    this.#id = id;
  }

  static fetch(stub, input, init) {
    const request = requestParts(input, init, flags.durable_object_fetch_requires_full_url ? undefined : "https://fake-host");
    const { method, url, headers } = request;
    const cf = request.cf === undefined ? undefined : JSONStringify(request.cf);
    const { number, id, name } = stub.#root;
    return exchange(request, (body, redirect, exchanged) => op_object_fetch(number, id, name, method, url, headers, body, cf, exchanged));
  }

  static root(stub) {
    return stub.#root;
  }

  static id(stub) {
    return stub.#id;
  }
}
defineInterface(DurableObjectStub, { __proto__: null, name: "DurableObject", hidden: ["fetch", "root", "id"] });

function makeStub(number, id) {
  const root = new BindingFace(OBJECT, number, textOf(id), nameOf(id));
  return mark(new Proxy(new DurableObjectStub(INTERNAL, root, id), handler), root);
}

/** A stub that came over RPC. */
export function makeObjectStub(number, id, name) {
  return makeStub(number, newObjectId(id, name));
}

const methods = fetcherMethods((stub, url, init) => DurableObjectStub.fetch(stub, url, init));

/** Every name that is not the stub's own is a member of the object (https://developers.cloudflare.com/workers/runtime-apis/rpc/). */
const handler = {
  __proto__: null,
  get(stub, name, receiver) {
    if (name === "id") return DurableObjectStub.id(stub);
    if (name === "name") return nameOf(DurableObjectStub.id(stub));
    if (name === "fetch") {
      return function fetch(input, init = undefined) {
        try {
          requiredArguments(arguments.length, 1, "Failed to execute 'fetch' on 'DurableObject'");
          return DurableObjectStub.fetch(stub, input, init);
        } catch (error) {
          return PromiseReject(error);
        }
      };
    }
    // A stub is no promise.
    if (typeof name === "symbol" || name === "then" || ReflectHas(stub, name)) return ReflectGet(stub, name, receiver);
    if (!flags.fetcher_no_get_put_delete) {
      const method = methods[name];
      if (method !== undefined) return (...args) => ReflectApply(method, stub, args);
    }
    if (!flags.rpc) return undefined;
    return newProperty(DurableObjectStub.root(stub), name);
  },
};

// === Namespaces ===

export class DurableObjectNamespace {
  #number;
  #jurisdiction;

  constructor(key, number, jurisdiction) {
    if (key !== INTERNAL) throw new TypeError("Illegal constructor");
    this.#number = number;
    this.#jurisdiction = jurisdiction;
  }

  idFromName(name) {
    if (!(#number in this)) illegalInvocation();
    requiredArguments(arguments.length, 1, "Failed to execute 'idFromName' on 'DurableObjectNamespace'");
    const text = converters.USVString(name);
    return newObjectId(op_object_id(this.#number, BY_NAME, text, this.#jurisdiction), text, this.#jurisdiction);
  }

  idFromString(id) {
    if (!(#number in this)) illegalInvocation();
    requiredArguments(arguments.length, 1, "Failed to execute 'idFromString' on 'DurableObjectNamespace'");
    const read = op_object_id(this.#number, READ, converters.USVString(id), undefined);
    this.#checkJurisdiction("idFromString", read[1]);
    return newObjectId(read[0], undefined, read[1]);
  }

  newUniqueId(options = undefined) {
    if (!(#number in this)) illegalInvocation();
    const asked = jurisdictionName(options?.jurisdiction);
    if (asked !== undefined) this.#checkJurisdiction("newUniqueId", asked);
    const jurisdiction = asked ?? this.#jurisdiction;
    return newObjectId(op_object_id(this.#number, NEW, "", jurisdiction), undefined, jurisdiction);
  }

  get(id, options = undefined) {
    if (!(#number in this)) illegalInvocation();
    if (!isId(id)) throw new TypeError("Failed to execute 'get' on 'DurableObjectNamespace': parameter 1 is not of type 'DurableObjectId'.");
    locationOf(options?.locationHint);
    this.#checkJurisdiction("get", jurisdictionOf(id));
    // Its namespace has to have given it out.
    op_object_id(this.#number, READ, textOf(id), undefined);
    return makeStub(this.#number, id);
  }

  getByName(name, options = undefined) {
    return this.get(this.idFromName(name), options);
  }

  jurisdiction(jurisdiction) {
    if (!(#number in this)) illegalInvocation();
    const name = jurisdictionName(jurisdiction);
    // Whether there is one of this name, whoever makes ids knows.
    if (name !== undefined) op_object_id(this.#number, BY_NAME, "", name);
    return new DurableObjectNamespace(INTERNAL, this.#number, name);
  }

  /** The whole namespace takes ids of any jurisdiction, the part of it that is restricted to one only those. */
  #checkJurisdiction(method, jurisdiction) {
    if (this.#jurisdiction === undefined || this.#jurisdiction === jurisdiction) return;
    throw new TypeError(`${method} called on jurisdictional subnamespace with an ID from a different jurisdiction`);
  }
}
defineInterface(DurableObjectNamespace);

/** One machine is in one place: a jurisdiction is kept and told, and restricts nothing. */
function jurisdictionName(jurisdiction) {
  return jurisdiction === undefined || jurisdiction === null ? undefined : converters.USVString(jurisdiction);
}

const LOCATIONS = ["wnam", "enam", "sam", "weur", "eeur", "apac", "oc", "afr", "me"];

/** There is one place to be in; a hint that is none is an error all the same. */
function locationOf(hint) {
  if (hint === undefined) return;
  for (let i = 0; i < LOCATIONS.length; i++) if (LOCATIONS[i] === hint) return;
  throw new RangeError(`Location hint "${hint}" is not valid: it is one of wnam, enam, sam, weur, eeur, apac, oc, afr, me.`);
}

export function makeObjectNamespace(number) {
  return new DurableObjectNamespace(INTERNAL, number, undefined);
}
