"""Whose an event is in a test: an event does not name the aggregate that recorded it, and a test may leave it out."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

from ..aggregates.kind import Kind
from ..app import App
from ..describing.diagram import Picture, picture, recorders
from ..errors import UnknownMessage, ValidationFailed
from ..keys import id_of, read_id
from ..messages import Event
from ..registry import AggregateRecord, Model, likely_typo, near_or_all

__all__ = ["Of", "Said", "check_of", "others_of", "whose"]

#: pytest shows the test's own line where a check fails, and not this module's.
__tracebackhide__: Final = True

#: Which aggregate an event was recorded by: `Order`, `"Order"`, or either with its id.
Of: TypeAlias = "AggregateRecord | str | tuple[AggregateRecord | str, Any] | None"


class Said(NamedTuple):
    """What a test says of whose its events are: in the call that has them, and elsewhere in the same story."""

    call: str
    here: Of = None
    elsewhere: Of = None


def whose(app: App, event: Event, said: Said) -> tuple[Kind, str | None]:
    """Find the aggregate that records an event, and its id, `None` where nothing says it.

    What the call says goes before what the event says, and that before what the rest of the story says.
    """
    _check_name(app.model, event)
    kinds = app.compiled.dispatcher.kinds
    if said.here is not None:
        kind, id = _named(kinds, said.here)
        others = others_of(app, event, kind)
        if others:
            raise TypeError(
                f"{event.name} is no event of {kind.name}, which does not know it, but of {' and of '.join(others)}: "
                f"write {said.call}(Event({event.name!r}, ...), of={others[0]!r})"
            )
        return kind, _id_in(kind, event) if id is None else id
    if not kinds:
        raise UnknownMessage(
            f"no aggregate is registered in {app.model.name!r} that could have recorded {event.name}: import the "
            "modules whose functions it has, or give the registry, as in given(registry=...)"
        )
    able = _able(app, event) or set(kinds)
    fields = event.payload.keys() if isinstance(event.payload, Mapping) else frozenset[str]()
    named = [name for name in kinds if name in able and fields >= set(kinds[name].id_field)]
    if said.elsewhere is not None:
        kind, id = _named(kinds, said.elsewhere)
        if kind.name in able:
            return kind, _id_in(kind, event) or id
    for found in (able, named):
        if len(found) == 1:
            (name,) = found
            return kinds[name], _id_in(kinds[name], event)
    raise TypeError(_which(event, kinds, named or [name for name in kinds if name in able], said.call))


def check_of(app: App, of: Of, command: str, kind: str, id: str) -> None:
    """Refuse an `of=` that names another aggregate than the command does, whose past it would be."""
    if of is None:
        return
    other, said = _named(app.compiled.dispatcher.kinds, of)
    if other.name != kind or said not in (None, id):
        who = other.name if said is None else f"{other.name} {said}"
        raise TypeError(
            f"given(..., of=...) says {who}, and {command} is for {kind} {id}: the past of a command is that of its "
            "own aggregate, so leave out of="
        )


def others_of(app: App, event: Event, kind: Kind) -> list[str]:
    """Give the aggregates whose event this is, where it cannot be one of the given aggregate."""
    if not kind.event_sourced or kind.knows(event.name):
        return []
    return sorted(_able(app, event))


def _check_name(model: Model, event: Event) -> None:
    """Refuse an event that nothing here knows, where its name is near to one that is known."""
    known = model.event_names()
    if event.name in known:
        return
    known |= {node.name for node in _picture(model).nodes if node.kind == "event"}
    hint = "" if event.name in known else likely_typo(event.name, known)
    if hint:
        raise UnknownMessage(f"nothing here knows an event named {event.name!r}{hint}")


def _able(app: App, event: Event) -> set[str]:
    """Give the aggregates that fold an event, or whose commands record it as their source says; perhaps none."""
    model, kinds = app.model, app.compiled.dispatcher.kinds
    if len(kinds) < 2:
        return set()
    known = model.events.get(event.name)
    name = event.name if known is None else known.name
    recording = {
        one for one in recorders(_picture(model), name) if not kinds[one].event_sourced or kinds[one].knows(name)
    }
    return recording | {one for one, aggregate in model.aggregates.items() if name in aggregate.evolvers}


#: The picture of the last application that was asked about: it takes reading all of its handlers.
_drawn: list[tuple[Model, Picture]] = []


def _picture(model: Model) -> Picture:
    for other, drawn in _drawn:
        if other is model:
            return drawn
    _drawn[:] = [(model, picture(model))]
    return _drawn[0][1]


def _named(kinds: Mapping[str, Kind], of: Of) -> tuple[Kind, str | None]:
    of, id = of if isinstance(of, tuple) else (of, None)
    name = of.name if isinstance(of, AggregateRecord) else str(of)
    if name not in kinds:
        raise UnknownMessage(f"no aggregate {name!r} is registered{near_or_all(name, kinds)}")
    kind = kinds[name]
    return kind, None if id is None else id_of(name, kind.id_field, id)


def _id_in(kind: Kind, event: Event) -> str | None:
    try:
        return read_id(kind.name, kind.id_field, event.payload)
    except ValidationFailed:
        return None


def _which(event: Event, kinds: Mapping[str, Kind], likely: Collection[str], call: str) -> str:
    name, *_ = likely
    fields = kinds[name].id_field
    id = "an id" if len(fields) == 1 else ", ".join(["..."] * len(fields))
    return (
        f"{call}(Event({event.name!r}, ...)) may be an event of {' or of '.join(likely)}: say of which, as in "
        f"{call}(Event({event.name!r}, ...), of={name!r}), or with the aggregate's id, of=({name!r}, {id!r})"
    )
