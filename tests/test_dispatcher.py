"""From a message to its handler."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from marshmallow import EXCLUDE, INCLUDE, Schema, fields, post_load, pre_load, validate

from cqrsless import (
    AlreadyExists,
    App,
    Command,
    Event,
    InvalidReturn,
    MalformedMessage,
    Message,
    Query,
    Registry,
    SerializationFailed,
    UnknownMessage,
    ValidationFailed,
    from_command_id,
)
from cqrsless.schemas import passes_on
from tests.aggregates.around import Around


class Line(Schema):
    sku = fields.String(required=True)


class Plain(Schema):
    id = fields.String(required=True, validate=validate.Length(max=50))
    total = fields.Decimal()
    lines = fields.List(fields.Nested(Line))
    more = fields.Nested(Line, many=True)
    by_name = fields.Dict(fields.String(), fields.Nested(Line))
    pair = fields.Tuple((fields.Integer(), fields.String()))
    parent = fields.Nested(lambda: Plain())


class RawPart(Schema):
    id = fields.String()
    data = fields.Raw()


class BareDict(Schema):
    id = fields.String()
    data = fields.Dict()


class Includes(Schema):
    class Meta:
        unknown = INCLUDE

    id = fields.String()


class Tidies(Schema):
    id = fields.String()
    data = fields.List(fields.Integer())

    @pre_load
    def tidy(self, payload: dict[str, Any], **_: Any) -> dict[str, Any]:
        payload["data"] = payload.pop("Data")
        return payload


class Nests(Schema):
    id = fields.String()
    inner = fields.Nested(Tidies)


class Original(Schema):
    id = fields.String()

    @post_load(pass_original=True)
    def keep(self, payload: dict[str, Any], original: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {**payload, "data": original.get("data")}


def test_only_schemas_that_pass_parts_on_cost_a_copy() -> None:
    assert not passes_on(Plain)
    assert not passes_on(Plain(many=True))
    for schema in (RawPart, BareDict, Includes, Tidies, Nests, Original, RawPart()):
        assert passes_on(schema)


def appending(schema: Any, path: Callable[[Any], list[int]]) -> tuple[App, App, Around, list[list[int]]]:
    """Make two applications on one store whose handler changes its payload in place."""
    registry = Registry("box")
    Box = registry.aggregate("Box", id_field="id")
    seen: list[list[int]] = []

    @registry.command_handler("Put", schema=schema, aggregate=Box, creation="if_missing")
    def put(command: Any, box: Any) -> Any:
        seen.append(list(path(command)))
        path(command).append(9)
        return {"times": (box or {"times": 0})["times"] + 1}

    store = Around()
    return App(store, registry=registry), App(store.inner, registry=registry), store, seen


def test_a_schema_is_made_once() -> None:
    """A schema takes longer to make than to load with, and a cold start pays for all of them."""
    made: list[Schema] = []

    class Noted(Schema):
        id = fields.String(required=True)

        def __init__(self) -> None:
            made.append(self)
            super().__init__()

    registry = Registry("noted")

    @registry.command_handler(
        "Note", schema=Noted, aggregate=registry.aggregate("Note", id_field="id"), creation="always"
    )
    def note(command: Any, state: Any) -> Any:
        return dict(command), Event("Noted", command)

    app = App("memory://", registry=registry)
    for id in "ab":
        app.execute("Note", {"id": id})
    assert len(made) == 1


@pytest.mark.parametrize(
    ("schema", "payload", "path"),
    [
        (None, {"id": "1", "data": [1]}, lambda payload: payload["data"]),
        (RawPart, {"id": "1", "data": [1]}, lambda payload: payload["data"]),
        (BareDict, {"id": "1", "data": {"a": [1]}}, lambda payload: payload["data"]["a"]),
        (Includes, {"id": "1", "data": [1]}, lambda payload: payload["data"]),
        (Tidies, {"id": "1", "Data": [1]}, lambda payload: payload["data"]),
        (Nests, {"id": "1", "inner": {"Data": [1]}}, lambda payload: payload["inner"]["data"]),
        (Original, {"id": "1", "data": [1]}, lambda payload: payload["data"]),
    ],
)
def test_a_handler_that_changes_its_payload_spoils_neither_the_next_decision_nor_the_caller(
    schema: Any, payload: dict[str, Any], path: Callable[[Any], list[int]]
) -> None:
    unknown = {} if schema is not Original else {"unknown": EXCLUDE}
    app, other, store, seen = appending(schema and schema(**unknown), path)
    before = repr(payload)
    app.execute("Put", payload, id="c-1")
    store.before_put.append(lambda: other.execute("Put", payload, id="c-2"))
    app.execute("Put", payload, id="c-3")
    assert seen == [[1]] * 4
    assert repr(payload) == before
    assert app.execute("Put", payload, id="c-1").duplicate  # and not another payload by now


def ids(new_id: Any, schema: Any = None, id_field: Any = "id") -> tuple[Registry, App]:
    registry = Registry("ids")
    Thing = registry.aggregate("Thing", id_field=id_field, new_id=new_id)

    @registry.command_handler("Make", schema=schema, aggregate=Thing, creation="always")
    def make(command: Any, thing: Any) -> Any:
        return {"seen": dict(command)}, Event("Made", {})

    return registry, App("memory://", registry=registry)


class WithId(Schema):
    id = fields.String(required=True)
    tenant = fields.String()
    name = fields.String()


class WithoutId(Schema):
    name = fields.String()


@pytest.mark.parametrize("schema", [None, WithId, WithoutId])
def test_a_missing_id_is_made_from_the_commands(schema: Any) -> None:
    _, app = ids(from_command_id, schema)
    first = app.execute("Make", {"name": "a"}, id="c-1")
    again = app.execute("Make", {"name": "a"}, id="c-1")
    assert first.aggregate_id == again.aggregate_id and len(first.aggregate_id or "") == 36
    assert (first.duplicate, again.duplicate) == (False, True)
    assert app.load("Thing", first.aggregate_id or "").state == {"seen": {"name": "a", "id": first.aggregate_id}}
    assert app.execute("Make", {"name": "a"}, id="c-2").aggregate_id != first.aggregate_id


def test_an_id_that_is_given_is_kept() -> None:
    _, app = ids(from_command_id, WithId)
    assert app.execute("Make", {"id": "mine"}, id="c-1").aggregate_id == "mine"
    with pytest.raises(AlreadyExists):
        app.execute("Make", {"id": "mine"}, id="c-2")


def test_an_empty_id_is_not_a_missing_one() -> None:
    _, app = ids(from_command_id)
    with pytest.raises(ValidationFailed, match="An id is not empty"):
        app.execute("Make", {"id": ""})


def test_of_a_composite_id_the_last_part_is_made() -> None:
    _, app = ids(lambda message: "made", WithId, ("tenant", "id"))
    assert app.execute("Make", {"tenant": "acme"}).aggregate_id == "4:acme4:made"
    with pytest.raises(ValidationFailed) as caught:
        app.execute("Make", {"name": "a"})
    assert caught.value.messages == {"tenant": ["Missing data for required field."]}


def test_an_unknown_message_lists_near_names() -> None:
    _, app = ids(None)
    with pytest.raises(UnknownMessage, match="no command handler is registered for 'Mak'; did you mean 'Make'"):
        app.execute("Mak", {})
    with pytest.raises(UnknownMessage) as caught:
        app.ask("Make", {})
    assert str(caught.value) == (
        "no query handler is registered for 'Make': it is a command, for app.execute or cqrsless send"
    )
    with pytest.raises(UnknownMessage) as caught:
        app.execute("x" * 1000, {})
    assert len(str(caught.value)) < 200
    with pytest.raises(UnknownMessage, match=r"^no command handler is registered for 'Ship'; there is 'Make'$"):
        app.execute("Ship", {})
    with pytest.raises(UnknownMessage, match=r"^no query handler is registered for 'Find'; there is none$"):
        app.ask("Find", {})


def test_of_many_known_names_some_are_listed() -> None:
    made = Registry("many")
    for number in range(20):
        made.command_handler(f"Do{number}")(lambda command: None)
    with pytest.raises(UnknownMessage, match=r"; there is 'Do0', 'Do1', .*'Do11' and 8 more$"):
        App("memory://", registry=made).execute("Ship", {})


def test_an_unknown_message_says_that_nothing_is_registered() -> None:
    with pytest.raises(UnknownMessage, match="for 'Mak', nor any other in registry 'empty': import the modules"):
        App("memory://", registry=Registry("empty")).execute("Mak", {})


@pytest.mark.parametrize("payload", [5, "x", [1], [], (), "{}"])
def test_a_payload_that_is_no_object_is_malformed(payload: Any) -> None:
    _, app = ids(None)
    with pytest.raises(MalformedMessage, match=r"the payload of Make is an object, not a \w+"):
        app.execute("Make", payload)


def test_a_payload_that_cannot_be_stored_names_its_path() -> None:
    _, app = ids(None)
    with pytest.raises(
        SerializationFailed, match=r"the payload of Make at lines\[1\]: a value of type object"
    ) as caught:
        app.execute("Make", {"id": "1", "lines": [1, object()]})
    assert caught.value.path == "lines[1]"


def test_a_command_without_an_aggregate_gives_its_value() -> None:
    registry = Registry("plain")

    @registry.command_handler("Add")
    def add(command: Any) -> Any:
        return {"sum": command["a"] + command["b"]}

    app = App("memory://", registry=registry)
    result = app.execute("Add", {"a": 1, "b": 2})
    assert (result.value, result.aggregate_id, result.version, result.cost.requests) == ({"sum": 3}, None, None, 0)


def test_a_command_without_an_aggregate_may_execute_others() -> None:
    registry, app = ids(None)

    @registry.command_handler("MakeTwo")
    def make_two(command: Any) -> Any:
        return [app.execute("Make", {"id": id}).version for id in "ab"]

    assert app.execute("MakeTwo", {}).value == [1, 1]


def test_a_command_without_an_aggregate_reads_views_as_they_are() -> None:
    shop = Registry("shop")
    Order = shop.aggregate("Order", id_field="order_id")
    Summary = shop.view("Summary", key="order_id")
    shop.projector("Placed", view=Summary)(lambda row, event: event)

    @shop.command_handler("Place", aggregate=Order, creation="always")
    def place(command: Any, order: Any) -> Any:
        return {}, Event("Placed", command)

    @shop.command_handler("Report")
    def report(command: Any, *, views: Any) -> Any:
        return views.get(Summary, command["order_id"])

    app = App("memory://", registry=shop)
    app.execute("Place", {"order_id": "o-1"})
    assert app.execute("Report", {"order_id": "o-1"}).value is None
    app.drain()
    assert app.execute("Report", {"order_id": "o-1"}).value == {"order_id": "o-1"}


def test_middleware_runs_once_a_message_and_not_per_decision() -> None:
    registry = Registry("counted")
    Box = registry.aggregate("Box", id_field="id")
    ran: list[str] = []

    @registry.middleware
    def outer(message: Message, call_next: Any) -> Any:
        ran.append("outer")
        return call_next(message)

    def inner(message: Message, call_next: Any) -> Any:
        ran.append("inner")
        return call_next(message)

    @registry.command_handler("Put", aggregate=Box, creation="if_missing", middleware=[inner])
    def put(command: Any, box: Any, *, message: Message, clerk: str) -> Any:
        ran.append(f"{clerk} {message.id} {message.payload['n']}")
        return {"n": command["n"]}

    store = Around()
    app = App(store, registry=registry, resources={"clerk": "Ann"})
    other = App(store.inner, registry=registry, resources={"clerk": "Bob"})
    app.execute("Put", {"id": "1", "n": 0}, id="c-0")
    ran.clear()
    store.before_put.append(lambda: other.execute("Put", {"id": "1", "n": 1}, id="c-1"))
    app.execute("Put", {"id": "1", "n": 2}, id="c-2")
    assert ran == ["outer", "inner", "Ann c-2 2", "outer", "inner", "Bob c-1 1", "Ann c-2 2"]


@pytest.mark.parametrize(("given", "what"), [(None, "nothing"), ({"ok": True}, "a dict")])
def test_middleware_that_loses_a_commands_result_is_told(given: Any, what: str) -> None:
    registry = Registry("lossy")

    @registry.middleware
    def lossy(message: Message, call_next: Any) -> Any:
        call_next(message)
        return given

    @registry.command_handler("Ping")
    def ping(command: Any) -> Any:
        return "pong"

    @registry.query_handler("Ask")
    def ask(query: Any) -> Any:
        return "answer"

    app = App("memory://", registry=registry)
    with pytest.raises(InvalidReturn, match=f"a middleware around Ping returned {what} in place of the command's"):
        app.execute("Ping", {})
    assert app.ask("Ask", {}) == given  # a query's answer may be anything


def test_what_is_no_command_or_query_is_told_with_what_to_write() -> None:
    _, app = ids(None)

    def make(command: Any) -> None: ...

    for wrong, told in (
        (5, "app.execute is given 5: write app.execute"),
        (make, r"is given the function .*make, which is not called by itself: write app.execute"),
        (Query("Get"), r"app.execute is given Query\(.* or give a Command"),
    ):
        with pytest.raises(TypeError, match=told):
            app.execute(wrong)  # type: ignore[arg-type]  # what a user might write
    with pytest.raises(TypeError, match=r"app.ask is given Command\(.* or give a Query"):
        app.ask(Command("Make"))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"execute_many is given 'Make' alone: write app.execute_many\(\[Command"):
        app.execute_many("Make")  # type: ignore[arg-type]
