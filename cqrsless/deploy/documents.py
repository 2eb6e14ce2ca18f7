"""Templates as text: YAML with CloudFormation's short forms, or JSON; and overlays read from either."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from .naming import DeploymentError
from .values import Text

__all__ = ["as_json", "as_yaml", "embedded", "from_text"]

#: Writes a text of the plan; its second argument makes of a plain part what stands where the text goes.
Writes: TypeAlias = Callable[[Text, Callable[[str], str]], str]

#: Functions with a short form in YAML, beside `Ref` and `Condition`.
_FUNCTIONS: Final = (
    *("And", "Base64", "Cidr", "Equals", "FindInMap", "GetAtt", "GetAZs", "If", "ImportValue", "Join", "Not", "Or"),
    *("Select", "Split", "Sub", "Transform"),
)


def as_json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def embedded(document: Any, write: Writes) -> str:
    """Write a document of JSON whose texts are a plan's, for a place that takes one string."""
    if isinstance(document, Mapping):
        parts = (f"{json.dumps(key)}:{embedded(value, write)}" for key, value in document.items())
        return "{" + ",".join(parts) + "}"
    if isinstance(document, list):
        return "[" + ",".join(embedded(value, write) for value in document) + "]"
    if isinstance(document, str):
        document = (document,)
    if isinstance(document, tuple):
        return '"' + write(document, lambda plain: json.dumps(plain)[1:-1]) + '"'
    return json.dumps(document)


def as_yaml(document: Mapping[str, Any]) -> str:
    """Write a template as a person would.

    >>> print(as_yaml({"Value": {"Fn::GetAtt": ["Queue", "Arn"]}, "Name": {"Fn::Sub": "${Prefix}-x"}}), end="")
    Value: !GetAtt Queue.Arn
    Name: !Sub ${Prefix}-x
    """
    import yaml

    class Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

        def increase_indent(self, flow: bool = False, indentless: bool = False) -> Any:
            return super().increase_indent(flow, False)

        def choose_scalar_style(self) -> str:
            """Leave out the quotes that PyYAML puts around whatever has a tag."""
            event: Any = self.event
            if (
                event.tag is not None
                and event.tag.startswith("!")
                and self.analyze_scalar(event.value).allow_block_plain
            ):
                return ""
            return str(super().choose_scalar_style())

    def represent(dumper: yaml.SafeDumper, data: dict[str, Any]) -> Any:
        if len(data) == 1:
            ((key, value),) = data.items()
            if key == "Ref" and isinstance(value, str):
                return dumper.represent_scalar("!Ref", value)
            if key == "Fn::Sub" and isinstance(value, str):
                return dumper.represent_scalar("!Sub", value)
            if key == "Fn::GetAtt" and isinstance(value, list) and all(isinstance(one, str) for one in value):
                return dumper.represent_scalar("!GetAtt", ".".join(value))
        return dumper.represent_dict(data.items())

    Dumper.add_representer(dict, represent)
    text: str = yaml.dump(
        document, Dumper=Dumper, sort_keys=False, width=120, allow_unicode=True, default_flow_style=False
    )
    return text


def _plain(loader: Any, node: Any) -> Any:
    return loader.construct_scalar(node)


def from_text(text: str, where: str) -> dict[str, Any]:
    """Read a document that a person wrote, in YAML or JSON; short forms come out long."""
    try:
        import yaml
    except ModuleNotFoundError as error:
        raise DeploymentError(f"{where} cannot be read without pyyaml: pip install 'cqrsless[cli]'") from error

    class Loader(yaml.SafeLoader):
        pass

    def construct(loader: Any, suffix: str, node: Any) -> Any:
        if isinstance(node, yaml.ScalarNode):
            value: Any = loader.construct_scalar(node)
        elif isinstance(node, yaml.SequenceNode):
            value = loader.construct_sequence(node, deep=True)
        else:
            value = loader.construct_mapping(node, deep=True)
        if suffix in ("Ref", "Condition"):
            return {suffix: value}
        if suffix not in _FUNCTIONS:
            raise DeploymentError(
                f"{where} has !{suffix} in line {node.start_mark.line + 1}, which is no function of CloudFormation"
            )
        if suffix == "GetAtt" and isinstance(value, str):
            value = value.split(".", 1)
        return {f"Fn::{suffix}": value}

    Loader.add_multi_constructor("!", construct)
    # A date is a text to CloudFormation ("2012-10-17"), and so it stays.
    Loader.add_constructor("tag:yaml.org,2002:timestamp", _plain)
    try:
        found = yaml.load(text, Loader)
    except yaml.YAMLError as error:
        raise DeploymentError(f"{where} is no YAML or JSON: {error}") from error
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise DeploymentError(f"{where} is no mapping with Resources, Outputs and so on, but {type(found).__name__}")
    return found
