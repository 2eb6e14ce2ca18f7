"""Getting an order paid: what the payment provider tells, and what happens when it tells nothing."""

from __future__ import annotations

from datetime import timedelta

from cqrsless import Cancel, Command, cancel, event_handler, event_type, processor

from . import schemas
from .app import Payload

PAYABLE_FOR = timedelta(minutes=30)

PaymentReceived = event_type("PaymentReceived", schema=schemas.PaymentReceived, source="payments")
PaymentFailed = event_type("PaymentFailed", schema=schemas.PaymentFailed, source="payments")
PaymentRefused = event_type("PaymentRefused")

payments = processor("payments")
deadlines = processor("deadlines")


@event_handler(PaymentReceived, source="payments", processor=payments)
def book(event: Payload) -> Command:
    """Book what came in. What cannot be booked is on record, so that it is returned: see `publishing.py`."""
    return Command("PayOrder", event, on_rejected=PaymentRefused.name)


@event_handler(PaymentFailed, source="payments", processor=payments)
def decline(event: Payload) -> Command:
    """Have the customer told; there is time to try again, up to the deadline."""
    return Command("DeclinePayment", event)


@event_handler("OrderCreated", processor=deadlines)
def set_deadline(event: Payload) -> Command:
    order_id = event["order_id"]
    return Command("ExpireOrder", {"order_id": order_id}, id=f"expire-{order_id}", due=PAYABLE_FOR)


@event_handler("OrderPaid", "OrderCancelled", processor=deadlines)
def drop_deadline(event: Payload) -> Cancel:
    return cancel(f"expire-{event['order_id']}")
