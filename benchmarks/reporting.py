"""The report: one page in Markdown with every figure of a run, and its plots beside it.

The words around the figures stand in `page.md`, where `{{ name }}` is what a function here makes of the results.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

from . import sections
from .aims import Row, groups_of, is_peer, rows_of
from .plotting import bars
from .results import PARTS, readable

PAGE: Final = Path(__file__).parent / "page.md"
PICTURES: Final = "pictures"


def report(results: dict[str, Any], before: dict[str, Any] | None, page: Path) -> str:
    """Write the page and its pictures; sections of parts that did not run are left out."""
    folder = page.parent / PICTURES
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("benchmark-*.svg"):
        old.unlink()
    if before is not None:
        before = readable(before)
    told: list[str] = []
    for section in re.split(r"^(?=## )", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE):
        made = {name: MAKERS[name](results, before, folder) for name in re.findall(r"\{\{ (\w+) \}\}", section)}
        if not made or any(text is not None for text in made.values()):
            told.append(re.sub(r"\{\{ (\w+) \}\}", lambda found: made[found[1]] or "", section))  # noqa: B023
    text = "".join(told).rstrip() + "\n"
    page.write_text(text, encoding="utf-8")
    return text


def surroundings(results: dict[str, Any], before: Any, folder: Path) -> str:
    around = results["surroundings"]
    stamps = {part: one for part, one in results.get("parts", {}).items() if part in results}
    told = _measured(around)
    for earlier in around.get("earlier", ()):
        if not stamps or any(one["when"] == earlier.get("when") for one in stamps.values()):
            told += f"\n\nWhat that run left out is of an earlier one, measured {_measured(earlier)}"
    if len({one["when"] for one in stamps.values()}) > 1:
        lines = [f"- {part}: {_stamped(stamps[part])}" for part in PARTS if part in stamps]
        told += "\n\n" + "\n".join(["The parts were measured at different times:", "", *lines])
    return told


def _stamped(one: dict[str, Any]) -> str:
    took = f"in {one['took']} minutes" if "took" in one else None
    return ", ".join(told for told in (one["when"], took, one["settings"]) if told)


def _measured(around: dict[str, Any]) -> str:
    """Say when, how and where a run was made, as far as it tells: older results have no command."""
    versions = ", ".join(f"{name} {version}" for name, version in around.get("versions", {}).items())
    by = f", by `{around['command']}`" if "command" in around else ""
    return (
        f"{around.get('when', '?')}, in {around.get('took', '?')} minutes{by}; {around.get('settings', '')};\n"
        f"CPython {around.get('python', '?')}; {around.get('machine', '')};\n{versions}."
    )


def compared(results: dict[str, Any], before: dict[str, Any] | None, folder: Path) -> str | None:
    """Put the aims of an earlier run beside this one's."""
    if before is None:
        return None
    told = [f"The earlier run was measured {surroundings(before, None, folder)}", ""]
    if before["left out"]:
        told += [f"Left out, as its figures are of another shape: {', '.join(before['left out'])}.", ""]
    earlier, now = ({row.aim: row.ours for row in rows_of(run)} for run in (before, results))
    rows = [f"| {aim} | {earlier.get(aim, '')} | {now.get(aim, '')} |" for aim in {**now, **earlier}]
    return "\n".join([*told, "| aim | before | now |", "|---|---|---|", *rows])


def glance(results: dict[str, Any], before: Any, folder: Path) -> str:
    rows = rows_of(results)
    aimed = [row for row in rows if row.reached is not None]
    raced = [row for row in rows if row.leads is not None]
    reached, led = sum(bool(row.reached) for row in aimed), sum(bool(row.leads) for row in raced)
    even = sum(row.even for row in raced if row.leads)
    by = f", in {even} of them by refusing the stale writes that an otherwise even peer accepts" if even else ""
    told = [
        f"**{reached} of {len(aimed)} aims are reached; of {len(raced)} that peers do, too, cqrsless leads in {led}"
        f"{by}.**",
        "",
        "| | aim | cqrsless | | best of the peers | leads |",
        "|---|---|---|---|---|---|",
    ]
    verdict = {True: "reached", False: "**missed**", None: ""}
    return "\n".join([*told, *(_glanced(row, verdict[row.reached]) for row in rows)])


def _glanced(row: Row, verdict: str) -> str:
    leads = {True: "cqrsless", False: f"**{row.peer.partition(':')[0]}**", None: ""}[row.leads]
    if row.even:
        leads = "even; cqrsless by what it refuses" if row.leads else "even"
    return f"| {row.aim} | {row.target} | {row.ours} | {verdict} | {row.peer} | {leads} |"


def ratios(results: dict[str, Any], before: Any, folder: Path) -> str | None:
    groups = groups_of(results)
    if not groups:
        return None
    drawn = [
        (group, [(name, one["ratio"]) for name, one in cases.items() if "failed" not in one])
        for group, cases in groups.items()
    ]
    path = bars(folder / "benchmark-ratios.svg", "times the bound of the same run", drawn)
    return f"![times the bound]({PICTURES}/{path.name})"


def timed(results: dict[str, Any], before: dict[str, Any] | None, folder: Path) -> str | None:
    groups, earlier = groups_of(results), groups_of(before or {})
    told: list[str] = []
    for group, cases in groups.items():
        told += [
            f"### {group[0].upper()}{group[1:]}",
            "",
            *_group(cases, earlier.get(group, {}) if before else None),
            "",
        ]
    return "\n".join(told).rstrip() or None


def _group(cases: dict[str, Any], earlier: dict[str, Any] | None) -> list[str]:
    head, line = "| case | µs | least-most | times bare | least-most |", "|---|---|---|---|---|"
    rows = [head + (" before |" if earlier is not None else ""), line + ("---|" if earlier is not None else "")]
    for name, one in cases.items():
        shown = name if is_peer(name) or not name.startswith("cqrsless") else f"**{name}**"
        if "failed" in one:
            rows.append(f"| {shown} | failed: {one['failed']} | | | |")
            continue
        row = (
            f"| {shown} | {one['us']:.1f} | {one['least']:.1f}-{one['most']:.1f} | {one['ratio']:.2f} | "
            f"{one['ratio_least']:.2f}-{one['ratio_most']:.2f} |"
        )
        was = (earlier or {}).get(name, {}).get("ratio")
        rows.append(row + ("" if earlier is None else f" {'' if was is None else f'{was:.2f}'} |"))
    return rows


MAKERS: Final[dict[str, Any]] = {
    "surroundings": surroundings, "glance": glance, "compared": compared, "ratios": ratios, "timed": timed,
    "profile": sections.profile, "requests": sections.requests, "rules": sections.rules,
    "throughput": sections.throughput, "cold_start": sections.cold_start, "imports": sections.imports,
    "client": sections.client, "packages": sections.packages, "growth": sections.growth, "writers": sections.writers,
}  # fmt: skip
