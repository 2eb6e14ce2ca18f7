"""Publishers: run in order as the processor `publisher`, a batch sent together, and parked like any other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from cqrsless import Event, Message, Registry
from cqrsless.delivery.batches import Batch, Delivery
from cqrsless.delivery.commit import Decoder
from cqrsless.delivery.consuming import Feeder
from cqrsless.delivery.letters import Letters, ParkedAggregates
from cqrsless.delivery.places import Places
from cqrsless.processors.handlers import Handlers
from cqrsless.processors.ordered import ProcessorConsumer
from cqrsless.processors.scheduling import Scheduling
from cqrsless.processors.stored_schedules import StoredScheduler
from cqrsless.publishing.cloudevents import Envelope, Envelopes
from cqrsless.publishing.published import Published
from cqrsless.publishing.publishers import PUBLISHER, Outbox, PublisherTaker, publishers
from cqrsless.publishing.sending import NotPublished
from cqrsless.resources import Resources
from cqrsless.store import Item
from cqrsless.surroundings import Surroundings
from tests.processors.harness import Bench, Died, Dying, record_of, registry


class World:
    """Where public events go: notes what it took, in which requests, and refuses what it is told to."""

    def __init__(self) -> None:
        self.took: list[Envelope] = []
        self.requests: list[int] = []
        self.refuses: set[tuple[Any, Any]] = set()

    def send(self, envelopes: Sequence[Envelope]) -> list[Exception | None]:
        if envelopes:
            self.requests.append(len(envelopes))
        outcomes: list[Exception | None] = []
        for one in envelopes:
            refused = (one.document["subject"], one.event.payload.get("version")) in self.refuses
            outcomes.append(NotPublished("not taken") if refused else None)
            if not refused:
                self.took.append(one)
        return outcomes

    def of(self, subject: str) -> list[Any]:
        return [one.event.payload["version"] for one in self.took if one.document["subject"] == subject]


class Container:
    """One container's publishers."""

    def __init__(self, bench: Bench, world: Any, store: Any = None, *, replays: bool = False, since: int = 0) -> None:
        store = store if store is not None else bench.store
        model = bench.app.model
        self.decoder = Decoder(model.events)
        places = Places(store)
        feeder = Feeder(store, places, self.decoder)
        self.surroundings = Surroundings(model.middleware, Resources(model.resources, bench.resources))
        self.outbox = Outbox(world)
        made = publishers(model, self.surroundings, Envelopes(model, {}), self.outbox)
        scheduling = Scheduling(StoredScheduler(store), store, bench.now, bench.app.dispatch, lambda retry: None)
        consumer = ProcessorConsumer(
            PUBLISHER, Handlers(made, self.decoder), places, scheduling, bench.now, replays=replays, since=since
        )
        self.taker = PublisherTaker(consumer, feeder, self.outbox)
        self.letters = Letters(lambda name: ParkedAggregates(feeder, consumer), feeder)

    def offer(self, *items: Item) -> Batch:
        batch = Batch([Delivery(record_of(item), item) for item in items], self.decoder)
        batch.offer([self.taker])
        return batch

    def batch(self, *items: Item) -> list[str]:
        return self.offer(*items).failed()

    def deliver(self, *items: Item, times: int = 10) -> None:
        left = list(items)
        for _ in range(times):
            failed = self.batch(*left)
            left = [item for item in left if record_of(item) in failed]


def public(event: Any, *, message: Message) -> Event:
    return Event("OrderPlaced", {"version": message.version})


def shop(publish: Callable[..., Any] = public) -> Bench:
    made = registry()
    made.publisher("Placed", to="sqs://orders")(publish)
    return Bench(made)


def test_a_domain_event_becomes_the_public_one_that_its_publisher_returns() -> None:
    bench, world = shop(), World()
    Container(bench, world).batch(bench.commit("Order#o-1", "Packed", "Placed"))
    (sent,) = world.took
    assert (sent.to, sent.event) == ("sqs://orders", Event("OrderPlaced", {"version": 1}))
    assert (sent.document["subject"], sent.document["causationid"]) == ("o-1", "Order#o-1@2")


@pytest.mark.parametrize(
    ("given", "names"),
    [
        (None, []),
        ([], []),
        (Event("A"), ["A"]),
        ([Event("A"), Event("B")], ["A", "B"]),
        (iter((Event("A"), Event("A"))), ["A", "A"]),
    ],
)
def test_a_publisher_returns_nothing_one_or_several(given: Any, names: list[str]) -> None:
    bench, world = shop(lambda event: given), World()
    Container(bench, world).batch(bench.commit("Order#1", "Placed"))
    assert [one.event.name for one in world.took] == names
    assert len({one.id for one in world.took}) == len(names)


@pytest.mark.parametrize("given", ["A", {"a": 1}, 7, [Event("A"), "B"]])
def test_what_is_no_event_is_refused_with_advice(given: Any) -> None:
    bench, world = shop(lambda event: given), World()
    container = Container(bench, world)
    container.deliver(bench.commit("Order#1", "Placed"))
    assert "return the public Event, several, or nothing" in container.letters.list("publisher")[0].why
    assert world.took == []


def test_an_event_keeps_its_id_however_often_it_is_published() -> None:
    bench, world = shop(), World()
    item = bench.commit("Order#1", "Placed", "Placed")
    dying = Dying(bench.store)
    dying.dies_at = 1
    with pytest.raises(Died):
        Container(bench, world, dying).batch(item)
    Container(bench, world).batch(item)
    ids = [one.id for one in world.took]
    assert len(ids) == 4
    assert ids[:2] == ids[2:]
    assert ids[0] != ids[1]


def test_two_publishers_of_one_event_have_ids_of_their_own() -> None:
    made = registry()
    for to in ("sqs://one", "sqs://two"):
        made.publisher("Placed", to=to)(public)
    bench, world = Bench(made), World()
    Container(bench, world).batch(bench.commit("Order#1", "Placed"))
    assert [one.to for one in world.took] == ["sqs://one", "sqs://two"]
    assert len({one.id for one in world.took}) == 2


def test_a_batch_of_commits_is_sent_together_and_each_place_moves_by_one_write() -> None:
    bench, world = shop(), World()
    container = Container(bench, world)
    container.batch(*(bench.commit(f"Order#{key}", "Placed") for key in "abc"))
    items = [bench.commit(f"Order#{key}", "Placed") for _ in range(3) for key in "abc"]
    world.requests.clear()
    cost = container.offer(*items).cost
    assert world.requests == [9]
    assert (cost.requests, cost.read_units, cost.write_units) == (9, 0, 9)


def test_a_publisher_is_called_once_for_an_event() -> None:
    calls: list[int | None] = []

    def publish(event: Any, *, message: Message) -> Event:
        calls.append(message.version)
        return public(event, message=message)

    bench, world = shop(publish), World()
    Container(bench, world).batch(*(bench.commit("Order#1", "Placed") for _ in range(3)))
    assert calls == [1, 2, 3]


def test_commits_that_come_out_of_order_are_published_in_order() -> None:
    bench, world = shop(), World()
    items = [bench.commit("Order#1", "Placed") for _ in range(4)]
    container = Container(bench, world)
    assert container.batch(items[2], items[0], items[3], items[1]) == []
    assert world.of("1") == [1, 2, 3, 4]


def test_repeats_are_published_once() -> None:
    bench, world = shop(), World()
    items = [bench.commit("Order#1", "Placed") for _ in range(2)]
    container = Container(bench, world)
    container.batch(*items, *items)
    container.batch(*items)
    assert world.of("1") == [1, 2]


def test_what_its_target_does_not_take_fails_its_commit_and_no_other_aggregate() -> None:
    bench, world = shop(), World()
    world.refuses = {("bad", 2)}
    container = Container(bench, world)
    items = [bench.commit(f"Order#{key}", "Placed") for _ in range(3) for key in ("bad", "good")]
    assert container.batch(*items) == ["Order#bad@2", "Order#bad@3"]
    assert world.of("good") == [1, 2, 3]
    assert bench.place("publisher", "Order#bad") == {"mark": 1, "fail": 2, "tries": 1}
    world.refuses.clear()
    assert container.batch(*items[2:]) == []
    assert list(dict.fromkeys(world.of("bad"))) == [1, 3, 2]  # the third was sent with the batch, and again behind
    assert world.of("bad")[-2:] == [2, 3]


def test_what_is_never_taken_is_parked_and_retried_in_order() -> None:
    bench, world = shop(), World()
    world.refuses = {("1", 2)}
    container = Container(bench, world)
    container.deliver(*(bench.commit("Order#1", "Placed") for _ in range(3)))
    (letter,) = container.letters.list("publisher")
    assert (letter.commit, letter.seen, letter.tries, letter.why) == (2, 3, 6, "NotPublished: not taken")
    world.refuses.clear()
    assert container.letters.retry("publisher") == []
    assert world.of("1")[-2:] == [2, 3]


def test_a_retry_is_not_answered_by_what_became_of_an_earlier_batch() -> None:
    bench, world = shop(), World()
    world.refuses = {("1", 1), ("1", 2), ("1", 3)}
    container = Container(bench, world)
    container.deliver(*(bench.commit("Order#1", "Placed") for _ in range(3)), times=6)
    world.refuses.clear()
    assert container.letters.retry("publisher") == []
    assert world.of("1") == [1, 2, 3]


def test_a_batch_that_could_not_be_made_ready_forgets_the_one_before() -> None:
    bench, world = shop(), World()
    world.refuses = {("1", 1), ("1", 2)}
    container = Container(bench, world)
    items = [bench.commit("Order#1", "Placed") for _ in range(2)]
    container.batch(*items)
    world.refuses.clear()
    container.taker._turn_of = None  # type: ignore[assignment, method-assign]  # such as where the store is throttled
    assert container.batch(*items) == []
    assert world.of("1") == [1, 2]


def test_a_publisher_that_raises_is_tried_again_and_parked() -> None:
    def publish(event: Any, *, message: Message) -> Event:
        if message.version == 1:
            raise ZeroDivisionError
        return public(event, message=message)

    bench, world = shop(publish), World()
    container = Container(bench, world)
    container.deliver(*(bench.commit(key, "Placed") for key in ("Order#1", "Order#1", "Card#1")))
    assert [letter.key for letter in container.letters.list("publisher")] == ["Card#1", "Order#1"]
    assert world.took == []


def test_an_outage_of_the_whole_target_loses_nothing() -> None:
    class Away(World):
        def send(self, envelopes: Sequence[Envelope]) -> list[Exception | None]:
            if envelopes:
                raise ConnectionError("away")
            return []

    bench, world = shop(), World()
    items = [bench.commit("Order#1", "Placed") for _ in range(2)]
    assert Container(bench, Away()).batch(*items) == ["Order#1@1", "Order#1@2"]
    assert Container(bench, world).batch(*items) == []
    assert world.of("1") == [1, 2]


@pytest.mark.parametrize("after", [False, True])
def test_a_crash_at_any_write_publishes_all_and_in_order(after: bool) -> None:
    for at in range(1, 7):
        bench, world = shop(), World()
        items = [bench.commit(f"Order#{key}", "Placed") for _ in range(3) for key in "ab"]
        dying = Dying(bench.store)
        dying.dies_at, dying.dies_after = at, after
        with pytest.raises(Died):
            Container(bench, world, dying).batch(*items)
        Container(bench, world).batch(*items)
        for key in "ab":
            assert list(dict.fromkeys(world.of(key))) == [1, 2, 3]
            assert bench.place("publisher", f"Order#{key}") == {"mark": 3}


def test_a_replay_publishes_nothing() -> None:
    bench, world = shop(), World()
    Container(bench, world, replays=True).batch(bench.commit("Order#1", "Placed"))
    assert world.took == []


def test_nothing_older_than_the_start_is_published() -> None:
    bench, world = shop(), World()
    old = bench.commit("Order#1", "Placed")
    bench.advance(hours=1)
    container = Container(bench, world, since=int(bench.time.timestamp() * 1_000_000))
    container.batch(old, bench.commit("Order#1", "Placed"))
    assert world.of("1") == [2]


def test_a_publisher_has_resources_and_the_applications_middleware() -> None:
    made: Registry = registry()
    said: list[str] = []

    @made.middleware
    def around(message: Message, call_next: Any) -> Any:
        said.append(f"{message.kind} {message.name}")
        return call_next(message)

    @made.publisher("Placed", to="sqs://orders")
    def publish(event: Any, *, prefix: str) -> Event:
        return Event(f"{prefix}Placed", {"version": 1})

    bench, world = Bench(made, resources={"prefix": "Shop"}), World()
    item = bench.commit("Order#1", "Placed")
    said.clear()
    Container(bench, world).batch(item)
    assert [one.event.name for one in world.took] == ["ShopPlaced"]
    assert said == ["event Placed"]


def test_on_an_embedded_store_public_events_are_kept_and_sent_nowhere() -> None:
    bench, published = shop(), Published()
    Container(bench, published).batch(*(bench.commit("Order#1", "Placed") for _ in range(2)))
    assert published == [Event("OrderPlaced", {"version": 1}), Event("OrderPlaced", {"version": 2})]
    assert [(to, document["type"]) for to, document in published.documents] == [("sqs://orders", "OrderPlaced")] * 2
    published.clear()
    assert (published, published.documents) == ([], [])
