"""Tables of settings, out of TOML or out of code: each value is checked, and an error says where it is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from ..registry import did_you_mean
from .naming import DeploymentError

__all__ = ["Source", "Table"]

#: Settings that are the application's to make; the template makes the others.
OWN_SETTINGS: Final = frozenset({"CQRSLESS_METRICS", "CQRSLESS_RECORD_COMMANDS", "CQRSLESS_SOURCE", "CQRSLESS_TRACING"})


class Source(NamedTuple):
    """Settings as somebody wrote them, and what error texts call that place; `file` is the project's, if any."""

    given: Any
    where: str
    file: Path | None = None


class Table:
    """One table, as one or several places say it, the first of them with the last word.

    A key that it does not have is an error that names the nearest one.
    """

    def __init__(self, sources: Sequence[Source], kind: type | None = None, elsewhere: frozenset[str] = frozenset()):
        self.sources = sources
        known = None if kind is None else {one.name for one in fields(kind) if one.compare}
        for source in sources:
            if not isinstance(source.given, Mapping):
                raise DeploymentError(f"{source.where} is {source.given!r}, and should be a table")
            for key in source.given:
                if known is not None and key not in known | elsewhere:
                    hint = did_you_mean(key, known | elsewhere) or f"; it has {', '.join(sorted(known))}"
                    raise DeploymentError(f"{source.where} has no {key!r}{hint}")

    @property
    def keys(self) -> list[str]:
        return list(dict.fromkeys(key for source in self.sources for key in source.given))

    def where_of(self, key: str) -> str:
        """Say where a key is written; where the table is, if it is nowhere."""
        places = [source.where for source in self.sources if key in source.given]
        return next(iter((*places, *(source.where for source in self.sources))), "")

    def value(self, key: str, default: Any = None) -> Any:
        return next((source.given[key] for source in self.sources if key in source.given), default)

    def table(self, key: str, kind: type | None = None) -> Table:
        return Table([_inner(source, key) for source in self.sources if key in source.given], kind)

    def tables(self, key: str, kind: type) -> list[Table]:
        found = self.value(key, [])
        if not isinstance(found, (list, tuple)):
            raise self._wrong(key, "a list of tables")
        return [Table([Source(one, f"{self.where_of(key)} {key}")], kind) for one in found]

    def text(self, key: str, default: Any) -> Any:
        found = self.value(key, default)
        if found is not default and not (isinstance(found, str) and found):
            raise self._wrong(key, "a text")
        return found

    def texts(self, key: str, least: int = 0) -> tuple[str, ...]:
        found = self.value(key, [])
        if (
            not isinstance(found, (list, tuple))
            or not all(isinstance(one, str) and one for one in found)
            or len(found) < least
        ):
            raise self._wrong(key, "a list of texts")
        return tuple(found)

    def text_by_name(self, key: str) -> Mapping[str, str]:
        found: dict[str, str] = {}
        for source in reversed(self.sources):
            given = source.given.get(key, {})
            if not isinstance(given, Mapping) or not all(isinstance(one, str) for one in given.values()):
                raise DeploymentError(f"{source.where} has {key} = {given!r}, and it is a table of texts")
            for name in given:
                if name.startswith("CQRSLESS_") and name not in OWN_SETTINGS:
                    raise DeploymentError(
                        f"{source.where} {key} sets {name}, which the template sets itself: leave it out"
                    )
            found |= given
        return MappingProxyType(found)

    def number(self, key: str, default: Any, least: int, most: int) -> Any:
        found = self.value(key, default)
        if found is not default and (type(found) is not int or not least <= found <= most):
            raise self._wrong(key, f"a whole number from {least:,} to {most:,}")
        return found

    def truth(self, key: str, default: Any) -> Any:
        found = self.value(key, default)
        if found is not default and not isinstance(found, bool):
            raise self._wrong(key, "true or false")
        return found

    def one_of(self, key: str, *choices: Any, default: Any = None) -> Any:
        found = self.value(key, choices[0] if default is None else default)
        if found not in choices or isinstance(found, bool):
            raise self._wrong(key, "one of " + ", ".join(map(str, choices)))
        return found

    def _wrong(self, key: str, wanted: str) -> DeploymentError:
        return DeploymentError(f"{self.where_of(key)} has {key} = {self.value(key)!r}, and it is {wanted}")


def _inner(source: Source, key: str) -> Source:
    """Give a table inside another, called as TOML calls it, or by its keys where the code says it."""
    where = source.where
    named = f"{where[:-1]}.{key}]" if where.endswith("]") else f"{where}{' ' if where.endswith(')') else '.'}{key}"
    return Source(source.given[key], named)
