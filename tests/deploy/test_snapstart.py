"""SnapStart: versions are published, and whatever invokes a function invokes the one in use."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cqrsless.deploy.configuration import configuration
from cqrsless.deploy.naming import DeploymentError
from cqrsless.deploy.plan import Plan
from cqrsless.deploy.rendering import document
from cqrsless.deploy.snapstart import with_code
from cqrsless.deploy.values import Place
from tests.deploy.test_cloudformation import full, functions, of_type
from tests.deploy.test_lint import CODE, PLANS, SAM
from tests.engines import EngineMissing, console_script, go_without


def snapped(**section: Any) -> Plan:
    """A stack with everything in it, of which each function starts from a snapshot."""
    http = {"function_url": True, "open": True}
    return replace(full(snapstart=True, http=http, **section), code_digests=CODE)


def single() -> Plan:
    """A stack with a bucket for what is given up, which invokes."""
    return PLANS["snapstart with a bucket"]


@pytest.fixture(params=["sam", "cloudformation"])
def form(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def names(value: Any) -> Iterator[str]:
    """Give every resource that a template's value refers to."""
    if isinstance(value, dict):
        if "Ref" in value:
            yield value["Ref"]
        for key, inner in value.items():
            yield from [inner[0]] if key == "Fn::GetAtt" else names(inner)
    if isinstance(value, list):
        for inner in value:
            yield from names(inner)


def test_without_it_nothing_is_published(form: str) -> None:
    text = json.dumps(document(full(), form))
    assert "SnapStart" not in text and "Alias" not in text and "AutoPublish" not in text


@pytest.mark.parametrize("stack", [snapped, single])
def test_nothing_but_its_versions_names_a_function_itself(stack: Any) -> None:
    """What refers to a function, and not to its alias, would invoke `$LATEST`, which has no snapshot."""
    plan = stack()
    template = document(plan, "cloudformation")
    ids = {function.id for function in plan.functions}
    naming: dict[str, set[str]] = {}
    for id, resource in template["Resources"].items():
        for name in names(resource["Properties"]):
            if name in ids:
                naming.setdefault(resource["Type"], set()).add(id)
    assert naming.keys() == {"AWS::Lambda::Version", "AWS::Lambda::Alias", "AWS::Lambda::EventInvokeConfig"}
    assert {one["Qualifier"] for one in of_type(template, "AWS::Lambda::EventInvokeConfig").values()} == {"live"}
    assert not ids & set(names(list(template["Outputs"].values())))
    for kind in ("EventSourceMapping", "Permission", "Url"):
        for one in of_type(template, f"AWS::Lambda::{kind}").values():
            assert one.get("FunctionName", one.get("TargetFunctionArn"))["Ref"].endswith("FunctionAliaslive")


def test_every_alias_is_of_the_newest_version_and_every_version_of_the_code_at_hand() -> None:
    template = document(snapped(), "cloudformation")
    aliases, versions = of_type(template, "AWS::Lambda::Alias"), of_type(template, "AWS::Lambda::Version")
    assert len(aliases) == len(versions) == len(snapped().functions)
    for id, alias in aliases.items():
        version, attribute = alias["FunctionVersion"]["Fn::GetAtt"]
        assert attribute == "Version" and versions[version]["FunctionName"] == alias["FunctionName"]
        assert versions[version]["CodeSha256"] == CODE[0]
        assert id == f"{alias['FunctionName']['Ref']}Alias{alias['Name']}"
    for function in functions(template).values():
        assert function["SnapStart"] == {"ApplyOn": "PublishedVersions"}


def versions(plan: Plan) -> set[str]:
    return set(of_type(document(plan, "cloudformation"), "AWS::Lambda::Version"))


def test_new_code_new_settings_and_a_new_layer_are_new_versions_and_nothing_else_is() -> None:
    plan = snapped()
    assert versions(plan) == versions(snapped())
    assert not versions(plan) & versions(replace(plan, code_digests=("another==",)))
    assert not versions(plan) & versions(replace(plan, code_digests=(*CODE, "a layer==")))
    changed = versions(snapped(processors={"audit": {"timeout": 77}, "mailer": {"schedules": True}}))
    assert {id.partition("Version")[0] for id in versions(plan) - changed} == {"AuditFunction"}


def test_sam_publishes_a_version_for_each_change() -> None:
    template = document(snapped(), "sam")
    for function in functions(template).values():
        assert (function["AutoPublishAlias"], function["AutoPublishAliasAllProperties"]) == ("live", True)
    (url,) = of_type(template, "AWS::Lambda::Url").values()
    assert url["TargetFunctionArn"] == {"Ref": "CommandsFunctionAliaslive"}, "which is what SAM calls it"


#: Does with a template what CloudFormation does with one for SAM.
TRANSFORM = """
import json, sys
from samtranslator.public.translator import ManagedPolicyLoader
from samtranslator.translator.transform import transform
json.dump(transform(json.load(sys.stdin), {}, ManagedPolicyLoader(None)), sys.stdout)
"""


@pytest.mark.server
def test_sam_calls_the_alias_what_the_template_does() -> None:
    try:
        python = console_script(SAM, "python")
    except EngineMissing as error:
        go_without(str(error))

    def made(plan: Plan) -> Any:
        template = document(plan, "sam")
        template["Globals"]["Function"]["CodeUri"] = "s3://bucket/key"
        environ = {**os.environ, "AWS_DEFAULT_REGION": "eu-west-1"}
        command = [str(python), "-c", TRANSFORM]
        done = subprocess.run(
            command, input=json.dumps(template), capture_output=True, check=False, text=True, env=environ
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    resources = made(snapped())["Resources"]
    aliases = {id for id, one in resources.items() if one["Type"] == "AWS::Lambda::Alias"}
    assert aliases == {f"{function.id}Aliaslive" for function in snapped().functions}
    mappings = [one["Properties"] for one in resources.values() if one["Type"] == "AWS::Lambda::EventSourceMapping"]
    assert mappings and {one["FunctionName"]["Ref"] for one in mappings} <= aliases
    configs = [one["Properties"] for one in resources.values() if one["Type"] == "AWS::Lambda::EventInvokeConfig"]
    assert configs and all(one["Qualifier"] != "$LATEST" for one in configs)
    published = {id for id, one in resources.items() if one["Type"] == "AWS::Lambda::Version"}
    other = made(snapped(environment={"STAGE": "test"}))["Resources"]
    assert not published & other.keys(), "a version keeps its settings, so other settings are another version"


@pytest.mark.parametrize("stack", [snapped, single])
def test_a_function_may_invoke_itself_and_be_scheduled_by_its_alias(stack: Any) -> None:
    plan = stack()
    invoking = {
        resource[-1]
        for role in plan.roles
        for statement in role.statements
        if statement.actions == ("lambda:InvokeFunction",)
        for resource in statement.resources
    }
    assert invoking and all(end.endswith(":live") for end in invoking)
    for function in plan.functions:
        target = function.environment.get("CQRSLESS_SCHEDULER_TARGET")
        assert target is None or (target[-1].endswith(":live") and Place.PREFIX in target)


def test_each_function_has_its_own_say() -> None:
    plan = full(snapstart=True, commands={"snapstart": False})
    assert {function.id for function in plan.functions if not function.snapstart} == {"CommandsFunction"}
    plan = full(commands={"snapstart": True})
    assert {function.id for function in plan.functions if function.snapstart} == {"CommandsFunction"}
    made = document(plan, "terraform")["resource"]["aws_lambda_alias"]
    assert made.keys() == {"commands_function"}


# -- what is refused


@pytest.mark.parametrize(
    ("section", "where"),
    [
        ({"snapstart": True, "runtime": "python3.11"}, "[tool.cqrsless]"),
        ({"commands": {"snapstart": True}, "runtime": "python3.11"}, "[tool.cqrsless.commands]"),
        ({"processors": {"m": {"snapstart": True}}, "runtime": "python3.9"}, "[tool.cqrsless.processors.m]"),
    ],
)
def test_an_older_python_is_refused(section: Any, where: str) -> None:
    with pytest.raises(DeploymentError) as refused:
        configuration(section)
    assert str(refused.value) == (
        f"{where} has snapstart = true, which is for Python from 3.12 on, and the runtime is {section['runtime']}: "
        'write runtime = "python3.12" or a newer one, or leave out snapstart'
    )


def test_every_python_that_has_it_is_taken() -> None:
    for runtime in ("python3.12", "python3.13", "python3.14"):
        assert configuration({"snapstart": True, "runtime": runtime, "architecture": "x86_64"}).snapstart


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({"ProvisionedConcurrencyConfig": {"ProvisionedConcurrentExecutions": 2}}, "with provisioned concurrency"),
        ({"EphemeralStorage": {"Size": 513}}, "with more than 512 MB of ephemeral storage, and it has 513"),
        ({"Runtime": "python3.11"}, "with Python before 3.12, and its Runtime is python3.11"),
        ({"FileSystemConfigs": [{"Arn": "arn", "LocalMountPath": "/mnt/a"}]}, "with a file system of its own"),
    ],
)
def test_an_overlay_that_does_not_go_with_it_is_refused(form: str, changed: Any, what: str) -> None:
    overlay = {"Resources": {"CommandsFunction": {"Properties": changed}}}
    with pytest.raises(DeploymentError) as refused:
        document(snapped(), form, overlay)
    assert str(refused.value).startswith(f"CommandsFunction has snapstart, which Lambda does not take {what}: ")
    document(full(), form, overlay)  # without it, there is nothing to refuse


def test_an_alias_with_provisioned_concurrency_is_refused() -> None:
    config = {"ProvisionedConcurrencyConfig": {"ProvisionedConcurrentExecutions": 2}}
    with pytest.raises(DeploymentError, match=r"CommandsFunction has snapstart, .* with provisioned concurrency"):
        document(snapped(), "cloudformation", {"Resources": {"CommandsFunctionAliaslive": {"Properties": config}}})


def test_as_much_storage_as_it_takes_is_taken(form: str) -> None:
    document(snapped(), form, {"Resources": {"CommandsFunction": {"Properties": {"EphemeralStorage": {"Size": 512}}}}})


def test_cloudformation_has_to_know_the_code(tmp_path: Path) -> None:
    plan = full(snapstart=True, name="shop", layers=["build/shop-layer.zip"])
    with pytest.raises(
        DeploymentError, match=r"run cqrsless package first, or name the zip with --code \(there is no build/shop\.zip"
    ):
        document(with_code(plan, tmp_path, None), "cloudformation")
    with pytest.raises(DeploymentError, match=r"none\.zip cannot be read: .* run cqrsless package first"):
        with_code(plan, tmp_path, tmp_path / "none.zip")
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "shop.zip").write_bytes(b"PK")
    (tmp_path / "build" / "shop-layer.zip").write_bytes(b"PK2")
    known = with_code(plan, tmp_path, None)
    assert known.code_digests == (
        "/Kt/zCtM/9m7RQA7/C5GigTvb3fKggCnNB8CdjFYTSU=",
        "Zqlc4J+oJDLkRBJ6u936gbKeA5u2Q1ybzP4GdlD/elM=",
    )
    document(known, "cloudformation")
    assert with_code(full(), tmp_path, None) == full(), "without it, code is a matter of parameters alone"
