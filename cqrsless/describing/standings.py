"""How far processors, views and publishers are, and what they have parked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from ..compiled import is_embedded
from ..driver import StoreFeed
from ..driver.draining import MAPPINGS
from ..log.tracking import behind
from ..messages import Cost
from ..reacting.members import Member, PublisherMember, ViewMember
from ..store import Store, Table

if TYPE_CHECKING:
    from ..app import App

__all__ = ["Place", "Standing", "kind_of", "pending", "places", "standings", "tail"]

#: How far `tail` first reaches.
_STEP: Final = 1 << 40


class Place(NamedTuple):
    """Where a slice of a tracking processor stands in a segment of the log, and how many references are behind that."""

    slice: int
    generation: int
    segment: int
    part: str
    page: int
    done: int
    behind: int


class Standing(NamedTuple):
    """A consumer of commits.

    `behind` is how many commits wait for it; `None` where the store does not tell, as a stream of AWS's does not.
    `replayed` is how many commits the run `next` has seen, which a replay builds; `parked` how many aggregates wait.
    """

    name: str
    kind: Literal["processor", "view", "publisher"]
    mode: Literal["subscribing", "tracking"]
    group: str
    events: tuple[str, ...]
    behind: int | None
    parked: int
    run: int
    next: int | None
    replayed: int | None
    places: tuple[Place, ...]


def standings(app: App) -> list[Standing]:
    """Give every consumer of commits, in the order of registration."""
    reactions = app.compiled.reactions
    waiting = pending(app.store, "events")
    found: list[Standing] = []
    for member in reactions.members.values():
        control = reactions.runs.read(member.name, Cost())
        segments = 1 if member.processor is None else member.processor.segments
        tokens = places(app, member, segments) if member.tracking else ()
        left = None if waiting is None else waiting + sum(place.behind for place in tokens)
        if waiting is None and tokens:
            left = sum(place.behind for place in tokens)
        found.append(
            Standing(
                member.name, kind_of(member), "tracking" if member.tracking else "subscribing", member.group,
                tuple(sorted(member.stored_names)), left, sum(1 for _ in app.letters.list(member.name)),
                control.live, control.next, None if control.next is None else control.done, tokens,
            )
        )  # fmt: skip
    return found


def kind_of(member: Member) -> Literal["processor", "view", "publisher"]:
    if isinstance(member, ViewMember):
        return "view"
    return "publisher" if isinstance(member, PublisherMember) else "processor"


def places(app: App, member: Member, segments: int) -> tuple[Place, ...]:
    """Give where a tracking processor stands in the log, or will begin."""
    tokens = app.compiled.reactions.tokens(member.group, Cost())
    return tuple(
        Place(
            slice_, token.generation, segment, position.part, position.page, position.done,
            behind(app.store, position, segment, slice_, segments, Cost()),
        )
        for slice_, token in sorted(tokens.items())
        for segment, position in sorted(token.positions.items())
    )  # fmt: skip


def pending(store: Store, table: Table) -> int | None:
    """Say how many changes of an embedded store are not delivered yet; `None` for AWS, whose streams do not tell."""
    if not is_embedded(store):
        return None
    feed = StoreFeed(store, table)
    item = store.get("views", f"m#{MAPPINGS[table].name}", feed.shards()[0].id, Cost())
    return max(0, tail(store, table) - (0 if item is None else feed.position_of(item["at"])))


def tail(store: Store, table: Table) -> int:
    """Give the position of the newest change of a feed, in some forty short reads however long it is."""
    position, step = 0, _STEP
    while True:
        found = store.changes(table, position + step, 1)
        if found:
            position = found[0].position
        elif step:
            step >>= 1
        else:
            return position
