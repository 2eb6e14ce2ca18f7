"""What is parked, for those who look after it: listed, retried, dropped; and parked where Lambda itself gave up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol, TypeAlias

from ..errors import NotFound
from ..messages import Cost
from ..store import Item
from .commit import Commit
from .consuming import Failed, Feeder
from .parking import Letter, Parks, give_up, retry
from .places import applied

__all__ = ["Letters", "Parked", "ParkedAggregates"]


#: `Letters` has a method called `list`, behind which its annotations would not find the type.
Some: TypeAlias = list[Letter]


class Parked(Protocol):
    """What one consumer has parked. Its keys are those of aggregates."""

    def letters(self, cost: Cost) -> Iterator[Letter]: ...
    def retry(self, key: str, cost: Cost) -> bool:
        """Try again, and say whether all of it went well; raise `NotFound` where nothing is parked."""
        ...

    def drop(self, key: str, cost: Cost) -> bool:
        """Step past one commit, and try the rest again."""
        ...

    def resume(self, key: str, number: int, cost: Cost) -> None:
        """Try again what was parked at a commit for a while, if it still is."""
        ...

    def give_up(self, commit: Commit, why: str, cost: Cost) -> None:
        """Park what Lambda has given up on, unless it was taken since."""
        ...


class ParkedAggregates:
    """What a consumer with places has parked: an ordered processor, or a view."""

    def __init__(self, feeder: Feeder, consumer: Parks) -> None:
        self._feeder = feeder
        self._consumer = consumer

    def letters(self, cost: Cost) -> Iterator[Letter]:
        return self._consumer.parking.letters(cost)

    def retry(self, key: str, cost: Cost) -> bool:
        return retry(self._feeder, self._consumer, key, cost)

    def drop(self, key: str, cost: Cost) -> bool:
        return retry(self._feeder, self._consumer, key, cost, drop=True)

    def resume(self, key: str, number: int, cost: Cost) -> None:
        try:
            self.retry(key, cost)
        except NotFound:
            item = self._feeder.store.get("events", key, number, cost)
            if item is None:
                raise
            commit = Commit(item, self._feeder.decoder)
            _, place = self._feeder.locate(self._consumer, commit, cost, fresh=True)
            if applied(place) < number:
                text = f"{self._consumer.name} has not parked {key} yet, nor taken its commit {number}"
                raise Failed(text) from None

    def give_up(self, commit: Commit, why: str, cost: Cost) -> None:
        give_up(self._feeder, self._consumer, commit, why, cost)


class Letters:
    """`app.letters`: the parked aggregates of each processor and view.

    `find` gives what a consumer has parked, or raises for a name that is none.
    """

    def __init__(self, find: Callable[[str], Parked], feeder: Feeder) -> None:
        self._find = find
        self._feeder = feeder

    def list(self, consumer: object) -> Some:
        """Give what is parked for a processor or view, by aggregate."""
        return list(self._find(_name(consumer)).letters(Cost()))

    def retry(self, consumer: object, key: str | Letter | None = None) -> Some:
        """Apply what is parked, of one aggregate or of all, from the failing commit onwards, in order.

        Gives what is still parked of that: nothing, where all went well. Raises `NotFound` for an aggregate that is
        not parked.
        """
        parked = self._find(_name(consumer))
        cost = Cost()
        if key is not None:
            parked.retry(_key(key), cost)
        else:
            for one in dict.fromkeys(letter.key for letter in parked.letters(cost)):
                try:
                    parked.retry(one, cost)
                except NotFound:  # somebody else has let it go since
                    continue
        return [letter for letter in parked.letters(cost) if key is None or letter.key == _key(key)]

    def drop(self, consumer: object, key: str | Letter) -> Some:
        """Step past the failing commit of an aggregate, which is then never handled, and retry what waits behind it.

        Gives what is parked of that aggregate afterwards.
        """
        parked = self._find(_name(consumer))
        parked.drop(_key(key), Cost())
        return [letter for letter in parked.letters(Cost()) if letter.key == _key(key)]

    def give_up(self, consumer: str, item: Item, why: str, cost: Cost) -> None:
        """Park the aggregate of a commit that Lambda gave up on: what arrived at the on-failure destination."""
        self._find(consumer).give_up(Commit(item, self._feeder.decoder), why, cost)


def _name(consumer: object) -> str:
    return consumer if isinstance(consumer, str) else str(getattr(consumer, "name", consumer))


def _key(key: str | Letter) -> str:
    return key if isinstance(key, str) else key.key
