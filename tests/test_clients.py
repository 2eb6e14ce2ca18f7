"""Clients of AWS services: made when needed, for the region and endpoint that the user's own settings say."""

from __future__ import annotations

import boto3
import pytest

from cqrsless import AppLoadError
from cqrsless.clients import aws_client


def test_a_client_is_for_the_region_asked_for_or_the_environments() -> None:
    assert aws_client("sqs").meta.region_name == "eu-west-1"
    assert aws_client("sqs", "us-east-2").meta.region_name == "us-east-2"


def test_an_endpoint_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:9")
    assert aws_client("sqs").meta.endpoint_url == "http://127.0.0.1:9"
    assert "amazonaws.com" in aws_client("sns").meta.endpoint_url


def test_the_users_own_session_of_boto3_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", boto3.Session(region_name="ca-central-1"))
    assert aws_client("events").meta.region_name == "ca-central-1"


def test_no_region_is_an_error_that_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    with pytest.raises(AppLoadError, match="no AWS region is known for scheduler; set AWS_REGION"):
        aws_client("scheduler")
