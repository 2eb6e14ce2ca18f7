"""From a plan to the text of a template: the format's own form, the user's overlay on it, and the format's limits."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

from . import limits
from .cloudformation import Document, cloudformation
from .documents import as_json, as_yaml
from .naming import DeploymentError
from .overlay import laid_over
from .plan import Plan
from .sam import sam

__all__ = ["FORMATS", "document", "write", "written"]

FORMATS: Final[Mapping[str, Callable[[Plan], Document]]] = {"sam": sam, "cloudformation": cloudformation}
_MARK: Final = re.compile(r"\A# Written by cqrsless template .*\n# Digest: ([0-9a-f]{16})\n")


def document(plan: Plan, format: str, overlay: Mapping[str, Any] | None = None, where: str = "the overlay") -> Document:
    """Write a plan in a format, with the overlay laid over it, or raise for what the format could not take."""
    limits.check_plan(plan)
    made = FORMATS[format](plan)
    if overlay:
        made = laid_over(made, overlay, where)
    limits.check(plan, made)
    return made


def written(made: Mapping[str, Any], *, json: bool) -> str:
    """Give a template's text; one in YAML begins with a mark by which a change by hand is seen."""
    if json:
        return as_json(made)
    body = as_yaml(made)
    head = "# Written by cqrsless template from the registry, [tool.cqrsless] and the overlay: change those.\n"
    return f"{head}# Digest: {_digest(body)}\n{body}"


def write(file: Path, text: str, *, force: bool = False) -> bool:
    """Write a template to a file, unless somebody changed that by hand; say whether it was another text."""
    try:
        before = file.read_text(encoding="utf-8") if file.exists() else None
    except (OSError, UnicodeDecodeError) as error:
        raise DeploymentError(f"{file} cannot be read: {error}") from error
    if before == text:
        return False
    if before is not None and not force:
        mark = _MARK.match(before)
        if not text.startswith("{") and (mark is None or mark[1] != _digest(before[mark.end() :])):
            raise DeploymentError(
                f"{file} was changed by hand, or is no template of ours: move what is yours into an overlay, which "
                "every run lays over what it generates, then add --force to write the file anew"
            )
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise DeploymentError(f"{file} cannot be written: {error}") from error
    return True


def _digest(body: str) -> str:
    return blake2b(body.encode(), digest_size=8).hexdigest()
