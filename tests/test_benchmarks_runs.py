"""The command of the benchmarks without their cases: its options, the peers' environments, and what it keeps."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from benchmarks import __main__ as command
from benchmarks.__main__ import arguments, check, typed
from benchmarks.environments import NAMES, Environments
from benchmarks.growth import HISTORY
from benchmarks.running import Runner
from benchmarks.servers import version_of

AROUND = {"python": "3.11", "machine": "small", "versions": {"boto3": "1"}}


def test_the_command_is_told_as_it_was_typed_but_for_a_folder() -> None:
    words = ["--rounds", "3", "--dynamodb-local", "/opt/local/", "--page", "docs/benchmarks.md"]
    told = "python -m benchmarks --rounds 3 --dynamodb-local FOLDER --page docs/benchmarks.md"
    assert typed(words, Path("/opt/local")) == told
    assert typed(["--dynamodb-local=/opt/local"], Path("/opt/local")) == "python -m benchmarks --dynamodb-local=FOLDER"
    assert typed(["--results", "my now.json"], None) == "python -m benchmarks --results 'my now.json'"


def test_the_version_of_dynamodb_local_is_that_of_its_newest_notes(tmp_path: Path) -> None:
    folder = tmp_path / "dynamodb_local_2026-01-16"
    folder.mkdir()
    assert version_of(folder) == "of 2026-01-16"
    (folder / "README.txt").write_text("Release Notes\n---\n2026-01-16 (3.3.0)\n\n2026-01-07 (3.2.0)\n")
    assert version_of(folder) == "3.3.0 (2026-01-16)"
    assert version_of(tmp_path) == "of a version that its folder does not tell"


class Runs:
    """A run of parts that measures nothing."""

    def __init__(self, *given: Any) -> None:
        self.dispatch = self.streams = dict


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """Give what runs the command with these options at a time, and gives its results."""
    monkeypatch.setattr(command, "Runner", Runs)
    results = tmp_path / "results.json"
    files = ["--no-peers", "--results", str(results), "--page", str(tmp_path / "page.md")]

    def run(when: str, *options: str) -> dict[str, Any]:
        monkeypatch.setattr(command, "surroundings", lambda *_: {**AROUND, "when": when, "settings": "little"})
        monkeypatch.setattr(sys, "argv", ["benchmarks", *files, *options])
        assert command.main() == 0
        return json.loads(results.read_text())

    return run


def test_parts_of_different_times_are_told_with_their_times(tmp_path: Path, run: Callable[..., dict[str, Any]]) -> None:
    run("monday", "--only", "dispatch", "streams")
    assert "different times" not in (tmp_path / "page.md").read_text()
    found = run("tuesday", "--only", "streams", "--add")
    assert found["parts"]["streams"] == {"when": "tuesday", "took": 0.0, "settings": "little"}
    page = (tmp_path / "page.md").read_text()
    assert "- dispatch: monday, in 0.0 minutes, little\n- streams: tuesday, in 0.0 minutes, little\n" in page
    assert "What that run left out is of an earlier one, measured monday" in page
    run("wednesday", "--only", "dispatch", "streams", "--add")
    page = (tmp_path / "page.md").read_text()
    assert "monday" not in page and "tuesday" not in page


def test_parts_from_before_parts_were_stamped_are_of_the_run_that_wrote_the_file(
    tmp_path: Path, run: Callable[..., dict[str, Any]]
) -> None:
    (tmp_path / "results.json").write_text(json.dumps({"surroundings": {**AROUND, "when": "monday"}, "dispatch": {}}))
    run("tuesday", "--only", "streams", "--add")
    assert "- dispatch: monday\n- streams: tuesday, in 0.0 minutes, little\n" in (tmp_path / "page.md").read_text()


def test_figures_of_parts_that_do_not_run_are_kept_beside_the_new_ones(
    tmp_path: Path, run: Callable[..., dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    run("monday", "--only", "dispatch", "streams")
    run("tuesday", "--only", "dispatch", "streams")
    assert not list(tmp_path.glob("*.before*"))
    assert "streams" not in run("wednesday", "--only", "dispatch")
    assert f"what it held is kept in {tmp_path / 'results.before.json'}" in capsys.readouterr().err
    assert json.loads((tmp_path / "results.before.json").read_text())["parts"]["streams"]["when"] == "tuesday"
    run("thursday", "--only", "streams")
    assert json.loads((tmp_path / "results.before.json").read_text())["parts"]["streams"]["when"] == "tuesday"
    assert (tmp_path / "results.before-2.json").exists()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--compare", "none.json"], "--compare: there are no results in none.json"),
        (["--add", "--results", "none.json"], "--add: there are no results in none.json"),
        (
            ["--compare", "r.json", "--results", "r.json"],
            "this run writes r.json anew: name another file, as by --results now.json",
        ),
        (["--compare", "torn.json"], "--compare: the results in torn.json cannot be read: "),
        (["--write", "--results", "other.json"], "--write: other.json holds no results of this command"),
        (["--endpoint", "http://127.0.0.1:1"], "nothing answers at http://127.0.0.1:1"),
        (["--endpoint", "localhost:8000"], "localhost:8000 is no address of an API"),
    ],
)
def test_what_could_only_fail_later_is_refused(
    options: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, text in (("r.json", '{"surroundings": {}}'), ("torn.json", '{"surr'), ("other.json", "[]")):
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    parser = arguments()
    with pytest.raises(SystemExit):
        check(parser, parser.parse_args(options))
    assert told in capsys.readouterr().err


def test_an_environment_that_cannot_be_made_fails_its_cases_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made: list[str] = []

    def install(folder: Path, name: str) -> Path:
        made.append(name)
        if name == "aett":
            raise subprocess.CalledProcessError(1, "pip", stderr="Collecting\nERROR: no such version\n")
        return Path(sys.executable)

    monkeypatch.setattr("benchmarks.environments._made", install)
    environments = Environments(tmp_path)
    environments.make(("requests",))
    assert made == list(NAMES)
    assert environments.failed == {"aett": "could not install aett: ERROR: no such version"}
    assert "could not install aett: ERROR: no such version; its cases fail" in capsys.readouterr().err
    given = arguments().parse_args([])
    assert Runner(given, environments).case("requests", "100", "aett", env="aett") == {
        "failed": "could not install aett: ERROR: no such version"
    }
    environments = Environments(tmp_path)
    environments.make(("dispatch", "profile"))
    assert made == [*NAMES, "main"]
    assert environments.versions()["boto3"] == metadata.version("boto3")


def test_without_the_environment_main_its_peers_fail_and_the_bounds_and_cqrsless_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran: list[str] = []

    def install(folder: Path, name: str) -> Path:
        raise subprocess.CalledProcessError(1, "pip", stderr="ERROR: no network\n\n[notice] A new release of pip\n")

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        ran.append(command[-1] if command[0] == sys.executable else command[0])
        return subprocess.CompletedProcess(command, 0, '{"us": 1.0}', "")

    monkeypatch.setattr("benchmarks.environments._made", install)
    environments = Environments(tmp_path)
    environments.make(("dispatch",))
    told = capsys.readouterr().err
    assert "could not install main: ERROR: no network; its cases fail, but for those of the bounds and cqrsless" in told
    assert "--no-peers" in told and "--only" in told
    assert environments.versions()["boto3"] == metadata.version("boto3")
    monkeypatch.setattr("benchmarks.running.subprocess.run", run)
    runner = Runner(arguments().parse_args(["--quick"]), environments)
    names = ["bare", "cqrsless", "chalice (no validation)"]
    found = runner.interleaved("dispatch", "HTTP event with validation", names)
    assert ran == names[:2]
    assert found[names[2]] == {"failed": "could not install main: ERROR: no network"}
    runner.case("growth", "full", HISTORY)
    assert ran[-1] == HISTORY


def test_a_version_that_differs_is_told_with_its_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    has = {
        "main": {"boto3": "2", "eventsourcing": "9.5"},
        "eventsourcing-dynamodb": {"boto3": "1", "eventsourcing": "9.3"},
        "aett": {"boto3": "2", "aett": "3"},
        "aett-dynamodb": {"boto3": "0"},
    }
    monkeypatch.setattr("benchmarks.environments._made", lambda folder, name: Path(name))
    monkeypatch.setattr("benchmarks.environments.versions_of", lambda python: has[str(python)])
    environments = Environments(tmp_path)
    environments.make(("throughput",))
    assert environments.versions() == {
        "boto3": "2 (eventsourcing-dynamodb on 1, aett-dynamodb on 0)",
        "eventsourcing": "9.5 (eventsourcing-dynamodb on 9.3)",
        "aett": "3",
    }


def test_an_environment_is_made_anew_where_its_requirements_have_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []

    def create(home: Path, **_: Any) -> None:
        (home / "bin").mkdir(parents=True, exist_ok=True)
        (home / "bin" / "python").touch()

    monkeypatch.setattr("benchmarks.environments.venv.create", create)
    monkeypatch.setattr("benchmarks.environments.subprocess.run", lambda command, **_: asked.append(command))
    monkeypatch.setattr("benchmarks.environments.REQUIREMENTS", tmp_path)
    (tmp_path / "aett.txt").write_text("boto3==1")
    (tmp_path / "made").mkdir()
    for _ in range(2):  # the second finds it ready
        Environments(tmp_path / "made").python("aett")
        assert len(asked) == 2
    (tmp_path / "aett.txt").write_text("boto3==2")
    Environments(tmp_path / "made").python("aett")
    assert len(asked) == 4
    (tmp_path / "made" / "aett" / "ready").unlink()  # as where an installation was ended half-way
    Environments(tmp_path / "made").python("aett")
    assert len(asked) == 6
