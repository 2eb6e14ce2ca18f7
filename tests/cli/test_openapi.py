from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from openapi_spec_validator import validate


def test_the_document_goes_to_standard_output_as_json(project: Any) -> None:
    document = json.loads(project.ok("openapi"))
    validate(document)
    assert document["info"] == {"title": "shop", "version": "0.0.0"}
    assert document["paths"].keys() == {"/orders", "/orders/{order_id}/ship", "/orders/{order_id}"}


@pytest.mark.parametrize("command", ["openapi", "asyncapi"])
def test_yaml_says_the_same(project: Any, command: str) -> None:
    assert yaml.safe_load(project.ok(command, "--yaml")) == json.loads(project.ok(command))
    assert "&id" not in project.ok(command, "--yaml")


@pytest.mark.parametrize("command", ["openapi", "asyncapi"])
def test_a_file_has_the_form_that_its_name_says(project: Any, command: str) -> None:
    expected = json.loads(project.ok(command))
    for name, read in (("api.json", json.loads), ("api.yaml", yaml.safe_load), ("api.yml", yaml.safe_load)):
        assert project.ok(command, "-o", name) == ""
        text = (project.folder / name).read_text(encoding="utf-8")
        assert read(text) == expected
        assert text.startswith("{") is (name == "api.json")


@pytest.mark.parametrize("command", ["openapi", "asyncapi"])
def test_name_and_version_are_the_projects_unless_they_are_given(project: Any, command: str) -> None:
    text = (project.folder / "pyproject.toml").read_text()
    project.write("pyproject.toml", f'[project]\nname = "my-shop"\nversion = "2.1"\n{text}')
    assert json.loads(project.ok(command))["info"] == {"title": "my-shop", "version": "2.1"}
    given = project.ok(command, "--title", "Shop", "--api-version", "3")
    assert json.loads(given)["info"] == {"title": "Shop", "version": "3"}


def test_servers_and_who_may_call_are_told(project: Any) -> None:
    document = json.loads(project.ok("openapi", "--server", "https://a.example", "--server", "/b", "--auth", "jwt"))
    validate(document)
    assert document["servers"] == [{"url": "https://a.example"}, {"url": "/b"}]
    assert document["components"]["securitySchemes"]["jwt"]["scheme"] == "bearer"


def test_a_file_that_cannot_be_written_is_told(project: Any) -> None:
    project.write("docs", "a file, and no folder")
    result = project.run("openapi", "-o", "docs/api.json")
    assert result.exit_code == 1
    assert result.stderr == "docs/api.json cannot be written: File exists\n"


@pytest.mark.parametrize("command", ["openapi", "asyncapi", "diagram", "template"])
def test_the_folders_above_a_file_are_made(project: Any, command: str) -> None:
    project.ok(command, "-o", f"docs/made/{command}.yaml")
    assert (project.folder / "docs" / "made" / f"{command}.yaml").read_text()


def test_an_application_without_routes_is_told_so(project: Any) -> None:
    project.write(
        "quiet.py",
        "from cqrsless import Registry\nquiet = Registry('quiet')\n"
        "@quiet.command_handler('Do')\ndef do(command): ...\n",
    )
    result = project.run("openapi", "--app", "quiet:quiet")
    assert result.exit_code == 0 and json.loads(result.stdout)["paths"] == {}
    assert "no handler has a route" in result.stderr
