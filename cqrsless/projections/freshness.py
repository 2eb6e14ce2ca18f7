"""Reading your own writes: waiting until a view holds a commit."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

from ..delivery.commit import Commit, Decoder
from ..delivery.places import applied, beside, view_place
from ..errors import MalformedMessage, NotCaughtUp
from ..keys import aggregate_key
from ..messages import CommandResult, Cost
from ..registry import ProjectorRecord, ViewRecord
from ..store import KEY_LIMIT, Item, Store
from .addressing import Addresses
from .rows import Layout

#: Seconds that a reader waits at most, and between the first two looks and any two.
PATIENCE: Final = 5.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 0.5


class Reference(NamedTuple):
    """A commit that a view is to hold: the aggregate's key, the version, and the names of its events where known."""

    key: str
    version: int
    names: frozenset[str] | None = None

    @classmethod
    def to(cls, result: CommandResult) -> Reference | None:
        """Refer to what a command committed; `None` where it was on no aggregate.

        >>> Reference.to(CommandResult("o-1", 3, aggregate="Order"))
        Reference(key='Order#o-1', version=3, names=frozenset())
        """
        if not isinstance(result, CommandResult):
            raise TypeError(f"after={result!r:.100} is no CommandResult: give what execute returned")
        if result.aggregate is None or result.aggregate_id is None or not result.version:
            return None
        names = frozenset(event.name for event in result.events)
        return cls(aggregate_key(result.aggregate, result.aggregate_id), result.version, names)

    @classmethod
    def of(cls, aggregate: object, aggregate_id: object, version: object) -> Reference | None:
        """Refer to a commit that somebody names; `None` where there can be no such one.

        >>> Reference.of("Order", "o-1", 3)
        Reference(key='Order#o-1', version=3, names=None)
        """
        if not isinstance(aggregate, str) or not isinstance(aggregate_id, str) or not aggregate or "#" in aggregate:
            return None
        return cls._to(aggregate_key(aggregate, aggregate_id), version)

    @classmethod
    def read(cls, text: object) -> Reference:
        """Read what `str()` wrote; raise `MalformedMessage` for anything else.

        >>> Reference.read(str(Reference("Order#o-1", 3)))
        Reference(key='Order#o-1', version=3, names=None)
        """
        try:
            if not isinstance(text, str):
                raise TypeError
            key, version = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars="-_", validate=True))
            reference = cls._to(key, version)
        except (ValueError, TypeError, RecursionError):
            reference = None
        if reference is not None:
            return reference
        raise MalformedMessage("this names no commit: give back what the answer to a command had")

    @classmethod
    def _to(cls, key: object, version: object) -> Reference | None:
        """Refer to a commit if there may be one of that key and number."""
        if not isinstance(key, str) or not 0 < len(key.encode()) <= KEY_LIMIT or "#" not in key:
            return None
        return cls(key, version) if type(version) is int and 0 < version < 2**63 else None

    def __str__(self) -> str:
        """Give text that travels in a header."""
        return base64.urlsafe_b64encode(json.dumps([self.key, self.version]).encode()).decode().rstrip("=")


class Freshness:
    """Tells whether views hold commits, and waits for them. `live` gives the run of a view that is read from."""

    def __init__(
        self,
        store: Store,
        projectors: Iterable[ProjectorRecord],
        id_fields: Mapping[str, tuple[str, ...]],
        decoder: Decoder,
        live: Callable[[str, Cost], int],
        *,
        patience: float = PATIENCE,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._id_fields = id_fields
        self._decoder = decoder
        self._live = live
        self._patience = patience
        self._sleep = sleep
        self._clock = clock
        self._names: dict[str, set[str]] = {}
        for projector in projectors:
            names = self._names.setdefault(projector.view, set())
            for name in projector.names:
                names |= decoder.stored_names(name)

    def wait(self, view: ViewRecord, reference: Reference, cost: Cost) -> None:
        """Come back once a view holds a commit: at once where that projects nothing into it.

        Raises `NotCaughtUp` where it takes too long, or is parked; `MalformedMessage` for a commit that is none.
        """
        wanted = self._names.get(view.name, set())
        names = reference.names
        gives_up = self._clock() + self._patience
        pause = _FIRST_PAUSE
        while names is None or not names.isdisjoint(wanted):
            place = self._place(view, reference, cost)
            if applied(place) >= reference.version:
                return
            if names is None:
                names = self._names_of(reference, cost)
                continue
            if place is not None and "parked" in place:
                raise NotCaughtUp(
                    f"the view {view.name} has parked {reference.key} at commit {place['parked']}, so it does not come "
                    f"to hold commit {reference.version}: {place['why']}"
                )
            if self._clock() + pause > gives_up:
                raise NotCaughtUp(
                    f"the view {view.name} does not hold commit {reference.version} of {reference.key} after "
                    f"{self._patience:g} seconds: its function is late, or not there; ask again, or without `after`"
                )
            self._sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _place(self, view: ViewRecord, reference: Reference, cost: Cost) -> Item | None:
        run = self._live(view.name, cost)
        stub: dict[str, Any] = {"pk": reference.key, "c": reference.version}
        commit = Commit(stub, self._decoder)
        key = Addresses(Layout(view, run), self._id_fields).own(commit) or view_place(view.name, run, reference.key)
        place = self._store.get("views", *key, cost)
        if place is not None and place.get("of", commit.aggregate) != commit.aggregate:
            place = self._store.get("views", *beside(key, reference.key), cost)
        return place

    def _names_of(self, reference: Reference, cost: Cost) -> frozenset[str]:
        item = self._store.get("events", reference.key, reference.version, cost)
        if item is None:
            raise MalformedMessage(f"there is no commit {reference.version} of {reference.key} to ask after")
        return frozenset(item.get("names", ()))
