"""What the server notes outside of the store, one JSON line each: public events, and what commands cost."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from threading import Lock
from typing import Any, Final

__all__ = ["Journal"]

#: Lines that are kept, and bytes of the file above which older ones are dropped.
KEPT: Final = 2_000
_MOST: Final = 16 * 1024 * 1024


class Journal:
    """The newest entries of a file; without a file, of this process. One cut short by a crash is left out.

    >>> journal = Journal(None)
    >>> journal.add([{"name": "OrderPlaced"}]); list(journal)
    [{'name': 'OrderPlaced'}]
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lock = Lock()
        self._entries: deque[Any] = deque(maxlen=KEPT)
        #: How many there ever were, which numbers them.
        self.count = 0
        if path is not None and path.exists():
            for line in path.read_bytes().splitlines():
                try:
                    self._entries.append(json.loads(line))
                except ValueError:
                    continue
            self.count = len(self._entries)

    def add(self, entries: Iterable[Any]) -> None:
        """Keep entries, and have them on the disk before this returns."""
        new = list(entries)
        if not new:
            return
        with self._lock:
            self._entries.extend(new)
            self.count += len(new)
            if self._path is None:
                return
            text = "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in new)
            with self._path.open("a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(text)
                size = file.tell()
            if size > _MOST:
                self._shorten()

    def __iter__(self) -> Any:
        with self._lock:
            return iter(list(self._entries))

    def _shorten(self) -> None:
        assert self._path is not None
        kept = "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in self._entries)
        shorter = self._path.with_suffix(".new")
        shorter.write_text(kept, encoding="utf-8", errors="backslashreplace")
        shorter.replace(self._path)
