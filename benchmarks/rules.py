"""W2 for what a rule of cqrsless costs: a used id, a lost race, a refusal, and the log; requests and units of each."""

from __future__ import annotations

import os
from typing import Any

from .dynamodb import Meter


def measure() -> dict[str, Any]:
    from cqrsless import App, Event, Registry, Rejected
    from cqrsless.log.indexer import Indexer
    from cqrsless.messages import Cost

    registry = Registry("rules")
    counter = registry.aggregate("Counter", id_field="id")

    @registry.command_handler("Add", aggregate=counter, creation="if_missing")
    def add(command: Any, state: Any) -> Any:
        if command.get("refused"):
            raise Rejected("no")
        return {"count": (state or {"count": 0})["count"] + 1}, Event("Added", {"by": 1})

    url = f"dynamodb://rules-{os.getpid()}?endpoint={os.environ['AWS_ENDPOINT_URL_DYNAMODB']}"
    app = App(url, registry=registry)
    app.create_tables()
    other = App(app.store, registry=registry)
    meter = Meter()
    found: dict[str, Any] = {}

    app.execute("Add", {"id": "c"})
    meter.taken()
    app.execute("Add", {"id": "c"})
    found["a command, warm"] = meter.taken()
    app.execute("Add", {"id": "c"}, id="mine", metadata={"tenant": "acme"})
    found["the same with an id of its own, and metadata"] = meter.taken()
    app.execute("Add", {"id": "c"}, id="mine", metadata={"tenant": "acme"})
    found["the same once more: a duplicate"] = meter.taken()
    other.execute("Add", {"id": "c"})
    meter.taken()
    app.execute("Add", {"id": "c"})
    found["a command that loses a race once"] = meter.taken()
    for name, of in (("a refusal, warm", app), ("a refusal, cold", App(app.store, registry=registry))):
        try:
            of.execute("Add", {"id": "c", "refused": True})
        except Rejected:
            found[name] = meter.taken()

    embedded = App("memory://", registry=registry)
    for number in range(1000):
        embedded.execute("Add", {"id": f"c-{number}"})
    indexer, logged = Indexer(app.store), []
    for start in range(0, 1000, 100):
        batch = [change.item for change in embedded.store.changes("events", start, 100) if change.item]
        indexer.index(batch, Cost())
        logged.append(meter.taken())
    found["the log, a commit, at 100 a page"] = [figure / 100 for figure in logged[-1]]
    return found
