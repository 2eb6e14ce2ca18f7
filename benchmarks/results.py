"""The figures of runs in a file: read, kept beside what takes their place, and stamped part by part."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, Final

from .aims import rows_of

PARTS: Final = ("dispatch", "streams", "requests", "cold-start", "growth", "throughput", "profile")


class Unreadable(Exception):
    """A file that holds no results, with what is wrong with it."""


def read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Unreadable(f"there are no results in {path}: run the command without it first") from None
    except (OSError, ValueError) as error:
        raise Unreadable(f"the results in {path} cannot be read: {error}") from error
    if not isinstance(found, dict) or not isinstance(found.get("surroundings"), dict):
        raise Unreadable(f"{path} holds no results of this command: it does not say where they were measured")
    return found


def keep_former(path: Path, parts: tuple[str, ...]) -> Path | None:
    """Copy results of other parts than these, which are to be written over, to a new name beside them."""
    try:
        former = read(path)
    except Unreadable:
        return None
    if not set(PARTS) & set(former) - set(parts):
        return None
    kept = path.with_name(f"{path.stem}.before.json")
    number = 2
    while kept.exists():  # else the second run of one part would write over the copy of all
        kept = path.with_name(f"{path.stem}.before-{number}.json")
        number += 1
    shutil.copyfile(path, kept)
    return kept


def begin(results: dict[str, Any], surroundings: dict[str, Any]) -> None:
    """Put a run's surroundings in front of those of the runs whose parts are kept."""
    former = results.get("surroundings")
    results["surroundings"] = surroundings
    stamps = results.setdefault("parts", {})
    if former:
        surroundings["earlier"] = [*former.pop("earlier", ()), former]
        for part in set(PARTS) & set(results):  # a file from before parts were stamped
            stamps.setdefault(part, {"when": former.get("when"), "settings": former.get("settings")})


def stamp(results: dict[str, Any], part: str, seconds: float) -> None:
    """Write down of which run a part's figures are; `took` is in minutes."""
    around = results["surroundings"]
    took = round(seconds / 60, 1)
    results["parts"][part] = {"when": around["when"], "took": took, "settings": around["settings"]}


def readable(results: dict[str, Any]) -> dict[str, Any]:
    """Give results without the parts whose aims cannot be read, as may be in an old file; `left out` names those."""
    left_out: list[str] = []
    for part in PARTS:
        try:
            rows_of({part: results[part]} if part in results else {})
        except Exception:  # whatever its shape was, it is not the one that is read now
            left_out.append(part)
    return {name: found for name, found in results.items() if name not in left_out} | {"left out": left_out}
