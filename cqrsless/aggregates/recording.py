"""The command of a commit as it was sent, kept with it where the application records commands.

The attribute `command` is JSON: `payload` as stored, `time` in microseconds, and where there are any, `on_rejected` and
that it came with `claims`, which themselves are never kept.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Final, NamedTuple

from .. import codec
from ..errors import CommitTooLarge
from ..messages import Message
from ..store import Item, SizedItem, sized, value_size
from .commits import ONE_UNIT, fit, microseconds, moment

#: The attribute of a commit that holds its command.
COMMAND: Final = "command"


class Sent(NamedTuple):
    """What a commit keeps of its command, besides its name, id, source, actor and metadata."""

    payload: Any
    time: datetime
    on_rejected: str | None = None
    claimed: bool = False


def with_command(item: SizedItem, message: Message) -> SizedItem:
    """Give a commit with its command, or as it is where that would not fit: no command fails for being recorded."""
    text = _text(message)
    full = {**item, COMMAND: text}
    size = item.size + len(COMMAND) + value_size(text)
    try:
        return sized(full, size if size <= ONE_UNIT else fit(full))
    except CommitTooLarge:
        return item


def sent(item: Item) -> Sent | None:
    """Read the command of a commit; `None` where it was not recorded."""
    body = item.get(COMMAND)
    if body is None:
        return None
    kept = codec.decode(codec.inflate(body))
    return Sent(kept["payload"], moment(kept["time"]), kept.get("on_rejected"), kept.get("claimed", False))


def _text(message: Message) -> str:
    payload = codec.encode(message.payload, f"the payload of {message.name}")[0]
    text = f'{{"payload":{payload},"time":{microseconds(message.time)}'
    if message.on_rejected is not None:
        text += f',"on_rejected":{json.dumps(message.on_rejected)}'
    if message.claims:
        text += ',"claimed":true'
    return text + "}"
