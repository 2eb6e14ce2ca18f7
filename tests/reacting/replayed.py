"""An application of many commits, for replays that are killed: `python -m tests.reacting.replayed URL replay`."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta, timezone
from typing import Any

from cqrsless import Event, Registry
from cqrsless.app import App

AGGREGATES = 500
counters = Registry("counters")
Counter = counters.aggregate("Counter", id_field="id")
Totals = counters.view("Totals", key="id")
Groups = counters.view("Groups", key="group")


@counters.command_handler("Count", aggregate=Counter, creation="if_missing")
def count(command: Any, counter: Any) -> Any:
    number = (counter or {"n": 0})["n"] + 1
    return {"n": number}, Event("Counted", {"n": number})


@counters.projector("Counted", view=Totals)
def total(row: Any, event: Any) -> Any:
    before = row or {"n": 0, "seen": 0}
    assert event["n"] == before["n"] + 1, "in order, and once"
    return {"n": event["n"], "seen": before["seen"] + 1}


@counters.projector("Counted", view=Groups, key=lambda event, message: message.aggregate_id[-1])
def group(row: Any, event: Any) -> Any:
    return {"n": (row or {"n": 0})["n"] + 1}


def application(url: str, later: timedelta = timedelta(0)) -> App:
    return App(url, registry=counters, clock=lambda: datetime.now(timezone.utc) + later)


def make(app: App, commits: int) -> None:
    for number in range(commits):
        app.execute("Count", {"id": f"counter-{number % AGGREGATES}"})


if __name__ == "__main__":
    made = application(sys.argv[1])
    if sys.argv[2] == "make":
        make(made, int(sys.argv[3]))
    else:
        made.replay("Totals", lambda done: print(done, flush=True))
