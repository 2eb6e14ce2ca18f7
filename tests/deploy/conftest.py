"""An engine for whole stacks, for all tests of this folder that need one."""

from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest

from tests.deploy.deployed import REGION
from tests.engines import EngineMissing, go_without, running_cloud


@pytest.fixture(scope="module")
def cloud() -> Iterator[str]:
    try:
        with running_cloud() as endpoint:
            bucket = {"LocationConstraint": REGION}
            s3 = boto3.client("s3", endpoint_url=endpoint, region_name=REGION)
            s3.create_bucket(Bucket="code", CreateBucketConfiguration=bucket)
            yield endpoint
    except EngineMissing as error:
        go_without(str(error))
