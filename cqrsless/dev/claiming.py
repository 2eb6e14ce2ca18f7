"""One server for one SQLite file: two would each deliver its events, to handlers that then act twice.

A lock on a file beside the store says that a server runs; it goes with the process, however that ends.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from .options import HOME, Refused, make_home

__all__ = ["Claim", "claimed"]

_SCHEME = "sqlite:///"


class Claim:
    """A store that is this server's; who asks for it meanwhile is told where the server is."""

    def __init__(self, file: IO[str] | None) -> None:
        self._file = file

    def tell(self, address: str) -> None:
        """Note where the server listens."""
        if self._file is not None:
            self._file.seek(0)
            self._file.truncate()
            self._file.write(f"{address} {os.getpid()}")
            self._file.flush()


@contextmanager
def claimed(url: str) -> Generator[Claim]:
    """Hold a store while a server runs on it; raise `Refused` where another one does.

    Only an SQLite file is held: a store in memory is its process's own, and the tables of AWS bring their streams to
    whom they are to reach. Where files cannot be locked or nothing can be written beside the store, nobody is refused.
    """
    file = _opened(Path(url.removeprefix(_SCHEME)).absolute()) if url.startswith(_SCHEME) else None
    if file is None:
        yield Claim(None)
        return
    with file:
        if not _locked(file):
            file.seek(0)
            address, _, pid = file.read(200).partition(" ")
            at = f" at {address} (process {pid})" if pid else ""
            raise Refused(
                f"another cqrsless dev serves {url} already{at}: two would deliver each event twice. Use that one, end "
                "it, or give this one a store of its own: --store sqlite:///other.db"
            )
        yield Claim(file)


def _opened(store: Path) -> IO[str] | None:
    folder = store.resolve().parent
    if not folder.is_dir():
        return None  # that the store cannot be opened is told where it is
    try:
        make_home(folder / HOME)
        return (folder / HOME / f"{store.resolve().name}.lock").open("a+", encoding="utf-8")
    except OSError:
        return None


def _locked(file: IO[str]) -> bool:
    try:
        import fcntl
    except ImportError:  # on Windows
        return True
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True
