"""What boto3 sees of the S3 API of a server with accounts. The journey in serve_s3.rs sets S3_ENDPOINT, S3_ACCOUNT and the tokens."""

import os

from access import fetch
from client import client, keys, refused, s3

ENDPOINT = os.environ["S3_ENDPOINT"]
ACCOUNT = os.environ["S3_ACCOUNT"]

# What wrangler has made and stored, and what the Worker will find.
assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == ["photos"]
assert s3.get_object(Bucket="photos", Key="by-wrangler.txt")["Body"].read() == b"from wrangler"
s3.put_object(Bucket="photos", Key="by-boto3.txt", Body=b"from boto3")
assert keys(s3.list_objects_v2(Bucket="photos")) == ["by-boto3.txt", "by-wrangler.txt"]

# A token does what its scopes say.
reader = client("READ")
assert reader.get_object(Bucket="photos", Key="by-boto3.txt")["Body"].read() == b"from boto3"
refused(reader.put_object, "AccessDenied", 403, Bucket="photos", Key="x", Body=b"x")
refused(client("WORKERS").list_buckets, "Unauthorized", 401)
refused(client("REVOKED").list_buckets, "Unauthorized", 401)
refused(client("WRONG").list_buckets, "SignatureDoesNotMatch", 403)

# Another account has its own buckets.
other = client("OTHER")
assert other.list_buckets()["Buckets"] == []
refused(other.get_object, "NoSuchBucket", 404, Bucket="photos", Key="by-boto3.txt")
other.create_bucket(Bucket="photos")
assert "Contents" not in other.list_objects_v2(Bucket="photos")

# A browser asks before it sends, without a signature: the account stands in the host, or in the URL that was signed.
rules = {"CORSRules": [{"AllowedOrigins": ["https://app.example"], "AllowedMethods": ["GET"]}]}
s3.put_bucket_cors(Bucket="photos", CORSConfiguration=rules)
asks = {"Origin": "https://app.example", "Access-Control-Request-Method": "GET"}
signed = s3.generate_presigned_url("get_object", {"Bucket": "photos", "Key": "by-boto3.txt"}, ExpiresIn=60)
foreign = other.generate_presigned_url("get_object", {"Bucket": "photos", "Key": "by-boto3.txt"}, ExpiresIn=60)
plain = f"{ENDPOINT}/by-boto3.txt"
assert fetch(signed, "OPTIONS", headers=asks)[0] == 200
assert fetch(foreign, "OPTIONS", headers=asks)[0] == 403
assert fetch(plain, "OPTIONS", headers={**asks, "Host": f"photos.{ACCOUNT}.r2.localhost"})[0] == 200
assert fetch(plain, "OPTIONS", headers={**asks, "Host": f"photos.{'0' * 32}.r2.localhost"})[0] == 403
status, headers, body = fetch(signed, headers={"Origin": "https://app.example"})
assert (status, headers["Access-Control-Allow-Origin"], body) == (200, "https://app.example", b"from boto3")
print("done")
