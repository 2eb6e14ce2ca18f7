"""What the server is asked to do, and what it refuses."""

from __future__ import annotations

import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from ..errors import CqrslessError
from ..loading import local_store
from ..settings import in_lambda
from .guarding import is_loopback

__all__ = ["HOME", "Options", "Refused"]

#: Where the server keeps what it notes beside the store, below the folder that it is started in.
HOME: Final = Path(".cqrsless")

Shape = Literal["http-api", "function-url"]


class Refused(CqrslessError):
    """The development server does not do that."""

    status = 403


@dataclass(frozen=True, slots=True)
class Options:
    """How to serve. `store` is a URL; by default the one of the command line, an SQLite file if nothing says otherwise.

    `exposed` lets others on the network reach it; `dynamodb` lets it write to tables in an account. `claims` are those
    of every request without a token, as an authorizer would have found them out.

    >>> Options(host="0.0.0.0").check()
    Traceback (most recent call last):
    ...
    cqrsless.dev.options.Refused: 0.0.0.0 is reached by other machines, and the console lets whoever reaches it run \
every command: leave --host out, or say --expose if that is what you want
    """

    host: str = "127.0.0.1"
    port: int = 8000
    store: str | None = None
    exposed: bool = False
    dynamodb: bool = False
    shape: Shape = "http-api"
    claims: Mapping[str, Any] = field(default_factory=dict)
    reload: bool = True

    def check(self, environ: Mapping[str, str] | None = None) -> None:
        """Raise `Refused` for what is not for a development server."""
        environ = os.environ if environ is None else environ
        if in_lambda(environ):
            raise Refused(
                "this is Lambda (AWS_LAMBDA_FUNCTION_NAME or AWS_LAMBDA_RUNTIME_API is set), and the development "
                "server is for a developer's own machine: the handler string there is cqrsless.entrypoint"
            )
        if not is_loopback(self.host) and not self.exposed:
            raise Refused(
                f"{self.host} is reached by other machines, and the console lets whoever reaches it run every "
                "command: leave --host out, or say --expose if that is what you want"
            )
        url = self.store_url(environ)
        if url.startswith("dynamodb:") and not self.dynamodb:
            raise Refused(
                f"the store is {url}, and a click in the console would write to those tables: give --store "
                "sqlite:///dev.db, or say --dynamodb if that is what you want"
            )

    def store_url(self, environ: Mapping[str, str] | None = None) -> str:
        """Give the store's URL: the one that every command of the command line works on, if nothing else is said."""
        return self.store or local_store(os.environ if environ is None else environ, Path.cwd())

    def notes(self, url: str) -> Path | None:
        """Give where the server keeps notes about a store, as a path to be continued; none for one in memory."""
        if url.startswith("memory:"):
            return None
        return HOME / f"notes-{zlib.crc32(url.encode()):08x}"


def make_home(home: Path = HOME) -> None:
    """Make the folder for the server's notes, which no repository wants."""
    home.mkdir(exist_ok=True)
    ignore = home / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n", encoding="utf-8")
