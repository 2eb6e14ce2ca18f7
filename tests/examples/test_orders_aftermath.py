"""What follows from the commands of `examples/orders`: that its checks can fail, each on its own account."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

import pytest

from cqrsless import App, Event
from examples.orders import generate
from examples.orders.__main__ import run
from examples.orders.aftermath import Expected, Outbox, aftermath
from examples.orders.reckoning import reckon

LINES = generate.FILE.read_bytes().splitlines()[:160]


class Shop(NamedTuple):
    app: App
    outbox: Outbox
    expected: Expected

    def of(self, status: str) -> str:
        return next(order_id for order_id, order in self.expected.items() if order.status == status)

    def differences(self) -> list[str]:
        return aftermath(self.app, self.expected, self.outbox)


@pytest.fixture
def shop() -> Shop:
    outbox = Outbox()
    app = App("memory://", resources={"mail": outbox})
    run([app], LINES)
    return Shop(app, outbox, reckon(LINES))


def test_a_run_is_as_it_should_be(shop: Shop, capsys: pytest.CaptureFixture[str]) -> None:
    assert shop.differences() == []
    assert "OrderPlaced" in (out := capsys.readouterr().out) and "1 PaymentToReturn" in out


def test_a_row_that_nobody_reckoned_with_is_found_out(shop: Shop) -> None:
    order_id = shop.of("placed")
    shop.app.execute("AddLine", {"order_id": order_id, "line": {"sku": "MUG", "quantity": 1, "price": "1.00"}})
    assert any(line.startswith(f"a view shows\n    ('{order_id}', ") for line in shop.differences())


def test_a_shipment_that_nobody_reckoned_with_is_found_out(shop: Shop) -> None:
    order_id = shop.of("paid")
    shop.app.execute("ShipOrder", {"order_id": order_id, "carrier": "post", "parcel": "1"})
    found = shop.differences()
    assert f"1 mails announced the parcel of {order_id}, which is paid" in found
    assert f"OrderShipped of {order_id} was published 1 times, and should have been 0 times" in found


def test_a_mail_that_was_lost_is_found_out(shop: Shop) -> None:
    shop.app.drain()
    shop.outbox.sent.popitem()
    assert any(" mails were sent, " in line for line in shop.differences())


def test_a_public_event_that_was_lost_is_found_out(shop: Shop) -> None:
    shop.app.drain()
    assert isinstance(lost := shop.app.published.pop(), Event)
    [difference] = shop.differences()
    assert difference.startswith(f"{lost.name} of {lost.payload['order_id']} was published 0 times")


def test_an_order_that_expires_too_early_is_found_out(shop: Shop) -> None:
    shop.app.drain()
    shop.app.advance(timedelta(minutes=31))
    assert any(line.startswith("0 deadlines passed, and ") for line in shop.differences())
