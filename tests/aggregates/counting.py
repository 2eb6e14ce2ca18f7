"""Stores whose calls are counted where they leave: at an embedded one's interface, at botocore's last hook else."""

from __future__ import annotations

import random
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from cqrsless.messages import Cost
from cqrsless.store import Item, Store
from cqrsless.stores.dynamodb import DynamoDBStore
from cqrsless.stores.dynamodb_items import encode_image
from tests.aggregates.around import Around

NAMES: Final = {"PutItem": "put", "Query": "query", "GetItem": "get", "BatchWriteItem": "batch"}


def noise(size: int, seed: int = 0) -> str:
    """Give text that gets about a quarter smaller by compressing it, and no more."""
    return b64encode(random.Random(seed).randbytes(size * 3 // 4 + 3)).decode()[:size]


class Counted:
    """A store, and what was asked of it since the last `taken()`; `before_put` as on `Around`."""

    def __init__(self, store: Store, *, exact_units: bool) -> None:
        self.around = Around(store)
        self.store: Store = self.around
        self.inner = store
        #: Whether the engine tells units as DynamoDB bills them.
        self.exact_units = exact_units
        self._left: list[str] | None = None
        if isinstance(store, DynamoDBStore):
            self._left = []
            store.client.meta.events.register_first("before-send.dynamodb", self._leaves)

    def _leaves(self, request: Any, **_: Any) -> None:
        target = request.headers["X-Amz-Target"]
        target = target if isinstance(target, str) else target.decode()
        assert self._left is not None
        self._left.append(NAMES[target.partition(".")[2]])

    def close(self) -> None:
        if isinstance(self.inner, DynamoDBStore):
            self.inner.client.meta.events.unregister("before-send.dynamodb", self._leaves)

    def taken(self) -> list[str]:
        calls = self.around.taken()
        if self._left is None:
            return calls
        left = self._left[:]
        self._left.clear()
        return left

    @contextmanager
    def uncounted(self) -> Iterator[None]:
        """Leave out what somebody else does."""
        before = len(self.around.calls), len(self._left or ())
        yield
        del self.around.calls[before[0] :]
        if self._left is not None:
            del self._left[before[1] :]

    def before_next_put(self, action: Callable[[], object]) -> None:
        def uncounted() -> None:
            with self.uncounted():
                action()

        self.around.before_put.append(uncounted)

    def load(self, items: list[Item]) -> None:
        """Put many items at once."""
        store = self.inner
        if not isinstance(store, DynamoDBStore):
            for item in items:
                store.put("events", item, Cost())
            return
        table = f"{store.prefix}-events"
        with self.uncounted():
            for start in range(0, len(items), 25):
                requests: Any = [{"PutRequest": {"Item": encode_image(item)}} for item in items[start : start + 25]]
                store.client.batch_write_item(RequestItems={table: requests})
