"""A page of the log: references to commits, under a position that is dense and never used again.

Keys are `pk` = generation#segment and `n` = page number, from 1. A generation has a live part (`"2"`), which indexers
append to, and, if it was rebuilt, a base (`"2.base"`), filled by a scan. A seal is the last page of a part.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple
from zlib import crc32

from ..codec import compress, inflate
from ..messages import Cost
from ..store import Item, Store

#: References on a page, at most: with keys of the longest kind they still fit an item, compressed or not.
PER_PAGE: Final = 400
#: Bytes of references on a page, before compression.
PAGE_BYTES: Final = 300_000


class Ref(NamedTuple):
    """A commit as the log knows it. `time` (microseconds) is known of a commit, and not kept of each."""

    pk: str
    number: int
    names: tuple[str, ...]
    time: int = 0


def segment_of(pk: str, segments: int) -> int:
    """Choose the segment of an aggregate: the same for each of its commits.

    >>> segment_of("Order#o-1", 1)
    0
    """
    return crc32(pk.encode()) % segments


def partition(part: str, segment: int) -> str:
    return f"{part}#{segment}"


def live(generation: int) -> str:
    return str(generation)


def base(generation: int) -> str:
    return f"{generation}.base"


def page(part: str, segment: int, number: int, refs: Sequence[Ref], time: int = 0) -> Item:
    """Make a page's item, its references compressed where that is shorter.

    Event names and keys repeat within a page, so a reference takes some 15 bytes. `time` is that of the newest commit
    on this page and all before it.
    """
    names = sorted({name for ref in refs for name in ref.names})
    index = {name: at for at, name in enumerate(names)}
    text = json.dumps(
        {"names": names, "refs": [[ref.pk, ref.number, *(index[name] for name in ref.names)] for ref in refs]},
        ensure_ascii=False,
        separators=(",", ":"),
    )
    packed = compress(text)
    body = packed if len(packed) < len(text.encode()) else text
    return {"pk": partition(part, segment), "n": number, "refs": body, "time": time}


def seal(part: str, segment: int, number: int) -> Item:
    return {"pk": partition(part, segment), "n": number, "seal": True}


def refs_in(item: Item) -> list[Ref]:
    """Read a page's references; a seal has none."""
    if "refs" not in item:
        return []
    body = json.loads(inflate(item["refs"]))
    names = body["names"]
    return [Ref(pk, number, tuple(names[at] for at in at_names)) for pk, number, *at_names in body["refs"]]


def ref_of(commit: Item) -> Ref:
    """Refer to a commit."""
    return Ref(commit["pk"], commit["c"], tuple(commit.get("names", ())), commit["time"])


def split(refs: Sequence[Ref]) -> Iterator[Sequence[Ref]]:
    """Cut references into pages that fit."""
    start = size = 0
    for at, ref in enumerate(refs):
        bytes_of = len(ref.pk.encode()) + 24 + sum(len(name.encode()) for name in ref.names)
        if at > start and (at - start >= PER_PAGE or size + bytes_of > PAGE_BYTES):
            yield refs[start:at]
            start, size = at, 0
        size += bytes_of
    if start < len(refs):
        yield refs[start:]


def newest(store: Store, part: str, segment: int, cost: Cost, count: int) -> list[Item]:
    """Read the last pages of a part's segment, newest first, by one strong query."""
    return store.query("log", partition(part, segment), cost, descending=True, limit=count).items


def by_segment(refs: Iterable[Ref], segments: int) -> dict[int, list[Ref]]:
    found: dict[int, list[Ref]] = {}
    for ref in refs:
        found.setdefault(segment_of(ref.pk, segments), []).append(ref)
    return found
