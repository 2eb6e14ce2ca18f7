"""The values that handlers return or refer to: an ended life, a cancelled command, an id made from a command's."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final, final

from ..messages import Message
from .record import Record

__all__ = ["DELETED", "Cancel", "Deleted", "cancel", "from_command_id"]


@final
class Deleted:
    """The type of `DELETED`; there is one of it."""

    __slots__ = ()

    def __new__(cls) -> Deleted:
        return globals().get("DELETED") or super().__new__(cls)

    def __repr__(self) -> str:
        return "DELETED"

    def __reduce__(self) -> str:
        return "DELETED"


DELETED: Final = Deleted()
"""Returned as the state, it ends an aggregate's life for good: later it is `NotFound`.

>>> import copy
>>> copy.deepcopy(DELETED) is DELETED
True
"""


class Cancel(Record):
    """A scheduled command to be cancelled, by its id."""

    id: str


def cancel(id: str) -> Cancel:
    """Cancel a scheduled command by its explicit id; an event handler returns it.

    It is best effort: the command may be running already, so its aggregate still has to refuse a late one.

    >>> cancel("expire-b1")
    Cancel(id='expire-b1')
    """
    return Cancel(id)


def from_command_id(message: Message) -> str:
    """Make an aggregate's id from the command's, for `aggregate(..., new_id=from_command_id)`.

    The same command gives the same id, so a create that is retried is a duplicate and not a second aggregate. Two
    actors or two sources that happen to use one command id get two aggregates. It has the shape of a UUID (version 8,
    RFC 9562).

    >>> from datetime import datetime, timezone
    >>> from_command_id(Message("c-1", "CreateOrder", "command", {}, datetime.now(timezone.utc)))
    'b8862f55-4350-8306-8349-a2757d2ee03d'
    """
    digest = blake2b(digest_size=16, person=b"cqrsless-id")
    for part in (message.source, message.actor, message.name, message.id):
        if part is None:
            digest.update(b"-")
            continue
        # Ids come from outside and may hold lone surrogates, which JSON lets through and strict UTF-8 does not.
        encoded = part.encode("utf-8", "surrogatepass")
        digest.update(b"%d:" % len(encoded))
        digest.update(encoded)
    raw = bytearray(digest.digest())
    raw[6] = raw[6] & 0x0F | 0x80
    raw[8] = raw[8] & 0x3F | 0x80
    text = raw.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
