"""Public events as structured CloudEvents 1.0, field by field."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from marshmallow import Schema, fields

from cqrsless import AppLoadError, Event, Message, Registry, SerializationFailed
from cqrsless.publishing.cloudevents import Envelope, Envelopes, source_of
from cqrsless.sources.forms import Origin, cloud_event
from tests.processors.harness import NOON

PLACED = Message(
    "Order#o-1@3", "Placed", "event", {}, NOON, "Order", correlation_id="k", aggregate_id="o-1", version=2, sequence=3
)


def envelope(payload: Any, made: Registry | None = None, message: Message = PLACED) -> Envelope:
    model = (made if made is not None else Registry("shop")).freeze()
    return Envelopes(model, {}).envelope("sqs://q", Event("OrderPlaced", payload), message, "e-1")


def test_every_attribute_is_what_the_specification_wants() -> None:
    assert envelope({"order": "o-1"}).document == {
        "specversion": "1.0",
        "id": "e-1",
        "source": "/cqrsless/shop",
        "type": "OrderPlaced",
        "time": "2026-03-01T12:00:00Z",
        "datacontenttype": "application/json",
        "subject": "o-1",
        "correlationid": "k",
        "causationid": "Order#o-1@3",
        "data": {"order": "o-1"},
    }


def test_attribute_names_are_lower_case_letters_and_digits_of_at_most_twenty() -> None:
    assert all(re.fullmatch("[a-z0-9]{1,20}", name) for name in envelope({}).document)


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (NOON + timedelta(microseconds=5), "2026-03-01T12:00:00.000005Z"),
        (NOON.astimezone(timezone(timedelta(hours=2))), "2026-03-01T12:00:00Z"),
    ],
)
def test_the_time_is_rfc_3339_in_utc(time: datetime, text: str) -> None:
    assert envelope({}, message=PLACED._replace(time=time)).document["time"] == text


def test_an_event_outside_any_conversation_begins_one() -> None:
    assert envelope({}, message=PLACED._replace(correlation_id="")).document["correlationid"] == "Order#o-1@3"


def test_values_have_their_form_in_json() -> None:
    @dataclass
    class Line:
        sku: str
        price: Decimal

    payload = {"total": Decimal("9.90"), "on": date(2026, 3, 1), "lines": (Line("a", Decimal(1)),), "raw": b"\x00"}
    assert json.loads(envelope(payload).body)["data"] == {
        "total": "9.90",
        "on": "2026-03-01",
        "lines": [{"sku": "a", "price": "1"}],
        "raw": "AA==",
    }


def test_what_json_has_no_form_for_is_refused_with_its_place() -> None:
    with pytest.raises(SerializationFailed, match=r"the public event OrderPlaced holds what JSON .* at lines\[0\]\.x"):
        envelope({"lines": [{"x": object()}]})


def test_an_event_type_of_the_public_name_gives_the_payload_its_form() -> None:
    class Public(Schema):
        total = fields.Decimal(as_string=True, places=2)

    made = Registry("shop")
    made.event_type("OrderPlaced", schema=Public)
    assert envelope({"total": Decimal("9.9")}, made).document["data"] == {"total": "9.90"}


def test_the_body_is_ascii_whatever_is_in_it() -> None:
    body = envelope({"name": "Zoë \uffff \U0001f600"}).body
    assert body.isascii()
    assert json.loads(body)["data"] == {"name": "Zoë \uffff \U0001f600"}


def test_our_own_sources_read_what_is_published() -> None:
    document = json.loads(envelope({"order": "o-1"}).body)
    message = cloud_event(document, Origin("sqs", "m-1", NOON))
    assert (message.id, message.name, message.source, message.payload) == (
        "e-1",
        "OrderPlaced",
        "/cqrsless/shop",
        {"order": "o-1"},
    )
    assert (message.correlation_id, message.causation_id, message.sent) == ("k", "Order#o-1@3", NOON)


@pytest.mark.parametrize("source", ["aws.events", "two words", "line\nbreak"])
def test_a_source_that_no_bus_would_take_is_refused(source: str) -> None:
    with pytest.raises(AppLoadError, match=r"CQRSLESS_SOURCE is .*: give a URI reference such as 'shop.orders'"):
        source_of("shop", {"CQRSLESS_SOURCE": source})
