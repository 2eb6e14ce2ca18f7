"""The event model as a picture: commands, the aggregates they change, events, and what follows from them.

from cqrsless.describing.diagram import mermaid, picture
print(mermaid(picture(app.model)))
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Literal, NamedTuple, TypeAlias

from ..registry import Model
from .mentions import Mentions, mentions

__all__ = ["Edge", "Node", "Picture", "mermaid", "picture", "recorders"]

NodeKind: TypeAlias = Literal["command", "event", "external", "processor", "view", "query", "target"]


class Node(NamedTuple):
    """A box of the picture; `id` is unique in it, `aggregate` the one it belongs to."""

    id: str
    kind: NodeKind
    name: str
    aggregate: str | None = None


class Edge(NamedTuple):
    """What leads to what, by the ids of nodes."""

    source: str
    target: str


class Picture(NamedTuple):
    """Nodes and edges, in the order of registration; `aggregates` are the frames around some of the nodes."""

    aggregates: tuple[str, ...]
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


class _Drawing:
    def __init__(self) -> None:
        self.nodes: dict[tuple[str, str], Node] = {}
        self.edges: dict[Edge, None] = {}

    def node(self, kind: NodeKind, name: str, aggregate: str | None = None) -> Node:
        found = self.nodes.get((kind, name))
        if found is None:
            found = Node(f"{kind}{len(self.nodes)}", kind, name, aggregate)
        elif found.aggregate is None and aggregate is not None:
            found = found._replace(aggregate=aggregate)
        self.nodes[kind, name] = found
        return found

    def edge(self, source: Node, target: Node) -> None:
        self.edges[Edge(source.id, target.id)] = None


def picture(model: Model) -> Picture:
    """Put an application's event model together.

    Which events a command's handler makes, which commands an event's handler sends and which views a query or a command
    reads is taken from their source, as far as that says so plainly (see `mentions`).

    >>> from cqrsless import Event, Registry
    >>> shop = Registry("shop")
    >>> Account = shop.aggregate("Account", id_field="account_id")
    >>> @shop.command_handler("Open", aggregate=Account, creation="always")
    ... def open_account(command, account): ...
    >>> [(node.kind, node.name, node.aggregate) for node in picture(shop.freeze()).nodes]
    [('command', 'Open', 'Account')]
    """
    drawing = _Drawing()
    for command in model.commands.values():
        node = drawing.node("command", command.name, command.aggregate)
        for event in _current(model, _mentions(model, command.fn).events):
            drawing.edge(node, drawing.node("event", event, command.aggregate))
        if "views" in command.inject:
            _draw_views(drawing, model, command.fn, node)
    for name, aggregate in model.aggregates.items():
        for event in aggregate.evolvers:
            drawing.node("event", event, name)
    for handler in model.event_handlers:
        processor = drawing.node("processor", handler.processor)
        for event in handler.names:
            kind: NodeKind = "event" if handler.source is None else "external"
            drawing.edge(drawing.node(kind, event), processor)
        mentioned = _mentions(model, handler.fn)
        for command_name in mentioned.commands:
            drawing.edge(processor, drawing.node("command", command_name))
        for command_name, refusal in mentioned.refusals:
            (event,) = _current(model, [refusal])
            target = drawing.node("event", event, model.commands[command_name].aggregate)
            drawing.edge(drawing.node("command", command_name), target)
    for projector in model.projectors:
        for event in projector.names:
            drawing.edge(drawing.node("event", event), drawing.node("view", projector.view))
    for query in model.queries.values():
        _draw_views(drawing, model, query.fn, drawing.node("query", query.name))
    for publisher in model.publishers:
        for event in publisher.names:
            drawing.edge(drawing.node("event", event), drawing.node("target", publisher.to))
    framed = {node.aggregate for node in drawing.nodes.values()}
    return Picture(
        tuple(name for name in model.aggregates if name in framed),
        tuple(drawing.nodes.values()),
        tuple(drawing.edges),
    )


def recorders(drawn: Picture, event: str) -> set[str]:
    """Give the aggregates whose commands record an event, as far as the source of their handlers says so."""
    nodes = {node.id: node for node in drawn.nodes}
    into = {edge.source for edge in drawn.edges if nodes[edge.target][1:3] == ("event", event)}
    return {node.aggregate for node in drawn.nodes if node.id in into and node.kind == "command" and node.aggregate}


def _draw_views(drawing: _Drawing, model: Model, fn: object, reader: Node) -> None:
    for view in _mentions(model, fn).views:
        drawing.edge(drawing.node("view", view), reader)


def _mentions(model: Model, fn: object) -> Mentions:
    assert callable(fn)
    return mentions(fn, commands=model.commands, views=model.views)


def _current(model: Model, names: Iterable[str]) -> Iterable[str]:
    """Give events by their present names."""
    return dict.fromkeys(model.events[name].name if name in model.events else name for name in names)


#: By the kind of a node, what stands around its label, and its colours: legible on white and on black.
SHAPES: Final[Mapping[NodeKind, tuple[str, str]]] = {
    "command": ("[", "]"),
    "event": ("(", ")"),
    "external": ("(", ")"),
    "processor": ("{{", "}}"),
    "view": ("[(", ")]"),
    "query": ("[/", "/]"),
    "target": (">", "]"),
}
COLOURS: Final[Mapping[NodeKind, str]] = {
    "command": "fill:#cfe2ff,stroke:#1d4ed8",
    "event": "fill:#ffe0b2,stroke:#b45309",
    "external": "fill:#fff7d6,stroke:#92740b,stroke-dasharray:4",
    "processor": "fill:#e9d8fd,stroke:#6b21a8",
    "view": "fill:#d3f2dc,stroke:#15803d",
    "query": "fill:#eef7f0,stroke:#15803d",
    "target": "fill:#eceff3,stroke:#475569",
}
#: What could end a label, or be read as Markdown or HTML in it.
_MARKUP: Final = frozenset('"#<>&;`\\*_[]{}()|')


def mermaid(drawn: Picture) -> str:
    """Write a picture as a Mermaid flowchart, which GitHub, GitLab and mkdocs-material show."""
    lines = ["flowchart LR"]
    for at, aggregate in enumerate(drawn.aggregates):
        lines.append(f"  subgraph aggregate{at}[{_label(aggregate)}]")
        lines += [f"    {_box(node)}" for node in drawn.nodes if node.aggregate == aggregate]
        lines.append("  end")
    lines += [f"  {_box(node)}" for node in drawn.nodes if node.aggregate is None]
    lines += [f"  {edge.source} --> {edge.target}" for edge in drawn.edges]
    used = {node.kind for node in drawn.nodes}
    lines += [f"  classDef {kind} {colours},color:#111827" for kind, colours in COLOURS.items() if kind in used]
    return "\n".join(lines) + "\n"


def _box(node: Node) -> str:
    before, after = SHAPES[node.kind]
    return f"{node.id}{before}{_label(node.name)}{after}:::{node.kind}"


def _label(name: str) -> str:
    """Quote a name: in Mermaid a quoted label takes entities written with `#`, and nothing in it is markup then.

    >>> _label('say "hi" <b>')
    '"say #34;hi#34; #60;b#62;"'
    """
    safe = (f"#{ord(sign)};" if sign in _MARKUP or not sign.isprintable() else sign for sign in name)
    return f'"{"".join(safe)}"'
