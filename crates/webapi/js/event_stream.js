// The event stream format (HTML section 9.2.5 and section 9.2.6), parsed as it comes in.

import { primordials } from "./primordials.js";
import { TextDecoder } from "./encoding.js";

const { Number, RegExpPrototypeExec, StringPrototypeIncludes, StringPrototypeIndexOf, StringPrototypeSlice, uncurryThis } = primordials;

const decode = uncurryThis(TextDecoder.prototype.decode);
const STREAM = { __proto__: null, stream: true };
const DIGITS = /^[0-9]+$/;

export class EventStreamParser {
  lastEventId = "";
  #decoder = new TextDecoder();
  /** The line that has not ended yet. */
  #line = "";
  /** The last chunk ended with a carriage return: a line feed that comes next belongs to it. */
  #afterReturn = false;
  #data = "";
  #type = "";
  #onEvent;
  #onRetry;

  /** Calls `onEvent(type, data, lastEventId)` and `onRetry(milliseconds)`. */
  constructor(onEvent, onRetry) {
    this.#onEvent = onEvent;
    this.#onRetry = onRetry;
  }

  /** Another connection begins; the id of the last event stays. */
  reset() {
    this.#decoder = new TextDecoder();
    this.#line = "";
    this.#afterReturn = false;
    this.#data = "";
    this.#type = "";
  }

  feed(bytes) {
    const text = decode(this.#decoder, bytes, STREAM);
    let at = 0;
    if (this.#afterReturn && text !== "") {
      this.#afterReturn = false;
      if (text[0] === "\n") at = 1;
    }
    // Either is looked for anew only once it has been passed, so that a text with many lines isn't searched again for each.
    let feed = StringPrototypeIndexOf(text, "\n", at);
    let carriage = StringPrototypeIndexOf(text, "\r", at);
    while (feed !== -1 || carriage !== -1) {
      const end = carriage === -1 || (feed !== -1 && feed < carriage) ? feed : carriage;
      const line = this.#line + StringPrototypeSlice(text, at, end);
      this.#line = "";
      at = end + 1;
      if (end === carriage) {
        if (feed === at) at++;
        else if (at === text.length) this.#afterReturn = true;
      }
      if (feed !== -1 && feed < at) feed = StringPrototypeIndexOf(text, "\n", at);
      if (carriage !== -1 && carriage < at) carriage = StringPrototypeIndexOf(text, "\r", at);
      this.#take(line);
    }
    this.#line += StringPrototypeSlice(text, at);
  }

  #take(line) {
    if (line === "") {
      this.#dispatch();
      return;
    }
    const colon = StringPrototypeIndexOf(line, ":");
    if (colon === 0) return;
    if (colon === -1) {
      this.#field(line, "");
      return;
    }
    const value = StringPrototypeSlice(line, line[colon + 1] === " " ? colon + 2 : colon + 1);
    this.#field(StringPrototypeSlice(line, 0, colon), value);
  }

  #field(name, value) {
    switch (name) {
      case "event":
        this.#type = value;
        break;
      case "data":
        this.#data += `${value}\n`;
        break;
      case "id":
        if (!StringPrototypeIncludes(value, "\0")) this.lastEventId = value;
        break;
      case "retry":
        if (RegExpPrototypeExec(DIGITS, value) !== null) this.#onRetry(Number(value));
    }
  }

  /** As on the platform, an event whose data is empty is none. */
  #dispatch() {
    const data = StringPrototypeSlice(this.#data, 0, -1);
    const type = this.#type === "" ? "message" : this.#type;
    this.#data = "";
    this.#type = "";
    if (data !== "") this.#onEvent(type, data, this.lastEventId);
  }
}
