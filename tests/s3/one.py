"""Runs a line of code with a boto3 client `s3` of the token S3_TOKEN. For s3.rs."""

import os
import sys
import time

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

key, secret = os.environ["S3_TOKEN"].split(":")
s3 = boto3.client(
    "s3",
    endpoint_url=os.environ["S3_ENDPOINT"],
    region_name="auto",
    aws_access_key_id=key,
    aws_secret_access_key=secret,
    config=Config(retries={"total_max_attempts": 1}),
)


def code(call):
    """The code that a call was refused with, or 200."""
    try:
        call()
    except ClientError as error:
        return error.response["Error"]["Code"]
    return 200


exec(sys.argv[1], {"s3": s3, "code": code, "time": time})
