"""Results as tables in Markdown, with ratios, what is aimed at, and what an earlier run said; plots beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from .plotting import Curve, bars, lines

#: group -> case -> the most that its ratio to the bound may be.
AIMS: Final[dict[str, dict[str, float]]] = {
    "dispatch, json, Schema.load": {"cqrsless": 1.5},
    "event-sourced, cached": {"cqrsless, frozen dataclass": 2.0, "cqrsless, dict": 2.0},
    "event-sourced, nothing cached": {"cqrsless": 1.5},
    "an event folded, of 101, no snapshot": {"cqrsless": 1.5},
    "HTTP event with validation": {"cqrsless": 1.5},
    "a stream record, 10% failing": {"cqrsless, unordered": 1.5},
    "client CPU, nobody behind": {"cqrsless, warm": 1.3},
}


def report(results: dict[str, Any], before: dict[str, Any] | None, folder: Path) -> str:
    around = results["surroundings"]
    versions = ", ".join(f"{name} {version}" for name, version in around["versions"].items())
    told = [f"Measured {around['when']}; Python {around['python']}; {around['machine']}; {versions}.", ""]
    groups: dict[str, Any] = {**results.get("dispatch", {}), **results.get("streams", {})}
    if "requests" in results:
        groups["client CPU, nobody behind"] = results["requests"]["client CPU, nobody behind"]
    earlier: dict[str, Any] = {}
    if before is not None:
        earlier = {**before.get("dispatch", {}), **before.get("streams", {})}
        earlier["client CPU, nobody behind"] = before.get("requests", {}).get("client CPU, nobody behind", {})
    for group, cases in groups.items():
        told += [f"### {group}", "", *_group(group, cases, earlier.get(group)), ""]
    if groups:
        path = bars(folder / "ratios.svg", "times the bound of the same run", _bars(groups))
        told += [f"![times the bound]({path.name})", ""]
    if "requests" in results:
        told += ["### requests / read units / write units", "", *_asked(results["requests"]["asked"]), ""]
    if "cold-start" in results:
        told += ["### cold start, ms", "", *_cold(results["cold-start"]), ""]
    if "growth" in results:
        told += ["### growth", "", *_growth(results["growth"], folder), ""]
    if "throughput" in results:
        told += ["### commands a second on a server of the same machine", "", *_throughput(results["throughput"]), ""]
    return "\n".join(told)


def _group(group: str, cases: dict[str, Any], earlier: dict[str, Any] | None) -> list[str]:
    rows = ["| case | µs | least-most | times the bound | least-most | aim | before |", "|---|---|---|---|---|---|---|"]
    for name, one in cases.items():
        if "failed" in one:
            rows.append(f"| {name} | failed: {one['failed']} | | | | | |")
            continue
        aim = AIMS.get(group, {}).get(name)
        aimed = "" if aim is None else f"≤ {aim} {'reached' if one['ratio'] <= aim else '**missed**'}"
        was = (earlier or {}).get(name, {}).get("ratio")
        rows.append(
            f"| {name} | {one['us']:.1f} | {one['least']:.1f}-{one['most']:.1f} | {one['ratio']:.2f} | "
            f"{one['ratio_least']:.2f}-{one['ratio_most']:.2f} | {aimed} | {'' if was is None else f'{was:.2f}'} |"
        )
    return rows


def _bars(groups: dict[str, Any]) -> list[tuple[str, list[tuple[str, float]]]]:
    return [
        (group, [(name, one["ratio"]) for name, one in cases.items() if "failed" not in one])
        for group, cases in groups.items()
    ]


def _asked(cases: dict[str, Any]) -> list[str]:
    probes = ("create", "10", "100", "1000")
    rows = [f"| case | {' | '.join(probes)} | client CPU, ms | state right |", "|---|---|---|---|---|---|---|"]
    for name, one in cases.items():
        if "failed" in one:
            rows.append(f"| {name} | failed: {one['failed']} | | | | | |")
            continue
        asked = [" / ".join(f"{figure:g}" for figure in one[probe]) if probe in one else "-" for probe in probes]
        right = "yes" if one["right"] else "**no**"
        rows.append(f"| {name} | {' | '.join(asked)} | {one['cpu_ms']:.2f} | {right} |")
    return rows


def _cold(found: dict[str, Any]) -> list[str]:
    rows = ["| process | median | least | most |", "|---|---|---|---|"]
    rows += [f"| {name} | {median} | {least} | {most} |" for name, (median, least, most) in found["ms"].items()]
    parts = ", ".join(f"{name} {ms}" for name, ms in found["imports"].items())
    aimed = "reached" if found["added"] <= 10 else "**missed**"
    rows += ["", f"Import and resolving add {found['added']} ms to the floor (aim: at most 10, {aimed})."]
    return [*rows, "", f"Imports of `resolved`, ms of their own: {parts}."]


def _growth(curves: dict[str, Any], folder: Path) -> list[str]:
    told: list[str] = []
    for number, (name, found) in enumerate(curves.items(), 1):
        if "failed" in found:
            told.append(f"- {name}: failed: {found['failed']}")
            continue
        points = [(float(x), float(y)) for x, y in found["points"]]
        path = lines(folder / f"growth-{number}.svg", name, [Curve("cqrsless", points)])
        shown = points if len(points) <= 8 else [points[0], points[len(points) // 2], points[-1]]
        told += [f"**{name}**: {', '.join(f'{x:g} → {y:.0f}' for x, y in shown)}", "", f"![{name}]({path.name})", ""]
    return told


def _throughput(cases: dict[str, Any]) -> list[str]:
    rows = ["| client | threads | commands/s | client CPU µs | least-most of a thread | state right |"]
    rows.append("|---|---|---|---|---|---|")
    for name, by_threads in cases.items():
        for threads, one in by_threads.items():
            if "failed" in one and "per_second" not in one:
                rows.append(f"| {name} | {threads} | failed: {one['failed']} | | | |")
                continue
            note = "yes" if one["right"] else "**no**"
            note += f"; {one['failed'][0]}" if one["failed"] else ""
            rows.append(
                f"| {name} | {threads} | {one['per_second']:.0f} | {one['cpu_us']:.0f} | "
                f"{one['least']}-{one['most']} | {note} |"
            )
    return rows
