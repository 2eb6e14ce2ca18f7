"""Processors, views and publishers as consumers: how far they are, and what they have parked."""

from __future__ import annotations

from typing import Any, Final

from ...delivery.parking import Letter
from ...describing.standings import kind_of, places, tail
from ...messages import Cost
from ..project import Project
from .asking import Ask, told
from .timeline import commit_of

__all__ = ["drop", "letters", "processors", "progress", "replay", "retry"]

#: Letters that are shown of one consumer.
SHOWN: Final = 200


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
            "kind": kind_of(member),
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
            tokens = places(project.app, member, record.segments)
            entry["tokens"] = [place._asdict() for place in tokens]
            entry["behind"] = None if behind is None else sum(place.behind for place in tokens) + behind
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


def _wake(project: Project) -> None:
    if project.deliveries is not None:
        project.deliveries.wake()
    project.pulse.beat()
