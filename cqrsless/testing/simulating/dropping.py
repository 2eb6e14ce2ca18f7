"""What operators gave up: the commits that a drop stepped past, which are never handled."""

from __future__ import annotations

from .errands import Errands
from .guard import Guard

__all__ = ["Dropped"]


class Dropped:
    """The commits that were dropped: each drop steps past one, by the move that passes where it was parked.

    An unordered processor has no places: there it is the first letter that the drop removes.
    """

    def __init__(self, errands: Errands, guard: Guard) -> None:
        #: The moves that stepped past a commit, by their identity.
        self.moves: set[int] = set()
        self._commits: set[tuple[str, str, int]] = set()
        for drop in errands.drops:
            ended = drop.ended if drop.ended is not None else errands.world.ledger.at
            for move in guard.moves:
                is_its = (move.consumer, move.entry.who) == (drop.consumer, drop.who)
                if (
                    is_its
                    and drop.began < move.entry.at <= ended
                    and (move.entry.before or {}).get("parked") == move.after
                ):
                    self.moves.add(id(move))
                    self._commits.add((drop.consumer, drop.key, move.after))
                    break
            else:
                for entry in guard.entries:
                    letter = entry.before or {}
                    if (
                        (entry.who, entry.after) == (drop.who, None)
                        and drop.began < entry.at <= ended
                        and entry.pk.startswith("d#")
                        and letter.get("key") == drop.key
                    ):
                        self._commits.add((drop.consumer, drop.key, letter["commit"]))
                        break

    def __contains__(self, commit: tuple[str, str, int]) -> bool:
        return commit in self._commits
