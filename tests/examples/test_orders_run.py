"""The scripted run of `examples/orders`: its file, its report, and that its check can fail."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import cqrsless.app
from cqrsless import App, Cost
from cqrsless.store import Condition, Item, Table
from cqrsless.stores.memory import MemoryStore
from examples.orders import generate
from examples.orders.__main__ import Report, differences, main, run, stored
from examples.orders.reckoning import Reckoned, reckon

LINES = generate.FILE.read_bytes().splitlines()
ROOT = Path(__file__).parents[2]


def test_the_file_is_what_the_generator_writes_byte_for_byte() -> None:
    assert b"".join(generate.lines()) == generate.FILE.read_bytes()


def test_another_seed_writes_another_file() -> None:
    assert b"".join(generate.lines(seed=1)) != generate.FILE.read_bytes()


def test_the_file_holds_the_dirt_that_it_promises() -> None:
    reasons = run([App("memory://")], LINES)
    assert {
        "AlreadyCancelled", "AlreadyExists", "AlreadyPaid", "AlreadyShipped", "DuplicateMismatch", "NotDelivered",
        "NotFound", "NotPaid", "RefundTooLarge", "UnknownMessage", "VersionMismatch", "WrongAmount",
    } == set(reasons.refused)  # fmt: skip
    assert reasons.accepted > 800 and reasons.repeated > 50 and reasons.invalid > 20 and reasons.malformed > 5
    told = [json.loads(line) for line in LINES if line.startswith(b'{"event": ')]
    assert len(told) == reasons.received > len({event["id"] for event in told}) > 200
    assert {event["event"] for event in told} == {"PaymentReceived", "PaymentFailed"}
    assert any(_is_not_utf8(line) for line in LINES)
    assert any(not _is_json(line) for line in LINES if not _is_not_utf8(line))
    assert Counter(LINES).most_common(1)[0][1] > 1


def test_the_run_prints_what_came_of_the_file_and_ends_well() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "examples.orders"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert f"{len(LINES)} lines of orders.jsonl, two containers, sqlite:///" in done.stdout
    for word in ("accepted", "repeated", "refused", "invalid", "received", "malformed", "cost", "stored"):
        assert f"\n{word}" in done.stdout
    for word in ("delivered", "expired", "mailed", "published", "replayed", "Checked: every order", "So do the views"):
        assert f"\n{word}" in done.stdout
    assert done.stderr == ""
    readme = (generate.HERE / "README.md").read_text(encoding="utf-8")
    quoted = re.findall(r"^(?:expired|mailed|published|replayed) +\d.*$", readme, re.MULTILINE)
    assert len(quoted) == 5 and set(quoted) <= set(done.stdout.splitlines())


def test_every_line_is_counted_once() -> None:
    report = run([App("memory://")], LINES)
    accepted = report.accepted + report.received
    assert accepted + report.repeated + sum(report.refused.values()) + report.invalid + report.malformed == len(LINES)


def test_two_containers_come_to_what_one_does_and_pay_for_their_races() -> None:
    first = App("memory://")
    one, two = run([App("memory://")], LINES), run([first, App(first.store)], LINES)
    assert (one.accepted, one.repeated, one.refused) == (two.accepted, two.repeated, two.refused)
    assert one.cost.write_units == one.accepted  # each commit is one unit; a race that is lost costs another
    assert two.cost.write_units > one.cost.write_units


def test_what_is_stored_is_what_a_second_reckoning_gives() -> None:
    app = App("memory://")
    report = run([app], LINES)
    assert differences(app, reckon(LINES), report) == []


def test_its_readme_tells_every_command_and_route() -> None:
    model = App("memory://").model
    mine = [*model.commands.values(), *model.queries.values()]
    handlers = [record for record in mine if record.fn.__module__.startswith("examples.orders.") and record.route]
    readme = (generate.HERE / "README.md").read_text(encoding="utf-8")
    told = set(re.findall(r"^\| `(\w+)`[^|]*\| `([^`]+)` \|", readme, re.MULTILINE))
    assert told == {(record.name, record.route) for record in handlers}


class Forgetful(MemoryStore):
    """Says that it wrote, and did not, once in a while."""

    puts = 0

    def put(self, table: Table, item: Item, cost: Cost, *, condition: Condition = None) -> None:
        self.puts += 1
        if self.puts != 600:
            super().put(table, item, cost, condition=condition)


def test_a_store_that_loses_a_write_is_found_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cqrsless.app, "open_store", lambda url: Forgetful(url))
    assert main(["--store", "memory://"]) == 1
    assert "This is not as a second reckoning of the file has it" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("command", "payload"),
    [
        ("AddLine", {"line": {"sku": "MUG", "quantity": 1, "price": "1.00"}}),
        ("CancelOrder", {"reason": "nobody said so"}),
    ],
)
def test_a_command_that_is_not_in_the_file_is_found_out(command: str, payload: dict[str, object]) -> None:
    app = App("memory://")
    report = run([app], LINES)
    expected = reckon(LINES)
    order_id = next(order_id for order_id, order in expected.items() if order.status == "placed")
    app.execute(command, {"order_id": order_id, **payload})
    [difference] = differences(app, expected, report)
    assert difference.startswith(f"{order_id} is stored as")


def test_an_order_that_should_not_be_there_is_found_out() -> None:
    app = App("memory://")
    report = run([app], LINES)
    ghost = json.dumps({"command": "CreateOrder", "id": "x", "payload": {"order_id": "o-1001"}}).encode()
    assert differences(app, {**reckon(LINES), "o-1001": reckon([ghost])["o-1001"]}, report) != []


def test_a_wrong_count_is_found_out() -> None:
    app = App("memory://")
    report = run([app], LINES)
    report.accepted += 1
    [difference] = differences(app, reckon(LINES), report)
    assert "commands were accepted, and" in difference


def test_a_store_that_is_in_use_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = f"sqlite:///{tmp_path}/orders.db"
    few = tmp_path / "few.jsonl"
    few.write_bytes(b"\n".join(LINES[:20]))
    assert main(["--store", url, "--file", str(few)]) == 0
    with pytest.raises(SystemExit):
        main(["--store", url, "--file", str(few)])
    assert "this store holds orders of the file already: name an empty one" in capsys.readouterr().err


def test_it_runs_on_dynamodb(
    moto_aws: None, table_prefix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = tmp_path / "few.jsonl"
    few.write_bytes(b"\n".join(LINES[:150]))
    assert main(["--store", f"dynamodb://{table_prefix}", "--file", str(few)]) == 0
    assert capsys.readouterr().out.endswith("that is not checked here.\n")


def test_an_order_that_never_came_to_be_is_reckoned_too() -> None:
    expected = reckon([b'{"command": "PayOrder", "id": "c-1", "payload": {"order_id": "o-9", "amount": "1"}}'])
    assert expected == {"o-9": Reckoned()} == {"o-9": stored(App("memory://"), "o-9")}
    assert Report().accepted == 0


def _is_not_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return True
    return False


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True
