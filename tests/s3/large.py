"""1 GiB up and down with boto3: in parts, and in one piece."""

import hashlib
import os

from boto3.s3.transfer import TransferConfig
from client import BUCKET, MIB, s3

LARGE = int(os.environ.get("S3_LARGE_MIB", "1024")) * MIB

path = os.environ["S3_FILE"]
with open(path, "wb") as file:
    file.truncate(LARGE)
    for at in range(0, LARGE, 64 * MIB):
        file.seek(at)
        file.write(os.urandom(4096))
config = TransferConfig(multipart_threshold=8 * MIB, multipart_chunksize=64 * MIB, max_concurrency=4)
s3.create_bucket(Bucket=BUCKET)
s3.upload_file(path, BUCKET, "large", Config=config)
head = s3.head_object(Bucket=BUCKET, Key="large")
assert head["ContentLength"] == LARGE and head["ETag"].endswith(f'-{LARGE // (64 * MIB)}"')
digest, body = hashlib.sha1(), s3.get_object(Bucket=BUCKET, Key="large")["Body"]
for chunk in body.iter_chunks(MIB):
    digest.update(chunk)
with open(path, "rb") as file:
    assert digest.digest() == hashlib.file_digest(file, "sha1").digest()
s3.delete_object(Bucket=BUCKET, Key="large")
with open(path, "rb") as file:
    s3.put_object(Bucket=BUCKET, Key="single", Body=file, ContentLength=LARGE)
assert s3.head_object(Bucket=BUCKET, Key="single")["ContentLength"] == LARGE
s3.delete_object(Bucket=BUCKET, Key="single")
os.remove(path)
