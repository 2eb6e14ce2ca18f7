"""The blocks of docs/deploy.md before what reads them: CloudFormation's linter, Terraform's own core, the CDK."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.terraforming import running_terraform
from tests.docs.pages import FILES, PAGES, ROOT, blocks
from tests.docs.test_blocks import ORDERS
from tests.engines import EngineMissing, console_script, go_without

PAGE = PAGES[ROOT / "docs" / "deploy.md"]
CDK = "aws-cdk-lib==2.275.0"
SAM = "aws-sam-cli==1.170.0"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The application that the page is about."""
    for name, text in (*FILES.items(), *ORDERS.items()):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def run(folder: Path, *command: str) -> str:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("CQRSLESS_", "PYTEST_"))}
    environ |= {"PYTHONPATH": str(ROOT), "AWS_REGION": "eu-west-1"}
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def template(folder: Path, *options: str) -> None:
    run(folder, sys.executable, "-m", "cqrsless", "template", "--app", "orders.app", *options)


def lint(folder: Path, name: str) -> str:
    program = "from cfnlint.runner import main; main()"
    return run(folder, sys.executable, "-c", program, "--regions", "eu-west-1", "--", name)


def test_the_template_of_the_first_line_is_one_to_deploy(folder: Path) -> None:
    [_, line, _] = blocks("sh", PAGE)[0].splitlines()
    assert line == "cqrsless template --app orders.app -o template.yaml"
    template(folder, "-o", "template.yaml")
    assert lint(folder, "template.yaml") == ""


def test_the_overlay_of_the_page_is_laid_over_and_deployable(folder: Path) -> None:
    [overlay] = blocks("yaml", PAGE)
    template(folder, "-o", "bare.json")
    (folder / "template.overlay.yaml").write_text(overlay, encoding="utf-8")
    template(folder, "-o", "template.json")
    bare, made = (json.loads((folder / name).read_text())["Resources"] for name in ("bare.json", "template.json"))
    assert (made.keys() - bare.keys(), bare.keys() - made.keys()) == ({"Uploads"}, {"CommandsThrottlesAlarm"})
    variables = made["CommandsFunction"]["Properties"]["Environment"]["Variables"]
    assert variables.pop("UPLOADS") == {"Ref": "Uploads"}
    assert variables == bare["CommandsFunction"]["Properties"].get("Environment", {"Variables": {}})["Variables"]
    assert lint(folder, "template.json") == ""


@pytest.mark.server
def test_terraform_applies_the_page_s_lines_and_its_override(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    [override] = blocks("hcl", PAGE)
    lines = next(block for block in blocks("sh", PAGE) if "terraform" in block).splitlines()
    assert lines[1:] == [
        "cqrsless template --format terraform -o infra/orders.tf.json",
        "terraform -chdir=infra init && terraform -chdir=infra apply",
    ]
    infra = folder / "infra"
    infra.mkdir()
    (folder / "build").mkdir()
    template(folder, "--format", "terraform", "-o", "infra/orders.tf.json")
    made = json.loads((infra / "orders.tf.json").read_text())
    (folder / "build" / "orders-app.zip").write_bytes(b"PK")  # as `cqrsless package` leaves it
    try:
        with running_terraform([made], tmp_path_factory.mktemp("terraform")) as terraform:
            assert terraform.validate(infra) == []
            (infra / "memory_override.tf").write_text(override, encoding="utf-8")
            resources = terraform.apply(infra)["resources"]
    except EngineMissing as error:
        go_without(str(error))
    assert resources["aws_lambda_function.commands_function"]["memory_size"] == 2048
    assert "commands_errors_alarm" in made["resource"]["aws_cloudwatch_metric_alarm"]
    assert "aws_cloudwatch_metric_alarm.commands_errors_alarm" not in resources
    assert len(resources) > 50


@pytest.mark.long
def test_sam_builds_what_the_first_lines_make(folder: Path) -> None:
    try:
        sam = console_script(SAM, "sam")
    except EngineMissing as error:
        go_without(str(error))
    [required, _, then] = blocks("sh", PAGE)[0].splitlines()
    assert then.startswith("sam build && ")
    here = f"python3.{sys.version_info.minor}"
    with (folder / "pyproject.toml").open("a") as settings:
        settings.write(f'runtime = "{here}"\n')
    subprocess.run(required.replace("/path/to/cqrsless", str(ROOT)), shell=True, cwd=folder, check=True)
    template(folder, "-o", "template.yaml")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTHON"))}
    environ |= {"PATH": f"{Path(sys.executable).parent}:{environ['PATH']}", "SAM_CLI_TELEMETRY": "0"}
    for command in ("validate", "--lint"), ("build",):
        done = subprocess.run(
            [str(sam), *command, "--region", "eu-west-1"],
            cwd=folder, capture_output=True, text=True, check=False, env=environ,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
    built = folder / ".aws-sam" / "build" / "CommandsFunction"
    resolve = (
        f"import sys; sys.path[:0] = [{str(built)!r}]; import cqrsless; print(cqrsless.__file__, cqrsless.entrypoint)"
    )
    environ |= {"CQRSLESS_APP": "orders.app", "CQRSLESS_STORE": "memory://"}
    told = subprocess.run(
        [sys.executable, "-I", "-S", "-c", resolve], cwd=built, capture_output=True, text=True, check=False, env=environ
    )
    assert told.returncode == 0 and told.stdout.startswith(str(built)), told.stderr


@pytest.mark.long
def test_the_cdk_includes_the_stack(folder: Path) -> None:
    """The same block runs with a stand-in by default: the CDK is of some hundred megabytes, and needs Node."""
    if shutil.which("node") is None:
        go_without("the CDK needs Node")
    try:
        python = console_script(CDK, "python")
    except EngineMissing as error:
        go_without(str(error))
    template(folder, "--format", "cloudformation", "-o", "template.json")
    (folder / "stack.py").write_text(blocks("py", PAGE)[0], encoding="utf-8")
    done = subprocess.run(
        [str(python), "stack.py"], cwd=folder, capture_output=True, text=True, check=False,
        env={**os.environ, "CDK_OUTDIR": "out"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    ours, made = (json.loads((folder / name).read_text()) for name in ("template.json", "out/Orders.template.json"))
    ours["Resources"]["CommandsFunction"]["Properties"]["MemorySize"] = 2048
    given = {"Ref": "CodeBucket"}, {"Ref": "CodeKey"}
    for name, resource in ours["Resources"].items():
        code = resource["Properties"].get("Code")
        if code is not None and (code["S3Bucket"], code["S3Key"]) == given:
            code |= {"S3Bucket": "deployments", "S3Key": "orders-2026-11-25.zip"}
        assert made["Resources"][name] == resource
    assert made["Resources"].keys() == ours["Resources"].keys()
    assert made["Parameters"].keys().isdisjoint({"CodeBucket", "CodeKey"}), "they were given"
