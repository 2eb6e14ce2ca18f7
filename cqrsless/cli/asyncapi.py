"""`cqrsless asyncapi`: the events, for people and for generators of clients."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..describing.asyncapi import asyncapi
from ..describing.writing import title_of
from .options import Call, common_options
from .printing import document_options, give

__all__ = ["command"]


@click.command()
@document_options
@common_options
def command(call: Call, /, **output: Any) -> None:
    """Write the AsyncAPI 3 document of the events.

    It has public events, external ones that are handled, and domain events. Which events a publisher or command handler
    makes is read from its source; a name that is put together at run time is not seen there. Nothing is called, and no
    store is opened.
    """
    app = call.application(store="memory://")
    title = title_of(Path.cwd(), app.registry.name)
    document = asyncapi(app.model, title=output["title"] or title.name, version=output["api_version"] or title.version)
    give(call, document, **output)
