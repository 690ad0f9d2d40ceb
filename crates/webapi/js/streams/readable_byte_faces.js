// ReadableByteStreamController and ReadableStreamBYOBRequest as a Worker sees them (Streams section 4.7, section 4.8).

import { primordials } from "../primordials.js";
import { converters, defineInterface, illegalConstructor, illegalInvocation, isObject, requiredArguments } from "../webidl.js";
import { kInternal } from "./readable_state.js";
import { isDetached, requireView, viewBuffer, viewByteLength } from "./strategy.js";
const { ArrayBufferPrototypeGetByteLength, TypeError } = primordials;

const ENFORCE_RANGE = { enforceRange: true };

export class ReadableByteStreamController {
  #controller;

  constructor(token = undefined, controller) {
    if (token !== kInternal) illegalConstructor();
    this.#controller = controller;
  }

  get byobRequest() {
    if (!isObject(this) || !(#controller in this)) illegalInvocation();
    return this.#controller.getByobRequest();
  }

  get desiredSize() {
    if (!isObject(this) || !(#controller in this)) illegalInvocation();
    return this.#controller.desiredSize;
  }

  close() {
    if (!isObject(this) || !(#controller in this)) illegalInvocation();
    if (!this.#controller.canCloseOrEnqueue) throw new TypeError("Unable to close: the ReadableStream is closed or errored already.");
    this.#controller.close();
  }

  enqueue(chunk) {
    if (!isObject(this) || !(#controller in this)) illegalInvocation();
    const prefix = "Failed to execute 'enqueue' on 'ReadableByteStreamController'";
    requiredArguments(arguments.length, 1, prefix);
    requireView(chunk, prefix);
    if (viewByteLength(chunk) === 0) throw new TypeError("Cannot enqueue a zero-length ArrayBuffer.");
    if (ArrayBufferPrototypeGetByteLength(viewBuffer(chunk)) === 0) throw new TypeError("Cannot enqueue a zero-length ArrayBuffer.");
    if (!this.#controller.canCloseOrEnqueue) throw new TypeError("Unable to enqueue: the ReadableStream is closed or errored already.");
    this.#controller.enqueue(chunk);
  }

  error(reason = undefined) {
    if (!isObject(this) || !(#controller in this)) illegalInvocation();
    this.#controller.error(reason);
  }
}
defineInterface(ReadableByteStreamController);

let invalidate;

export class ReadableStreamBYOBRequest {
  #controller;
  #view;

  static {
    invalidate = (request) => {
      request.#controller = undefined;
      request.#view = null;
    };
  }

  constructor(token = undefined, controller, view) {
    if (token !== kInternal) illegalConstructor();
    this.#controller = controller;
    this.#view = view;
  }

  get view() {
    if (!isObject(this) || !(#view in this)) illegalInvocation();
    return this.#view;
  }

  respond(bytesWritten) {
    if (!isObject(this) || !(#view in this)) illegalInvocation();
    const prefix = "Failed to execute 'respond' on 'ReadableStreamBYOBRequest'";
    requiredArguments(arguments.length, 1, prefix);
    const length = converters["unsigned long long"](bytesWritten, prefix, "parameter 1", ENFORCE_RANGE);
    if (this.#controller === undefined) throw new TypeError("This BYOB request has been invalidated.");
    if (isDetached(viewBuffer(this.#view))) throw new TypeError(`${prefix}: the buffer of the request's view is detached.`);
    this.#controller.respond(length);
  }

  respondWithNewView(view) {
    if (!isObject(this) || !(#view in this)) illegalInvocation();
    const prefix = "Failed to execute 'respondWithNewView' on 'ReadableStreamBYOBRequest'";
    requiredArguments(arguments.length, 1, prefix);
    requireView(view, prefix);
    if (this.#controller === undefined) throw new TypeError("This BYOB request has been invalidated.");
    if (isDetached(viewBuffer(view))) throw new TypeError(`${prefix}: the view's buffer is detached.`);
    this.#controller.respondWithNewView(view);
  }
}
defineInterface(ReadableStreamBYOBRequest);

export { invalidate as invalidateByobRequest };
