"""The AsyncAPI document is a valid one, and says which events go out, come in, and happen inside."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from marshmallow import Schema, fields

from cqrsless import App, Command, Event, Registry
from cqrsless.describing.asyncapi import asyncapi
from tests.engines import FOLDER, EngineMissing, go_without, installed_once, npm_packed

SPECIFICATION = "@asyncapi/specs@6.11.1"


@pytest.fixture(scope="session")
def specification() -> Any:
    """Give AsyncAPI's own JSON Schema of its documents, from the npm package that publishes it."""

    def fetch(home: Path) -> None:
        with tarfile.open(npm_packed(SPECIFICATION, home)) as archive:
            member = archive.extractfile("package/schemas/3.0.0-without-$id.json")
            assert member is not None
            (home / "3.0.0.json").write_bytes(member.read())

    try:
        home = installed_once(FOLDER / "asyncapi-specs-6.11.1", fetch)
    except EngineMissing as error:
        go_without(str(error))
    return json.loads((home / "3.0.0.json").read_text(encoding="utf-8"))


class Parcel(Schema):
    order = fields.String(required=True)
    weight = fields.Decimal(as_string=True)
    at = fields.Tuple((fields.Float(), fields.Float()))


class Payment(Schema):
    order_id = fields.String(required=True)


def shop() -> Registry:
    made = Registry("shop")
    order = made.aggregate("Order", id_field="order_id", event_sourced=True)
    sent = made.event_type("ParcelSent", schema=Parcel)
    made.event_type("PaymentReceived", schema=Payment, source="payments")
    made.event_type("OrderShipped", was="OrderSent", version=2, schema=Payment)

    @made.upcaster("OrderShipped", from_version=1)
    def up(payload: Any) -> Any:
        return payload

    @made.evolver("OrderShipped", "OrderCreated", aggregate=order)
    def evolve(state: Any, event: Any) -> Any:
        return state

    @made.command_handler("ShipOrder", aggregate=order)
    def ship_order(command: Any, state: Any) -> Any:
        return Event("OrderSent", command), Event("OrderTracked", command)

    @made.event_handler("PaymentReceived", source="payments")
    def paid(event: Any) -> Any:
        return Command("ShipOrder", event, on_rejected="ShipmentRefused")

    @made.event_handler("Paid", source="pay/ments")
    def paid_elsewhere(event: Any) -> None: ...

    @made.publisher("OrderShipped", to="eventbridge://shop")
    def publish(event: Any) -> Any:
        return sent(order=event["order_id"])

    @made.publisher("OrderCreated", to="sqs://arn:aws:sqs:eu-west-1:123456789012:created.fifo")
    def publish_created(event: Any, *, message: Any) -> Any:
        return Event(f"Created{message.version}", event)

    return made


@pytest.fixture
def document() -> Any:
    return json.loads(json.dumps(asyncapi(shop().freeze()), allow_nan=False))


def resolved(document: Any, reference: Any) -> Any:
    found = document
    for part in reference["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return found


def test_it_is_valid(specification: Any, document: Any) -> None:
    jsonschema.Draft7Validator(specification).validate(document)


@pytest.mark.parametrize("example", ["orders", "bank"])
def test_the_examples_have_valid_ones(specification: Any, example: str) -> None:
    import importlib

    from cqrsless.registry import DEFAULT

    module = importlib.import_module(f"examples.{example}")
    found = asyncapi(getattr(module, "bank", DEFAULT).freeze())
    jsonschema.Draft7Validator(specification).validate(found)
    assert found["channels"]


def test_a_wrong_one_would_be_found(specification: Any, document: Any) -> None:
    document["operations"]["send.to.eventbridge.shop"]["action"] = "publish"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft7Validator(specification).validate(document)


def test_every_reference_leads_somewhere(document: Any) -> None:
    def walk(part: Any) -> None:
        if isinstance(part, dict):
            if "$ref" in part:
                assert resolved(document, part) is not None
            for inner in part.values():
                walk(inner)
        elif isinstance(part, list):
            for inner in part:
                walk(inner)

    walk(document)


def messages(document: Any, operation: str) -> list[Any]:
    return [
        resolved(document, resolved(document, reference)) for reference in document["operations"][operation]["messages"]
    ]


def test_a_public_event_is_a_cloud_event_with_its_schema(document: Any) -> None:
    [sent] = messages(document, "send.to.eventbridge.shop")
    assert (sent["name"], sent["contentType"]) == ("ParcelSent", "application/cloudevents+json")
    assert sent["payload"]["allOf"][1]["properties"] == {
        "source": {"const": "/cqrsless/shop"},
        "type": {"const": "ParcelSent"},
        "data": {"$ref": "#/components/schemas/Parcel"},
    }
    channel = document["channels"]["to.eventbridge.shop"]
    assert (channel["address"], channel["x-cqrsless-to"]) == ("shop", "eventbridge://shop")


def test_what_is_published_is_as_it_is_described() -> None:
    made = Registry("shop")
    order = made.aggregate("Order", id_field="order_id")
    made.event_type("ParcelSent", schema=Parcel)

    @made.command_handler("ShipOrder", aggregate=order, creation="always")
    def ship_order(command: Any, state: Any) -> Any:
        return {}, Event("OrderShipped", command)

    @made.publisher("OrderShipped", to="eventbridge://shop")
    def publish(event: Any) -> Any:
        return Event("ParcelSent", {"order": event["order_id"], "weight": 1})

    app = App("memory://", registry=made)
    app.execute("ShipOrder", {"order_id": "o-1"})
    app.drain()
    [(_, published)] = app.published.documents
    described = asyncapi(made.freeze())
    [message] = messages(described, "send.to.eventbridge.shop")
    validator = jsonschema.Draft7Validator({**message["payload"], "components": described["components"]})
    validator.validate(published)
    assert not validator.is_valid({**published, "data": {"weight": "1"}})
    assert not validator.is_valid({**published, "specversion": "0.3"})


def test_a_publisher_whose_events_have_no_plain_names_sends_some_event(document: Any) -> None:
    [sent] = messages(document, "send.to.sqs.arn.aws.sqs.eu-west-1.123456789012.created.fifo")
    assert sent["payload"]["allOf"] == [{"$ref": "#/components/schemas/CloudEvent"}]


def test_what_comes_in_is_told_by_its_source(document: Any) -> None:
    [received] = messages(document, "receive.from.payments")
    assert received["payload"]["allOf"][1]["properties"]["data"] == {"$ref": "#/components/schemas/Payment"}
    assert document["operations"]["receive.from.payments"]["action"] == "receive"


def test_sources_that_look_alike_as_keys_are_two_channels(document: Any) -> None:
    sources = {channel.get("x-cqrsless-source") for channel in document["channels"].values()}
    assert {"payments", "pay/ments"} <= sources


def test_domain_events_are_told_under_their_names_of_today_and_kept_inside(document: Any) -> None:
    found = messages(document, "send.of.Order")
    assert [message["name"] for message in found] == ["OrderCreated", "OrderShipped", "OrderTracked", "ShipmentRefused"]
    assert document["channels"]["of.Order"]["x-internal"] is True
    shipped = found[1]
    assert shipped["x-cqrsless-version"] == 2
    assert shipped["payload"] == {"$ref": "#/components/schemas/Payment"}


def test_an_application_without_events_has_a_document_all_the_same(specification: Any) -> None:
    made = Registry("quiet")

    @made.query_handler("Ask")
    def ask(query: Any) -> Any:
        return None

    found = asyncapi(made.freeze(), title="Quiet", version="1")
    jsonschema.Draft7Validator(specification).validate(found)
    assert found["info"] == {"title": "Quiet", "version": "1"} and found["channels"] == {}
