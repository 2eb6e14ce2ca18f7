"""What every store does alike: DynamoDB's limits, refused before an engine is touched, and its notion of equality."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from ..store import (
    ITEM_LIMIT,
    KEY_LIMIT,
    KEYS,
    SORT_KEY_LIMIT,
    TRANSACTION_LIMIT,
    TRANSACTION_SIZE_LIMIT,
    Check,
    Condition,
    Item,
    Put,
    SizedItem,
    SortKey,
    Table,
    Write,
    item_size,
)

#: Sort keys are whole numbers of 64 bits: SQLite has no more, and nobody counts further.
_LEAST: Final = -(2**63)
_MOST: Final = 2**63 - 1
#: A string of fewer characters fits into a partition key whatever they are.
_SHORT: Final = KEY_LIMIT // 4


def check_key(table: Table, pk: str, sk: SortKey) -> None:
    """Raise `ValueError` for a key that DynamoDB would not take."""
    if type(pk) is not str or not 0 < len(pk) < _SHORT:
        check_partition(table, pk)
    if table != "views":
        if type(sk) is not int or not _LEAST <= sk <= _MOST:
            raise ValueError(f"a sort key of {table} is an int of at most 64 bits, not {_shown(sk)}")
    elif type(sk) is not str or not sk or len(sk.encode()) > SORT_KEY_LIMIT:
        raise ValueError(f"a sort key of {table} is a string of 1 to {SORT_KEY_LIMIT} bytes, not {_shown(sk)}")


def check_partition(table: Table, pk: str) -> None:
    if type(pk) is not str or not pk or len(pk) > KEY_LIMIT or (not pk.isascii() and len(pk.encode()) > KEY_LIMIT):
        raise ValueError(f"a partition key of {table} is a string of 1 to {KEY_LIMIT} bytes, not {_shown(pk)}")


def check_query(
    table: Table, pk: str, first: SortKey | None, last: SortKey | None, after: SortKey | None, limit: int | None
) -> None:
    """Raise `ValueError` for a query that DynamoDB would not take."""
    check_partition(table, pk)
    for sk in (first, last, after):
        if sk is not None:
            check_key(table, pk, sk)
    check_limit(limit)


def is_empty(first: Any, last: Any, after: Any, descending: bool) -> bool:
    """Tell a range that no key is in: DynamoDB takes no such query, so no store asks, and it costs nothing."""
    if descending:
        return first is not None and ((last is not None and first > last) or (after is not None and after <= first))
    return last is not None and ((first is not None and first > last) or (after is not None and after >= last))


def measure(table: Table, item: Item) -> tuple[str, SortKey, int]:
    """Give an item's key and size, or raise `ValueError` for what DynamoDB would not take."""
    pk_name, sk_name = KEYS[table]
    if type(item) is SizedItem:  # whoever made it has seen to its key and its size
        return item[pk_name], item[sk_name], item.size
    try:
        pk, sk = item[pk_name], item[sk_name]
    except KeyError:
        raise ValueError(
            f"an item of {table} has the attributes {pk_name!r} and {sk_name!r}; got {list(item)}"
        ) from None
    check_key(table, pk, sk)
    size = item_size(item)
    if size > ITEM_LIMIT:
        raise ValueError(f"an item is at most {ITEM_LIMIT:,} bytes; {pk!r} {sk!r} in {table} takes {size:,}")
    return pk, sk, size


def check_limit(limit: int | None) -> None:
    if limit is not None and limit < 1:
        raise ValueError(f"a limit is at least 1, not {limit}")


def holds(condition: Condition, old: Item | None) -> bool:
    """Tell whether a condition holds against what stands there; as in DynamoDB, `True` does not equal 1."""
    if condition is None:
        return True
    if condition == "absent":
        return old is None
    if old is None:
        return False
    value = old.get(condition.attribute)
    return type(value) is type(condition.value) and value == condition.value


def write_key(write: Write) -> tuple[Table, str, SortKey]:
    """Give the key that a write of a transaction is about."""
    if isinstance(write, Put):
        pk_name, sk_name = KEYS[write.table]
        return write.table, write.item[pk_name], write.item[sk_name]
    return write.table, write.pk, write.sk


def measure_all(writes: Sequence[Write]) -> list[int]:
    """Give the size of each item put in a transaction (0 where none is), or raise `ValueError`."""
    if not 1 <= len(writes) <= TRANSACTION_LIMIT:
        raise ValueError(f"a transaction has 1 to {TRANSACTION_LIMIT} writes, not {len(writes)}")
    sizes: list[int] = []
    for write in writes:
        if isinstance(write, Put):
            sizes.append(measure(write.table, write.item)[2])
        else:
            check_key(write.table, write.pk, write.sk)
            if isinstance(write, Check) and write.condition is None:
                raise ValueError("a Check in a transaction needs a condition")
            sizes.append(0)
    if sum(sizes) > TRANSACTION_SIZE_LIMIT:
        raise ValueError(f"a transaction is at most {TRANSACTION_SIZE_LIMIT:,} bytes; this one takes {sum(sizes):,}")
    if len({write_key(write) for write in writes}) < len(writes):
        raise ValueError("a transaction touches each item once; two of these writes have the same key")
    return sizes


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:60]}... ({len(text):,} characters)"
