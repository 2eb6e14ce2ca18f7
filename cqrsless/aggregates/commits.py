"""A commit as one item: all that a command changed.

| attribute | holds |
|---|---|
| `pk`, `c` | the aggregate, and the commit's number (dense, from 1) |
| `time`, `seq` | microseconds since 1970 (never before the previous commit's); the sequence of its last event |
| `head` | JSON: the command's id, name, source, actor, correlation, causation, metadata, payload digest; `last` |
| `recent` | digests of the last commands (see `duplicates`) |
| `events` | `[[name, payload, version?], ...]`, text or compressed |
| `names` | a key for each event name, for stream filters |
| `state`, `sv` | the state after it, when due, and its `state_version` |
| `command` | the command as it was sent, text or compressed, where commands are recorded (see `recording`) |
| `gone` / `void` | the aggregate was deleted / nothing exists yet (a refusal was recorded before a creation) |

`last` in the head says, for each event name that the aggregate has had, the last earlier commit with it (`*`: for the
names left out). A consumer tells from it whether it missed anything.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any, Final, NamedTuple

from .. import codec
from ..codec import quoted
from ..errors import CommitTooLarge, SerializationFailed
from ..messages import Message
from ..store import ITEM_LIMIT, WRITE_UNIT, Item, SizedItem, item_size, number_size, value_size, write_units

EPOCH: Final = datetime(1970, 1, 1, tzinfo=timezone.utc)
#: Event names whose last commit is kept by name; past that, one number stands for all that were left out.
NAMES_KEPT: Final = 32
#: Up to this size, compressing an item saves nothing.
ONE_UNIT: Final = WRITE_UNIT
_MICROSECOND: Final = timedelta(microseconds=1)


class Encoded(NamedTuple):
    """An event about to be stored: `payload` is what a later read will give, `text` its stored form."""

    name: str
    payload: Any
    text: str


def microseconds(time: datetime) -> int:
    return (time - EPOCH) // _MICROSECOND


def moment(stored: int) -> datetime:
    return EPOCH + timedelta(0, 0, stored)  # by name it takes twice as long


def event_id(pk: str, sequence: int) -> str:
    """Give an event's id: stable, unique in its store, and nothing that needs storing."""
    return f"{pk}@{sequence}"


def head_of(message: Message, payload_digest: str, last: Mapping[str, int]) -> str:
    """Write the head of the commit that a command makes."""
    text = (
        f'{{"id":{quoted(message.id)},"name":{quoted(message.name)},"source":{quoted(message.source)},'
        f'"digest":"{payload_digest}"'
    )
    if message.actor:
        text += f',"actor":{quoted(message.actor)}'
    if message.correlation_id and message.correlation_id != message.id:
        text += f',"cor":{quoted(message.correlation_id)}'
    if message.causation_id:
        text += f',"cau":{quoted(message.causation_id)}'
    if message.metadata:
        metadata = codec.encode(dict(message.metadata), f"the metadata of {message.name}")[0]
        text += f',"meta":{quoted(metadata)}'
    if last:
        before = ',"last":{'
        for name, number in last.items():
            text += f"{before}{quoted(name)}:{number}"
            before = ","
        text += "}}"
    else:
        text += "}"
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise SerializationFailed(
                f"the id, source, actor, correlation or causation id of {message.name} has a lone surrogate, which is "
                f"no text: {message.id!a}"
            ) from None
    return text


def read_head(item: Item) -> dict[str, Any]:
    head: dict[str, Any] = codec.loads(item["head"])
    return head


def made_by(head: Mapping[str, Any], message: Message) -> bool:
    """Say whether a commit came from this command, whatever its payload."""
    return (
        head["id"] == message.id
        and head["name"] == message.name
        and head["source"] == message.source
        and head.get("actor") == (message.actor or None)
    )


def metadata_of(head: Mapping[str, Any]) -> dict[str, Any]:
    """Give the metadata that each event of a commit bears: the command's own and where it came from."""
    id = head["id"]
    if "meta" not in head and "actor" not in head:
        return {"correlation_id": head.get("cor", id), "causation_id": id}
    metadata = codec.decode(head["meta"]) if "meta" in head else {}
    return _with_origin(metadata, head.get("cor", id), id, head.get("actor"))


def metadata_after(message: Message) -> dict[str, Any]:
    """Give the metadata that the events of a command's commit will bear."""
    metadata = codec.encode(dict(message.metadata), f"the metadata of {message.name}")[1] if message.metadata else {}
    return _with_origin(metadata, message.correlation_id or message.id, message.id, message.actor)


def _with_origin(metadata: dict[str, Any], correlation_id: str, command_id: str, actor: str | None) -> dict[str, Any]:
    metadata["correlation_id"] = correlation_id
    metadata["causation_id"] = command_id
    if actor:
        metadata["actor"] = actor
    else:
        metadata.pop("actor", None)  # who acts is known from an authorizer, or not at all
    return metadata


def advance_last(last: Mapping[str, int], names: Collection[str], number: int) -> dict[str, int]:
    """Note that commit `number` holds these names; what no longer fits is covered by `*`, an upper bound.

    >>> advance_last({"Opened": 1}, ["Deposited"], 2)
    {'Opened': 1, 'Deposited': 2}
    """
    after = {**last, **dict.fromkeys(names, number)}
    if len(after) <= NAMES_KEPT and "*" not in after:
        return after
    rest = after.pop("*", 0)
    if len(after) > NAMES_KEPT:
        for name in sorted(after, key=after.__getitem__)[: len(after) - NAMES_KEPT]:
            rest = max(rest, after.pop(name))
    if rest:
        after["*"] = rest
    return after


def names_map(events: Sequence[Encoded]) -> dict[str, str]:
    """Give a key for each event name, which a stream filter matches by plain nested equality."""
    return {events[0].name: "1"} if len(events) == 1 else {event.name: "1" for event in events}


def events_text(events: Sequence[Encoded]) -> str:
    return f"[{events[0].text if len(events) == 1 else ','.join([event.text for event in events])}]"


#: The names of the attributes that every commit has, and of those that it has with events.
_USUAL: Final = ("pk", "c", "time", "seq", "head", "recent", "events", "names")
_USUAL_NAMES: Final = len("".join(_USUAL))
_STATE_NAMES: Final = len("state" + "sv")


def commit_size(item: Item) -> int:
    """Count a commit's bytes, as `item_size` does, but faster for one that has the usual attributes and no others."""
    if len(item) != len(_USUAL) or "names" not in item:
        return item_size(item)
    pk, number, time, sequence, head, recent, events, names = item.values()
    texts = f"{pk}{head}{events}{''.join(names)}"
    return (
        _USUAL_NAMES
        + (len(texts) if texts.isascii() else len(texts.encode()))
        + (2 if number < 100 else number_size(number))
        + (2 if sequence < 100 else number_size(sequence))
        + number_size(time)
        + len(recent)
        + 3  # a map's own bytes, then those of each name and of the text that stands behind it
        + 2 * len(names)
    )


def usual(
    pk: str, number: int, time: int, sequence: int, head: str, recent: bytes, event: Encoded, state: str, version: int
) -> SizedItem | None:
    """Make the commit of one event with the state after it, as nearly all are; `None` where it takes more to make.

    It is what the steps that make any commit come to, at once: of ASCII, and in one write unit.
    """
    name, _, text = event
    events = f"[{text}]"
    texts = f"{pk}{head}{events}{name}{state}"
    size = (
        _USUAL_NAMES
        + _STATE_NAMES
        + len(texts)
        + len(recent)
        + (2 if number < 100 else number_size(number))
        + (2 if sequence < 100 else number_size(sequence))
        + (2 if version < 100 else number_size(version))
        # Of 16 digits, of which 15 at least count: from September 2001 on, for some 300 years.
        + (9 if 10**15 <= time < 10**16 and time % 100 else number_size(time))
        + 5  # the map of names: three of its own, one for the name, and the text behind it with one
    )
    if size > ONE_UNIT or not texts.isascii():
        return None
    item = SizedItem(
        {
            "pk": pk,
            "c": number,
            "time": time,
            "seq": sequence,
            "head": head,
            "recent": recent,
            "events": events,
            "names": {name: "1"},
            "state": state,
            "sv": version,
        }
    )
    item.size = size
    return item


def stored_events(item: Item) -> list[list[Any]]:
    """Give a commit's events as stored: `[name, payload]`, with the payload's version where it is not 1."""
    body = item.get("events")
    if body is None:
        return []
    events: list[list[Any]] = codec.decode(body if type(body) is str else codec.inflate(body))
    return events


#: Characters that are parsed at once: enough that a call more costs nothing, and few beside what a body may take.
_TOGETHER: Final = 100_000


def stored_events_of(items: Iterable[Item]) -> Iterator[list[list[Any]]]:
    """Give the events of commits as stored, one commit after the other; many small ones are parsed at once."""
    bodies: list[str] = []
    length = 0
    for item in items:
        body = item.get("events", "[]")
        if type(body) is not str:
            body = codec.inflate(body)
        bodies.append(body)
        length += len(body)
        if length > _TOGETHER:
            yield from codec.decode(f"[{','.join(bodies)}]")
            bodies, length = [], 0
    yield from codec.decode(f"[{','.join(bodies)}]")


def fit(item: Item, limit: int = ITEM_LIMIT) -> int:
    """Compress an item's bodies where that saves units, in place, and give its size.

    Raises `CommitTooLarge` where it does not fit, or where its bodies pass the bound of what is decompressed.
    """
    size = item_size(item)
    if size <= ONE_UNIT:
        return size
    plain = [name for name in ("events", "state", "command") if type(item.get(name)) is str]
    for name in plain:
        body = value_size(item[name])
        if body > codec.UNCOMPRESSED_LIMIT:
            raise CommitTooLarge(
                f"the {name} of commit {item['c']} of {item['pk']} take {body} bytes, and "
                f"{codec.UNCOMPRESSED_LIMIT} is the most even before compression: keep large values elsewhere and "
                "store a reference",
                size=body,
                limit=codec.UNCOMPRESSED_LIMIT,
            )
    packed = {name: codec.compress(item[name]) for name in plain}
    small = {**item, **{name: body for name, body in packed.items() if len(body) < value_size(item[name])}}
    smaller = item_size(small)
    if write_units(smaller) < write_units(size):
        item.update(small)
        size = smaller
    if size > limit:
        raise CommitTooLarge(
            f"commit {item['c']} of {item['pk']} takes {size} bytes, and an item holds {limit}: keep large values "
            "elsewhere and store a reference, or make a smaller aggregate",
            size=size,
            limit=limit,
        )
    return size
