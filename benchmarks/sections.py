"""What stands in the sections of the report: tables and plots of one part each, or nothing where that did not run."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from .aims import RATIOS, groups_of, ratio_of, shown
from .growth import FLAT
from .plotting import Curve, lines, stacks
from .profiling import CASES as PROFILED
from .profiling import CPU

PICTURES: Final = "pictures"


def _table(head: list[str], rows: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [head, ["---"] * len(head), *rows])


def _engines(results: dict[str, Any], part: str) -> dict[str, Any]:
    return {name: found for name, found in results.get(part, {}).items() if name != CPU}


def profile(results: dict[str, Any], before: Any, folder: Path) -> str | None:
    if "profile" not in results:
        return None
    groups = groups_of(results)
    times = {group: groups.get(group, {}).get(case, {}).get("us") for group, case in PROFILED.items()}
    told: list[str] = []
    for group, found in results["profile"].items():
        case, took = PROFILED[group], times[group]
        if "failed" in found:
            told.append(f"{group}: failed: {found['failed']}\n")
        if "failed" in found or took is None:
            continue
        ours = [aim for aim in RATIOS if aim.group == group and aim.ours == case]
        missed = any(ratio_of(aim, groups[group]) > aim.most for aim in ours)
        told += [f"### {group[0].upper()}{group[1:]}{' (aim missed)' if missed else ''}", ""]
        packages = ", ".join(f"{name} {share * took:.1f}" for name, share in found["packages"].items())
        told += [f"{case}, {took:.1f} µs: {packages}.", ""]
        rows = [
            [f"`{name}`", f"{calls:.2g}", f"{share:.0%}", f"{share * took:.1f}"]
            for name, share, calls in found["functions"]
        ]
        told += [_table(["function", "calls", "share", "µs"], rows), ""]
    untimed = [group for group in results["profile"] if times[group] is None]
    if len(untimed) == len(results["profile"]):
        told.append("A profile shares out times of `dispatch`, `streams` and `requests`; none is in these results.")
    elif untimed:
        told.append(f"Without times in these results, and so left out: {'; '.join(untimed)}.")
    return "\n".join(told).rstrip()


def requests(results: dict[str, Any], before: Any, folder: Path) -> str | None:
    told: list[str] = []
    for engine, found in _engines(results, "requests").items():
        asked = found["asked"]
        probes = sorted({int(key) for one in asked.values() for key in one if key.isdecimal()})
        head = ["case", "create", *(f"{probe:,}" for probe in probes), "mean of the last 100", "client CPU, ms"]
        head += ["a stale write", "loads over 1 MB", "state right"]
        rows: list[list[str]] = []
        for name, one in asked.items():
            title = f"**{name}**" if name.startswith("cqrsless") else name
            if "failed" in one:
                rows.append([title, f"failed: {one['failed']}", *[""] * (len(head) - 2)])
                continue
            figures = [shown(one[str(probe)]) if str(probe) in one else "-" for probe in probes]
            right = one["right"] and one.get("far_right", True)
            cpu = f"{one['cpu_ms']:.2f}" + (f"; {one['far_cpu_ms']:.2f}" if "far_cpu_ms" in one else "")
            rows.append(
                [
                    title,
                    shown(one["create"]),
                    *figures,
                    shown([round(each, 2) for each in one["mean"]]),
                    cpu,
                    one["stale"],
                    one["large"],
                    "yes" if right else "**no**",
                ]
            )
        told += [f"### {engine}", "", _table(head, rows), ""]
    return "\n".join(told).rstrip() or None


def rules(results: dict[str, Any], before: Any, folder: Path) -> str | None:
    engines = _engines(results, "requests")
    if not engines:
        return None
    names = dict.fromkeys(name for found in engines.values() for name in found["rules"])
    rows = [
        [
            name,
            *(
                shown(found["rules"][name]) if isinstance(found["rules"].get(name), list) else "-"
                for found in engines.values()
            ),
        ]
        for name in names
    ]
    return _table(["requests / read units / write units", *engines], rows)


def throughput(results: dict[str, Any], before: Any, folder: Path) -> str | None:
    told: list[str] = []
    for engine, cases in results.get("throughput", {}).items():
        rows: list[list[str]] = []
        for name, by_threads in cases.items():
            title = f"**{name}**" if name.startswith("cqrsless") else name
            for threads, one in by_threads.items():
                if "per_second" not in one:
                    rows.append([title, threads, f"failed: {one['failed']}", "", "", ""])
                    continue
                right = ("yes" if one["right"] else "**no**") + (f"; {one['failed'][0]}" if one["failed"] else "")
                rows.append(
                    [
                        title,
                        threads,
                        f"{one['per_second']:.0f}",
                        f"{one['cpu_us']:.0f}",
                        f"{one['least']}-{one['most']}",
                        right,
                    ]
                )
        head = ["client", "threads", "commands a second", "client CPU, µs", "least-most of a thread", "state right"]
        told += [f"### On {engine}", "", _table(head, rows), ""]
    return "\n".join(told).rstrip() or None


def cold_start(results: dict[str, Any], before: Any, folder: Path) -> str | None:
    if "cold-start" not in results:
        return None
    found = results["cold-start"]
    rows: list[list[str]] = []
    drawn: list[tuple[str, list[tuple[str, float]]]] = []
    for name, one in found["ms"].items():
        title = f"**{name}**" if name.startswith("cqrsless") else name
        if "failed" in one:
            rows.append([title, f"failed: {one['failed']}", *[""] * 7])
            continue
        stages = [("import", one["import"]), ("make ready", one["ready"]), ("first command", one["first"])]
        drawn.append((name, stages))
        rows.append(
            [
                title,
                *(f"{ms:.1f}" for _, ms in stages),
                f"{one['total']:.1f}",
                f"{one['least']:.1f}-{one['most']:.1f}",
                f"{one['process']:.0f}",
                f"{one['mb']:.0f}",
                f"{one['modules']:.0f}",
            ]
        )
    head = [
        "process",
        "import",
        "make ready",
        "first command",
        "together",
        "least-most",
        "whole process",
        "MB",
        "modules",
    ]
    path = stacks(folder / "benchmark-cold-start.svg", "ms of CPU from a fresh interpreter to the first command", drawn)
    return "\n".join([_table(head, rows), "", f"![cold start]({PICTURES}/{path.name})"])


def _shares(title: str, by_process: dict[str, dict[str, float]], least: float) -> str:
    names = dict.fromkeys(name for one in by_process.values() for name in one)
    kept = [name for name in names if any(one.get(name, 0.0) >= least for one in by_process.values())]
    rows = [[name, *(f"{one.get(name, 0.0):.1f}" for one in by_process.values())] for name in kept]
    rest = [sum(ms for name, ms in one.items() if name not in kept) for one in by_process.values()]
    rows.append(["the rest", *(f"{ms:.1f}" for ms in rest)])
    return _table([title, *by_process], rows)


def imports(results: dict[str, Any], before: Any, folder: Path) -> str | None:
    return _shares("ms of their own", results["cold-start"]["imports"], 1.0) if "cold-start" in results else None


def client(results: dict[str, Any], before: Any, folder: Path) -> str | None:
    return _shares("ms of each step", results["cold-start"]["client"], 0.3) if "cold-start" in results else None


def packages(results: dict[str, Any], before: Any, folder: Path) -> str | None:
    if "cold-start" not in results:
        return None
    told: list[str] = []
    for name, one in results["cold-start"]["packages"].items():
        told.append(
            f"{name}: {one['zip']:.1f} MB as a zip, {one['unzipped']:.1f} MB unpacked"
            if "zip" in one
            else f"{name}: failed: {one['failed']}"
        )
    return "; ".join(told) + "."


def growth(results: dict[str, Any], before: Any, folder: Path) -> str | None:
    if "growth" not in results:
        return None
    told: list[str] = []
    for number, (name, curve) in enumerate(results["growth"]["curves"].items(), 1):
        told += [f"### {name[0].upper()}{name[1:]}", ""]
        if "failed" in curve:
            told += [f"Failed: {curve['failed']}", ""]
            continue
        xs = sorted({x for points in curve.values() for x, _ in points})
        values = [[_figure(dict(map(tuple, points)).get(x)) for x in xs] for points in curve.values()]
        rows = [[line, *cells] for line, cells in zip(curve, values, strict=True)]
        drawn = [Curve(line, [(float(x), float(y)) for x, y in points]) for line, points in curve.items()]
        path = lines(folder / f"benchmark-growth-{number}.svg", name, drawn)
        flat = ["The design says flat.", ""] if name in FLAT else []
        told += [*flat, _table(["", *(f"{x:,.0f}" for x in xs)], rows), "", f"![{name}]({PICTURES}/{path.name})", ""]
    return "\n".join(told).rstrip()


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}" if value >= 10 else f"{value:g}"


def writers(results: dict[str, Any], before: Any, folder: Path) -> str | None:
    if "growth" not in results:
        return None
    rows: list[list[str]] = []
    drawn: list[Curve] = []
    for name, one in results["growth"]["writers"].items():
        if "failed" in one:
            rows.append([name, f"failed: {one['failed']}", "", "", "", "", ""])
            continue
        done = one["done"]
        drawn.append(Curve(name, [(float(at), float(count)) for at, count in enumerate(done, 1)]))
        rows.append(
            [
                name,
                f"{one['per_second']:,.0f}",
                *(f"{done[at]:,}" for at in (0, len(done) // 2, -1)),
                str(one["gave_up"]),
                "yes" if one["right"] else "**no**",
            ]
        )
    head = [
        "64 writers on",
        "commands a second",
        "least of a writer",
        "middle",
        "most",
        "told to come again",
        "state right",
    ]
    told = [_table(head, rows)]
    if drawn:
        path = lines(folder / "benchmark-writers.svg", "commands of each of 64 writers, the least first", drawn)
        told += ["", f"![64 writers]({PICTURES}/{path.name})"]
    return "\n".join(told)
