"""Functions that start from a snapshot: what Lambda asks of them, and the code that a published version is made of."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from .naming import DeploymentError
from .plan import Layer, Plan

__all__ = ["check", "check_runtime", "with_code"]

#: Lambda takes snapshots of Python from this one on, of functions with at most so many MB of ephemeral storage.
OLDEST: Final = 12
MOST_STORAGE: Final = 512
_PYTHON: Final = re.compile(r"python3\.(\d+)")
_FUNCTIONS: Final = ("AWS::Lambda::Function", "AWS::Serverless::Function")


def check_runtime(runtime: str, where: str) -> None:
    """Refuse a runtime that Lambda takes no snapshots of."""
    python = _PYTHON.fullmatch(runtime)
    if python is None or int(python[1]) < OLDEST:
        raise DeploymentError(
            f"{where} has snapstart = true, which is for Python from 3.{OLDEST} on, and the runtime is {runtime}: "
            f'write runtime = "python3.{OLDEST}" or a newer one, or leave out snapstart'
        )


def with_code(plan: Plan, root: Path, code: Path | None) -> Plan:
    """Let a plan know the code that a version of its functions will be made of, where that is there.

    It is the zip that is named, else what `cqrsless package` wrote; and the zips of the layers.
    """
    if not any(function.snapstart for function in plan.functions):
        return plan
    zip = root / plan.package if code is None else code
    if code is None and not zip.exists():
        return plan
    layers = (root / layer.file for layer in plan.layers if isinstance(layer, Layer))
    return replace(plan, code_digests=tuple(map(_digest, (zip, *layers))))


def _digest(file: Path) -> str:
    try:
        return base64.b64encode(sha256(file.read_bytes()).digest()).decode()
    except OSError as error:
        raise DeploymentError(
            f"{file} cannot be read: {error}. SnapStart runs published versions, which are made of it: run cqrsless "
            "package first"
        ) from error


def check(document: Mapping[str, Any]) -> None:
    """Refuse a template, with the overlay on it, in which a function starts from a snapshot and cannot."""
    resources = document["Resources"]
    usual = document.get("Globals", {}).get("Function", {})
    starting = {
        id: {**usual, **resource.get("Properties", {})}
        for id, resource in resources.items()
        if resource.get("Type") in _FUNCTIONS
    }
    starting = {id: said for id, said in starting.items() if said.get("SnapStart", {}).get("ApplyOn", "None") != "None"}
    provisioned = set(_provisioned(resources))
    for id, said in starting.items():
        python = _PYTHON.fullmatch(str(said.get("Runtime")))
        size = said.get("EphemeralStorage", {}).get("Size", 0)
        if python is not None and int(python[1]) < OLDEST:
            _refuse(id, f"with Python before 3.{OLDEST}, and its Runtime is {said['Runtime']}")
        if "ProvisionedConcurrencyConfig" in said or id in provisioned:
            _refuse(id, "with provisioned concurrency")
        if isinstance(size, int) and size > MOST_STORAGE:
            _refuse(id, f"with more than {MOST_STORAGE} MB of ephemeral storage, and it has {size:,}")
        if said.get("FileSystemConfigs"):
            _refuse(id, "with a file system of its own")


def _provisioned(resources: Mapping[str, Any]) -> Iterator[str]:
    """Give the functions of which a version or an alias has provisioned concurrency."""
    for resource in resources.values():
        if resource.get("Type") in ("AWS::Lambda::Alias", "AWS::Lambda::Version"):
            said = resource.get("Properties", {})
            function = said.get("FunctionName")
            if "ProvisionedConcurrencyConfig" in said and isinstance(function, Mapping):
                yield str(function.get("Ref"))


def _refuse(id: str, what: str) -> None:
    raise DeploymentError(
        f"{id} has snapstart, which Lambda does not take {what}: change that in the overlay, or write "
        "snapstart = false for it"
    )
