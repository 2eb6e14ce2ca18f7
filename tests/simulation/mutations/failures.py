"""Rules of failure: attempts, parking, letters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from cqrsless.app import App
from cqrsless.delivery import parking
from cqrsless.delivery.batches import Batch
from cqrsless.delivery.commit import Commit
from cqrsless.delivery.consuming import Failed, Feeder
from cqrsless.delivery.places import applied
from cqrsless.delivery.writing import commit, revised, without
from cqrsless.errors import StoreUnavailable
from cqrsless.processors import ordered
from cqrsless.processors.unordered import UnorderedProcessor
from cqrsless.projections import applying
from cqrsless.reacting import reactions
from cqrsless.store import Delete, Put

from .mutation import Patch, without_rule


@without_rule("a record that failed is said to have failed")
def _(patch: Patch) -> None:
    patch.setattr(Batch, "failed", lambda self: [])


@without_rule("behind a parked commit nothing of its aggregate is handled", "boxes")
def _(patch: Patch) -> None:
    locate = Feeder.locate

    def unparked(self: Any, *args: Any, **kwargs: Any) -> Any:
        key, place = locate(self, *args, **kwargs)
        return key, without(place, "parked", "seen", "why")

    patch.setattr(Feeder, "locate", unparked)


@without_rule("a parked place notes what it has seen", "boxes")
def _(patch: Patch) -> None:
    patch.setattr(parking.Parking, "note_seen", lambda self, place, commit, cost: place)


@without_rule("what is parked goes on only if nothing newer was seen", "boxes")
def _(patch: Patch) -> None:
    def unpark(self: Any, place: Any, pk: str, cost: Any) -> Any:
        bare = without(place, "fail", "tries", "until", "parked", "seen", "why", "since")
        item = revised(bare, mark=max(applied(place), place["seen"]))
        commit(self.places, [Put("views", item), Delete("views", *parking.letter(self.consumer, self.run, pk))], cost)
        return item

    patch.setattr(parking.Parking, "unpark", unpark)


@without_rule("a letter is written with the park, all or nothing", "boxes")
def _(patch: Patch) -> None:
    def write(places: Any, writes: Sequence[Any], cost: Any) -> None:
        for one in writes:
            commit(places, [one], cost)

    patch.setattr(parking, "write", write)


@without_rule("what Lambda gave up on is parked", "boxes")
def _(patch: Patch) -> None:
    patch.setattr(App, "park_given_up", lambda self, deliveries, why: [])


@without_rule("a park that cannot be written is a failure of the record", "boxes")
def _(patch: Patch) -> None:
    park = parking.Parking.park

    def careless(self: Any, place: Any, commit: Any, *args: Any, **options: Any) -> Any:
        try:
            return park(self, place, commit, *args, **options)
        except StoreUnavailable:
            return {**place, "parked": commit.number, "seen": commit.number}

    patch.setattr(parking.Parking, "park", careless)


@without_rule("what could not be parked for Lambda comes again", "boxes")
def _(patch: Patch) -> None:
    park = reactions.Reactions.park_given_up

    def careless(self: Any, deliveries: Any, why: str) -> list[str]:
        park(self, deliveries, why)
        return []

    patch.setattr(reactions.Reactions, "park_given_up", careless)


@without_rule("failed attempts are counted durably")
def _(patch: Patch) -> None:
    for module in (parking, ordered, applying):
        patch.setattr(module, "tries", lambda place, number: 0)


@without_rule("an aggregate is parked behind its last attempt", found="is not parked")
def _(patch: Patch) -> None:
    failed = parking.Parking.failed
    patch.setattr(
        parking.Parking, "failed", lambda *args, retries, **options: failed(*args, retries=retries + 9, **options)
    )


@without_rule("an aggregate is not parked before its last attempt", found="was parked after")
def _(patch: Patch) -> None:
    failed = parking.Parking.failed
    patch.setattr(
        parking.Parking, "failed", lambda *args, retries, **options: failed(*args, retries=retries - 1, **options)
    )


@without_rule("behind a parked aggregate, others go on", "boxes")
def _(patch: Patch) -> None:
    feed = Feeder.feed

    def blocked(self: Any, consumer: Any, commit: Any, cost: Any) -> None:
        if not any(consumer.parking.letters(cost)):
            feed(self, consumer, commit, cost)

    patch.setattr(Feeder, "feed", blocked)


@without_rule("a retry begins at the failing commit", "boxes")
def _(patch: Patch) -> None:
    def last_only(feeder: Any, consumer: Any, pk: str, place: Any, dropped: Any, cost: Any) -> Any:
        item = feeder.store.get("events", pk, place["seen"], cost)
        after = consumer.apply(Commit(item, feeder.decoder), place, cost)
        return after if applied(after) >= place["seen"] else None

    patch.setattr(parking, "_apply_parked", last_only)


@without_rule("a drop steps past one commit, and no more", "boxes")
def _(patch: Patch) -> None:
    def drop(feeder: Any, consumer: Any, pk: str, place: Any, dropped: Any, cost: Any) -> Any:
        if dropped is None:
            return apply_parked(feeder, consumer, pk, place, dropped, cost)
        item = revised(place, mark=place["seen"])
        commit(feeder.places, [Put("views", item)], cost)
        return item

    apply_parked = parking._apply_parked
    patch.setattr(parking, "_apply_parked", drop)


@without_rule("what an unordered processor fails at comes again")
def _(patch: Patch) -> None:
    take = UnorderedProcessor.take

    def careless(self: Any, one: Any, cost: Any) -> None:
        with suppress(Exception):
            take(self, one, cost)

    patch.setattr(UnorderedProcessor, "take", careless)


@without_rule("what is parked for one processor goes on for the others")
def _(patch: Patch) -> None:
    feed = Feeder.feed

    def blocked(self: Any, consumer: Any, commit: Any, cost: Any) -> None:
        parked = (item for item in items(self.store, cost) if item["pk"].startswith("d#"))
        if any(item["key"] == commit.pk and not item["pk"].endswith(f"#{consumer.name}") for item in parked):
            raise Failed("it is parked for another")
        feed(self, consumer, commit, cost)

    def items(store: Any, cost: Any) -> Iterator[Any]:
        after = None
        while True:
            page = store.scan("views", cost, after=after)
            yield from page.items
            if not page.more:
                return
            after = page.items[-1]["pk"], page.items[-1]["sk"]

    patch.setattr(Feeder, "feed", blocked)
