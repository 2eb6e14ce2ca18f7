"""An application's frozen model, put together with its store: what runs commands at once, and what reacts when needed.

What reacts is imported and made when the first event, schedule or view asks for it: a function that only executes
commands pays nothing for it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import datetime
from threading import RLock
from typing import TYPE_CHECKING, Any

from .aggregates.executing import Executor
from .dispatcher import Dispatcher
from .metrics import Metrics
from .registry import Model
from .resources import Resources
from .store import Store

if TYPE_CHECKING:
    from .processors.scheduling import Scheduler
    from .publishing.published import Published
    from .publishing.sending import Sender
    from .reacting.reactions import Reactions


def is_embedded(store: Store) -> bool:
    return not store.url.startswith("dynamodb:")


class Compiled:
    """One frozen model on one store."""

    def __init__(
        self,
        model: Model,
        executor: Executor,
        given: Mapping[str, Any],
        metrics: Metrics | None,
        *,
        now: Callable[[], datetime],
        selection: str | None,
    ) -> None:
        self.revision = model.revision
        self._store = executor.store
        self._now = now
        self._selection = selection
        own: dict[str, Callable[[], Any]] = {"views": lambda: self.reactions.views}
        self.dispatcher = Dispatcher(model, executor, Resources(model.resources, given, own), metrics)
        self._reactions: Reactions | None = None
        self._published: Published | None = None
        self._lock = RLock()

    def take_over(self, before: Compiled) -> None:
        """Keep what an earlier model published: it is the application's, not the model's."""
        self._published = before._published

    @property
    def reacts(self) -> bool:
        """Whether anything in the application has events delivered to it."""
        model = self.dispatcher.model
        return bool(model.event_handlers or model.projectors or model.publishers)

    @property
    def reactions(self) -> Reactions:
        with self._lock:
            if self._reactions is None:
                self._reactions = self._make()
            return self._reactions

    @property
    def published(self) -> Published:
        with self._lock:
            if self._published is None:
                from .publishing.published import Published

                self._published = Published()
            return self._published

    def _make(self) -> Reactions:
        from .reacting.reactions import Reactions

        dispatcher = self.dispatcher
        return Reactions(
            dispatcher.model,
            self._store,
            dispatcher.surroundings,
            dispatch=dispatcher.dispatch,
            check=dispatcher.check,
            scheduler=self._scheduler(),
            sender=self._sender(),
            now=self._now,
            selection=self._selection,
            fan_out=os.environ.get("CQRSLESS_FANOUT") or None,
            indexes=is_embedded(self._store),
            metrics=dispatcher.metrics,
        )

    def _scheduler(self) -> Scheduler:
        if is_embedded(self._store):
            from .processors.stored_schedules import StoredScheduler

            return StoredScheduler(self._store)
        from .processors.eventbridge_schedules import EventBridgeScheduler

        return EventBridgeScheduler(self._store.url, self._now, environ=os.environ)

    def _sender(self) -> Sender:
        if is_embedded(self._store):
            return self.published
        from .publishing.targets import Targets

        return Targets()
