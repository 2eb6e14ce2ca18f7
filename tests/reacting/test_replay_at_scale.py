from __future__ import annotations

import signal
import subprocess
import sys
import tracemalloc
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cqrsless import ConcurrencyConflict, Cost
from cqrsless.app import App

from .replayed import AGGREGATES, application, make


def totals(app: App) -> dict[str, Any]:
    views = app._current().reactions.views
    return {f"counter-{n}": views.get("Totals", f"counter-{n}") for n in range(AGGREGATES)}


@pytest.mark.parametrize("commits", [3_000, pytest.param(100_000, marks=pytest.mark.long)])
def test_a_replay_of_many_commits_tells_its_progress_and_takes_bounded_memory(commits: int) -> None:
    app = application("memory://")
    make(app, commits)
    app.drain()
    live = totals(app)
    told: list[int] = []

    tracemalloc.start()
    app.replay("Totals", told.append)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert totals(app) == live
    assert live["counter-0"] == {"n": commits // AGGREGATES, "seen": commits // AGGREGATES}
    assert told == sorted(told)
    assert told[-1] == commits
    assert len(told) >= commits // 1000
    assert peak < 40_000_000, "what is read of the history, or noted of it, does not pile up"


@pytest.mark.parametrize("commits", [4_000, pytest.param(100_000, marks=pytest.mark.long)])
def test_a_replay_that_was_killed_goes_on_in_another_process(tmp_path: Path, commits: int) -> None:
    url = f"sqlite:///{tmp_path}/counters.db"
    app = application(url)
    make(app, commits)
    app.drain()
    live = totals(app)

    command = [sys.executable, "-m", "tests.reacting.replayed", url, "replay"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as replaying:
        assert replaying.stdout is not None
        assert int(replaying.stdout.readline()) < commits
        replaying.send_signal(signal.SIGKILL)
    assert replaying.returncode == -signal.SIGKILL
    assert totals(app) == live, "readers see the run that is whole"

    with pytest.raises(ConcurrencyConflict):
        app.replay("Totals")
    later = application(url, timedelta(minutes=10))
    told: list[int] = []
    later.replay("Totals", told.append)
    make(later, AGGREGATES)
    later.drain()

    assert told[0] > 0
    assert told[-1] == commits
    after = totals(later)
    assert after == {name: {"n": row["n"] + 1, "seen": row["seen"] + 1} for name, row in live.items()}
    assert later.store.get("views", "c#Totals", "-", Cost()) is not None
