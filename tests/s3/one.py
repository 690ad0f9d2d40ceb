"""Runs a line of code with a boto3 client `s3` of the token S3_TOKEN. For s3.rs."""

import sys
import time

from botocore.exceptions import ClientError
from client import client


def code(call):
    """The code that a call was refused with, or 200."""
    try:
        call()
    except ClientError as error:
        return error.response["Error"]["Code"]
    return 200


exec(sys.argv[1], {"s3": client("TOKEN"), "code": code, "time": time})
