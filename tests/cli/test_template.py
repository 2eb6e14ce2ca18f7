"""`cqrsless template`, as a person types it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cqrsless.deploy.documents import from_text


def test_a_sam_template_is_printed_by_default(project: Any) -> None:
    found = from_text(project.ok("template"), "it")
    assert found["Transform"] == "AWS::Serverless-2016-10-31"
    assert {"CommandsFunction", "MailerFunction", "ViewsFunction"} <= found["Resources"].keys()
    assert found["Globals"]["Function"]["Environment"]["Variables"]["CQRSLESS_APP"] == "shop:shop"
    assert found["Parameters"]["Prefix"]["Default"] == "shop"


@pytest.mark.parametrize("form", ["sam", "cloudformation"])
def test_the_same_in_json(project: Any, form: str) -> None:
    made = json.loads(project.ok("template", "--format", form, "--json"))
    assert made.pop("Metadata")["Cqrsless"].startswith("Written by cqrsless template")
    assert made == from_text(project.ok("template", "--format", form), "it")
    project.ok("template", "--format", form, "-o", "out.json")
    assert json.loads((project.folder / "out.json").read_text())["Resources"]


def test_a_file_is_written_and_a_second_run_leaves_it(project: Any) -> None:
    first = project.run("template", "-o", "out/template.yaml")
    assert (first.exit_code, first.stdout) == (0, "") and "out/template.yaml is written" in first.stderr
    again = project.run("template", "-o", "out/template.yaml")
    assert "was so already" in again.stderr


def test_what_was_changed_by_hand_is_kept_unless_forced(project: Any) -> None:
    project.ok("template", "-o", "t.yaml")
    file = project.folder / "t.yaml"
    file.write_text(file.read_text().replace("MemorySize: 256", "MemorySize: 512"))
    refused = project.run("template", "-o", "t.yaml")
    assert refused.exit_code == 1 and "move what is yours into an overlay" in refused.stderr
    project.ok("template", "-o", "t.yaml", "--force")
    assert "MemorySize: 256" in file.read_text()


def test_the_overlay_beside_the_project_is_laid_over_every_run(project: Any) -> None:
    project.write("template.overlay.yaml", "Resources: {CommandsFunction: {Properties: {Timeout: 77}}}")
    for _ in range(2):
        found = from_text(project.ok("template"), "it")
        assert found["Resources"]["CommandsFunction"]["Properties"]["Timeout"] == 77
    project.write("other.yaml", "Resources: {CommandsFunction: {Properties: {Timeout: 78}}}")
    found = from_text(project.ok("template", "--overlay", "other.yaml"), "it")
    assert found["Resources"]["CommandsFunction"]["Properties"]["Timeout"] == 78
    missing = project.run("template", "--overlay", "none.yaml")
    assert missing.exit_code == 1 and "the overlay none.yaml cannot be read" in missing.stderr


def test_the_projects_settings_are_read(project: Any) -> None:
    project.write(
        "pyproject.toml",
        '[tool.cqrsless]\napp = "shop:shop"\nname = "orders"\n[tool.cqrsless.processors.mailer]\ntimeout = 99\n',
    )
    found = from_text(project.ok("template"), "it")
    assert found["Parameters"]["Prefix"]["Default"] == "orders"
    assert found["Resources"]["MailerFunction"]["Properties"]["Timeout"] == 99
    project.write("pyproject.toml", '[tool.cqrsless]\napp = "shop:shop"\ntimout = 3\n')
    wrong = project.run("template")
    assert wrong.exit_code == 1 and "has no 'timout'; did you mean 'timeout'?" in wrong.stderr


def test_the_routes_are_open_by_a_flag_alone_and_it_says_so(project: Any) -> None:
    def authorizers(*flags: str) -> set[str]:
        found = from_text(project.ok("template", *flags), "it")["Resources"].values()
        return {one["Properties"]["AuthorizationType"] for one in found if one["Type"] == "AWS::ApiGatewayV2::Route"}

    assert authorizers() == {"AWS_IAM"}
    assert authorizers("--open-http") == {"NONE"}
    assert "everybody can call the routes" in project.run("template", "--open-http").stderr


def test_what_cannot_be_deployed_is_one_line(project: Any) -> None:
    project.write("idle.py", "from cqrsless import Registry\nidle = Registry('idle')\nidle.processor('mailer')\n")
    refused = project.run("template", "--app", "idle:idle")
    assert refused.exit_code == 1 and refused.stderr.count("\n") == 1
    assert "has no handler" in refused.stderr


def test_terraform_is_given_json_with_the_package_where_it_is(project: Any) -> None:
    printed = json.loads(project.ok("template", "--format", "terraform"))
    assert printed["locals"]["package"].endswith(': "${path.module}/build/shop.zip"}')
    project.ok("template", "--format", "terraform", "-o", "infra/main.tf.json")
    made = json.loads((project.folder / "infra" / "main.tf.json").read_text())
    assert made["locals"]["package"].endswith(': "${path.module}/../build/shop.zip"}')
    refused = project.run("template", "--format", "terraform", "-o", "infra/main.yaml")
    assert refused.exit_code == 1 and "write -o infra/main.tf.json" in refused.stderr


def test_terraform_leaves_the_overlay_of_the_other_formats_alone(project: Any) -> None:
    project.write("template.overlay.yaml", "Resources: {CommandsFunction: {Properties: {Timeout: 77}}}")
    assert "77" not in project.ok("template", "--format", "terraform")
    refused = project.run("template", "--format", "terraform", "--overlay", "template.overlay.yaml")
    assert refused.exit_code == 1 and "a .tf file of your own beside it" in refused.stderr


@pytest.mark.parametrize(("form", "file"), [("sam", "t.json"), ("terraform", "main.tf.json")])
def test_json_that_was_changed_by_hand_is_not_written_over(project: Any, form: str, file: str) -> None:
    project.ok("template", "--format", form, "-o", file)
    written = (project.folder / file).read_text()
    renewed = project.run("template", "--format", form, "-o", file, "--open-http")
    assert f"{file} is written" in renewed.stderr
    project.write(file, written.replace(": 256", ": 257"))
    refused = project.run("template", "--format", form, "-o", file)
    assert refused.exit_code == 1 and f"{file} was changed by hand" in refused.stderr
    assert ("overlay" if form == "sam" else "_override.tf") in refused.stderr
    project.ok("template", "--format", form, "-o", file, "--force")
    assert ": 257" not in (project.folder / file).read_text()
