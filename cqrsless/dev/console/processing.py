"""Processors, views and publishers as consumers: how far they are, and what they have parked."""

from __future__ import annotations

from typing import Any, Final

from ...delivery.parking import Letter
from ...log import pages
from ...log.tokens import Position, Tokens
from ...messages import Cost
from ...reacting.members import Member, PublisherMember, ViewMember
from ..project import Project
from .asking import Ask, told
from .timeline import commit_of, tail

__all__ = ["drop", "letters", "processors", "progress", "replay", "retry"]

#: Letters that are shown of one consumer, and pages of the log that are counted.
SHOWN: Final = 200
PAGES: Final = 50


def progress(project: Project) -> dict[str, Any]:
    """Say how many commits there are, and how many of them are delivered."""
    if project.deliveries is None:
        return {"commits": None, "pending": None}
    newest = tail(project.app.store, "events")
    return {"commits": newest, "pending": max(0, newest - project.deliveries.delivered("events"))}


def processors(ask: Ask) -> dict[str, Any]:
    """Give every consumer of commits, and the processors of external events."""
    project = ask.project
    reactions = project.app.compiled.reactions
    model = project.app.model
    behind = progress(project)["pending"]
    found: list[dict[str, Any]] = []
    for member in reactions.members.values():
        control = reactions.runs.read(member.name, Cost())
        names = sorted(member.stored_names)
        record = member.processor
        entry: dict[str, Any] = {
            "name": member.name,
            "kind": _kind(member),
            "mode": "tracking" if member.tracking else "subscribing",
            "group": member.group,
            "events": names,
            "run": control.live,
            "next": control.next,
            "done": control.done if control.next is not None else None,
            "behind": behind,
            "tokens": [],
            "letters": sum(1 for _ in project.app.letters.list(member.name)),
            "ordered": record.ordered if record is not None else True,
            "retries": record.retries if record is not None else None,
            "place": str(record.place) if record is not None and record.place.line else None,
        }
        if member.tracking and record is not None:
            entry["tokens"], log_behind = _tokens(project, member, record.segments)
            entry["behind"] = None if behind is None else log_behind + behind
        found.append(entry)
    external = [
        {"name": record.processor, "events": list(record.names), "source": record.source, "place": str(record.place)}
        for record in model.event_handlers
        if record.source is not None
    ]
    return {"processors": found, "external": external}


def letters(ask: Ask) -> dict[str, Any]:
    """Give what a consumer has parked, each with the commit that it waits at."""
    name = ask.text("consumer")
    listed = ask.project.app.letters.list(name)
    return {"letters": [_letter(ask.project, letter) for letter in listed[:SHOWN]], "count": len(listed)}


def retry(ask: Ask) -> dict[str, Any]:
    """Try again what is parked, of one aggregate or of all."""
    left = ask.project.app.letters.retry(ask.text("consumer"), ask.maybe("key"))
    _wake(ask.project)
    return {"left": len(left), "why": left[0].why if left else None}


def drop(ask: Ask) -> dict[str, Any]:
    """Step past the commit that an aggregate waits at."""
    left = ask.project.app.letters.drop(ask.text("consumer"), ask.text("key"))
    _wake(ask.project)
    return {"left": len(left), "why": left[0].why if left else None}


def replay(ask: Ask) -> dict[str, Any]:
    """Build a view anew from all of history, or call a processor's handlers again for it."""
    done = 0

    def told_of(count: int) -> None:
        nonlocal done
        done = count
        ask.project.pulse.beat()

    ask.project.app.replay(ask.text("consumer"), told_of)
    _wake(ask.project)
    return {"commits": done}


def _letter(project: Project, letter: Letter) -> dict[str, Any]:
    item = project.app.store.get("events", letter.key, letter.commit, Cost())
    return {
        "key": letter.key,
        "type": letter.aggregate,
        "id": letter.id,
        "commit": letter.commit,
        "seen": letter.seen,
        "tries": letter.tries,
        "why": told(letter.why),
        "since": letter.since.isoformat(),
        "until": None if letter.until is None else letter.until.isoformat(),
        "events": [] if item is None else [one["name"] for one in commit_of(project, item)["events"]],
    }


def _tokens(project: Project, member: Member, segments: int) -> tuple[list[dict[str, Any]], int]:
    """Give where a tracking processor stands in the log, and how many references are behind that."""
    tokens = Tokens(project.app.store, member.group, 1, segments, project.app.now).read(Cost())
    found: list[dict[str, Any]] = []
    behind = 0
    for slice_, token in sorted(tokens.items()):
        for segment, position in sorted(token.positions.items()):
            left = _left(project, segment, position)
            behind += left
            found.append(
                {
                    "slice": slice_, "generation": token.generation, "segment": segment, "part": position.part,
                    "page": position.page, "done": position.done, "behind": left,
                }
            )  # fmt: skip
    return found, behind


def _left(project: Project, segment: int, position: Position) -> int:
    where = pages.partition(position.part, segment)
    page = project.app.store.query("log", where, Cost(), first=max(position.page, 1), limit=PAGES)
    left = 0
    for item in page.items:
        count = len(pages.refs_in(item))
        left += count - position.done if item["n"] == position.page and position.done >= 0 else count
        if item["n"] == position.page and position.done < 0:
            left -= count
    return max(0, left)


def _kind(member: Member) -> str:
    if isinstance(member, ViewMember):
        return "view"
    return "publisher" if isinstance(member, PublisherMember) else "processor"


def _wake(project: Project) -> None:
    if project.deliveries is not None:
        project.deliveries.wake()
    project.pulse.beat()
