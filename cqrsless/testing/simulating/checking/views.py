"""Every row is what its projectors make of the history, each commit folded in once and in its aggregate's order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any

from ....delivery.places import Key
from ....projections.rows import read, text_of
from ....registry import ViewRecord
from ....surroundings import Surroundings
from ..dropping import Dropped
from ..folding import Rows
from ..guard import Move
from ..history import History, mark_at
from ..world import World

__all__ = ["left_behind", "violations"]


def violations(world: World, history: History, parked: Mapping[str, Sequence[Any]], dropped: Dropped) -> Iterator[str]:
    surroundings = world.container(0).app.compiled.dispatcher.surroundings
    projected = {projector.view for projector in world.model.projectors}
    for view in world.model.views.values():
        if view.name in projected:
            waiting = {letter.key for letter in parked.get(view.name, ())}
            yield from _View(world, history, view, surroundings, dropped).violations(waiting)


def left_behind(world: World, history: History, waiting: Mapping[str, set[str]]) -> Iterator[str]:
    """Say which aggregates a view lacks commits of, but for those that wait."""
    surroundings = world.container(0).app.compiled.dispatcher.surroundings
    for view in world.model.views.values():
        run = world.guard.controls.get(view.name, {}).get("run", 1)
        yield from _complete(history, Rows(view, run, world.plain, surroundings), waiting.get(view.name, set()))


def _complete(history: History, rows: Rows, waiting: Set[str]) -> Iterator[str]:
    moves = history.view_moves(rows)
    for pk in history.commits:
        relevant = history.relevant(pk, rows.stored_names)
        done = max((move.after for move in moves.get((rows.layout.run, pk), ())), default=0)
        if relevant and done < relevant[-1] and pk not in waiting:
            yield f"the view {rows.layout.view.name} has {pk} up to commit {done}, and its last is {relevant[-1]}"


class _View:
    def __init__(
        self, world: World, history: History, view: ViewRecord, surroundings: Surroundings, dropped: Dropped
    ) -> None:
        self.dropped = dropped
        self.world, self.history, self.view = world, history, view
        control = world.guard.controls.get(view.name, {})
        self.live: int = control.get("run", 1)
        self._surroundings = surroundings

    def violations(self, waiting: set[str]) -> Iterator[str]:
        last = None
        for run in range(1, self.live + 1):
            last = Rows(self.view, run, self.world.plain, self._surroundings)
            yield from self._run(last)
        assert last is not None
        yield from _complete(self.history, last, waiting)
        yield from self._stored(last)
        yield from self._switches(last)
        yield from self._deployed()

    def _run(self, rows: Rows) -> Iterator[str]:
        """Go through one run's writes in order, and fold what each was for."""
        owners = {id(move): pk for (_, pk), moves in self.history.view_moves(rows).items() for move in moves}
        moves = {id(move.entry): move for move in self.world.guard.moves if id(move) in owners}
        covered = {id(one) for move in moves.values() for one in move.written}
        prefix = f"v#{rows.layout.run}#{self.view.name}#"
        is_used = True
        for entry in self.world.guard.entries:
            if entry.pk == f"c#{self.view.name}":
                control = entry.after or {}
                is_used = rows.layout.run in (control.get("run", 1), control.get("next"))
            elif not is_used:
                continue  # a worker that slept meanwhile may still write to a run that nobody reads
            elif id(entry) in moves:
                move = moves[id(entry)]
                yield from self._move(rows, move, owners[id(move)])
            elif (
                entry.pk.startswith(prefix)
                and id(entry) not in covered
                and text_of(entry.before) != text_of(entry.after)
            ):
                yield f"the row {_named(rows, (entry.pk, str(entry.sk)))} was written without a mark"

    def _move(self, rows: Rows, move: Move, pk: str) -> Iterator[str]:
        passed = self.history.relevant(pk, rows.stored_names, behind=move.before, to=move.after)
        before = move.entry.before or {}
        is_unparked = "parked" in before and "parked" not in (move.entry.after or {})
        expected = [] if is_unparked else [move.after]
        if passed != expected:
            missed = [number for number in passed if number not in expected]
            if missed:
                yield (
                    f"the view {self.view.name} went from commit {move.before} of {pk} to {move.after}, past "
                    f"{_numbers(missed)}"
                )
            return
        touched: set[Key] = set()
        for number in () if id(move) in self.dropped.moves else passed:
            touched |= rows.fold(self.history.commits[pk][number], replaying=False)
        written = {(entry.pk, str(entry.sk)): entry for entry in move.written}
        for key in touched | {key for key in written if key[0].startswith(f"v#{rows.layout.run}#")}:
            if key in written:
                found, expected_row = read(written[key].after), rows.row(key)
                if found != expected_row:
                    yield (
                        f"the row {_named(rows, key)} of the view {self.view.name} is {found} after {pk}@{move.after}, "
                        f"where folding the same events once and in order gives {expected_row}"
                    )

    def _stored(self, rows: Rows) -> Iterator[str]:
        """What stands in the store at the end is what was folded, and so are the index entries."""
        run = rows.layout.run
        items = {
            key: item for key, item in self.world.stored().items() if key[0].startswith(f"v#{run}#{self.view.name}#")
        }
        for key in items.keys() | rows.rows.keys():
            found, expected = read(items.get(key)), rows.row(key)
            if found != expected:
                yield f"the row {_named(rows, key)} of the view {self.view.name} is {found} in the end, not {expected}"
        prefix = f"i#{run}#{self.view.name}#"
        stored = {key: text_of(item) for key, item in self.world.stored().items() if key[0].startswith(prefix)}
        entries = dict(rows.entries())
        for key in stored.keys() | entries.keys():
            if stored.get(key) != entries.get(key):
                held = f"holds {stored.get(key)}, not {entries.get(key)}"
                yield f"the index entry {key} of the view {self.view.name} {held}"

    def _switches(self, rows: Rows) -> Iterator[str]:
        """Readers go over to a run only once it holds all that was acknowledged before."""
        for entry in self.world.guard.entries:
            if entry.table != "views" or entry.pk != f"c#{self.view.name}":
                continue
            before, after = (entry.before or {}).get("run", 1), (entry.after or {}).get("run", 1)
            if after == before:
                continue
            run = Rows(self.view, after, self.world.plain, self._surroundings)
            moves = self.history.view_moves(run)
            for pk, number in self._delivered(before, entry.at):
                if rows.stored_names.isdisjoint(self.history.commits[pk][number].get("names", ())):
                    continue
                mine = moves.get((after, pk), [])
                if mark_at(mine, entry.at) < number and not self._is_parked(after, pk):
                    yield (
                        f"readers of the view {self.view.name} went over to run {after}, which had not come to "
                        f"{pk}@{number}, delivered before"
                    )

    def _delivered(self, live: int, at: int) -> list[tuple[str, int]]:
        """Give the commits that had been delivered by a moment; from the log, those that the live run held."""
        if not self.world.tracks(self.view.name):
            return self.world.acknowledged(self.view.processor or "views", at)
        moves = self.history.view_moves(Rows(self.view, live, self.world.plain, self._surroundings))
        held = [(pk, mark_at(some, at)) for (_, pk), some in moves.items()]
        return [(pk, number) for pk, number in held if number]

    def _deployed(self) -> Iterator[str]:
        """Rows are made by the projectors that were deployed last, if these are no former ones."""
        versions = self.world.deployed.get(self.view.name, [0])
        if versions.index(versions[-1]) < len(versions) - 1 and len(set(versions)) > 1:
            return
        code = self.world.container(0).app.compiled.reactions.members[self.view.name].code
        control = self.world.guard.controls.get(self.view.name, {})
        made = control.get("made", "")
        # One that others were told to replay after is in use again only when these have been quiet for a while.
        if code not in (*made.split(), *control.get("former", "").split(), control.get("refused")):
            yield f"the rows of the view {self.view.name} are made by {made or 'nobody'}, and {code} is deployed"

    def _is_parked(self, run: int, pk: str) -> bool:
        return any(
            entry.pk == f"d#{run}#{self.view.name}" and (entry.after or {}).get("key") == pk
            for entry in self.world.guard.entries
        )


def _named(rows: Rows, key: Key) -> str:
    partition = key[0].split("#", 3)[-1]
    return partition if key[1] == "-" else f"{partition} {key[1]}"


def _numbers(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))
