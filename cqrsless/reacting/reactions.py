"""What happens to delivered commits and pages: every consumer of this function is offered them, in the right runs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Any, Final

from ..aggregates.commits import microseconds, moment
from ..delivery.batches import Batch, Delivery
from ..delivery.commit import Commit, Decoder
from ..delivery.consuming import Feeder
from ..delivery.letters import Letters, Parked
from ..delivery.places import Places
from ..delivery.replaying import Progress
from ..delivery.runs import Control, Runs
from ..errors import AppLoadError, UnknownMessage
from ..log import control
from ..log.indexer import Indexer
from ..log.rebuild import ask
from ..log.removing import remove_old
from ..log.tokens import Token, Tokens
from ..log.tracking import Worker, behind, starting
from ..messages import Cost, Message
from ..metrics import Metrics
from ..processors.effects import Effects
from ..processors.external import ExternalEvents
from ..processors.handlers import event_handlers
from ..processors.scheduling import Retry, Scheduler, Scheduling
from ..projections.freshness import Freshness
from ..projections.reading import Views
from ..publishing.sending import Sender
from ..publishing.targets import target
from ..registry import Model, did_you_mean
from ..registry.reacting import RESERVED, UNNAMED
from ..store import Store
from ..surroundings import Surroundings
from .fanout import FanOut, check, read_setting
from .lanes import Lanes, runs_of
from .members import INDEXER, Member, Parts, begin, members
from .parked import ParkedInRuns
from .replays import Replays

log = logging.getLogger("cqrsless")
#: How far before the first delivered batch a processor starts that nobody has started: what is fresh then is new.
GRACE: Final = timedelta(minutes=5)
#: How often it is looked whether old pages of the log can be removed.
TIDIES: Final = timedelta(minutes=10)
#: How far a mapping may be behind before somebody has to know: its stream keeps a record for 24 hours.
BEHIND: Final = timedelta(hours=20)
_FAR_BEHIND: Final = (
    "%s is %s hours behind, and what is older than 24 hours leaves the stream unread. Mend what holds it up. What is "
    "lost by then is read with the next commit of its aggregate; views that cannot wait are to be replayed"
)


class Reactions:
    """The consumers of one model on one store. `selection` is a function's `CQRSLESS_PROCESSOR`; `None` runs all."""

    def __init__(
        self,
        model: Model,
        store: Store,
        surroundings: Surroundings,
        *,
        dispatch: Callable[[Message], Any],
        scheduler: Scheduler,
        sender: Sender,
        now: Callable[[], datetime],
        selection: str | None = None,
        fan_out: str | None = None,
        indexes: bool = False,
        metrics: Metrics | None = None,
        check: Callable[[Message], None] | None = None,
    ) -> None:
        self.model = model
        self.store = store
        self.decoder = Decoder(model.events)
        self.places = Places(store)
        self.feeder = Feeder(store, self.places, self.decoder)
        self._strict = Feeder(store, Places(store), self.decoder)
        self.runs = Runs(store, now)
        self.scheduling = Scheduling(scheduler, store, now, dispatch, self._resume, check)
        effects = Effects(model, dispatch, self.scheduling)
        parts = Parts(
            model, store, self.places, self.decoder, self.feeder, self._strict, self.runs, self.scheduling, effects,
            surroundings, sender, now, lambda: self.expires,
        )  # fmt: skip
        self.members = {member.name: member for member in members(parts)}
        self.letters = Letters(self._parked, self.feeder)
        external = [record for record in model.event_handlers if record.source is not None]
        handlers = event_handlers(external, surroundings, effects)
        self.external = ExternalEvents(
            [(record.source, handler) for record, handler in zip(external, handlers, strict=True) if record.source],
            model.events,
        )
        id_fields = {name: aggregate.record.id_field for name, aggregate in model.aggregates.items()}
        freshness = Freshness(store, model.projectors, id_fields, self.decoder, self.runs.live)
        self.views = Views(model.views, store, self.runs.live, freshness=freshness)
        self._now = now
        self._metrics = metrics
        #: The moment (microseconds) of `start`: what is older is history to a view that is new.
        self._started = 0
        self._tidies = datetime.min.replace(tzinfo=timezone.utc)
        #: Tracking processors that have begun, and that the pages to come will wake.
        self._begun: set[str] = set()
        #: Whether a stream delivers, whose records leave it: given up by Lambda, or unread after a day. What an
        #: embedded store has written stays.
        self.expires = not indexes
        self.replays = Replays(self._named, self.runs, self.decoder, now, alone=indexes)
        self._selection = selection
        self._selected = self._select(selection)
        self.indexer = Indexer(store) if indexes or selection == INDEXER else None
        self.fan_out = None if fan_out is None else self._fanning(fan_out)

    # -- commits

    def consume(self, deliveries: Sequence[Delivery]) -> list[str]:
        """Offer a batch to every subscribing consumer, or to its queue; give the records that have to come again."""
        lag = self._lag(deliveries)
        if lag >= BEHIND and self.expires and (self._selected or self.fan_out is not None):
            log.error(_FAR_BEHIND, self._selection or "this function", lag // timedelta(hours=1))
        if self.fan_out is not None:
            return self.fan_out.consume(deliveries)
        self._check_tables()
        self._strict.places.clear()  # what comes again may have been handled by another container
        batch = Batch(deliveries, self.decoder)
        if self.indexer is not None:
            self._index(self.indexer, deliveries, lag, batch.cost)
        lanes = self._lanes([member for member in self._selected if not member.tracking])
        batch.offer(lanes.takers(batch.cost))
        lanes.tidy(batch.cost)
        self.replays.follow()
        self._account()
        return batch.failed()

    def _check_tables(self) -> None:
        """Refuse tables that do not belong together, before any of what this function keeps is written."""
        if self._selected:
            self.store.check_origin("views")
        if self.indexer is not None or any(member.tracking for member in self._selected):
            self.store.check_origin("log")

    def _lag(self, deliveries: Sequence[Delivery]) -> timedelta:
        """Give the age of the oldest commit of a batch."""
        oldest = min((delivery.item["time"] for delivery in deliveries), default=None)
        return timedelta(0) if oldest is None else max(self._now() - moment(oldest), timedelta(0))

    def _index(self, indexer: Indexer, deliveries: Sequence[Delivery], lag: timedelta, cost: Cost) -> None:
        indexer.index((delivery.item for delivery in deliveries), cost)
        if lag >= BEHIND and self.expires:
            ask(self.store, self._now(), f"the indexer was {lag // timedelta(hours=1)} hours behind", cost)
        if self._metrics is not None:
            lag_ms = lag / timedelta(milliseconds=1)
            self._metrics.processor(INDEXER, applied=len(deliveries), retried=0, parked=0, lag_ms=lag_ms)

    def _account(self) -> None:
        """Write down what the consumers did since last time."""
        if self._metrics is None:
            return
        now = microseconds(self._now())
        for member in self.members.values():
            counted = member.counts.taken(now)
            if counted is not None:
                applied, retried, parked, lag = counted
                self._metrics.processor(member.name, applied=applied, retried=retried, parked=parked, lag_ms=lag / 1000)

    def _lanes(self, mine: Sequence[Member]) -> Lanes:
        return Lanes(mine, self.runs, self._now, microseconds(self._now() - GRACE), self.replays)

    def start(self) -> None:
        """Write down, for each processor that starts now, that it does; those that have started stay as they are."""
        self._started = microseconds(self._now())
        for member in self.members.values():
            if not member.switches:
                begin(member, self.runs, self._started, self._started, Cost())

    def note_views(self) -> None:
        """Begin the runs of views whose code is new; `replays.follow()` fills these."""
        at = microseconds(self._now())
        for member in self.members.values():
            if member.switches:
                self.replays.notice(member, begin(member, self.runs, self._started or at, at, Cost()))

    # -- the log

    def wake(self, stop: Callable[[], bool] = lambda: False) -> bool:
        """Let every tracking processor of this function read the log to its end, or until `stop`.

        `False`: some of it is left, maybe to another worker, who may have died; it has to be woken again.
        """
        ended = self._read_log(self._tracking(), stop)
        self._tidy_log()
        self.replays.follow()
        self._account()
        return ended

    def catch_up(self) -> bool:
        """Let tracking processors read what is in the log that no page will wake: new ones, and with other `segments`.

        An embedded store delivers each page once, and they would wait for the next commit. `False`: some of it is left.
        """
        left = [group for group in self._tracking() if group not in self._begun]
        if not left:
            return True
        ended = True
        for group in left:
            if not self._is_behind(group) or self._read_log([group]):
                self._begun.add(group)
            else:
                ended = False
        self._account()
        return ended

    def tokens(self, group: str, cost: Cost) -> dict[int, Token]:
        """Give where each slice of a tracking processor stands in the log, or will begin; nothing is written."""
        tokens = self._tokens(group)
        found = tokens.read(cost)
        for slice_ in set(range(tokens.slices)) - found.keys():
            found[slice_] = tokens.first(lambda: self._starting(group, cost), cost)
        return found

    def _starting(self, group: str, cost: Cost) -> Token:
        fresh = microseconds(self._now() - GRACE)
        controls = {one.name: self.runs.read(one.name, cost) for one in self.members.values() if one.group == group}
        since = min(
            self.members[name].since(found if found.since is not None else replace(found, since=fresh))
            for name, found in controls.items()
        )
        return starting(self.store, control.read(self.store, cost), since, cost)

    def _is_behind(self, group: str) -> bool:
        """Say whether a tracking processor has something to read in the log, or no place in it yet."""
        tokens, cost = self._tokens(group), Cost()
        found = tokens.read(cost)
        return len(found) < tokens.slices or any(
            behind(self.store, position, segment, slice_, tokens.slices, cost)
            for slice_, token in found.items()
            for segment, position in token.positions.items()
        )

    def _tracking(self) -> list[str]:
        return list(dict.fromkeys(member.group for member in self._selected if member.tracking))

    def _read_log(self, groups: Iterable[str], stop: Callable[[], bool] = lambda: False) -> bool:
        self._check_tables()
        self._strict.places.clear()
        ended = True
        for group in groups:
            mine = [member for member in self.members.values() if member.group == group]
            names = frozenset[str]().union(*(member.stored_names for member in mine))
            count = self.model.processors[group].segments
            tokens = self._tokens(group)
            for slice_ in range(count):
                worker = Worker(
                    self.store, tokens, self._lanes(mine), names, self.decoder, self._now,
                    since=partial(self._first, mine),
                )  # fmt: skip
                try:
                    ended = worker.run(slice_, stop=stop) and ended
                except Exception:  # such as one that stops at a commit: no other waits for it
                    log.exception("%s could not read the log to its end", group)
                    ended = False
        return ended

    def _tokens(self, group: str) -> Tokens:
        return Tokens(self.store, group, 1, self.model.processors[group].segments, self._now)

    def _tidy_log(self) -> None:
        """Remove a little of what a rebuild has replaced, which no tracking processor of the application reads."""
        now = self._now()
        if now < self._tidies:
            return
        cost = Cost()
        groups = {member.group for member in self.members.values() if member.tracking}
        try:
            tokens = (token for group in groups for token in self._tokens(group).all(cost))
            if not remove_old(self.store, tokens, now, cost):
                self._tidies = now + TIDIES
        except Exception:
            log.exception("old pages of the log could not be removed; it is tried again later")

    def _first(self, mine: Sequence[Member]) -> int:
        """Give the moment that the first of some members starts from."""
        return min(member.since(self._begin(member, Cost())) for member in mine)

    def _begin(self, member: Member, cost: Cost) -> Control:
        now = self._now()
        return begin(member, self.runs, microseconds(now - GRACE), microseconds(now), cost)

    # -- replays

    def replay(self, name: str, progress: Progress | None = None) -> None:
        """Build a view anew, or call a processor's handlers again, to the end and in this process."""
        self.store.check_origin("views")
        self.replays.to_end(name, progress)

    def _named(self, name: str) -> list[Member]:
        mine = [member for member in self.members.values() if name in (member.name, member.group)]
        if not mine:
            raise self._no_such(name)
        return mine

    # -- what is parked

    def park_given_up(self, deliveries: Sequence[Delivery], why: str) -> list[str]:
        """Park the aggregates of commits that Lambda gave up on; give those that could not be parked.

        The indexer runs no user code, so what it was given is indexed after all.
        """
        self._check_tables()
        failed: list[str] = []
        cost = Cost()
        for delivery in deliveries:
            try:
                commit = Commit(delivery.item, self.decoder)
                if self.indexer is not None:
                    self.indexer.index((delivery.item,), cost)
                for member in self._selected:
                    if not member.tracking and not member.stored_names.isdisjoint(commit.names):
                        control = self._begin(member, cost)
                        for run in runs_of(member, control):
                            member.parked(run, member.since(control)).give_up(commit, why, cost)
            except Exception:
                log.exception("%s@%s could not be parked", delivery.item.get("pk"), delivery.item.get("c"))
                failed.append(delivery.id)
        self._account()
        return failed

    def _parked(self, name: str) -> Parked:
        member = self.members.get(name)
        if member is None:
            raise self._no_such(name)
        self.store.check_origin("views")
        return ParkedInRuns(member, self.runs)

    def _no_such(self, name: str) -> UnknownMessage:
        views = [member.name for member in self.members.values() if member.group == name]
        if views:
            return UnknownMessage(
                f"{name!r} parks nothing by itself, its views do: write one of their names in its place, "
                f"{' or '.join(map(repr, views))}"
            )
        if name in self.model.processors:
            return UnknownMessage(
                f"the processor {name!r} takes no commits, only external events: it parks nothing, and there "
                "is nothing to replay"
            )
        known = ", ".join(map(repr, self.members)) or "none"
        return UnknownMessage(
            f"no processor or view is called {name!r}{did_you_mean(name, self.members)}; there is {known}"
        )

    def _resume(self, retry: Retry) -> None:
        """Retry what a handler asked to be retried later; a run that is gone has nothing to retry."""
        member = self.members.get(retry.consumer)
        if member is None:
            log.warning("%s, which wanted %s to be retried, is not there any more", retry.consumer, retry.key)
            return
        control = self.runs.read(retry.consumer, Cost())
        if retry.run in runs_of(member, control):
            member.parked(retry.run, member.since(control)).resume(retry.key, retry.commit, Cost())

    # -- which

    def _fanning(self, setting: str) -> FanOut:
        groups: dict[str, frozenset[str]] = {}
        for member in self.members.values():
            if not member.tracking:
                groups[member.group] = groups.get(member.group, frozenset()) | member.stored_names
        named = read_setting(setting)
        check(list(named), groups)
        return FanOut({name: target(f"sqs://{queue}") for name, queue in named.items()}, groups)

    def _select(self, selection: str | None) -> list[Member]:
        everyone = list(self.members.values())
        if selection is None:
            return everyone
        if selection == INDEXER:
            return []
        mine = [member for member in everyone if member.group == selection or member.name == selection]
        if not mine and selection not in (*RESERVED, UNNAMED) and selection not in self.model.processors:
            groups = sorted({member.group for member in everyone} | {INDEXER})
            raise AppLoadError(
                f"CQRSLESS_PROCESSOR is {selection!r}, which no processor or view is called"
                f"{did_you_mean(selection, groups)}: it is one of {', '.join(groups)}"
            )
        return mine
