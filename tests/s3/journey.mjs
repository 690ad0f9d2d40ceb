// What the AWS SDK for JavaScript sees of the S3 API: bodies that are streamed with their checksums behind them, large objects
// in parts, presigned URLs.
//
// The journey in s3.rs starts `skerry dev`, makes a token, and sets S3_ENDPOINT and S3_ALL (`id:secret`).

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { Agent } from "node:http";
import { Readable } from "node:stream";
import {
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  paginateListObjectsV2,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";

const MIB = 1 << 20;
const LARGE = Number(process.env.S3_LARGE_MIB ?? 1024) * MIB;
const [accessKeyId, secretAccessKey] = process.env.S3_ALL.split(":");
const options = {
  endpoint: process.env.S3_ENDPOINT,
  region: "auto",
  credentials: { accessKeyId, secretAccessKey },
  maxAttempts: 1,
};
const s3 = new S3Client({ ...options, forcePathStyle: true });
const Bucket = "script";

async function refused(promise, code, status) {
  const error = await promise.then(
    () => assert.fail(`not refused with ${code}`),
    (error) => error,
  );
  assert.deepEqual([error.name, error.$metadata?.httpStatusCode], [code, status], error);
}

/// Large bytes that are made as they are read.
function* chunks(size) {
  const chunk = randomBytes(MIB);
  for (let at = 0; at < size; at += MIB) {
    chunk.writeUInt32LE(at / MIB, 0);
    yield chunk.subarray(0, Math.min(MIB, size - at));
  }
}

async function buckets_and_objects() {
  await s3.send(new CreateBucketCommand({ Bucket }));
  // The bucket in the host's name.
  const { port } = new URL(options.endpoint);
  const lookup = (_, { all }, done) => (all ? done(null, [{ address: "127.0.0.1", family: 4 }]) : done(null, "127.0.0.1", 4));
  const requestHandler = { httpAgent: new Agent({ lookup }) };
  const virtual = new S3Client({ ...options, endpoint: `http://localhost:${port}`, requestHandler });
  const put = await virtual.send(new PutObjectCommand({ Bucket, Key: "a/b", Body: "text", Metadata: { mood: "green" } }));
  assert.equal(put.ETag, '"1cb251ec0d568de6a929b520c4aed8d1"');
  const got = await s3.send(new GetObjectCommand({ Bucket, Key: "a/b" }));
  assert.equal(await got.Body.transformToString(), "text");
  await refused(s3.send(new GetObjectCommand({ Bucket, Key: "nothing" })), "NoSuchKey", 404);
  await refused(s3.send(new GetObjectCommand({ Bucket, Key: "a/b", IfNoneMatch: put.ETag })), "Unknown", 304);
  await s3.send(new CopyObjectCommand({ Bucket, Key: "copy", CopySource: `${Bucket}/a/b`, CopySourceIfMatch: put.ETag }));
  await refused(s3.send(new PutObjectCommand({ Bucket, Key: "copy", Body: "2", IfNoneMatch: "*" })), "PreconditionFailed", 412);
  virtual.destroy();
}

/// `STREAMING-UNSIGNED-PAYLOAD-TRAILER`, with every checksum.
async function trailers() {
  const bytes = randomBytes(3 * MIB + 17);
  for (const ChecksumAlgorithm of ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"]) {
    let trailer;
    const client = new S3Client({ ...options, forcePathStyle: true });
    client.middlewareStack.add(
      (next) => (args) => {
        trailer = args.request.headers["x-amz-trailer"];
        return next(args);
      },
      { step: "finalizeRequest", priority: "low" },
    );
    const Body = Readable.from([bytes.subarray(0, 100_000), bytes.subarray(100_000)]);
    const put = await client.send(
      new PutObjectCommand({ Bucket, Key: "sum", Body, ContentLength: bytes.length, ChecksumAlgorithm }),
    );
    const name = `Checksum${ChecksumAlgorithm}`;
    assert.equal(trailer, `x-amz-checksum-${ChecksumAlgorithm.toLowerCase()}`);
    const head = await s3.send(new HeadObjectCommand({ Bucket, Key: "sum", ChecksumMode: "ENABLED" }));
    assert.equal(head[name], put[name]);
    assert.ok(head[name], name);
    assert.equal(head.ContentEncoding, undefined);
    // The client holds what it gets against the checksum.
    const got = await s3.send(new GetObjectCommand({ Bucket, Key: "sum", ChecksumMode: "ENABLED" }));
    assert.ok(bytes.equals(await got.Body.transformToByteArray()));
    client.destroy();
  }
}

async function lists() {
  for (let at = 0; at < 1010; at += 101) {
    await Promise.all(
      Array.from({ length: 101 }, (_, n) => s3.send(new PutObjectCommand({ Bucket, Key: `list/${at + n}`, Body: "" }))),
    );
  }
  let keys = [];
  for await (const page of paginateListObjectsV2({ client: s3 }, { Bucket, Prefix: "list/" })) {
    keys.push(...page.Contents.map(({ Key }) => Key));
  }
  assert.equal(new Set(keys).size, 1010);
  const page = await s3.send(new ListObjectsV2Command({ Bucket, Delimiter: "/" }));
  assert.deepEqual(page.CommonPrefixes.map(({ Prefix }) => Prefix), ["a/", "list/"]);
}

async function presigned() {
  const command = new PutObjectCommand({ Bucket, Key: "presigned" });
  // By itself the client signs the checksum of no bytes, which R2 holds the body against.
  let put = await getSignedUrl(s3, command, { expiresIn: 60 });
  let answer = await fetch(put, { method: "PUT", body: "by its URL" });
  assert.match(await answer.text(), /<Code>BadDigest<.Code>/);
  const signer = new S3Client({ ...options, forcePathStyle: true, requestChecksumCalculation: "WHEN_REQUIRED" });
  put = await getSignedUrl(signer, command, { expiresIn: 60 });
  answer = await fetch(put, { method: "PUT", body: "by its URL" });
  assert.equal(answer.status, 200, `${await answer.text()} ${put}`);
  signer.destroy();
  const get = await getSignedUrl(s3, new GetObjectCommand({ Bucket, Key: "presigned" }), { expiresIn: 60 });
  assert.equal(await (await fetch(get)).text(), "by its URL");
  assert.equal((await fetch(`${get}0`)).status, 403);
}

async function large() {
  const sent = createHash("sha1");
  function* body() {
    for (const chunk of chunks(LARGE)) {
      sent.update(chunk);
      // The client keeps it until its part is full.
      yield Buffer.from(chunk);
    }
  }
  const upload = new Upload({
    client: s3,
    params: { Bucket, Key: "large", Body: Readable.from(body()), ChecksumAlgorithm: "CRC64NVME" },
    partSize: 64 * MIB,
    queueSize: 2,
  });
  const done = await upload.done();
  assert.match(done.ETag, new RegExp(`-${LARGE / (64 * MIB)}"$`));
  assert.ok(done.ChecksumCRC64NVME && done.ChecksumType === "FULL_OBJECT", JSON.stringify(done));
  const got = await s3.send(new GetObjectCommand({ Bucket, Key: "large" }));
  const received = createHash("sha1");
  for await (const chunk of got.Body) received.update(chunk);
  assert.equal(received.digest("hex"), sent.digest("hex"));
  await s3.send(new DeleteObjectCommand({ Bucket, Key: "large" }));
}

for (const step of [buckets_and_objects, trailers, lists, presigned, large]) {
  console.error(step.name);
  await step();
}
