"""What must hold at every single write: nothing is written over, and nothing moves back."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from ...aggregates.commits import microseconds
from ...log.pages import refs_in
from ...store import Item
from .ledger import Entry

__all__ = ["PLACES", "Guard", "Move"]

#: How the keys of places begin.
PLACES: Final = frozenset("pwv")


class Move(NamedTuple):
    """A place that was moved on: by whom, from which commit to which, and the whole of what was written with it."""

    entry: Entry
    kind: str
    run: int
    consumer: str
    before: int
    after: int
    written: Sequence[Entry]


class Guard:
    """Looks at every write as it is made. `violations` says in words what was wrong."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self.violations: list[str] = []
        self.entries: list[Entry] = []
        #: Moves of places, in order.
        self.moves: list[Move] = []
        #: Tombstones of cancelled commands, and when they were put.
        self.cancelled: dict[str, int] = {}
        #: What was ever scheduled, as it is kept.
        self.scheduled: list[dict[str, Any]] = []
        #: What was scheduled, and has failed so often that its next failure is its last.
        self.given_up: set[str] = set()
        #: The control item of each consumer that has one.
        self.controls: dict[str, Item] = {}
        #: What stands in the views table.
        self.items: dict[tuple[str, str], Item] = {}
        #: When a rebuild of the log last began.
        self.rebuilding = 0
        self._generations = {1}
        #: The segment of each aggregate, in each part of the log.
        self._segments: dict[tuple[str, str], str] = {}
        self._last_page: dict[str, Item] = {}
        self._last_commit: dict[str, int] = {}

    def note(self, entries: Sequence[Entry]) -> None:
        self.entries.extend(entries)
        for entry in entries:
            if entry.table == "events":
                self._commit(entry)
            elif entry.table == "log":
                self._control(entry) if entry.pk == "control" else self._page(entry)
            else:
                self._view_item(entry, entries)

    def _wrong(self, what: str) -> None:
        self.violations.append(what)

    # -- commits and the log

    def _commit(self, entry: Entry) -> None:
        if entry.before is not None or entry.after is None:
            self._wrong(f"commit {entry.pk}@{entry.sk} was written over")
        elif entry.sk != self._last_commit.get(entry.pk, 0) + 1:
            self._wrong(f"commit {entry.pk}@{entry.sk} follows {self._last_commit.get(entry.pk, 0)}: numbers are dense")
        else:
            self._last_commit[entry.pk] = int(entry.sk)

    def _page(self, entry: Entry) -> None:
        where = f"page {entry.sk} of the log's {entry.pk}"
        if entry.after is None and int(entry.pk.partition(".")[0].partition("#")[0]) not in self._generations:
            return  # its generation was replaced by a rebuild
        if entry.before is not None or entry.after is None:
            self._wrong(f"{where} was written over")
            return
        part, _, segment = entry.pk.partition("#")
        for ref in refs_in(entry.after):
            other = self._segments.setdefault((part, ref.pk), segment)
            if other != segment:
                self._wrong(f"{where} holds {ref.pk}, of which the segment {other} holds others")
        last = self._last_page.get(entry.pk)
        if entry.sk != (0 if last is None else last["n"]) + 1:
            self._wrong(f"{where} follows page {last and last['n']}: positions are dense")
        elif last is not None and "seal" in last:
            self._wrong(f"{where} stands behind the seal")
        elif last is not None:
            repeated = {(ref.pk, ref.number) for ref in refs_in(last)} & {
                (ref.pk, ref.number) for ref in refs_in(entry.after)
            }
            if repeated:
                self._wrong(f"{where} repeats what the page before holds: {sorted(repeated)}")
        self._last_page[entry.pk] = entry.after

    def _control(self, entry: Entry) -> None:
        before, after = entry.before, entry.after
        if after is None:
            self._wrong("the log's control item was deleted")
            return
        was: dict[str, Any] = (
            {"fills": None, "reads": 1, "writes": [1]} if before is None else json.loads(before["body"])
        )
        now = json.loads(after["body"])
        self._generations = {generation for generation, _ in now["segments"]}
        if was["fills"] is None and now["fills"] is not None:
            self.rebuilding = entry.at
        if before is not None:
            if after["rev"] != before["rev"] + 1:
                self._wrong(f"the log's control item went from revision {before['rev']} to {after['rev']}")
            if now["reads"] < was["reads"] or max(now["writes"]) < max(was["writes"]):
                self._wrong(f"the log went back from {was} to {now}")

    # -- the views table

    def _view_item(self, entry: Entry, written: Sequence[Entry]) -> None:
        key = entry.pk, str(entry.sk)
        if entry.after is None:
            self.items.pop(key, None)
        else:
            self.items[key] = entry.after
        kind = entry.pk[0]
        if kind in PLACES:
            self._place(entry, written)
        elif kind == "t":
            self._token(entry)
        elif kind == "c":
            self._run(entry)
        elif kind == "s" and entry.after is not None and "wire" in entry.after:
            self.scheduled.append(json.loads(entry.after["wire"]))
            if entry.after.get("tries", 0) > 1:
                self.given_up.add(entry.after["id"])
        elif kind == "k":
            self.cancelled.setdefault(entry.pk[2:], entry.at)

    def _place(self, entry: Entry, written: Sequence[Entry]) -> None:
        before, after = entry.before or {}, entry.after or {}
        was, now = before.get("mark", 0), after.get("mark", 0)
        kind, run, consumer, _ = entry.pk.split("#", 3)
        if entry.after is None and was and not self._is_gone(consumer, int(run)):
            self._wrong(f"the place {entry.pk} {entry.sk} at commit {was} was deleted while its run is in use")
            return
        if entry.after is None:
            return
        if now < was:
            self._wrong(f"the place {entry.pk} {entry.sk} went back from commit {was} to {now}")
        if "parked" in before and "parked" not in after and now < before["seen"]:
            self._wrong(
                f"the place {entry.pk} goes on at commit {now}, and was parked with commit {before['seen']} seen"
            )
        if "parked" in before and "parked" in after and after["seen"] < before["seen"]:
            self._wrong(f"the parked place {entry.pk} forgot that commit {before['seen']} was seen")
        if entry.before is not None and "rev" in after and before.get("rev") == after["rev"]:
            self._wrong(f"the place {entry.pk} was written twice with one revision")
        if now > was:
            self.moves.append(Move(entry, kind, int(run), consumer, was, now, written))

    def _is_gone(self, consumer: str, run: int) -> bool:
        control = self.controls.get(consumer)
        return control is not None and run not in (control["run"], control.get("next"))

    def _run(self, entry: Entry) -> None:
        consumer = entry.pk[2:]
        before, after = entry.before, entry.after
        if after is None:
            self._wrong(f"the control item of {consumer} was deleted")
            return
        if before is not None:
            if after["rev"] != before["rev"] + 1:
                self._wrong(f"the control item of {consumer} went from revision {before['rev']} to {after['rev']}")
            if (
                after.get("next") == before.get("next")
                and "" != before["owner"] != after["owner"] != ""
                and before["until"] > microseconds(self._now())
            ):
                self._wrong(f"the replay of {consumer} was taken over while another worker was at it")
            if after["run"] < before["run"]:
                self._wrong(f"{consumer} went back from run {before['run']} to {after['run']}")
            if "since" in before and before["since"] != after.get("since"):
                self._wrong(f"{consumer} started at {before['since']}, and then at {after.get('since')}")
        self.controls[consumer] = after

    def _token(self, entry: Entry) -> None:
        before, after = entry.before, entry.after
        who = f"the token {entry.pk} {entry.sk}"
        if after is None:
            self._wrong(f"{who} was deleted")
        elif before is not None:
            if after["epoch"] < before["epoch"]:
                self._wrong(f"{who} went back from epoch {before['epoch']} to {after['epoch']}")
            if after["epoch"] > before["epoch"] and before["until"] > microseconds(self._now()):
                self._wrong(f"{who} was claimed while another worker held it")
            was, now = json.loads(before["token"]), json.loads(after["token"])
            if now["generation"] > was["generation"] and any(
                part.endswith(".base") for part, _, _ in now["positions"].values()
            ):
                self._wrong(f"{who} went from the live part of {was} to a base: {now}")
            if _is_behind(now, was):
                self._wrong(f"{who} went back from {was} to {now}")


def _is_behind(now: dict[str, Any], was: dict[str, Any]) -> bool:
    if now["generation"] != was["generation"]:
        return bool(now["generation"] < was["generation"])
    return any(_place(now["positions"].get(segment)) < _place(place) for segment, place in was["positions"].items())


def _place(position: list[Any] | None) -> tuple[bool, int, float]:
    if position is None:
        return (False, -1, 0)
    part, page, done = position
    return not part.endswith(".base"), page, float("inf") if done < 0 else done
