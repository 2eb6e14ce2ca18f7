"""Writes `orders.jsonl`: what arrives at a small shop in three weeks, with the dirt that comes with it.

`python -m examples.orders.generate` writes the file again, byte for byte: the seed stands below.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
FILE = HERE / "orders.jsonl"
SEED, ORDERS, OPEN_AT_ONCE = 20260302, 320, 25
FIRST_DAY = date(2026, 3, 2)

GOODS = {
    "BEAN-250": "8.50", "BEAN-1000": "29.00", "FILTER-100": "4.20", "GRINDER": "119.00", "KETTLE": "64.90",
    "MUG": "11.00", "SCALE": "39.95", "TAMPER": "24.50",
}  # fmt: skip
CUSTOMERS = ("Müller", "Nowak", "O'Brien", "Çelik", "Sørensen", "García", "Lefèvre", "Janssens", "王芳", "Öztürk")
TARIFF: dict[str, str] = json.loads((HERE / "tariff.json").read_text())


class Life:
    """One order's life, as the lines that it leaves in the file."""

    def __init__(self, rnd: random.Random, number: int) -> None:
        self.rnd = rnd
        self.order_id = f"o-{1000 + number}"
        self.ordered_on = FIRST_DAY + timedelta(days=number * 21 // ORDERS)
        self.country = rnd.choice(sorted(TARIFF))
        self.total = Decimal(TARIFF[self.country])
        self.lines: list[bytes] = []

    def send(self, command: str, *, expected_version: int | None = None, **payload: Any) -> dict[str, Any]:
        """Add a command, in the form in which a Lambda function takes it directly."""
        document: dict[str, Any] = {
            "command": command,
            "id": f"{self.order_id}-{len(self.lines) + 1}",
            "payload": {"order_id": self.order_id, **payload},
        }
        if expected_version is not None:
            document["expected_version"] = expected_version
        return self.add(document)

    def tell(self, event: str, **payload: Any) -> dict[str, Any]:
        """Add an event of the payment provider's, in the form in which a queue would bring it."""
        return self.add(
            {
                "event": event,
                "source": "payments",
                "id": f"pay-{self.order_id}-{len(self.lines) + 1}",
                "payload": {"order_id": self.order_id, **payload},
            }
        )

    def add(self, document: dict[str, Any]) -> dict[str, Any]:
        self.lines.append(json.dumps(document, ensure_ascii=False).encode())
        return document

    def maybe(self, percent: int) -> bool:
        return self.rnd.random() * 100 < percent

    def line(self) -> dict[str, Any]:
        sku = self.rnd.choice(sorted(GOODS))
        price: Any = GOODS[sku]
        if self.maybe(20):  # one of the shop's clients sends numbers
            price = float(price)
        return {"sku": sku, "quantity": self.rnd.choice((1, 1, 1, 2, 2, 3, 6)), "price": price}

    def cost(self, line: dict[str, Any]) -> Decimal:
        return Decimal(GOODS[line["sku"]]) * int(line["quantity"])

    # -- what happens to an order

    def live(self) -> list[bytes]:
        if self.maybe(4):
            self.refused_from_the_start()
            return self.lines
        self.create()
        for _ in range(self.rnd.choice((0, 0, 0, 1, 2))):
            self.add_line()
        if self.maybe(5):
            self.two_clerks()
        if self.maybe(6):
            self.send("ShipOrder", carrier="post", parcel=self.parcel())  # not paid yet
        if self.maybe(8):
            self.send("CancelOrder", reason="changed my mind")
            self.afterwards()
        elif self.maybe(92):
            self.pay()
            self.deliver()
        return self.lines

    def refused_from_the_start(self) -> None:
        if self.maybe(50):
            self.country = self.rnd.choice(("US", "JP", "BR"))
            self.send("CreateOrder", **self.order())
        else:  # nobody ever created it
            self.send("PayOrder", amount="19.90", method="card")

    def order(self) -> dict[str, Any]:
        lines = [self.line() for _ in range(self.rnd.choice((1, 1, 2, 3)))]
        order: dict[str, Any] = {
            "customer": self.rnd.choice(CUSTOMERS),
            "country": self.country,
            "ordered_on": self.ordered_on.isoformat(),
            "lines": lines,
        }
        self.total += sum(self.cost(line) for line in lines)
        if self.maybe(15):
            order["discount"] = "2.50"
            self.total -= Decimal("2.50")
        return order

    def create(self) -> None:
        order = self.order()
        if self.maybe(14):
            self.invalid(order)
        document = self.send("CreateOrder", **order)
        if self.maybe(8):
            self.add(document)  # no answer came, so the client sent it again
        if self.maybe(3):  # a client that counts its ids from zero after every restart
            self.add({**document, "payload": {**document["payload"], "customer": "Nobody"}})
        if self.maybe(3):
            self.send("CreateOrder", **order)  # a second click: the same order under a new command id

    def add_line(self) -> None:
        line = self.line()
        document = self.send("AddLine", line=line)
        self.total += self.cost(line)
        if self.maybe(8):
            self.add(document)

    def two_clerks(self) -> None:
        """Two people have the same page open: whoever saves second has to look again."""
        seen = 1 + len({line for line in self.lines if b'"AddLine"' in line})
        mine, yours = self.line(), self.line()
        self.send("AddLine", expected_version=seen, line=mine)
        self.send("AddLine", expected_version=seen, line=yours)
        self.total += self.cost(mine)

    def pay(self) -> None:
        if self.maybe(5):
            self.send("PayOrder", amount=str(self.total - 1), method="transfer")
        method = self.rnd.choice(("card", "card", "paypal", "transfer"))
        if method != "transfer":
            self.pay_online(method)
            return
        document = self.send("PayOrder", amount=str(self.total), method=method)
        if self.maybe(10):
            self.add(document)  # the clerk was not sure
        if self.maybe(3):
            self.add({**document, "payload": {**document["payload"], "amount": str(self.total + 1)}})
        if self.maybe(4):
            self.send("PayOrder", amount=str(self.total), method=method)  # paid twice, really
        if self.maybe(4):
            self.send("AddLine", line=self.line())  # too late

    def pay_online(self, method: str) -> None:
        if self.maybe(8):
            self.tell("PaymentFailed", reason="card expired")
        if self.maybe(2):
            self.tell("PaymentReceived", amount=str(self.total - 1), method=method)  # an old tab of the browser
        document = self.tell("PaymentReceived", amount=str(self.total), method=method)
        if self.maybe(10):
            self.add(document)  # the payment provider tells everything at least once
        if self.maybe(4):
            self.tell("PaymentReceived", amount=str(self.total), method=method)  # paid twice, really
        if self.maybe(4):
            self.tell("PaymentFailed", reason="cancelled by the bank")  # told late: it was paid since
        if self.maybe(4):
            self.send("AddLine", line=self.line())  # too late

    def deliver(self) -> None:
        if self.maybe(7):
            self.send("CancelOrder", reason="found it cheaper")
            self.afterwards()
            return
        if self.maybe(10):
            return  # still in the warehouse
        document = self.send("ShipOrder", carrier=self.rnd.choice(("post", "bike")), parcel=self.parcel())
        if self.maybe(6):
            self.add(document)
        self.afterwards()

    def afterwards(self) -> None:
        if self.maybe(6):
            self.send("CancelOrder", reason="too late")
        if self.maybe(5):
            self.send("ShipOrder", carrier="post", parcel=self.parcel())
        if self.maybe(8):
            part = (self.total / 2).quantize(Decimal("0.01"))
            self.send("RefundOrder", amount=str(part), reason="broken in the post")
            if self.maybe(30):
                self.send("RefundOrder", amount=str(self.total), reason="and the rest is missing")

    def parcel(self) -> str:
        return f"{self.rnd.randint(10**9, 10**10 - 1)}"

    # -- what should never have been sent

    def invalid(self, order: dict[str, Any]) -> None:
        """Send the order once in a form that nobody can accept, before it is sent as it should be."""
        line = order["lines"][0]
        wrong: tuple[dict[str, Any], ...] = (
            {key: value for key, value in order.items() if key != "customer"},
            {**order, "lines": []},
            {**order, "lines": {}},
            {**order, "lines": [{**line, "quantity": "two"}]},
            {**order, "lines": [{**line, "quantity": 0}]},
            {**order, "lines": [{**line, "price": -5}]},
            {**order, "lines": [{**line, "price": True}]},
            {**order, "discount": "9999.00"},  # a negative total
            {**order, "ordered_on": "31.02.2026"},
            {**order, "voucher": "SPRING"},  # no such field
        )
        if self.maybe(60):
            self.send("CreateOrder", **self.rnd.choice(wrong))
            return
        document = {
            "command": "CreateOrder",
            "id": f"{self.order_id}-0",
            "payload": {"order_id": self.order_id, **order},
        }
        whole = json.dumps(document)
        latin = json.dumps({**document, "payload": {"customer": "Müller"}}, ensure_ascii=False)
        self.lines.append(
            self.rnd.choice(
                (
                    whole[: len(whole) // 2].encode(),  # the connection broke
                    latin.encode("latin-1"),  # not UTF-8
                    whole.replace("CreateOrder", "CreateOder").encode(),  # nobody handles that
                    b"null",
                    b'{"command": "CreateOrder"}',
                    json.dumps({**document, "payload": [order]}).encode(),
                )
            )
        )


def lines(seed: int = SEED) -> Iterator[bytes]:
    """Give the file's lines: many orders at once, and each order's own lines in their order."""
    rnd = random.Random(seed)
    waiting = [Life(rnd, number).live() for number in reversed(range(ORDERS))]
    open_now: list[list[bytes]] = []
    while waiting or open_now:
        while waiting and len(open_now) < OPEN_AT_ONCE:
            open_now.append(waiting.pop())
        life = rnd.choice(open_now)
        yield life.pop(0) + b"\n"
        if not life:
            open_now.remove(life)


if __name__ == "__main__":
    FILE.write_bytes(b"".join(lines()))
