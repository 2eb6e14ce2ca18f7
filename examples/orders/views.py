"""What the shop shows: every order at a glance, and what each customer has ordered and spent."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from cqrsless import Message, Views, projector, query_handler, view

from . import schemas
from .app import Payload, is_staff

Row = dict[str, Any]

Summary = view(
    "OrderSummary",
    key="order_id",
    indexes={
        "by_time": ("customer", "placed_at"),
        "by_total": ("customer", "total"),
        "by_status": ("status", "placed_at"),
    },
)
Customer = view("Customer", key="customer")

STATUS = {"OrderPaid": "paid", "OrderShipped": "shipped", "OrderCancelled": "cancelled", "OrderExpired": "expired"}


@projector("OrderCreated", view=Summary)
def placed(row: None, event: Payload, *, message: Message) -> Row:
    return {
        "order_id": event["order_id"],
        "customer": event["customer"],
        "status": "placed",
        "total": event["total"],
        "placed_at": message.time,
    }


@projector("LineAdded", view=Summary)
def grown(row: Row, event: Payload) -> Row:
    return {**row, "total": event["total"]}


@projector(*STATUS, view=Summary)
def moved_on(row: Row, event: Payload, *, message: Message) -> Row:
    return {**row, "status": STATUS[message.name]}


# A customer's row is fed by many orders at once; each event counts exactly once all the same.


@projector("OrderCreated", view=Customer)
def ordered(row: Row | None, event: Payload) -> Row:
    row = row or {"customer": event["customer"], "orders": 0, "spent": Decimal("0.00")}
    return {**row, "orders": row["orders"] + 1}


@projector("OrderPaid", view=Customer)
def spent(row: Row, event: Payload) -> Row:
    return {**row, "spent": row["spent"] + event["amount"]}


@projector("OrderRefunded", view=Customer)
def given_back(row: Row, event: Payload) -> Row:
    return {**row, "spent": row["spent"] - event["amount"]}


@query_handler("GetOrder", schema=schemas.OrderRef, route="GET /orders/{order_id}")
def get_order(query: Payload, *, views: Views) -> Row | None:
    return views.get(Summary, query["order_id"])


@query_handler("GetCustomer", schema=schemas.CustomerRef, route="GET /customers/{customer}", allow=is_staff)
def get_customer(query: Payload, *, views: Views) -> Row | None:
    return views.get(Customer, query["customer"])


@query_handler("OrdersOfCustomer", schema=schemas.OrdersOfCustomer, route="GET /customers/{customer}/orders")
def orders_of_customer(query: Payload, *, views: Views) -> Payload:
    page = views.list(Summary, query["customer"], query["limit"], query["cursor"], index=f"by_{query['by']}")
    return {"orders": page.rows, "cursor": page.cursor}


@query_handler("OrdersByStatus", schema=schemas.OrdersByStatus, route="GET /orders", allow=is_staff)
def orders_by_status(query: Payload, *, views: Views) -> Payload:
    page = views.list(Summary, query["status"], query["limit"], query["cursor"], index="by_status")
    return {"orders": page.rows, "cursor": page.cursor}
