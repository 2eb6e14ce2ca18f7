"""The user's own resources and overrides, laid over what is generated: every run starts from both, so none is undone.

A mapping is merged key by key; anything else replaces what was there; `null` removes it. A new resource has its type;
without one, an override of a resource that is not there is a mistake, and an error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from math import isfinite
from pathlib import Path
from typing import Any, Final

from ..registry import did_you_mean
from .documents import from_text
from .naming import DeploymentError

__all__ = ["USUAL", "laid_over", "read_overlay"]

#: What an overlay beside pyproject.toml is called, by the template's format.
USUAL: Final[Mapping[str, str]] = {
    "sam": "template.overlay.yaml",
    "cloudformation": "template.overlay.yaml",
}
_SECTIONS: Final = frozenset(
    {
        *("AWSTemplateFormatVersion", "Conditions", "Description", "Globals", "Mappings", "Metadata", "Outputs"),
        *("Parameters", "Resources", "Rules", "Transform"),
    }
)
#: Sections that hold no parts by name.
_PLAIN: Final = frozenset({"AWSTemplateFormatVersion", "Description", "Transform"})
#: More than the million bytes that CloudFormation takes can hold. An overlay whose parts repeat others may seem small.
_MOST_VALUES: Final = 250_000


def read_overlay(file: Path) -> dict[str, Any]:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DeploymentError(f"the overlay {file} cannot be read: {error}") from error
    return from_text(text, f"the overlay {file}")


def laid_over(template: Mapping[str, Any], overlay: Mapping[str, Any], where: str = "the overlay") -> dict[str, Any]:
    """Lay an overlay over a template.

    >>> laid_over({"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}}, {"Resources": {"Q": {"Metadata": {"a": 1}}}})
    {'Resources': {'Q': {'Type': 'AWS::SQS::Queue', 'Metadata': {'a': 1}}}}
    """
    for section in overlay:
        if section not in _SECTIONS:
            hint = did_you_mean(str(section), _SECTIONS) or f"; it has {', '.join(sorted(_SECTIONS))}"
            raise DeploymentError(f"{where} has {section!r}, which is no section of such a template{hint}")
    if next(islice(_values(overlay, where, "", ()), _MOST_VALUES, None), None) is not None:
        raise DeploymentError(f"{where} has over {_MOST_VALUES:,} values, and is larger than CloudFormation takes")
    for section, parts in overlay.items():
        if section not in _PLAIN and (parts is not None or section == "Resources"):
            _check_mapping(parts, where, section)
    resources = template.get("Resources", {})
    for id, wanted in overlay.get("Resources", {}).items():
        _check_resource(wanted, where, f"Resources.{id}")
        if id in resources:
            continue
        if wanted is None or "Type" not in wanted:
            hint = did_you_mean(id, resources) or "; a resource of your own has a Type"
            raise DeploymentError(f"{where} changes the resource {id!r}, which the template does not have{hint}")
    return _merged(template, overlay)


def _values(value: Any, where: str, path: str, inside: tuple[int, ...]) -> Iterator[Any]:
    """Give every value of an overlay; raise for one that no template can hold."""
    yield value
    if id(value) in inside:
        raise DeploymentError(f"{where} holds itself, at {path}")
    inside = (*inside, id(value))
    if isinstance(value, Mapping):
        for key, part in value.items():
            if not isinstance(key, str):
                raise DeploymentError(
                    f"{where} has the key {key!r} at {path}: write it in quotes, since keys are texts"
                )
            yield from _values(part, where, f"{path}.{key}".lstrip("."), inside)
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from _values(part, where, f"{path}.{number}", inside)
    elif not (value is None or isinstance(value, (str, int)) or (isinstance(value, float) and isfinite(value))):
        raise DeploymentError(f"{where} has {value!r} at {path}, which JSON has no form for: write a text")


def _check_mapping(value: Any, where: str, path: str) -> None:
    if not isinstance(value, Mapping):
        raise DeploymentError(f"{where} has {value!r} at {path}, and that is a mapping")


def _check_resource(resource: Any, where: str, path: str) -> None:
    """Refuse what is no resource; `null` removes one, or a part of it."""
    if resource is None:
        return
    _check_mapping(resource, where, path)
    if not isinstance(resource.get("Type", ""), str):
        raise DeploymentError(
            f"{where} has {resource['Type']!r} at {path}.Type, and that is a text, as AWS::SQS::Queue"
        )
    properties = resource.get("Properties")
    if properties is not None:
        _check_mapping(properties, where, f"{path}.Properties")
        if properties.get("Events") is not None and not isinstance(properties["Events"], list):
            _check_mapping(properties["Events"], where, f"{path}.Properties.Events")


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(base)
    for key, value in over.items():
        if value is None:
            found.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(found.get(key), Mapping) and not _is_function(found[key], value):
            found[key] = _merged(found[key], value)
        else:
            found[key] = value
    return found


def _is_function(*values: Mapping[str, Any]) -> bool:
    """Tell `{"Ref": ...}` and `{"Fn::...": ...}`, which are values and have no parts to be merged."""
    return any(len(value) == 1 and next(iter(value)).startswith(("Ref", "Fn::")) for value in values)
