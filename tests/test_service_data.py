"""Botocore's data of one service: what is read is what botocore's own loader reads."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.exceptions import UnknownServiceError
from botocore.loaders import Loader

from cqrsless.clients import aws_client
from cqrsless.service_data import ServiceData


@pytest.fixture(autouse=True)
def no_session_of_the_users_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget the session of boto3 that some other test may have set up, which clients would be made from."""
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)


@pytest.mark.parametrize("service", ["dynamodb", "events", "lambda", "scheduler", "sns", "sqs", "ssm", "sts"])
@pytest.mark.parametrize("type_name", ["service-2", "endpoint-rule-set-1"])
def test_a_service_is_as_botocores_own_loader_has_it(service: str, type_name: str) -> None:
    ours, theirs = (loader.load_service_model(service, type_name) for loader in (ServiceData(Loader()), Loader()))
    assert ours == theirs
    assert json.dumps(ours) == json.dumps(theirs)  # in the same order, too


@pytest.mark.parametrize("name", ["endpoints", "partitions", "_retry", "sdk-default-configuration"])
def test_so_is_what_all_services_share(name: str) -> None:
    assert json.dumps(ServiceData(Loader()).load_data(name)) == json.dumps(Loader().load_data(name))


def test_no_service_but_the_one_asked_for_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    def listed(*_: Any) -> Any:
        raise AssertionError("all services were listed")

    monkeypatch.setattr(Loader, "list_available_services", listed)
    client = aws_client("sqs", "eu-west-1")
    assert client.meta.service_model.service_name == "sqs"
    assert client.can_paginate("list_queues")


def test_a_service_that_there_is_not_is_told_with_those_there_are() -> None:
    loader = ServiceData(Loader())
    loader.load_service_model("sqs", "service-2")
    with pytest.raises(UnknownServiceError) as raised:
        loader.load_service_model("sqz", "service-2")
    with pytest.raises(UnknownServiceError) as theirs:
        Loader().load_service_model("sqz", "service-2")
    assert str(raised.value) == str(theirs.value)
    assert loader.load_service_model("sns", "service-2")["metadata"]["serviceId"] == "SNS"
    assert loader.list_available_services("service-2") == Loader().list_available_services("service-2")


def test_a_users_own_data_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "mine" / "2026-01-01"
    folder.mkdir(parents=True)
    model = {"metadata": {"serviceId": "Mine", "apiVersion": "2026-01-01"}, "operations": {}, "shapes": {}}
    (folder / "service-2.json").write_text(json.dumps(model))
    (folder / "paginators-1.json.gz").write_bytes(gzip.compress(b'{"pagination": {}}'))
    monkeypatch.setenv("AWS_DATA_PATH", str(tmp_path))
    loader = ServiceData(botocore.session.get_session().get_component("data_loader"))
    assert loader.load_service_model("mine", "service-2") == model
    assert loader.load_service_model("mine", "paginators-1") == {"pagination": {}}
    assert loader.list_available_services("service-2") == ["mine"]
    assert ServiceData(Loader()).list_available_services("service-2") == Loader().list_available_services("service-2")


def test_a_folder_that_may_not_be_looked_into_holds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: Path) -> bool:  # root may look into any
        if tmp_path in path.parents:
            raise PermissionError(13, "Permission denied", str(path))
        return path.exists()

    monkeypatch.setattr(Path, "is_file", refused)
    loader = ServiceData(Loader(extra_search_paths=[str(tmp_path)]))
    assert loader.load_service_model("sqs", "service-2")["metadata"]["serviceId"] == "SQS"


def test_data_that_is_broken_is_told(tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "cut.json.gz").write_bytes(gzip.compress(b"{}")[:-4])
    loader = ServiceData(Loader(extra_search_paths=[str(tmp_path)]))
    with pytest.raises(ValueError, match="Expecting property name"):
        loader.load_data("broken")
    with pytest.raises(EOFError):
        loader.load_data("cut")


def test_a_role_is_assumed_by_a_client_of_the_same_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "config"
    config.write_text(
        "[profile other]\nrole_arn = arn:aws:iam::123456789012:role/r\nsource_profile = mine\n"
        "[profile mine]\naws_access_key_id = x\naws_secret_access_key = y\n"
    )
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_PROFILE", "other")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9")
    client = aws_client("sqs", "eu-west-1")
    with pytest.raises(Exception, match=r"127\.0\.0\.1:9"):  # it is STS that is asked, where nobody listens
        client.list_queues()
