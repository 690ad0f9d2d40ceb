"""Uploads that are cut off by the server's end: `before` begins them and bears it, `after` looks at what is there. For s3.rs."""

import os
import sys
import threading
import time

import boto3
from botocore.config import Config

key, secret = os.environ["S3_ALL"].split(":")
s3 = boto3.client(
    "s3",
    endpoint_url=os.environ["S3_ENDPOINT"],
    region_name="auto",
    aws_access_key_id=key,
    aws_secret_access_key=secret,
    config=Config(retries={"total_max_attempts": 1}, signature_version="s3v4", s3={"payload_signing_enabled": False}),
)
FILES = {"Bucket": "files"}
PART = bytes(range(256)) * (5 << 12)


class Endless:
    """A body whose second half never comes."""

    def __init__(self):
        self.at, self.half = 0, threading.Event()

    def __len__(self):
        return 2 * len(PART)

    def tell(self):
        return self.at

    def seek(self, at, whence=0):
        self.at = at if whence == 0 else len(self) + at

    def read(self, size=-1):
        if self.at >= len(PART):
            self.half.set()
            time.sleep(60)
        data = PART[self.at : self.at + max(size, 0)]
        self.at += len(data)
        return data


def cut(call, **arguments):
    """Begins an upload, and returns when half of it is on its way."""
    body = Endless()

    def run():
        try:
            call(Body=body, **FILES, **arguments)
        except Exception:
            return
        os._exit(1)

    threading.Thread(target=run, daemon=True).start()
    assert body.half.wait(20)


if sys.argv[1] == "before":
    s3.create_bucket(**FILES)
    s3.put_object(**FILES, Key="old", Body=b"old")
    upload = s3.create_multipart_upload(**FILES, Key="parts")["UploadId"]
    s3.upload_part(**FILES, Key="parts", UploadId=upload, PartNumber=1, Body=PART)
    cut(s3.put_object, Key="old")
    cut(s3.put_object, Key="new")
    cut(s3.upload_part, Key="parts", UploadId=upload, PartNumber=2)
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
