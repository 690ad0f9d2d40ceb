// node:stream/web: the platform's classes.

'use strict';

const { ObjectAssign } = primordials;
const {
  host: { CompressionStream, DecompressionStream, TextDecoderStream, TextEncoderStream, streams },
} = require('internal/host');

const {
  ByteLengthQueuingStrategy, CountQueuingStrategy, ReadableByteStreamController, ReadableStream, ReadableStreamBYOBReader,
  ReadableStreamBYOBRequest, ReadableStreamDefaultController, ReadableStreamDefaultReader, TransformStream,
  TransformStreamDefaultController, WritableStream, WritableStreamDefaultController, WritableStreamDefaultWriter,
} = streams;

ObjectAssign(exports, {
  CompressionStream, DecompressionStream, TextDecoderStream, TextEncoderStream,
  ByteLengthQueuingStrategy, CountQueuingStrategy, ReadableByteStreamController, ReadableStream, ReadableStreamBYOBReader,
  ReadableStreamBYOBRequest, ReadableStreamDefaultController, ReadableStreamDefaultReader, TransformStream,
  TransformStreamDefaultController, WritableStream, WritableStreamDefaultController, WritableStreamDefaultWriter,
});
