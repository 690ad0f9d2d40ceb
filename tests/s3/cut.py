"""Uploads that are cut off by the server's end: `before` begins them and bears it, `after` looks at what is there. For s3.rs."""

import http.client
import sys
import time
import urllib.parse

from client import client

s3 = client("ALL", signature_version="s3v4")
FILES = {"Bucket": "files"}
PART = bytes(range(256)) * (5 << 12)


def begin(operation, **arguments):
    """Begins an upload of which half is sent, and returns its connection."""
    url = urllib.parse.urlsplit(s3.generate_presigned_url(operation, {**FILES, **arguments}))
    connection = http.client.HTTPConnection(url.netloc)
    connection.putrequest("PUT", f"{url.path}?{url.query}")
    connection.putheader("Content-Length", str(2 * len(PART)))
    connection.endheaders()
    connection.send(PART)
    return connection


if sys.argv[1] == "before":
    s3.create_bucket(**FILES)
    s3.put_object(**FILES, Key="old", Body=b"old")
    upload = s3.create_multipart_upload(**FILES, Key="parts")["UploadId"]
    s3.upload_part(**FILES, Key="parts", UploadId=upload, PartNumber=1, Body=PART)
    begun = [
        begin("put_object", Key="old"),
        begin("put_object", Key="new"),
        begin("upload_part", Key="parts", UploadId=upload, PartNumber=2),
    ]
    print(upload, flush=True)
    while True:
        try:
            s3.head_bucket(**FILES)
        except Exception:
            sys.exit(0)
        time.sleep(0.05)

assert [entry["Key"] for entry in s3.list_objects_v2(**FILES)["Contents"]] == ["old"]
assert s3.get_object(**FILES, Key="old")["Body"].read() == b"old"
parts = {**FILES, "Key": "parts", "UploadId": sys.argv[2]}
(part,) = s3.list_parts(**parts)["Parts"]
assert part["PartNumber"] == 1 and part["Size"] == len(PART)
last = s3.upload_part(**parts, PartNumber=2, Body=b"the end")
done = [{"PartNumber": 1, "ETag": part["ETag"]}, {"PartNumber": 2, "ETag": last["ETag"]}]
s3.complete_multipart_upload(**parts, MultipartUpload={"Parts": done})
assert s3.get_object(**FILES, Key="parts")["Body"].read() == PART + b"the end"
