// `ctx.storage`: https://developers.cloudflare.com/durable-objects/api/sqlite-storage-api/
//
// Storage is at hand: what returns a promise has happened when it returns. Changes of one step are committed together at its end, and nothing
// that follows them leaves the object before they are durable.

import {
  op_alarm_get, op_alarm_set, op_now, op_storage_begin, op_storage_bookmark, op_storage_delete, op_storage_delete_all, op_storage_end, op_storage_get, op_storage_list,
  op_storage_put, op_storage_restore, op_storage_sync,
} from "skerry:ops";
import { primordials } from "../webapi/primordials.js";
import { flags } from "../webapi/compatibility.js";
import { utf8Encode } from "../webapi/encoding.js";
import { deserialize, serialize } from "../webapi/structured_clone.js";
import { converters, defineInterface, illegalInvocation, isObject, requiredArguments } from "../webapi/webidl.js";
import { requireObject } from "./object.js";
import { newSqlStorage } from "./sql_storage.js";

const {
  ArrayIsArray, ArrayPrototypePush, ArrayPrototypeSort, ArrayPrototypeValues, DatePrototypeGetTime, Error, Map, MapPrototypeSet, NumberIsFinite, ObjectKeys,
  PromisePrototypeThen, PromiseReject, PromiseResolve, RangeError, Symbol, TypeError,
} = primordials;

const INTERNAL = Symbol("DurableObjectStorage");
// https://developers.cloudflare.com/durable-objects/platform/limits/
const MAX_KEY = 2048;
const MAX_ENTRY = 2 * 1024 * 1024;
const MAX_PAIRS = 128;

// === What all faces do ===

function keyOf(value, method) {
  const key = converters.USVString(value);
  if (key.length > MAX_KEY / 3 && utf8Encode(key).length > MAX_KEY) throw new RangeError(`Keys cannot be larger than ${MAX_KEY} bytes.`);
  if (value === undefined) throw new TypeError(`${method}() called with an undefined key.`);
  return key;
}

function few(count, method) {
  if (count > MAX_PAIRS) throw new RangeError(`Maximum number of keys is ${MAX_PAIRS}: ${method}() was given ${count}.`);
}

function getOne(key) {
  const bytes = op_storage_get(key);
  return bytes === undefined ? undefined : deserialize(bytes);
}

function putOne(key, value) {
  if (value === undefined) throw new TypeError("put() called with undefined value.");
  const bytes = serialize(value);
  if (bytes.length + key.length > MAX_ENTRY) throw new Error("string or blob too big: SQLITE_TOOBIG");
  op_storage_put(key, bytes);
}

function listOptions(options) {
  if (options === undefined || options === null) return {};
  if (!isObject(options)) throw new TypeError("list() options must be an object.");
  const text = (value) => (value === undefined ? undefined : converters.USVString(value));
  const read = {
    __proto__: null, prefix: text(options.prefix), start: text(options.start), startAfter: text(options.startAfter), end: text(options.end),
    reverse: options.reverse === true, limit: options.limit,
  };
  if (read.start !== undefined && read.startAfter !== undefined) {
    throw new TypeError("list() cannot be called with both start and startAfter values.");
  }
  if (read.limit !== undefined && !(converters["unsigned long"](read.limit) > 0)) throw new TypeError("List limit must be positive.");
  return read;
}

/** `each(key, value)` for the entries, in order. */
function listEach(options, each) {
  const { prefix, start, startAfter, end, reverse, limit } = listOptions(options);
  const flat = op_storage_list(prefix, start, startAfter, end, reverse === true, limit);
  for (let i = 0; i < flat.length; i += 2) each(flat[i], deserialize(flat[i + 1]));
}

/** The promise that `work` returns, or one of what it throws. */
function attempt(work) {
  try {
    return work();
  } catch (error) {
    return PromiseReject(error);
  }
}

/** A promise of what `work` returns, or of what it throws. */
function promise(work) {
  try {
    return PromiseResolve(work());
  } catch (error) {
    return PromiseReject(error);
  }
}

// === Members that storage and transactions share ===

function get(keys) {
  if (!ArrayIsArray(keys)) return getOne(keyOf(keys, "get"));
  few(keys.length, "get");
  const sorted = [];
  for (let i = 0; i < keys.length; i++) ArrayPrototypePush(sorted, keyOf(keys[i], "get"));
  ArrayPrototypeSort(sorted);
  const found = new Map();
  for (let i = 0; i < sorted.length; i++) {
    const value = getOne(sorted[i]);
    if (value !== undefined) MapPrototypeSet(found, sorted[i], value);
  }
  return found;
}

function put(keyOrEntries, value) {
  if (!isObject(keyOrEntries)) return putOne(keyOf(keyOrEntries, "put"), value);
  const keys = ObjectKeys(keyOrEntries);
  few(keys.length, "put");
  for (let i = 0; i < keys.length; i++) putOne(keyOf(keys[i], "put"), keyOrEntries[keys[i]]);
}

function remove(keys) {
  if (!ArrayIsArray(keys)) return op_storage_delete(keyOf(keys, "delete"));
  few(keys.length, "delete");
  let count = 0;
  for (let i = 0; i < keys.length; i++) if (op_storage_delete(keyOf(keys[i], "delete"))) count++;
  return count;
}

function list(options) {
  const found = new Map();
  listEach(options, (key, value) => MapPrototypeSet(found, key, value));
  return found;
}

/** Milliseconds since the epoch, of a Date or a number of them. */
function timeOf(value, wrong) {
  let time = value;
  if (isObject(value)) {
    try {
      time = DatePrototypeGetTime(value);
    } catch {
      throw new TypeError(wrong);
    }
  }
  time = +time;
  if (!NumberIsFinite(time)) throw new TypeError(wrong);
  return time;
}

function alarmTime(value) {
  const time = timeOf(value, "setAlarm() takes a Date or milliseconds since the epoch.");
  if (time <= 0) throw new TypeError("setAlarm() cannot be called with an alarm time <= 0");
  // What is past is due now.
  const now = op_now();
  return time < now ? now : time;
}

// === DurableObjectStorage ===

class DurableObjectStorage {
  #object;
  #sql;
  #kv;
  #transact;

  constructor(key, object, sql, transact) {
    if (key !== INTERNAL) throw new TypeError("Illegal constructor");
    this.#object = object;
    this.#sql = sql;
    this.#kv = new SyncKvStorage(INTERNAL, object);
    this.#transact = transact;
  }

  get sql() {
    if (!(#sql in this)) illegalInvocation();
    return this.#sql();
  }

  get kv() {
    if (!(#sql in this)) illegalInvocation();
    return this.#kv;
  }

  get(keys, options = undefined) {
    if (!(#sql in this)) illegalInvocation();
    requireObject(this.#object);
    return promise(() => get(keys));
  }

  put(key, value, options = undefined) {
    if (!(#sql in this)) illegalInvocation();
    requireObject(this.#object);
    return promise(() => put(key, value));
  }

  delete(keys, options = undefined) {
    if (!(#sql in this)) illegalInvocation();
    requireObject(this.#object);
    return promise(() => remove(keys));
  }

  list(options = undefined) {
    if (!(#sql in this)) illegalInvocation();
    requireObject(this.#object);
    return promise(() => list(options));
  }

  deleteAll(options = undefined) {
    if (!(#sql in this)) illegalInvocation();
    requireObject(this.#object);
    return promise(() => {
      op_storage_delete_all();
      if (flags.delete_all_deletes_alarm && op_alarm_get() !== null) op_alarm_set(null);
    });
  }

  getAlarm(options = undefined) {
    if (!(#sql in this)) illegalInvocation();
    requireObject(this.#object);
    return promise(() => op_alarm_get());
  }

  setAlarm(time, options = undefined) {
    if (!(#sql in this)) illegalInvocation();
    requireObject(this.#object);
    return promise(() => {
      requiredArguments(arguments.length, 1, "Failed to execute 'setAlarm' on 'DurableObjectStorage'");
      if (typeof this.#object.instance?.alarm !== "function") throw new TypeError("Your Durable Object class must have an alarm() handler in order to call setAlarm()");
      op_alarm_set(alarmTime(time));
    });
  }

  deleteAlarm(options = undefined) {
    if (!(#sql in this)) illegalInvocation();
    requireObject(this.#object);
    return promise(() => op_alarm_set(null));
  }

  sync() {
    if (!(#sql in this)) illegalInvocation();
    requireObject(this.#object);
    return op_storage_sync();
  }

  transaction(closure) {
    if (!(#sql in this)) illegalInvocation();
    requireObject(this.#object);
    return this.#transact(() => {
      const transaction = new DurableObjectTransaction(INTERNAL, this.#object);
      op_storage_begin(true);
      return PromisePrototypeThen(
        promise(() => closure(transaction)),
        (value) => {
          finish(transaction, true);
          return value;
        },
        (error) => {
          finish(transaction, false);
          throw error;
        },
      );
    });
  }

  transactionSync(closure) {
    if (!(#sql in this)) illegalInvocation();
    requireObject(this.#object);
    op_storage_begin(false);
    let value;
    try {
      value = closure();
    } catch (error) {
      op_storage_end(false);
      throw error;
    }
    op_storage_end(true);
    return value;
  }

  getCurrentBookmark() {
    if (!(#sql in this)) illegalInvocation();
    requireObject(this.#object);
    return op_storage_bookmark(undefined);
  }

  getBookmarkForTime(timestamp) {
    if (!(#sql in this)) illegalInvocation();
    requireObject(this.#object);
    return attempt(() => {
      requiredArguments(arguments.length, 1, "Failed to execute 'getBookmarkForTime' on 'DurableObjectStorage'");
      return op_storage_bookmark(timeOf(timestamp, "Failed to execute 'getBookmarkForTime' on 'DurableObjectStorage': parameter 1 is not of type 'date'."));
    });
  }

  onNextSessionRestoreBookmark(bookmark) {
    if (!(#sql in this)) illegalInvocation();
    requireObject(this.#object);
    return promise(() => {
      requiredArguments(arguments.length, 1, "Failed to execute 'onNextSessionRestoreBookmark' on 'DurableObjectStorage'");
      return op_storage_restore(converters.USVString(bookmark));
    });
  }
}
defineInterface(DurableObjectStorage);

// === DurableObjectTransaction ===

let finish;

class DurableObjectTransaction {
  #object;
  #ended = false;
  #undone = false;

  constructor(key, object) {
    if (key !== INTERNAL) throw new TypeError("Illegal constructor");
    this.#object = object;
  }

  #use(work) {
    requireObject(this.#object);
    return promise(() => {
      if (this.#undone) throw new Error("Cannot perform operations on a rolled-back transaction.");
      if (this.#ended) throw new Error("Cannot perform operations on a transaction that has ended.");
      return work();
    });
  }

  get(keys, options = undefined) {
    return this.#use(() => get(keys));
  }

  put(key, value, options = undefined) {
    return this.#use(() => put(key, value));
  }

  delete(keys, options = undefined) {
    return this.#use(() => remove(keys));
  }

  list(options = undefined) {
    return this.#use(() => list(options));
  }

  getAlarm(options = undefined) {
    return this.#use(() => op_alarm_get());
  }

  setAlarm(time, options = undefined) {
    return this.#use(() => op_alarm_set(alarmTime(time)));
  }

  deleteAlarm(options = undefined) {
    return this.#use(() => op_alarm_set(null));
  }

  rollback() {
    if (!(#ended in this)) illegalInvocation();
    if (!this.#ended) this.#undone = true;
  }

  static {
    finish = (transaction, keep) => {
      transaction.#ended = true;
      op_storage_end(keep && !transaction.#undone);
    };
  }
}
defineInterface(DurableObjectTransaction);

// === SyncKvStorage ===

/** `storage.kv`: the same entries, without promises. */
class SyncKvStorage {
  #object;

  constructor(key, object) {
    if (key !== INTERNAL) throw new TypeError("Illegal constructor");
    this.#object = object;
  }

  get(key) {
    if (!(#object in this)) illegalInvocation();
    requireObject(this.#object);
    return getOne(keyOf(key, "get"));
  }

  put(key, value) {
    if (!(#object in this)) illegalInvocation();
    requireObject(this.#object);
    putOne(keyOf(key, "put"), value);
  }

  delete(key) {
    if (!(#object in this)) illegalInvocation();
    requireObject(this.#object);
    return op_storage_delete(keyOf(key, "delete"));
  }

  list(options = undefined) {
    if (!(#object in this)) illegalInvocation();
    requireObject(this.#object);
    const entries = [];
    listEach(options, (key, value) => ArrayPrototypePush(entries, [key, value]));
    return ArrayPrototypeValues(entries);
  }
}
defineInterface(SyncKvStorage);

/** `sql`: whether the class has `storage.sql`; `transact(work)` keeps all else waiting. */
export function newObjectStorage(object, sql, transact) {
  return new DurableObjectStorage(INTERNAL, object, newSqlStorage(object, sql), transact);
}
