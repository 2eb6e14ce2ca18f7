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
from functools import partial
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
IDS = st.sampled_from([str(n) for n in range(12)])


#: Commands, the likely ones more than once: a box that is closed or was never opened tells little.
NAMES = ["Put"] * 6 + ["Ensure"] * 6 + ["PutBelow"] * 4 + ["Open"] * 2 + ["PutMany", "Swap"] * 2 + ["Refuse"] * 2
NAMES += ["Leave", "Break", "Close"]
#: The version that a command expects: mostly none, `RIGHT` for the one that there is.
RIGHT = -1
EXPECTED = [None] * 8 + [RIGHT, RIGHT, 0, 1, 3, 7]


@st.composite
def steps(draw: st.DrawFn) -> Step:
    name = draw(st.sampled_from(NAMES))
    payload: dict[str, Any] = {}
    if name in ("Put", "Ensure", "Open", "Swap", "PutBelow"):
        payload["n"] = draw(SMALL)
    if name == "PutBelow":
        payload["most"] = draw(SMALL) * 4
    if name == "PutMany":
        payload["ns"] = draw(st.lists(SMALL, max_size=3))
    id, box = draw(IDS), draw(st.sampled_from(BOXES))
    return Step(name, box, id, payload, draw(st.booleans()), draw(st.sampled_from(EXPECTED)), draw(st.booleans()))


Others = list[tuple[int, Step]]
OTHERS = st.lists(st.tuples(st.integers(1, 2), steps()), min_size=1, max_size=3)


class Containers(RuleBasedStateMachine):
    """Containers that execute commands, each answer and each state compared with the model's."""

    kind: ClassVar[KindOfBox]
    open: ClassVar[Callable[[], contextlib.AbstractContextManager[Store]]]

    def __init__(self) -> None:
        super().__init__()
        self.resources = contextlib.ExitStack()
        self.store = self.resources.enter_context(type(self).open())
        self.names = {name: f"{name}0" for name in BOXES}
        self.boxes = {name: Box(self.kind) for name in self.names.values()}
        self.closed = dict.fromkeys(BOXES, 0)
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

    @rule(index=st.integers(0, 2), what=st.sampled_from(["restart", "deploy", "jump"]), seconds=st.floats(0, 1))
    def disturb(self, index: int, what: str, seconds: float) -> None:
        """A container goes and a cold one comes, perhaps with the newest code there is; or the clock jumps back."""
        if what == "jump":
            self.time -= timedelta(seconds=seconds)
            return
        if what == "deploy":
            self.versions[index] = max(self.versions)
        self.apps[index] = self.container(index)

    @rule(index=st.integers(0, 2), step=steps(), lost=st.sampled_from(["no", "no", "answer", "everything"]))
    def execute(self, index: int, step: Step, lost: str) -> None:
        """A command, of which the answer may get lost."""
        self.run(index, self.meant(step), lost)

    @rule(
        index=st.integers(0, 2),
        step=steps(),
        before_reads=st.lists(OTHERS, max_size=1),
        before_writes=st.lists(OTHERS, min_size=1, max_size=3),
        lost=st.sampled_from(["no", "no", "answer", "everything"]),
    )
    def race(self, index: int, step: Step, before_reads: list[Others], before_writes: list[Others], lost: str) -> None:
        """A command, and what others do to the same box just before its reads and writes."""
        step = self.meant(step)

        def act(batch: Others) -> None:
            for offset, other in batch:
                self.run((index + offset) % 3, self.meant(replace(other, box=step.box)))

        around = self.arounds[index]
        around.before_query = [partial(act, batch) for batch in before_reads]
        around.before_put = [partial(act, batch) for batch in before_writes]
        self.run(index, step, lost)
        around.before_query, around.before_put = [], []

    @rule(index=st.integers(0, 2), name=st.sampled_from(BOXES), times=st.integers(10, 25))
    def fill(self, index: int, name: str, times: int) -> None:
        """Many commands in a row push others out of what is remembered."""
        steps = self.steps[:]
        for n in range(times):
            step = self.meant(Step("Ensure", name, "", {"n": n % 5}))
            self.run(index, replace(step, id=f"{len(self.boxes[step.box].commits)}-{n}"))
        self.steps = steps

    @rule(index=st.integers(0, 2), ago=st.integers(0, 9))
    def repeat(self, index: int, ago: int) -> None:
        """Somebody sends an earlier command again."""
        if self.steps:
            self.run(index, self.steps[-1 - ago % len(self.steps)])

    def meant(self, step: Step) -> Step:
        """Give a step about the box that now stands for the drawn one, and the version that is right."""
        name = step.box if step.box in self.boxes else self.names[step.box]
        if step.box in self.names and self.boxes[name].commits and self.boxes[name].commits[-1].gone:
            self.closed[step.box] += 1
            if self.closed[step.box] > 3:  # enough was asked of it: a new box stands in its place
                self.closed[step.box] = 0
                name = self.names[step.box] = f"{step.box}{len(self.boxes)}"
                self.boxes[name] = Box(self.kind)
        expected = len(self.boxes[name].commits) if step.expected == RIGHT else step.expected
        return replace(step, box=name, expected=expected)

    def run(self, index: int, step: Step, lost: str = "no") -> None:
        self.steps.append(step)
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
            given = Answer(None, result.version or 0, events, result.duplicate)
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
        name = self.names[name]
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
    campaign(kind, memory, 50, 30)


@pytest.mark.parametrize("kind", KINDS)
def test_boxes_in_a_file_do_what_the_model_does(kind: KindOfBox) -> None:
    campaign(kind, sqlite, 10, 20)


@pytest.mark.long
@pytest.mark.parametrize("opening", [memory, sqlite])
@pytest.mark.parametrize("kind", KINDS)
def test_boxes_do_what_the_model_does_for_a_long_time(kind: KindOfBox, opening: Any) -> None:
    campaign(kind, opening, 2000 if opening is memory else 300, 60, derandomize=False)
