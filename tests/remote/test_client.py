"""A client gives what the application gives, and raises what it raises, whichever way it is reached."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cqrsless import (
    AlreadyExists,
    App,
    AppLoadError,
    Client,
    Command,
    CommandResult,
    CqrslessError,
    DuplicateMismatch,
    Event,
    Gateway,
    HandlerFailed,
    MalformedMessage,
    NotFound,
    Query,
    Registry,
    Rejected,
    SerializationFailed,
    UnknownMessage,
    ValidationFailed,
    VersionMismatch,
)
from tests.remote.servers import function_url, in_process, invoke_api
from tests.runtime_api import lambda_function
from tests.sources.shop import OutOfStock, registry

ORDER = {"order_id": "o-1", "customer_id": "c-1", "total": "19.90"}


@pytest.fixture(params=["app", "by_invoke", "by_http"])
def gateway(request: pytest.FixtureRequest) -> Gateway:
    """Give the application itself, and each client that is answered."""
    found: Gateway = request.getfixturevalue(request.param)
    return found


def placed(gateway: Gateway, **more: Any) -> CommandResult:
    return gateway.execute("CreateOrder", {**ORDER, **more}, id="c-1")


# -- the same results


def test_a_command_gives_what_it_did(gateway: Gateway) -> None:
    result = placed(gateway)
    assert (result.aggregate_id, result.version, result.duplicate, result.value) == ("o-1", 1, False, None)
    assert [(event.name, event.sequence, event.version) for event in result.events] == [("OrderCreated", 1, 1)]


def test_the_same_id_again_is_a_duplicate_with_the_first_result(gateway: Gateway) -> None:
    first, again = placed(gateway), placed(gateway)
    assert again.duplicate and not first.duplicate
    assert (again.version, again.events) == (first.version, first.events)


def test_a_command_may_be_given_whole(gateway: Gateway) -> None:
    assert gateway.execute(Command("CreateOrder", {**ORDER, "total": Decimal("19.90")}, id="c-1")).version == 1
    assert gateway.ask(Query("GetOrder", {"order_id": "o-1"}))["order_id"] == "o-1"


def test_a_keyword_beside_a_whole_command_takes_the_place_of_its_own(gateway: Gateway) -> None:
    placed(gateway)
    ship = Command("ShipOrder", {"order_id": "o-1"}, expected_version=1)
    with pytest.raises(VersionMismatch):
        gateway.execute(ship, expected_version=9)
    assert gateway.execute(ship, id="c-2").version == 2
    assert gateway.execute(ship, id="c-2").duplicate


def test_a_command_without_an_aggregate_gives_its_value(gateway: Gateway) -> None:
    result = gateway.execute("Greet", {"name": "Ada"})
    assert (result.value["hello"], result.aggregate_id, result.version, result.events) == ("Ada", None, None, ())


def test_a_query_gives_what_its_handler_returned(gateway: Gateway) -> None:
    asked = {"status": "placed", "tag": ["a"], "note": "1 & 2 / ü?", "limit": 3}
    assert gateway.ask("ListOrders", asked) == {"asked": asked}
    assert gateway.ask("Echo", {"word": "a/b ü %2F"}) == {"word": "a/b ü %2F"}


def test_a_query_that_finds_nothing_gives_none(gateway: Gateway) -> None:
    assert gateway.ask("GetOrder", {"order_id": "none"}) is None


def test_a_composite_id_is_given_back_as_one(gateway: Gateway) -> None:
    assert gateway.execute("TakeSeat", {"room": "r", "row": "f"}).aggregate_id == "1:r1:f"


# -- the same errors


def test_what_is_invalid_comes_with_marshmallows_own_messages(gateway: Gateway) -> None:
    with pytest.raises(ValidationFailed) as raised:
        placed(gateway, total="much", lines=[1, 0])
    assert raised.value.messages == {
        "total": ["Not a valid number."],
        "lines": {1: ["Must be greater than or equal to 1."]},
    }
    assert str(raised.value) == (
        "CreateOrder is not valid: total: Not a valid number.; lines.1: Must be greater than or equal to 1."
    )


def test_a_query_that_is_invalid_tells_so_too(gateway: Gateway) -> None:
    with pytest.raises(ValidationFailed) as raised:
        gateway.ask("ListOrders", {"limit": "many"})
    assert raised.value.messages == {"limit": ["Not a valid integer."]}


def test_the_applications_own_refusals_are_of_their_own_classes(gateway: Gateway) -> None:
    placed(gateway)
    gateway.execute("ShipOrder", {"order_id": "o-1"})
    with pytest.raises(OutOfStock, match=r"^the order has already shipped$"):
        gateway.execute("ShipOrder", {"order_id": "o-1"})


@pytest.mark.parametrize(
    ("error", "arguments"),
    [
        (NotFound, {"command": "ShipOrder", "payload": {"order_id": "o-2"}}),
        (AlreadyExists, {"command": "CreateOrder", "payload": ORDER, "id": "c-2"}),
        (VersionMismatch, {"command": "ShipOrder", "payload": {"order_id": "o-1"}, "expected_version": 7}),
        (DuplicateMismatch, {"command": "CreateOrder", "payload": {**ORDER, "total": "1"}, "id": "c-1"}),
        (MalformedMessage, {"command": "ShipOrder", "payload": {"order_id": "o-1"}, "id": ""}),
    ],
)
def test_errors_are_of_the_same_classes(gateway: Gateway, error: type[CqrslessError], arguments: Any) -> None:
    placed(gateway)
    with pytest.raises(error) as raised:
        gateway.execute(**arguments)
    assert type(raised.value) is error


def test_what_has_no_handler_is_an_unknown_message_that_names_a_near_one(gateway: Gateway) -> None:
    with pytest.raises(UnknownMessage, match="CreateOrder"):
        gateway.execute("CreateOrdr", ORDER)
    with pytest.raises(UnknownMessage, match="GetOrder"):
        gateway.ask("GetOrdr")


def test_a_bug_is_told_without_its_details_of_the_application(by_invoke: Client, by_http: Client) -> None:
    for client in (by_invoke, by_http):
        with pytest.raises(HandlerFailed, match=r"^Break failed in .* \(request [0-9a-f-]{36} in its log\)") as raised:
            client.execute("Break")
        assert raised.value.request_id in str(raised.value)
    with pytest.raises(HandlerFailed) as raised:
        by_invoke.execute("Break")
    assert raised.value.error == "KeyError"


def test_an_error_class_that_the_caller_lacks_keeps_its_name(app: App) -> None:
    with invoke_api(in_process(app)) as function, function_url(in_process(app)) as api:
        invoked = Client(f"lambda://orders?region=eu-west-1&endpoint={function.url}")
        for client in (invoked, Client(api.url, routes=app)):
            app.execute("CreateOrder", {**ORDER, "order_id": client.url})
            ship = {"order_id": client.url}
            client.execute("ShipOrder", ship)
            with pytest.raises(Rejected) as raised:
                client.execute("ShipOrder", ship)
            assert type(raised.value).__name__ == "OutOfStock" and not isinstance(raised.value, OutOfStock)
            assert str(raised.value) == "the order has already shipped"


def test_an_error_of_the_callers_own_making_need_not_be_made_of_a_text(app: App) -> None:
    class OutOfStock(Rejected):
        def __init__(self, *, sku: str, left: int) -> None:
            raise AssertionError("nobody knows these here")

    app.execute("CreateOrder", ORDER)
    app.execute("ShipOrder", {"order_id": "o-1"})
    with function_url(in_process(app)) as api:
        client = Client(api.url, routes=app, errors=[OutOfStock])
        with pytest.raises(OutOfStock, match="already shipped"):
            client.execute("ShipOrder", {"order_id": "o-1"})


# -- reading one's own writes


def reading() -> Registry:
    shop = Registry("reading")
    order = shop.aggregate("Order", id_field="order_id")
    summary = shop.view("Summary", key="order_id")

    @shop.command_handler("CreateOrder", aggregate=order, creation="always", route="POST /orders")
    def create_order(command: Any, state: Any) -> Any:
        return {"status": "placed"}, Event("OrderCreated", dict(command))

    @shop.projector("OrderCreated", view=summary)
    def created(row: Any, event: Any) -> Any:
        return dict(event)

    @shop.query_handler("GetOrder", route="GET /orders/{order_id}")
    def get_order(query: Any, *, views: Any) -> Any:
        return views.get(summary, query["order_id"])

    return shop


@pytest.mark.parametrize("way", ["invoke", "http"])
def test_a_query_after_a_command_sees_what_it_committed(way: str) -> None:
    app = App("memory://", registry=reading())
    serve = invoke_api if way == "invoke" else function_url
    with serve(in_process(app)) as server:
        url = f"lambda://orders?region=eu-west-1&endpoint={server.url}" if way == "invoke" else server.url
        client = Client(url, routes=app if way == "http" else None)
        result = client.execute("CreateOrder", {"order_id": "o-1"})
        assert result.aggregate == "Order"
        assert result.events[0].id == app.history("Order", "o-1")[0].id == "Order#o-1@1"
        assert client.ask("GetOrder", {"order_id": "o-1"}) is None  # nothing has been delivered yet
        assert client.ask("GetOrder", {"order_id": "o-1"}, after=result) == {"order_id": "o-1"}


# -- invoked, the result is whole


def test_invoked_it_gives_all_that_the_application_itself_gives(app: App, by_invoke: Client) -> None:
    metadata = {"correlation_id": "k-1", "tenant": "t-1"}
    result = by_invoke.execute("CreateOrder", ORDER, id="c-1", metadata=metadata)
    mine = App("memory://", registry=app.registry, clock=app.now).execute(
        "CreateOrder", ORDER, id="c-1", metadata=metadata
    )
    assert result.cost == mine.cost and result.cost.write_units == 1
    assert result == CommandResult(
        aggregate_id=mine.aggregate_id,
        version=mine.version,
        events=tuple(
            type(event)(
                event.name,
                {**event.payload, "total": "19.90"},  # JSON has no Decimal
                event.sequence,
                event.version,
                event.id,
                event.time,
                event.metadata,
            )
            for event in mine.events
        ),
        aggregate=mine.aggregate,
    )


# -- as it is deployed


SHOP = """
from cqrsless import Event, Rejected, aggregate, command_handler, query_handler

Order = aggregate("Order", id_field="order_id")


@command_handler("CreateOrder", aggregate=Order, creation="always", route="POST /orders")
def create_order(command, order):
    return {"status": "placed"}, Event("OrderCreated", command)


@query_handler("GetOrder", route="GET /orders/{order_id}")
def get_order(query):
    if query["order_id"] == "bad":
        raise KeyError("secret")
    return query
"""


@pytest.mark.parametrize("way", ["invoke", "http"])
def test_a_function_under_lambdas_own_runtime_client_is_called_either_way(tmp_path: Path, way: str) -> None:
    (tmp_path / "shop.py").write_text(SHOP, encoding="utf-8")
    routes = {"CreateOrder": "POST /orders", "GetOrder": "GET /orders/{order_id}"}
    serve = invoke_api if way == "invoke" else function_url
    with (
        lambda_function(tmp_path, CQRSLESS_APP="shop", CQRSLESS_STORE="sqlite:///shop.db") as function,
        serve(function.invoke) as server,
    ):
        server.faults = ["lost"]
        url = f"lambda://orders?region=eu-west-1&endpoint={server.url}" if way == "invoke" else server.url
        client = Client(url, routes=routes if way == "http" else None, sleep=lambda seconds: None)
        created = client.execute("CreateOrder", {"order_id": "o-1"})
        assert (created.version, created.duplicate, len(server.events)) == (1, True, 2)
        with pytest.raises(AlreadyExists, match=r"^Order o-1 "):
            client.execute("CreateOrder", {"order_id": "o-1"})
        assert client.ask("GetOrder", {"order_id": "o-1"}) == {"order_id": "o-1"}
        with pytest.raises(HandlerFailed):
            client.ask("GetOrder", {"order_id": "bad"})


# -- what cannot be asked for


@pytest.mark.parametrize(
    ("url", "options", "told"),
    [
        ("orders", {}, "no application has the URL 'orders'; the forms are lambda://name, "),
        ("dynamodb://orders", {}, "no application has the URL 'dynamodb://orders'"),
        ("lambda://", {}, "the URL 'lambda://' has no name"),
        ("lambda://orders?regoin=x", {}, "the URL 'lambda://orders?regoin=x' has the option 'regoin'"),
        ("lambda://orders", {"token": "t"}, "routes= and token= are for https://"),
        ("sqs://orders.fifo", {}, "'sqs://orders.fifo' is a FIFO queue, which keeps the order of those"),
        ("http://shop.example", {}, "would send commands unencrypted: write https://"),
        ("https://", {}, "is not the URL of an API"),
        ("https://user@shop.example", {}, "is not the URL of an API"),
        ("https://shop.example?x=1", {}, "is not the URL of an API"),
        ("https://shop.example", {"routes": Registry("empty")}, "no routes are known of 'https://shop.example'"),
        ("https://shop.example", {"routes": {"A": "post a"}}, "routes['A']: the route 'post a' is not a method"),
    ],
)
def test_a_url_or_an_option_that_cannot_be_meant_is_refused_when_the_client_is_made(
    url: str, options: Any, told: str
) -> None:
    with pytest.raises(AppLoadError) as raised:
        Client(url, **options)
    assert told in str(raised.value)


def test_at_least_one_attempt_is_made() -> None:
    with pytest.raises(ValueError, match="a call is made at least once"):
        Client("lambda://orders", attempts=0)


def test_what_only_a_handler_may_ask_for_is_refused(by_invoke: Client) -> None:
    with pytest.raises(MalformedMessage, match="has due= or on_rejected="):
        by_invoke.execute(Command("ShipOrder", {"order_id": "o-1"}, on_rejected="Refused"))


def test_a_payload_without_a_form_in_json_names_its_path(by_invoke: Client) -> None:
    with pytest.raises(SerializationFailed, match=r"^the payload of Greet holds .* at lines\[0\]") as raised:
        by_invoke.execute("Greet", {"lines": [object()]})
    assert raised.value.path == "lines[0]"


def test_http_reaches_only_what_has_a_route(app: App) -> None:
    @app.registry.command_handler("Internal")
    def internal(command: Any) -> Any:
        return "done"

    with function_url(in_process(app)) as api:
        with pytest.raises(
            UnknownMessage, match="no route is known for command 'Internal', and HTTP reaches only what has one"
        ):
            Client(api.url, routes=app).execute("Internal")
        assert api.requests == []
        direct = {"command": "Internal", "payload": {}}
        with pytest.raises(UnknownMessage):
            Client(api.url, routes={"Internal": "POST /"}).execute("Internal", direct)


def test_routes_may_come_from_an_openapi_document(api: Any) -> None:
    document = {"openapi": "3.1.0", "paths": {"/echo/{word}": {"get": {"operationId": "Echo"}, "parameters": []}}}
    assert Client(api.url, routes=document).ask("Echo", {"word": "w"}) == {"word": "w"}


def test_its_registry_is_found_where_there_is_only_one(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cqrsless.remote.client.DEFAULT", registry())
    with function_url(in_process(app)) as api:
        assert Client(api.url).ask("Echo", {"word": "w"}) == {"word": "w"}


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda client: client.execute(5), 'client.execute is given 5: write client.execute("CreateOrder", {...})'),
        (lambda client: client.ask(5), 'client.ask is given 5: write client.ask("GetOrder", {...})'),
        (
            lambda client: client.execute(Command("Open"), {}),
            "client.execute is given a payload beside the Command Open, which has its own: leave it out, or write ",
        ),
        (
            lambda client: client.ask(Query("Find"), {}),
            "client.ask is given a payload beside the Query Find, which has its own: leave it out, or write ",
        ),
        (lambda client: client.execute(Command("Open"), metadata=5), "metadata=5 of Open is no mapping"),
        (lambda client: client.execute("Open", {}, metadata=5), "metadata=5 of Open is no mapping"),
        (lambda client: client.execute("Open", {}, expected_version="1"), "expected_version='1' of Open is no number"),
    ],
)
def test_what_is_given_wrongly_is_told_before_anything_is_sent(call: Callable[[Any], Any], text: str) -> None:
    with pytest.raises(TypeError) as told:
        call(Client("lambda://orders"))
    assert text in str(told.value)
