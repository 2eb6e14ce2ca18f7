"""Ratios of the hot paths to plain Python, with generous bounds: run by `-m bench`, and by no ordinary run."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import pytest

from benchmarks.dispatch import DEPOSITS, GROUPS
from benchmarks.plotting import Curve, bars, lines
from benchmarks.reporting import report
from benchmarks.streams import GROUPS as STREAMS


def cpu(do: Callable[[], Any]) -> float:
    begun = time.process_time()
    do()
    return time.process_time() - begun


def ratio(bound: Callable[[], Any], ours: Callable[[], Any], rounds: int = 9) -> float:
    """Give how much longer ours takes, measured in turns; the first round warms up."""
    found = [cpu(ours) / cpu(bound) for _ in range(rounds + 1)]
    return statistics.median(found[1:])


@pytest.mark.bench
@pytest.mark.parametrize(
    ("group", "name", "most"),
    [
        ("dispatch, json, Schema.load", "cqrsless", 2.0),
        ("HTTP event with validation", "cqrsless", 2.5),
        ("event-sourced, cached", "cqrsless, frozen dataclass", 6.0),
        ("event-sourced, cached", "cqrsless, dict", 6.0),
        ("event-sourced, nothing cached", "cqrsless", 2.0),
        ("an event folded, of 101, no snapshot", "cqrsless", 3.0),
    ],
)
def test_dispatch_is_not_far_from_plain_python(group: str, name: str, most: float) -> None:
    bound, ours = next(iter(GROUPS[group].values()))(), GROUPS[group][name]()
    assert ratio(lambda: bound(10), lambda: ours(10)) < most


@pytest.mark.bench
def test_a_stream_record_is_not_far_from_plain_python() -> None:
    cases = STREAMS["a stream record, 10% failing"]
    bound, records = cases["bare, own commits"]
    event = records(100)
    bare, ours = bound(), cases["cqrsless, unordered"][0]()
    assert ratio(lambda: [bare(event) for _ in range(20)], lambda: [ours(event) for _ in range(20)]) < 3.0


# -- the report itself, in every run


@pytest.mark.parametrize("group", GROUPS)
def test_each_case_of_a_group_does_the_same_work(group: str) -> None:
    for make in GROUPS[group].values():
        make()(1)  # each checks its own balance
    assert DEPOSITS == 100


def test_a_report_tells_ratios_aims_and_what_was_before(tmp_path: Any) -> None:
    one = {"us": 9.0, "least": 8.0, "most": 10.0, "ratio": 1.2, "ratio_least": 1.1, "ratio_most": 1.3}
    results = {
        "surroundings": {"when": "now", "python": "3.11", "machine": "small", "versions": {"boto3": "1"}},
        "dispatch": {
            "HTTP event with validation": {"bare": {**one, "ratio": 1.0}, "cqrsless": one, "peer": {"failed": "no"}}
        },
        "growth": {"by size": {"points": [[1, 2], [100, 3]]}},
    }
    text = report(results, results, tmp_path)
    assert "| cqrsless | 9.0 | 8.0-10.0 | 1.20 | 1.10-1.30 | ≤ 1.5 reached | 1.20 |" in text
    assert "failed: no" in text
    assert (tmp_path / "ratios.svg").read_text().startswith("<svg")
    assert (tmp_path / "growth-1.svg").exists()


def test_plots_stand_far_values_and_odd_names(tmp_path: Any) -> None:
    assert "a &lt; b" in bars(tmp_path / "b.svg", "a < b", [("g", [("x", 0.01), ("y", 1000.0)])]).read_text()
    assert "polyline" in lines(tmp_path / "l.svg", "one", [Curve("c", [(5.0, 0.0)])]).read_text()
