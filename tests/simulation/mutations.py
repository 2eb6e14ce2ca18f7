"""The rules of delivery, each with a way to take it out.

Not here, as no schedule can show it: that a run which is listed during a batch, or while a page is read, is fed that,
too. A commit is in the events table before anybody is given it, so the scan that begins once a run is listed meets it
anyway. That Lambda's event source mapping is 20 hours behind, the fan-out to queues and restored tables are not
simulated, and have tests of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any, NamedTuple

import pytest

from cqrsless.aggregates.executing import Execution
from cqrsless.app import App
from cqrsless.delivery import codes, consuming, parking, replaying, runs
from cqrsless.delivery.batches import Batch
from cqrsless.delivery.commit import Commit
from cqrsless.delivery.consuming import Feeder
from cqrsless.delivery.order import Verdict
from cqrsless.delivery.places import Places, applied, revision
from cqrsless.delivery.writing import commit, revised, without
from cqrsless.errors import NotFound, StoreUnavailable
from cqrsless.log import control as log_control
from cqrsless.log import indexer, pages, rebuild, tokens, tracking
from cqrsless.log.indexer import Tail
from cqrsless.log.tokens import Tokens
from cqrsless.processors import effects, ordered
from cqrsless.processors.scheduling import Tombstones
from cqrsless.processors.stored_schedules import StoredScheduler
from cqrsless.processors.unordered import UnorderedProcessor
from cqrsless.projections import applying
from cqrsless.publishing import publishers
from cqrsless.reacting import lanes, members, reactions, replays
from cqrsless.store import Delete, Put

Patch = pytest.MonkeyPatch


class Mutation(NamedTuple):
    rule: str
    app: str
    take_out: Callable[[Patch], None]
    #: What the simulator then says, in part.
    found: str = ""


MUTATIONS: list[Mutation] = []


def without_rule(
    rule: str, app: str = "market", found: str = ""
) -> Callable[[Callable[[Patch], None]], Callable[[Patch], None]]:
    def note(take_out: Callable[[Patch], None]) -> Callable[[Patch], None]:
        MUTATIONS.append(Mutation(rule, app, take_out, found))
        return take_out

    return note


# -- order


@without_rule("a repeat is skipped")
def _(patch: Patch) -> None:
    def judge(number: int, before: int, last: int) -> Verdict:
        return Verdict.NEXT if before <= last else Verdict.MISSING

    patch.setattr(consuming, "judge", judge)


@without_rule("missing commits are read and applied first")
def _(patch: Patch) -> None:
    def judge(number: int, before: int, last: int) -> Verdict:
        return Verdict.REPEAT if number <= last else Verdict.NEXT

    patch.setattr(consuming, "judge", judge)


@without_rule("the commit itself says which commit came before it")
def _(patch: Patch) -> None:
    patch.setattr(consuming, "previous", lambda last, names, number: 0)


@without_rule("nothing from before a processor's start is filled in")
def _(patch: Patch) -> None:
    patch.setattr(Feeder, "_first_since", lambda self, commit, since, cost: 1)


@without_rule("a processor starts at its moment")
def _(patch: Patch) -> None:
    patch.setattr(members.Member, "since", lambda self, control: 0)


@without_rule("a processor's moment is written once", found=", and then at")
def _(patch: Patch) -> None:
    def begin(member: Any, its: Any, since: int, at: int, cost: Any) -> Any:
        found = members.begin(member, its, since, at, cost)
        if member.from_beginning:
            return found
        return its.update(member.name, lambda control: runs.replace(control, since=since), cost)

    patch.setattr(lanes, "begin", begin)


@without_rule("what a commit leaves out of its note of earlier names is bounded")
def _(patch: Patch) -> None:
    def unbounded(last: Any, names: Any, number: int) -> int:
        return number - 1 if last is None else max((last.get(name, 0) for name in names), default=0)

    patch.setattr(consuming, "previous", unbounded)


@without_rule("a filling goes on to its last page", "boxes")
def _(patch: Patch) -> None:
    def one_page(store: Any, pk: str, cost: Any, first: int = 1, last: int | None = None) -> Any:
        return iter(store.query("events", pk, cost, first=first, last=last).items)

    patch.setattr(consuming, "commits", one_page)


# -- places and rows


def _unconditional(was: Any, item: Any) -> Put:
    return Put("views", item)


@without_rule("a processor's place is written where it is as it was read")
def _(patch: Patch) -> None:
    patch.setattr(ordered, "replacing", _unconditional)


@without_rule("a row is written where it is as it was read")
def _(patch: Patch) -> None:
    patch.setattr(applying, "replacing", _unconditional)


@without_rule("rows that several aggregates share are written where they are as they were read")
def _(patch: Patch) -> None:
    def write(self: Any, before: Any, after: Any) -> Any:
        return Put("views", after) if "row" in after or "of" in after else Delete("views", after["pk"], after["sk"])

    patch.setattr(applying.ViewConsumer, "_row_write", write)


@without_rule("a mark is not written before its rows")
def _(patch: Patch) -> None:
    def write(places: Any, writes: Sequence[Any], cost: Any) -> None:
        for one in writes:
            commit(places, [one], cost)

    patch.setattr(applying, "write", write)


@without_rule("rows are not written before their mark")
def _(patch: Patch) -> None:
    def write(places: Any, writes: Sequence[Any], cost: Any) -> None:
        for one in reversed(writes):
            commit(places, [one], cost)

    patch.setattr(applying, "write", write)


@without_rule("a place is written after the handlers, not before")
def _(patch: Patch) -> None:
    apply = ordered.ProcessorConsumer.apply

    def early(self: Any, commit: Any, place: Any, cost: Any) -> Any:
        moved = self._move(commit, place, cost)
        apply(self, commit, moved, cost)
        return moved

    patch.setattr(ordered.ProcessorConsumer, "apply", early)


@without_rule("a deleted row that is a place leaves a tombstone")
def _(patch: Patch) -> None:
    def write(places: Any, writes: Sequence[Any], cost: Any) -> None:
        first = writes[0]
        if first.item["pk"].startswith("v#") and "row" not in first.item and "fail" not in first.item:
            writes = [Delete("views", first.item["pk"], first.item["sk"], first.condition), *writes[1:]]
        places.forget(*((one.item["pk"], one.item["sk"]) for one in writes if isinstance(one, Put)))
        places.store.write(writes, cost)

    patch.setattr(applying, "write", write)


@without_rule("index entries move with their row")
def _(patch: Patch) -> None:
    entries = applying.ViewConsumer._index_writes

    def only_new(self: Any, before: Any, after: Any) -> Any:
        return [one for one in entries(self, before, after) if isinstance(one, Put)]

    patch.setattr(applying.ViewConsumer, "_index_writes", only_new)


@without_rule("a row that two types of aggregates share is the place of one of them")
def _(patch: Patch) -> None:
    patch.setattr(Feeder, "locate", _locate_without_owner)


def _locate_without_owner(self: Any, consumer: Any, commit: Any, cost: Any, *, fresh: bool) -> Any:
    key = consumer.place(commit)
    place = self.places.get(key, cost, fresh=fresh)
    return key, place if place is not None else {"pk": key[0], "sk": key[1]}


@without_rule("what another container handled is looked for before a handler is called")
def _(patch: Patch) -> None:
    patch.setattr(Places, "clear", lambda self: None)


# -- failures


@without_rule("a record that failed is said to have failed")
def _(patch: Patch) -> None:
    patch.setattr(Batch, "failed", lambda self: [])


@without_rule("behind a parked commit nothing of its aggregate is handled", "boxes")
def _(patch: Patch) -> None:
    locate = Feeder.locate

    def unparked(self: Any, *args: Any, **kwargs: Any) -> Any:
        key, place = locate(self, *args, **kwargs)
        return key, without(place, "parked", "seen", "why")

    patch.setattr(Feeder, "locate", unparked)


@without_rule("a parked place notes what it has seen", "boxes")
def _(patch: Patch) -> None:
    patch.setattr(parking.Parking, "note_seen", lambda self, place, commit, cost: place)


@without_rule("what is parked goes on only if nothing newer was seen", "boxes")
def _(patch: Patch) -> None:
    def unpark(self: Any, place: Any, pk: str, cost: Any) -> Any:
        bare = without(place, "fail", "tries", "until", "parked", "seen", "why", "since")
        item = revised(bare, mark=max(applied(place), place["seen"]))
        commit(self.places, [Put("views", item), Delete("views", *parking.letter(self.consumer, self.run, pk))], cost)
        return item

    patch.setattr(parking.Parking, "unpark", unpark)


@without_rule("a letter is written with the park, all or nothing", "boxes")
def _(patch: Patch) -> None:
    def write(places: Any, writes: Sequence[Any], cost: Any) -> None:
        for one in writes:
            commit(places, [one], cost)

    patch.setattr(parking, "write", write)


@without_rule("what Lambda gave up on is parked", "boxes")
def _(patch: Patch) -> None:
    patch.setattr(App, "park_given_up", lambda self, deliveries, why: [])


@without_rule("a park that cannot be written is a failure of the record", "boxes")
def _(patch: Patch) -> None:
    park = parking.Parking.park

    def careless(self: Any, place: Any, commit: Any, *args: Any, **options: Any) -> Any:
        try:
            return park(self, place, commit, *args, **options)
        except StoreUnavailable:
            return {**place, "parked": commit.number, "seen": commit.number}

    patch.setattr(parking.Parking, "park", careless)


@without_rule("what could not be parked for Lambda comes again", "boxes")
def _(patch: Patch) -> None:
    park = reactions.Reactions.park_given_up

    def careless(self: Any, deliveries: Any, why: str) -> list[str]:
        park(self, deliveries, why)
        return []

    patch.setattr(reactions.Reactions, "park_given_up", careless)


@without_rule("failed attempts are counted durably")
def _(patch: Patch) -> None:
    for module in (parking, ordered, applying):
        patch.setattr(module, "tries", lambda place, number: 0)


@without_rule("an aggregate is parked behind its last attempt", found="is not parked")
def _(patch: Patch) -> None:
    failed = parking.Parking.failed
    patch.setattr(
        parking.Parking, "failed", lambda *args, retries, **options: failed(*args, retries=retries + 9, **options)
    )


@without_rule("an aggregate is not parked before its last attempt", found="was parked after")
def _(patch: Patch) -> None:
    failed = parking.Parking.failed
    patch.setattr(
        parking.Parking, "failed", lambda *args, retries, **options: failed(*args, retries=retries - 1, **options)
    )


@without_rule("behind a parked aggregate, others go on", "boxes")
def _(patch: Patch) -> None:
    feed = Feeder.feed

    def blocked(self: Any, consumer: Any, commit: Any, cost: Any) -> None:
        if not any(consumer.parking.letters(cost)):
            feed(self, consumer, commit, cost)

    patch.setattr(Feeder, "feed", blocked)


@without_rule("a retry begins at the failing commit", "boxes")
def _(patch: Patch) -> None:
    def last_only(feeder: Any, consumer: Any, pk: str, place: Any, dropped: Any, cost: Any) -> Any:
        item = feeder.store.get("events", pk, place["seen"], cost)
        after = consumer.apply(Commit(item, feeder.decoder), place, cost)
        return after if applied(after) >= place["seen"] else None

    patch.setattr(parking, "_apply_parked", last_only)


@without_rule("a drop steps past one commit, and no more", "boxes")
def _(patch: Patch) -> None:
    def drop(feeder: Any, consumer: Any, pk: str, place: Any, dropped: Any, cost: Any) -> Any:
        if dropped is None:
            return apply_parked(feeder, consumer, pk, place, dropped, cost)
        item = revised(place, mark=place["seen"])
        commit(feeder.places, [Put("views", item)], cost)
        return item

    apply_parked = parking._apply_parked
    patch.setattr(parking, "_apply_parked", drop)


@without_rule("what an unordered processor fails at comes again")
def _(patch: Patch) -> None:
    take = UnorderedProcessor.take

    def careless(self: Any, one: Any, cost: Any) -> None:
        with suppress(Exception):
            take(self, one, cost)

    patch.setattr(UnorderedProcessor, "take", careless)


# -- commands from events, and time


@without_rule("a derived command has an id made of what it comes from", "deals")
def _(patch: Patch) -> None:
    patch.setattr(effects, "derived_id", lambda *parts: revision())


@without_rule("a command's id is looked for before it is committed", "deals")
def _(patch: Patch) -> None:
    patch.setattr(Execution, "duplicate", lambda self, loaded: None)


@without_rule("a tombstone is looked for before a scheduled command runs", "deals")
def _(patch: Patch) -> None:
    patch.setattr(Tombstones, "has", lambda self, id: False)


@without_rule("cancelling leaves a tombstone", "deals")
def _(patch: Patch) -> None:
    patch.setattr(Tombstones, "put", lambda self, id: None)


@without_rule("a command that could not be sent is a failure of its handler", "deals")
def _(patch: Patch) -> None:
    send = effects.Effects._send

    def careless(self: Any, command: Any, message: Any) -> None:
        try:
            send(self, command, message)
        except Exception:
            return

    patch.setattr(effects.Effects, "_send", careless)


@without_rule("a scheduled command is removed once it has run, and not before", "deals")
def _(patch: Patch) -> None:
    fire = StoredScheduler._fire

    def early(self: Any, row: Any, run: Any) -> Any:
        self._remove(row["id"], row["sk"])
        return fire(self, row, run)

    patch.setattr(StoredScheduler, "_fire", early)


@without_rule("a refusal is an outcome, and not a failure", "deals", found="stays parked")
def _(patch: Patch) -> None:
    patch.setattr(effects, "REFUSALS", ())


@without_rule("a command on what is not there yet is tried again", "deals", found="never run")
def _(patch: Patch) -> None:
    patch.setattr(effects, "REFUSALS", (*effects.REFUSALS, NotFound))


@without_rule("the event for a refusal goes with its command", "deals", found="on_rejected")
def _(patch: Patch) -> None:
    message = effects.command_message
    patch.setattr(effects, "command_message", lambda *args: message(*args)._replace(on_rejected=None))


@without_rule("what a target did not take is sent again")
def _(patch: Patch) -> None:
    send, ahead = publishers.Outbox.send, publishers.Outbox.sent
    patch.setattr(publishers.Outbox, "send", lambda self, some: [None for _ in send(self, some)])
    patch.setattr(publishers.Outbox, "sent", lambda self, turn: [] if ahead(self, turn) is not None else None)


@without_rule("a batch's public events are sent ahead only where they are next")
def _(patch: Patch) -> None:
    patch.setattr(publishers.PublisherTaker, "_turn_of", lambda self, commit, marks, cost: 1)


@without_rule("a public event has an id made of what it comes from")
def _(patch: Patch) -> None:
    patch.setattr(publishers, "identity", lambda *parts: revision())


# -- the log


@without_rule("a page is put where none is", "papers")
def _(patch: Patch) -> None:
    init = Tail.__init__

    def careless(self: Any, store: Any, *args: Any) -> None:
        init(self, store, *args)
        self.store = _Careless(store)

    patch.setattr(Tail, "__init__", careless)


class _Careless:
    def __init__(self, store: Any) -> None:
        self._store = store

    def put(self, table: Any, item: Any, cost: Any, *, condition: Any = None) -> None:
        self._store.put(table, item, cost)


@without_rule("the indexer reads which generations are listed before each write", "papers")
def _(patch: Patch) -> None:
    def read(store: Any, cost: Any) -> Any:
        known = store.__dict__.setdefault("known", [])  # once in a container's life
        if not known:
            known.append(log_control.read(store, cost))
        return known[0]

    patch.setattr(indexer, "control", _Namespace(read=read))


@without_rule("indexers write to every listed generation", "papers")
def _(patch: Patch) -> None:
    read = log_control.read

    def first(store: Any, cost: Any) -> Any:
        found = read(store, cost)
        return log_control.replace(found, writes=found.writes[:1])

    patch.setattr(indexer, "control", _Namespace(read=first))


class _Namespace:
    def __init__(self, **names: Any) -> None:
        self.__dict__.update(names)


@without_rule("a record is delivered once its commit is on a page", "papers")
def _(patch: Patch) -> None:
    index = reactions.Reactions._index

    def careless(self: Any, *args: Any) -> None:
        with suppress(Exception):
            index(self, *args)

    patch.setattr(reactions.Reactions, "_index", careless)


@without_rule("what recent pages hold is dropped", "papers", found="repeats what the page before holds")
def _(patch: Patch) -> None:
    saw = Tail.saw

    def forgetful(self: Any, item: Any) -> None:
        saw(self, item)
        self._recent.clear()

    patch.setattr(Tail, "saw", forgetful)


@without_rule("a rebuild fills the base from the events table", "papers")
def _(patch: Patch) -> None:
    patch.setattr(
        rebuild.Rebuild, "_tail", lambda self, generation, segment: _Namespace(append=lambda refs, cost: None)
    )


@without_rule("a generation is listed before it is filled", "papers")
def _(patch: Patch) -> None:
    def late(found: Any, **changes: Any) -> Any:
        if changes.get("fills") is not None:
            changes.pop("writes", None)
        return log_control.replace(found, **changes)

    patch.setattr(rebuild, "replace", late)


@without_rule("a generation that is no longer written ends with a seal, and tokens leave it there", "papers")
def _(patch: Patch) -> None:
    seal, leave = rebuild.seal, tracking.Worker._leave

    def seal_bases(store: Any, part: str, segment: int, cost: Any) -> None:
        if part.endswith(".base"):
            seal(store, part, segment, cost)

    def stay(self: Any, token: Any) -> Any:
        ended = all(position.done == tracking.SEALED for position in token.positions.values())
        return leave(self, token) if ended else None

    patch.setattr(rebuild, "seal", seal_bases)
    patch.setattr(tracking.Worker, "_leave", stay)


@without_rule("a token enters the live part of the next generation", "papers", found="to a base")
def _(patch: Patch) -> None:
    leave = tracking.Worker._leave

    def into_base(self: Any, token: Any) -> Any:
        onward = leave(self, token)
        if onward is None or onward.generation == token.generation:
            return onward
        return tracking.Token(onward.generation, tracking._start(pages.base(onward.generation), len(onward.positions)))

    patch.setattr(tracking.Worker, "_leave", into_base)


@without_rule("whoever begins after a rebuild reads its base, and then what is live", "papers")
def _(patch: Patch) -> None:
    def beginning(found: Any) -> Any:
        part = pages.live(found.reads)
        return tracking.Token(found.reads, tracking._start(part, found.segments_of(found.reads)))

    patch.setattr(tracking, "beginning", beginning)


@without_rule("nothing is written behind a seal", "papers")
def _(patch: Patch) -> None:
    saw = Tail.saw

    def blind(self: Any, item: Any) -> None:
        saw(self, item)
        self.sealed = False

    patch.setattr(indexer.Tail, "saw", blind)


@without_rule("a token leaves a part at its seal, not at its end", "papers")
def _(patch: Patch) -> None:
    leave = tracking.Worker._leave

    def early(self: Any, token: Any) -> Any:
        found = log_control.read(self.store, self.cost)
        part = next(iter(token.positions.values())).part
        if not part.endswith(".base") and max(generation for generation, _ in found.segments) > token.generation:
            onward = max(generation for generation, _ in found.segments)
            return tracking.Token(onward, tracking._start(str(onward), found.segments_of(onward)))
        return leave(self, token)

    patch.setattr(tracking.Worker, "_leave", early)


@without_rule("a token is written under its claim's epoch and revision", "papers")
def _(patch: Patch) -> None:
    write = Tokens._write

    def careless(self: Any, key: Any, token: Any, epoch: int, condition: Any, cost: Any, **held: Any) -> Any:
        return write(self, key, token, epoch, None, cost, **held)

    patch.setattr(Tokens, "_write", careless)


@without_rule("a claim gives a slice to one worker", "papers", found="while another worker held it")
def _(patch: Patch) -> None:
    claim = Tokens.claim

    def taken(self: Any, at: int, begin: Any, cost: Any) -> Any:
        now, self._now = self._now, lambda: now() + timedelta(days=1)
        try:
            return claim(self, at, begin, cost)
        finally:
            self._now = now

    patch.setattr(Tokens, "claim", taken)


@without_rule("a claim runs out", "papers")
def _(patch: Patch) -> None:
    patch.setattr(tokens, "CLAIM", 10**17)


@without_rule("a token moves behind what is done", "papers")
def _(patch: Patch) -> None:
    def early(self: Any, segment: int, slice_: int) -> None:
        position = self._token.positions[segment]
        where = pages.partition(position.part, segment)
        found = self.store.query("log", where, self.cost, first=max(position.page, 1), limit=tracking.READ_AHEAD)
        for item in found.items:
            refs = pages.refs_in(item)
            begun = position.done if item["n"] == position.page else 0
            reached = tracking.Position(position.part, item["n"], tracking.SEALED if "seal" in item else len(refs))
            if reached != position:
                self._move(tracking.at(self._token, segment, reached))
            self._offer_all(item, refs, begun, segment, position.part, slice_)
            position = reached

    patch.setattr(tracking.Worker, "_read_pages", early)


@without_rule("a commit that is not taken holds its slice", "papers")
def _(patch: Patch) -> None:
    offer = tracking.Worker._offer

    def careless(self: Any, *args: Any) -> None:
        with suppress(Exception):
            offer(self, *args)

    patch.setattr(tracking, "OFFERS", 1)
    patch.setattr(tracking.Worker, "_offer", careless)


@without_rule("whoever is woken while another holds a slice is woken again", "papers")
def _(patch: Patch) -> None:
    wake = reactions.Reactions.wake
    patch.setattr(reactions.Reactions, "wake", lambda self: wake(self) or True)


@without_rule("a tracking processor starts from its moment, not from the end of the log", "papers")
def _(patch: Patch) -> None:
    starting = tracking.starting
    patch.setattr(tracking, "starting", lambda store, found, since, cost: starting(store, found, since and 2**62, cost))


# -- replays


@without_rule("from when a run is listed, live commits are applied to it, too")
def _(patch: Patch) -> None:
    patch.setattr(lanes, "runs_of", lambda member, control: (control.live,))


@without_rule("readers go over once the new run has caught up")
def _(patch: Patch) -> None:
    change = runs.Runs.change

    def early(self: Any, consumer: str, before: Any, after: Any, cost: Any) -> Any:
        if after.next is not None and before.next is None:
            after = runs.replace(after, live=after.next)
        return change(self, consumer, before, after, cost)

    patch.setattr(runs.Runs, "change", early)


@without_rule("a replay leaves out the handlers that say so")
def _(patch: Patch) -> None:
    from cqrsless.processors.handlers import EventHandler

    init = EventHandler.__init__

    def always(self: Any, *args: Any) -> None:
        init(self, *args)
        self.replay = True

    patch.setattr(EventHandler, "__init__", always)


@without_rule("a replay carries out no command", "deals")
def _(patch: Patch) -> None:
    from cqrsless.processors import handlers

    handle = handlers.EventHandler.handle
    patch.setattr(
        handlers.EventHandler, "handle", lambda self, message: handle(self, message._replace(replaying=False))
    )


@without_rule("a replay notes its cursor behind what was applied")
def _(patch: Patch) -> None:
    def early(self: Any, seconds: float = 5.0) -> Any:
        held = self._held
        page = self._store.scan("events", self.cost, after=held.cursor, limit=replaying.SLICE)
        if page.more:
            self._reach((page.items[-1]["pk"], page.items[-1]["c"]), held.done + len(page.items))
        for item in page.items:
            self._offer(self._taker, Commit(item, self._decoder))
        return None if page.more else self._end(held.live, held.next, held.done)

    patch.setattr(replaying.Replay, "slice", early)


@without_rule("a replay empties nothing in place")
def _(patch: Patch) -> None:
    begin = replaying.Replay.begin

    def emptying(self: Any) -> None:
        begin(self)
        prefix, after = f"v#{self._held.live}#{self.consumer}#", None
        while True:
            page = self._store.scan("views", self.cost, after=after)
            gone = [Delete("views", item["pk"], item["sk"]) for item in page.items if item["pk"].startswith(prefix)]
            if gone:
                self._store.write(gone, self.cost)
            if not page.more:
                return
            after = page.items[-1]["pk"], page.items[-1]["sk"]

    patch.setattr(replaying.Replay, "begin", emptying)


@without_rule("a replay's worker that was paused past its claim changes nothing", found="from revision")
def _(patch: Patch) -> None:
    def change(self: Any, consumer: str, before: Any, after: Any, cost: Any) -> Any:
        changed = runs.replace(after, rev=before.rev + 1)
        self.store.put("views", runs._item(consumer, changed), cost)
        return self._saw(consumer, changed)

    patch.setattr(runs.Runs, "change", change)


@without_rule("one worker replays at a time", found="while another worker was at it")
def _(patch: Patch) -> None:
    patch.setattr(replaying, "_is_held", lambda control, at: False)


@without_rule("a former run is kept while readers may be at it", "boxes", found="was read as")
def _(patch: Patch) -> None:
    patch.setattr(replaying, "KEPT_FOR", 0)


@without_rule("a former run is removed", found="is still there")
def _(patch: Patch) -> None:
    patch.setattr(lanes, "tidy", lambda *args: None)


@without_rule("a replay calls no publisher")
def _(patch: Patch) -> None:
    patch.setattr(replays, "PublisherMember", _Namespace)


@without_rule("changed projectors begin a run of their own", found="is deployed")
def _(patch: Patch) -> None:
    patch.setattr(members, "noticed", lambda found, code, at: found if found.made else codes.noticed(found, code, at))


# -- commits


@without_rule("a commit is put where none is")
def _(patch: Patch) -> None:
    patch.setattr(Execution, "write", lambda self, item: self.store.put("events", item, self.cost))
