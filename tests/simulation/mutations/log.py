"""Rules of the log: pages, generations, seals, and how tokens go through them."""

from __future__ import annotations

from contextlib import suppress
from itertools import count
from types import SimpleNamespace
from typing import Any

from cqrsless.app import App
from cqrsless.log import control as log_control
from cqrsless.log import indexer, pages, rebuild, tracking
from cqrsless.log.indexer import Tail
from cqrsless.reacting import reactions

from .mutation import Patch, without_rule


@without_rule("a page is put where none is", "papers")
def _(patch: Patch) -> None:
    init = Tail.__init__

    def careless(self: Any, store: Any, *args: Any) -> None:
        init(self, store, *args)
        self.store = _Careless(store)

    patch.setattr(Tail, "__init__", careless)


class _Careless:
    def __init__(self, store: Any) -> None:
        self._store = store

    def put(self, table: Any, item: Any, cost: Any, *, condition: Any = None) -> None:
        self._store.put(table, item, cost)


@without_rule("the indexer reads which generations are listed before each write", "papers")
def _(patch: Patch) -> None:
    def read(store: Any, cost: Any) -> Any:
        known = store.__dict__.setdefault("known", [])  # once in a container's life
        if not known:
            known.append(log_control.read(store, cost))
        return known[0]

    patch.setattr(indexer, "control", SimpleNamespace(read=read))


@without_rule("indexers write to every listed generation", "papers")
def _(patch: Patch) -> None:
    read = log_control.read

    def first(store: Any, cost: Any) -> Any:
        found = read(store, cost)
        return log_control.replace(found, writes=found.writes[:1])

    patch.setattr(indexer, "control", SimpleNamespace(read=first))


@without_rule("a record is delivered once its commit is on a page", "papers")
def _(patch: Patch) -> None:
    index = reactions.Reactions._index

    def careless(self: Any, *args: Any) -> None:
        with suppress(Exception):
            index(self, *args)

    patch.setattr(reactions.Reactions, "_index", careless)


@without_rule("what recent pages hold is dropped", "papers", found="repeats what the page before holds")
def _(patch: Patch) -> None:
    saw = Tail.saw

    def forgetful(self: Any, item: Any) -> None:
        saw(self, item)
        self._recent.clear()

    patch.setattr(Tail, "saw", forgetful)


@without_rule("a rebuild fills the base from the events table", "papers")
def _(patch: Patch) -> None:
    patch.setattr(
        rebuild.Rebuild, "_tail", lambda self, generation, segment: SimpleNamespace(append=lambda refs, cost: None)
    )


@without_rule("a generation is listed before it is filled", "papers")
def _(patch: Patch) -> None:
    def late(found: Any, **changes: Any) -> Any:
        if changes.get("fills") is not None:
            changes.pop("writes", None)
        return log_control.replace(found, **changes)

    patch.setattr(rebuild, "replace", late)


@without_rule("a generation that is no longer written ends with a seal, and tokens leave it there", "papers")
def _(patch: Patch) -> None:
    seal, leave = rebuild.seal, tracking.Worker._leave

    def seal_bases(store: Any, part: str, segment: int, cost: Any) -> None:
        if part.endswith(".base"):
            seal(store, part, segment, cost)

    def stay(self: Any, token: Any) -> Any:
        ended = all(position.done == tracking.SEALED for position in token.positions.values())
        return leave(self, token) if ended else None

    patch.setattr(rebuild, "seal", seal_bases)
    patch.setattr(tracking.Worker, "_leave", stay)


@without_rule("a token enters the live part of the next generation", "papers", found="to a base")
def _(patch: Patch) -> None:
    leave = tracking.Worker._leave

    def into_base(self: Any, token: Any) -> Any:
        onward = leave(self, token)
        if onward is None or onward.generation == token.generation:
            return onward
        return tracking.Token(onward.generation, tracking._start(pages.base(onward.generation), len(onward.positions)))

    patch.setattr(tracking.Worker, "_leave", into_base)


@without_rule("whoever begins after a rebuild reads its base, and then what is live", "papers")
def _(patch: Patch) -> None:
    def beginning(found: Any) -> Any:
        part = pages.live(found.reads)
        return tracking.Token(found.reads, tracking._start(part, found.segments_of(found.reads)))

    patch.setattr(tracking, "beginning", beginning)


@without_rule("nothing is written behind a seal", "papers")
def _(patch: Patch) -> None:
    saw = Tail.saw

    def blind(self: Any, item: Any) -> None:
        saw(self, item)
        self.sealed = False

    patch.setattr(indexer.Tail, "saw", blind)


@without_rule("a token leaves a part at its seal, not at its end", "papers")
def _(patch: Patch) -> None:
    leave = tracking.Worker._leave

    def early(self: Any, token: Any) -> Any:
        found = log_control.read(self.store, self.cost)
        part = next(iter(token.positions.values())).part
        if not part.endswith(".base") and max(generation for generation, _ in found.segments) > token.generation:
            onward = max(generation for generation, _ in found.segments)
            return tracking.Token(onward, tracking._start(str(onward), found.segments_of(onward)))
        return leave(self, token)

    patch.setattr(tracking.Worker, "_leave", early)


@without_rule("a segment is chosen by the aggregate", "papers")
def _(patch: Patch) -> None:
    chosen = pages.segment_of
    turns = count()
    patch.setattr(pages, "segment_of", lambda pk, segments: chosen(f"{pk}{next(turns)}", segments))


@without_rule("pages of the log wake its readers", "papers")
def _(patch: Patch) -> None:
    patch.setattr(App, "wake", lambda self, pages: [])
