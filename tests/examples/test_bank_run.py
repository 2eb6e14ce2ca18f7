"""The scripted run of `examples/bank`: that it ends well, and that its checks can fail."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from examples.bank.__main__ import FILE, main

ROOT = Path(__file__).parents[2]


def test_the_run_prints_each_row_and_ends_well() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "examples.bank"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "One more deposit after 1000, by a container that has never seen the account: 2 requests" in done.stdout
    assert "\n100 more, started at once: " in done.stdout
    assert "\n   1000 commits replayed into the statements\n" in done.stdout
    assert done.stdout.endswith(
        "Checked: each row came out as the file says, and each balance is the sum of its rows.\n"
        "Each transfer ended once, no money came or went, and each statement adds up, also after a replay.\n"
    )
    assert done.stderr == ""
    readme = FILE.with_name("README.md").read_text(encoding="utf-8")
    quoted = readme.partition("```\n  ada")[2].partition("```")[0].splitlines()[1:]
    assert len(quoted) == 7 and set(quoted) - {"..."} <= set(done.stdout.splitlines())


def changed(tmp_path: Path, old: str, new: str) -> list[str]:
    text = FILE.read_text(encoding="utf-8")
    assert text.count(old) == 1
    file = tmp_path / "movements.csv"
    file.write_text(text.replace(old, new), encoding="utf-8")
    return ["--store", "memory://", "--file", str(file)]


def test_an_outcome_other_than_the_files_ends_badly(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = changed(
        tmp_path, "m-012,Withdraw,dora,cinema,14.50,NotCovered", "m-012,Withdraw,dora,cinema,14.50,done"
    )
    assert main(arguments) == 1
    out = capsys.readouterr().out
    assert "m-012: NotCovered, and should be done" in out
    assert "dora's account holds 50.00, and should hold 35.50" in out


def test_a_balance_other_than_the_sum_ends_badly(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("examples.bank.__main__.balances", lambda rows: {})
    assert main(["--store", "memory://"]) == 1
    assert "ada's account holds 6788.25, and should hold None" in capsys.readouterr().out


def test_an_account_that_should_be_open_ends_badly(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = changed(tmp_path, "2026,c-03,CloseAccount,emil,,,done", "2026,c-03,CloseAccount,emil,,,nothing")
    assert main(arguments) == 1
    assert "emil's account is closed, and should hold 0.00" in capsys.readouterr().out


def test_it_runs_on_dynamodb(
    moto_aws: None, table_prefix: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("examples.bank.__main__.PAYMENTS", 20)  # moto is slow
    assert main(["--store", f"dynamodb://{table_prefix}"]) == 0
    assert capsys.readouterr().out.endswith("that is not checked here.\n")
