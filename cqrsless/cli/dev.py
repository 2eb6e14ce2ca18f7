"""`cqrsless dev`: the application on this machine, with a console in the browser."""

from __future__ import annotations

import json
import os
from typing import Any, Literal

import click

from .exits import USAGE, Failure
from .options import Call, common_options

__all__ = ["command"]


@click.command()
@common_options
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="The port; 0 takes a free one."
)
@click.option("--expose", is_flag=True, help="Let other machines reach it: whoever does can run every command.")
@click.option("--dynamodb", is_flag=True, help="Let it write to DynamoDB where the store is there.")
@click.option(
    "--as",
    "shape",
    default="http-api",
    show_default=True,
    type=click.Choice(["http-api", "function-url"]),
    help="What Lambda would get requests from.",
)
@click.option("--claims", metavar="JSON", help="Claims of every request without a token, as an authorizer gives them.")
@click.option("--no-reload", is_flag=True, help="Go on with the code as it is when a file is saved.")
def command(
    call: Call,
    host: str,
    port: int,
    expose: bool,
    dynamodb: bool,
    shape: Literal["http-api", "function-url"],
    claims: str | None,
    no_reload: bool,
) -> None:
    """Serve the application on this machine, with a console at /_cqrsless/.

    Commands and queries are served at their routes, as API Gateway would; events reach views, processors and
    publishers by themselves; what is due runs when it is due. Saving a file of the application loads it anew, and keeps
    the data.
    """
    try:
        from ..dev import Options, serve
    except ModuleNotFoundError as error:
        if error.name != "werkzeug":
            raise
        raise Failure("the development server needs werkzeug: pip install 'cqrsless[dev]'", USAGE) from None
    if call.given.get("app"):
        os.environ["CQRSLESS_APP"] = call.given["app"]
    options = Options(
        host=host,
        port=port,
        store=call.given.get("store"),
        exposed=expose,
        dynamodb=dynamodb,
        shape=shape,
        claims=_claims(claims),
        reload=not no_reload,
    )
    serve(options, lambda text: click.echo(text, err=True))


def _claims(text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    try:
        found = json.loads(text)
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is not JSON: {error}", param_hint="--claims") from None
    if not isinstance(found, dict):
        raise click.BadParameter('it is an object, as in \'{"sub": "ada", "role": "staff"}\'', param_hint="--claims")
    return found
