from __future__ import annotations

from typing import Any


def test_routes_lists_every_handler_with_what_it_works_on_and_where_it_stands(project: Any) -> None:
    lines = project.ok("routes").splitlines()
    assert lines[0].split() == ["KIND", "NAME", "ON", "SCHEMA", "ROUTE", "WHERE"]
    assert [line.split("  ")[0] for line in lines[1:]] == [
        "command", "command", "command", "query", "event handler", "projector",
    ]  # fmt: skip
    starts = {line.index("shop.py:") for line in lines[1:]}
    assert len(starts) == 1
    assert lines[1].split()[:5] == ["command", "CreateOrder", "Order", "CreateOrder", "POST"]


def test_routes_as_json_names_things_as_the_decorators_do(project: Any) -> None:
    rows = project.json("routes")
    by_name = {(row["kind"], row["name"]): row for row in rows}
    line = project.folder.joinpath("shop.py").read_text().splitlines().index("@shop.projector("
        '"OrderCreated", "OrderShipped", view=Summary)') + 1  # fmt: skip
    assert by_name["projector", "OrderCreated, OrderShipped"] == {
        "kind": "projector", "name": "OrderCreated, OrderShipped", "view": "OrderSummary", "place": f"shop.py:{line}",
    }  # fmt: skip
    assert by_name["event handler", "OrderShipped"]["processor"] == "mailer"
    assert by_name["command", "ShipOrder"]["creation"] == "never"


def test_routes_opens_no_store(project: Any) -> None:
    project.ok("routes")
    assert not list(project.folder.glob("*.db"))


MISTYPED = """

@shop.event_handler("OrderCreatd", processor="greeter")
def greet(event):
    pass
"""
TOLD = "nothing in this application records 'OrderCreatd', for which the event handler at shop.py:"
MEANT = "waits; did you mean 'OrderCreated'"


def test_an_event_that_nothing_records_is_told_where_a_person_looks(project: Any) -> None:
    file = project.folder / "shop.py"
    file.write_text(file.read_text() + MISTYPED)
    create = ("send", "CreateOrder", '{"order_id": "o-1", "total": 1}')
    for arguments in (("routes",), ("diagram",), create):
        result = project.run(*arguments)
        assert (result.exit_code, TOLD in result.stderr, MEANT in result.stderr) == (0, True, True)
        assert TOLD not in result.stdout
    assert TOLD not in project.run("send", "ShipOrder", '{"order_id": "o-1"}').stderr  # it is not what was meant
    assert TOLD not in project.run("routes", "--json").stderr
