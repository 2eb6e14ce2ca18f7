"""Both checkers take what is right and refuse what is wrong, line by line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
MARK = "# expect-error"


def marked_lines(path: Path) -> set[int]:
    return {number for number, line in enumerate(path.read_text().splitlines(), 1) if MARK in line}


def mypy(path: Path, cache: Path) -> dict[int, str]:
    """Give the errors of `mypy --strict` in a file, by line."""
    command = ["mypy", "--strict", "--python-version", "3.10", "--no-error-summary", "--output", "json"]
    done = run([*command, "--cache-dir", str(cache), "--config-file", "", str(path)])
    found = [json.loads(line) for line in done.splitlines() if line.startswith("{")]
    errors = [one for one in found if one["severity"] == "error" and Path(one["file"]).name == path.name]
    return {one["line"]: one["message"] for one in errors}


def basedpyright(path: Path, folder: Path) -> dict[int, str]:
    """Give the errors of basedpyright in strict mode in a file, by line."""
    settings = {
        "include": [str(path)],
        "typeCheckingMode": "strict",
        "pythonVersion": "3.10",
        "extraPaths": [str(ROOT)],
        "reportUnusedExpression": False,
        "reportUnusedFunction": False,
        "reportUnusedParameter": False,
    }
    (folder / "pyrightconfig.json").write_text(json.dumps(settings))
    done = run(["basedpyright", "--pythonpath", sys.executable, "--outputjson", "-p", str(folder)])
    found = json.loads(done)
    assert found["summary"]["filesAnalyzed"] == 1, done
    errors = [one for one in found["generalDiagnostics"] if one["severity"] == "error"]
    return {one["range"]["start"]["line"] + 1: one["message"] for one in errors}


def run(command: list[str], *, may_find: bool = True) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *command], capture_output=True, text=True, cwd=ROOT, timeout=300, check=False
    )
    assert done.returncode in ((0, 1) if may_find else (0,)), done.stderr or done.stdout
    return done.stdout


@pytest.mark.parametrize("checker", [mypy, basedpyright], ids=["mypy", "basedpyright"])
@pytest.mark.parametrize("name", ["kept.py", "refused.py"])
def test_a_checker_finds_the_marked_mistakes_and_no_others(checker: object, name: str, tmp_path: Path) -> None:
    assert callable(checker)
    path = HERE / name
    errors = checker(path, tmp_path)
    marked = marked_lines(path)
    assert bool(marked) is (name == "refused.py")
    unexpected = {line: text for line, text in errors.items() if line not in marked}
    assert unexpected == {}, "taken for wrong"
    assert sorted(marked - errors.keys()) == [], "not refused"


def test_what_the_checkers_take_runs() -> None:
    run(["tests.typing.kept"], may_find=False)
