"""JSON on the command line: as it is, from a file (`@order.json`), or from standard input (`-`)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import MalformedMessage
from ..sources.documents import parse

__all__ = ["JSON"]


if TYPE_CHECKING:
    Parameter = click.ParamType[dict[str, Any]]
else:
    Parameter = click.ParamType  # no generic before click 8.4


class JsonObject(Parameter):
    """A JSON object, read as strictly as the application's sources read one."""

    name = "json"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        text, what = self._read(value, param, ctx)
        try:
            return parse(text, what)
        except MalformedMessage as error:
            advice = "" if what != "the argument" else ': write it as \'{"order_id": "o-1"}\', @file or -'
            self.fail(f"{error}{advice}", param, ctx)

    def _read(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str | bytes, str]:
        if value == "-":
            if not sys.stdin:  # none where it is closed, as by <&-
                self.fail("standard input is closed", param, ctx)
            return sys.stdin.buffer.read(), "standard input"
        if not value.startswith("@"):
            return value, "the argument"
        if value == "@":
            self.fail("@ needs a file behind it, as in @order.json", param, ctx)
        file = Path(value[1:])
        try:
            return file.read_bytes().removeprefix(b"\xef\xbb\xbf"), str(file)
        except OSError as error:
            self.fail(f"{file} cannot be read: {error.strerror or error}", param, ctx)


JSON = JsonObject()
