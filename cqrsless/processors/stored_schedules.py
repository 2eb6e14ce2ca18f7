"""Schedules as rows of the views table, for the embedded stores: sorted by time, fired when somebody asks."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from ..aggregates.commits import microseconds, moment
from ..errors import REFUSALS, CqrslessError
from ..logs import handling
from ..messages import Cost, Message
from ..store import ConditionFailed, Delete, Equals, Item, Put, Store
from .identities import identity
from .scheduling import message_of

__all__ = ["StoredScheduler"]

log = logging.getLogger("cqrsless")
#: How often a command that fails is run in all, as Lambda does with one that EventBridge Scheduler brings.
ATTEMPTS: Final = 3
_ROWS: Final = "s#"


class StoredScheduler:
    """Keeps each command as a row, and a note by its id, so that an id waits once.

    A crash between running a command and removing its row repeats it: the same id makes that a duplicate.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def schedule(self, id: str, when: datetime, wire: Mapping[str, Any]) -> None:
        due = microseconds(when)
        at = f"{due:020d}#{identity('schedule', id)}"
        row: Item = {"pk": _ROWS, "sk": at, "id": id, "due": due, "wire": json.dumps(dict(wire))}
        note: Item = {"pk": f"{_ROWS}{id}", "sk": "-", "at": at}
        try:
            self._store.write([Put("views", note, "absent"), Put("views", row, "absent")], Cost())
        except ConditionFailed:
            log.info("%s waits already: its first time stands", id)

    def cancel(self, id: str) -> None:
        note = self._store.get("views", f"{_ROWS}{id}", "-", Cost())
        if note is not None:
            self._remove(id, note["at"])

    def waiting(self) -> Iterator[Message]:
        """Give what waits, in the order of time: each as the message that it will be, with its due time."""
        after = None
        while True:
            page = self._store.query("views", _ROWS, Cost(), after=after)
            for row in page.items:
                yield message_of(json.loads(row["wire"]), moment(row["due"]), row.get("tries", 0) + 1)
            if not page.more or not page.items:
                return
            after = page.items[-1]["sk"]

    def next_due(self, until: datetime) -> datetime | None:
        """Give the time of the first command that is due by then, if there is one."""
        page = self._store.query("views", _ROWS, Cost(), last=_behind(until), limit=1)
        return moment(page.items[0]["due"]) if page.items else None

    def fire_due(self, now: datetime, fire: Callable[[Message], Any]) -> int:
        """Run what is due, in the order of time, with what becomes due by that; give how many were run.

        One that fails is left for the next time, three times in all; the first failure is raised once the others ran.
        """
        done, after = 0, None
        first: Exception | None = None
        while True:
            # One at a time: what is run may cancel the next, or bring one that comes before it.
            rows = self._store.query("views", _ROWS, Cost(), last=_behind(now), after=after, limit=1).items
            if not rows:
                break
            after = rows[0]["sk"]
            error = self._fire(rows[0], fire)
            first = first or error
            done += 1
        if first is not None:
            raise first
        return done

    def _fire(self, row: Item, fire: Callable[[Message], Any]) -> Exception | None:
        attempt = row.get("tries", 0) + 1
        message = message_of(json.loads(row["wire"]), moment(row["due"]), attempt)
        with handling(message):
            try:
                fire(message)
            except REFUSALS as error:
                log.info("%s refused: %s: %s", message.name, type(error).__name__, error)
            except Exception as error:
                self._failed(row, message, attempt)
                if isinstance(error, CqrslessError):  # whoever is told of it has not asked for this command
                    due = f"{moment(row['due']):%Y-%m-%d %H:%M:%S}"
                    error.args = (f"{error} ({message.name} {message.id}, which was due at {due} UTC)",)
                return error
        self._remove(row["id"], row["sk"])
        return None

    def _failed(self, row: Item, message: Message, attempt: int) -> None:
        if attempt >= ATTEMPTS:
            log.exception("%s, which was due at %s, failed %d times: given up", message.name, message.time, attempt)
            self._remove(row["id"], row["sk"])
            return
        log.warning("%s, which was due at %s, failed: it is run again next time", message.name, message.time)
        try:
            self._store.put("views", {**row, "tries": attempt}, Cost(), condition=Equals("id", row["id"]))
        except ConditionFailed:  # cancelled meanwhile
            log.debug("%s does not wait any more", row["id"])

    def _remove(self, id: str, at: str) -> None:
        try:
            self._store.write(
                [Delete("views", f"{_ROWS}{id}", "-", Equals("at", at)), Delete("views", _ROWS, at)], Cost()
            )
        except ConditionFailed:  # its note is another's by now, or gone
            self._store.write([Delete("views", _ROWS, at)], Cost())


def _behind(time: datetime) -> str:
    """Give a sort key behind all rows of a moment."""
    return f"{microseconds(time):020d}$"
