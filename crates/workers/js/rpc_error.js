// Errors over RPC: https://developers.cloudflare.com/workers/runtime-apis/rpc/error-handling/
// An error keeps its class, its message and its own properties; its stack is the caller's.

import { op_is_native_error } from "skerry:ops";
import { primordials } from "../webapi/primordials.js";
import { flags } from "../webapi/compatibility.js";
import { isDOMException } from "../webapi/domexception.js";
import { deserialize, serialize, withoutHosts } from "../webapi/structured_clone.js";
import { isObject } from "../webapi/webidl.js";

const {
  AggregateError, ArrayPrototypePush, Error, EvalError, ObjectDefineProperty, ObjectHasOwn, RangeError, ReferenceError, ReflectOwnKeys, String,
  SuppressedError, SyntaxError, TypeError, URIError,
} = primordials;

/** Those that errors kept before enhanced_error_serialization: all else of them stayed behind. */
const OLD_CLASSES = { __proto__: null, Error, TypeError, RangeError, ReferenceError, SyntaxError, EvalError, URIError };
const CLASSES = { __proto__: null, Error, TypeError, RangeError, ReferenceError, SyntaxError, EvalError, URIError, AggregateError, SuppressedError };
/** Causes of causes that travel. */
const MAX_CAUSES = 8;

export function isNativeError(value) {
  return isObject(value) && op_is_native_error(value) && !isDOMException(value);
}

function text(value) {
  try {
    return String(value);
  } catch {
    return "";
  }
}

/** What stands for an error: `{ name, message, own: [key, value, ...], errors: [key, record, ...] }`. What can't be cloned of its properties stays behind. */
export function errorRecord(error, depth = 0) {
  let name = "Error";
  let message = "";
  try {
    name = text(error.name);
    message = text(error.message);
  } catch {
    // Getters of the Worker's that throw give nothing.
  }
  const own = [];
  const errors = [];
  const keys = ReflectOwnKeys(error);
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i];
    if (typeof key !== "string" || key === "name" || key === "message" || key === "stack") continue;
    try {
      const value = error[key];
      if (isNativeError(value)) {
        if (depth < MAX_CAUSES) ArrayPrototypePush(errors, key, errorRecord(value, depth + 1));
        continue;
      }
      // The record is itself among the host objects of a value, which have none of their own.
      if ((isObject(value) || typeof value === "symbol") && withoutHosts(serialize(value)).hosts.length > 0) continue;
      ArrayPrototypePush(own, key, value);
    } catch {
      // It can't be cloned, or not even be read.
    }
  }
  return { name, message, own, errors };
}

/** The error that a record stands for. */
export function readErrorRecord({ name, message, own, errors }) {
  if (!flags.enhanced_error_serialization) return new (OLD_CLASSES[name] ?? Error)(message);
  const Class = CLASSES[name];
  const error = Class === undefined ? new Error(message) : Class === AggregateError ? new AggregateError([], message) : newError(Class, message);
  if (Class === undefined) define(error, "name", name, true);
  for (let i = 0; i < own.length; i += 2) define(error, own[i], own[i + 1], own[i] !== "cause" && own[i] !== "errors");
  for (let i = 0; i < errors.length; i += 2) define(error, errors[i], readErrorRecord(errors[i + 1]), errors[i] !== "cause");
  return error;
}

function newError(Class, message) {
  return Class === SuppressedError ? new SuppressedError(undefined, undefined, message) : new Class(message);
}

function define(object, key, value, enumerable) {
  ObjectDefineProperty(object, key, { __proto__: null, value, writable: true, enumerable, configurable: true });
}

const RECORD = 0;
const VALUE = 1;

/** Data of what was thrown, by the object `id` if by one. */
export function packThrown(thrown, id) {
  if (isNativeError(thrown)) {
    const record = errorRecord(thrown);
    if (id !== undefined && !ObjectHasOwn(thrown, "durableObjectId")) ArrayPrototypePush(record.own, "durableObjectId", id);
    return serialize({ kind: RECORD, value: record });
  }
  if (isObject(thrown)) {
    try {
      return serialize({ kind: VALUE, value: thrown, id: isDOMException(thrown) ? undefined : id });
    } catch {
      // What can't be cloned is told as text.
    }
  }
  return serialize({ kind: RECORD, value: { name: "Error", message: text(thrown), own: [], errors: [] } });
}

/** What was thrown, marked as coming from elsewhere. */
export function unpackThrown(data) {
  const { kind, value, id } = deserialize(data);
  const thrown = kind === RECORD ? readErrorRecord(value) : value;
  if (id !== undefined && !ObjectHasOwn(thrown, "durableObjectId")) define(thrown, "durableObjectId", id, true);
  define(thrown, "remote", true, true);
  return thrown;
}

/** The error of a call that was not answered. */
export function failure(name, message, reset, remote) {
  const Class = CLASSES[name] ?? Error;
  const error = new Class(message);
  if (remote) define(error, "remote", true, true);
  if (reset) define(error, "durableObjectReset", true, true);
  if (message === "Network connection lost.") define(error, "retryable", true, true);
  return error;
}
