"""Trimmed, a package is a tenth of its size, and its clients do what they did before."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from cqrsless.deploy.naming import DeploymentError
from cqrsless.deploy.packaging.proving import Runner
from cqrsless.deploy.packaging.services import OWN, named_in
from tests.deploy.packaging.conftest import OTHERS, names

CLIENTS = "import boto3\n\n\ndef of(command):\n    boto3.client('kms'), boto3.resource('dynamodb')\n    return 3\n"


def services(archive: Any) -> set[str]:
    held = [name.split("/") for name in names(archive) if name.startswith("botocore/data/")]
    return {parts[2] for parts in held if len(parts) > 3}


def test_the_data_of_the_services_in_use_is_kept_and_no_other(project: Any) -> None:
    project.write("prices.py", CLIENTS)
    whole = project.package(output=project.folder / "whole.zip")
    trimmed = project.package(trim=True)
    told = trimmed.trimmed
    assert services(trimmed.archives[0]) == {*OWN, "kms"} == {*told.services}
    assert services(whole.archives[0]) == OWN | OTHERS
    assert whole.unzipped - trimmed.unzipped > told.before - told.after > 0
    held = names(trimmed.archives[0])
    assert "boto3/data/dynamodb/2012-08-10/resources-1.json" in held
    assert not [name for name in held if "examples" in name and name.startswith(("botocore/data", "boto3"))]
    assert "botocore/data/partitions.json" in held and "botocore/cacert.pem" in held


@pytest.mark.long
def test_of_all_of_botocore_a_fraction_is_left(project: Any, all_wheels: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from cqrsless.deploy.packaging import building, installing

    monkeypatch.setenv("PIP_FIND_LINKS", str(all_wheels))
    monkeypatch.setattr(building, "install", installing.install)
    package = project.package(trim=True)
    before, after, left, (slow, quick) = package.trimmed
    assert before > 15 * 1024 * 1024 and after < before / 10 and {*left} == OWN
    assert 0 < quick < slow


@pytest.mark.long
def test_endpoints_are_told_of_the_services_in_use_alone(project: Any) -> None:
    [archive] = project.package(trim=True, services=("cloudwatch",)).archives
    with ZipFile(archive.file) as opened:
        document = json.loads(opened.read("botocore/data/endpoints.json"))
    found = {name for partition in document["partitions"] for name in partition["services"]}
    assert "monitoring" in found  # as cloudwatch is called there
    assert "dynamodb" in found and not found & {"ec2", "glacier"}
    assert [partition["partition"] for partition in document["partitions"]][:3] == ["aws", "aws-cn", "aws-us-gov"]


@pytest.mark.long
def test_trimmed_packages_are_the_same_each_time_too(project: Any) -> None:
    first, second = (project.package(trim=True, output=project.folder / name) for name in ("a.zip", "b.zip"))
    assert first.archives[0].sha256 == second.archives[0].sha256


def test_a_client_that_would_call_elsewhere_is_an_error(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = Runner.use_clients, []

    def use(self: Runner, services: Any) -> Any:
        urls = dict(real(self, services))
        calls.append(urls)
        if len(calls) == 2:
            urls["sqs eu-west-1"] = "https://elsewhere/"
        return urls

    monkeypatch.setattr(Runner, "use_clients", use)
    with pytest.raises(DeploymentError, match=r"trimmed, the client of sqs eu-west-1 would call https://elsewhere/"):
        project.package(trim=True)
    assert len(calls) == 2 and calls[0]["sqs cn-north-1"] == "https://sqs.cn-north-1.amazonaws.com.cn/"


def test_a_service_that_is_cut_by_mistake_is_found(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from cqrsless.deploy.packaging import building

    real = building.trim
    monkeypatch.setattr(building, "trim", lambda folder, services: real(folder, set(services) - {"sns"}))
    with pytest.raises(DeploymentError, match=r"a client cannot be made or used out of the package: .*sns"):
        project.package(trim=True)


@pytest.mark.long
def test_a_service_that_is_not_named_plainly_has_to_be_named(project: Any) -> None:
    project.write("prices.py", "import boto3\n\n\ndef of(command, name='s3'):\n    return boto3.client(name)\n")
    with pytest.raises(
        DeploymentError, match=r'^prices.py, line 5, makes a client of a service .* services = \["..."\]'
    ):
        project.package(trim=True)
    assert "ses" in services(project.package(trim=True, services=("ses",)).archives[0])


def test_a_service_that_there_is_not_is_told(project: Any) -> None:
    with pytest.raises(DeploymentError, match=r"services = \['dynamo'\] names none of AWS's"):
        project.package(trim=True, services=("dynamo",))


@pytest.mark.long
def test_services_of_dependencies_are_kept(project: Any, make_wheel: Any) -> None:
    make_wheel("parameters", body="def get():\n    import boto3\n    return boto3.session.Session().client('ssm')\n")
    project.write("requirements.txt", "parameters\n")
    assert "ssm" in services(project.package(trim=True).archives[0])


def test_what_cqrsless_itself_calls_is_known() -> None:
    import cqrsless

    called = set()
    for file in Path(cqrsless.__file__).parent.rglob("*.py"):
        if not {"dev", "testing", "deploy", "cli", "driver", "remote"} & set(file.parts):
            tree = ast.parse(file.read_text(encoding="utf-8"))
            called |= named_in(tree).services
            for node in ast.walk(tree):  # `service = "events"`, in a class
                if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
                    called |= {node.value.value} if getattr(node.targets[0], "id", "") == "service" else set()
    assert {"events", "sns", "sqs", "scheduler", "lambda", "s3"} <= called <= OWN


def test_trimming_needs_something_to_trim(project: Any) -> None:
    with pytest.raises(DeploymentError, match="there is nothing to trim in a package without boto3"):
        project.package(trim=True, boto3=False)
