"""Small applications to plan, and what is asked of their plans and templates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cqrsless import App, Command, Event, Registry
from cqrsless.deploy.configuration import configuration
from cqrsless.deploy.plan import Plan
from cqrsless.deploy.planning import plan


def shop(*processors: str, mode: str = "subscribing", view: bool = False, publishes: bool = False) -> Registry:
    """Orders that are placed and shipped; each processor hears of the shipping."""
    registry = Registry("shop")
    order = registry.aggregate("Order", id_field="order_id")
    shipped = registry.event_type("OrderShipped", was=("OrderSent", "OrderLeft"))

    @registry.command_handler("PlaceOrder", aggregate=order, creation="always", route="POST /orders")
    def place(command: Any, state: Any) -> Any:
        return {}, Event("OrderPlaced", command)

    @registry.command_handler("ShipOrder", aggregate=order, route="POST /orders/{order_id}/ship")
    def ship(command: Any, state: Any) -> Any:
        return {"shipped": True}, shipped(command)

    for name in processors:
        options: Any = {"mode": mode, "retries": 7}
        registry.processor(name, **options)
        listen(registry, shipped, name)
    if view:
        registry.view("Orders", key="order_id")

        @registry.projector("OrderPlaced", view="Orders")
        def placed(row: Any, event: Any) -> Any:
            return event

    if publishes:

        @registry.publisher("OrderPlaced", to="eventbridge://shop")
        def published(event: Any) -> Event:
            return Event("Placed", event)

    return registry


def listen(registry: Registry, event: Any, processor: str, act: Callable[[Any], Any] = lambda event: None) -> None:
    @registry.event_handler(event, processor=processor)
    def heard(payload: Any) -> Any:
        return act(payload)


def planned(registry: Registry, section: Any = None, application: str = "shop.app") -> Plan:
    model = App("memory://", registry=registry).model
    return plan(model, configuration(section or {}, code=model.deployment), application)


def remind(event: Any) -> Command:
    return Command("PlaceOrder", event)


def one(found: Any, id: str) -> Any:
    return next(each for each in found if each.id == id)
