"""DynamoDB's API on this machine: ministack's, DynamoDB Local's where its folder is given, or one that runs already."""

from __future__ import annotations

import re
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final, NamedTuple

#: In a network of its own, nobody else can take it; its tables are gone with it.
PORT: Final = 8000
LOCAL: Final = "DynamoDB Local"
MINISTACK: Final = "ministack"


class Server(NamedTuple):
    """Where an API answers; `enter` is put before the command of a process that is to reach it."""

    url: str
    enter: tuple[str, ...] = ()


Starts = Callable[[], AbstractContextManager[Server]]


def servers(endpoint: str | None, local: Path | None) -> dict[str, Starts]:
    """Give what starts each server, by its name; each case gets a fresh one, which is slower with what it holds."""
    if endpoint is not None:
        return {"the given endpoint": lambda: _given(endpoint)}
    found: dict[str, Starts] = {MINISTACK: _ministack}
    if local is not None:
        found[LOCAL] = lambda: _dynamodb_local(local)
    return found


def version_of(local: Path) -> str:
    """Give DynamoDB Local's version, by the first release that its README tells of: its jar names none."""
    try:
        notes = (local / "README.txt").read_text(encoding="utf-8", errors="replace")
    except OSError:
        notes = ""
    release = re.search(r"^\s*(\d{4}-\d\d-\d\d) +\((\d[\d.]*)\)", notes, re.MULTILINE)
    if release:
        return f"{release[2]} ({release[1]})"
    named = re.search(r"\d{4}-\d\d-\d\d$", local.resolve().name)
    return f"of {named[0]}" if named else "of a version that its folder does not tell"


@contextmanager
def _given(endpoint: str) -> Iterator[Server]:
    yield Server(endpoint)


@contextmanager
def _ministack() -> Iterator[Server]:
    from tests.engines import running_ministack

    with running_ministack() as url:
        yield Server(url)


@contextmanager
def _dynamodb_local(folder: Path) -> Iterator[Server]:
    """Run it in a network namespace of its own, for it listens on every interface; this needs Linux and its root."""
    java = (
        f"java -Xmx1g -Djava.library.path=./DynamoDBLocal_lib -jar DynamoDBLocal.jar -inMemory -sharedDb "
        f"-disableTelemetry -port {PORT}"
    )
    with tempfile.TemporaryFile() as log:
        command = ["unshare", "--net", "sh", "-c", f"ip link set lo up && exec {java}"]
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        enter = ("nsenter", "--target", str(process.pid), "--net")
        try:
            ready = [
                *enter,
                "sh",
                "-c",
                f"python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", {PORT}))'",
            ]
            ends = time.monotonic() + 60
            while subprocess.run(ready, capture_output=True).returncode:
                if process.poll() is not None or time.monotonic() > ends:
                    log.seek(0)
                    raise RuntimeError(f"{LOCAL} does not start: {log.read().decode(errors='replace')[-500:]}")
                time.sleep(0.2)
            yield Server(f"http://127.0.0.1:{PORT}", enter)
        finally:
            process.kill()
            process.wait()
