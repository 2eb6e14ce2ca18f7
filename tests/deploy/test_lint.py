"""Every kind of template, and the examples' own, before the linters that AWS gives its users."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from cqrsless.deploy.rendering import document, written
from tests.deploy.shop import planned, shop
from tests.deploy.test_cloudformation import full
from tests.engines import EngineMissing, console_script, go_without

ROOT = Path(__file__).parent.parent.parent
SAM = "aws-sam-cli==1.170.0"
JWT = {"authorizer": "jwt", "issuer": "https://login.example.com/", "audience": ["shop"]}
LAYER = "arn:aws:lambda:eu-west-1:017000801446:layer:AWSLambdaPowertoolsPythonV3-python313-arm64:7"
CODE = ("/Kt/zCtM/9m7RQA7/C5GigTvb3fKggCnNB8CdjFYTSU=",)
PLANS = {
    "full": full(),
    "jwt": full(http={**JWT, "function_url": True}),
    "layered": full(layers=[LAYER, "build/shop-layer.zip"], code="build/shop.zip"),
    "open": full(http={"open": True, "function_url": True}, alarms=False, protect=False, create_targets=True),
    "snapstart": replace(full(snapstart=True, http={"open": True, "function_url": True}), code_digests=CODE),
    "snapstart with a bucket": replace(planned(shop("mailer"), {"snapstart": True}), code_digests=CODE),
}
#: The examples, by the command that their reader types.
EXAMPLES = {"orders": "examples.orders.app", "bank": "examples.bank:bank"}
FORMS = ("sam", "cloudformation")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every kind of template in both forms."""
    made = tmp_path_factory.mktemp("templates")
    for form in FORMS:
        for kind, plan in PLANS.items():
            (made / f"{kind}.{form}.yaml").write_text(written(document(plan, form), json=False))
        for kind, app in EXAMPLES.items():
            output = str(made / f"{kind}.{form}.yaml")
            done = run(sys.executable, "-m", "cqrsless", "template", "--app", app, "--format", form, "-o", output)
            assert done.returncode == 0, done.stderr
    return made


def run(*command: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "SAM_CLI_TELEMETRY": "0"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environ, cwd=cwd)


def lint(*templates: Path) -> subprocess.CompletedProcess[str]:
    program = "from cfnlint.runner import main; main()"
    return run(sys.executable, "-c", program, "--regions", "eu-west-1", "--", *map(str, templates))


def test_cfn_lint_finds_nothing(folder: Path) -> None:
    done = lint(*sorted(folder.glob("*.yaml")))
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_cfn_lint_would_find_something(folder: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text((folder / "full.cloudformation.yaml").read_text().replace("MailerRole.Arn", "MailerRole.Arm"))
    assert "'Arm' is not one of ['Arn', 'RoleId']" in lint(broken).stdout


@pytest.mark.server
@pytest.mark.parametrize("kind", [*PLANS, *EXAMPLES])
def test_sam_validate_finds_nothing(folder: Path, kind: str) -> None:
    try:
        sam = console_script(SAM, "sam")
    except EngineMissing as error:
        go_without(str(error))
    template = str(folder / f"{kind}.sam.yaml")
    done = run(str(sam), "validate", "--lint", "--region", "eu-west-1", "--template", template, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "is a valid SAM Template" in done.stdout
