"""Which rows an event touches: by the projector's `key` or `keys`, else the payload, else the aggregate's id."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ..delivery.commit import Commit
from ..delivery.places import Key
from ..errors import CqrslessError, InvalidReturn, ValidationFailed, a_type
from ..keys import split_id
from ..messages import Message
from ..registry import ProjectorRecord, ViewRecord, defined
from .rows import Layout, parts_of

#: What the framework injects by name: given the names and the message, the values.
Inject = Callable[[tuple[str, ...], Message], dict[str, Any]]


class Row(NamedTuple):
    """A row that an event is folded into: where it is, and its key as the view's users know it."""

    at: Key
    key: Any


class Addresses:
    """Tells the rows of a view by events and aggregates; `id_fields` are those of each aggregate by name."""

    def __init__(self, layout: Layout, id_fields: Mapping[str, tuple[str, ...]]) -> None:
        self._layout = layout
        self._view: ViewRecord = layout.view
        self._id_fields = id_fields

    def own(self, commit: Commit) -> Key | None:
        """Give the row that is keyed by a commit's aggregate, if the view's key is the aggregate's id."""
        if self._id_fields.get(commit.aggregate) != self._view.key:
            return None
        try:
            return self._layout.key(split_id(commit.aggregate_id, len(self._view.key)))
        except ValidationFailed:  # an id that fits into its own key, and not into the longer one of a row
            return None

    def rows(self, projector: ProjectorRecord, message: Message, commit: Commit) -> list[Row]:
        """Give the rows that a projector folds an event into, each once."""
        if projector.keys is not None:
            who = f"keys= of {self._who(projector, message)}"
            given: Any = projector.keys(message.payload, message)
            if isinstance(given, (str, bytes, Mapping)) or not isinstance(given, Iterable):
                raise InvalidReturn(f"{who} gave {a_type(given)}: give a list of keys, empty for no row")
            rows: dict[Key, Row] = {}
            for row in (self._row(one, who) for one in given):
                rows.setdefault(row.at, row)
            return list(rows.values())
        if projector.key is not None:
            who = f"key= of {self._who(projector, message)}"
            return [self._row(projector.key(message.payload, message), who)]
        return [self._made([self._field(field, projector, message, commit) for field in self._view.key])]

    def _row(self, given: Any, who: str) -> Row:
        if given is None:
            raise InvalidReturn(f"{who} gave None: give the row's key, or write keys= and give [] for no row")
        return self._made(parts_of(self._view, given, who))

    def _made(self, values: Sequence[Any]) -> Row:
        return Row(self._layout.key(values), values[0] if len(values) == 1 else tuple(values))

    def _field(self, field: str, projector: ProjectorRecord, message: Message, commit: Commit) -> Any:
        payload = message.payload
        value = payload.get(field) if isinstance(payload, Mapping) else getattr(payload, field, None)
        if value is not None:
            return value
        id_field = self._id_fields.get(commit.aggregate, ())
        if field in id_field:
            return split_id(commit.aggregate_id, len(id_field))[id_field.index(field)]
        raise CqrslessError(
            f"{self._who(projector, message)} finds no row: {field!r}, of the view's key, is neither in the payload of "
            f"{message.id} nor in the id of {commit.aggregate}; put it into the event, or write "
            f'@projector("{message.name}", view="{self._view.name}", key=lambda event, message: ...)'
        )

    def _who(self, projector: ProjectorRecord, message: Message) -> str:
        return f"the projector {defined(projector.fn)} of {message.name} into the view {self._view.name}"


def injected(inject: Inject, names: tuple[str, ...], message: Message, row: Row) -> dict[str, Any]:
    """Give what a projector takes by name: among it, as `key`, the key of the row that it folds into."""
    if "key" not in names:
        return inject(names, message) if names else {}
    return {**inject(tuple(name for name in names if name != "key"), message), "key": row.key}
