"""All that an application registered, as rows: what calls it, what it works on, where it stands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from ..messages import CommandResult
from ..registry import NOWHERE, Model, Place, defined

__all__ = ["Handler", "decided_nothing", "handlers", "schema_name"]


class Handler(NamedTuple):
    """One registered function. `names` are the messages it takes; `on` is its aggregate, processor, view or target."""

    kind: str
    names: tuple[str, ...]
    schema: str | None = None
    on: str | None = None
    creation: str | None = None
    source: str | None = None
    route: str | None = None
    place: Place = NOWHERE

    def as_row(self) -> dict[str, Any]:
        """Give its parts by name, each under the name that the decorator gives it; what it has none of is left out."""
        where = {
            "command": "aggregate", "evolver": "aggregate", "event handler": "processor", "projector": "view",
            "publisher": "to",
        }  # fmt: skip
        row: dict[str, Any] = {"kind": self.kind, "name": ", ".join(self.names), "schema": self.schema}
        if self.kind in where:
            row[where[self.kind]] = self.on
        row |= {"creation": self.creation, "source": self.source, "route": self.route, "place": str(self.place)}
        return {key: value for key, value in row.items() if value is not None}


def schema_name(schema: Any) -> str | None:
    """Name a schema's class, given as a class or an instance."""
    if schema is None:
        return None
    return schema.__name__ if isinstance(schema, type) else type(schema).__name__


def handlers(model: Model) -> Iterator[Handler]:
    """Give every handler of an application: commands, queries, evolvers, event handlers, projectors, publishers.

    >>> from cqrsless import Registry
    >>> shop = Registry("shop")
    >>> @shop.query_handler("GetPrice", route="GET /price")
    ... def get_price(query): ...
    >>> [(handler.kind, handler.names, handler.route) for handler in handlers(shop.freeze())]
    [('query', ('GetPrice',), 'GET /price')]
    """
    for command in model.commands.values():
        yield Handler(
            "command",
            (command.name,),
            schema_name(command.schema),
            command.aggregate,
            command.creation if command.aggregate else None,
            route=command.route,
            place=command.place,
        )
    for query in model.queries.values():
        yield Handler("query", (query.name,), schema_name(query.schema), route=query.route, place=query.place)
    for aggregate in model.aggregates.values():
        for evolver in dict.fromkeys(aggregate.evolvers.values()):
            yield Handler("evolver", evolver.names, on=evolver.aggregate, place=evolver.place)
    for handler in model.event_handlers:
        yield Handler("event handler", handler.names, on=handler.processor, source=handler.source, place=handler.place)
    for projector in model.projectors:
        yield Handler("projector", projector.names, on=projector.view, place=projector.place)
    for publisher in model.publishers:
        yield Handler("publisher", publisher.names, on=publisher.to, place=publisher.place)


def decided_nothing(model: Model, name: str, result: CommandResult) -> str:
    """Say so where a command was to bring something into being and returned no event; else give nothing."""
    if result.aggregate is None or result.version or result.events or name not in model.commands:
        return ""
    who = defined(model.commands[name].fn)
    return f"{result.aggregate} {result.aggregate_id} was not created: {who} returned no event; did it forget `return`?"
