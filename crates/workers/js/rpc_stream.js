// Streams over RPC. A readable one travels as a native body, so one that is native already passes through without JavaScript; a writable one is a
// stub of what writes into it. Both are of bytes.

import { op_body_writer } from "skerry:ops";
import { primordials } from "../webapi/primordials.js";
import {
  detachNative, expectedLength, isLocked, isReadableStream, markAsHandled, nativeRid, pumpToNative, readableStreamFromNative, WritableStream,
  WritableStreamDefaultWriter,
} from "../webapi/streams.js";
import { bytesOf, notBytesWritten } from "../webapi/streams/native.js";
import { writableOf } from "../webapi/streams/writable.js";
import { currentEvent, hold, letGo } from "./context.js";
import { callMember, faceOf, newStub } from "./rpc_stub.js";

const { Error, PromisePrototypeThen, SymbolDispose, TypeError, uncurryThis } = primordials;

const READABLE = 0;
const WRITABLE = 1;

const BROKEN = "ReadableStream received over RPC disconnected prematurely.";

const { prototype: writerPrototype } = WritableStreamDefaultWriter;
const write = uncurryThis(writerPrototype.write);
const close = uncurryThis(writerPrototype.close);
const abort = uncurryThis(writerPrototype.abort);

/** How a stream is written, undefined for anything else. */
export function writeStream(value) {
  if (isReadableStream(value)) return (packing) => writeReadable(value, packing);
  if (writableOf(value) !== undefined) return (packing) => writeWritable(value, packing);
  return undefined;
}

function writeReadable(stream, packing) {
  if (isLocked(stream)) throw new TypeError("The ReadableStream has been locked to a reader.");
  const native = nativeRid(stream);
  if (native !== -1) {
    detachNative(stream);
    return [READABLE, packing.add([2, native])];
  }
  const ends = op_body_writer(expectedLength(stream) ?? -1);
  const pumped = pumpToNative(stream, ends[0], BROKEN);
  const event = packing.isResult ? currentEvent() : undefined;
  if (event === undefined) {
    markAsHandled(pumped);
  } else {
    // The event goes on for as long as somebody reads.
    hold(event);
    const end = () => letGo(event);
    PromisePrototypeThen(pumped, end, end);
  }
  return [READABLE, packing.add([2, ends[1]])];
}

function writeWritable(stream, packing) {
  if (writableOf(stream).writer !== undefined) throw new TypeError("This WritableStream is currently locked to a writer.");
  const writer = new WritableStreamDefaultWriter(stream);
  let ended = false;
  const target = {
    __proto__: null,
    write: (chunk) => write(writer, chunk),
    close() {
      ended = true;
      return close(writer);
    },
    abort(reason) {
      ended = true;
      return abort(writer, reason);
    },
    // Whoever was to write is gone.
    [SymbolDispose]() {
      if (!ended) markAsHandled(abort(writer, new Error("WritableStream received over RPC was disconnected before it was closed.")));
    },
  };
  return [WRITABLE, packing.export(target, true)];
}

/** The stream on the other side. */
export function readStream(kind, slots, place) {
  const number = slots[place][1];
  return kind === READABLE ? readableStreamFromNative(number) : readWritable(newStub(number));
}

function readWritable(stub) {
  const face = faceOf(stub);
  const end = (promise) => {
    const dispose = () => face.dispose();
    PromisePrototypeThen(promise, dispose, dispose);
    return promise;
  };
  return new WritableStream({
    __proto__: null,
    write(chunk) {
      const bytes = typeof chunk === "string" ? undefined : bytesOf(chunk);
      if (bytes === undefined) throw notBytesWritten(chunk);
      return callMember(face, "write", [bytes]);
    },
    close: () => end(callMember(face, "close", [])),
    abort: (reason) => end(callMember(face, "abort", [reason])),
  });
}
