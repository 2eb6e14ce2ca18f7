"""States and event payloads, as they are declared, to stored text and back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import pytest
from marshmallow import EXCLUDE, Schema, fields, post_load

from cqrsless import codec
from cqrsless.errors import InvalidReturn, Rejected, SerializationFailed
from cqrsless.states import PayloadCodec, StateCodec, state_codec


class OrderSchema(Schema):
    status = fields.String(required=True)
    total = fields.Decimal()
    placed_at = fields.AwareDateTime()


class Defaults(Schema):
    balance = fields.Integer(load_default=0)


@dataclass
class Account:
    owner: str
    balance: int = 0


ORDER = {"status": "placed", "total": Decimal("9.90"), "placed_at": datetime(2026, 1, 1, tzinfo=timezone.utc)}


@pytest.mark.parametrize(
    ("how", "state"),
    [
        (state_codec(None, "Order"), ORDER),
        (state_codec(dict, "Order"), ORDER),
        (state_codec(OrderSchema, "Order"), ORDER),
        (state_codec(OrderSchema(), "Order"), ORDER),
        (state_codec(Account, "Account"), Account("Ann", 5)),
    ],
)
def test_a_state_comes_back_as_it_went_in(how: StateCodec, state: Any) -> None:
    text, read = how.encode(state)
    assert read == state and read is not state
    assert how.read(codec.decode(text)) == state


@pytest.mark.parametrize("how", [state_codec(None, "Order"), state_codec(OrderSchema, "Order")])
def test_a_state_that_handlers_may_change_is_not_shared(how: StateCodec) -> None:
    state = {"lines": [1]}
    assert how.copied is None or how.copied(state)["lines"] is not state["lines"]


@pytest.mark.parametrize(
    ("how", "state", "why"),
    [
        (
            state_codec(Defaults, "Account"),
            Rejected(),
            r"the handler returned a Rejected \(raise it, do not return it\)",
        ),
        (state_codec(None, "Order"), Rejected(), r"the handler returned a Rejected \(raise it, do not return it\)"),
        (state_codec(None, "Order"), [1], "the state of Order is a dict, but the handler returned a list"),
        (state_codec(None, "Order"), {"a": object()}, "the state of Order at a: a value of type object"),
        (state_codec(Account, "Account"), {"owner": "Ann"}, "is a Account, but the handler returned a dict"),
        (state_codec(OrderSchema, "Order"), {}, "does not fit OrderSchema: status: Missing data"),
        (state_codec(OrderSchema, "Order"), {"status": "x", "y": 1}, "holds y, which OrderSchema does not dump"),
        (
            state_codec(OrderSchema, "Order"),
            {"status": "x", "total": "a lot"},
            "the state of Order at total does not fit OrderSchema: InvalidOperation",
        ),
    ],
)
def test_a_state_that_does_not_fit_is_refused(how: StateCodec, state: Any, why: str) -> None:
    with pytest.raises(SerializationFailed, match=why):
        how.encode(state)


def test_what_is_folded_starts_empty_where_its_schema_requires_something() -> None:
    how = state_codec(OrderSchema, "Order", event_sourced=True)
    assert how.initial() == {}
    text, read = how.encode(how.initial())
    assert (text, read, how.read(codec.decode(text))) == ("{}", {}, {})


def test_what_is_folded_starts_with_its_schemas_defaults() -> None:
    how = state_codec(Defaults, "Account", event_sourced=True)
    assert how.initial() == {"balance": 0}
    assert how.encode(how.initial())[1] == {"balance": 0}


def test_a_dataclass_starts_with_its_defaults() -> None:
    @dataclass(frozen=True)
    class Counter:
        count: int = 0

    assert state_codec(Counter, "Counter").initial() == Counter()


class Payload(Schema):
    class Meta:
        unknown = EXCLUDE

    total = fields.Decimal(required=True)


class Made(Schema):
    owner = fields.String(required=True)
    balance = fields.Integer()

    @post_load
    def make(self, data: dict[str, Any], **_: Any) -> Account:
        return Account(**data)


def test_an_events_payload_is_given_as_a_later_read_will_give_it() -> None:
    how = PayloadCodec("OrderPlaced", schema=Payload)
    text, payload = how.encode({"total": Decimal("9.90"), "note": "left out"})
    assert payload == {"total": Decimal("9.90")}
    assert how.decode(codec.decode(text), 1) == payload


def test_an_events_payload_may_be_an_object() -> None:
    how = PayloadCodec("Opened", schema=Made)
    text, payload = how.encode(Account("Ann", 5))
    assert payload == Account("Ann", 5)
    assert how.decode(codec.decode(text), 1) == Account("Ann", 5)


def test_a_payload_that_does_not_fit_its_schema_is_refused() -> None:
    with pytest.raises(SerializationFailed, match="the payload of OrderPlaced does not fit Payload: total"):
        PayloadCodec("OrderPlaced", schema=Payload).encode({})


def test_upcasters_run_from_the_stored_version_to_this_one_before_the_schema() -> None:
    def to_2(payload: Any) -> Any:
        return {"cents": payload["euros"] * 100}

    def to_3(payload: Any) -> Any:
        payload["total"] = Decimal(payload.pop("cents")) / 100
        return payload

    how = PayloadCodec("Paid", schema=Payload, version=3, upcasters={1: to_2, 2: to_3})
    assert how.decode({"euros": 5}, 1) == {"total": Decimal(5)}
    assert how.decode({"cents": 550}, 2) == {"total": Decimal("5.5")}
    assert how.decode({"total": "7"}, 3) == {"total": Decimal(7)}


def test_an_upcaster_that_forgets_to_return_is_an_error() -> None:
    def forgetful(payload: Any) -> None:
        payload["note"] = ""

    with pytest.raises(InvalidReturn, match=r"the upcaster .*forgetful of the payload of Paid returned None"):
        PayloadCodec("Paid", version=2, upcasters={1: forgetful}).decode({}, 1)
