"""What a container may be asked to do, and what becomes of it when it answers, or does not."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random
from typing import Any, NamedTuple

from ...errors import ConcurrencyConflict, CqrslessError, StoreUnavailable
from ...log.rebuild import Rebuild
from ...messages import Command, CommandResult, Cost, Message
from ...projections.rows import text_of
from ...reacting.restoring import UNDER_WAY
from .containers import Container, Outcome, Task
from .lines import Ending
from .world import Feed, World

__all__ = ["Arrival", "Drop", "Errands", "HandlerFailed", "Read", "Row"]

#: Whoever sends something sends it again after these: nobody knows what became of it.
_UNKNOWN = (StoreUnavailable, ConcurrencyConflict)


class HandlerFailed(AssertionError):
    """A command handler raised what is no refusal."""


class Arrival:
    """A command, or an external event, as whoever sends it knows it: it is sent again until its outcome is known."""

    def __init__(self, message: Message, due: Any = None) -> None:
        self.message = message
        self.due = due
        self.sent = 0
        self.result: CommandResult | None = None
        self.refusal: Exception | None = None
        self.known = False

    def __str__(self) -> str:
        return f"{self.message.name} {self.message.payload} ({self.message.id})"


@dataclass(slots=True)
class Drop:
    """A letter that was to be dropped: by which container, and between which calls of the store."""

    consumer: str
    key: str
    who: int
    began: int
    ended: int | None = None


#: A row's key, without what all rows of one run of its view begin with.
Row = tuple[str, str]


class Read(NamedTuple):
    """A row as it was read: between which calls of the store, and its text."""

    view: str
    row: Row
    began: int
    ended: int
    text: str | None


class Errands:
    """The tasks of one world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.commands: list[Arrival] = []
        self.events: list[Arrival] = []
        self.drops: list[Drop] = []
        self.reads: list[Read] = []
        #: When each task began, by its number.
        self.began: dict[int, int] = {0: 0}
        self._under_way: dict[int, tuple[Feed, list[int]]] = {}

    def launch(
        self,
        container: Container,
        what: str,
        work: Callable[[], Any],
        done: Callable[[Outcome], None],
        calls: int = 0,
        ending: Ending = "",
    ) -> None:
        number = len(self.began)
        self.began[number] = self.world.ledger.at

        def over(outcome: Outcome) -> None:
            if outcome.crashed:
                self.world.discard(container)
            done(outcome)

        self.world.tell(f"{container.name} {what}")
        container.start(Task(number, what, work, over), calls, ending)

    # -- commands and external events

    def draw_commands(self, given: Any) -> list[Arrival]:
        """Make new commands of what was drawn."""
        drawn = self.world.setup.commands(Random(given)) if isinstance(given, int) else given
        arrivals: list[Arrival] = []
        for command in _several(drawn, Command):
            id = command.id or f"command-{len(self.commands) + len(arrivals) + 1}"
            message = Message(
                id, command.name, "command", command.payload, self.world.now(), "sqs",
                correlation_id=str(command.metadata.get("correlation_id") or id),
                metadata={name: value for name, value in command.metadata.items() if name != "correlation_id"},
                expected_version=command.expected_version, on_rejected=command.on_rejected, sent=self.world.now(),
            )  # fmt: skip
            arrivals.append(Arrival(message, command.due))
        self.commands += arrivals
        return arrivals

    def draw_events(self, given: int) -> list[Arrival]:
        """Make new external events of what was drawn."""
        if self.world.setup.external is None:
            return []
        arrivals: list[Arrival] = []
        for event in _several(self.world.setup.external(Random(given)), dict):
            id = event.get("id") or f"event-{len(self.events) + len(arrivals) + 1}"
            now, payload = self.world.now(), event.get("payload") or {}
            message = Message(id, event["name"], "event", payload, now, event["source"], correlation_id=id, sent=now)
            arrivals.append(Arrival(message))
        self.events += arrivals
        return arrivals

    def send(self, arrival: Arrival, container: Container, calls: int = 0, ending: Ending = "") -> None:
        """Give a command to a container, as a queue would."""
        arrival.sent += 1
        app = container.app

        def done(outcome: Outcome) -> None:
            self._answered(arrival, outcome, container.name)

        def work() -> Any:
            if arrival.due is None:
                return app.dispatch(arrival.message)
            return app.compiled.reactions.scheduling.at(arrival.message, arrival.due)

        what = f"executes {arrival}" if arrival.sent == 1 else f"executes again {arrival}"
        self.launch(container, what, work, done, calls, ending)

    def _answered(self, arrival: Arrival, outcome: Outcome, by: str) -> None:
        error = outcome.error
        if outcome.crashed or isinstance(error, _UNKNOWN):
            arrival.known = False  # nobody knows: it is sent again
            return
        self.world.note("a command is carried out" if error is None else "a command is refused")
        if error is None:
            arrival.result = arrival.result or outcome.value
        else:
            self.world.tell(f"{by}: {type(error).__name__}: {error}")
            if not isinstance(error, CqrslessError) or error.status >= 500:
                raise HandlerFailed(f"{arrival} failed: {type(error).__name__}: {error}") from error
            arrival.refusal = arrival.refusal or error
        arrival.known = True

    def receive(self, arrival: Arrival, container: Container, calls: int = 0, ending: Ending = "") -> None:
        """Give an external event to a container; a failure brings it again."""
        arrival.sent += 1
        app = container.app

        def done(outcome: Outcome) -> None:
            if outcome.error is not None:
                self.world.tell(f"{container.name}: {type(outcome.error).__name__}: {outcome.error}")
            elif not outcome.crashed:
                arrival.known = True

        what = f"receives {arrival} from {arrival.message.source}"
        self.launch(container, what, lambda: app.receive_event(arrival.message), done, calls, ending)

    # -- streams

    def deliver(
        self, container: Container, stream: Feed, batch: list[int], calls: int = 0, ending: Ending = ""
    ) -> None:
        """Give a batch to a container. A batch that it does not answer for is delivered again."""
        if batch != sorted(batch):
            self.world.note("a batch is out of order")
        if not stream.given.isdisjoint(batch):
            self.world.note("a record comes again")
        stream.given.update(batch)
        app = container.app
        began, is_late = self.world.ledger.at, self.world.is_late(container, stream, batch)
        self._under_way[container.number] = stream, batch

        def done(outcome: Outcome) -> None:
            if outcome.error is not None:
                self.world.tell(f"{container.name}: {type(outcome.error).__name__}: {outcome.error}")
            elif is_late and not outcome.crashed:
                self.world.note("the indexer is 20 hours behind")
                self.world.warned = began
            if self._under_way.pop(container.number, None) is None:
                return  # it had timed out
            if outcome.crashed or outcome.error is not None:
                stream.again(batch)
            else:
                stream.answered(batch, outcome.value, self.world.ledger.at)

        what = f"is given {'pages of the log: ' if stream.table == 'log' else ''}{stream.named(batch)}"
        self.launch(container, what, lambda: stream.hand(app, batch), done, calls, ending)

    def give_up(
        self, container: Container, stream: Feed, batch: list[int], calls: int = 0, ending: Ending = ""
    ) -> None:
        """Give a container what Lambda, or its queue, gave up on; what it does not take is delivered again."""
        app = container.app

        def done(outcome: Outcome) -> None:
            if outcome.crashed or outcome.error is not None or outcome.value:
                stream.again(batch)
            else:
                stream.answered(batch, [], self.world.ledger.at)

        what = f"is told that Lambda gave up on {stream.named(batch)}"
        self.launch(container, what, lambda: stream.give_up(app, batch), done, calls, ending)

    def expire(self, container: Container) -> None:
        """Deliver a paused container's batch again; it may still go on, and nobody asks for its answer."""
        found = self._under_way.pop(container.number, None)
        if found is not None:
            stream, batch = found
            self.world.tell(f"{container.name} has timed out")
            stream.again(batch)

    # -- what operators and clocks do

    def fire_due(self, container: Container, calls: int = 0, ending: Ending = "") -> None:
        reactions = container.app.compiled.reactions
        scheduler: Any = reactions.scheduling.scheduler
        if scheduler.next_due(self.world.now()) is None:
            return

        def work() -> Any:
            return scheduler.fire_due(self.world.now(), reactions.scheduling.fire)

        self.launch(container, "runs what is due", work, self._report(container), calls, ending)

    def retry(self, container: Container, member: str, calls: int = 0, ending: Ending = "") -> None:
        letters = container.app.letters
        what = f"retries what is parked for {member}"
        self.launch(container, what, lambda: letters.retry(member), self._report(container), calls, ending)

    def drop(self, container: Container, member: str, key: str, calls: int = 0, ending: Ending = "") -> None:
        """Give up the failing commit of what is parked."""
        letters = container.app.letters
        drop = Drop(member, key, container.number, self.world.ledger.at)
        self.drops.append(drop)
        report = self._report(container)

        def done(outcome: Outcome) -> None:
            drop.ended = self.world.ledger.at
            report(outcome)

        what = f"drops the failing commit of {key} for {member}"
        self.launch(container, what, lambda: letters.drop(member, key), done, calls, ending)

    def read(self, container: Container, view: str, row: Row, calls: int = 0, ending: Ending = "") -> None:
        """Read a row as a query handler would; what was read is noted."""
        app, world = container.app, self.world
        runs = app.compiled.reactions.runs
        began = world.ledger.at

        def work() -> Any:
            cost = Cost()
            run = runs.live(view, cost)
            return text_of(app.store.get("views", f"v#{run}#{view}#{row[0]}", row[1], cost))

        def done(outcome: Outcome) -> None:
            if not outcome.crashed and outcome.error is None:
                self.reads.append(Read(view, row, began, world.ledger.at, outcome.value))

        self.launch(container, f"reads {row[0]} of the view {view}", work, done, calls, ending)

    def replay(self, container: Container, member: str, calls: int = 0, ending: Ending = "") -> None:
        app = container.app
        self.launch(container, f"replays {member}", lambda: app.replay(member), self._report(container), calls, ending)

    def rebuild(
        self, container: Container, calls: int = 0, ending: Ending = "", *, segments: int | None = None
    ) -> None:
        app = container.app

        def work() -> Any:
            return Rebuild(app.store, app.now, segments=segments).run()

        self.launch(container, "rebuilds the log", work, self._report(container), calls, ending)

    def restore(self, container: Container, calls: int = 0, ending: Ending = "") -> None:
        app, world = container.app, self.world

        def done(outcome: Outcome) -> None:
            # Who lost the answer to its last write is told on the next attempt that views are in use: they are.
            world.is_restored = not (outcome.crashed or outcome.error) or any(
                (entry.pk, entry.sk) == UNDER_WAY and entry.after is None for entry in world.guard.entries
            )
            self._report(container)(outcome)

        what = "makes log and views anew for the events table that was restored"
        self.launch(container, what, app.restore, done, calls, ending)

    def _report(self, container: Container) -> Callable[[Outcome], None]:
        def done(outcome: Outcome) -> None:
            error = outcome.error
            if error is not None:
                self.world.tell(f"{container.name}: {type(error).__name__}: {error}")

        return done


def _several(given: Any, kind: type) -> list[Any]:
    if given is None:
        return []
    return [given] if isinstance(given, kind) or not isinstance(given, Iterable) else list(given)
