from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

from cqrsless import Event, Registry
from cqrsless.registry import AggregateRecord, CommandRecord, EventType, Place, ViewRecord


def test_a_record_is_made_by_place_and_by_name() -> None:
    record = AggregateRecord("Order", ("order_id",), state_version=2)
    assert (record.name, record.id_field, record.event_sourced, record.state_version) == (
        "Order",
        ("order_id",),
        False,
        2,
    )
    assert repr(EventType("A")) == "EventType(name='A', schema=None, version=1, source=None, was=())"


@pytest.mark.parametrize(
    ("values", "named", "says"),
    [
        ((), {}, "AggregateRecord needs 'name'"),
        (("Order",), {}, "AggregateRecord needs 'id_field'"),
        (("Order", ("id",)), {"name": "Other"}, "AggregateRecord got 'name' twice, or has no such field"),
        (("Order", ("id",)), {"nmae": "Other"}, "AggregateRecord got 'nmae' twice, or has no such field"),
        (range(9), {}, "AggregateRecord takes 8 values, not 9"),
    ],
)
def test_a_record_takes_its_fields_and_no_others(values: Any, named: Any, says: str) -> None:
    with pytest.raises(TypeError, match=says):
        AggregateRecord(*values, **named)


def test_a_record_is_frozen_and_has_no_room_for_more() -> None:
    record: Any = EventType("OrderShipped")
    with pytest.raises(AttributeError, match="EventType is frozen: 'name' cannot be set"):
        record.name = "Other"
    with pytest.raises(AttributeError, match="EventType is frozen: 'name' cannot be deleted"):
        del record.name
    assert not hasattr(record, "__dict__")


def test_records_are_equal_wherever_they_stand() -> None:
    here, there = EventType("A", place=Place("a.py", 1)), EventType("A", place=Place("b.py", 2))
    assert here == there
    assert hash(here) == hash(there)
    assert here != EventType("A", version=2)
    assert here != "A"
    assert len({here, there, EventType("B")}) == 2


def test_a_record_is_hashable_whatever_it_holds() -> None:
    view = ViewRecord("Summary", ("id",), {"by_day": ("day",)})
    assert {view: 1}[view.replace()] == 1
    assert hash(CommandRecord("Ship", print)) == hash(CommandRecord("Ship", repr))


def test_a_record_is_copied_and_pickled_whole() -> None:
    record = AggregateRecord("Order", ("id",), place=Place("a.py", 3))
    for twin in (copy.copy(record), copy.deepcopy(record), pickle.loads(pickle.dumps(record))):
        assert twin == record
        assert twin.place == record.place


def test_a_record_is_replaced_and_not_changed() -> None:
    record = EventType("A")
    assert record.replace(version=2).version == 2
    assert record.version == 1
    with pytest.raises(TypeError, match="no such field"):
        record.replace(verison=2)


def test_an_event_type_makes_events() -> None:
    OrderShipped = Registry("shop").event_type("OrderShipped", version=1)
    assert OrderShipped({"order_id": 1}) == OrderShipped(order_id=1) == Event("OrderShipped", {"order_id": 1})
    assert OrderShipped() == Event("OrderShipped", {})
    assert OrderShipped(payload=1).payload == {"payload": 1}
    with pytest.raises(TypeError, match=r"OrderShipped\(\) takes a payload or its fields by name, not both"):
        OrderShipped({"order_id": 1}, carrier="post")


def test_objects_stand_wherever_names_do(registry: Registry) -> None:
    Order = registry.aggregate("Order", id_field="order_id", event_sourced=True)
    Shipped = registry.event_type("OrderShipped", version=2, was="OrderSent")
    mailer = registry.processor("mailer")
    Summary = registry.view("Summary", key="order_id", processor=mailer)
    registry.command_handler("Ship", aggregate=Order)(lambda command, order: Shipped())
    registry.evolver(Shipped, aggregate=Order)(lambda order, event: order)
    registry.upcaster(Shipped, from_version=1)(lambda payload: payload)
    registry.event_handler(Shipped, "OrderPaid", processor=mailer)(lambda event: None)
    registry.projector(Shipped, view=Summary)(lambda row, event: row)
    registry.publisher(Shipped, to="sqs://out")(lambda event: None)
    registry.event_type("Returned", was=["Sent back"])
    model = registry.freeze()
    assert model.commands["Ship"].aggregate == "Order"
    assert set(model.aggregates["Order"].evolvers) == {"OrderShipped"}
    assert model.event_handlers[0].names == ("OrderShipped", "OrderPaid")
    assert model.event_handlers[0].processor == model.views["Summary"].processor == "mailer"
    assert model.projectors[0].view == "Summary"
    assert model.events["Sent back"].name == "Returned"
