"""A replay that goes on by itself, deployed: slices under Lambda's own runtime client, each of which invokes the next.

ministack stands for AWS, with the roles of the template: the function is allowed to invoke itself, and it does.
"""

from __future__ import annotations

import importlib.util
import time
from pathlib import Path
from typing import Any

import pytest

from cqrsless import App, Registry
from cqrsless.messages import Cost
from tests.deploy.deployed import Deployment

pytestmark = pytest.mark.server

COMMITS, JARS = 240, 4
#: Seconds that an invocation has, and that a commit takes: one invocation cannot do it all.
TIMEOUT, EACH = 6, 0.04
TALLY = f"""
import time
from cqrsless import Event, Registry

tally = Registry("tally")
Jar = tally.aggregate("Jar", id_field="jar")
Total = tally.view("Total", key="jar")

@tally.command_handler("Put", aggregate=Jar, creation="if_missing", route="POST /jars/{{jar}}")
def put(command, jar):
    n = (jar or {{"n": 0}})["n"] + 1
    return {{"n": n}}, Event("WasPut", {{"jar": command["jar"], "n": n}})

@tally.projector("WasPut", view=Total)
def total(row, event, *, message):
    if message.replaying:
        time.sleep({EACH})
    row = row or {{"seen": [], "count": 0}}
    return {{"seen": [*row["seen"], event["n"]][-3:], "count": row["count"] + 1}}

@tally.query_handler("Read")
def read(query, *, views):
    return views.get(Total, query["jar"])
"""
OVERLAY = """
Globals: {Function: {Runtime: provided.al2023}}
Resources:
  ViewsStreamMapping: {Properties: {FilterCriteria: null}}
"""


def test_a_deployed_replay_goes_on_in_invocations_of_its_own_until_it_is_whole(
    cloud: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CQRSLESS_APP", "CQRSLESS_STORE"):
        monkeypatch.setenv(name, "")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tally.py").write_text(TALLY)
    (tmp_path / "template.overlay.yaml").write_text(OVERLAY)
    deployed = Deployment(cloud, tmp_path, "tally", "tally:tally")
    deployed.deploy(protect=False, timeout=TIMEOUT)
    app = deployed.store(App("memory://", registry=registry(tmp_path)))
    stream = deployed.stop("ViewsStreamMapping")
    assert stream
    for number in range(COMMITS):
        app.execute("Put", {"jar": f"jar-{number % JARS}"})

    told = deployed.invoke("ViewsFunction", {"replay": "Total"})
    assert told == {"replay": "Total", "runs": {"Total": {"run": 2, "done": 0, "ended": False}}}
    owners: list[str] = []
    progress: list[int] = []

    def ended() -> bool:
        control = app.store.get("views", "c#Total", "-", Cost()) or {}
        if control["owner"] and control["owner"] not in owners:
            owners.append(control["owner"])
        progress.append(control["done"])
        time.sleep(0.05)
        return bool(control["run"] == 2)

    deployed.until(ended)
    assert len(owners) >= 2, "one invocation has no time for all of it: each is told by its request's id"
    assert progress == sorted(progress)
    assert progress[-1] == COMMITS

    each = COMMITS // JARS
    rows = [deployed.invoke("CommandsFunction", {"query": "Read", "payload": {"jar": f"jar-{n}"}}) for n in range(JARS)]
    assert rows == [{"seen": [each - 2, each - 1, each], "count": each}] * JARS
    late = deployed.invoke("ViewsFunction", {"replay": "Total", "run": 2})
    assert late["runs"]["Total"] == {"run": 2, "done": COMMITS, "ended": True}, "a call that comes late does nothing"

    # What comes now, and what the stream still holds, goes to the new run, once.
    deployed.command("Put", {"jar": "jar-0"}, "p-1")
    deployed.start("ViewsStreamMapping")

    def row() -> Any:
        return deployed.ask("Read", {"jar": "jar-0"})

    deployed.until(lambda: row()["count"] > each)
    assert row() == {"seen": [each - 1, each, each + 1], "count": each + 1}
    deployed.delete()


def registry(folder: Path) -> Registry:
    spec = importlib.util.spec_from_file_location("tally", folder / "tally.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: Registry = module.tally
    return found
