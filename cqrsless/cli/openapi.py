"""`cqrsless openapi`: the HTTP interface, for people and for generators of clients."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..describing.openapi import Auth, openapi
from ..describing.writing import title_of
from .options import Call, common_options
from .printing import document_options, give

__all__ = ["command"]


@click.command()
@document_options
@click.option("--server", "servers", metavar="URL", multiple=True, help="Where it is deployed; may be given again.")
@click.option(
    "--auth",
    type=click.Choice(["none", "iam", "jwt"]),
    default="none",
    help="What the API's authorizer asks for: a signature (SigV4), or a JWT.",
)
@common_options
def command(call: Call, /, servers: tuple[str, ...], auth: Auth, **output: Any) -> None:
    """Write the OpenAPI 3.1 document of the HTTP interface.

    It has every command and query with a route. Payloads are described by their marshmallow schemas. Nothing is called,
    and no store is opened.
    """
    app = call.application(store="memory://")
    title = title_of(Path.cwd(), app.registry.name)
    document = openapi(
        app.model,
        title=output["title"] or title.name,
        version=output["api_version"] or title.version,
        servers=servers,
        auth=auth,
    )
    if not document["paths"]:
        call.terminal.note('no handler has a route: write route="POST /orders" to have HTTP reach one')
    give(call, document, **output)
