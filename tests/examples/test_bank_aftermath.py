"""What follows from the movements of `examples/bank`: that its checks can fail, each on its own account."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from cqrsless import App
from examples.bank import aftermath, bank
from examples.bank.aftermath import FILE, transfer_at_once, transfer_one_by_one, wrong_balances, wrong_statements


class Branch(NamedTuple):
    app: App
    accounts: dict[str, str]


@pytest.fixture(params=["memory", "sqlite"])
def branch(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Branch]:
    app = App("memory://" if request.param == "memory" else f"sqlite:///{tmp_path}/bank.db", registry=bank)
    accounts: dict[str, str] = {}
    for name in ("ada", "ben", "cem", "dora", "emil"):
        opened = app.execute("OpenAccount", {"owner": name.title(), "overdraft": "100"}, id=f"open-{name}")
        accounts[name] = str(opened.aggregate_id)
    for name, amount in (("ada", "900"), ("ben", "400"), ("cem", "400"), ("dora", "50")):
        app.execute("Deposit", {"account_id": accounts[name], "amount": amount, "text": "salary"})
    app.execute("CloseAccount", {"account_id": accounts["emil"]})
    yield Branch(app, accounts)
    app.store.close()


def test_transfers_and_statements_are_as_they_should_be(branch: Branch, capsys: pytest.CaptureFixture[str]) -> None:
    assert list(aftermath.aftermath(*branch)) == []
    assert "100 more, started at once" in capsys.readouterr().out


def test_a_transfer_that_ends_otherwise_than_the_file_says_is_found_out(
    branch: Branch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "transfers.csv"
    other.write_text("".join(FILE.read_text().splitlines(keepends=True)[:4]).replace("completed", "refused"))
    monkeypatch.setattr(aftermath, "FILE", other)
    assert list(transfer_one_by_one(*branch)) == [
        "t-01 was completed (), and should be refused ()",
        "t-01 was completed (), and should be refused ()",
        "t-02 was completed (), and should be refused ()",
    ]


def test_money_from_nowhere_is_found_out(branch: Branch, monkeypatch: pytest.MonkeyPatch) -> None:
    app, accounts = branch
    monkeypatch.setattr(aftermath, "AT_ONCE", 3)
    found = aftermath.transfer

    def generous(*arguments: Any) -> str:
        app.execute("Deposit", {"account_id": accounts["ada"], "amount": "1.00"})
        return found(*arguments)

    monkeypatch.setattr(aftermath, "transfer", generous)
    [balance, total] = transfer_at_once(app, accounts)
    assert balance.startswith("after the transfers ada's account holds ")
    assert total.startswith("all accounts held 1750.00, and hold 1753.00")


def test_a_transfer_that_does_not_end_is_found_out(branch: Branch, monkeypatch: pytest.MonkeyPatch) -> None:
    app, accounts = branch
    monkeypatch.setattr(aftermath, "AT_ONCE", 1)
    monkeypatch.setattr(app, "drain", lambda: None)
    assert list(transfer_at_once(app, accounts)) == [
        "no. 0 has the history ['TransferStarted'], and should have ended once"
    ]


def test_a_statement_that_is_behind_is_found_out(branch: Branch) -> None:
    app, accounts = branch
    app.drain()
    app.execute("Deposit", {"account_id": accounts["ada"], "amount": "1.00"})
    assert "ada's statement adds up to 900.00, and the account holds 901.00" in list(wrong_statements(app, accounts))


def test_a_balance_that_nobody_worked_out_is_found_out(branch: Branch) -> None:
    app, accounts = branch
    are = aftermath.balances(app, accounts)
    assert list(wrong_balances(are, {**are, "ben": are["ada"]})) == [
        "after the transfers ben's account holds 400.00, and should hold 900.00"
    ]
