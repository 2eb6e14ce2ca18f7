"""What SnapStart does to a process: its memory, once warm, is restored many times, and each of them is another process.

A fork of a warm process is such a restoration: the same memory, twice.
"""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
from collections.abc import Generator
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.runtime_api import lambda_function

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")

APPLICATION = """
from cqrsless import Event, aggregate, command_handler

Order = aggregate("Order", id_field="order_id")


@command_handler("Note")
def note(command, *, message):
    return {"id": message.id, "time": message.time.isoformat(), "correlation": message.correlation_id}


@command_handler("PlaceOrder", aggregate=Order, creation="if_missing")
def place(command, order):
    return {"placed": command["order_id"]}, Event("OrderPlaced", command)
"""
#: Warms a process as Lambda's init phase does, has it serve once, restores its memory twice, and tells what they did.
RESTORED = """
import json, os, random, sys, time
from cqrsless import entrypoint

first = entrypoint({"command": "Note", "payload": {}})
entrypoint({"command": "PlaceOrder", "payload": {"order_id": "warm"}})


def serve():
    from cqrsless.clock import jitter
    from cqrsless.delivery.places import revision

    answer = entrypoint({"command": "Note", "payload": {}})["value"]
    entrypoint({"command": "PlaceOrder", "payload": {"order_id": f"o-{os.getpid()}"}})
    return {**answer, "revision": revision(), "jitter": jitter(0, 1)}


time.sleep(0.01)
told = [first["value"]]
for _ in range(2):
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.write(writing, json.dumps(serve()).encode())
        os._exit(0)
    os.close(writing)
    with open(reading) as pipe:
        told.append(json.load(pipe))
json.dump(told, sys.stdout)
"""


def run(folder: Path, **environ: str) -> list[dict[str, Any]]:
    (folder / "shop.py").write_text(APPLICATION)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "CQRSLESS_"))}
    given = {**kept, "CQRSLESS_APP": "shop", "AWS_REGION": "eu-west-1", "AWS_EC2_METADATA_DISABLED": "true", **environ}
    done = subprocess.run(
        [sys.executable, "-c", RESTORED],
        capture_output=True, check=False, text=True, cwd=folder, env=given, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told: list[dict[str, Any]] = json.loads(done.stdout)
    return told


def test_what_is_restored_twice_gives_each_its_own_ids_and_chance(tmp_path: Path) -> None:
    warm, *restored = run(tmp_path, CQRSLESS_STORE="memory://")
    for what in ("id", "correlation"):
        assert len({one[what] for one in (warm, *restored)}) == 3, what
    for what in ("revision", "jitter"):
        assert len({one[what] for one in restored}) == 2, what


def test_a_restored_process_tells_the_time_and_not_that_of_its_snapshot(tmp_path: Path) -> None:
    warm, *restored = run(tmp_path, CQRSLESS_STORE="memory://")
    assert all(datetime.fromisoformat(one["time"]) > datetime.fromisoformat(warm["time"]) for one in restored)


class Aws(BaseHTTPRequestHandler):
    """Gives credentials as Lambda does under SnapStart, new ones each time and soon over, and takes every write."""

    given: int
    signed: list[str]

    def do_GET(self) -> None:
        type(self).given += 1
        expires = datetime.now(timezone.utc) + timedelta(minutes=1)
        self.answer(
            {
                "AccessKeyId": f"KEY{self.given}",
                "SecretAccessKey": "secret",
                "Token": "token",
                "Expiration": expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
            }
        )

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        key = re.search(r"Credential=(\w+)/", self.headers["Authorization"])
        assert key is not None
        self.signed.append(key[1])
        self.answer({"Items": []})

    def answer(self, document: Any) -> None:
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def aws() -> Generator[tuple[str, type[Aws]], None, None]:
    handler = type("Handler", (Aws,), {"given": 0, "signed": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", handler
        server.shutdown()
        thread.join()


def test_a_restored_process_asks_for_credentials_of_its_own(tmp_path: Path, aws: tuple[str, type[Aws]]) -> None:
    """The client is made before the snapshot is taken; what it signs with is looked at anew for each call."""
    endpoint, handler = aws
    run(
        tmp_path,
        CQRSLESS_STORE="dynamodb://shop",
        AWS_ENDPOINT_URL=endpoint,
        AWS_CONTAINER_CREDENTIALS_FULL_URI=f"{endpoint}/credentials",
    )
    commits = [key for key in handler.signed if key]
    assert len(set(commits)) >= 3, "the warm process, and each restored one, signs with what it was given last"
    assert commits[-1] == f"KEY{handler.given}"


SEEDED = """
import random

from cqrsless import command_handler

random.seed(1)


@command_handler("Draw")
def draw(command):
    return random.random()
"""


def draw(folder: Path, type: str) -> float:
    with lambda_function(
        folder, CQRSLESS_APP="seeded", CQRSLESS_STORE="memory://", AWS_LAMBDA_INITIALIZATION_TYPE=type
    ) as function:
        drawn: float = function.invoke({"command": "Draw", "payload": {}}).payload["value"]
    return drawn


def test_lambdas_runtime_is_told_to_mix_chance_anew_once_it_has_restored(tmp_path: Path) -> None:
    (tmp_path / "seeded.py").write_text(SEEDED)
    seeded = random.Random(1).random()
    assert draw(tmp_path, "on-demand") == seeded
    first, second = (draw(tmp_path, "snap-start") for _ in range(2))
    assert len({first, second, seeded}) == 3
