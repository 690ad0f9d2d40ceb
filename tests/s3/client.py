"""What the journeys with boto3 share. The journey in s3.rs starts `skerry dev`, makes tokens and sets S3_ENDPOINT, and for each token
S3_<NAME> as `id:secret`.
"""

import os

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

ENDPOINT = os.environ["S3_ENDPOINT"]
BUCKET = "files"
MIB = 1 << 20


def client(token, region="auto", **config):
    key, secret = os.environ[f"S3_{token}"].split(":")
    config = Config(retries={"total_max_attempts": 1}, **config)
    return boto3.client(
        "s3", endpoint_url=ENDPOINT, region_name=region, aws_access_key_id=key, aws_secret_access_key=secret, config=config
    )


def refused(call, code, status, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        found = (error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"])
        assert found == (code, status), f"{found} instead of {(code, status)}: {error}"
        return error
    raise AssertionError(f"{arguments} was not refused with {code}")


def keys(page):
    return [entry["Key"] for entry in page.get("Contents", [])]


s3 = client("ALL")
