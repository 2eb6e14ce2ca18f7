"""Replays in bounded slices that continue themselves, asked for and going on by invocations of the entrypoint."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from cqrsless import Event, MalformedMessage, Registry, UnknownMessage
from cqrsless.app import App
from cqrsless.sources import handle
from cqrsless.stores import open_store

from .conftest import Clock, Shop

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:views:live"


class Lambda:
    """Lambda, as far as one function sees it: each event is an invocation with a time limit, calls are a queue."""

    def __init__(self, app: App, seconds: float) -> None:
        self.app = app
        self.seconds = seconds
        self.calls: list[dict[str, Any]] = []
        self.invocations = 0
        self.elapsed = 0.0

    def __call__(self, service: str) -> Lambda:
        assert service == "lambda"
        return self

    def invoke(self, FunctionName: str, InvocationType: str, Payload: bytes) -> None:
        assert (FunctionName, InvocationType) == (ARN, "Event")
        self.calls.append(json.loads(Payload))

    def send(self, event: dict[str, Any]) -> Any:
        self.invocations += 1
        ends = self.elapsed + self.seconds

        class Context:
            invoked_function_arn = ARN
            aws_request_id = f"r-{self.invocations}"
            get_remaining_time_in_millis = staticmethod(lambda: int((ends - self.elapsed) * 1000))

        answer = handle(event, Context(), self.app)
        assert self.elapsed < ends, "it would have timed out"
        return answer


@pytest.fixture
def function(shop: Shop, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Lambda:
    app = shop.app("memory://", clock)
    for n in range(40):
        app.execute("CreateOrder", {"order_id": f"o-{n}"})
    app.drain()
    made = Lambda(app, seconds=60)
    app.compiled.reactions.replays._alone = False
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "views")
    monkeypatch.setattr("cqrsless.reacting.replays.aws_client", made)
    monkeypatch.setattr("cqrsless.reacting.replays.time.monotonic", lambda: made.elapsed)
    monkeypatch.setattr("cqrsless.delivery.replaying.SLICE", 5)
    scan = app.store.scan

    def slow(*arguments: Any, **options: Any) -> Any:
        made.elapsed += 15
        return scan(*arguments, **options)

    monkeypatch.setattr(app.store, "scan", slow)
    return made


def test_a_replay_that_is_asked_for_answers_at_once_and_calls_a_worker(function: Lambda) -> None:
    answer = function.send({"replay": "Summary"})
    assert answer == {"replay": "Summary", "runs": {"Summary": {"run": 2, "done": 0, "ended": False}}}
    assert function.calls == [{"replay": "Summary", "run": 2}]
    assert function.send({"replay": "Summary"}) == answer, "it is under way"
    assert len(function.calls) == 1


def test_a_worker_stops_before_its_time_is_up_and_calls_the_next(function: Lambda) -> None:
    function.send({"replay": "Summary"})
    told = []
    while function.calls:
        told.append(function.send(function.calls.pop())["runs"]["Summary"])
    assert [one["ended"] for one in told] == [False] * (len(told) - 1) + [True]
    assert [one["done"] for one in told] == [15, 30, 40]
    assert function.app.compiled.reactions.runs.read("Summary", _cost()).live == 2


def test_a_processors_name_stands_for_its_handlers_and_views(function: Lambda) -> None:
    answer = function.send({"replay": "statements"})
    assert list(answer["runs"]) == ["Statement"]
    assert function.calls == [{"replay": "Statement", "run": 2}]


def test_the_handlers_of_a_processor_are_replayed_in_slices_too(function: Lambda, shop: Shop) -> None:
    function.app.execute("Touch", {"order_id": "o-1"})
    function.send({"replay": "mailer"})
    while function.calls:
        function.send(function.calls.pop())
    assert shop.replayed == ["Order#o-1@2"]


def test_a_late_call_for_a_run_that_is_over_begins_none(function: Lambda) -> None:
    function.send({"replay": "Summary"})
    first = function.calls[0]
    while function.calls:
        function.send(function.calls.pop())
    assert function.send(first) == {"replay": "Summary", "runs": {"Summary": {"run": 2, "done": 40, "ended": True}}}
    assert function.calls == []
    assert function.app.compiled.reactions.runs.read("Summary", _cost()).newest == 2


@pytest.mark.parametrize(
    ("event", "told"),
    [
        ({"replay": 7}, "'replay' is 7, and has to be the name of a view or processor"),
        ({"replay": ""}, "'replay' is '', and has to be the name of a view or processor"),
        ({"replay": "Summary", "run": "2"}, "'run' is '2', and has to be a whole number from 1"),
        ({"replay": "Summary", "run": True}, "'run' is True, and has to be a whole number from 1"),
        ({"replay": "Summary", "runs": 1}, "the replay has unknown fields: 'runs'; it may have: replay, run"),
    ],
)
def test_what_is_no_replay_is_malformed(function: Lambda, event: dict[str, Any], told: str) -> None:
    with pytest.raises(MalformedMessage) as caught:
        function.send(event)
    assert str(caught.value) == told


@pytest.mark.parametrize(
    ("name", "told"), [("Sumary", "did you mean 'Summary'"), ("publisher", "publishers take part in no replay")]
)
def test_what_cannot_be_replayed_says_so(function: Lambda, name: str, told: str) -> None:
    with pytest.raises(UnknownMessage, match=told):
        function.send({"replay": name})


def test_outside_of_lambda_it_goes_to_the_end(shop: Shop, clock: Clock) -> None:
    app = shop.app("memory://", clock)
    app.execute("CreateOrder", {"order_id": "o-1"})
    assert handle({"replay": "Summary"}, None, app) == {
        "replay": "Summary",
        "runs": {"Summary": {"run": 2, "done": 1, "ended": True}},
    }


# -- projectors that change, on an embedded store


def shop_of(project: Any, key: Any = "id", indexes: Any = None) -> Registry:
    made = Registry("shop")
    Order = made.aggregate("Order", id_field="id")
    made.command_handler("Create", aggregate=Order, creation="if_missing")(_create)
    made.projector("Created", view=made.view("Orders", key=key, indexes=indexes))(project)
    made.query_handler("List")(_list)
    return made


def _create(command: Any, order: Any) -> Any:
    return {"n": (order or {"n": 0})["n"] + 1}, Event("Created", command)


def _list(query: Any, *, views: Any) -> Any:
    return views.list("Orders", query["of"], index=query.get("index")).rows


def _plain(row: Any, event: Any) -> Any:
    return dict(event)


@pytest.mark.parametrize(
    ("then", "asked"),
    [
        (shop_of(lambda row, event: {**event, "new": 1}), {"of": "o-1"}),
        (shop_of(_plain, key=("shop", "id")), {"of": "s"}),
        (shop_of(_plain, indexes={"by_shop": "shop"}), {"of": "s", "index": "by_shop"}),
    ],
)
def test_a_view_whose_code_key_or_indexes_changed_is_built_anew_by_the_next_drain(
    then: Registry, asked: Any, tmp_path: Any
) -> None:
    url = f"sqlite:///{tmp_path}/shop.db"
    now = datetime(2026, 1, 1, tzinfo=timezone.utc)
    before = App(url, registry=shop_of(_plain), clock=lambda: now)
    before.execute("Create", {"id": "o-1", "shop": "s"})
    before.drain()
    assert before.ask("List", {"of": "o-1"}) == [{"id": "o-1", "shop": "s"}]
    after = App(url, registry=then, clock=lambda: now + timedelta(minutes=1))
    after.drain()
    (row,) = after.ask("List", asked)
    assert row["id"] == "o-1"
    assert after.compiled.reactions.runs.read("Orders", _cost()).newest == 2
    again = App(url, registry=then, clock=lambda: now + timedelta(minutes=2))
    again.drain()
    assert again.compiled.reactions.runs.read("Orders", _cost()).newest == 2


def test_to_load_an_application_or_to_ask_it_begins_no_run_of_its_code(tmp_path: Any) -> None:
    url = f"sqlite:///{tmp_path}/shop.db"
    before = App(url, registry=shop_of(_plain))
    before.execute("Create", {"id": "o-1", "shop": "s"})
    before.drain()
    after = App(url, registry=shop_of(lambda row, event: {**event, "new": 1}))
    assert after.ask("List", {"of": "o-1"}) == [{"id": "o-1", "shop": "s"}]
    after.history("Order", "o-1")
    after.execute("Create", {"id": "o-2", "shop": "s"})
    control = after.compiled.reactions.runs.read("Orders", _cost())
    assert (control.newest, control.next) == (1, None)
    after.drain()
    assert after.compiled.reactions.runs.read("Orders", _cost()).newest == 2
    assert [row["new"] for name in ("o-1", "o-2") for row in after.ask("List", {"of": name})] == [1, 1]


def test_a_view_that_is_added_to_an_old_store_is_built_from_all_of_it() -> None:
    store = open_store("memory://")
    now = datetime(2026, 1, 1, tzinfo=timezone.utc)
    old = Registry("shop")
    Order = old.aggregate("Order", id_field="id")
    old.command_handler("Create", aggregate=Order, creation="if_missing")(_create)
    App(store, registry=old, clock=lambda: now).execute("Create", {"id": "o-1", "shop": "s"})
    app = App(store, registry=shop_of(_plain), clock=lambda: now + timedelta(days=1))
    app.drain()
    assert app.ask("List", {"of": "o-1"}) == [{"id": "o-1", "shop": "s"}]


def test_a_run_that_has_failures_is_told_of_and_fails_no_drain(caplog: pytest.LogCaptureFixture) -> None:
    store = open_store("memory://")
    now = datetime(2026, 1, 1, tzinfo=timezone.utc)
    before = App(store, registry=shop_of(_plain), clock=lambda: now)
    before.execute("Create", {"id": "o-1", "shop": "s"})
    before.drain()
    after = App(store, registry=shop_of(lambda row, event: 1 / 0), clock=lambda: now + timedelta(days=1))
    after.drain()
    assert "the replay of Orders has failures; the live run stays" in caplog.text
    assert after.ask("List", {"of": "o-1"}) == [{"id": "o-1", "shop": "s"}]


def test_a_run_that_waited_and_was_filled_since_is_not_built_once_more() -> None:
    store = open_store("memory://")
    now = datetime(2026, 1, 1, tzinfo=timezone.utc)
    registry = shop_of(_plain)
    app = App(store, registry=registry, clock=lambda: now)
    app.execute("Create", {"id": "o-1", "shop": "s"})
    app.drain()
    reactions = app.compiled.reactions
    reactions.replays._replay(reactions.members["Orders"]).listed()  # by a worker that died before it began
    other = App(store, registry=registry, clock=lambda: now)
    other.replay("Orders")
    other.execute("Create", {"id": "o-1", "shop": "s"})
    other.drain()
    assert other.compiled.reactions.runs.read("Orders", _cost()).newest == 2


def _cost() -> Any:
    from cqrsless.messages import Cost

    return Cost()
