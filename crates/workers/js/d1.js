// D1's binding: https://developers.cloudflare.com/d1/worker-api/
//
// Plain classes with plain properties, as on the platform: libraries wrap them in proxies and read `statement` and `params`.

import { op_d1_query } from "skerry:ops";
import { primordials } from "../webapi/primordials.js";
import { isArrayBuffer } from "../webapi/webidl.js";

const {
  ArrayBufferIsView, ArrayIsArray, ArrayPrototypePush, ArrayPrototypeUnshift, Error, String, StringPrototypeSplit, StringPrototypeTrim,
  TypedArrayPrototypeGetSymbolToStringTag, TypeError, Uint8Array,
} = primordials;

const FIRST_PRIMARY = "first-primary";
const FIRST_UNCONSTRAINED = "first-unconstrained";

class D1Database {
  constructor(database) {
    this.alwaysPrimarySession = new D1DatabaseSessionAlwaysPrimary(database);
  }

  prepare(query) {
    return new D1PreparedStatement(this.alwaysPrimarySession, query);
  }

  async batch(statements) {
    return await this.alwaysPrimarySession.batch(statements);
  }

  async exec(query) {
    return await this.alwaysPrimarySession.exec(query);
  }

  withSession(constraintOrBookmark) {
    if (constraintOrBookmark !== undefined && constraintOrBookmark !== null) {
      if (typeof constraintOrBookmark !== "string") throw new TypeError("constraintOrBookmark?.trim is not a function");
      constraintOrBookmark = StringPrototypeTrim(constraintOrBookmark);
    }
    return new D1DatabaseSession(this.alwaysPrimarySession.database, constraintOrBookmark || FIRST_UNCONSTRAINED);
  }

  async dump() {
    return await this.alwaysPrimarySession.dump();
  }
}

class D1DatabaseSession {
  constructor(database, bookmarkOrConstraint) {
    this.database = database;
    this.bookmarkOrConstraint = bookmarkOrConstraint;
  }

  prepare(query) {
    return new D1PreparedStatement(this, query);
  }

  async batch(statements) {
    if (!ArrayIsArray(statements)) throw new TypeError("statements.map is not a function");
    const sent = [];
    for (let i = 0; i < statements.length; i++) ArrayPrototypePush(sent, [statements[i].statement, statements[i].params]);
    return await query(this, sent, false);
  }

  /** The latest bookmark that was heard of; null before the first query. */
  getBookmark() {
    const bookmark = this.bookmarkOrConstraint;
    return bookmark === FIRST_PRIMARY || bookmark === FIRST_UNCONSTRAINED ? null : bookmark;
  }
}

/** The session behind `env.DB` itself: it keeps no bookmark. */
class D1DatabaseSessionAlwaysPrimary extends D1DatabaseSession {
  constructor(database) {
    super(database, FIRST_PRIMARY);
  }

  getBookmark() {
    return null;
  }

  async exec(query) {
    const lines = StringPrototypeSplit(StringPrototypeTrim(String(query)), "\n");
    const sent = [];
    const lineOf = [];
    for (let i = 0; i < lines.length; i++) {
      const line = StringPrototypeTrim(lines[i]);
      if (line === "" || (line[0] === "-" && line[1] === "-")) continue;
      ArrayPrototypePush(sent, [lines[i], []]);
      ArrayPrototypePush(lineOf, i);
    }
    const { 0: answers, 1: message, 2: at } = await op_d1_query(this.database, sent, false);
    if (answers === undefined) {
      const line = lineOf[at] ?? 0;
      throw failure("D1_EXEC_ERROR", `Error in line ${line + 1}: ${lines[line]}: ${message}`);
    }
    let duration = 0;
    for (let i = 0; i < answers.length; i++) duration += answers[i].meta.duration;
    return { count: answers.length, duration };
  }

  /** Only databases of D1's alpha time can be dumped. */
  async dump() {
    throw failure("D1_DUMP_ERROR", "Status + 404", "Status 404");
  }
}

class D1PreparedStatement {
  constructor(dbSession, statement, values = []) {
    this.dbSession = dbSession;
    this.statement = statement;
    this.params = values;
  }

  bind(...values) {
    for (let i = 0; i < values.length; i++) values[i] = parameter(values[i]);
    return new D1PreparedStatement(this.dbSession, this.statement, values);
  }

  async first(colName) {
    const { results } = await queryOne(this, false);
    if (results.length === 0) return null;
    const row = results[0];
    if (colName === undefined) return row;
    if (row[colName] === undefined) throw failure("D1_COLUMN_NOTFOUND", `Column not found (${colName})`, "Column not found");
    return row[colName];
  }

  async run() {
    return await queryOne(this, false);
  }

  async all() {
    return await queryOne(this, false);
  }

  async raw(options) {
    const { columns, rows } = (await queryOne(this, true)).results;
    if (options?.columnNames) ArrayPrototypeUnshift(rows, columns);
    return rows;
  }
}

async function queryOne(statement, asRows) {
  const answers = await query(statement.dbSession, [[statement.statement, statement.params]], asRows);
  return answers[0];
}

/** The answers to statements that happen all or not at all. */
async function query(session, statements, asRows) {
  const { 0: answers, 1: messageOrBookmark } = await op_d1_query(session.database, statements, asRows);
  if (answers === undefined) throw failure("D1_ERROR", messageOrBookmark);
  const before = session.getBookmark();
  if (before === null || before < messageOrBookmark) session.bookmarkOrConstraint = messageOrBookmark;
  return answers;
}

/** What a statement keeps of a value: null, a number, a string, or bytes of its own. */
function parameter(value) {
  if (typeof value === "number" || typeof value === "string" || value === null) return value;
  if (typeof value === "boolean") return value ? 1 : 0;
  if (ArrayIsArray(value)) {
    const bytes = new Uint8Array(value.length);
    let i = 0;
    while (i < value.length && typeof value[i] === "number" && value[i] >= 0 && value[i] < 256) bytes[i] = value[i++];
    if (i === value.length) return bytes;
  } else if (isArrayBuffer(value)) {
    const bytes = new Uint8Array(value);
    return new Uint8Array(bytes);
  } else if (ArrayBufferIsView(value)) {
    // A DataView has no elements.
    return new Uint8Array(TypedArrayPrototypeGetSymbolToStringTag(value) === undefined ? 0 : value);
  }
  throw failure("D1_TYPE_ERROR", `Type '${typeof value}' not supported for value '${value}'`);
}

function failure(code, message, cause = message) {
  return new Error(`${code}: ${message}`, { __proto__: null, cause: new Error(cause) });
}

/** Hook: the face of the database that native code knows by this number. */
export function makeD1Database(database) {
  return new D1Database(database);
}
