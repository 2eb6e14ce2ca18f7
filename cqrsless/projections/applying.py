"""Folding a commit's events into rows, and writing these with the mark that says so, all or nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from datetime import datetime
from typing import Any, Final, NamedTuple

from .. import codec, tracing
from ..delivery.commit import Commit, Decoder
from ..delivery.counting import Counts
from ..delivery.parking import Parking, settled, tries
from ..delivery.places import Key, Places, unchanged, view_place
from ..delivery.reasons import MISTAKES
from ..delivery.writing import commit as write
from ..delivery.writing import replacing, revised, without
from ..errors import CommitTooLarge, InvalidReturn, a_type
from ..logs import current_message
from ..messages import Cost, Message
from ..registry import ProcessorRecord, ProjectorRecord, ViewRecord, defined
from ..store import TRANSACTION_LIMIT, TRANSACTION_SIZE_LIMIT, Delete, Item, Put, Write, total_size
from .addressing import Addresses, Inject, Row, injected
from .rows import Layout, text_of, with_row

RETRIES: Final = 5


class Step(NamedTuple):
    """One call of a projector: an event on its way into a row."""

    projector: ProjectorRecord
    message: Message
    row: Row


class ViewConsumer:
    """Keeps one run of a view: a `Consumer` that folds commits into rows exactly once, in order.

    A row that is keyed by its aggregate's own id is that aggregate's place: row and mark are one conditional write.
    Where two types of aggregate share a row, it is the place of the type that came first (`of`), and the other has a
    place beside it. `processor` gives retries and what becomes of failures.
    """

    since = 0

    def __init__(
        self,
        view: ViewRecord,
        projectors: Sequence[ProjectorRecord],
        *,
        id_fields: Mapping[str, tuple[str, ...]],
        decoder: Decoder,
        places: Places,
        inject: Inject,
        now: Callable[[], datetime],
        run: int = 1,
        processor: ProcessorRecord | None = None,
        replaying: bool = False,
        counts: Counts | None = None,
    ) -> None:
        self.view = view
        self.run = run
        self.name = view.name if run == 1 else f"{view.name} (run {run})"
        self.layout = Layout(view, run)
        self.addresses = Addresses(self.layout, id_fields)
        self.places = places
        self.parking = Parking(places, view.name, run, now, counts)
        self.replaying = replaying
        self._inject = inject
        self._processor = processor
        self._projectors: dict[str, list[ProjectorRecord]] = {}
        for projector in projectors:
            if projector.view == view.name:
                for name in projector.names:
                    self._projectors.setdefault(name, []).append(projector)
        self.stored_names = frozenset[str]().union(*(decoder.stored_names(name) for name in self._projectors))

    # -- places

    def place(self, commit: Commit) -> Key:
        return self.addresses.own(commit) or view_place(self.view.name, self.run, commit.pk)

    def owned(self, commit: Commit, place: Item) -> Item:
        """Give a place as this aggregate's from now on: a row bears its type."""
        return {**place, "of": commit.aggregate} if place["pk"].startswith("v#") else place

    def note_parked(self, commit: Commit, place: Item, cost: Cost) -> None:
        self.parking.note_seen(place, commit, cost)

    # -- commits

    def apply(self, commit: Commit, place: Item | None, cost: Cost) -> Item:
        """Fold a commit's events into their rows, and write these with the mark."""
        here = self.place(commit) if place is None else (place["pk"], place["sk"])
        was = self.owned(commit, {"pk": here[0], "sk": here[1]} if place is None else place)
        try:
            steps = self._steps(commit, tries(was, commit.number) + 1)
            keys = dict.fromkeys(step.row.at for step in steps)
            self._check_count(commit, len(keys.keys() | {here}))
        except Exception as error:
            return self._failed(was, commit, error, cost)
        items = {key: was if key == here else self.places.get(key, cost) for key in keys}
        try:
            moved, others = self._writes(commit, was, items, self._fold(steps, items))
        except Exception as error:
            return self._failed(was, commit, error, cost)
        write(self.places, [replacing(was, moved), *others], cost)
        self.parking.applied(commit, was)
        return moved

    def _failed(self, place: Item, commit: Commit, error: Exception, cost: Cost) -> Item:
        processor = self._processor
        retries = RETRIES if processor is None else processor.retries
        if isinstance(error, MISTAKES) or (processor is not None and not isinstance(error, processor.retry_on)):
            retries = 0
        parks = processor is None or processor.on_failure == "park"
        return self.parking.failed(place, commit, error, cost, retries=retries, parks=parks)

    def _steps(self, commit: Commit, attempt: int) -> list[Step]:
        """Say which projectors to call for which rows, in the order of the events."""
        replaying = self.replaying
        messages = commit.messages(self.stored_names)
        return [
            Step(projector, message, row)
            for message in (one.replace(attempt=attempt, replaying=replaying) for one in messages)
            for projector in self._projectors.get(message.name, ())
            for row in self.addresses.rows(projector, message, commit)
        ]

    def _fold(self, steps: Sequence[Step], items: Mapping[Key, Item | None]) -> dict[Key, str | None]:
        """Give each row's text after all the steps; `None` for no row."""
        texts = {key: text_of(item) for key, item in items.items()}
        last = {step.message.sequence: at for at, step in enumerate(steps)}
        for at, step in enumerate(steps):
            message = step.message
            if at < last[message.sequence]:  # a projector may change its payload in place
                message = message.replace(payload=deepcopy(message.payload))
            text = texts[step.row.at]
            before = None if text is None else codec.decode(text)
            texts[step.row.at] = self._project(step.projector, message, before, step.row)
        return texts

    def _project(self, projector: ProjectorRecord, message: Message, before: Any, row: Row) -> str | None:
        token = current_message.set(message)
        try:
            given = injected(self._inject, projector.inject, message, row)
            if tracing.on():
                with tracing.projecting(message, self.view.name):
                    after = projector.fn(before, message.payload, **given)
            else:
                after = projector.fn(before, message.payload, **given)
        finally:
            current_message.reset(token)
        if after is None:
            return None
        if not isinstance(after, dict):
            raise InvalidReturn(
                f"the projector {defined(projector.fn)} of {message.name} into the view {self.view.name} returned "
                f"{a_type(after)}: return the row, a dict, or None for no row"
            )
        return codec.encode(after, f"the row of the view {self.view.name} after {message.id}")[0]

    # -- writes

    def _writes(
        self, commit: Commit, was: Item, items: Mapping[Key, Item | None], texts: Mapping[Key, str | None]
    ) -> tuple[Item, list[Write]]:
        """Give the place after a commit, and the other writes; a row that stays as it was is not written."""
        here = was["pk"], was["sk"]
        place = settled(was, commit.number)
        writes: list[Write] = []
        for key, text in texts.items():
            before = items[key]
            if text == text_of(before):
                continue
            if key == here:
                place = self._changed(key, place, text)
                after = place
            else:
                after = self._changed(key, before or {"pk": key[0], "sk": key[1]}, text)
                writes.append(self._row_write(before, after))
            writes.extend(self._index_writes(before, after))
        self._check_count(commit, len(writes) + 1)
        size = total_size([place, *(one.item for one in writes if isinstance(one, Put))]) if writes else 0
        if size > TRANSACTION_SIZE_LIMIT:
            raise self._too_large(commit, f"takes {size} bytes", size, TRANSACTION_SIZE_LIMIT, "bytes")
        return place, writes

    def _changed(self, key: Key, item: Item, text: str | None) -> Item:
        """Give an item with another row, or with none, and with where its index entries stand then."""
        bare = revised(without(item, "row", "ix"))
        if text is None:
            return bare
        entries = self.layout.entries(codec.decode(text), key) if self.view.indexes else {}
        return with_row({**bare, "ix": entries} if entries else bare, text)

    def _row_write(self, before: Item | None, after: Item) -> Write:
        if "row" in after or "of" in after:  # without a row it stays where it is another aggregate's place
            return replacing(before, after)
        return Delete("views", after["pk"], after["sk"], unchanged(before))

    def _index_writes(self, before: Item | None, after: Item) -> list[Write]:
        """Move a row's index entries to where they belong now. The row's own condition guards them."""
        old: Mapping[str, str] = {} if before is None else before.get("ix", {})
        new: Mapping[str, str] = after.get("ix", {})
        gone = [self.layout.entry(index, place) for index, place in old.items() if new.get(index) != place]
        there = [self.layout.entry(index, place) for index, place in new.items()]
        return [
            *(Delete("views", pk, sk) for pk, sk in gone),
            *(Put("views", {"pk": pk, "sk": sk, "row": after["row"]}) for pk, sk in there),
        ]

    def _check_count(self, commit: Commit, count: int) -> None:
        if count > TRANSACTION_LIMIT:
            raise self._too_large(commit, f"makes {count} writes", count, TRANSACTION_LIMIT, "writes")

    def _too_large(self, commit: Commit, what: str, size: int, limit: int, unit: str) -> CommitTooLarge:
        return CommitTooLarge(
            f"commit {commit.number} of {commit.pk} {what} in the view {self.view.name}, its place and index entries "
            f"included; one transaction takes {limit} {unit}: project it into fewer rows, or make smaller commits",
            size=size,
            limit=limit,
        )
