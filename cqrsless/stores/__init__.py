"""The engines behind `cqrsless.store`, each imported when its URL is first opened."""

from __future__ import annotations

from typing import Final

from ..errors import AppLoadError
from ..store import Store

__all__ = ["open_store"]

FORMS: Final = (
    "memory:// (private), memory://name (shared in this process), sqlite:///relative.db, sqlite:////absolute.db, "
    "dynamodb://prefix, dynamodb://prefix?endpoint=http://127.0.0.1:8112&region=eu-west-1"
)


def open_store(url: str) -> Store:
    """Open the store that a URL names; `AppLoadError` says which forms there are if this is none of them.

    >>> open_store("memory://").url
    'memory://'
    """
    scheme, separator, rest = url.partition("://")
    if separator and scheme == "memory":
        from .memory import open_memory

        return open_memory(rest)
    if separator and scheme == "sqlite":
        from .sqlite import open_sqlite

        return open_sqlite(rest)
    if separator and scheme == "dynamodb":
        from .dynamodb import open_dynamodb

        return open_dynamodb(rest, FORMS)
    raise AppLoadError(f"no store has the URL {url!r}; the forms are {FORMS}")
