"""What follows from the commands, checked: views, mails, public events, deadlines, and a replay.

`expected` is the second reckoning of the same file; nothing else says here what should come of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from cqrsless import App

from .payments import PAYABLE_FOR
from .reckoning import Reckoned, apply, expire

Expected = dict[str, Reckoned]
Rows = list[tuple[Any, ...]]

STATUSES = ("placed", "paid", "shipped", "cancelled", "expired")
LATE = "pay-too-late"


class Outbox:
    """A mail service that keeps its mails."""

    def __init__(self) -> None:
        self.asked = 0
        self.sent: dict[str, tuple[str, str]] = {}

    def send(self, to: str, text: str, *, key: str) -> None:
        self.asked += 1
        self.sent.setdefault(key, (to, text))


def aftermath(app: App, expected: Expected, outbox: Outbox) -> list[str]:
    """Deliver what is pending, let the deadlines pass, and give what is not as it should be."""
    drained = app.drain()
    print(f"\ndelivered  {drained.delivered:5}   commits and pages of the log, in {drained.invocations} invocations")
    found = [f"{key}@{number} was not delivered" for key, number in drained.left]
    found += [f"before the deadlines: {line}" for line in wrong_rows(app, expected)]

    fired = app.advance(PAYABLE_FOR)
    unpaid = expire(expected)
    print(f"expired    {fired:5}   orders that nobody had paid after {PAYABLE_FOR.seconds // 60} minutes")
    if fired != len(unpaid):
        found.append(f"{fired} deadlines passed, and {len(unpaid)} orders were unpaid")
    if unpaid:
        pay_too_late(app, expected, unpaid[0])

    before = rows(app, expected)
    found += wrong_rows(app, expected)
    found += wrong_mails(expected, outbox)
    found += wrong_publications(app, expected)
    for view in ("OrderSummary", "Customer"):
        replay(app, view)
    if rows(app, expected) != before:
        found.append("a replay gives other rows")
    return found


def replay(app: App, view: str) -> None:
    """Build a view anew, and say how far that is."""
    app.replay(view, lambda done: print(f"replayed   {done:5}   commits into {view}"))


def pay_too_late(app: App, expected: Expected, order_id: str) -> None:
    """Pay an order that has expired: the money has to go back."""
    order = expected[order_id]
    payment = {"order_id": order_id, "amount": str(order.total), "method": "card"}
    app.receive("PaymentReceived", payment, source="payments", id=LATE)
    app.drain()
    if apply(order, "PaymentReceived", order.total):
        order.accepted.add(LATE)


# What the queries show, beside what they should.


def pages(ask: Callable[[str | None], Any]) -> Iterator[dict[str, Any]]:
    """Turn every page of a list."""
    cursor = None
    while True:
        page = ask(cursor)
        yield from page["orders"]
        cursor = page["cursor"]
        if cursor is None:
            return


def listed(app: App, query: str, **payload: Any) -> list[str]:
    return [row["order_id"] for row in pages(lambda at: app.ask(query, {**payload, "limit": 7, "cursor": at}))]


def rows(app: App, expected: Expected) -> Rows:
    """Give all that the views show, as far as it can be reckoned."""
    found: Rows = []
    for order_id in expected:
        row = app.ask("GetOrder", {"order_id": order_id})
        if row is not None:
            found.append((order_id, row["customer"], row["status"], row["total"]))
    for name in sorted(by_customer(expected)):
        row = app.ask("GetCustomer", {"customer": name}) or {"orders": 0, "spent": None}
        found.append((name, row["orders"], row["spent"]))
        for by in ("time", "total"):
            found.append((name, by, *listed(app, "OrdersOfCustomer", customer=name, by=by)))
    found += [(status, *listed(app, "OrdersByStatus", status=status)) for status in STATUSES]
    return found


def reckoned_rows(expected: Expected) -> Rows:
    placed = {order_id: order for order_id, order in expected.items() if order.history}
    should: Rows = [(order_id, order.customer, order.status, order.total) for order_id, order in placed.items()]
    for name, orders in sorted(by_customer(expected).items()):
        spent = sum((spent_on(order) for order in orders.values()), Decimal("0.00"))
        should.append((name, len(orders), spent))
        should.append((name, "time", *sorted(orders, key=lambda order_id: orders[order_id].place)))
        should.append((name, "total", *sorted(orders, key=lambda order_id: (orders[order_id].total, order_id))))
    in_order = sorted(placed, key=lambda order_id: placed[order_id].place)
    should += [(status, *(id for id in in_order if placed[id].status == status)) for status in STATUSES]
    return should


def by_customer(expected: Expected) -> dict[str, Expected]:
    found: dict[str, Expected] = {}
    for order_id, order in expected.items():
        if order.history:
            found.setdefault(order.customer, {})[order_id] = order
    return found


def spent_on(order: Reckoned) -> Decimal:
    return order.total - order.refunded if order.count("OrderPaid") else Decimal(0)


def wrong_rows(app: App, expected: Expected) -> Iterator[str]:
    for is_now, should in zip(rows(app, expected), reckoned_rows(expected), strict=False):
        if is_now != should:
            yield f"a view shows\n    {is_now}\n  and should show\n    {should}"


# What went out.


def wrong_mails(expected: Expected, outbox: Outbox) -> Iterator[str]:
    shipped = sum(order.count("OrderShipped") for order in expected.values())
    declined = sum(order.count("PaymentDeclined") for order in expected.values())
    print(f"mailed     {len(outbox.sent):5}   {shipped} parcels announced, {declined} payments asked for again")
    told = Counter((to, text.partition(" is on its way")[0]) for to, text in outbox.sent.values())
    for order_id, order in expected.items():
        letters = told[order.customer, f"Your order {order_id}"]
        if letters != order.count("OrderShipped"):
            yield f"{letters} mails announced the parcel of {order_id}, which is {order.status}"
    if len(outbox.sent) != shipped + declined or outbox.asked != len(outbox.sent):
        yield f"{len(outbox.sent)} mails were sent, {outbox.asked} asked for, and {shipped + declined} were due"


def wrong_publications(app: App, expected: Expected) -> Iterator[str]:
    public = {"OrderCreated": "OrderPlaced", "OrderShipped": "OrderShipped", "PaymentRefused": "PaymentToReturn"}
    should = Counter(
        (public[name], order_id) for order_id, order in expected.items() for name, _ in order.history if name in public
    )
    published = Counter((event.name, event.payload["order_id"]) for event in app.published)
    names = Counter(event.name for event in app.published)
    print(f"published  {names.total():5}   " + ", ".join(f"{count} {name}" for name, count in sorted(names.items())))
    for name, order_id in sorted((should - published) | (published - should)):
        times, due = published[name, order_id], should[name, order_id]
        yield f"{name} of {order_id} was published {times} times, and should have been {due} times"
