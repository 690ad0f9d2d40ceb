// HTMLRewriter (https://developers.cloudflare.com/workers/runtime-apis/html-rewriter/). The parser is native; `Rewriting` drives it, one body each.

import { op_html_rewriter_drop, op_html_rewriter_new, op_html_rewriter_output, op_html_rewriter_run, op_html_rewriter_selector } from "skerry:ops";
import { primordials } from "./primordials.js";
import { bodyStream } from "./body.js";
import { Comment, Doctype, DocumentEnd, Element, EndTag, expireToken, Text } from "./html_rewriter_tokens.js";
import { parameter, parseMimeType } from "./mime.js";
import { isResponse, Response, responseBody, responseFacts, takeResponseBody } from "./response.js";
import { listGet } from "./headers.js";
import { bytesOf, notBytes } from "./streams/native.js";
import { markAsHandled } from "./streams/promises.js";
import { faceOf, isReadableStream, readableOf } from "./streams/readable.js";
import { createReadableBytes } from "./streams/readable_byte.js";
import { acquireReader, kInternal, readableCancel, readPromise } from "./streams/readable_state.js";
import { defineInterface, illegalInvocation, isObject } from "./webidl.js";

const {
  ArrayPrototypePush, Error, FunctionPrototypeCall, PromiseResolve, SafePromiseAllReturnVoid, String, TypedArrayPrototypeGetBuffer,
  TypedArrayPrototypeGetByteLength, TypedArrayPrototypeGetByteOffset, TypeError,
} = primordials;

const LOCKED = "The ReadableStream has been locked to a reader.";

// What the parser wants: the low four bits of what `op_html_rewriter_run` returns.
const INPUT = 0;
const AGAIN = 1;
const CONTENT = 2;
const OVER = 3;
const ELEMENT = 4;
const END_TAG = 5;
const COMMENT = 6;
const TEXT = 7;
const DOCTYPE = 8;
/** The bit that says that much output waits. */
const FULL = 16;

// How the parser goes on.
const GO_DONE = 0;
const GO_AGAIN = 1;
const GO_END = 2;
const GO_WRITE = 3;
const GO_CONTENT = 4;
const GO_CONTENT_END = 5;

// === What is registered ===

/** The names of handlers, each with its bit. */
const ELEMENT_HANDLERS = ["element", 1, "comments", 2, "text", 4];
const DOCUMENT_HANDLERS = ["doctype", 8, "comments", 2, "text", 4, "end", 16];

/** `{ self, element, comments, text, doctype, end, kinds }` of what a Worker gave. */
function readHandlers(given, known, type, prefix, parameter) {
  const handlers = { __proto__: null, self: given, element: undefined, comments: undefined, text: undefined, doctype: undefined, end: undefined, kinds: 0 };
  if (given === undefined || given === null) return handlers;
  if (!isObject(given)) throw new TypeError(`${prefix}: ${parameter} is not of type '${type}'.`);
  for (let i = 0; i < known.length; i += 2) {
    const handler = given[known[i]];
    if (handler === undefined) continue;
    if (typeof handler !== "function") {
      throw new TypeError(`Incorrect type for the '${known[i]}' field on '${type}': the provided value is not of type 'function'.`);
    }
    handlers[known[i]] = handler;
    handlers.kinds |= known[i + 1];
  }
  return handlers;
}

export class HTMLRewriter {
  #handlers = [];
  /** What the parser knows of them: `[selector or null, kinds, ...]`. */
  #registered = [];

  constructor() {}

  on(selector, handlers) {
    if (!isObject(this) || !(#handlers in this)) illegalInvocation();
    const prefix = "Failed to execute 'on' on 'HTMLRewriter'";
    if (arguments.length < 1) throw new TypeError(`${prefix}: parameter 1 is not of type 'string'.`);
    if (arguments.length < 2) throw new TypeError(`${prefix}: parameter 2 is not of type 'ElementContentHandlers'.`);
    const text = `${selector}`;
    const read = readHandlers(handlers, ELEMENT_HANDLERS, "ElementContentHandlers", prefix, "parameter 2");
    op_html_rewriter_selector(text);
    ArrayPrototypePush(this.#handlers, read);
    ArrayPrototypePush(this.#registered, text, read.kinds);
    return this;
  }

  onDocument(handlers) {
    if (!isObject(this) || !(#handlers in this)) illegalInvocation();
    const prefix = "Failed to execute 'onDocument' on 'HTMLRewriter'";
    if (arguments.length < 1) throw new TypeError(`${prefix}: parameter 1 is not of type 'DocumentContentHandlers'.`);
    const read = readHandlers(handlers, DOCUMENT_HANDLERS, "DocumentContentHandlers", prefix, "parameter 1");
    ArrayPrototypePush(this.#handlers, read);
    ArrayPrototypePush(this.#registered, null, read.kinds);
    return this;
  }

  transform(response) {
    if (!isObject(this) || !(#handlers in this)) illegalInvocation();
    if (!isResponse(response)) throw new TypeError("Failed to execute 'transform' on 'HTMLRewriter': parameter 1 is not of type 'Response'.");
    if (responseBody(response) === null) return response;
    const rid = op_html_rewriter_new(this.#registered, charsetOf(response));
    let made;
    try {
      const source = acquireReader(readableOf(bodyStream(takeResponseBody(response, LOCKED))));
      const rewriting = new Rewriting(rid, this.#handlers, source);
      made = new Response(faceOf(rewriting.stream), response);
    } catch (error) {
      op_html_rewriter_drop(rid);
      throw error;
    }
    return made;
  }
}
defineInterface(HTMLRewriter);

function charsetOf(response) {
  const header = listGet(responseFacts(response).headers, "content-type");
  const type = header === null ? null : parseMimeType(header);
  return (type === null ? undefined : parameter(type.parameters, "charset")) ?? "utf-8";
}

// === One body ===

/** The source of a rewritten body: parses no faster than it is read. */
class Rewriting {
  rid;
  stream;
  #handlers;
  #source;
  /** What the parser wants, as `op_html_rewriter_run` says it. */
  #wanted = INPUT;
  /** The token whose handler is at work. */
  #token = undefined;
  /** By their numbers: handlers of end tags, and readers of content that is a stream. */
  #endTagHandlers = [];
  #contents = [];

  constructor(rid, handlers, source) {
    this.rid = rid;
    this.#handlers = handlers;
    this.#source = source;
    // As on the platform, handlers begin to run before anybody reads.
    this.stream = createReadableBytes(this, 1);
  }

  addEndTagHandler(handler) {
    ArrayPrototypePush(this.#endTagHandlers, handler);
    return this.#endTagHandlers.length - 1;
  }

  /** The number of content that is a stream or a Response; undefined where there is nothing in it. */
  addContent(content) {
    let stream = content;
    if (!isReadableStream(content)) {
      if (responseBody(content) === null) return undefined;
      stream = bodyStream(takeResponseBody(content, LOCKED));
    }
    const readable = readableOf(stream);
    if (readable.reader !== undefined || readable.disturbed) throw new TypeError(LOCKED);
    ArrayPrototypePush(this.#contents, acquireReader(readable));
    return this.#contents.length - 1;
  }

  // === The underlying source ===

  get pulls() {
    return this.rid !== -1;
  }

  async pull() {
    try {
      await this.#advance();
    } catch (error) {
      // Cancelled or not, nothing is left to go on with.
      this.#drop(error);
      this.stream.controller.error(error);
    }
  }

  cancel(reason) {
    return this.#drop(reason);
  }

  /** Lets go of everything; a promise of the source's cancellation. */
  #drop(reason) {
    if (this.rid === -1) return PromiseResolve();
    op_html_rewriter_drop(this.rid);
    this.rid = -1;
    if (this.#token !== undefined) expireToken(this.#token);
    const cancelled = [readableCancel(this.#source.stream, reason)];
    this.#cancelContents(reason);
    markAsHandled(cancelled[0]);
    return SafePromiseAllReturnVoid(cancelled);
  }

  /** Content that was never wanted: it was in what another handler removed. */
  #cancelContents(reason) {
    for (let i = 0; i < this.#contents.length; i++) {
      const reader = this.#contents[i];
      if (reader !== undefined) markAsHandled(readableCancel(reader.stream, reason));
    }
    this.#contents = [];
  }

  /** Goes on until there is something to read, or the end. */
  async #advance() {
    while (this.rid !== -1) {
      const wanted = this.#wanted;
      const number = (wanted - (wanted & 31)) / 32;
      switch (wanted & 15) {
        case INPUT: {
          if (this.#give()) return;
          const { value, done } = await readPromise(this.#source);
          if (this.rid === -1) return;
          if (done) this.#run(GO_END);
          else if (byteLength(value) > 0) this.#run(GO_WRITE, bytesOf(value));
          break;
        }
        case AGAIN:
          if ((wanted & FULL) !== 0 && this.#give()) return;
          this.#run(GO_AGAIN);
          break;
        case CONTENT: {
          if (this.#give()) return;
          const { value, done } = await readPromise(this.#contents[number]);
          if (this.rid === -1) return;
          if (done) {
            this.#contents[number] = undefined;
            this.#run(GO_CONTENT_END);
          } else if (byteLength(value) > 0) {
            this.#run(GO_CONTENT, bytesOf(value));
          }
          break;
        }
        case OVER:
          this.#give();
          op_html_rewriter_drop(this.rid);
          this.rid = -1;
          this.#cancelContents(undefined);
          this.stream.controller.end();
          return;
        default: {
          if ((wanted & FULL) !== 0 && this.#give()) return;
          const waiting = this.#handle(wanted & 15, number);
          if (waiting !== undefined) {
            // What is there already need not wait with it.
            this.#give();
            await this.#settled(waiting);
            if (this.rid === -1) return;
          }
          expireToken(this.#token);
          this.#token = undefined;
          this.#run(GO_DONE);
        }
      }
    }
  }

  #run(how, bytes = undefined) {
    this.#wanted = op_html_rewriter_run(this.rid, how, bytes);
  }

  /** Whether anything had come out. */
  #give() {
    const output = op_html_rewriter_output(this.rid);
    if (output === undefined) return false;
    this.stream.controller.enqueueOwned(
      output, TypedArrayPrototypeGetBuffer(output), TypedArrayPrototypeGetByteOffset(output), TypedArrayPrototypeGetByteLength(output),
    );
    return true;
  }

  /** Calls the handler whose turn it is; what it returned, where that is to be waited for. */
  #handle(kind, number) {
    let result;
    try {
      if (kind === END_TAG) {
        const handler = this.#endTagHandlers[number];
        this.#endTagHandlers[number] = undefined;
        this.#token = new EndTag(kInternal, this);
        result = FunctionPrototypeCall(handler, undefined, this.#token);
      } else {
        const handlers = this.#handlers[number];
        this.#token = this.#makeToken(kind);
        result = FunctionPrototypeCall(handlerOf(handlers, kind), handlers.self, this.#token);
      }
    } catch (error) {
      throw failure(error);
    }
    return isObject(result) ? result : undefined;
  }

  #makeToken(kind) {
    switch (kind) {
      case ELEMENT: return new Element(kInternal, this);
      case COMMENT: return new Comment(kInternal, this);
      case TEXT: return new Text(kInternal, this);
      case DOCTYPE: return new Doctype(kInternal, this);
      default: return new DocumentEnd(kInternal, this);
    }
  }

  async #settled(promise) {
    try {
      await PromiseResolve(promise);
    } catch (error) {
      throw failure(error);
    }
  }
}

function handlerOf(handlers, kind) {
  switch (kind) {
    case ELEMENT: return handlers.element;
    case COMMENT: return handlers.comments;
    case TEXT: return handlers.text;
    case DOCTYPE: return handlers.doctype;
    default: return handlers.end;
  }
}

/** What a handler threw, as the body's readers get it: an error of its own where it was no object. */
function failure(thrown) {
  return isObject(thrown) ? thrown : new Error(String(thrown));
}

/** Throws for a chunk that isn't bytes. */
function byteLength(chunk) {
  const bytes = bytesOf(chunk);
  if (bytes === undefined) throw notBytes();
  return TypedArrayPrototypeGetByteLength(bytes);
}
