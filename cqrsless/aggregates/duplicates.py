"""Which commands the last commits came from: a ring of digests that every commit carries on.

An entry is 8 bytes of a command's identity and 4 bytes of its commit's time in seconds, newest first. Each commit
adds exactly one, so the place of an entry is its commit's number. A hit is a hint: the commit itself is compared.
"""

from __future__ import annotations

from datetime import datetime
from hashlib import blake2b
from typing import Final

from ..messages import Message

ENTRY: Final = 12
#: Commits whose command a commit remembers; the older are searched for where a message has a time of its own.
REMEMBERED: Final = 16
#: Seconds that the clocks of two machines may differ by, with the second that an entry's time is cut to.
SKEW: Final = 3


def identity(message: Message) -> bytes:
    """Give 8 bytes that stand for (source, actor, name, id): the same when a source sends the message again."""
    source, actor, name = message.source, message.actor or "", message.name
    text = f"{len(source)}:{source}{len(actor)}:{actor}{len(name)}:{name}{message.id}"
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def remember(recent: bytes, entry: bytes, time: int, keep: int = REMEMBERED) -> bytes:
    """Put a command in front and drop what is too old; `time` is in microseconds."""
    return (entry + (time // 1_000_000 & 0xFFFFFFFF).to_bytes(4, "big") + recent)[: ENTRY * keep]


def places(recent: bytes, entry: bytes) -> list[int]:
    """Say how many commits ago this command may have been committed: 0 is the newest."""
    found: list[int] = []
    at = recent.find(entry)
    while at >= 0:
        if at % ENTRY == 0:
            found.append(at // ENTRY)
        at = recent.find(entry, at + 1)
    return found


def covers(recent: bytes, number: int, sent: datetime) -> bool:
    """Say whether the ring reaches back to when a message was sent: an earlier attempt cannot be older than it."""
    held = len(recent) // ENTRY
    if held >= number or not held:
        return held >= number
    oldest = int.from_bytes(recent[-4:], "big")
    return oldest + SKEW <= sent.timestamp()
