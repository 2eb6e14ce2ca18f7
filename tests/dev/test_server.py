"""The application at work on this machine: events are delivered, what is due runs, and what is stored outlives all."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from tests.dev.conftest import Console, order
from tests.dev.waiting import until


def test_views_publishers_and_deadlines_follow_by_themselves(console: Console) -> None:
    console.place("o-1")
    console.post("send", name="ShipOrder", payload={"order_id": "o-1"})
    console.settled()
    assert console.get("rows", view="Summary")["rows"][0]["status"] == "shipped"
    until(lambda: console.get("published")["count"] == 1, "it is published")
    assert [one["id"] for one in console.get("due")["due"]] == ["expire-o-1"]


def test_the_clock_is_moved_on_and_what_is_due_runs(console: Console) -> None:
    console.place("o-1")
    console.settled()
    assert console.post("advance", seconds=3 * 24 * 3600) == {"fired": 1}
    assert console.get("state", type="Order", id="o-1")["after"]["state"]["status"] == "expired"


def test_a_clock_that_was_moved_on_stays_so(opened: Callable[..., Console]) -> None:
    first = opened()
    first.post("advance", seconds=3600)
    first.server.close()
    assert round(opened().get("status")["ahead"]) == 3600


def test_what_another_process_commits_is_delivered_too(opened: Callable[..., Console]) -> None:
    watching, other = opened(), opened()
    other.server.project.deliveries.stop()
    other.place("o-1")
    until(lambda: watching.get("rows", view="Summary")["rows"], "the view has it")


def test_a_tracking_processor_that_is_new_begins_by_itself(opened: Callable[..., Console], project: Path) -> None:
    first = opened()
    first.place("o-1")
    first.settled()
    first.server.close()
    audit = """
shop.processor("audit", mode="tracking", start="beginning")

@shop.event_handler("OrderPlaced", processor="audit")
def audited(event):
    Path("audited.txt").write_text(event["order_id"])
"""
    project.write_text(f"{project.read_text()}\nfrom pathlib import Path\n{audit}")
    sys.modules.pop(project.stem)
    opened()
    until(lambda: Path("audited.txt").exists() and Path("audited.txt").read_text() == "o-1", "it has begun")


def test_what_was_published_and_what_commands_cost_outlives_the_server(opened: Callable[..., Console]) -> None:
    first = opened()
    first.place("o-1")
    first.post("send", name="ShipOrder", payload={"order_id": "o-1"})
    first.settled()
    until(lambda: first.get("published")["count"] == 1, "it is published")
    first.server.close()
    again = opened()
    [entry] = again.get("published")["published"]
    assert (entry["to"], entry["document"]["type"]) == ("eventbridge://shop", "ParcelSent")
    assert {total["command"]: total["write"] for total in again.get("costs")["totals"]} == {
        "PlaceOrder": 1,
        "ShipOrder": 1,
    }


def test_a_module_that_does_not_load_is_shown_and_not_fatal(opened: Callable[..., Console], project: Path) -> None:
    text = project.read_text()
    project.write_text(text.replace("unreachable = {", "unreachable = 1 / 0, {"))
    console = opened()
    status = console.get("status")
    assert status["broken"]
    assert "ZeroDivisionError: division by zero" in status["error"]
    assert 'unreachable = 1 / 0, {"nobody@example.org"}' in status["trace"]
    assert "importlib" not in status["trace"]
    answer = console.client.get("/orders/o-1")
    assert (answer.status_code, answer.content_type) == (503, "application/problem+json")
    assert "division by zero" in answer.json["detail"]


def test_a_registration_that_does_not_hold_is_shown_with_its_line(
    opened: Callable[..., Console], project: Path
) -> None:
    project.write_text(project.read_text() + '\n\n@shop.projector("X", view="Sumary")\ndef wrong(row, event): ...\n')
    assert "did you mean 'Summary'?" in opened().get("status")["error"]


def test_a_store_in_memory_leaves_nothing_behind(opened: Callable[..., Console]) -> None:
    console = opened(store="memory://")
    console.client.post("/orders", json=order("o-1"))
    console.settled()
    assert not Path(".cqrsless").exists()
    assert not Path("shop.db").exists()


def test_a_view_whose_projectors_were_changed_is_built_anew(opened: Callable[..., Console], project: Path) -> None:
    first = opened()
    first.place("o-1")
    first.settled()
    first.server.close()
    del sys.modules[project.stem]
    project.write_text(project.read_text().replace('"status": "placed", "note"', '"status": "new", "note"'))
    again = opened()
    until(lambda: again.get("rows", view="Summary")["rows"][0]["status"] == "new", "it is built anew")
