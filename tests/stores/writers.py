"""What other processes do to a store in tests; a process started afresh imports it by name."""

from __future__ import annotations

from cqrsless.messages import Cost
from cqrsless.store import ConditionFailed, Item, Put, Store
from cqrsless.stores import open_store


def append(url: str, writer: str, count: int) -> None:
    append_to(open_store(url), writer, count)


def append_to(store: Store, writer: str, count: int) -> None:
    """Take the next free number `count` times."""
    number = 1
    for mine in range(count):
        while True:
            try:
                store.put("events", {"pk": "a", "c": number, "by": f"{writer}/{mine}"}, Cost(), condition="absent")
            except ConditionFailed:
                number += 1
            else:
                break


def write_pairs(url: str) -> None:
    """Write until killed: a commit and a row that counts them, together."""
    store = open_store(url)
    number = len(everything(store)) + 1
    while True:
        commit = {"pk": "a", "c": number, "body": bytes(3000)}
        store.write([Put("events", commit, "absent"), Put("views", {"pk": "a", "sk": "count", "n": number})], Cost())
        number += 1


def everything(store: Store) -> list[Item]:
    items: list[Item] = []
    while True:
        page = store.query("events", "a", Cost(), after=items[-1]["c"] if items else None)
        items += page.items
        if not page.more:
            return items
