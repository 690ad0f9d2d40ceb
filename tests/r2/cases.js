// What a Worker sees of R2: `[what is tried, what comes of it]`. Answers with the cases that differ. All of them hold for workerd with miniflare
// too, but those under "beyond".

const show = async (attempt) => {
  try {
    const value = await attempt();
    return typeof value === "string" ? value : JSON.stringify(value) ?? String(value);
  } catch (error) {
    return `${error.name}: ${error.message}`;
  }
};
const headers = (init) => new Headers(init);
const names = (object) => Object.getOwnPropertyNames(object).sort().join();
const fixed = (length, bytes) => {
  const { readable, writable } = new FixedLengthStream(length);
  const writer = writable.getWriter();
  writer.write(new Uint8Array(bytes)).catch(() => {});
  writer.close().catch(() => {});
  return readable;
};
const BODY = "is not of type 'ReadableStream or ArrayBuffer or ArrayBufferView or string or Blob'.";
const MD5 = "5d41402abc4b2a76b9719d911017c592";
const SHA1 = "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d";

async function* cases(B) {
  const put = await B.put("k", "hello", {
    httpMetadata: { contentType: "text/plain", cacheExpiry: new Date(1000) }, customMetadata: { b: "1", a: "2" }, sha1: SHA1,
  });
  yield [() => [String(B), String(put), names(B)], '["[object R2Bucket]","[object HeadResult]",""]'];
  yield [() => names(put), "checksums,customMetadata,etag,httpEtag,httpMetadata,key,range,size,ssecKeyMd5,storageClass,uploaded,version"];
  yield [() => [put.key, put.size, put.etag, put.httpEtag], `["k",5,"${MD5}","\\"${MD5}\\""]`];
  yield [() => [put.httpMetadata, put.customMetadata], '[{"contentType":"text/plain","cacheExpiry":"1970-01-01T00:00:01.000Z"},{"b":"1","a":"2"}]'];
  yield [() => [put.checksums, String(put.checksums.md5), String(put.checksums)], `[{"md5":"${MD5}","sha1":"${SHA1}"},"[object ArrayBuffer]","[object Checksums]"]`];
  yield [() => [put.range, put.uploaded instanceof Date, Math.abs(Date.now() - put.uploaded) < 60000, /^[0-9a-f]{32}$/.test(put.version)], "[null,true,true,true]"];
  yield [() => JSON.stringify(put, ["key", "checksums", "md5"]), `{"key":"k","checksums":{"md5":"${MD5}"}}`];
  yield [() => new B.constructor(), "TypeError: Illegal constructor"];

  yield [async () => (await B.head("k")).range, '{"offset":0,"length":5}'];
  yield [() => B.head("none"), "null"];
  yield [() => B.head(), "TypeError: Failed to execute 'head' on 'R2Bucket': parameter 1 is not of type 'string'."];

  const got = await B.get("k");
  yield [() => [String(got), got instanceof put.constructor, "body" in got, "body" in put, String(got.body), got.bodyUsed, "formData" in got], '["[object GetResult]",true,true,false,"[object ReadableStream]",false,false]'];
  yield [() => got.text(), "hello"];
  yield [() => got.text(), "TypeError: Body has already been used. It can only be used once. Use tee() first if you need to read it twice."];
  yield [() => got.bodyUsed, "true"];
  yield [async () => (await B.get("k")).json(), "SyntaxError: Unexpected token 'h', \"hello\" is not valid JSON"];
  yield [async () => { const blob = await (await B.get("k")).blob(); return [blob.type, blob.size]; }, '["text/plain",5]'];
  yield [async () => String(await (await B.get("k")).bytes()), "104,101,108,108,111"];
  yield [async () => (await (await B.get("k")).arrayBuffer()).byteLength, "5"];
  yield [async () => new Response((await B.get("k")).body).text(), "hello"];

  const ranged = async (range) => { const got = await B.get("k", { range }); return [got.range.offset, got.range.length, await got.text()]; };
  const unsatisfiable = "Error: get: The requested range is not satisfiable (10039)";
  yield [() => ranged({ offset: 1, length: 2 }), '[1,2,"el"]'];
  yield [() => ranged({ offset: 3, length: 99 }), '[3,2,"lo"]'];
  yield [() => ranged({ suffix: 2 }), '[3,2,"lo"]'];
  yield [() => ranged({}), '[0,5,"hello"]'];
  yield [() => ranged(headers({ range: "bytes=1-2" })), '[1,2,"el"]'];
  yield [() => ranged(headers({ range: "bytes=0-1,3-4" })), '[0,5,"hello"]'];
  yield [() => ranged({ suffix: 0 }), unsatisfiable];
  yield [() => ranged({ offset: 1, length: 0 }), unsatisfiable];
  yield [() => ranged({ offset: 99 }), unsatisfiable];
  yield [() => ranged({ offset: -1 }), "RangeError: Invalid range. Starting offset (-1) must be greater than or equal to 0."];
  yield [() => ranged({ offset: 1.5 }), "RangeError: Invalid range. Starting offset (1.5) must be an integer, not floating point."];
  yield [() => ranged({ length: -1 }), "RangeError: Invalid range. Length (-1) must be greater than or equal to 0."];
  yield [() => ranged({ suffix: -1 }), "RangeError: Invalid suffix. Suffix (-1) must be greater than or equal to 0."];
  yield [() => ranged({ suffix: 1.5 }), "RangeError: Invalid range. Suffix (1.5) must be an integer, not floating point."];
  yield [() => ranged({ suffix: 1, offset: 1 }), "TypeError: Suffix is incompatible with offset."];
  yield [() => ranged({ suffix: 1, length: 1 }), "TypeError: Suffix is incompatible with length."];
  yield [() => ranged(5), "TypeError: Incorrect type for the 'range' field on 'GetOptions': the provided value is not of type 'Range or Headers'."];

  const onlyIf = async (onlyIf) => "body" in await B.get("k", { onlyIf });
  yield [() => onlyIf({ etagMatches: MD5 }), "true"];
  yield [() => onlyIf({ etagMatches: "x" }), "false"];
  yield [() => onlyIf({ etagDoesNotMatch: "*" }), "false"];
  yield [() => onlyIf({ uploadedBefore: 5 }), "false"];
  yield [() => onlyIf({ uploadedAfter: new Date(5) }), "true"];
  yield [() => onlyIf(headers({ "if-none-match": `W/"abc", "${MD5}"` })), "false"];
  yield [() => onlyIf(headers({ "if-none-match": 'W/"abc", "d"' })), "true"];
  yield [() => onlyIf(headers({ "if-modified-since": "garbage" })), "true"];
  yield [() => onlyIf({ etagMatches: '"x"' }), 'TypeError: Conditional ETag should not be wrapped in quotes ("x").'];
  yield [() => onlyIf({ etagMatches: 5 }), "TypeError: Incorrect type for the 'etagMatches' field on 'Conditional': the provided value is not of type 'string'."];
  yield [() => onlyIf({ uploadedBefore: "x" }), "TypeError: Incorrect type for the 'uploadedBefore' field on 'Conditional': the provided value is not of type 'date'."];
  yield [() => onlyIf(headers({ "if-match": '"abc' })), "Error: Unclosed double quote for Etag"];
  yield [() => onlyIf(headers({ "if-match": "abc" })), "Error: Invalid ETag in if-match header"];
  yield [() => onlyIf(headers({ "if-match": '"a" "b"' })), "Error: Comma was expected to separate etags. Encountered a double quote character '\"' instead. This would otherwise indicate the start of a new strong etag."];
  yield [() => onlyIf(headers({ "if-none-match": 'WX"abc"' })), "Error: Weak etags must start with W/ and their value must be quoted"];

  const size = async (value) => (await B.put("v", value)).size;
  for (const [value, expected] of [["ü", "2"], [null, "0"], [undefined, "0"], [new Blob(["xy"]), "2"], [new ArrayBuffer(2), "2"], [new DataView(new ArrayBuffer(3)), "3"],
    [new Uint16Array(2), "4"], [fixed(3, 3), "3"], [new Response("abc").body, "3"], [(await B.get("k", { range: { suffix: 4 } })).body, "4"]]) yield [() => size(value), expected];
  for (const value of [5, {}, true, 5n, new Date(0), new Response("x")]) yield [() => size(value), `TypeError: Failed to execute 'put' on 'R2Bucket': parameter 2 ${BODY}`];
  yield [() => size(new ReadableStream()), "TypeError: Provided readable stream must have a known length (request/response body or readable half of FixedLengthStream)"];
  yield [() => size(fixed(3, 2)), "TypeError: FixedLengthStream did not see all expected bytes before close()."];
  yield [async () => (await B.get("v")).size, "4"];
  yield [() => B.put(), "TypeError: Failed to execute 'put' on 'R2Bucket': parameter 1 is not of type 'string'."];
  yield [() => B.put("v"), `TypeError: Failed to execute 'put' on 'R2Bucket': parameter 2 ${BODY}`];

  const options = async (options) => { const put = await B.put("v", "abc", options); return put && [put.httpMetadata, put.customMetadata]; };
  const wrongHash = "0".repeat(32);
  yield [() => options({ md5: "x" }), "TypeError: MD5 is 32 hex characters, not 1"];
  yield [() => options({ md5: "z".repeat(32) }), "TypeError: Provided MD5 wasn't a valid hex string"];
  yield [() => options({ sha384: new Uint8Array(3) }), "TypeError: SHA-384 is 48 bytes, not 3"];
  yield [() => options({ md5: 5 }), "TypeError: Incorrect type for the 'md5' field on 'PutOptions': the provided value is not of type 'JsBufferSource or string'."];
  yield [() => options({ md5: wrongHash }), `Error: put: The MD5 checksum you specified did not match what we received.\nYou provided a MD5 checksum with value: ${wrongHash}\nActual MD5 was: 900150983cd24fb0d6963f7d28e17f72 (10037)`];
  yield [() => options({ sha1: "0".repeat(40), sha256: "0".repeat(64) }), "TypeError: You cannot specify multiple hashing algorithms."];
  yield [async () => (await B.put("v", "abc", { sha256: await crypto.subtle.digest("SHA-256", new TextEncoder().encode("abc")) })).checksums, '{"md5":"900150983cd24fb0d6963f7d28e17f72","sha256":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}'];
  yield [() => options({ httpMetadata: headers({ "content-type": "a/b", expires: "Thu, 01 Jan 1970 00:00:05 GMT", x: "y" }) }), '[{"contentType":"a/b","cacheExpiry":"1970-01-01T00:00:05.000Z"},{}]'];
  yield [() => options({ httpMetadata: { contentType: 5, cacheExpiry: 5 }, customMetadata: { a: 5 } }), '[{"contentType":"5","cacheExpiry":"1970-01-01T00:00:00.005Z"},{"a":"5"}]'];
  yield [() => options({ httpMetadata: 5 }), "TypeError: Incorrect type for the 'httpMetadata' field on 'PutOptions': the provided value is not of type 'HttpMetadata or Headers'."];
  yield [() => options({ customMetadata: "ab" }), "TypeError: Incorrect type for the 'customMetadata' field on 'PutOptions': the provided value is not of type 'object'."];
  yield [() => options({ customMetadata: { a: "x".repeat(8192) } }), "Error: put: Your metadata headers exceed the maximum allowed metadata size. (10012)"];
  yield [() => options({ ssecKey: "x" }), "Error: SSE-C Key has invalid format"];
  yield [() => options({ ssecKey: new Uint8Array(3) }), "Error: SSE-C Key must be 32 bytes in length"];
  yield [() => options({ onlyIf: { etagDoesNotMatch: "*" } }), "null"];
  yield [() => options("x"), "TypeError: Failed to execute 'put' on 'R2Bucket': parameter 3 is not of type 'PutOptions'."];
  yield [() => B.put("x".repeat(1025), "a"), "Error: put: The specified object name is not valid. (10020)"];

  const list = async (options) => { const page = await B.list(options); return [page.objects.map(({ key }) => key), page.delimitedPrefixes, page.truncated, typeof page.cursor]; };
  for (const key of ["l/a/1", "l/a/2", "l/b", "l/c/1"]) await B.put(key, "x", { httpMetadata: { contentType: "a/b" } });
  yield [() => list({ prefix: "l/" }), '[["l/a/1","l/a/2","l/b","l/c/1"],[],false,"undefined"]'];
  yield [() => list({ prefix: "l/", delimiter: "/" }), '[["l/b"],["l/a/","l/c/"],false,"undefined"]'];
  yield [() => list({ prefix: "l/", limit: 1 }), '[["l/a/1"],[],true,"string"]'];
  yield [async () => list({ prefix: "l/", delimiter: "/", limit: 2, cursor: (await B.list({ prefix: "l/", delimiter: "/", limit: 1 })).cursor }), '[["l/b"],["l/c/"],false,"undefined"]'];
  yield [() => list({ prefix: "l/", startAfter: "l/a/2" }), '[["l/b","l/c/1"],[],false,"undefined"]'];
  yield [async () => Object.keys(await B.list()), '["objects","truncated","cursor","delimitedPrefixes"]'];
  yield [() => list({ prefix: "nothing" }), '[[],[],false,"undefined"]'];
  yield [async () => { const page = await B.list({ prefix: "l/b", include: ["httpMetadata"] }); return [page.objects[0].httpMetadata, page.objects[0].size]; }, '[{"contentType":"a/b"},1]'];
  yield [() => list({ limit: 0 }), "Error: list: MaxKeys params must be positive integer <= 1000. (10022)"];
  yield [() => list({ limit: 1001 }), "Error: list: MaxKeys params must be positive integer <= 1000. (10022)"];
  yield [() => list({ prefix: 5 }), "TypeError: Incorrect type for the 'prefix' field on 'ListOptions': the provided value is not of type 'string'."];
  yield [() => list({ include: ["x"] }), "RangeError: Unsupported include value x"];
  yield [() => list({ include: "x" }), "TypeError: Incorrect type for the 'include' field on 'ListOptions': the provided value is not of type 'Array'."];
  yield [() => list(5), "TypeError: Failed to execute 'list' on 'R2Bucket': parameter 1 is not of type 'ListOptions'."];

  yield [async () => { const written = headers(); (await B.head("k")).writeHttpMetadata(written); return [...written]; }, '[["content-type","text/plain"],["expires","Thu, 01 Jan 1970 00:00:01 GMT"]]'];
  yield [async () => (await B.head("k")).writeHttpMetadata({}), "TypeError: Failed to execute 'writeHttpMetadata' on 'HeadResult': parameter 1 is not of type 'Headers'."];

  yield [() => B.delete("l/b"), "undefined"];
  yield [() => B.delete(["l/a/1", "none"]), "undefined"];
  yield [() => list({ prefix: "l/" }), '[["l/a/2","l/c/1"],[],false,"undefined"]'];
  yield [() => B.delete(), "TypeError: Failed to execute 'delete' on 'R2Bucket': parameter 1 is not of type 'string or Array'."];

  const upload = await B.createMultipartUpload("m", { customMetadata: { a: "b" } });
  yield [() => [String(upload), names(upload), upload.key, typeof upload.uploadId], '["[object R2MultipartUpload]","key,uploadId","m","string"]'];
  for (const number of [0, 10001, -1]) yield [() => upload.uploadPart(number, "x"), `TypeError: Part number must be between 1 and 10000 (inclusive). Actual value was: ${number}`];
  yield [() => upload.uploadPart(), "TypeError: Failed to execute 'uploadPart' on 'R2MultipartUpload': parameter 1 is not of type 'integer'."];
  yield [() => upload.uploadPart(1, null), `TypeError: Failed to execute 'uploadPart' on 'R2MultipartUpload': parameter 2 ${BODY}`];
  const first = await upload.uploadPart(1, "hello");
  const second = await upload.uploadPart(2, "you");
  yield [() => [Object.keys(first), first.partNumber, typeof first.etag], '[["partNumber","etag"],1,"string"]'];
  yield [() => upload.complete([first, second]), "Error: completeMultipartUpload: Your proposed upload is smaller than the minimum allowed object size. (10011)"];
  yield [() => upload.complete([first, first]), "Error: completeMultipartUpload: We encountered an internal error. Please try again. (10001)"];
  yield [() => upload.complete([{ partNumber: 1, etag: "x" }]), "Error: completeMultipartUpload: One or more of the specified parts could not be found. (10025)"];
  yield [() => upload.complete([{ partNumber: 7, etag: first.etag }]), "Error: completeMultipartUpload: One or more of the specified parts could not be found. (10025)"];
  yield [() => upload.complete(5), "TypeError: Failed to execute 'complete' on 'R2MultipartUpload': parameter 1 is not of type 'Array'."];
  yield [() => upload.complete([5]), "TypeError: Incorrect type for array element 0: the provided value is not of type 'UploadedPart'."];
  yield [async () => { const { key, size, etag, customMetadata, checksums } = await upload.complete([first]); return [key, size, etag, customMetadata, checksums]; }, '["m",5,"62109206880d38a4010a98e11243924a-1",{"a":"b"},{}]'];
  yield [async () => (await B.get("m")).text(), "hello"];
  yield [() => upload.complete([first]), "Error: completeMultipartUpload: The specified multipart upload does not exist. (10024)"];
  yield [() => upload.uploadPart(1, "x"), "Error: uploadPart: The specified multipart upload does not exist. (10024)"];
  yield [() => upload.abort(), "undefined"];
  const part = new Uint8Array(5 << 20);
  const large = await B.createMultipartUpload("large");
  const resumed = B.resumeMultipartUpload("large", large.uploadId);
  yield [async () => {
    const parts = await Promise.all([resumed.uploadPart(2, part), large.uploadPart(1, part), resumed.uploadPart(3, "end")]);
    const object = await resumed.complete(parts);
    const tail = await B.get("large", { range: { offset: 2 * part.length - 2 } });
    return [object.size === 2 * part.length + 3, object.etag, await tail.text()];
  }, '[true,"0edbefab7f7afc1885672b0ada7ae3f5-3","\\u0000\\u0000end"]'];
  const uneven = await B.createMultipartUpload("uneven");
  yield [async () => uneven.complete([await uneven.uploadPart(1, part), await uneven.uploadPart(2, new Uint8Array(part.length + 1)), await uneven.uploadPart(3, "x")]), "Error: completeMultipartUpload: There was a problem with the multipart upload. (10048)"];
  yield [() => uneven.abort(), "undefined"];
  const unknown = B.resumeMultipartUpload("m", "unknown");
  yield [() => unknown.uploadPart(1, "x"), "Error: uploadPart: The specified multipart upload does not exist. (10024)"];
  yield [() => unknown.complete([]), "Error: completeMultipartUpload: We encountered an internal error. Please try again. (10001)"];
  yield [() => B.resumeMultipartUpload("x"), "TypeError: Failed to execute 'resumeMultipartUpload' on 'R2Bucket': parameter 2 is not of type 'string'."];
}

/** What miniflare leaves out. */
async function* beyond(B) {
  yield [async () => (await B.put("v", "abc", { customMetadata: { a: "x".repeat(8191) } })).size, "3"];
  yield [async () => (await B.put("class", "abc", { storageClass: "InfrequentAccess" })).storageClass, "InfrequentAccess"];
  yield [async () => (await B.head("class")).storageClass, "InfrequentAccess"];
  yield [async () => (await B.head("k")).storageClass, "Standard"];
  yield [() => B.put("class", "abc", { storageClass: "None" }), "Error: put: The specified storage class is not valid. (10029)"];
  yield [async () => { const page = await B.list({ prefix: "k" }); page.objects[0].writeHttpMetadata(headers()); }, "TypeError: HTTP metadata unknown for key `k`. Did you forget to add 'httpMetadata' to `include` when listing?"];
  const ssecKey = "ab".repeat(32);
  yield [async () => (await B.put("secret", "hidden", { ssecKey })).ssecKeyMd5, "e99fb4d234e9f43153e63fa5fead1614"];
  yield [async () => (await B.get("secret", { ssecKey })).text(), "hidden"];
  yield [() => B.get("secret"), "Error: get: The customer-provided encryption key is missing or is not the one that the object was stored with. (10029)"];
  yield [async () => { for (let i = 0; i < 2000; i++) await B.head("none"); }, "Error: Too many API requests by single worker invocation."];
}

export default {
  async fetch(request, { BUCKET }) {
    const differences = [];
    const lists = new URL(request.url).pathname === "/platform" ? [cases] : [cases, beyond];
    for (const list of lists) {
      for await (const [attempt, expected] of list(BUCKET)) {
        const actual = await show(attempt);
        if (actual !== expected) differences.push({ attempt: String(attempt), expected, actual });
      }
    }
    return Response.json(differences);
  },
};
