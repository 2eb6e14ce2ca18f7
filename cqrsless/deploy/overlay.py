"""The user's own resources and overrides, laid over what is generated: every run starts from both, so none is undone.

A mapping is merged key by key; anything else replaces what was there; `null` removes it. A new resource has its type;
without one, an override of a resource that is not there is a mistake, and an error.
"""

from __future__ import annotations

from collections.abc import Mapping
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
    resources = template.get("Resources", {})
    for id, wanted in (overlay.get("Resources") or {}).items():
        if id in resources:
            continue
        if not isinstance(wanted, Mapping) or "Type" not in wanted:
            hint = did_you_mean(id, resources) or "; a resource of your own has a Type"
            raise DeploymentError(f"{where} changes the resource {id!r}, which the template does not have{hint}")
    return _merged(template, overlay)


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
