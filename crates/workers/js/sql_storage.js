// `ctx.storage.sql`: https://developers.cloudflare.com/durable-objects/api/sqlite-storage-api/#sql-api

import { op_sql_exec, op_sql_size } from "skerry:ops";
import { primordials } from "../webapi/primordials.js";
import { requireObject } from "./object.js";
import { converters, defineInterface, illegalInvocation, isBufferSource, requiredArguments, viewOf } from "../webapi/webidl.js";

const { ArrayPrototypePush, Error, ObjectDefineProperty, Symbol, SymbolIterator, TypeError } = primordials;

const INTERNAL = Symbol("SqlStorage");
const NOT_ENABLED = "SQL is not enabled for this Durable Object class. To enable it, set `new_sqlite_classes` in your Worker's wrangler.toml, or the " +
  "corresponding field in your Worker's configuration file.";

/** The rows of a statement. They are at hand: the statement has run when its cursor is returned. */
class SqlStorageCursor {
  #columns;
  #rows;
  #next = 0;
  #read;
  #written;

  constructor(key, parts) {
    if (key !== INTERNAL) throw new TypeError("Illegal constructor");
    this.#columns = parts[0];
    this.#rows = parts[1];
    this.#read = parts[2];
    this.#written = parts[3];
  }

  #row() {
    const values = this.#rows[this.#next];
    if (values === undefined) return undefined;
    this.#next++;
    return values;
  }

  #object() {
    const values = this.#row();
    if (values === undefined) return undefined;
    const row = {};
    for (let i = 0; i < values.length; i++) {
      ObjectDefineProperty(row, this.#columns[i], { __proto__: null, value: values[i], writable: true, enumerable: true, configurable: true });
    }
    return row;
  }

  next() {
    if (!(#rows in this)) illegalInvocation();
    const value = this.#object();
    return value === undefined ? { done: true, value } : { done: false, value };
  }

  toArray() {
    if (!(#rows in this)) illegalInvocation();
    const rows = [];
    for (let row = this.#object(); row !== undefined; row = this.#object()) ArrayPrototypePush(rows, row);
    return rows;
  }

  one() {
    if (!(#rows in this)) illegalInvocation();
    const row = this.#object();
    if (row === undefined) throw new Error("Expected exactly one result from SQL query, but got no results.");
    if (this.#row() !== undefined) throw new Error("Expected exactly one result from SQL query, but got multiple results.");
    return row;
  }

  raw() {
    if (!(#rows in this)) illegalInvocation();
    const next = () => {
      const value = this.#row();
      return value === undefined ? { done: true, value } : { done: false, value };
    };
    const toArray = () => {
      const rows = [];
      for (let row = this.#row(); row !== undefined; row = this.#row()) ArrayPrototypePush(rows, row);
      return rows;
    };
    return { next, toArray, [SymbolIterator]() { return this; } };
  }

  [SymbolIterator]() {
    if (!(#rows in this)) illegalInvocation();
    return this;
  }

  get columnNames() {
    if (!(#rows in this)) illegalInvocation();
    const names = [];
    for (let i = 0; i < this.#columns.length; i++) ArrayPrototypePush(names, this.#columns[i]);
    return names;
  }

  get rowsRead() {
    if (!(#rows in this)) illegalInvocation();
    return this.#read;
  }

  get rowsWritten() {
    if (!(#rows in this)) illegalInvocation();
    return this.#written;
  }
}
defineInterface(SqlStorageCursor);

class SqlStorage {
  #object;

  constructor(key, object) {
    if (key !== INTERNAL) throw new TypeError("Illegal constructor");
    this.#object = object;
  }

  exec(query, ...bindings) {
    if (!(#object in this)) illegalInvocation();
    requireObject(this.#object);
    requiredArguments(arguments.length, 1, "Failed to execute 'exec' on 'SqlStorage'");
    for (let i = 0; i < bindings.length; i++) {
      const value = bindings[i];
      if (isBufferSource(value)) bindings[i] = viewOf(value);
      else if (typeof value === "boolean") bindings[i] = value ? "true" : "false";
      else if (typeof value === "bigint") throw new TypeError("Bound parameters can't be BigInts: SQLite's integers are given as numbers here.");
    }
    return new SqlStorageCursor(INTERNAL, op_sql_exec(converters.USVString(query), bindings));
  }

  get databaseSize() {
    if (!(#object in this)) illegalInvocation();
    requireObject(this.#object);
    return op_sql_size();
  }

  get Cursor() {
    if (!(#object in this)) illegalInvocation();
    return SqlStorageCursor;
  }
}
defineInterface(SqlStorage);

/** A getter of the one SqlStorage, which throws for classes without SQL. */
export function newSqlStorage(object, enabled) {
  const sql = new SqlStorage(INTERNAL, object);
  return () => {
    if (!enabled) throw new Error(NOT_ENABLED);
    return sql;
  };
}
