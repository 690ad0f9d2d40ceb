// Streams that are transferred (Streams section 4.2.5, 5.2.5 and 6.2.4): the original is locked, and what passes through the new one is cloned.
// Both ends are in one isolate, so the new stream reads from the old one without message ports between them.

import { primordials } from "../primordials.js";
import { DOMException } from "../domexception.js";
import { registerTransferable, structuredClone } from "../structured_clone.js";
import { kResolved } from "./promises.js";
import { faceOf, isReadableStream, readableOf, ReadableStream } from "./readable.js";
import { createReadable } from "./readable_default.js";
import { acquireReader, kInternal, readableCancel, readPromise } from "./readable_state.js";
import { TransformStream } from "./transform.js";
import { writableOf, WritableStream, WritableStreamDefaultWriter } from "./writable.js";
const { FunctionPrototypeCall, ObjectGetOwnPropertyDescriptor, PromisePrototypeThen, uncurryThis } = primordials;

const { abort: writerAbort, close: writerClose, write: writerWrite } = WritableStreamDefaultWriter.prototype;
const isLocked = uncurryThis(ObjectGetOwnPropertyDescriptor(WritableStream.prototype, "locked").get);
const readableSide = uncurryThis(ObjectGetOwnPropertyDescriptor(TransformStream.prototype, "readable").get);
const writableSide = uncurryThis(ObjectGetOwnPropertyDescriptor(TransformStream.prototype, "writable").get);

function locked(name) {
  return new DOMException(`A ${name} could not be cloned because it was locked.`, "DataCloneError");
}

/** A reason for the other side: its clone, or why it has none. */
function cloneReason(reason) {
  try {
    return structuredClone(reason);
  } catch (error) {
    return error;
  }
}

function detachReadable(stream) {
  const record = readableOf(stream);
  if (record.reader !== undefined) throw locked("ReadableStream");
  return acquireReader(record);
}

function receiveReadable(reader) {
  const source = {
    __proto__: null,
    pulls: true,
    pull(controller) {
      return PromisePrototypeThen(
        readPromise(reader),
        ({ value, done }) => {
          if (done) return controller.close();
          let clone;
          try {
            clone = structuredClone(value);
          } catch (error) {
            readableCancel(reader.stream, error);
            throw error;
          }
          controller.enqueue(clone);
        },
        (reason) => {
          throw cloneReason(reason);
        },
      );
    },
    cancel: (reason) => readableCancel(reader.stream, cloneReason(reason)),
  };
  return faceOf(createReadable(source, 0, undefined, kResolved));
}

function detachWritable(stream) {
  if (isLocked(stream)) throw locked("WritableStream");
  return new WritableStreamDefaultWriter(stream);
}

function receiveWritable(writer) {
  return new WritableStream({
    __proto__: null,
    write(chunk, controller) {
      let clone;
      try {
        clone = structuredClone(chunk);
      } catch (error) {
        FunctionPrototypeCall(writerAbort, writer, error);
        throw error;
      }
      return FunctionPrototypeCall(writerWrite, writer, clone);
    },
    close: () => FunctionPrototypeCall(writerClose, writer),
    abort: (reason) => FunctionPrototypeCall(writerAbort, writer, cloneReason(reason)),
  }, { __proto__: null, highWaterMark: 1 });
}

registerTransferable({ prototype: ReadableStream.prototype, is: isReadableStream, detach: detachReadable, receive: receiveReadable });
registerTransferable({
  prototype: WritableStream.prototype, is: (value) => writableOf(value) !== undefined, detach: detachWritable, receive: receiveWritable,
});
registerTransferable({
  prototype: TransformStream.prototype,
  is(value) {
    try {
      return readableSide(value) !== undefined;
    } catch {
      return false;
    }
  },
  detach(stream) {
    const readable = readableSide(stream);
    const writable = writableSide(stream);
    if (readableOf(readable).reader !== undefined || isLocked(writable)) throw locked("TransformStream");
    return { __proto__: null, reader: detachReadable(readable), writer: detachWritable(writable) };
  },
  receive: ({ reader, writer }) => new TransformStream(kInternal, receiveReadable(reader), receiveWritable(writer)),
});
