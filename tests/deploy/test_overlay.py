"""The user's own resources and overrides: laid over each time, and so never undone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cqrsless.deploy.documents import as_json, as_yaml, from_text
from cqrsless.deploy.naming import DeploymentError
from cqrsless.deploy.overlay import laid_over, read_overlay
from cqrsless.deploy.rendering import document, write, written
from tests.deploy.shop import planned, shop

OVERLAY = """
Resources:
  Uploads:
    Type: AWS::S3::Bucket
    Properties:
      BucketName: !Sub "${Prefix}-uploads"
  CommandsFunction:
    Properties:
      MemorySize: 2048
      Environment:
        Variables:
          UPLOADS: !Ref Uploads
  CommandsErrorsAlarm: null
Outputs:
  Uploads:
    Value: !GetAtt Uploads.Arn
"""


def laid(text: str, form: str = "sam") -> dict[str, Any]:
    return document(planned(shop("mailer")), form, from_text(text, "the overlay o.yaml"), "the overlay o.yaml")


def test_an_overlay_adds_changes_and_removes() -> None:
    found, bare = laid(OVERLAY)["Resources"], laid("")["Resources"]
    assert found["Uploads"]["Properties"] == {"BucketName": {"Fn::Sub": "${Prefix}-uploads"}}
    commands = found["CommandsFunction"]["Properties"]
    assert commands["MemorySize"] == 2048 and commands["Environment"]["Variables"] == {"UPLOADS": {"Ref": "Uploads"}}
    assert commands["Role"] == bare["CommandsFunction"]["Properties"]["Role"], "the rest is as it was"
    assert bare.keys() - found.keys() == {"CommandsErrorsAlarm"}
    assert laid(OVERLAY)["Outputs"]["Uploads"] == {"Value": {"Fn::GetAtt": ["Uploads", "Arn"]}}


def test_a_value_of_a_function_is_replaced_whole() -> None:
    base = {"Resources": {"Q": {"Type": "T", "Properties": {"Name": {"Fn::Sub": "a"}, "Arn": {"Ref": "B"}}}}}
    over = {"Resources": {"Q": {"Properties": {"Name": {"Ref": "C"}, "Arn": {"Fn::GetAtt": ["B", "Arn"]}}}}}
    properties = laid_over(base, over)["Resources"]["Q"]["Properties"]
    assert properties == {"Name": {"Ref": "C"}, "Arn": {"Fn::GetAtt": ["B", "Arn"]}}


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (
            "Resources: {CommandFunction: {Properties: {Timeout: 9}}}",
            "the overlay o.yaml changes the resource 'CommandFunction', which the template does not have; did you mean "
            "'CommandsFunction'",
        ),
        ("Resources: {Mine: {Properties: {}}}", "does not have; a resource of your own has a Type"),
        ("Resource: {}", "the overlay o.yaml has 'Resource', which is no section of such a template; did you mean"),
        ("Resources: [a]", r"the overlay o.yaml has \['a'\] at Resources, and that is a mapping"),
        ("Resources: null", "the overlay o.yaml has None at Resources, and that is a mapping"),
        ("Outputs: 3", "the overlay o.yaml has 3 at Outputs, and that is a mapping"),
        ("Globals: 7", "the overlay o.yaml has 7 at Globals, and that is a mapping"),
        ("Resources: {CommandsFunction: 7}", "has 7 at Resources.CommandsFunction, and that is a mapping"),
        (
            "Resources: {CommandsFunction: {Type: null}}",
            "has None at Resources.CommandsFunction.Type, and that is a te",
        ),
        ("Resources: {CommandsFunction: {Properties: 7}}", "has 7 at Resources.CommandsFunction.Properties, and that"),
        ("Resources: {CommandsFunction: {Properties: {Events: 3}}}", "has 3 at .*Properties.Events, and that is a map"),
        ("Mappings: {ByAccount: {123456789012: {A: B}}}", "key 123456789012 at Mappings.ByAccount: write it in quotes"),
        ("Resources: {true: {Type: T}}", "the overlay o.yaml has the key True at Resources: write it in quotes"),
        (
            "Resources: {A: {Type: T, Properties: {B: !!binary aGk=}}}",
            "has b'hi' at Resources.A.Properties.B, which JSON",
        ),
        (
            "Resources: {A: {Type: T, Properties: {B: [.nan]}}}",
            "has nan at Resources.A.Properties.B.0, which JSON has no",
        ),
        ("Resources: {A: {Type: T, Properties: &p {B: *p}}}", "holds itself, at Resources.A.Properties.B"),
        ("- a\n- b", "the overlay o.yaml is no mapping with Resources, Outputs and so on, but list"),
        ("a: [", "the overlay o.yaml is no YAML or JSON: "),
        ("Resources: {A: {Type: T, Properties: {Name: !Sbu x}}}", "!Sbu .* is no function of CloudFormation"),
    ],
)
def test_a_mistake_is_told_and_not_deployed(text: str, error: str) -> None:
    with pytest.raises(DeploymentError, match=error):
        laid(text)


def test_an_overlay_whose_parts_repeat_others_without_end_is_refused() -> None:
    lines = [f"  m{number}: &m{number} [{', '.join([f'*m{number - 1}'] * 9)}]" for number in range(1, 10)]
    with pytest.raises(DeploymentError, match="has over 250,000 values, and is larger than CloudFormation takes"):
        laid("\n".join(["Metadata:", "  m0: &m0 [lol]", *lines]))


def test_an_overlay_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DeploymentError, match=r"none\.yaml cannot be read: "):
        read_overlay(tmp_path / "none.yaml")


@pytest.mark.parametrize("form", ["sam", "cloudformation"])
def test_what_is_written_is_read_back_the_same(form: str) -> None:
    made = document(planned(shop("mailer", view=True, publishes=True)), form)
    assert from_text(as_yaml(made), "it") == from_text(as_json(made), "it") == made


def test_the_same_application_gives_the_same_text() -> None:
    first, second = (written(laid(OVERLAY), json=False) for _ in range(2))
    assert first == second


# -- the file


def test_a_second_run_changes_nothing(tmp_path: Path) -> None:
    file, text = tmp_path / "deeper" / "template.yaml", written(laid(OVERLAY), json=False)
    assert write(file, text) and not write(file, text)
    assert file.read_text() == text


def test_a_newer_template_replaces_an_older_one(tmp_path: Path) -> None:
    file = tmp_path / "template.yaml"
    write(file, written(laid(""), json=False))
    assert write(file, written(laid(OVERLAY), json=False))
    assert "Uploads" in file.read_text()


def test_a_file_that_was_changed_by_hand_is_not_written_over(tmp_path: Path) -> None:
    file = tmp_path / "template.yaml"
    write(file, written(laid(""), json=False))
    file.write_text(file.read_text() + "# mine\n")
    with pytest.raises(DeploymentError, match=r"was changed by hand, .* into an overlay, .* then add --force"):
        write(file, written(laid(OVERLAY), json=False))
    assert file.read_text().endswith("# mine\n")
    assert write(file, written(laid(OVERLAY), json=False), force=True)
    (tmp_path / "other.yaml").write_text("Resources: {}\n")
    with pytest.raises(DeploymentError, match="is no template of ours"):
        write(tmp_path / "other.yaml", written(laid(""), json=False))
