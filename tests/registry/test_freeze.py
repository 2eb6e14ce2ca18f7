from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from marshmallow import INCLUDE, Schema, fields

from cqrsless import App, RegistrationError, Registry
from cqrsless.registry import AggregateRecord, CommandRecord, ProcessorRecord


def test_every_name_is_resolved(registry: Registry) -> None:
    Account = registry.aggregate("Account", id_field=("bank", "number"), event_sourced=True, state_version=2)
    Order = registry.aggregate("Order", id_field="order_id", state_version=2, snapshot_every=3)
    Deposited = registry.event_type("Deposited", version=3, was=("MoneyIn", "MoneyDeposited"))

    @registry.command_handler("Deposit", aggregate=Account, creation="if_missing", route="POST /deposits")
    def deposit(command: Any, account: Any, *, message: Any) -> Any: ...

    @registry.query_handler("GetAccount", route="GET /accounts/{bank}/{number}")
    def get_account(query: Any, *, views: Any, clock: Any) -> Any: ...

    @registry.evolver(Deposited, "Opened", aggregate="Account")
    def fold(account: Any, event: Any) -> Any: ...

    @registry.upcaster("MoneyIn", from_version=1)
    def one(payload: Any) -> Any: ...

    @registry.upcaster(Deposited, from_version=2)
    def two(payload: Any) -> Any: ...

    @registry.state_upcaster(Order, from_version=1)
    def state_one(state: Any) -> Any: ...

    @registry.resource("clock")
    def clock(*, zone: Any = None) -> Any: ...

    @registry.middleware
    def timed(message: Any, call_next: Any, *, clock: Any) -> Any: ...

    model = registry.freeze()
    assert model.name == "shop"
    assert model.revision == registry.revision
    assert model.commands["Deposit"].aggregate == "Account"
    assert model.commands["Deposit"].inject == ("message",)
    assert model.queries["GetAccount"].inject == ("views", "clock")
    assert model.aggregates["Order"].record is Order
    assert model.aggregates["Order"].record.snapshot_every == 3
    assert model.aggregates["Account"].record.id_field == ("bank", "number")
    assert set(model.aggregates["Account"].evolvers) == {"Deposited", "Opened"}
    assert model.aggregates["Account"].evolvers["Deposited"].fn is fold
    assert model.aggregates["Order"].state_upcasters == {1: state_one}
    assert model.events["MoneyIn"] is model.events["MoneyDeposited"] is model.events["Deposited"]
    assert set(model.events) == {"MoneyIn", "MoneyDeposited", "Deposited"}
    assert model.events["Deposited"].version == 3
    assert model.events["Deposited"].upcasters == {1: one, 2: two}
    assert model.resources["clock"].inject == ()
    assert model.middleware[0].inject == ("clock",)
    assert model.routes.match("POST", "/deposits").name == "Deposit"


def test_reactions_are_resolved(registry: Registry) -> None:
    Shipped = registry.event_type("OrderShipped", was="OrderSent")
    mailer = registry.processor("mailer", mode="tracking", retries=1, retry_on=OSError)
    Summary = registry.view(
        "Summary", key=("customer", "order"), indexes={"by_day": ("day", "order")}, processor=mailer
    )

    @registry.event_handler("OrderSent", Shipped.name, processor=mailer)
    def tell(event: Any, *, message: Any, views: Any) -> Any: ...

    @registry.event_handler("PaymentFailed", source="payments", replay=False)
    def cancel(event: Any) -> Any: ...

    @registry.projector(Shipped, view=Summary, key=lambda event, message: "k")
    def shipped(row: Any, event: Any) -> Any: ...

    @registry.publisher(Shipped, to="eventbridge://shop")
    def publish(event: Any) -> Any: ...

    model = registry.freeze()
    assert [record.fn for record in model.event_handlers] == [tell, cancel]
    assert model.event_handlers[0].names == ("OrderShipped",)
    assert model.event_handlers[1].replay is False
    assert set(model.processors) == {"mailer", "default"}
    assert model.processors["mailer"].retry_on == (OSError,)
    assert model.processors["default"].retries == 5
    assert model.processors["default"].retry_on == (Exception,)
    assert model.views["Summary"].indexes == {"by_day": ("day", "order")}
    assert model.views["Summary"].processor == "mailer"
    assert model.projectors[0].view == "Summary"
    assert model.publishers[0].to == "eventbridge://shop"


def test_the_default_processor_is_there_only_where_it_is_used(registry: Registry) -> None:
    assert dict(registry.freeze().processors) == {}
    registry.event_handler("OrderShipped")(lambda event: None)
    assert set(registry.freeze().processors) == {"default"}


def test_the_default_processor_may_be_set(registry: Registry) -> None:
    registry.processor("default", retries=1)
    registry.event_handler("OrderShipped")(lambda event: None)
    assert registry.freeze().processors["default"].retries == 1


def test_a_foreign_event_keeps_its_name(registry: Registry) -> None:
    registry.event_type("OrderShipped", was="OrderSent")
    registry.event_handler("OrderSent", source="legacy")(lambda event: None)
    assert registry.freeze().event_handlers[0].names == ("OrderSent",)


def test_an_event_type_brings_its_source_along(registry: Registry) -> None:
    Failed = registry.event_type("PaymentFailed", source="pay")
    Paid = registry.event_type("Paid", source="pay")
    registry.event_handler(Failed)(lambda event: None)
    registry.event_handler(Failed, Paid, source="pay", processor="other")(lambda event: None)
    registry.event_handler(Failed, Paid, processor="third")(lambda event: None)
    assert [record.source for record in registry.freeze().event_handlers] == ["pay"] * 3


def test_an_event_of_a_source_reaches_the_handler_of_its_type(registry: Registry) -> None:
    heard: list[Any] = []
    registry.event_handler(registry.event_type("PaymentFailed", source="pay"))(heard.append)
    app = App(store="memory://", registry=registry)
    assert app.receive("PaymentFailed", {"order_id": "o-1"}, source="pay")
    assert not app.receive("PaymentFailed", {"order_id": "o-1"}, source="elsewhere")
    assert heard == [{"order_id": "o-1"}]


def test_a_command_without_an_aggregate_may_read_views(registry: Registry) -> None:
    registry.command_handler("Report")(lambda command, *, views, message: None)
    assert registry.freeze().commands["Report"].inject == ("views", "message")


def test_what_the_application_brings_may_be_injected(registry: Registry) -> None:
    @registry.command_handler("Ship")
    def ship(command: Any, *, mailer: Any, clock: Any = None) -> None: ...

    with pytest.raises(RegistrationError, match="wants 'mailer' injected"):
        registry.freeze()
    assert registry.freeze(frozenset({"mailer"})).commands["Ship"].inject == ("mailer",)
    assert registry.freeze({"mailer", "clock"}).commands["Ship"].inject == ("mailer", "clock")


def test_what_the_application_brings_ends_a_circle(registry: Registry) -> None:
    registry.resource("a")(lambda *, b: b)
    registry.resource("b")(lambda *, a: a)
    with pytest.raises(RegistrationError, match="'a' needs 'b' needs 'a'"):
        registry.freeze()
    assert set(registry.freeze({"b"}).resources) == {"a", "b"}


def test_an_application_cannot_bring_a_message(registry: Registry) -> None:
    with pytest.raises(RegistrationError, match=r"App\(resources=\.\.\.\) brings 'message', which is injected already"):
        registry.freeze({"message"})


def test_a_model_is_the_same_until_something_is_registered(registry: Registry) -> None:
    first = registry.freeze()
    assert registry.freeze() is first
    assert registry.freeze({"clock"}) is not first
    assert registry.freeze({"clock"}) is registry.freeze({"clock"})
    revision = registry.revision
    registry.command_handler("Ping")(lambda command: None)
    assert registry.revision == revision + 1
    assert "Ping" in registry.freeze().commands
    assert "Ping" not in first.commands


def test_a_model_cannot_be_changed(registry: Registry) -> None:
    registry.command_handler("Ping")(lambda command: None)
    model: Any = registry.freeze()
    with pytest.raises(AttributeError, match="Model is frozen: 'name' cannot be set"):
        model.name = "other"
    with pytest.raises(TypeError):
        model.commands["Pong"] = model.commands["Ping"]


def test_a_mistake_does_not_outlive_its_correction(registry: Registry) -> None:
    registry.command_handler("Ship", aggregate="Order")(lambda command, order: {})
    with pytest.raises(RegistrationError):
        registry.freeze()
    registry.aggregate("Order", id_field="order_id")
    assert "Ship" in registry.freeze().commands


def test_an_empty_registry_freezes() -> None:
    model = Registry("nothing").freeze()
    assert dict(model.commands) == {}
    assert len(model.routes) == 0


class Ref(Schema):
    order_id = fields.String(data_key="order-id")


class Anything(Schema):
    other = fields.String()

    class Meta:
        unknown = INCLUDE


@pytest.mark.parametrize("schema", [Ref, Ref(), Anything, Schema.from_dict({})])
def test_a_route_parameter_that_the_schema_loads_is_taken(registry: Registry, schema: Any) -> None:
    registry.query_handler("Get", schema=schema, route="GET /orders/{order-id}")(lambda query: None)
    assert registry.freeze().routes.match("GET", "/orders/1").params == {"order-id": "1"}


@dataclass
class State:
    lines: list[str] = field(default_factory=list)


@pytest.mark.parametrize("state", [None, dict, State, Ref, Ref()])
def test_a_state_is_a_dict_a_dataclass_or_a_schema(registry: Registry, state: Any) -> None:
    registry.aggregate("Order", id_field="id", state=state, event_sourced=True)
    assert registry.freeze().aggregates["Order"].record.state is (state or dict)


def test_records_can_be_made_by_hand_for_tests() -> None:
    assert AggregateRecord("Order", ("order_id",)).snapshot_every == 8
    assert CommandRecord("Ping", print).creation == "never"


def test_to_name_a_processor_is_to_have_one(registry: Registry) -> None:
    registry.view("Summary", key="order_id", processor="statements")

    @registry.event_handler("OrderShipped", processor="mailer")
    def tell(event: Any) -> None: ...

    model = registry.freeze()

    assert model.processors["mailer"] == ProcessorRecord("mailer")
    assert model.processors["statements"] == ProcessorRecord("statements")


@pytest.mark.parametrize(
    ("declared", "named"),
    [("billing1", "billing2"), ("late", "late2"), ("p1", "p2"), ("mails-2025", "mails-2026"), ("retry9", "retry")],
)
def test_processors_that_differ_in_their_numbers_alone_are_no_typos(
    registry: Registry, declared: str, named: str
) -> None:
    registry.processor(declared, retries=1)

    @registry.event_handler("OrderShipped", processor=named)
    def tell(event: Any) -> None: ...

    assert registry.freeze().processors[named] == ProcessorRecord(named)


def test_a_typo_beside_processors_of_several_numbers_is_one() -> None:
    registry = Registry("shop")
    registry.processor("billing1")
    registry.event_handler("OrderShipped", processor="biling2")(lambda event: None)
    with pytest.raises(RegistrationError, match="did you mean 'billing1'"):
        registry.freeze()
