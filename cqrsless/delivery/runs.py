"""Runs: a replay builds a new one beside the live one, and readers follow once it has caught up.

Each consumer has one control item. `live` is the run that readers see; `next` the one being built, which live commits
are applied to as well from the moment it is listed; `old` the one that was live before, removed when nobody can read it
any more. Writers read the item strongly before each batch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from threading import Lock
from typing import Final

from ..aggregates.commits import microseconds
from ..messages import Cost
from ..store import Condition, ConditionFailed, Equals, Item, SortKey, Store

#: Microseconds that a reader goes on with the run it knows.
READ_FOR: Final = 2_000_000
#: Microseconds after a switch before the old run is removed: past any reader, and any invocation that began before.
KEPT_FOR: Final = 15 * 60 * 1_000_000


@dataclass(frozen=True, slots=True)
class Control:
    """What a consumer's control item says; without one, its first run is live."""

    live: int = 1
    next: int | None = None
    #: The highest number that any run had: none is used twice.
    newest: int = 1
    #: The moment (microseconds) that the consumer starts from; `None`: not yet said.
    since: int | None = None
    #: The moment (microseconds) up to which a processor's effects are muted, whatever it starts from.
    muted: int = 0
    #: How far the scan that fills `next` got, and how many commits it has seen.
    cursor: tuple[str, SortKey] | None = None
    done: int = 0
    #: Who fills `next`, or removes `old`, and until when nobody else does. Without an owner, somebody was called to.
    owner: str = ""
    until: int = 0
    #: The code that `next` is filled with, and those that `live` was, each as one version of Python tells it; the codes
    #: that others have taken the place of; and the last whose run had failures (`delivery.codes`).
    code: str = ""
    made: tuple[str, ...] = ()
    former: tuple[str, ...] = ()
    refused: str = ""
    #: Whether `next` lacks commits that were delivered to other code, so that the table is to be scanned again.
    behind: bool = False
    #: When other code last changed `live`; when former code asked whether it is in use again, and was last answered.
    mixed: int = 0
    asked: int = 0
    answered: int = 0
    old: int | None = None
    switched: int = 0
    rev: int = 0


class Runs:
    """The control items of one store."""

    def __init__(self, store: Store, now: Callable[[], datetime]) -> None:
        self.store = store
        self._now = now
        self._known: dict[str, tuple[int, Control]] = {}
        self._lock = Lock()

    def read(self, consumer: str, cost: Cost) -> Control:
        """Read a consumer's control item strongly."""
        item = self.store.get("views", f"c#{consumer}", "-", cost)
        return self._saw(consumer, Control() if item is None else _control(item))

    def live(self, consumer: str, cost: Cost) -> int:
        """Give the run to read from, as of the last moments."""
        with self._lock:
            known = self._known.get(consumer)
        if known is not None and 0 <= microseconds(self._now()) - known[0] < READ_FOR:
            return known[1].live
        return self.read(consumer, cost).live

    def change(self, consumer: str, before: Control, after: Control, cost: Cost) -> Control | None:
        """Change a control item if it is as it was read; `None` if somebody else changed it."""
        changed = replace(after, rev=before.rev + 1)
        condition: Condition = "absent" if before.rev == 0 else Equals("rev", before.rev)
        try:
            self.store.put("views", _item(consumer, changed), cost, condition=condition)
        except ConditionFailed as failed:
            if failed.item is None or _control(failed.item) != changed:
                return None
        return self._saw(consumer, changed)

    def begin(self, consumer: str, since: int, cost: Cost) -> Control:
        """Note the moment that a consumer starts from, unless it has one; give its control item."""
        return self.update(
            consumer, lambda found: found if found.since is not None else replace(found, since=since), cost
        )

    def update(self, consumer: str, change: Callable[[Control], Control], cost: Cost) -> Control:
        """Read a control item and change it, again where somebody else was faster; one that stays is not written."""
        while True:
            found = self.read(consumer, cost)
            wanted = change(found)
            written = found if wanted == found else self.change(consumer, found, wanted, cost)
            if written is not None:
                return written

    def _saw(self, consumer: str, control: Control) -> Control:
        with self._lock:
            self._known[consumer] = microseconds(self._now()), control
        return control


def _item(consumer: str, control: Control) -> Item:
    item: Item = {"pk": f"c#{consumer}", "sk": "-", "rev": control.rev, "run": control.live, "newest": control.newest}
    for name, value in (("next", control.next), ("since", control.since), ("old", control.old)):
        if value is not None:
            item[name] = value
    if control.cursor is not None:
        item["at"], item["at_c"] = control.cursor
    return {
        **item,
        "muted": control.muted,
        "done": control.done,
        "owner": control.owner,
        "until": control.until,
        "code": control.code,
        "made": " ".join(control.made),
        "former": " ".join(control.former),
        "refused": control.refused,
        "behind": control.behind,
        "mixed": control.mixed,
        "asked": control.asked,
        "answered": control.answered,
        "switched": control.switched,
    }


def _control(item: Item) -> Control:
    return Control(
        live=item["run"],
        next=item.get("next"),
        newest=item["newest"],
        since=item.get("since"),
        muted=item.get("muted", 0),
        cursor=(item["at"], item["at_c"]) if "at" in item else None,
        done=item["done"],
        owner=item["owner"],
        until=item["until"],
        code=item["code"],
        made=tuple(item.get("made", "").split()),
        former=tuple(item.get("former", "").split()),
        refused=item.get("refused", ""),
        behind=item.get("behind", False),
        mixed=item.get("mixed", 0),
        asked=item.get("asked", 0),
        answered=item.get("answered", 0),
        old=item.get("old"),
        switched=item["switched"],
        rev=item["rev"],
    )
