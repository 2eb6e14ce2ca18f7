"""`cqrsless diagram`: the event model as a picture."""

from __future__ import annotations

import click

from ..describing.diagram import mermaid, picture
from ..describing.unfolded import warnings
from .options import Call, common_options
from .printing import put

__all__ = ["command"]


@click.command()
@click.option("-o", "--output", metavar="FILE", help="Write there; a name that ends in .md gets a Markdown block.")
@common_options
def command(call: Call, output: str | None) -> None:
    """Draw commands, aggregates, events, processors and views as a Mermaid flowchart.

    Which events a command makes, which commands a processor sends and which views are read is taken from the
    source of their handlers; a name that is put together at run time is not seen there.
    """
    model = call.application(store="memory://").model
    for one in warnings(model):
        call.terminal.warn(one)
    drawn = picture(model)
    if output is not None:
        text = mermaid(drawn)
        put(call, output, f"```mermaid\n{text}```\n" if output.endswith(".md") else text)
    elif call.json:
        call.terminal.value(drawn)
    else:
        call.terminal.line(mermaid(drawn).rstrip("\n"))
