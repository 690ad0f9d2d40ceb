// MessageChannel and MessagePort (HTML section 9.5). Both ends are in one isolate: a message is a task of the event that sends it.

import { primordials } from "./primordials.js";
import { DOMException } from "./domexception.js";
import { defineEventHandler, dispatch, EventTarget, MessageEvent } from "./events.js";
import { packTransfer, registerTransferable, unpackTransfer } from "./structured_clone.js";
import { converters, createDictionary, createSequence, defineInterface, illegalConstructor, illegalInvocation, isObject, requiredArguments } from "./webidl.js";
import { op_timer_start } from "skerry:ops";
const {
  ArrayPrototypePush, ArrayPrototypeShift, FunctionPrototypeCall, ObjectDefineProperty, ObjectGetOwnPropertyDescriptor, SafeArrayIterator, Symbol,
  SymbolIterator,
} = primordials;

const INTERNAL = Symbol("MessagePort");

const toTransfer = createSequence(converters.object);
const toOptions = createDictionary("StructuredSerializeOptions", [{ key: "transfer", converter: toTransfer, defaultValue: () => [] }]);

/**
 * One end of a channel, which outlives the port that it is transferred from. `port`: whose it is, undefined while it is on its way; `other`: the end that its
 * messages go to, undefined when either is closed; `queue`: what has come and was not delivered; `enabled`: whether the port takes messages.
 */
function newEnd() {
  return { __proto__: null, port: undefined, other: undefined, queue: [], enabled: false };
}

/** Delivers the next message, when the port is there and takes it. */
function deliver(end) {
  const { port } = end;
  if (port === undefined || !end.enabled || end.queue.length === 0) return;
  const packed = ArrayPrototypeShift(end.queue);
  let event;
  try {
    const { value, received } = unpackTransfer(packed);
    const ports = [];
    for (let i = 0; i < received.length; i++) if (isPort(received[i])) ArrayPrototypePush(ports, received[i]);
    event = new MessageEvent("message", { __proto__: null, data: value, ports: new SafeArrayIterator(ports) });
  } catch {
    event = new MessageEvent("messageerror");
  }
  dispatch(port, event);
}

function enable(end) {
  if (end.enabled) return;
  end.enabled = true;
  for (let i = 0; i < end.queue.length; i++) op_timer_start(() => deliver(end), 0, false);
}

export class MessagePort extends EventTarget {
  /** Undefined when the port was transferred. */
  #end;

  constructor(key, end) {
    if (key !== INTERNAL) illegalConstructor();
    super();
    this.#end = end;
    end.port = this;
  }

  postMessage(message, options = undefined) {
    if (!(#end in this)) illegalInvocation();
    const prefix = "Failed to execute 'postMessage' on 'MessagePort'";
    requiredArguments(arguments.length, 1, prefix);
    const transfer = isObject(options) && options[SymbolIterator] !== undefined && options[SymbolIterator] !== null
      ? toTransfer(options, prefix, "parameter 2")
      : toOptions(options, prefix, "parameter 2").transfer;
    const end = this.#end;
    const other = end?.other;
    let doomed = false;
    for (let i = 0; i < transfer.length; i++) {
      if (transfer[i] === this) throw new DOMException("Port at index " + i + " contains the source port.", "DataCloneError");
      // It would have to arrive at itself.
      if (isPort(transfer[i]) && other !== undefined && transfer[i].#end === other) doomed = true;
    }
    const packed = packTransfer(message, transfer);
    if (other === undefined || doomed) return;
    ArrayPrototypePush(other.queue, packed);
    if (other.enabled) op_timer_start(() => deliver(other), 0, false);
  }

  start() {
    if (!(#end in this)) illegalInvocation();
    if (this.#end !== undefined) enable(this.#end);
  }

  close() {
    if (!(#end in this)) illegalInvocation();
    const end = this.#end;
    if (end?.other === undefined) return;
    end.other.other = undefined;
    end.other = undefined;
    // What came before is not taken any more.
    end.enabled = false;
    end.queue = [];
  }

  static {
    isPort = (value) => isObject(value) && #end in value;
    startPort = (port) => {
      if (port.#end !== undefined) enable(port.#end);
    };
    detachPort = (port) => {
      const end = port.#end;
      if (end === undefined) throw new DOMException("A MessagePort could not be cloned because it was detached.", "DataCloneError");
      port.#end = undefined;
      end.port = undefined;
      end.enabled = false;
      return end;
    };
  }
}
var isPort, startPort, detachPort;
defineInterface(MessagePort);
defineEventHandler(MessagePort.prototype, "message");
defineEventHandler(MessagePort.prototype, "messageerror");
{
  // To set `onmessage` starts the port.
  const { get, set } = ObjectGetOwnPropertyDescriptor(MessagePort.prototype, "onmessage");
  const accessors = ObjectGetOwnPropertyDescriptor({
    set onmessage(callback) {
      FunctionPrototypeCall(set, this, callback);
      startPort(this);
    },
  }, "onmessage");
  ObjectDefineProperty(MessagePort.prototype, "onmessage", { __proto__: null, configurable: true, enumerable: true, get, set: accessors.set });
}

registerTransferable({
  prototype: MessagePort.prototype,
  is: (value) => isPort(value),
  detach: (port) => detachPort(port),
  receive: (end) => new MessagePort(INTERNAL, end),
});

export class MessageChannel {
  #port1;
  #port2;

  constructor() {
    const one = newEnd();
    const two = newEnd();
    one.other = two;
    two.other = one;
    this.#port1 = new MessagePort(INTERNAL, one);
    this.#port2 = new MessagePort(INTERNAL, two);
  }

  get port1() { return #port1 in this ? this.#port1 : illegalInvocation(); }
  get port2() { return #port1 in this ? this.#port2 : illegalInvocation(); }
}
defineInterface(MessageChannel);
