"""A commit's record broken in any attribute is a failure of its own, whatever the function does with commits."""

from __future__ import annotations

from typing import Any

import pytest

from cqrsless.app import App
from cqrsless.log import pages
from cqrsless.messages import Cost
from cqrsless.sources import handle
from cqrsless.stores.dynamodb_items import encode_image

from .conftest import Clock, Shop

BAD = "2"
ATTRIBUTES = ("pk", "c", "time", "seq", "head", "recent", "events", "names", "state", "sv")
FORMS: dict[str, Any] = {
    "missing": None,
    "text": {"S": "x"},
    "empty text": {"S": ""},
    "no number": {"N": "x"},
    "negative": {"N": "-7"},
    "huge": {"N": "9" * 40},
    "bytes": {"B": "AAAA"},
    "no bytes": {"B": "%"},
    "null": {"NULL": True},
    "list": {"L": []},
    "empty map": {"M": {}},
    "map": {"M": {"OrderPaid": {"NULL": True}}},
    "no type": {},
    "unknown type": {"Z": True},
    "no object": 5,
}


def record(name: str, image: dict[str, Any]) -> dict[str, Any]:
    keys = {key: image[key] for key in ("pk", "c") if key in image}
    return {
        "eventName": "INSERT",
        "eventSource": "aws:dynamodb",
        "eventSourceARN": "arn:aws:dynamodb:eu-west-1:123456789012:table/shop-events/stream/1",
        "dynamodb": {"Keys": keys, "NewImage": image, "SequenceNumber": name},
    }


def image_of(app: App, id_: str, number: int) -> dict[str, Any]:
    item = app.store.get("events", f"Order#{id_}", number, Cost())
    assert item is not None
    return encode_image(item, base64_text=True)


def made(shop: Shop, clock: Clock) -> App:
    app = shop.app("memory://", clock)
    for id_ in ("good", "bad"):
        app.execute("CreateOrder", {"order_id": id_})
        app.execute("PayOrder", {"order_id": id_})
    return app


def handled(shop: Shop, app: App, processor: str) -> bool:
    """Say whether a function of this processor has handled the good commit."""
    if processor == "indexer":
        return any(
            (ref.pk, ref.number) == ("Order#good", 2)
            for page in app.store.scan("log", Cost()).items
            for ref in pages.refs_in(page)
        )
    if processor == "mailer":
        return ("good", 2) in shop.mailed
    if processor == "publisher":
        return any(event.payload == {"order_id": "good"} for event in app.published)
    return app.ask("GetOrder", {"order_id": "good"})["status"] == "OrderPaid"  # type: ignore[no-any-return]


@pytest.mark.parametrize("processor", ["", "views", "indexer", "mailer", "publisher"])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("attribute", ATTRIBUTES)
def test_a_broken_record_costs_no_good_one(
    attribute: str, form: str, processor: str, shop: Shop, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CQRSLESS_PROCESSOR", processor)
    monkeypatch.setenv("CQRSLESS_METRICS", "emf")
    app = made(shop, clock)
    bad = image_of(app, "bad", 2)
    bad.pop(attribute)
    if FORMS[form] is not None:
        bad[attribute] = FORMS[form]
    records = [record("1", image_of(app, "good", 1)), record(BAD, bad), record("3", image_of(app, "good", 2))]

    answer = handle({"Records": records}, None, app)

    assert {failure["itemIdentifier"] for failure in answer["batchItemFailures"]} <= {BAD}
    assert handled(shop, app, processor)


def test_a_stored_item_without_a_time_keeps_no_new_view_from_its_batch(shop: Shop, clock: Clock) -> None:
    app = made(shop, clock)
    app.store.put("events", {"pk": "Order#0", "c": 1}, Cost())
    assert handle({"Records": [record("1", image_of(app, "good", 1))]}, None, app) == {"batchItemFailures": []}


def test_a_reference_to_what_is_no_commit_fails_alone(shop: Shop, clock: Clock) -> None:
    app = made(shop, clock)
    app.store.put("events", {"pk": "Order#0", "c": 1}, Cost())
    references = [("m-1", "Order#0", 1), ("m-2", "Order#good", 1)]
    records = [
        {
            "messageId": name,
            "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:mailer.fifo",
            "body": f'{{"commit": {{"key": "{key}", "number": {number}}}}}',
        }
        for name, key, number in references
    ]
    assert handle({"Records": records}, None, app) == {"batchItemFailures": [{"itemIdentifier": "m-1"}]}
    assert app.ask("GetOrder", {"order_id": "good"})["status"] == "OrderCreated"
