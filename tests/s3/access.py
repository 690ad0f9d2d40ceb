"""Who may, and how: presigned URLs, requests from other origins, tokens. Steps of journey.py."""

import os
import time
import urllib.error
import urllib.request

from client import BUCKET, ENDPOINT, client, refused, s3


def fetch(url, method="GET", body=None, headers=()):
    """Status, headers and body of an answer, whatever it is."""
    request = urllib.request.Request(url, method=method, data=body, headers=dict(headers))
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def presigned():
    signer = client("ALL", signature_version="s3v4")
    put = signer.generate_presigned_url("put_object", {"Bucket": BUCKET, "Key": "pre signed"}, ExpiresIn=60)
    get = signer.generate_presigned_url("get_object", {"Bucket": BUCKET, "Key": "pre signed"}, ExpiresIn=60)
    assert fetch(put, "PUT", b"by its URL")[0] == 200
    status, _, text = fetch(get)
    assert (status, text) == (200, b"by its URL")
    status, _, text = fetch(get.replace("pre%20signed", "other"))
    assert status == 403 and b"<Code>SignatureDoesNotMatch</Code>" in text, text
    # A URL to put an object is no leave to copy one.
    status, _, text = fetch(put, "PUT", b"", {"x-amz-copy-source": f"/{BUCKET}/range"})
    assert status == 403 and b"<Code>AccessDenied</Code>" in text, text
    status, _, text = fetch(get, "DELETE")
    assert status == 403, text
    early = signer.generate_presigned_url("get_object", {"Bucket": BUCKET, "Key": "pre signed"}, ExpiresIn=1)
    time.sleep(2.1)
    status, _, text = fetch(early)
    assert status == 400 and b"<Code>ExpiredRequest</Code>" in text, text


def cors():
    def send(method, headers):
        return fetch(f"{ENDPOINT}/{BUCKET}/x", method, None, headers)[:2]

    ask = {
        "Origin": "https://app.example",
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "content-type,x-amz-meta-a",
    }
    refused(s3.get_bucket_cors, "NoSuchCORSConfiguration", 404, Bucket=BUCKET)
    assert send("OPTIONS", ask)[0] == 403
    rule = {
        "AllowedOrigins": ["https://*.example"],
        "AllowedMethods": ["GET", "PUT"],
        "AllowedHeaders": ["content-type", "x-amz-*"],
        "ExposeHeaders": ["ETag"],
        "MaxAgeSeconds": 600,
    }
    s3.put_bucket_cors(Bucket=BUCKET, CORSConfiguration={"CORSRules": [rule]})
    assert s3.get_bucket_cors(Bucket=BUCKET)["CORSRules"] == [rule]
    status, headers = send("OPTIONS", ask)
    assert status == 200 and headers["Access-Control-Allow-Origin"] == "https://app.example"
    assert headers["Access-Control-Allow-Headers"] == "content-type, x-amz-meta-a"
    assert headers["Access-Control-Allow-Methods"] == "GET, PUT" and headers["Access-Control-Max-Age"] == "600"
    for change in (
        {"Origin": "https://app.test"},
        {"Access-Control-Request-Method": "DELETE"},
        {"Access-Control-Request-Headers": "cookie"},
    ):
        assert send("OPTIONS", {**ask, **change})[0] == 403, change
    # Also on what is refused: else a browser could not tell why.
    status, headers = send("GET", {"Origin": "https://app.example"})
    assert status == 400 and headers["Access-Control-Allow-Origin"] == "https://app.example"
    assert headers["Access-Control-Expose-Headers"] == "ETag"
    bad = {**rule, "AllowedMethods": ["PATCH"]}
    refused(s3.put_bucket_cors, "InvalidRequest", 400, Bucket=BUCKET, CORSConfiguration={"CORSRules": [bad]})
    s3.delete_bucket_cors(Bucket=BUCKET)
    assert send("OPTIONS", ask)[0] == 403


def who_may():
    key, _ = os.environ["S3_ALL"].split(":")
    os.environ["S3_WRONG"] = f"{key}:{'0' * 64}"
    os.environ["S3_UNKNOWN"] = f"{'0' * 32}:{'0' * 64}"
    os.environ["S3_SHORT"] = f"AKIA:{'0' * 64}"
    refused(client("WRONG").list_buckets, "SignatureDoesNotMatch", 403)
    refused(client("UNKNOWN").list_buckets, "Unauthorized", 401)
    refused(client("SHORT").list_buckets, "InvalidArgument", 400)
    refused(client("ALL", "eu-west-1").list_buckets, "InvalidRegionName", 400)
    assert client("ALL", "us-east-1").list_buckets()["Buckets"]
    s3.create_bucket(Bucket="other")
    s3.put_object(Bucket="other", Key="secret", Body=b"secret")
    s3.put_object(Bucket=BUCKET, Key="known", Body=b"known")
    reader = client("READ")
    assert reader.get_object(Bucket="other", Key="secret")["Body"].read() == b"secret"
    refused(reader.put_object, "AccessDenied", 403, Bucket=BUCKET, Key="x", Body=b"x")
    refused(reader.delete_object, "AccessDenied", 403, Bucket=BUCKET, Key="known")
    refused(reader.delete_objects, "AccessDenied", 403, Bucket=BUCKET, Delete={"Objects": [{"Key": "known"}]})
    refused(reader.create_multipart_upload, "AccessDenied", 403, Bucket=BUCKET, Key="x")
    refused(reader.create_bucket, "AccessDenied", 403, Bucket="mine")
    one = client("ONE")
    one.put_object(Bucket=BUCKET, Key="mine", Body=b"mine")
    assert [bucket["Name"] for bucket in one.list_buckets()["Buckets"]] == [BUCKET]
    refused(one.get_object, "AccessDenied", 403, Bucket="other", Key="secret")
    refused(one.list_objects_v2, "AccessDenied", 403, Bucket="other")
    refused(one.list_objects_v2, "AccessDenied", 403, Bucket="nowhere")
    refused(one.copy_object, "AccessDenied", 403, Bucket=BUCKET, Key="x", CopySource={"Bucket": "other", "Key": "secret"})
    refused(one.delete_bucket, "AccessDenied", 403, Bucket=BUCKET)
