"""Runs the shop over `orders.jsonl` and checks what it stored: `python -m examples.orders [--store URL]`."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from cqrsless import App, Command, CommandResult, Cost, CqrslessError, NotFound, ValidationFailed

from .aftermath import Outbox, aftermath
from .app import Order
from .generate import FILE
from .reckoning import Reckoned, reckon


class External(NamedTuple):
    """An event that somebody else tells."""

    name: str
    payload: dict[str, Any]
    source: str
    id: str


@dataclass
class Report:
    """What became of the lines of a file."""

    accepted: int = 0
    repeated: int = 0
    refused: Counter[str] = field(default_factory=Counter[str])
    invalid: int = 0
    malformed: int = 0
    received: int = 0
    cost: Cost = field(default_factory=Cost)

    def done(self, result: CommandResult) -> None:
        if result.duplicate:
            self.repeated += 1
        else:
            self.accepted += 1
            self.cost.add(result.cost)


def read(line: bytes) -> Command | External:
    """Read a command, or an event from outside, or raise `ValueError`, `KeyError` or `TypeError`."""
    document = json.loads(line)
    if "event" in document:
        return External(document["event"], document["payload"], document["source"], document["id"])
    return Command(
        document["command"],
        document["payload"],
        id=document["id"],
        expected_version=document.get("expected_version"),
    )


def run(containers: Sequence[App], lines: Iterable[bytes]) -> Report:
    """Execute a file, its lines dealt out to the containers in turn, so that each finds its cache out of date."""
    report = Report()
    for number, line in enumerate(lines):
        try:
            message = read(line)
        except (ValueError, KeyError, TypeError):
            report.malformed += 1
            continue
        app = containers[number % len(containers)]
        if isinstance(message, External):
            report.received += app.receive(message.name, message.payload, source=message.source, id=message.id)
            continue
        try:
            report.done(app.execute(message))
        except ValidationFailed:
            report.invalid += 1
        except CqrslessError as refusal:
            if refusal.status >= 500:
                raise
            report.refused[type(refusal).__name__] += 1
    return report


def stored(app: App, order_id: str) -> Reckoned:
    """Give an order as it is stored."""
    try:
        state, _ = app.load(Order, order_id)
    except NotFound:
        return Reckoned()
    events = app.history(Order, order_id)
    return Reckoned(
        state["status"],
        state["total"],
        state["refunded"],
        [(event.name, event.payload.get("total", event.payload.get("amount"))) for event in events],
        {event.metadata["correlation_id"] for event in events},
    )


def differences(app: App, expected: dict[str, Reckoned], report: Report) -> list[str]:
    """Compare what is stored, and what was accepted, with what should be."""
    found = [
        f"{order_id} is stored as\n    {is_now}\n  and should be\n    {should}"
        for order_id, should in expected.items()
        if (is_now := stored(app, order_id)) != should
    ]
    accepted = sum(order.commands for order in expected.values())
    if report.accepted != accepted:
        found.append(f"{report.accepted} commands were accepted, and {accepted} should have been")
    return found


def show(report: Report) -> None:
    refused = sum(report.refused.values())
    cost = report.cost
    print(f"accepted   {report.accepted:5}   each one commit")
    print(f"repeated   {report.repeated:5}   sent again under its id: answered again, written once")
    print(f"refused    {refused:5}   nothing written")
    for reason, count in sorted(report.refused.items()):
        print(f"           {count:5}   {reason}")
    print(f"invalid    {report.invalid:5}   not what the schema asks for")
    print(f"received   {report.received:5}   events of the payment provider's")
    print(f"malformed  {report.malformed:5}   cut short, not UTF-8, not a command")
    print(f"cost       {cost.requests:5}   requests for what was accepted,")
    print(f"           {cost.read_units:5.0f}   read units and {cost.write_units:.0f} write units")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = ArgumentParser(prog="python -m examples.orders", description="Run a shop over three weeks of orders.")
    parser.add_argument("--store", help="an empty store, as in dynamodb://orders; by default a temporary SQLite file")
    parser.add_argument("--file", type=Path, default=FILE, help="commands as JSON lines; by default %(default)s")
    options = parser.parse_args(arguments)
    lines = options.file.read_bytes().splitlines()
    expected = reckon(lines)
    with TemporaryDirectory() as folder:
        outbox = Outbox()
        first = App(store=options.store or f"sqlite:///{folder}/orders.db", resources={"mail": outbox})
        first.create_tables()
        if any(stored(first, order_id).accepted for order_id in expected):
            parser.error("this store holds orders of the file already: name an empty one")
        print(f"{len(lines)} lines of {options.file.name}, two containers, {first.store.url}\n")
        report = run([first, App(store=first.store)], lines)
        show(report)
        found = differences(App(store=first.store), expected, report)
        delivers = not first.store.url.startswith("dynamodb:")
        if delivers:
            found += aftermath(first, expected, outbox)
        first.store.close()
    if found:
        print("\nThis is not as a second reckoning of the file has it:", *found, sep="\n\n  ")
        return 1
    orders = [order for order in expected.values() if order.accepted]
    events = sum(len(order.history) for order in orders)
    print(f"\nstored     {len(orders):5}   orders with {events} events")
    print("\nChecked: every order holds the history and the money that a second reckoning of the file gives.")
    if delivers:
        print("So do the views, and what was mailed and published; and a replay gives the same rows.")
    else:
        print("The tables' streams deliver the events to views, mails and publishers; that is not checked here.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
