"""Letters to customers, by a mail service that drops what it is sent twice."""

from __future__ import annotations

import logging
from typing import Protocol

from cqrsless import Message, event_handler, processor, resource

from .app import Payload

log = logging.getLogger(__name__)

mailer = processor("mailer", retries=3)


class Mail(Protocol):
    """A mail service. It sends once for each `key`, however often it is asked to."""

    def send(self, to: str, text: str, *, key: str) -> None: ...


class LoggedMail:
    """Stands for a mail service where there is none."""

    def send(self, to: str, text: str, *, key: str) -> None:
        log.info("to %s: %s (%s)", to, text, key)


@resource("mail")
def mail_service() -> Mail:
    return LoggedMail()


@event_handler("OrderShipped", processor=mailer, replay=False)
def announce_parcel(event: Payload, *, message: Message, mail: Mail) -> None:
    text = f"Your order {event['order_id']} is on its way: {event['carrier']}, parcel {event['parcel']}."
    mail.send(event["customer"], text, key=str(message.idempotency_key))


@event_handler("PaymentDeclined", processor=mailer, replay=False)
def ask_to_try_again(event: Payload, *, message: Message, mail: Mail) -> None:
    text = f"Your payment for order {event['order_id']} failed ({event['reason']}). Please try again."
    mail.send(event["customer"], text, key=str(message.idempotency_key))
