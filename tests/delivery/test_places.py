"""Keys of places and letters, and what a container remembers of them."""

from __future__ import annotations

from cqrsless.delivery.places import Places, beside, letter, processor_place, revision, view_place
from cqrsless.messages import Cost
from cqrsless.store import KEY_LIMIT, SORT_KEY_LIMIT
from cqrsless.stores.memory import MemoryStore

LONG = "Order#" + "ä" * 1021  # 2,048 bytes: the longest key that an aggregate may have


def test_every_aggregate_has_a_place_however_long_its_id() -> None:
    for pk, sk in (processor_place("mailer", 12, LONG), view_place("Summary", 12, LONG), letter("mailer", 12, LONG)):
        assert 0 < len(pk.encode()) <= KEY_LIMIT
        assert 0 < len(sk.encode()) <= SORT_KEY_LIMIT


def test_no_two_aggregates_share_a_place() -> None:
    longer = [LONG, LONG[:-1] + "b", LONG[:-2], "Order#o-1"]
    for make in (
        lambda pk: processor_place("mailer", 1, pk),
        lambda pk: view_place("Summary", 1, pk),
        lambda pk: letter("mailer", 1, pk),
    ):
        assert len({make(pk) for pk in longer}) == len(longer)
        pk, sk = make(LONG)
        shortened = (pk if "##" in pk else sk).rpartition("#")[2]
        assert make(f"Order#{shortened}") != make(LONG)


def test_runs_and_consumers_have_places_of_their_own() -> None:
    kinds = (processor_place, view_place, letter)
    assert len({make(name, run, "Order#o-1") for make in kinds for name in "ab" for run in (1, 2)}) == 12


def test_the_place_beside_a_shared_row_is_a_views_place_in_the_same_run() -> None:
    assert beside(("v#3#Summary#so#1", "-"), "Payment#o#1") == view_place("Summary", 3, "Payment#o#1")


def test_a_container_remembers_so_many_places_and_so_many_bytes() -> None:
    store = MemoryStore()
    places = Places(store, kept=2)
    cost = Cost()
    for name in "abca":
        places.get((name, "-"), cost)
    assert cost.requests == 4
    places.get(("c", "-"), cost)
    assert cost.requests == 4
    places = Places(store, kept_bytes=12_000)
    places.saw(("a", "-"), {"pk": "a", "sk": "-", "row": "x" * 10_000})
    places.get(("a", "-"), cost)
    assert cost.requests == 4
    places.saw(("b", "-"), {"pk": "b", "sk": "-", "row": b"x" * 10_000})
    places.get(("a", "-"), cost)
    assert cost.requests == 5


def test_what_was_forgotten_is_read_again() -> None:
    places = Places(MemoryStore())
    cost = Cost()
    key = ("a", "-")
    places.saw(key, {"pk": "a", "sk": "-"})
    places.forget(key, ("b", "-"))
    assert places.get(key, cost) is None
    assert places.get(key, cost, fresh=True) is None
    assert cost.requests == 2


def test_no_revision_comes_twice() -> None:
    assert len({revision() for _ in range(1000)}) == 1000
