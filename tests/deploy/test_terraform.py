"""What Terraform is given: valid to its own core, and the same stack as CloudFormation's."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import examples.orders
from cqrsless import Registry
from cqrsless.deploy.naming import DeploymentError
from cqrsless.deploy.plan import Plan
from cqrsless.deploy.rendering import check_name, document, write, written
from cqrsless.deploy.terraform import terraform as terraform_of
from cqrsless.registry import DEFAULT
from examples.bank import bank
from tests.deploy.shop import listen, planned, remind, shop
from tests.deploy.terraforming import Terraform, running_terraform
from tests.deploy.test_cloudformation import full
from tests.deploy.test_lint import PLANS
from tests.deploy.translating import planned as what_terraform_makes
from tests.deploy.translating import translated
from tests.engines import EngineMissing, go_without

IN_S3 = ("-var", 'code={bucket="CodeBucket",key="CodeKey"}')


def odd() -> Plan:
    """What is rare in a plan: text that Terraform would take for its own, no alarms, many names, a shared function."""
    registry = shop("eager", mode="tracking", view=True, publishes=True)
    for name in ("slow", "third"):
        options: Any = {"mode": "tracking"}
        registry.processor(name, **options)
        listen(registry, "OrderPlaced", name)
    environment = {"GREETING": "${name}, 100 %{ sure } $${of} it$", "HERE": 'a "quoted" line\nand another \\'}
    section = {
        "alarms": False,
        "environment": environment,
        "architecture": "x86_64",
        "commands": {
            "concurrency": 3,
            "allow": [{"actions": ["s3:GetObject"], "resources": ["arn:aws:s3:::mine/${aws:username}/*"]}],
        },
    }
    return planned(registry, section)


def single() -> Plan:
    """A stream with one reader: bisected, parallel, with a bucket for what is given up."""
    registry = Registry("one")
    order = registry.aggregate("Order", id_field="order_id")

    @registry.command_handler("PlaceOrder", aggregate=order, creation="always")
    def place(command: Any, state: Any) -> Any:
        return {}

    listen(registry, "OrderPlaced", "mailer", remind)
    section = {"protect": False, "recovery": False, "processors": {"mailer": {"parallel": 4, "batching_window": 2}}}
    return planned(registry, section)


def small(**section: Any) -> Plan:
    return planned(shop("mailer"), {"http": {"function_url": True}, **section})


assert examples.orders, "its functions are those of the default registry"

STACKS: dict[str, Callable[[], Plan]] = {
    **{kind: lambda plan=plan: plan for kind, plan in PLANS.items()},  # type: ignore[misc]
    "odd": odd,
    "single": single,
    "orders": lambda: planned(DEFAULT, application="examples.orders"),
    "bank": lambda: planned(bank, application="examples.bank:bank"),
}


@pytest.fixture(scope="module")
def terraform(tmp_path_factory: pytest.TempPathFactory) -> Generator[Terraform, None, None]:
    try:
        with running_terraform(
            [document(plan(), "terraform") for plan in STACKS.values()], tmp_path_factory.mktemp("terraform")
        ) as running:
            yield running
    except EngineMissing as error:
        go_without(str(error))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a package beside the configuration."""
    (tmp_path / "build").mkdir()
    for name in ("shop-app.zip", "examples-bank.zip", "examples-orders.zip"):
        (tmp_path / "build" / name).write_bytes(b"PK")
    return tmp_path


def digest(content: bytes) -> str:
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


def put(folder: Path, configuration: Any, name: str = "main.tf.json") -> Path:
    text = written(configuration, json=True) if "terraform" in configuration else json.dumps(configuration)
    (folder / name).write_text(text)
    return folder


@pytest.mark.server
@pytest.mark.parametrize("kind", STACKS)
def test_terraform_finds_nothing(terraform: Terraform, folder: Path, kind: str) -> None:
    assert terraform.validate(put(folder, document(STACKS[kind](), "terraform"))) == []


@pytest.mark.server
@pytest.mark.parametrize(
    ("written", "instead", "told"),
    [
        ('"hash_key"', '"hash_kee"', "Extraneous JSON object property: No argument or block type is named"),
        (
            "aws_dynamodb_table.events_table.arn",
            "aws_dynamodb_table.event_table.arn",
            "Reference to undeclared resource",
        ),
        ("events_table.arn", "events_table.arm", "Unsupported attribute"),
        ('"role": "', '"rol": "', "Missing required argument"),
        ('"maximum_retry_attempts": -1', '"maximum_retry_attempts": "often"', "Incorrect attribute value type"),
        ('"enabled": true', '"enabled": true, "enabled": false', "Duplicate argument"),
        ("dynamodb://${var.prefix}", "dynamodb://${var.prefx}", "Reference to undeclared input variable"),
    ],
)
def test_terraform_would_find_something(
    terraform: Terraform, folder: Path, written: str, instead: str, told: str
) -> None:
    put(folder, document(full(), "terraform"))
    main = folder / "main.tf.json"
    main.write_text(main.read_text().replace(written, instead))
    assert told in "\n".join(terraform.validate(folder))


@pytest.mark.server
@pytest.mark.parametrize("kind", STACKS)
def test_terraform_makes_what_cloudformation_makes(terraform: Terraform, folder: Path, kind: str) -> None:
    plan = STACKS[kind]()
    configuration = document(plan, "terraform")
    layer = ("-var", 'layer_code={bucket="CodeBucket",key="LayerKey"}')
    made = terraform.apply(put(folder, configuration), *IN_S3, *(layer if plan.layers else ()))
    ours, theirs = what_terraform_makes(made["resources"]), translated(document(plan, "cloudformation"), plan)
    assert [one for one in ours if one not in theirs] == [one for one in theirs if one not in ours] == []
    assert ours == theirs


@pytest.mark.server
def test_a_difference_would_be_seen(terraform: Terraform, folder: Path) -> None:
    plan = small()
    made = document(plan, "terraform")
    said = translated(document(plan, "cloudformation"), plan)
    made["resource"]["aws_lambda_event_source_mapping"]["mailer_stream_mapping"]["batch_size"] += 1
    made["data"]["aws_iam_policy_document"]["mailer_role"]["statement"][0]["actions"].append("dynamodb:UpdateItem")
    found = what_terraform_makes(terraform.apply(put(folder, made), *IN_S3)["resources"])
    others = [one.partition(" ")[0] for one in found if one not in said]
    assert others == ["aws_iam_role_policy", "aws_lambda_event_source_mapping"]


@pytest.mark.server
def test_the_code_is_a_zip_beside_the_file_or_an_object_in_s3(terraform: Terraform, folder: Path) -> None:
    put(folder, document(small(), "terraform"))
    function = terraform.apply(folder)["resources"]["aws_lambda_function.commands_function"]
    assert function["filename"] == "./build/shop-app.zip"
    assert function["source_code_hash"] == digest(b"PK")
    assert function["s3_bucket"] is None
    other = folder / "other.zip"
    other.write_bytes(b"PK2")
    function = terraform.apply(folder, "-var", f"package={other}")["resources"]["aws_lambda_function.commands_function"]
    assert (function["filename"], function["source_code_hash"]) == (str(other), digest(b"PK2"))
    in_s3 = terraform.apply(folder, "-var", 'code={bucket="b",key="k",version="3"}')["resources"]
    function = in_s3["aws_lambda_function.commands_function"]
    assert (function["s3_bucket"], function["s3_key"], function["s3_object_version"]) == ("b", "k", "3")
    assert function["filename"] is None
    with pytest.raises(AssertionError, match='attribute "key" is required'):
        terraform.apply(folder, "-var", 'code={bucket="b"}')


@pytest.mark.server
def test_a_stack_is_given_its_prefix_and_topic(terraform: Terraform, folder: Path) -> None:
    put(folder, document(small(), "terraform"))
    topic = "arn:aws:sns:eu-west-1:123456789012:told"
    made = terraform.apply(folder, "-var", "prefix=test-2", "-var", f"alarm_topic={topic}")
    assert made["outputs"]["store"] == "dynamodb://test-2"
    assert made["outputs"]["commands_function"] == "arn(aws_lambda_function:test-2-commands)"
    alarm = made["resources"]["aws_cloudwatch_metric_alarm.commands_errors_alarm"]
    assert alarm["alarm_actions"] == alarm["ok_actions"] == [topic]
    for wrong in ("Test", "x" * 41):
        with pytest.raises(AssertionError, match=r"The prefix is a letter and then letters, digits and '-', all small"):
            terraform.apply(folder, "-var", f"prefix={wrong}")


@pytest.mark.server
def test_what_is_to_stay_is_not_destroyed(terraform: Terraform, folder: Path) -> None:
    put(folder, document(small(), "terraform"))
    terraform.apply(folder)
    refused = terraform(folder, "destroy", "-auto-approve", "-no-color")
    assert refused.returncode == 1 and "Instance cannot be destroyed" in refused.stderr
    put(folder, document(small(protect=False), "terraform"))
    terraform.apply(folder)
    done = terraform(folder, "destroy", "-auto-approve", "-no-color")
    assert done.returncode == 0, done.stderr
    assert "Destroy complete!" in done.stdout


@pytest.mark.server
def test_a_second_apply_changes_nothing(terraform: Terraform, folder: Path) -> None:
    put(folder, document(small(), "terraform"))
    terraform.apply(folder)
    assert terraform(folder, "plan", "-detailed-exitcode").returncode == 0


# -- the user's own files


MINE = {
    "resource": {
        "aws_lambda_function": {"commands_function": {"memory_size": 2048}},
        "aws_cloudwatch_metric_alarm": {"commands_errors_alarm": {"count": 0}},
    }
}


@pytest.mark.server
def test_a_second_run_undoes_nothing_of_the_users_own_files(
    terraform: Terraform, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    put(folder, MINE, "memory_override.tf.json")
    (folder / "uploads.tf").write_text('resource "aws_s3_bucket" "uploads" {\n  bucket = "${var.prefix}-uploads"\n}\n')
    for memory in (256, 512):
        write(folder / "main.tf.json", written(document(small(memory=memory), "terraform"), json=True))
        made = terraform.apply(folder)["resources"]
        assert made["aws_lambda_function.commands_function"]["memory_size"] == 2048
        assert made["aws_lambda_function.mailer_function"]["memory_size"] == memory
        assert made["aws_s3_bucket.uploads"]["bucket"] == "shop-uploads"
        assert "aws_cloudwatch_metric_alarm.commands_errors_alarm" not in made


def test_an_overlay_is_not_for_terraform() -> None:
    with pytest.raises(
        DeploymentError, match=r"the overlay is not for Terraform, .*: a \.tf file of your own .* ends in _override\.tf"
    ):
        document(small(), "terraform", {"Resources": {}})


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("main.json", r"main\.json is not read by Terraform, .* write -o infra/main\.tf\.json"),
        ("main.yaml", r"names that end in \.tf\.json: write -o infra/main\.tf\.json"),
        (
            "orders_override.tf.json",
            r"what Terraform calls a file that overrides others.* write -o infra/main\.tf\.json",
        ),
        ("override.tf.json", "overrides others"),
    ],
)
def test_a_name_that_terraform_takes_for_something_else_is_refused(name: str, error: str) -> None:
    with pytest.raises(DeploymentError, match=error):
        check_name(Path("infra") / name, "terraform")
    check_name(Path("infra/orders.tf.json"), "terraform")
    check_name(Path("template.json"), "sam")


def test_ids_that_terraform_writes_alike_are_refused() -> None:
    plan = small()
    alike = replace(plan.queues[0], id="COMMANDSQueue")
    with pytest.raises(DeploymentError, match="COMMANDSQueue and the aws_sqs_queue CommandsQueue are both called"):
        terraform_of(replace(plan, queues=(*plan.queues, alike)))
