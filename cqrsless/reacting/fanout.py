"""More than two processors on one stream: one function sends keys and numbers to a FIFO queue for each of them.

A DynamoDB stream allows two readers per shard. `CQRSLESS_FANOUT` names the queues by processor, as in
`mailer=mailer.fifo, views=https://sqs.eu-west-1.amazonaws.com/123456789012/views.fifo`; a function that has it sends
each commit to the queues of the processors that handle one of its events, grouped by aggregate, and reacts to nothing
itself. A function that is fed from such a queue reads the commits from the table.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any, Final, Protocol

from ..delivery.batches import Delivery
from ..errors import AppLoadError
from ..registry import did_you_mean

log = logging.getLogger("cqrsless")
#: Entries of one SendMessageBatch (its API reference).
ENTRIES: Final = 10


class Queue(Protocol):
    """A FIFO queue; `request` gives what it refused, by the entry's id."""

    def request(self, entries: Sequence[Mapping[str, Any]]) -> Mapping[int, Any]: ...


def read_setting(text: str) -> dict[str, str]:
    """Read `CQRSLESS_FANOUT`: queues by processor.

    >>> read_setting("mailer=mailer.fifo, views=views.fifo")
    {'mailer': 'mailer.fifo', 'views': 'views.fifo'}
    """
    found: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, equals, queue = part.partition("=")
        if not equals or not name.strip() or not queue.strip() or name.strip() in found:
            raise AppLoadError(
                f"CQRSLESS_FANOUT has the part {part!r}: write processor=queue, each processor once, and commas between"
            )
        found[name.strip()] = queue.strip()
    return found


def check(names: Sequence[str], groups: Mapping[str, frozenset[str]]) -> None:
    for name in names:
        if name not in groups:
            raise AppLoadError(
                f"CQRSLESS_FANOUT names {name!r}, which no subscribing processor is called"
                f"{did_you_mean(name, groups)}: there is {', '.join(sorted(groups)) or 'none'}"
            )


class FanOut:
    """Sends references of commits. `groups` are the stored event names that each processor handles."""

    def __init__(self, queues: Mapping[str, Queue], groups: Mapping[str, frozenset[str]]) -> None:
        self.queues = queues
        self._groups = groups

    def consume(self, deliveries: Sequence[Delivery]) -> list[str]:
        """Send a batch; give the records that have to come again.

        Behind one that a queue did not take, nothing more of its aggregate is sent there. What comes again is dropped
        by the queue for five minutes, and by the consumer's marks after that.
        """
        failed: dict[str, None] = {}
        for processor, queue in self.queues.items():
            names = self._groups[processor]
            mine = [one for one in deliveries if not names.isdisjoint(one.item.get("names", ()))]
            for one in self._send(processor, queue, mine):
                failed[one.id] = None
        return [one.id for one in deliveries if one.id in failed]

    def _send(self, processor: str, queue: Queue, mine: Sequence[Delivery]) -> Iterator[Delivery]:
        stuck: set[str] = set()
        waiting = list(mine)
        while waiting:
            batch, waiting = waiting[:ENTRIES], waiting[ENTRIES:]
            going = [one for one in batch if one.item["pk"] not in stuck]
            refused: Mapping[int, Any] = {}
            try:
                if going:
                    refused = queue.request([entry(one, at) for at, one in enumerate(going)])
            except Exception as error:
                log.exception("the queue of %s takes nothing", processor)
                refused = dict.fromkeys(range(len(going)), error)
            lost = {going[at].id: why for at, why in refused.items()}
            for one in batch:
                key, number = one.item["pk"], one.item["c"]
                if one.id in lost:
                    log.warning("the queue of %s refused %s@%s: %s", processor, key, number, lost[one.id])
                    stuck.add(key)
                if key in stuck:
                    yield one


def entry(delivery: Delivery, at: int) -> dict[str, Any]:
    """Make the message of a commit: its key and number, in the group of its aggregate."""
    pk, number = delivery.item["pk"], delivery.item["c"]
    return {
        "Id": str(at),
        "MessageBody": json.dumps({"commit": {"key": pk, "number": number}}, ensure_ascii=False),
        "MessageGroupId": _short(pk),
        "MessageDeduplicationId": _short(f"{pk}@{number}"),
    }


def _short(text: str) -> str:
    """Give what stands for a text where 128 characters are the most (SQS's limit of these ids)."""
    return blake2b(text.encode(), digest_size=16).hexdigest()
