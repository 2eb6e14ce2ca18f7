"""What is aimed at, and whether a run reached it: rows for the head of the report."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from .cold_start_cases import CASES as STARTS
from .cold_start_cases import OURS, PACKAGED, POWERTOOLS, TRIMMED
from .growth import FLAT
from .profiling import CPU
from .servers import LOCAL, MINISTACK
from .streams import SIZES, group_of


class Ratio(NamedTuple):
    """A case of ours, and the most that its time may be of a bound's (by default the group's first case).

    `raced` is off where the same peers were met by another of our cases.
    """

    group: str
    ours: str
    most: float
    bound: str | None = None
    raced: bool = True


RATIOS: Final = (
    Ratio("dispatch, json, Schema.load", "cqrsless", 1.5),
    Ratio("event-sourced, cached", "cqrsless, frozen dataclass", 2.0),
    Ratio("event-sourced, cached", "cqrsless, dict", 2.0, raced=False),
    Ratio("event-sourced, nothing cached", "cqrsless", 1.5),
    Ratio("an event folded, of 101, no snapshot", "cqrsless", 1.5),
    Ratio("HTTP event with validation", "cqrsless", 1.5),
    *(
        Ratio(group_of(size), "cqrsless, unordered", 1.5, bound)
        for size in SIZES
        for bound in ("bare, an item", "bare, a commit")
    ),
    Ratio(CPU, "cqrsless, warm", 1.3),
)


class Row(NamedTuple):
    """One aim. `reached` is missing where nothing was aimed at but to lead.

    `leads` is missing where no peer does the same; `even` is told where we lead by what the other gives up.
    """

    aim: str
    target: str
    ours: str
    reached: bool | None
    peer: str = "none"
    leads: bool | None = None
    even: bool = False


def groups_of(results: dict[str, Any]) -> dict[str, Any]:
    """Give the groups of timed cases of a run, whatever part they are of."""
    groups = {**results.get("dispatch", {}), **results.get("streams", {})}
    if CPU in results.get("requests", {}):
        groups[CPU] = results["requests"][CPU]
    return groups


def ratio_of(aim: Ratio, cases: dict[str, Any]) -> float:
    """Give our time over the bound's; to a group's first case it is the median of the rounds' own ratios."""
    ours, first = cases[aim.ours], next(iter(cases))
    if aim.bound in (None, first):
        ratio: float = ours["ratio"]
        return ratio
    quotient: float = ours["us"] / cases[aim.bound]["us"]
    return quotient


def is_peer(name: str) -> bool:
    return not name.startswith(("bare", "cqrsless"))


def engine_of(results: dict[str, Any]) -> str:
    """Name the engine whose units are told at the head: DynamoDB Local, if it was there, tells all of them right."""
    engines = [name for name in results["requests"] if name != CPU]
    return LOCAL if LOCAL in engines else engines[0]


def rows_of(results: dict[str, Any]) -> list[Row]:
    rows = [*_ratios(groups_of(results))]
    if "requests" in results:
        engine = engine_of(results)
        rows += _units(results["requests"][engine], tells_reads=engine != MINISTACK)
    if "throughput" in results:
        rows += _throughput(results["throughput"])
    if "cold-start" in results:
        rows += _starts(results["cold-start"])
    if "growth" in results:
        rows += _growth(results["growth"])
    return rows


def _ratios(groups: dict[str, Any]) -> Iterator[Row]:
    for aim in RATIOS:
        cases = groups.get(aim.group, {})
        bound = aim.bound or next(iter(cases), None)
        if bound is None or aim.ours not in cases:
            continue
        ours = cases[aim.ours]
        name = f"{aim.group}: {aim.ours}" + (f", against {aim.bound}" if aim.bound else "")
        target = f"≤ {aim.most:g} x bare"
        if "failed" in ours or "failed" in cases[bound]:
            yield Row(name, target, "failed", False)
            continue
        ratio = ratio_of(aim, cases)
        peers = {peer: one["us"] for peer, one in cases.items() if is_peer(peer) and "failed" not in one}
        row = Row(name, target, f"{ratio:.2f} x ({ours['us']:.1f} µs)", ratio <= aim.most)
        if peers and aim.raced and bound == next(iter(cases)):
            best = min(peers, key=lambda peer: peers[peer])
            told = f"{best}: {peers[best] / cases[bound]['us']:.2f} x ({peers[best]:.1f} µs)"
            row = row._replace(peer=told, leads=ours["us"] <= peers[best])
        yield row


def shown(asked: list[float]) -> str:
    return " / ".join(f"{figure:.3g}" if figure < 1 else f"{figure:g}" for figure in asked)


def _within(asked: list[float], most: tuple[float, float, float]) -> bool:
    return all(figure <= limit for figure, limit in zip(asked, most, strict=True))


#: What DynamoDB asks for a read unit, in write units; a request has no price, and decides between equals.
_READ: Final = 0.2


def _price(asked: list[float]) -> tuple[float, float]:
    return asked[2] + _READ * asked[1], asked[0]


def _compared(ours: list[float], theirs: list[float]) -> bool | None:
    """Say whether ours are fewer: none more and one less; `None` where they are the same."""
    if ours == theirs:
        return None
    return all(one <= other for one, other in zip(ours, theirs, strict=True))


def _raced(row: Row, ours: list[float], peers: dict[str, Any], probe: str, tells_reads: bool) -> Row:
    """Put the peer that asks for the least beside ours; one that takes snapshots by the mean of its commands."""

    def asked(peer: str) -> list[float]:
        figures: list[float] = peers[peer]["mean" if "snapshot" in peer and probe != "create" else probe]
        return [round(figure, 2) for figure in figures]

    best = min(peers, key=lambda peer: _price(asked(peer)))
    theirs, stale = asked(best), "accepted" in peers[best]["stale"]
    at = "" if probe == "create" else " on average" if "snapshot" in best else f" at {int(probe):,}"
    told = f"{best}: {shown(theirs)}{at}" + ("; it accepts stale writes" if stale else "")
    kept = (0, 1, 2) if tells_reads else (0, 2)  # an engine that does not tell read units decides nothing by them
    leads = _compared([ours[index] for index in kept], [theirs[index] for index in kept])
    told += "" if tells_reads else "; read units are not told here"
    return row._replace(peer=told, leads=stale if leads is None else leads, even=leads is None)


def _units(found: dict[str, Any], tells_reads: bool) -> Iterator[Row]:
    asked, rules = found["asked"], found["rules"]
    stores = {
        name: one for name, one in asked.items() if is_peer(name) and "failed" not in one and "idempotency" not in name
    }
    last = max((int(key) for one in stores.values() for key in one if key.isdecimal()), default=0)
    for name, case, most in (
        ("a creation: requests / read / write units", "cqrsless, warm", (1, 0, 1)),
        ("a command, warm", "cqrsless, warm", (1, 0, 1)),
        ("a command, nothing cached", "cqrsless, cold", (2, 2, 1)),
    ):
        ours = asked[case]
        target = "1 / 0 / 1" if most[0] == 1 else "2 / 1-2 / 1, flat"
        if "failed" in ours:
            yield Row(name, target, "failed", False)
            continue
        probes = ["create"] if "creation" in name else [key for key in ours if key.isdecimal()]
        figures = [ours[probe] for probe in probes]
        told = shown(figures[0]) if all(one == figures[0] for one in figures) else "; ".join(map(shown, figures))
        told += "" if "creation" in name else f" at commit {', '.join(f'{int(probe):,}' for probe in probes)}"
        row = Row(name, target, told, all(_within(one, most) for one in figures))
        probe = "create" if "creation" in name else str(last)
        peers = {peer: one for peer, one in stores.items() if probe in one}
        if case == "cqrsless, cold":
            peers = {peer: one for peer, one in peers.items() if "cached" not in peer}
        yield _raced(row, figures[-1], peers, probe, tells_reads) if peers else row
    if "failed" in rules:
        yield Row("what rules cost", "see below", "failed", False)
        return
    warm, own = rules["a command, warm"], rules["the same with an id of its own, and metadata"]
    more = [a - b for a, b in zip(own, warm, strict=True)]
    powertools = asked.get("Powertools idempotency alone", {}).get("100")
    added = Row("idempotency and metadata, on top of a command", "+0 / 0 / 0", f"+{shown(more)}", more == [0, 0, 0])
    if powertools:
        added = added._replace(peer=f"Powertools: +{shown(powertools)}", leads=_compared(more, powertools))
    yield added
    lost = rules["a command that loses a race once"][0] - warm[0]
    yield Row("a lost race", "+1 request", f"+{lost:g} request", lost == 1)
    refusals = [rules["a refusal, warm"], rules["a refusal, cold"]]
    yield Row(
        "a refusal", "1 read, no write", " warm, ".join(map(shown, refusals)) + " cold",
        all(one[0] == 1 and one[2] == 0 for one in refusals),
    )  # fmt: skip
    log = rules["the log, a commit, at 100 a page"][2]
    yield Row("the log, for a commit at 100 a page", "< 0.1 write units", f"{log:.2g}", log < 0.1)


def _throughput(engines: dict[str, Any]) -> Iterator[Row]:
    for engine, cases in engines.items():
        ours = cases.get("cqrsless, warm", {})
        for threads, one in ours.items():
            peers = {
                name: by_threads[threads]["per_second"]
                for name, by_threads in cases.items()
                if is_peer(name) and "per_second" in by_threads[threads]
            }
            if "per_second" not in one or not peers:
                continue
            best = max(peers, key=lambda name: peers[name])
            yield Row(
                f"commands a second on {engine}, threads: {threads}", "to lead", f"{one['per_second']:.0f}", None,
                f"{best}: {peers[best]:.0f}", one["per_second"] >= peers[best],
            )  # fmt: skip


def _starts(found: dict[str, Any]) -> Iterator[Row]:
    if found["added"] is not None:
        added = found["added"][0]
        yield Row(
            "cold start: import and resolving, over boto3, client, marshmallow",
            "≤ 10 ms",
            f"{added:+.1f} ms",
            added <= 10,
        )
    if found["below"] is not None:
        below = found["below"][0]
        yield Row("the same, packaged with --trim", "below that floor", f"{below:+.1f} ms", below < 0)
    times = {name: one["total"] for name, one in found["ms"].items() if "failed" not in one}
    for ours in (OURS, PACKAGED, TRIMMED):
        if ours in times and POWERTOOLS in times:
            row = Row(f"the first command with a write: {ours}", "to lead", f"{times[ours]:.0f} ms", None)
            if ours == OURS:  # what is packaged has no peer that is packaged
                there = f"{POWERTOOLS}: {times[POWERTOOLS]:.0f} ms"
                row = row._replace(peer=there, leads=times[ours] <= times[POWERTOOLS])
            yield row
    assert POWERTOOLS in STARTS


def _growth(found: dict[str, Any]) -> Iterator[Row]:
    for name, most in FLAT.items():
        curve = found["curves"].get(name, {"failed": "not run"})
        if "failed" in curve:
            yield Row(f"flat: {name}", "flat", "failed", False)
            continue
        grown = {line: max(y for _, y in points) / min(y for _, y in points) for line, points in curve.items()}
        ends = {line: max(x for x, _ in points) for line, points in curve.items()}
        last = max(ends.values())
        told = ", ".join(
            f"{line} {ratio:.2f} x" + ("" if ends[line] == last else f" to {ends[line]:,.0f}")
            for line, ratio in grown.items()
        )
        target = "no more" if most == 1 else f"most ≤ {most:g} x least"
        yield Row(f"flat: {name}, to {last:,.0f}", target, told, all(ratio <= most for ratio in grown.values()))
    for name, one in found["writers"].items():
        if "failed" in one:
            yield Row(f"64 writers, {name}", "each makes progress", "failed", False)
            continue
        told = f"{one['done'][0]} to {one['done'][-1]} commands each"
        yield Row(f"64 writers, {name}", "each makes progress", told, one["done"][0] > 0 and one["right"])
