"""Ratios of the hot paths to plain Python, with generous bounds: run by `-m bench`, and by no ordinary run."""

from __future__ import annotations

import re
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.aims import Row, rows_of
from benchmarks.cold_start import measure as measure_starts
from benchmarks.cold_start_cases import CASES as STARTS
from benchmarks.cold_start_cases import FLOOR, OURS
from benchmarks.dispatch import DEPOSITS, GROUPS
from benchmarks.dynamodb import CASES as DYNAMODB
from benchmarks.dynamodb import client_cpu
from benchmarks.growth import AGGREGATES, HISTORY, UNITS
from benchmarks.plotting import Curve, bars, lines, stacks
from benchmarks.profiling import CASES as PROFILED
from benchmarks.reporting import PAGE, report
from benchmarks.servers import LOCAL, MINISTACK
from benchmarks.streams import CASES as STREAMS
from benchmarks.streams import PEERS as STREAM_PEERS
from benchmarks.streams import SIZES


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
        ("event-sourced, cached", "cqrsless, frozen dataclass", 4.5),
        ("event-sourced, cached", "cqrsless, dict", 4.5),
        ("event-sourced, nothing cached", "cqrsless", 2.0),
        ("an event folded, of 101, no snapshot", "cqrsless", 3.0),
    ],
)
def test_dispatch_is_not_far_from_plain_python(group: str, name: str, most: float) -> None:
    bound, ours = next(iter(GROUPS[group].values()))(), GROUPS[group][name]()
    assert ratio(lambda: bound(10), lambda: ours(10)) < most


@pytest.mark.bench
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("bound", ["bare, an item", "bare, a commit"])
def test_a_stream_record_is_not_far_from_plain_python(bound: str, size: int) -> None:
    bare, theirs = STREAMS[bound][0](), STREAMS[bound][1](size)
    ours, commits = STREAMS["cqrsless, unordered"][0](), STREAMS["cqrsless, unordered"][1](size)
    repeats = range(2000 // size)
    assert ratio(lambda: [bare(theirs) for _ in repeats], lambda: [ours(commits) for _ in repeats]) < 3.0


@pytest.mark.bench
def test_the_client_of_a_warm_command_is_not_far_from_a_put_by_hand() -> None:
    rounds = [[client_cpu(DYNAMODB[case][1]) for case in ("bare, state cached", "cqrsless, warm")] for _ in range(3)]
    assert statistics.median(ours / bound for bound, ours in rounds) < 1.8


@pytest.mark.bench
def test_a_cold_start_is_not_far_from_its_floor() -> None:
    cases = {name: STARTS[name] for name in (FLOOR, OURS)}
    told = measure_starts(Path(sys.executable), 5, cases, packaged=False)
    assert told["added"][0] < 60, told["ms"]


# -- the report itself, in every run


@pytest.mark.parametrize("group", GROUPS)
def test_each_case_of_a_group_does_the_same_work(group: str) -> None:
    for make in GROUPS[group].values():
        make()(1)  # each checks its own balance
    assert DEPOSITS == 100


@pytest.mark.parametrize("name", [name for name in STREAMS if name not in STREAM_PEERS])
def test_each_case_of_a_stream_fails_the_same_records(name: str) -> None:
    make, records = STREAMS[name]
    event = records(100)
    failed = [one["itemIdentifier"] for one in make()(event)["batchItemFailures"]]
    assert failed == [event["Records"][at]["dynamodb"]["SequenceNumber"] for at in range(9, 100, 10)]


def timed(us: float, bound: float = 10.0) -> dict[str, float]:
    ratio = us / bound
    return {"us": us, "least": us, "most": us, "ratio": ratio, "ratio_least": ratio, "ratio_most": ratio}


AROUND = {"when": "now", "python": "3.11", "machine": "small", "versions": {"boto3": "1"}}


def test_a_report_tells_of_each_aim_whether_it_is_reached_and_who_leads(tmp_path: Path) -> None:
    results = {
        "surroundings": AROUND,
        "dispatch": {
            "HTTP event with validation": {
                "bare": timed(10),
                "cqrsless": timed(12),
                "peer": timed(11),
                "no": {"failed": "x"},
            },
            "dispatch, json, Schema.load": {"bare": timed(10), "cqrsless": timed(16), "peer": timed(20)},
        },
    }
    text = report(results, results, tmp_path / "page.md")
    assert "| HTTP event with validation: cqrsless | ≤ 1.5 x bare | 1.20 x (12.0 µs) | reached | peer: 1.10 x" in text
    assert "| peer: 1.10 x (11.0 µs) | **peer** |" in text
    assert "| 1.60 x (16.0 µs) | **missed** | peer: 2.00 x (20.0 µs) | cqrsless |" in text
    assert "**1 of 2 aims are reached; of 2 that peers do, too, cqrsless leads in 1.**" in text
    assert "failed: x" in text
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == text
    assert (tmp_path / "pictures" / "benchmark-ratios.svg").read_text().startswith("<svg")


def test_a_report_leaves_out_what_did_not_run(tmp_path: Path) -> None:
    curves = {name: {"line": [[10, 50.0], [100, last]]} for name, last in ((HISTORY, 60.0), (AGGREGATES, 90.0))}
    writers = {"one aggregate": {"done": [3, 4], "per_second": 7.0, "gave_up": 0, "right": True}}
    results = {"surroundings": AROUND, "growth": {"curves": {**curves, UNITS: {"failed": "y"}}, "writers": writers}}
    text = report(results, None, tmp_path / "page.md")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["At a glance", "Growth"]
    assert f"| flat: {HISTORY}, to 100 | most ≤ 1.5 x least | line 1.20 x | reached |" in text
    assert f"| flat: {AGGREGATES}, to 100 | most ≤ 1.5 x least | line 1.80 x | **missed** |" in text
    assert f"| flat: {UNITS} | flat | failed | **missed** |" in text
    for picture in re.findall(r"\]\((pictures/[^)]+)\)", text):
        assert (tmp_path / picture).exists()


def test_a_report_tells_who_does_more_commands_a_second(tmp_path: Path) -> None:
    def one(per_second: float) -> dict[str, Any]:
        return {"per_second": per_second, "cpu_us": 9.0, "least": 1, "most": 2, "failed": [], "right": True}

    cases = {
        "bare": {"8": one(90)},
        "cqrsless, warm": {"8": one(80), "64": one(10)},
        "slow": {"8": one(20), "64": {"failed": "z"}},
        "quick": {"8": one(85), "64": one(5)},
    }
    text = report({"surroundings": AROUND, "throughput": {"server": cases}}, None, tmp_path / "page.md")
    assert "| commands a second on server, threads: 8 | to lead | 80 |  | quick: 85 | **quick** |" in text
    assert "| commands a second on server, threads: 64 | to lead | 10 |  | quick: 5 | cqrsless |" in text
    assert "| slow | 64 | failed: z |" in text


def asked(create: list[float], command: list[float], *, stale: str = "refused", mean: list[float] | None = None) -> Any:
    figures = {"create": create, "100": command, "mean": mean or command, "cpu_ms": 1.0}
    return {**figures, "stale": stale, "large": "yes", "right": True}


RULES = {
    "a command, warm": [1, 0, 1],
    "the same with an id of its own, and metadata": [1, 0, 1],
    "a command that loses a race once": [2, 0, 2],
    "a refusal, warm": [1, 0, 0],
    "a refusal, cold": [1, 1, 0],
    "the log, a commit, at 100 a page": [0, 0, 0.01],
}


def units(peers: dict[str, Any], engine: str) -> dict[str, Row]:
    """Give the rows of a run in which cqrsless asks for what it does, and these peers for what they do."""
    ours = {"cqrsless, warm": asked([1, 0, 1], [1, 0, 1]), "cqrsless, cold": asked([1, 0, 1], [2, 1, 1])}
    return {row.aim: row for row in rows_of({"requests": {engine: {"asked": ours | peers, "rules": RULES}}})}


def test_who_asks_for_the_same_is_even_and_leads_only_by_refusing_what_the_other_accepts() -> None:
    creation = "a creation: requests / read / write units"
    strict = units({"peer": asked([1, 0, 1], [3, 1, 1])}, LOCAL)[creation]
    assert (strict.leads, strict.even) == (False, True)
    loose = units({"peer": asked([1, 0, 1], [3, 1, 1], stale="accepted: 12")}, LOCAL)[creation]
    assert (loose.leads, loose.even, loose.peer) == (True, True, "peer: 1 / 0 / 1; it accepts stale writes")


def test_fewer_requests_for_more_units_are_no_lead() -> None:
    row = units({"peer": asked([1, 0, 1], [3, 0.5, 1])}, LOCAL)["a command, nothing cached"]
    assert (row.leads, row.peer) == (False, "peer: 3 / 0.5 / 1 at 100")
    # ministack tells half a unit of any read that need not be consistent, whatever it takes
    row = units({"peer": asked([1, 0, 1], [3, 0.5, 1])}, MINISTACK)["a command, nothing cached"]
    assert (row.leads, row.peer) == (True, "peer: 3 / 0.5 / 1 at 100; read units are not told here")


def test_a_peer_that_takes_snapshots_is_met_by_its_mean() -> None:
    peers = {
        "peer": asked([1, 0, 1], [2, 30, 1]),
        "peer, a snapshot each 100": asked([1, 0, 1], [2, 90, 9], mean=[3, 6, 2]),
    }
    row = units(peers, LOCAL)["a command, nothing cached"]
    assert (row.leads, row.peer) == (True, "peer, a snapshot each 100: 3 / 6 / 2 on average")


def test_a_run_is_compared_with_an_earlier_one_aim_by_aim(tmp_path: Path) -> None:
    def run(us: float, when: str) -> dict[str, Any]:
        timings = {"HTTP event with validation": {"bare": timed(10), "cqrsless": timed(us)}}
        return {"surroundings": {**AROUND, "when": when, "command": "python -m benchmarks"}, "dispatch": timings}

    now = run(12, "now")
    now["surroundings"]["earlier"] = [{**AROUND, "when": "the day before"}]
    text = report(now, run(14, "yesterday"), tmp_path / "page.md")
    assert "The earlier run was measured yesterday, in ? minutes, by `python -m benchmarks`;" in text
    assert "| HTTP event with validation: cqrsless | 1.40 x (14.0 µs) | 1.20 x (12.0 µs) |" in text
    assert "What that run left out is of an earlier one, measured the day before" in text
    assert "Compared with" not in report(now, None, tmp_path / "page.md")


def test_a_part_of_an_earlier_run_that_cannot_be_read_is_left_out_and_said(tmp_path: Path) -> None:
    now = {
        "surroundings": AROUND,
        "dispatch": {"HTTP event with validation": {"bare": timed(10), "cqrsless": timed(12)}},
    }
    before = {**now, "surroundings": {"when": "long ago"}, "requests": {"an engine": {}}, "cold-start": []}
    text = report(now, before, tmp_path / "page.md")
    assert "The earlier run was measured long ago" in text
    assert "Left out, as its figures are of another shape: requests, cold-start." in text
    assert "| HTTP event with validation: cqrsless | 1.20 x (12.0 µs) | 1.20 x (12.0 µs) |" in text


def test_a_profile_without_times_says_so_once(tmp_path: Path) -> None:
    shares = {"packages": {"json": 1.0}, "functions": [["json: loads", 1.0, 2.0]]}
    results = {"surroundings": AROUND, "profile": dict.fromkeys(PROFILED, shares)}
    section = report(results, None, tmp_path / "page.md").partition("## Where the time goes")[2]
    assert section.count("none is in these results") == 1
    results["dispatch"] = {"HTTP event with validation": {"bare": timed(10), "cqrsless": timed(12)}}
    section = report(results, None, tmp_path / "page.md").partition("## Where the time goes")[2]
    assert "cqrsless, 12.0 µs: json 12.0." in section
    assert section.count("Without times in these results, and so left out: dispatch, json, Schema.load; ") == 1


def test_the_page_in_the_docs_is_the_commands_own() -> None:
    docs = Path(__file__).parent.parent / "docs"
    page = (docs / "benchmarks.md").read_text(encoding="utf-8")
    words = [part for part in re.split(r"\{\{ \w+ \}\}", PAGE.read_text(encoding="utf-8")) if part.strip()]
    optional = "## Compared with an earlier run"
    assert [part for part in words if part.strip() not in page and part.strip() != optional] == []
    shown = set(re.findall(r"\]\(pictures/(benchmark-[^)]+)\)", page))
    assert shown == {path.name for path in (docs / "pictures").glob("benchmark-*.svg")}


def test_plots_stand_far_values_and_odd_names(tmp_path: Path) -> None:
    assert "a &lt; b" in bars(tmp_path / "b.svg", "a < b", [("g", [("x", 0.01), ("y", 1000.0)])]).read_text()
    assert "polyline" in lines(tmp_path / "l.svg", "one", [Curve("c", [(5.0, 0.0)])]).read_text()
    assert "30" in stacks(tmp_path / "s.svg", "sums", [("x", [("a", 10.0), ("b", 20.0)])]).read_text()
