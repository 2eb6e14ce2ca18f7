"""Which of AWS's services a package calls: those of cqrsless itself, and those that its code makes clients of."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from ..naming import DeploymentError
from .application import parsed

__all__ = ["OWN", "Named", "named_in", "services_in_use"]

#: What cqrsless calls, and `sts`, by which credentials may be had.
OWN: Final = frozenset({"dynamodb", "events", "lambda", "s3", "scheduler", "sns", "sqs", "sts"})
_MAKERS: Final = frozenset({"client", "resource", "create_client", "aws_client"})
#: Whose `client(...)` is AWS's, where its argument does not say so.
_SESSIONS: Final = ("boto3", "session", "botocore")


class Named(NamedTuple):
    """The services that a file names, and the lines where it makes a client without naming it plainly."""

    services: frozenset[str]
    untold: tuple[int, ...]


def named_in(tree: ast.Module) -> Named:
    """Look through a module for clients that it makes.

    >>> code = "boto3.client('s3'); boto3.resource(service_name='sqs'); session.client(name)"
    >>> services, untold = named_in(ast.parse(code))
    >>> sorted(services), untold
    (['s3', 'sqs'], (1,))
    """
    services: set[str] = set()
    untold: list[int] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _name(node.func) in _MAKERS:
            keywords = {keyword.arg: keyword.value for keyword in node.keywords}
            given = node.args[0] if node.args else keywords.get("service_name")
            if isinstance(given, ast.Constant) and isinstance(given.value, str):
                services.add(given.value)
            elif given is not None and _of_a_session(node.func):
                untold.append(node.lineno)
    return Named(frozenset(services), tuple(untold))


def services_in_use(
    application: Mapping[str, Path], dependencies: Iterable[Path], known: frozenset[str], given: Iterable[str]
) -> frozenset[str]:
    """Give the services that a package needs the data of; `given` are those that its settings name."""
    said = frozenset(given)
    unknown = sorted(said - known)
    if unknown:
        raise DeploymentError(
            f"services = [{unknown[0]!r}] names none of AWS's: write it as boto3.client({unknown[0]!r})"
        )
    found = set(OWN | said)
    for name, file in application.items():
        if file.suffix == ".py":
            named = named_in(parsed(file))
            if named.untold and not said:
                raise DeploymentError(
                    f"{name}, line {named.untold[0]}, makes a client of a service that it does not name plainly, so "
                    'its data may be trimmed away: write services = ["..."] in [tool.cqrsless.package], with all '
                    "that are called there"
                )
            found |= named.services
    for file in dependencies:
        found |= _named_in_dependency(file)
    return frozenset(found & known)


def _named_in_dependency(file: Path) -> frozenset[str]:
    try:
        return named_in(ast.parse(file.read_bytes())).services
    except (SyntaxError, ValueError):  # a template, or code of another Python, in somebody else's package
        return frozenset()


def _name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _of_a_session(function: ast.expr) -> bool:
    if not isinstance(function, ast.Attribute):
        return False
    owner = function.value.func if isinstance(function.value, ast.Call) else function.value
    return any(word in _name(owner).lower() for word in _SESSIONS)
