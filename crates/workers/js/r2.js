// R2 buckets in `env`: https://developers.cloudflare.com/r2/api/workers/workers-api-reference/

import {
  op_body_writer, op_r2_abort_multipart, op_r2_complete_multipart, op_r2_create_multipart, op_r2_delete, op_r2_get, op_r2_head, op_r2_list, op_r2_put,
  op_r2_upload_part,
} from "skerry:ops";
import { primordials } from "../webapi/primordials.js";
import { blobBytes, isBlob } from "../webapi/blob.js";
import { asBytes } from "../webapi/bytes.js";
import {
  detachNative, expectedLength, isLocked, isReadableStream, markAsHandled, nativeRid, pumpToNative, readableStreamCancel,
} from "../webapi/streams.js";
import { converters, defineInterface, illegalConstructor, illegalInvocation, isBufferSource, isObject } from "../webapi/webidl.js";
import { define, newGetResult, newHeadResult } from "./r2_object.js";
import {
  optionsArgument, stringArgument, toChecksums, toConditional, toCustomerKey, toCustomMetadata, toHttpMetadata, toListOptions, toRange,
  toStorageClass, wrongField, wrongParameter,
} from "./r2_options.js";

const { ArrayIsArray, ArrayPrototypePush, Error, PromisePrototypeThen, Symbol, TypeError } = primordials;

const INTERNAL = Symbol("R2Bucket");

// === Bodies ===

const BODY = "ReadableStream or ArrayBuffer or ArrayBufferView or string or Blob";

/** Text, bytes or a stream; with `isNullable`, null and undefined are an empty body. */
function bodyArgument(value, isNullable, method, Class) {
  if (typeof value === "string" || isReadableStream(value)) return value;
  if (isBufferSource(value)) return asBytes(value);
  if (isBlob(value)) return blobBytes(value);
  if (isNullable && (value === undefined || value === null)) return "";
  throw wrongParameter(method, Class, 2, BODY);
}

/** Hands a body to `send(body)`, a stream by its native number, and waits for the outcome. */
async function sendBody(body, send) {
  if (!isReadableStream(body)) return await send(body);
  if (isLocked(body)) throw new TypeError("This ReadableStream is currently locked to a reader.");
  if (nativeRid(body) !== -1) return await send(detachNative(body));
  const length = expectedLength(body);
  if (length === undefined) {
    throw new TypeError("Provided readable stream must have a known length (request/response body or readable half of FixedLengthStream)");
  }
  const ends = op_body_writer(length);
  const sent = send(ends[1]);
  let broken = false;
  let reason;
  PromisePrototypeThen(pumpToNative(body, ends[0]), undefined, (error) => {
    broken = true;
    reason = error;
  });
  try {
    return await sent;
  } catch (error) {
    // What broke the stream says more than that it broke.
    throw broken ? reason : error;
  }
}

/** Runs `prepare`; where it throws, nobody will read `body`. */
function orCancel(body, prepare) {
  try {
    return prepare();
  } catch (error) {
    if (isReadableStream(body) && !isLocked(body)) {
      markAsHandled(readableStreamCancel(body, new Error("Stream cancelled because the associated put operation encountered an error.")));
    }
    throw error;
  }
}

// === Buckets ===

let bucketOf;

export class R2Bucket {
  #bucket;

  constructor(key = undefined, bucket = undefined) {
    if (key !== INTERNAL) illegalConstructor();
    this.#bucket = bucket;
  }

  async head(key) {
    const bucket = bucketOf(this);
    key = stringArgument(arguments, 1, "head", "R2Bucket");
    const parts = await op_r2_head(bucket, key);
    return parts === null ? null : newHeadResult(parts, { offset: 0, length: parts[2] });
  }

  async get(key, options = undefined) {
    const bucket = bucketOf(this);
    key = stringArgument(arguments, 1, "get", "R2Bucket");
    options = optionsArgument(options, 2, "get", "R2Bucket", "GetOptions");
    let onlyIf, range, customerKey;
    if (options !== undefined) {
      onlyIf = toConditional(options.onlyIf, "GetOptions");
      range = toRange(options.range);
      customerKey = toCustomerKey(options.ssecKey);
    }
    const found = await op_r2_get(bucket, key, onlyIf, range, customerKey);
    if (found === null) return null;
    const got = { offset: found[2], length: found[3] };
    return found[1] === -1 ? newHeadResult(found[0], got) : newGetResult(found[0], got, found[1]);
  }

  async put(key, value, options = undefined) {
    const bucket = bucketOf(this);
    key = stringArgument(arguments, 1, "put", "R2Bucket");
    if (arguments.length < 2) throw wrongParameter("put", "R2Bucket", 2, BODY);
    const body = bodyArgument(value, true, "put", "R2Bucket");
    options = optionsArgument(options, 3, "put", "R2Bucket", "PutOptions");
    let onlyIf, http, custom, checksums, storageClass, customerKey;
    if (options !== undefined) {
      orCancel(body, () => {
        onlyIf = toConditional(options.onlyIf, "PutOptions");
        custom = toCustomMetadata(options.customMetadata, "PutOptions");
        http = toHttpMetadata(options.httpMetadata, "PutOptions");
        checksums = toChecksums(options);
        storageClass = toStorageClass(options.storageClass);
        customerKey = toCustomerKey(options.ssecKey);
      });
    }
    const parts = await sendBody(body, (source) => op_r2_put(bucket, key, source, http, custom, onlyIf, checksums, storageClass, customerKey));
    return parts === null ? null : newHeadResult(parts);
  }

  async createMultipartUpload(key, options = undefined) {
    const bucket = bucketOf(this);
    key = stringArgument(arguments, 1, "createMultipartUpload", "R2Bucket");
    options = optionsArgument(options, 2, "createMultipartUpload", "R2Bucket", "MultipartOptions");
    let http, custom, storageClass, customerKey;
    if (options !== undefined) {
      custom = toCustomMetadata(options.customMetadata, "MultipartOptions");
      http = toHttpMetadata(options.httpMetadata, "MultipartOptions");
      storageClass = toStorageClass(options.storageClass);
      customerKey = toCustomerKey(options.ssecKey);
    }
    const uploadId = await op_r2_create_multipart(bucket, key, http, custom, storageClass, customerKey);
    return new R2MultipartUpload(INTERNAL, bucket, key, uploadId);
  }

  resumeMultipartUpload(key, uploadId) {
    const bucket = bucketOf(this);
    key = stringArgument(arguments, 1, "resumeMultipartUpload", "R2Bucket");
    uploadId = stringArgument(arguments, 2, "resumeMultipartUpload", "R2Bucket");
    return new R2MultipartUpload(INTERNAL, bucket, key, uploadId);
  }

  async delete(keys) {
    const bucket = bucketOf(this);
    if (arguments.length < 1) throw wrongParameter("delete", "R2Bucket", 1, "string or Array");
    const list = [];
    if (ArrayIsArray(keys)) {
      for (let i = 0; i < keys.length; i++) ArrayPrototypePush(list, converters.DOMString(keys[i]));
    } else {
      ArrayPrototypePush(list, converters.DOMString(keys));
    }
    await op_r2_delete(bucket, list);
  }

  async list(options = undefined) {
    const bucket = bucketOf(this);
    const asked = toListOptions(optionsArgument(options, 1, "list", "R2Bucket", "ListOptions"));
    const page = await op_r2_list(bucket, asked);
    const objects = page[0];
    for (let i = 0; i < objects.length; i++) objects[i] = newHeadResult(objects[i]);
    const cursor = page[2];
    return { objects, truncated: cursor !== undefined, cursor, delimitedPrefixes: page[1] };
  }

  static {
    bucketOf = (value) => (isObject(value) && #bucket in value ? value.#bucket : illegalInvocation());
  }
}
defineInterface(R2Bucket);

export function makeR2Bucket(number) {
  return new R2Bucket(INTERNAL, number);
}

// === Uploads in parts ===

function partNumberOf(value) {
  const number = converters.long(value);
  if (number >= 1 && number <= 10000) return number;
  throw new TypeError(`Part number must be between 1 and 10000 (inclusive). Actual value was: ${number}`);
}

let uploadOf;

export class R2MultipartUpload {
  #upload;

  constructor(token = undefined, bucket = undefined, key = undefined, uploadId = undefined) {
    if (token !== INTERNAL) illegalConstructor();
    this.#upload = { __proto__: null, bucket, key, id: uploadId };
    define(this, "uploadId", uploadId);
    define(this, "key", key);
  }

  async uploadPart(partNumber, value, options = undefined) {
    const { bucket, key, id } = uploadOf(this);
    if (arguments.length < 1) throw wrongParameter("uploadPart", "R2MultipartUpload", 1, "integer");
    const number = converters.long(partNumber);
    const body = bodyArgument(value, false, "uploadPart", "R2MultipartUpload");
    options = optionsArgument(options, 3, "uploadPart", "R2MultipartUpload", "UploadPartOptions");
    let customerKey;
    orCancel(body, () => {
      partNumberOf(number);
      if (options !== undefined) customerKey = toCustomerKey(options.ssecKey);
    });
    const etag = await sendBody(body, (source) => op_r2_upload_part(bucket, key, id, number, source, customerKey));
    return { partNumber: number, etag };
  }

  async abort() {
    const { bucket, key, id } = uploadOf(this);
    await op_r2_abort_multipart(bucket, key, id);
  }

  async complete(uploadedParts) {
    const { bucket, key, id } = uploadOf(this);
    if (!ArrayIsArray(uploadedParts)) throw wrongParameter("complete", "R2MultipartUpload", 1, "Array");
    const parts = [];
    for (let i = 0; i < uploadedParts.length; i++) {
      const part = uploadedParts[i];
      if (!isObject(part)) throw new TypeError(`Incorrect type for array element ${i}: the provided value is not of type 'UploadedPart'.`);
      const { partNumber, etag } = part;
      if (partNumber === undefined) throw wrongField("partNumber", "UploadedPart", "integer");
      ArrayPrototypePush(parts, converters.long(partNumber), converters.DOMString(etag));
    }
    for (let i = 0; i < parts.length; i += 2) partNumberOf(parts[i]);
    return newHeadResult(await op_r2_complete_multipart(bucket, key, id, parts));
  }

  static {
    uploadOf = (value) => (isObject(value) && #upload in value ? value.#upload : illegalInvocation());
  }
}
defineInterface(R2MultipartUpload);
