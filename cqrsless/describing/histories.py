"""What happened to one aggregate: its commits as people and scripts read them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from ..aggregates import reading
from ..aggregates.commits import event_id, metadata_of, moment, read_head, stored_events
from ..aggregates.kind import Kind
from ..errors import CqrslessError, NotFound
from ..keys import aggregate_key, id_of
from ..messages import Cost
from ..sources.documents import plain
from ..store import Item, Store
from .changes import Change, changes

if TYPE_CHECKING:
    from ..app import App

__all__ = ["Commit", "Fact", "Subject", "commits", "state_changes", "subject", "told_commit"]


class Fact(NamedTuple):
    """An event of a commit; `trouble` says why it is shown as it was stored, where today's code does not read it."""

    id: str
    name: str
    sequence: int
    payload: Any
    trouble: str | None = None


class Commit(NamedTuple):
    """A commit: what one command changed."""

    key: str
    version: int
    time: datetime
    command: str
    command_id: str
    source: str
    actor: str | None
    correlation_id: str
    causation_id: str | None
    metadata: dict[str, Any]
    payload_digest: str
    events: tuple[Fact, ...]

    @property
    def aggregate(self) -> str:
        return self.key.partition("#")[0]

    @property
    def id(self) -> str:
        return self.key.partition("#")[2]


class Subject(NamedTuple):
    """The aggregate that is asked about."""

    store: Store
    kind: Kind
    key: str

    @property
    def id(self) -> str:
        return self.key.partition("#")[2]

    def newest(self) -> int:
        """Give the number of its newest commit; raise `NotFound` where there is none."""
        tip = self.store.query("events", self.key, Cost(), descending=True, limit=1).items
        if not tip:
            raise NotFound(f"there is no {self.kind.name} {self.id} in {self.store.url}")
        number: int = tip[0]["c"]
        return number

    def item(self, version: int) -> Item:
        """Read one commit; raise `NotFound` where it is not there."""
        item = self.store.get("events", self.key, version, Cost()) if 0 < version < 2**63 else None
        if item is None:
            raise NotFound(f"{self.kind.name} {self.id} is at version {self.newest()}, so there is no {version}")
        return item

    def state(self, version: int) -> Any:
        """Give the state as of a version in JSON's own types; `None` before the first, and where it was deleted."""
        if version < 1:
            return None
        loaded = reading.load(self.store, self.kind, self.key, Cost(), version)
        return plain(loaded.private(self.kind)) if loaded.exists else None


def subject(app: App, aggregate: str, id: str) -> Subject:
    """Find an aggregate by its type and id; raise `UnknownMessage` for a type that is not registered."""
    kind = app.kind(aggregate)
    return Subject(app.store, kind, aggregate_key(kind.name, id_of(kind.name, kind.id_field, id)))


def commits(asked: Subject, first: int = 1, last: int | None = None) -> Iterator[Commit]:
    """Give an aggregate's commits, oldest first, a page at a time."""
    for item in reading.commits(asked.store, asked.key, Cost(), max(first, 1), last):
        yield told_commit(asked.kind, item)


def told_commit(kind: Kind | None, item: Item) -> Commit:
    """Tell a commit; without the kind of its aggregate, its events are as they were stored."""
    head, stored = read_head(item), stored_events(item)
    first = item["seq"] - len(stored) + 1
    facts = tuple(_fact(kind, item["pk"], at, event) for at, event in enumerate(stored, first))
    metadata = metadata_of(head)
    return Commit(
        item["pk"], item["c"], moment(item["time"]), head["name"], head["id"], head["source"], head.get("actor"),
        metadata["correlation_id"], head.get("cau"), metadata, head["digest"], facts,
    )  # fmt: skip


def _fact(kind: Kind | None, key: str, sequence: int, stored: list[Any]) -> Fact:
    identity, name, payload = event_id(key, sequence), stored[0], stored[1]
    if kind is None:
        return Fact(identity, name, sequence, payload)
    try:
        name, payload = kind.decode(stored, key)
    except CqrslessError as error:
        return Fact(identity, name, sequence, payload, str(error))
    return Fact(identity, name, sequence, payload)


def state_changes(asked: Subject, version: int) -> list[Change]:
    """Give what a commit changed of the state."""
    before, after = asked.state(version - 1), asked.state(version)
    return list(changes({} if before is None else before, {} if after is None else after))
