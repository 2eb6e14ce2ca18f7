"""What others are told: a public event says what they need, and stays as it is when ours change."""

from __future__ import annotations

from cqrsless import Event, publisher

from .app import Payload
from .payments import PaymentRefused


@publisher("OrderCreated", to="eventbridge://shop")
def order_placed(event: Payload) -> Event:
    return Event("OrderPlaced", {"order_id": event["order_id"], "country": event["country"], "total": event["total"]})


@publisher("OrderShipped", to="eventbridge://shop")
def order_shipped(event: Payload) -> Event:
    return Event("OrderShipped", {"order_id": event["order_id"], "carrier": event["carrier"]})


@publisher(PaymentRefused, to="sqs://payments-to-return")
def payment_to_return(event: Payload) -> Event:
    return Event(
        "PaymentToReturn", {"order_id": event["order_id"], "amount": event["amount"], "reason": event["reason"]}
    )
