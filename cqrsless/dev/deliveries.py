"""What streams and schedules do on AWS, beside the requests: events are delivered, and what is due is run."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from ..app import App
from ..driver import Driver, StoreCheckpoints, StoreFeed
from ..driver.draining import MAPPINGS
from ..driver.polling import Step
from ..messages import Cost
from ..processors.stored_schedules import StoredScheduler
from ..reacting.embedded import advance
from ..sources import handle
from ..store import Table
from .journal import Journal
from .ledger import Ledger
from .pulse import Pulse
from .wall import Wall

__all__ = ["Deliveries"]

log: Final = logging.getLogger("cqrsless.dev")
#: Seconds after which the store is looked at although nobody said that there is anything: other processes write, too.
LOOKS: Final = 0.2
#: The longest wait before what failed is tried again; AWS waits longer, and a person watches here.
LONGEST: Final = 5.0


class Deliveries:
    """Feeds the application from its store's streams, in one thread, and runs scheduled commands at their time."""

    def __init__(self, app: App, wall: Wall, ledger: Ledger, published: Journal, pulse: Pulse) -> None:
        self.app = app
        self._wall = wall
        self._ledger = ledger
        self._published = published
        self._pulse = pulse
        self._stopping = threading.Event()
        self._woken = threading.Event()
        self._turn = threading.Lock()
        self._sent = 0
        self._retry_due = 0.0
        self._begin_due = 0.0
        self.feeds: Mapping[Table, StoreFeed] = {
            table: StoreFeed(app.store, table, clock=app.now) for table in MAPPINGS
        }
        self.driver = Driver(
            clock=app.now,
            backoff=lambda failures: min(LONGEST, 0.25 * 2.0 ** min(failures, 10)),
            checkpoints=StoreCheckpoints(app.store),
        )
        for table, mapping in MAPPINGS.items():
            self.driver.map(replace(mapping, batching_window=0), self.feeds[table], self._function)
        self._thread = threading.Thread(target=self._run, name="cqrsless deliveries", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """Say that there is something to deliver."""
        self._woken.set()

    def stop(self) -> None:
        """End the thread, once what it is at is done, or after a moment."""
        self._stopping.set()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join(2)

    def settle(self) -> None:
        """Deliver all that can be delivered now."""
        while self._step() is not None:
            pass

    def advance(self, delta: timedelta) -> int:
        """Move the clock on, and on the way run what is due and deliver what follows; give how many were run."""
        try:
            with self._turn:
                scheduling = self.app.compiled.reactions.scheduling
                return advance(delta, self._wall, self._scheduler, scheduling, self.settle)
        finally:
            self._pulse.beat()

    def delivered(self, table: Table) -> int:
        """Give the position in a table's feed up to which all is delivered."""
        mapping = MAPPINGS[table].name
        shard = self.feeds[table].shards()[0].id
        item = self.app.store.get("views", f"m#{mapping}", shard, Cost())
        return 0 if item is None else self.feeds[table].position_of(item["at"])

    @property
    def _scheduler(self) -> StoredScheduler:
        scheduler = self.app.compiled.reactions.scheduling.scheduler
        assert isinstance(scheduler, StoredScheduler), "an embedded store's schedules are rows of it"
        return scheduler

    def _run(self) -> None:
        while not self._stopping.is_set():
            pause = 1.0
            try:
                with self._turn:
                    worked = self._step() is not None or self._fire()
                    self._note()
                    if not worked:
                        self.app.compiled.reactions.replays.follow()  # of views whose projectors were changed
                        self._begin()
                if worked:
                    continue
                wakes = self.driver.wakes()
                pause = LOOKS if wakes is None else min(LOOKS, max(0.0, wakes - self.app.now().timestamp()))
            except Exception:  # a busy file, a disk that is full: the server goes on, and tries again
                log.exception("events could not be delivered; it is tried again")
            self._woken.wait(pause)
            self._woken.clear()

    def _step(self) -> Step | None:
        step = self.driver.step()
        if step is not None:
            self._pulse.beat()
        return step

    def _fire(self) -> bool:
        """Run what is due; what failed is left for a while, as it is there still."""
        if time.monotonic() < self._retry_due or self._scheduler.next_due(self.app.now()) is None:
            return False
        try:
            self._scheduler.fire_due(self.app.now(), self.app.compiled.reactions.scheduling.fire)
        except Exception as error:
            log.warning("a command that was due failed: %s: %s", type(error).__name__, error)
            self._retry_due = time.monotonic() + LONGEST
        self._pulse.beat()
        return True

    def _begin(self) -> None:
        """Let tracking processors that are new read the log; one that cannot yet is left for a while."""
        if time.monotonic() >= self._begin_due and not self.app.compiled.reactions.catch_up():
            self._begin_due = time.monotonic() + LONGEST

    def _note(self) -> None:
        """Write down what was published, and what commands cost."""
        self._ledger.flush()
        documents = self.app.published.documents
        if len(documents) > self._sent:
            now = self.app.now().isoformat()
            new = documents[self._sent :]
            self._published.add({"time": now, "to": to, "document": dict(document)} for to, document in new)
            self._sent = len(documents)
            self._pulse.beat()

    def _function(self, event: Any, context: Any) -> Any:
        return handle(event, context, self.app)
