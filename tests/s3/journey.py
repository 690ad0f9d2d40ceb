"""What boto3 sees of the S3 API: every operation, with the answers that R2 gives."""

import base64
import hashlib
import os
import sys
import zlib

from access import cors, presigned, who_may
from client import BUCKET, MIB, keys, refused, s3


def buckets():
    s3.create_bucket(Bucket=BUCKET)
    s3.create_bucket(Bucket="second", CreateBucketConfiguration={"LocationConstraint": "weur"})
    refused(s3.create_bucket, "BucketAlreadyOwnedByYou", 409, Bucket=BUCKET)
    refused(s3.create_bucket, "InvalidBucketName", 400, Bucket="No.Good")
    refused(
        s3.create_bucket,
        "InvalidLocationConstraint",
        400,
        Bucket="elsewhere",
        CreateBucketConfiguration={"LocationConstraint": "eu-west-1"},
    )
    names = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    assert names == [BUCKET, "second"], names
    page = s3.list_buckets(MaxBuckets=1)
    assert [bucket["Name"] for bucket in page["Buckets"]] == [BUCKET]
    page = s3.list_buckets(MaxBuckets=1, ContinuationToken=page["ContinuationToken"])
    assert [bucket["Name"] for bucket in page["Buckets"]] == ["second"] and "ContinuationToken" not in page
    assert s3.head_bucket(Bucket=BUCKET)["ResponseMetadata"]["HTTPStatusCode"] == 200
    refused(s3.head_bucket, "404", 404, Bucket="nowhere")
    assert s3.get_bucket_location(Bucket=BUCKET)["LocationConstraint"] == "auto"
    s3.put_object(Bucket="second", Key="a", Body=b"a")
    refused(s3.delete_bucket, "BucketNotEmpty", 409, Bucket="second")
    s3.delete_object(Bucket="second", Key="a")
    s3.delete_bucket(Bucket="second")
    refused(s3.delete_bucket, "NoSuchBucket", 404, Bucket="second")
    for call in (s3.get_object, s3.put_object, s3.delete_object):
        refused(call, "NoSuchBucket", 404, Bucket="second", Key="a")
    refused(s3.list_objects_v2, "NoSuchBucket", 404, Bucket="second")


def objects():
    key = "a b/ü+&?.txt"
    put = s3.put_object(
        Bucket=BUCKET,
        Key=key,
        Body=b"Hello, object",
        ContentType="text/plain",
        CacheControl="max-age=60",
        ContentDisposition="inline",
        ContentEncoding="identity",
        ContentLanguage="en",
        Expires="Wed, 21 Oct 2026 07:28:00 GMT",
        Metadata={"colour": "blue", "Place": "here"},
    )
    etag = '"' + hashlib.md5(b"Hello, object").hexdigest() + '"'
    assert put["ETag"] == etag
    assert base64.b64decode(put["ChecksumCRC32"]) == zlib.crc32(b"Hello, object").to_bytes(4, "big")
    for got in (s3.get_object(Bucket=BUCKET, Key=key), s3.head_object(Bucket=BUCKET, Key=key)):
        assert got["ETag"] == etag and got["ContentLength"] == 13
        assert (got["ContentType"], got["CacheControl"], got["ContentLanguage"]) == ("text/plain", "max-age=60", "en")
        assert (got["ContentDisposition"], got["ContentEncoding"]) == ("inline", "identity")
        assert got["Metadata"] == {"colour": "blue", "place": "here"}, got["Metadata"]
        assert got["ExpiresString"] == "Wed, 21 Oct 2026 07:28:00 GMT"
    got = s3.get_object(Bucket=BUCKET, Key=key, ChecksumMode="ENABLED")
    assert got["Body"].read() == b"Hello, object" and got["ChecksumCRC32"] == put["ChecksumCRC32"]
    got = s3.get_object(
        Bucket=BUCKET, Key=key, ResponseContentType="text/html", ResponseContentDisposition='attachment; filename="x"'
    )
    assert (got["ContentType"], got["ContentDisposition"]) == ("text/html", 'attachment; filename="x"')
    refused(s3.get_object, "NoSuchKey", 404, Bucket=BUCKET, Key="nothing")
    refused(s3.head_object, "404", 404, Bucket=BUCKET, Key="nothing")
    s3.delete_object(Bucket=BUCKET, Key=key)
    s3.delete_object(Bucket=BUCKET, Key=key)
    refused(s3.get_object, "NoSuchKey", 404, Bucket=BUCKET, Key=key)
    refused(s3.put_object, "InvalidObjectName", 400, Bucket=BUCKET, Key="k" * 1025, Body=b"")
    refused(s3.put_object, "MetadataTooLarge", 400, Bucket=BUCKET, Key="k", Body=b"", Metadata={"m": "v" * 9000})
    s3.put_object(Bucket=BUCKET, Key="empty", Body=b"")
    assert s3.get_object(Bucket=BUCKET, Key="empty")["Body"].read() == b""
    s3.put_object(Bucket=BUCKET, Key="rare", Body=b"x", StorageClass="STANDARD_IA")
    assert s3.head_object(Bucket=BUCKET, Key="rare")["StorageClass"] == "STANDARD_IA"
    refused(s3.put_object, "InvalidStorageClass", 400, Bucket=BUCKET, Key="k", Body=b"", StorageClass="GLACIER")


def checksums():
    for name in ("CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"):
        if name in ("CRC32C", "CRC64NVME"):
            continue  # botocore needs the CRT for these: the other client sends them
        put = s3.put_object(Bucket=BUCKET, Key="sum", Body=b"sum of " + name.encode(), ChecksumAlgorithm=name)
        head = s3.head_object(Bucket=BUCKET, Key="sum", ChecksumMode="ENABLED")
        assert head[f"Checksum{name}"] == put[f"Checksum{name}"] and head["ChecksumType"] == "FULL_OBJECT"
    wrong = base64.b64encode(b"0" * 16).decode()
    refused(s3.put_object, "BadDigest", 400, Bucket=BUCKET, Key="sum", Body=b"other", ContentMD5=wrong)
    refused(s3.put_object, "BadDigest", 400, Bucket=BUCKET, Key="sum", Body=b"other", ChecksumCRC32="AAAAAA==")
    refused(s3.put_object, "InvalidDigest", 400, Bucket=BUCKET, Key="sum", Body=b"other", ChecksumCRC32="AAA=")
    assert s3.get_object(Bucket=BUCKET, Key="sum")["Body"].read() == b"sum of SHA256"


def ranges():
    body = bytes(range(256)) * 400
    s3.put_object(Bucket=BUCKET, Key="range", Body=body)
    size = len(body)
    for header, start, end in (
        ("bytes=0-9", 0, 10),
        ("bytes=100-", 100, size),
        ("bytes=-7", size - 7, size),
        (f"bytes=100-{size * 2}", 100, size),
    ):
        got = s3.get_object(Bucket=BUCKET, Key="range", Range=header)
        assert got["ResponseMetadata"]["HTTPStatusCode"] == 206
        assert got["ContentRange"] == f"bytes {start}-{end - 1}/{size}", got["ContentRange"]
        assert got["Body"].read() == body[start:end]
    refused(s3.get_object, "InvalidRange", 416, Bucket=BUCKET, Key="range", Range=f"bytes={size}-")
    refused(s3.get_object, "InvalidRange", 416, Bucket=BUCKET, Key="range", Range=f"bytes={size}-{size + 5}")
    assert s3.get_object(Bucket=BUCKET, Key="range", Range="bytes=9-1")["ContentLength"] == size
    got = s3.get_object(Bucket=BUCKET, Key="range", PartNumber=1)
    assert got["ContentLength"] == size and got["ResponseMetadata"]["HTTPStatusCode"] == 206
    refused(s3.get_object, "InvalidRange", 416, Bucket=BUCKET, Key="range", PartNumber=2)


def conditions():
    etag = s3.put_object(Bucket=BUCKET, Key="if", Body=b"1")["ETag"]
    head = s3.head_object(Bucket=BUCKET, Key="if")
    at, past = head["LastModified"], "Mon, 01 Jan 2024 00:00:00 GMT"
    for call, not_modified, failed in (
        (s3.get_object, "304", "PreconditionFailed"),
        (s3.head_object, "304", "412"),
    ):
        assert call(Bucket=BUCKET, Key="if", IfMatch=etag)
        assert call(Bucket=BUCKET, Key="if", IfNoneMatch='"other"')
        assert call(Bucket=BUCKET, Key="if", IfModifiedSince=past)
        assert call(Bucket=BUCKET, Key="if", IfUnmodifiedSince=past, IfMatch=etag)
        refused(call, not_modified, 304, Bucket=BUCKET, Key="if", IfNoneMatch=etag)
        refused(call, not_modified, 304, Bucket=BUCKET, Key="if", IfModifiedSince=at)
        refused(call, failed, 412, Bucket=BUCKET, Key="if", IfMatch='"other"')
        refused(call, failed, 412, Bucket=BUCKET, Key="if", IfUnmodifiedSince=past)
    refused(s3.put_object, "PreconditionFailed", 412, Bucket=BUCKET, Key="if", Body=b"2", IfNoneMatch="*")
    refused(s3.put_object, "PreconditionFailed", 412, Bucket=BUCKET, Key="if", Body=b"2", IfMatch='"other"')
    assert s3.get_object(Bucket=BUCKET, Key="if")["Body"].read() == b"1"
    s3.put_object(Bucket=BUCKET, Key="if", Body=b"2", IfMatch=etag)
    assert s3.get_object(Bucket=BUCKET, Key="if")["Body"].read() == b"2"
    s3.put_object(Bucket=BUCKET, Key="if-new", Body=b"1", IfNoneMatch="*")


def copies():
    body = os.urandom(300_000)
    source = {"Bucket": BUCKET, "Key": "from ü"}
    etag = s3.put_object(**source, Body=body, ContentType="text/css", Metadata={"a": "1", "b": "2"})["ETag"]
    made = s3.copy_object(Bucket=BUCKET, Key="to", CopySource=source)["CopyObjectResult"]
    assert made["ETag"] == etag and "ChecksumCRC32" in made
    got = s3.get_object(Bucket=BUCKET, Key="to")
    assert got["Body"].read() == body and got["Metadata"] == {"a": "1", "b": "2"} and got["ContentType"] == "text/css"
    s3.copy_object(
        Bucket=BUCKET, Key="to", CopySource=source, MetadataDirective="REPLACE", Metadata={"c": "3"}, ContentType="a/b"
    )
    got = s3.head_object(Bucket=BUCKET, Key="to")
    assert got["Metadata"] == {"c": "3"} and got["ContentType"] == "a/b"
    s3.copy_object(Bucket=BUCKET, Key="to", CopySource=source, MetadataDirective="MERGE", Metadata={"a": "9"})
    got = s3.head_object(Bucket=BUCKET, Key="to")
    assert got["Metadata"] == {"a": "9", "b": "2"} and got["ContentType"] == "text/css"
    copy = {"Bucket": BUCKET, "Key": "to", "CopySource": source}
    refused(s3.copy_object, "PreconditionFailed", 412, **copy, CopySourceIfMatch='"other"')
    refused(s3.copy_object, "PreconditionFailed", 412, **copy, CopySourceIfNoneMatch=etag)
    refused(s3.copy_object, "NoSuchKey", 404, **{**copy, "CopySource": {"Bucket": BUCKET, "Key": "nothing"}})
    refused(s3.copy_object, "NoSuchBucket", 404, **{**copy, "CopySource": {"Bucket": "nowhere", "Key": "x"}})
    assert s3.copy_object(**copy, CopySourceIfMatch=etag)


def encryption():
    body, key = os.urandom(200_000), "k" * 32
    sealed = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": key}
    put = s3.put_object(Bucket=BUCKET, Key="sealed", Body=body, **sealed)
    assert put["SSECustomerAlgorithm"] == "AES256"
    assert s3.get_object(Bucket=BUCKET, Key="sealed", **sealed)["Body"].read() == body
    assert s3.get_object(Bucket=BUCKET, Key="sealed", Range="bytes=70000-70009", **sealed)["Body"].read() == body[70000:70010]
    refused(s3.get_object, "InvalidRequest", 400, Bucket=BUCKET, Key="sealed")
    other = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "x" * 32}
    refused(s3.get_object, "InvalidRequest", 400, Bucket=BUCKET, Key="sealed", **other)
    s3.copy_object(
        Bucket=BUCKET,
        Key="open",
        CopySource={"Bucket": BUCKET, "Key": "sealed"},
        CopySourceSSECustomerAlgorithm="AES256",
        CopySourceSSECustomerKey=key,
    )
    assert s3.get_object(Bucket=BUCKET, Key="open")["Body"].read() == body


def lists():
    s3.create_bucket(Bucket="lists")
    names = sorted([f"{n % 7}/{n:04}" for n in range(1100)] + ["top", "über/x", "with space+plus", "x\x01y"])
    for name in names:
        s3.put_object(Bucket="lists", Key=name, Body=b"")
    found, pages, token = [], 0, {}
    while True:
        page = s3.list_objects_v2(Bucket="lists", **token)
        found += keys(page)
        pages += 1
        assert page["KeyCount"] == len(keys(page))
        if not page["IsTruncated"]:
            break
        token = {"ContinuationToken": page["NextContinuationToken"]}
    assert found == names and pages == 2, (len(found), pages)
    found = [key for page in s3.get_paginator("list_objects").paginate(Bucket="lists", MaxKeys=300) for key in keys(page)]
    page = s3.list_objects_v2(Bucket="lists", Delimiter="/")
    assert [entry["Prefix"] for entry in page["CommonPrefixes"]] == [f"{n}/" for n in range(7)] + ["über/"]
    assert keys(page) == ["top", "with space+plus", "x\x01y"]
    assert found == names
    # Both kinds of entries, one at a time, in one order.
    for operation in ("list_objects", "list_objects_v2"):
        entries = []
        for page in s3.get_paginator(operation).paginate(Bucket="lists", Delimiter="/", PaginationConfig={"PageSize": 1}):
            entries += keys(page) + [entry["Prefix"] for entry in page.get("CommonPrefixes", [])]
        assert entries == [f"{n}/" for n in range(7)] + ["top", "with space+plus", "x\x01y", "über/"], (operation, entries)
    page = s3.list_objects_v2(Bucket="lists", Prefix="3/", StartAfter="3/1000", MaxKeys=2)
    assert keys(page) == ["3/1004", "3/1011"] and page["IsTruncated"]
    refused(s3.list_objects_v2, "InvalidMaxKeys", 400, Bucket="lists", MaxKeys=0)
    refused(s3.list_objects_v2, "InvalidArgument", 400, Bucket="lists", ContinuationToken="nonsense")
    owner = s3.list_objects_v2(Bucket="lists", MaxKeys=1, FetchOwner=True)["Contents"][0]["Owner"]
    assert owner["ID"]
    # XML can't hold this one, and only lists have an encoding for it.
    names.remove("x\x01y")
    s3.delete_object(Bucket="lists", Key="x\x01y")
    for start in range(0, len(names), 1000):
        done = s3.delete_objects(
            Bucket="lists", Delete={"Objects": [{"Key": key} for key in names[start : start + 1000]]}
        )
        assert len(done["Deleted"]) == len(names[start : start + 1000]) and "Errors" not in done
    assert s3.list_objects_v2(Bucket="lists")["KeyCount"] == 0
    done = s3.delete_objects(Bucket="lists", Delete={"Objects": [{"Key": "nothing"}], "Quiet": True})
    assert "Deleted" not in done
    refused(
        s3.delete_objects, "MalformedXML", 400, Bucket="lists", Delete={"Objects": [{"Key": str(n)} for n in range(1001)]}
    )
    s3.delete_bucket(Bucket="lists")


def parts():
    part = os.urandom(5 * MIB)
    begun = {"Bucket": BUCKET, "Key": "parts"}
    upload = s3.create_multipart_upload(**begun, ContentType="a/b", Metadata={"m": "1"}, ChecksumAlgorithm="CRC32")["UploadId"]
    sent = []
    for number in (1, 2, 3):
        body = part if number < 3 else part[:1000]
        done = s3.upload_part(**begun, UploadId=upload, PartNumber=number, Body=body)
        sent.append({"PartNumber": number, "ETag": done["ETag"], "ChecksumCRC32": done["ChecksumCRC32"]})
    refused(s3.head_object, "404", 404, **begun)
    listed = s3.list_parts(**begun, UploadId=upload, MaxParts=2)
    assert [p["PartNumber"] for p in listed["Parts"]] == [1, 2] and listed["IsTruncated"]
    listed = s3.list_parts(**begun, UploadId=upload, PartNumberMarker=listed["NextPartNumberMarker"])
    assert [(p["PartNumber"], p["Size"]) for p in listed["Parts"]] == [(3, 1000)]
    uploads = s3.list_multipart_uploads(Bucket=BUCKET)["Uploads"]
    assert [(u["Key"], u["UploadId"]) for u in uploads] == [("parts", upload)]
    end = {**begun, "UploadId": upload}
    refused(s3.complete_multipart_upload, "InvalidPartOrder", 400, **end, MultipartUpload={"Parts": sent[::-1]})
    wrong = [{**sent[0], "ETag": '"0"'}, *sent[1:]]
    refused(s3.complete_multipart_upload, "InvalidPart", 400, **end, MultipartUpload={"Parts": wrong})
    wrong = [{**sent[0], "ChecksumCRC32": "AAAAAA=="}, *sent[1:]]
    refused(s3.complete_multipart_upload, "InvalidPart", 400, **end, MultipartUpload={"Parts": wrong})
    done = s3.complete_multipart_upload(**end, MultipartUpload={"Parts": sent})
    sums = b"".join(base64.b64decode(p["ChecksumCRC32"]) for p in sent)
    composite = base64.b64encode(zlib.crc32(sums).to_bytes(4, "big")).decode() + "-3"
    assert (done["ChecksumCRC32"], done["ChecksumType"]) == (composite, "COMPOSITE"), done
    assert done["ETag"].endswith('-3"')
    got = s3.get_object(**begun)
    assert got["Body"].read() == part * 2 + part[:1000]
    assert got["ContentType"] == "a/b" and got["Metadata"] == {"m": "1"}
    got = s3.get_object(**begun, PartNumber=3)
    assert got["ContentLength"] == 1000 and got["PartsCount"] == 3
    assert s3.head_object(**begun, ChecksumMode="ENABLED")["ChecksumCRC32"] == composite
    refused(s3.upload_part, "NoSuchUpload", 404, **end, PartNumber=1, Body=b"x")
    # A part that is too small, one that is copied, an upload that is given up.
    upload = s3.create_multipart_upload(**begun)["UploadId"]
    end = {**begun, "UploadId": upload}
    small = [s3.upload_part(**end, PartNumber=n, Body=b"small")["ETag"] for n in (1, 2)]
    parts = [{"PartNumber": n + 1, "ETag": etag} for n, etag in enumerate(small)]
    refused(s3.complete_multipart_upload, "EntityTooSmall", 400, **end, MultipartUpload={"Parts": parts})
    source = {"Bucket": BUCKET, "Key": "parts"}
    copied = s3.upload_part_copy(**end, PartNumber=1, CopySource=source, CopySourceRange=f"bytes=1-{5 * MIB}")
    last = s3.upload_part(**end, PartNumber=2, Body=b"end")
    parts = [
        {"PartNumber": 1, "ETag": copied["CopyPartResult"]["ETag"]},
        {"PartNumber": 2, "ETag": last["ETag"]},
    ]
    s3.complete_multipart_upload(**end, MultipartUpload={"Parts": parts})
    assert s3.get_object(**begun)["Body"].read() == part[1:] + part[:1] + b"end"
    upload = s3.create_multipart_upload(**begun)["UploadId"]
    s3.upload_part(**begun, UploadId=upload, PartNumber=1, Body=b"gone")
    s3.abort_multipart_upload(**begun, UploadId=upload)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=BUCKET)
    refused(s3.list_parts, "NoSuchUpload", 404, **begun, UploadId=upload)
    refused(s3.abort_multipart_upload, "NoSuchUpload", 404, **begun, UploadId="nonsense")


def what_is_not_there():
    put = {"Bucket": BUCKET, "Key": "x", "Body": b"x"}
    for extra in ({"Tagging": "a=b"}, {"ACL": "public-read"}, {"ServerSideEncryption": "AES256"}, {"WebsiteRedirectLocation": "/"}):
        refused(s3.put_object, "NotImplemented", 501, **put, **extra)
    s3.put_object(**put, ACL="private")
    refused(s3.get_object_tagging, "NotImplemented", 501, Bucket=BUCKET, Key="x")
    refused(
        s3.put_object_tagging, "NotImplemented", 501, Bucket=BUCKET, Key="x", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]}
    )
    for call in (s3.get_bucket_acl, s3.get_bucket_policy, s3.get_bucket_versioning, s3.list_object_versions):
        refused(call, "NotImplemented", 501, Bucket=BUCKET)
    refused(s3.get_object, "NotImplemented", 501, Bucket=BUCKET, Key="x", VersionId="1")


for step in (
    buckets,
    objects,
    checksums,
    ranges,
    conditions,
    copies,
    encryption,
    lists,
    parts,
    presigned,
    cors,
    who_may,
    what_is_not_there,
):
    print(step.__name__, file=sys.stderr, flush=True)
    step()
