// What HTMLRewriter's handlers are given: https://developers.cloudflare.com/workers/runtime-apis/html-rewriter/#methods. A token is of use until its
// handler has ended.

import { op_html_rewriter_token } from "skerry:ops";
import { primordials } from "./primordials.js";
import { isResponse } from "./response.js";
import { isReadableStream } from "./streams/readable.js";
import { kInternal } from "./streams/readable_state.js";
import { defineInterface, illegalConstructor, illegalInvocation, isObject } from "./webidl.js";

const { ArrayPrototypePush, Error, IteratorPrototype, ObjectDefineProperty, ObjectKeys, ObjectSetPrototypeOf, SymbolIterator, TypeError } = primordials;

const STALE = "This content token is no longer valid. Content tokens are only valid during the execution of the relevant content handler.";
const MODIFIED = "The attributes of this element have been modified during iteration. You must create a new iterator after modifying attributes.";
const NO_STREAMS = "Replacing content in HTML comments using a ReadableStream or Response object is not implemented. You must provide a string.";

// The commands of `op_html_rewriter_token`.
const NAME = 0;
const SET_NAME = 1;
const NAMESPACE = 2;
const REMOVED = 3;
const ATTRIBUTES = 4;
const ATTRIBUTE = 5;
const HAS_ATTRIBUTE = 6;
const SET_ATTRIBUTE = 7;
const REMOVE_ATTRIBUTE = 8;
const REMOVE = 9;
const KEEP_CONTENT = 10;
const ON_END_TAG = 11;
const TEXT = 12;
const SET_TEXT = 13;
const LAST_IN_TEXT_NODE = 14;
const PUBLIC_ID = 15;
const SYSTEM_ID = 16;
const AROUND = { __proto__: null, before: 17, after: 18, replace: 21 };
const WITHIN = { __proto__: null, before: 17, after: 18, prepend: 19, append: 20, replace: 21, setInnerContent: 22 };

/** `rewritingOf(token)` throws where there is none any more, or for what is no token. */
let rewritingOf;
export var expireToken;

class Token {
  /** The Rewriting whose handler has it; undefined once that has ended. */
  #rewriting;

  constructor(key, rewriting) {
    if (key !== kInternal) illegalConstructor();
    this.#rewriting = rewriting;
  }

  static {
    rewritingOf = (token) => {
      if (!isObject(token) || !(#rewriting in token)) illegalInvocation();
      if (token.#rewriting === undefined) throw new TypeError(STALE);
      return token.#rewriting;
    };

    expireToken = (token) => {
      token.#rewriting = undefined;
    };
  }
}

function ask(token, what, a = undefined, b = undefined) {
  return op_html_rewriter_token(rewritingOf(token).rid, what, a, b);
}

function requireString(count, index, method, name) {
  if (count < index) throw new TypeError(`Failed to execute '${method}' on '${name}': parameter ${index} is not of type 'string'.`);
}

/** Gives an interface its methods that insert content. `streams`: it may be a ReadableStream or a Response. */
function addInsertions(Class, places, streams) {
  const methods = ObjectKeys(places);
  for (let i = 0; i < methods.length; i++) {
    const method = methods[i];
    const place = places[method];
    const prefix = `Failed to execute '${method}' on '${Class.name}'`;
    const { [method]: value } = {
      [method](content, options = undefined) {
        if (arguments.length < 1) throw new TypeError(`${prefix}: parameter 1 is not of type 'string or ReadableStream or Response'.`);
        insert(this, place, streams, content, isHtml(options, prefix));
        return this;
      },
    };
    ObjectDefineProperty(Class.prototype, method, { __proto__: null, value, writable: true, enumerable: true, configurable: true });
  }
}

function isHtml(options, prefix) {
  if (options === undefined || options === null) return false;
  if (!isObject(options)) throw new TypeError(`${prefix}: parameter 2 is not of type 'ContentOptions'.`);
  return !!options.html;
}

function insert(token, place, streams, content, html) {
  if (!isReadableStream(content) && !isResponse(content)) {
    ask(token, place, `${content}`, html);
    return;
  }
  const rewriting = rewritingOf(token);
  if (!streams) throw new TypeError(NO_STREAMS);
  const number = rewriting.addContent(content);
  if (number === undefined) ask(token, place, "", html);
  else ask(token, place, number, html);
}

// === Element ===

/** `versionOf(element)` changes with its attributes. */
let versionOf;

export class Element extends Token {
  #version = 0;

  get tagName() { return ask(this, NAME); }
  set tagName(name) { ask(this, SET_NAME, `${name}`); }
  get attributes() { return new AttributesIterator(kInternal, this, ask(this, ATTRIBUTES)); }
  get removed() { return ask(this, REMOVED); }
  get namespaceURI() { return ask(this, NAMESPACE); }

  getAttribute(name) {
    requireString(arguments.length, 1, "getAttribute", "Element");
    return ask(this, ATTRIBUTE, `${name}`);
  }

  hasAttribute(name) {
    requireString(arguments.length, 1, "hasAttribute", "Element");
    return ask(this, HAS_ATTRIBUTE, `${name}`);
  }

  setAttribute(name, value) {
    requireString(arguments.length, 1, "setAttribute", "Element");
    requireString(arguments.length, 2, "setAttribute", "Element");
    ask(this, SET_ATTRIBUTE, `${name}`, `${value}`);
    this.#version++;
    return this;
  }

  removeAttribute(name) {
    requireString(arguments.length, 1, "removeAttribute", "Element");
    ask(this, REMOVE_ATTRIBUTE, `${name}`);
    this.#version++;
    return this;
  }

  remove() {
    ask(this, REMOVE);
    return this;
  }

  removeAndKeepContent() {
    ask(this, KEEP_CONTENT);
    return this;
  }

  onEndTag(handler) {
    const rewriting = rewritingOf(this);
    if (typeof handler !== "function") throw new TypeError("Failed to execute 'onEndTag' on 'Element': parameter 1 is not of type 'function'.");
    ask(this, ON_END_TAG, rewriting.addEndTagHandler(handler));
  }

  static {
    versionOf = (element) => element.#version;
  }
}
addInsertions(Element, WITHIN, true);
defineInterface(Element);

/** What `element.attributes` returns: pairs of name and value. */
class AttributesIterator {
  #element;
  #version;
  #flat;
  #index = 0;

  constructor(key, element, flat) {
    if (key !== kInternal) illegalConstructor();
    this.#element = element;
    this.#version = versionOf(element);
    this.#flat = flat;
  }

  next() {
    if (!isObject(this) || !(#flat in this)) illegalInvocation();
    rewritingOf(this.#element);
    if (versionOf(this.#element) !== this.#version) throw new Error(MODIFIED);
    const index = this.#index;
    if (index >= this.#flat.length) return { done: true, value: undefined };
    this.#index = index + 2;
    const pair = [];
    ArrayPrototypePush(pair, this.#flat[index], this.#flat[index + 1]);
    return { done: false, value: pair };
  }

  [SymbolIterator]() {
    return this;
  }
}
defineInterface(AttributesIterator);
ObjectSetPrototypeOf(AttributesIterator.prototype, IteratorPrototype);

// === The others ===

export class EndTag extends Token {
  get name() { return ask(this, NAME); }
  set name(name) { ask(this, SET_NAME, `${name}`); }

  remove() {
    ask(this, REMOVE);
    return this;
  }
}
addInsertions(EndTag, { __proto__: null, before: AROUND.before, after: AROUND.after }, true);
defineInterface(EndTag);

export class Comment extends Token {
  get text() { return ask(this, TEXT); }
  set text(text) { ask(this, SET_TEXT, `${text}`); }
  get removed() { return ask(this, REMOVED); }

  remove() {
    ask(this, REMOVE);
    return this;
  }
}
addInsertions(Comment, AROUND, false);
defineInterface(Comment);

export class Text extends Token {
  get text() { return ask(this, TEXT); }
  get lastInTextNode() { return ask(this, LAST_IN_TEXT_NODE); }
  get removed() { return ask(this, REMOVED); }

  remove() {
    ask(this, REMOVE);
    return this;
  }
}
addInsertions(Text, AROUND, true);
defineInterface(Text);

export class Doctype extends Token {
  get name() { return ask(this, NAME); }
  get publicId() { return ask(this, PUBLIC_ID); }
  get systemId() { return ask(this, SYSTEM_ID); }
}
defineInterface(Doctype);

export class DocumentEnd extends Token {}
addInsertions(DocumentEnd, { __proto__: null, append: WITHIN.append }, false);
defineInterface(DocumentEnd);
