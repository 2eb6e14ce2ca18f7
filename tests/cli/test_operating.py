"""`processors`, `replay` and `letters`: how far everything is, and what is parked."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from cqrsless.cli.exits import INTERRUPTED
from cqrsless.delivery.replaying import Replay


@pytest.fixture
def shop(project: Any) -> Any:
    for number in range(3):
        project.ok("send", "CreateOrder", json.dumps({"order_id": f"o-{number}", "total": 1}))
    return project


QUIET = """
from cqrsless import Registry

q = Registry("q")
q.query_handler("Q")(lambda query: 1)
"""


def mailer(project: Any, body: str) -> None:
    file = project.folder / "shop.py"
    head, _, _ = file.read_text().partition("def tell_customer(event, *, message):\n")
    rest = file.read_text().partition("@shop.query_handler")[2]
    file.write_text(f"{head}def tell_customer(event, *, message):\n    {body}\n\n\n@shop.query_handler{rest}")
    sys.modules.pop("shop", None)


def test_processors_are_listed_with_what_waits_for_them(shop: Any) -> None:
    shop.ok("send", "ShipOrder", '{"order_id": "o-1"}', "--no-drain")
    rows = {row["name"]: row for row in shop.json("processors")}
    assert rows["mailer"] | {"kind": "processor", "mode": "subscribing", "behind": 1, "parked": 0} == rows["mailer"]
    assert rows["OrderSummary"]["kind"] == "view"
    assert shop.ok("processors").splitlines()[0].split() == [
        "NAME", "KIND", "MODE", "BEHIND", "PARKED", "WHERE", "EVENTS",
    ]  # fmt: skip


TRACKED = """
from shop import shop

shop.processor("audit", mode="tracking", start="beginning")


@shop.event_handler("OrderCreated", processor="audit")
def audited(event):
    pass
"""


def test_a_tracking_processor_that_is_new_is_behind_until_something_is_delivered(shop: Any) -> None:
    shop.write("tracked.py", TRACKED)

    def behind() -> Any:
        return {row["name"]: row["behind"] for row in shop.json("processors", "--app", "tracked:shop")}["audit"]

    assert behind() == 3
    shop.ok("advance", "0s", "--app", "tracked:shop")
    assert behind() == 0


def test_a_tracking_processor_tells_its_page_of_the_log(shop: Any) -> None:
    shop.write("tracked.py", TRACKED)
    shop.ok("send", "CreateOrder", '{"order_id": "o-9", "total": 1}', "--app", "tracked:shop")
    row = next(row for row in shop.json("processors", "--app", "tracked:shop") if row["name"] == "audit")
    assert (row["mode"], row["behind"]) == ("tracking", 0)
    assert row["places"][0]["page"] >= 1
    assert "log 1#0 page" in shop.ok("processors", "--app", "tracked:shop")


def test_an_application_that_reacts_to_nothing_says_so(project: Any) -> None:
    project.write("quiet.py", QUIET)
    result = project.run("processors", "--app", "quiet:q")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "nothing in this application reacts to events\n"


def test_letters_are_listed_retried_and_dropped(shop: Any) -> None:
    mailer(shop, 'raise RuntimeError("no mail server")')
    sent = shop.run("send", "ShipOrder", '{"order_id": "o-1"}')
    why = "RuntimeError: no mail server in tell_customer (shop.py:48)"
    assert (
        sent.stderr
        == f"Order#o-1 is parked for mailer: {why}; once that is mended: cqrsless letters retry mailer Order#o-1\n"
    )
    (letter,) = shop.json("letters", "list")
    assert [letter[name] for name in ("consumer", "key", "commit", "why")] == ["mailer", "Order#o-1", 2, why]
    still = shop.run("letters", "retry", "mailer", "Order#o-1")
    assert still.exit_code == 1
    assert "1 still parked for mailer: Order#o-1 at commit 2: RuntimeError: no mail server" in still.stderr
    mailer(shop, "pass")
    assert shop.ok("letters", "retry", "mailer") == "all of it goes on\n"
    assert shop.json("letters", "list") == []
    assert "nothing is parked" in shop.run("letters", "list", "mailer").stderr


def test_what_follows_from_a_retried_letter_is_delivered_too(shop: Any) -> None:
    mailer(shop, 'raise RuntimeError("no mail server")')
    shop.ok("send", "CreateOrder", '{"order_id": "o-7", "total": 5}')
    shop.ok("send", "ShipOrder", '{"order_id": "o-1"}')
    mailer(shop, 'from cqrsless import Command; return Command("ShipOrder", {"order_id": "o-7"})')
    retried = shop.run("letters", "retry", "mailer")
    assert (retried.exit_code, retried.stdout) == (0, "all of it goes on\n")
    assert retried.stderr == "views and processors have followed\n"
    assert {row["behind"] for row in shop.json("processors")} == {0}


def test_what_was_parked_before_is_counted_and_not_told_again(shop: Any) -> None:
    mailer(shop, 'raise RuntimeError("no mail server")')
    shop.ok("send", "ShipOrder", '{"order_id": "o-1"}')
    second = shop.run("send", "ShipOrder", '{"order_id": "o-2"}').stderr.splitlines()
    assert [line.partition(":")[0] for line in second] == ["Order#o-2 is parked for mailer", "1 parked before"]
    assert shop.run("advance", "1s").stderr.splitlines()[0] == "2 parked before: cqrsless letters list"
    third = shop.run("send", "CreateOrder", '{"order_id": "o-9", "total": 5}').stderr
    assert third == "2 parked before: cqrsless letters list\nviews and processors have followed\n"


def test_what_comes_to_wait_behind_a_parked_commit_is_told(shop: Any) -> None:
    file = shop.folder / "shop.py"
    file.write_text(file.read_text().replace('"OrderShipped", processor', '"OrderCreated", "OrderShipped", processor'))
    mailer(shop, 'raise RuntimeError("no mail server")')
    shop.ok("send", "CreateOrder", '{"order_id": "o-9", "total": 5}')
    assert "Order#o-9 is parked for mailer" in shop.run("send", "ShipOrder", '{"order_id": "o-9"}').stderr


def test_a_letter_that_there_is_not_says_what_to_type(shop: Any) -> None:
    mailer(shop, 'raise RuntimeError("no mail server")')
    shop.ok("send", "ShipOrder", '{"order_id": "o-1"}')
    for verb in ("drop", "retry"):
        wrong = shop.run("letters", verb, "mailer", "nobody")
        assert (wrong.exit_code, wrong.stdout) == (1, "")
        assert wrong.stderr == "NotFound: nobody is not parked for mailer; cqrsless letters list mailer says what is\n"
        near = shop.run("letters", verb, "mailer", "Order#o-2")
        assert near.stderr == "NotFound: Order#o-2 is not parked for mailer; did you mean 'Order#o-1'?\n"
    assert json.loads(shop.run("letters", "drop", "mailer", "x", "--json").stderr)["error"] == "NotFound"


def test_a_replay_tells_what_is_parked_after_it(shop: Any) -> None:
    file = shop.folder / "shop.py"
    file.write_text(file.read_text().replace('"status": "shipped" if row', '"status": 1 / 0 if row'))
    sys.modules.pop("shop", None)
    shop.ok("send", "ShipOrder", '{"order_id": "o-1"}')
    replayed = shop.run("replay", "OrderSummary")
    assert replayed.exit_code == 0 and "OrderSummary has been replayed" in replayed.stdout
    assert "Order#o-1 is parked for OrderSummary: ZeroDivisionError" in replayed.stderr


def test_a_letter_is_dropped_only_after_a_yes(shop: Any) -> None:
    mailer(shop, 'raise RuntimeError("no mail server")')
    shop.ok("send", "ShipOrder", '{"order_id": "o-1"}')
    refused = shop.run("letters", "drop", "mailer", "Order#o-1", input="n\n")
    assert (refused.exit_code, "nothing was dropped" in refused.stderr) == (1, True)
    assert "Commit 2 of Order#o-1 will never be handled by mailer" in refused.stderr
    assert shop.ok("letters", "drop", "mailer", "Order#o-1", "--yes") == "goes on behind it\n"
    assert shop.run("letters", "drop", "mailer", "Order#o-1", "--yes").exit_code == 1
    assert shop.run("letters", "list", "mailr").exit_code == 2


def test_a_replay_builds_a_view_anew(shop: Any) -> None:
    file = shop.folder / "shop.py"
    file.write_text(file.read_text().replace('else "placed"}', 'else "new"}'))
    sys.modules.pop("shop")
    assert shop.json("replay", "OrderSummary") == {"replayed": "OrderSummary", "commits": 3}
    assert shop.json("ask", "GetOrder", '{"order_id": "o-1"}')["status"] == "new"
    assert shop.run("replay", "OrderSumary").exit_code == 2


def test_ctrl_c_stops_a_replay_that_goes_on_from_there_at_once(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cqrsless.delivery.replaying.SLICE", 2)
    whole = Replay.slice
    slices: list[int] = []

    def interrupted(self: Replay, *args: Any) -> Any:
        slices.append(self.done)
        if len(slices) == 2:
            raise KeyboardInterrupt
        return whole(self, *args)

    monkeypatch.setattr(Replay, "slice", interrupted)
    stopped = shop.run("replay", "OrderSummary")
    assert stopped.exit_code == INTERRUPTED
    assert stopped.stderr == "Interrupted: stopped after 2 commits; cqrsless replay OrderSummary goes on from there\n"
    assert "replaying: 2 commits" in shop.ok("processors")
    assert "3 commits in" in shop.ok("replay", "OrderSummary")
    assert slices == [0, 2, 2]
