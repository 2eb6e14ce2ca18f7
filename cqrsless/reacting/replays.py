"""Replays: to the end in this process, or on Lambda in slices, each of which calls for the next.

`{"replay": name}` lists a run for each view and handler group of that name and calls a worker for each: an asynchronous
invocation of the same function with `{"replay": name, "run": number}`. A worker fills the run for as long as its
invocation has time, and calls the next. However often such a message comes, one worker holds the run; the others find
that out and end. A batch that meets a run which nobody holds calls a worker, too.
"""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from .. import invocation
from ..aggregates.commits import microseconds
from ..clients import aws_client
from ..delivery.batches import Taker
from ..delivery.commit import Decoder
from ..delivery.letters import Parked
from ..delivery.replaying import SLICE_SECONDS, Progress, Replay, called_for
from ..delivery.runs import Control, Runs
from ..errors import ConcurrencyConflict, CqrslessError, UnknownMessage
from ..messages import Cost
from ..settings import in_lambda
from .members import Member, PublisherMember

log = logging.getLogger("cqrsless")


class Replays:
    """The replays of one application. `alone`: nobody else can be called, so that this process does it all."""

    def __init__(
        self,
        find: Callable[[str], list[Member]],
        runs: Runs,
        decoder: Decoder,
        now: Callable[[], datetime],
        *,
        alone: bool,
    ) -> None:
        self._find = find
        self._runs = runs
        self._decoder = decoder
        self._now = now
        self._alone = alone
        #: Those with a run of this code that nobody was at when they were last looked at, and that run.
        self._waiting: dict[str, tuple[Member, int]] = {}

    # -- asked for

    def to_end(self, name: str, progress: Progress | None = None) -> None:
        """Build a view anew from the stored history, beside the live run, or call a processor's handlers again for it.

        A processor's name stands for its handlers and the views that it keeps.
        """
        done = 0

        def told(count: int) -> None:
            if progress is not None:
                progress(done + count)

        for member in self._members(name):
            replay = self._replay(member)
            replay.run(told)
            done += replay.done

    def answer(self, name: str, run: int | None) -> dict[str, Any]:
        """Begin a replay, or with `run` go on with that one; say how far each run is."""
        self._runs.store.check_origin("views")
        if run is not None:
            (member,) = [one for one in self._members(name) if one.name == name]
            return {"replay": name, "runs": {name: self._go_on(member, run)}}
        members = self._members(name)
        if self._elsewhere() is None:
            self.to_end(name)
            controls = {member.name: self._runs.read(member.name, Cost()) for member in members}
            return {"replay": name, "runs": {one: _told(found, found.live) for one, found in controls.items()}}
        return {"replay": name, "runs": {member.name: self._begin(member) for member in members}}

    def _begin(self, member: Member) -> dict[str, Any]:
        listed = self._replay(member).listed()
        assert listed.next is not None
        self._call(member, listed)
        return _told(listed, listed.next)

    def _go_on(self, member: Member, run: int) -> dict[str, Any]:
        left = None if self._elsewhere() is None else invocation.seconds_left()
        ends = None if left is None else time.monotonic() + left
        replay = self._replay(member, owner=invocation.request())
        if replay.join(run):
            while True:
                seconds = SLICE_SECONDS if ends is None else min(SLICE_SECONDS, max(0.1, (ends - time.monotonic()) / 4))
                if replay.slice(seconds) is not None:
                    log.info("the replay of %s has ended: run %s is live", member.name, run)
                    break
                if ends is not None and time.monotonic() >= ends:
                    replay.pause(called=True)
                    log.info("the replay of %s goes on: %s commits so far", member.name, replay.done)
                    self._invoke(member, run)
                    break
        return _told(self._runs.read(member.name, Cost()), run)

    # -- noticed

    def notice(self, member: Member, control: Control) -> None:
        """Remember a view whose next run, of this code, waits for a worker."""
        if control.next is not None and control.code == member.code and control.until <= microseconds(self._now()):
            self._waiting[member.name] = member, control.next

    def follow(self) -> None:
        """Have the runs filled that were noticed. What goes wrong is logged, and tried again with a later batch."""
        while self._waiting:
            _, (member, run) = self._waiting.popitem()
            try:
                if self._elsewhere() is None:
                    self._fill(member, run)
                else:
                    self._call(member, self._runs.read(member.name, Cost()))
            except ConcurrencyConflict as error:
                log.info("%s", error)
            except Exception:
                log.exception("the new run of %s was not filled", member.name)

    def _fill(self, member: Member, run: int) -> None:
        """Fill a run to its end, unless that has been done since."""
        replay = self._replay(member)
        if replay.join(run):
            log.info("run %s of %s waits for a worker: it is filled here", run, member.name)
            while replay.slice() is None:
                continue

    # -- workers

    def _call(self, member: Member, control: Control) -> None:
        """Call a worker for a run, unless somebody else has done so."""
        at = microseconds(self._now())
        if control.next is None or control.until > at:
            return
        if self._runs.change(member.name, control, called_for(control, at), Cost()) is not None:
            log.info("a worker is called to build run %s of %s", control.next, member.name)
            self._invoke(member, control.next)

    def _invoke(self, member: Member, run: int) -> None:
        function = self._elsewhere()
        assert function is not None
        event = {"replay": member.name, "run": run}
        try:
            aws_client("lambda").invoke(
                FunctionName=function, InvocationType="Event", Payload=json.dumps(event).encode()
            )
        except Exception as error:
            raise CqrslessError(
                f"the replay of {member.name} stands still: {function} could not invoke itself ({error}). Its role "
                f"needs lambda:InvokeFunction on it; what is built already stays, and a later batch, or an invocation "
                f"with {json.dumps(event)}, goes on"
            ) from error

    def _elsewhere(self) -> str | None:
        """Give the function that can be called to go on; `None` where there is only this process."""
        return None if self._alone or not in_lambda(os.environ) else invocation.function()

    def _replay(self, member: Member, owner: str | None = None) -> Replay:
        return Replay(
            self._runs, member.name, partial(_made, member), self._decoder, self._now,
            switches=member.switches, code=member.code, owner=owner,
        )  # fmt: skip

    def _members(self, name: str) -> list[Member]:
        found = self._find(name)
        if any(isinstance(member, PublisherMember) for member in found):
            raise UnknownMessage("publishers take part in no replay: what they sent is sent")
        return found


def _made(member: Member, run: int) -> tuple[Taker, Parked]:
    return member.taker(run, 0, replays=True), member.parked(run, 0, replays=True)


def _told(control: Control, run: int) -> dict[str, Any]:
    return {"run": run, "done": control.done, "ended": control.next != run}
