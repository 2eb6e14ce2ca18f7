"""The application's model as the console shows it: messages with their forms, and the picture of what causes what."""

from __future__ import annotations

import inspect
from itertools import islice
from typing import Any, Final

from ...aggregates.commits import read_head
from ...describing.diagram import picture
from ...describing.standings import tail
from ...registry import CommandRecord, Model, QueryRecord
from ...registry.places import unwrapped
from ..project import Project
from .asking import Ask
from .forms import form_of
from .timeline import backwards

__all__ = ["model"]

#: Commits whose commands and events are looked at, beside what the code says.
LOOKED_AT: Final = 300


def model(ask: Ask) -> dict[str, Any]:
    """Give all that is registered."""
    found = ask.project.app.model
    return {
        "commands": [_command(found, record) for record in found.commands.values()],
        "queries": [_message(record) for record in found.queries.values()],
        "aggregates": [
            {"name": name, "id_field": list(one.record.id_field), "event_sourced": one.record.event_sourced}
            for name, one in found.aggregates.items()
        ],
        "views": [
            {
                "name": view.name,
                "key": list(view.key),
                "indexes": {name: list(fields) for name, fields in view.indexes.items()},
            }
            for view in found.views.values()
        ],
        "picture": _picture(ask.project),
    }


def _picture(project: Project) -> dict[str, Any]:
    """Give the event model: what the code says, and what commands have made of late."""
    found = project.app.model
    drawn = picture(found)
    nodes = {(node.kind, node.name): node._asdict() for node in drawn.nodes}
    edges = {(edge.source, edge.target): None for edge in drawn.edges}
    for command, event in sorted(_seen(project)):
        node = nodes.get(("command", command))
        if node is None:  # the code has no such command any more
            continue
        name = found.events[event].name if event in found.events else event
        made = nodes.setdefault(
            ("event", name),
            {"id": f"seen{len(nodes)}", "kind": "event", "name": name, "aggregate": node["aggregate"]},
        )
        edges[node["id"], made["id"]] = None
    return {
        "aggregates": list(drawn.aggregates),
        "nodes": list(nodes.values()),
        "edges": [list(edge) for edge in edges],
    }


def _command(found: Model, record: CommandRecord) -> dict[str, Any]:
    aggregate = found.aggregates[record.aggregate].record if record.aggregate is not None else None
    return {
        **_message(record),
        "aggregate": record.aggregate,
        "id_field": list(aggregate.id_field) if aggregate is not None else [],
        "creation": record.creation if aggregate is not None else None,
    }


def _message(record: CommandRecord | QueryRecord) -> dict[str, Any]:
    doc = inspect.getdoc(unwrapped(record.fn))
    return {
        "name": record.name,
        "doc": doc.strip().splitlines()[0] if doc and doc.strip() else None,
        "route": record.route,
        "guarded": record.allow is not None,
        "place": str(record.place),
        "form": form_of(record.schema),
    }


def _seen(project: Project) -> set[tuple[str, str]]:
    """Give which command made which event, in the last commits."""
    if not project.embedded:
        return set()
    store = project.app.store
    found: set[tuple[str, str]] = set()
    for change in islice(backwards(store, tail(store, "events") + 1), LOOKED_AT):
        item = change.item or {}
        if item.get("names"):
            found.update((read_head(item)["name"], name) for name in item["names"])
    return found
