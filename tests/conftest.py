"""Fixtures for all tests: an AWS environment of no consequence, and the engines to run against."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from uuid import uuid4

import pytest
from hypothesis import settings

from tests.engines import EngineMissing, Microburst, go_without, running_microburst, running_ministack

# The same examples on every run, so that a red build is red again at home; `--hypothesis-profile=random` looks further.
settings.register_profile("project", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("random", deadline=None, print_blob=True)
settings.load_profile("project")

AWS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_ACCOUNT_ID_ENDPOINT_MODE": "disabled",  # moto answers 404 to DescribeStream otherwise
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}


@pytest.fixture(scope="session", autouse=True)
def aws_environment() -> Iterator[None]:
    """Keep tests away from the developer's AWS account; CQRSLESS_TEST_ENDPOINT is for them to arrange."""
    own = "CQRSLESS_TEST_ENDPOINT" in os.environ
    with pytest.MonkeyPatch.context() as patch:
        for name, value in AWS.items():
            if not (own and name in os.environ):
                patch.setenv(name, value)
        for name in () if own else ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_ENDPOINT_URL"):
            patch.delenv(name, raising=False)
        for name in ("CQRSLESS_STORE", "CQRSLESS_APP", "AWS_ENDPOINT_URL_DYNAMODB"):
            patch.delenv(name, raising=False)
        patch.setenv("NO_PROXY", ",".join(filter(None, (os.environ.get("NO_PROXY"), "127.0.0.1,localhost"))))
        yield


@pytest.fixture
def table_prefix() -> str:
    """Give a prefix for tables that no other test uses."""
    return f"t{uuid4().hex[:12]}"


@pytest.fixture
def moto_aws() -> Iterator[None]:
    """Answer AWS calls inside this process; make clients after it. Not for threads."""
    from moto import mock_aws

    with mock_aws():
        yield


@pytest.fixture(scope="session")
def ministack_endpoint() -> Iterator[str]:
    """Give the URL of a DynamoDB API over HTTP."""
    yield from _started(running_ministack)


@pytest.fixture(scope="session")
def _microburst(ministack_endpoint: str) -> Iterator[Microburst]:
    yield from _started(lambda: running_microburst(ministack_endpoint))


@pytest.fixture
def microburst(_microburst: Microburst) -> Iterator[Microburst]:
    """Give a proxy in front of `ministack_endpoint` that can lose answers."""
    _microburst.reset()
    yield _microburst
    _microburst.reset()


def _started(start: Callable[[], AbstractContextManager[object]]) -> Iterator[object]:
    try:
        with start() as engine:
            yield engine
    except EngineMissing as error:
        go_without(str(error))


@pytest.fixture(autouse=True)
def level_of_logs() -> Iterator[None]:
    """Leave the level of cqrsless's logger as it was: a benchmark that runs in a test turns it off."""
    logger = logging.getLogger("cqrsless")
    before = logger.level
    yield
    logger.setLevel(before)
