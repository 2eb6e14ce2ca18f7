"""Everything at once, against a plain model: repeats, races, stale and tiny caches, lost answers, two code versions.

Three applications work on one store, each a container with a cache of its own; one may run newer code. A command may
meet what the others do just before its reads and writes, and its answer may get lost.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from cqrsless import App, Message, NotFound, SerializationFailed, StoreUnavailable
from cqrsless.messages import Cost
from cqrsless.store import Store
from cqrsless.stores import open_store
from tests.aggregates.around import Around, commits
from tests.aggregates.box import KINDS, KindOfBox, box, executor_of, numbers
from tests.aggregates.model import Answer, Box, Commit, Step

BOXES = ("a", "b")
SMALL = st.integers(0, 4)
IDS = st.sampled_from(["1", "2", "3", "4"])


def steps() -> st.SearchStrategy[Step]:
    n = st.fixed_dictionaries({"n": SMALL})
    payloads: dict[str, st.SearchStrategy[dict[str, Any]]] = {
        "Put": n,
        "Ensure": n,
        "Open": n,
        "Swap": n,
        "PutMany": st.fixed_dictionaries({"ns": st.lists(SMALL, max_size=3)}),
        "PutBelow": st.fixed_dictionaries({"n": SMALL, "most": SMALL}),
        "Refuse": st.just({}),
        "Leave": st.just({}),
        "Break": st.just({}),
        "Close": st.just({}),
    }
    often = ["Put"] * 6 + ["Ensure"] * 4 + ["Open"] * 2 + ["PutBelow"] * 3 + ["PutMany", "Swap", "Refuse", "Leave"]
    return st.sampled_from([*often, *often, "Break", "Close"]).flatmap(
        lambda name: st.builds(
            Step,
            name=st.just(name),
            box=st.sampled_from(BOXES),
            id=IDS | st.uuids().map(str),
            payload=payloads[name],
            timed=st.booleans(),
            expected=st.none() | st.none() | st.integers(0, 12),
            on_rejected=st.booleans(),
        )
    )


class Containers(RuleBasedStateMachine):
    """Containers that execute commands, each answer and each state compared with the model's."""

    kind: ClassVar[KindOfBox]
    open: ClassVar[Callable[[], contextlib.AbstractContextManager[Store]]]

    def __init__(self) -> None:
        super().__init__()
        self.resources = contextlib.ExitStack()
        self.store = self.resources.enter_context(type(self).open())
        self.boxes = {name: Box(self.kind) for name in BOXES}
        self.time = datetime(2026, 1, 1, tzinfo=timezone.utc)
        self.sent: dict[tuple[Any, ...], datetime] = {}
        self.apps: list[App] = []
        self.arounds: list[Around] = []
        self.caches: list[int] = []
        self.versions: list[int] = []
        self.steps: list[Step] = []

    def teardown(self) -> None:
        with self.resources:
            if self.apps:
                self.check_histories()

    def now(self) -> datetime:
        self.time += timedelta(milliseconds=100)
        return self.time

    @initialize(
        caches=st.lists(st.sampled_from([0, 1, 2, 9]), min_size=3, max_size=3),
        every=st.integers(1, 4),
        newer=st.booleans(),
        ballast=st.sampled_from([0, 3000]),
    )
    def start(self, caches: list[int], every: int, newer: bool, ballast: int) -> None:
        self.every, self.ballast, self.caches = every, ballast, caches
        self.versions = [1, 1, 2 if newer else 1]
        for index in range(3):
            self.arounds.append(Around(self.store))
            self.apps.append(self.container(index))

    def container(self, index: int) -> App:
        registry = box(self.kind, state_version=self.versions[index], snapshot_every=self.every, ballast=self.ballast)
        app = App(self.arounds[index], registry=registry, clock=self.now, cache=self.caches[index])
        executor_of(app).sleep = lambda seconds: None
        return app

    # -- what happens

    @rule(index=st.integers(0, 2))
    def restart(self, index: int) -> None:
        """A container goes and a cold one comes."""
        self.apps[index] = self.container(index)

    @rule(index=st.integers(0, 2))
    def deploy(self, index: int) -> None:
        """A container is replaced by the newest code there is."""
        self.versions[index] = max(self.versions)
        self.restart(index)

    @rule(seconds=st.floats(0, 1))
    def clock_jumps_back(self, seconds: float) -> None:
        self.time -= timedelta(seconds=seconds)

    @rule(
        index=st.integers(0, 2),
        step=steps(),
        before_reads=st.lists(st.tuples(st.integers(0, 1), steps()), max_size=2),
        before_writes=st.lists(st.lists(st.tuples(st.integers(0, 1), steps()), min_size=1, max_size=3), max_size=3),
        lost=st.sampled_from(["no", "no", "no", "answer", "everything"]),
    )
    def execute(
        self,
        index: int,
        step: Step,
        before_reads: list[tuple[int, Step]],
        before_writes: list[list[tuple[int, Step]]],
        lost: str,
    ) -> None:
        """A command, with what others do meanwhile, on the same box."""

        def others(batch: list[tuple[int, Step]]) -> Callable[[], None]:
            def act() -> None:
                for offset, other in batch:
                    self.steps.append(replace(other, box=step.box))
                    self.run((index + 1 + offset) % 3, self.steps[-1])

            return act

        around = self.arounds[index]
        around.before_query = [others(before_reads)] if before_reads else []
        around.before_put = [others(batch) for batch in before_writes]
        self.steps.append(step)
        self.run(index, step, lost)
        around.before_query, around.before_put = [], []

    @rule(index=st.integers(0, 2), name=st.sampled_from(BOXES), times=st.integers(10, 25))
    def fill(self, index: int, name: str, times: int) -> None:
        """Many commands in a row push others out of what is remembered."""
        for n in range(times):
            self.run(index, Step("Put", name, f"{len(self.boxes[name].commits)}-{n}", {"n": n % 5}))

    @rule(index=st.integers(0, 2), ago=st.integers(0, 9))
    def repeat(self, index: int, ago: int) -> None:
        """Somebody sends an earlier command again."""
        if self.steps:
            self.run(index, self.steps[-1 - ago % len(self.steps)])

    def run(self, index: int, step: Step, lost: str = "no") -> None:
        around = self.arounds[index]
        around.lose_answers, around.vanish = int(lost == "answer"), int(lost == "everything")
        sent = self.sent.setdefault(step.identity, self.now()) if step.timed else None
        message = Message(
            step.id, step.name, "command", step.full_payload, self.now(), "sqs" if step.timed else "direct",
            correlation_id=step.id, expected_version=step.expected, on_rejected="Refused" if step.on_rejected else None,
            sent=sent,
        )  # fmt: skip
        try:
            result = self.apps[index].dispatch(message)
        except AssertionError:
            raise  # of a command that was executed meanwhile
        except Exception as error:
            given = Answer(type(error))
        else:
            events = tuple((event.name, event.payload) for event in result.events)
            given = Answer(None, result.version, events, result.duplicate)
        around.lose_answers = around.vanish = 0
        self.compare(index, step, given)

    def compare(self, index: int, step: Step, given: Answer) -> None:
        """Compare an answer with the model's, and let the model do what was done."""
        model = self.boxes[step.box]
        right = model.answers(step)
        decided = None if right[0].duplicate or right[0].error else model.decide(step)
        if given.error is StoreUnavailable:
            assert isinstance(decided, Commit), "an answer was lost that nothing was written for"
            self.commit(index, step, decided)
            return
        if self.kind == "stored" and model.exists and model.commits[-1].state_version > self.versions[index]:
            # Old code cannot read what newer code stored; it may still tell what it did itself.
            assert given.error is SerializationFailed or given in right or given.duplicate, (given, right)
            assert given.error is not None or given.duplicate
            return
        assert given in right, f"{step} on {model.commits}: {given} is none of {right}"
        if given == right[0] and isinstance(decided, Commit):
            self.commit(index, step, decided)

    def commit(self, index: int, step: Step, commit: Commit) -> None:
        self.boxes[step.box].commits.append(replace(commit, state_version=self.versions[index]))

    # -- what must hold

    @rule(index=st.integers(0, 2), name=st.sampled_from(BOXES), at=st.integers(0, 30))
    def load(self, index: int, name: str, at: int) -> None:
        """Load a box as of a version, or now."""
        model = self.boxes[name]
        version = at or None
        count = len(model.commits) if version is None else version
        commit = model.commits[count - 1] if 0 < count <= len(model.commits) else None
        try:
            found = self.apps[index].load("Box", name, version)
        except NotFound:
            assert commit is None or commit.gone or commit.void
        except SerializationFailed:
            newest = model.commits[min(count, len(model.commits)) - 1]
            assert self.kind == "stored" and newest.state_version > self.versions[index]
        else:
            assert commit is not None and not commit.gone and not commit.void
            assert found.version == count
            assert numbers(found.state or {"numbers": []}) == list(commit.numbers)

    @invariant()
    def every_commit_is_the_models(self) -> None:
        for name, model in self.boxes.items():
            page = self.store.query("events", f"Box#{name}", Cost(), descending=True, limit=1)
            assert [item["c"] for item in page.items] == [len(model.commits)][: len(model.commits)]

    def check_histories(self) -> None:
        for name, model in self.boxes.items():
            items = commits(self.store, f"Box#{name}")
            assert [item["c"] for item in items] == list(range(1, len(model.commits) + 1))
            times = [item["time"] for item in items]
            assert times == sorted(times)
            history = self.apps[0].history("Box", name)
            expected = [(n, *event) for n, commit in enumerate(model.commits, 1) for event in commit.events]
            assert [(event.version, event.name, event.payload) for event in history] == expected
            assert [event.sequence for event in history] == list(range(1, len(history) + 1))


@contextlib.contextmanager
def memory() -> Iterator[Store]:
    yield open_store("memory://")


@contextlib.contextmanager
def sqlite() -> Iterator[Store]:
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"sqlite:///{folder}/boxes.db")
        yield store
        store.close()


def campaign(kind_: KindOfBox, opening: Any, examples: int, steps: int, *, derandomize: bool = True) -> None:
    class Machine(Containers):
        kind = kind_
        open = staticmethod(opening)

    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            derandomize=derandomize,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.parametrize("kind", KINDS)
def test_boxes_in_memory_do_what_the_model_does(kind: KindOfBox) -> None:
    campaign(kind, memory, 20, 25)


@pytest.mark.parametrize("kind", KINDS)
def test_boxes_in_a_file_do_what_the_model_does(kind: KindOfBox) -> None:
    campaign(kind, sqlite, 6, 20)


@pytest.mark.long
@pytest.mark.parametrize("opening", [memory, sqlite])
@pytest.mark.parametrize("kind", KINDS)
def test_boxes_do_what_the_model_does_for_a_long_time(kind: KindOfBox, opening: Any) -> None:
    campaign(kind, opening, 2000 if opening is memory else 300, 60, derandomize=False)
