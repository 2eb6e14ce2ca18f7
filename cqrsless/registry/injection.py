"""What is injected by name: checked against the resources that there are."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Final, TypeVar

from ..errors import RegistrationError
from .names import did_you_mean, wrong
from .records import (
    CommandRecord,
    EventHandlerRecord,
    EvolverRecord,
    MiddlewareRecord,
    ProjectorRecord,
    PublisherRecord,
    QueryRecord,
    ResourceRecord,
)

__all__ = ["Injection"]

Record = TypeVar(
    "Record",
    CommandRecord,
    QueryRecord,
    EvolverRecord,
    MiddlewareRecord,
    ResourceRecord,
    ProjectorRecord,
    EventHandlerRecord,
    PublisherRecord,
)

#: Why a function does not get what the framework itself injects elsewhere.
REFUSED: Final = {
    "message": "there is no message here, or it is the first parameter already: leave it out",
    "views": "views are read in query handlers, event handlers and handlers of commands without an aggregate only: "
    "leave it out",
}


class Injection:
    """The names that can be injected: `provided` by the application, or made by a registered resource."""

    def __init__(self, resources: Sequence[ResourceRecord], provided: frozenset[str]) -> None:
        for name in ("message", "views"):
            if name in provided:
                raise RegistrationError(f"App(resources=...) brings {name!r}, which is injected already: rename it")
        self._known = provided | {record.name for record in resources}
        resolved = {record.name: self.into(f"resource {record.name!r}", record) for record in resources}
        self.resources: Mapping[str, ResourceRecord] = MappingProxyType(resolved)
        for record in resolved.values():
            self._refuse_cycle(record, [], provided)

    def into(self, who: str, record: Record, special: Collection[str] = ()) -> Record:
        """Give the record with what is really injected: a parameter with a default is left alone if nobody has it.

        `special` are the names that the framework injects itself here: `message`, `views`, a projector's `key`.
        """
        inject = tuple(name for name in record.inject if self._has(who, record, name, special))
        return record if inject == record.inject else record.replace(inject=inject)

    def into_evolver(self, who: str, record: EvolverRecord) -> EvolverRecord:
        """Give an evolver with what it may have injected, which is the message alone."""
        for name in record.inject:
            if name != "message" and name not in record.optional:
                raise wrong(
                    record.place,
                    f"{who} wants {name!r} injected; an evolver gives the same state whenever it runs, so it gets "
                    "`message` and nothing else: put what it needs into the event",
                )
        inject = tuple(name for name in record.inject if name == "message")
        return record if inject == record.inject else record.replace(inject=inject)

    def into_middleware(self, who: str, around: tuple[MiddlewareRecord, ...]) -> tuple[MiddlewareRecord, ...]:
        return tuple(self.into(who, record) for record in around)

    def _has(self, who: str, record: Record, name: str, special: Collection[str]) -> bool:
        if name in special or name in self._known:
            return True
        if name in REFUSED:
            raise wrong(record.place, f"{who} wants {name!r} injected; {REFUSED[name]}")
        if name in record.optional:
            return False
        hint = did_you_mean(name, {*self._known, *special})
        if not hint:
            made = f'write @resource("{name}") above a function that makes it'
            hint = f'; {made}, or App(resources={{"{name}": ...}})'
        raise wrong(record.place, f"{who} wants {name!r} injected, which nothing provides{hint}")

    def _refuse_cycle(self, record: ResourceRecord, path: list[str], provided: frozenset[str]) -> None:
        if record.name in provided:
            return
        if record.name in path:
            circle = " needs ".join(map(repr, [*path[path.index(record.name) :], record.name]))
            raise wrong(record.place, f"resource {circle}: nothing can be made first, so break the circle")
        for name in record.inject:
            if name in self.resources:
                self._refuse_cycle(self.resources[name], [*path, record.name], provided)
