"""Rules of replays: a new run beside the live one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from cqrsless.delivery import codes, replaying, runs
from cqrsless.delivery.commit import Commit
from cqrsless.reacting import lanes, members, replays
from cqrsless.store import Delete

from .mutation import Patch, without_rule


@without_rule("from when a run is listed, live commits are applied to it, too")
def _(patch: Patch) -> None:
    patch.setattr(lanes, "runs_of", lambda member, control: (control.live,))


@without_rule("readers go over once the new run has caught up")
def _(patch: Patch) -> None:
    change = runs.Runs.change

    def early(self: Any, consumer: str, before: Any, after: Any, cost: Any) -> Any:
        if after.next is not None and before.next is None:
            after = runs.replace(after, live=after.next)
        return change(self, consumer, before, after, cost)

    patch.setattr(runs.Runs, "change", early)


@without_rule("a replay leaves out the handlers that say so")
def _(patch: Patch) -> None:
    from cqrsless.processors.handlers import EventHandler

    init = EventHandler.__init__

    def always(self: Any, *args: Any) -> None:
        init(self, *args)
        self.replay = True

    patch.setattr(EventHandler, "__init__", always)


@without_rule("a replay carries out no command", "deals")
def _(patch: Patch) -> None:
    from cqrsless.processors import handlers

    handle = handlers.EventHandler.handle
    patch.setattr(
        handlers.EventHandler, "handle", lambda self, message: handle(self, message._replace(replaying=False))
    )


@without_rule("a replay notes its cursor behind what was applied")
def _(patch: Patch) -> None:
    def early(self: Any, seconds: float = 5.0) -> Any:
        held = self._held
        page = self._store.scan("events", self.cost, after=held.cursor, limit=replaying.SLICE)
        if page.more:
            self._reach((page.items[-1]["pk"], page.items[-1]["c"]), held.done + len(page.items))
        for item in page.items:
            self._offer(self._taker, Commit(item, self._decoder))
        return None if page.more else self._end(self._still_parked(held), held.done)

    patch.setattr(replaying.Replay, "slice", early)


@without_rule("a replay empties nothing in place")
def _(patch: Patch) -> None:
    begin = replaying.Replay.begin

    def emptying(self: Any) -> None:
        begin(self)
        prefix, after = f"v#{self._held.live}#{self.consumer}#", None
        while True:
            page = self._store.scan("views", self.cost, after=after)
            gone = [Delete("views", item["pk"], item["sk"]) for item in page.items if item["pk"].startswith(prefix)]
            if gone:
                self._store.write(gone, self.cost)
            if not page.more:
                return
            after = page.items[-1]["pk"], page.items[-1]["sk"]

    patch.setattr(replaying.Replay, "begin", emptying)


@without_rule("a replay's worker that was paused past its claim changes nothing", found="from revision")
def _(patch: Patch) -> None:
    def change(self: Any, consumer: str, before: Any, after: Any, cost: Any) -> Any:
        changed = runs.replace(after, rev=before.rev + 1)
        self.store.put("views", runs._item(consumer, changed), cost)
        return self._saw(consumer, changed)

    patch.setattr(runs.Runs, "change", change)


@without_rule("one worker replays at a time", found="while another worker was at it")
def _(patch: Patch) -> None:
    patch.setattr(replaying, "_is_held", lambda control, at: False)


@without_rule("a former run is kept while readers may be at it", "boxes", found="was read as")
def _(patch: Patch) -> None:
    patch.setattr(replaying, "KEPT_FOR", 0)


@without_rule("a former run is removed", found="is still there")
def _(patch: Patch) -> None:
    patch.setattr(lanes, "tidy", lambda *args: None)


@without_rule("a replay calls no publisher")
def _(patch: Patch) -> None:
    patch.setattr(replays, "PublisherMember", SimpleNamespace)


@without_rule("changed projectors begin a run of their own", found="is deployed")
def _(patch: Patch) -> None:
    patch.setattr(members, "noticed", lambda found, code, at: found if found.made else codes.noticed(found, code, at))


@without_rule("a run that was begun is filled without anybody asking", found="does not come to rest")
def _(patch: Patch) -> None:
    patch.setattr(replays.Replays, "follow", lambda self: None)
