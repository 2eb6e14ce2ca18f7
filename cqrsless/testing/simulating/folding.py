"""What a view has to hold: its projectors' rows, folded plainly, in the order in which commits were applied."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ... import codec
from ...delivery.commit import Commit, Decoder
from ...delivery.places import Key
from ...logs import handling
from ...messages import Message
from ...projections.addressing import Addresses, Row, injected
from ...projections.rows import Layout
from ...registry import Model, ProjectorRecord, ViewRecord
from ...surroundings import Surroundings

__all__ = ["Rows"]


class Rows:
    """The rows of one run of a view, by their keys. They are plain values, folded without a store."""

    def __init__(self, view: ViewRecord, run: int, model: Model, surroundings: Surroundings) -> None:
        self.layout = Layout(view, run)
        id_fields: Mapping[str, tuple[str, ...]] = {
            name: aggregate.record.id_field for name, aggregate in model.aggregates.items()
        }
        self.addresses = Addresses(self.layout, id_fields)
        self.rows: dict[Key, Any] = {}
        self._surroundings = surroundings
        self._decoder = Decoder(model.events)
        self._projectors: dict[str, list[ProjectorRecord]] = {}
        for projector in model.projectors:
            if projector.view == view.name:
                for name in projector.names:
                    self._projectors.setdefault(name, []).append(projector)
        self.stored_names = frozenset[str]().union(*map(self._decoder.stored_names, self._projectors))

    def fold(self, item: Mapping[str, Any], *, replaying: bool) -> set[Key]:
        """Fold a commit's events in; give the keys of the rows that were folded into."""
        commit = Commit(dict(item), self._decoder)
        touched: set[Key] = set()
        for at, message in enumerate(commit.messages(self.stored_names)):
            message = message._replace(replaying=replaying)
            for projector in self._projectors.get(message.name, ()):
                for row in self.addresses.rows(projector, message, commit):
                    own = commit.messages(self.stored_names)[at]._replace(replaying=replaying)
                    self._project(projector, own, row)
                    touched.add(row.at)
        return touched

    def _project(self, projector: ProjectorRecord, message: Message, row: Row) -> None:
        before = self.rows.pop(row.at, None)
        given = injected(self._surroundings.injected, projector.inject, message, row)
        with handling(message):
            after = projector.fn(None if before is None else codec.decode(before), message.payload, **given)
        if after is not None:
            self.rows[row.at] = codec.encode(after, "a row")[0]

    def row(self, key: Key) -> Any:
        text = self.rows.get(key)
        return None if text is None else codec.decode(text)

    def entries(self) -> Iterable[tuple[Key, str]]:
        """Give the keys of the index entries that these rows have, and what each holds."""
        for key, text in self.rows.items():
            if self.layout.view.indexes:
                for index, place in self.layout.entries(codec.decode(text), key).items():
                    yield self.layout.entry(index, place), text
