"""Processes: a file that is saved is loaded, an error is waited out, and a kill loses nothing."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import IncompleteRead
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, Request, build_opener

import pytest

from cqrsless.cli.exits import FAILED
from cqrsless.dev.serving import RELOAD_EVERY
from tests.ctrl_c import hears_ctrl_c
from tests.dev.conftest import order
from tests.dev.waiting import until

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the processes are ended by signals")
_direct = build_opener(ProxyHandler({}))


class Process:
    """`cqrsless dev` as a developer runs it."""

    def __init__(self, popen: subprocess.Popen[bytes], log: Path) -> None:
        self.popen = popen
        self.log = log
        self.url = until(self._address, "it says its address")

    def _address(self) -> str | None:
        assert self.popen.poll() is None, self.log.read_text()
        found = re.search(r"the application +(http://\S+)/\n", self.log.read_text())
        return found[1] if found else None

    def ask(self, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = Request(f"{self.url}{path}", data, {"Content-Type": "application/json"})
        try:
            with _direct.open(request, timeout=20) as answer:
                return json.loads(answer.read())
        except HTTPError as error:
            return json.loads(error.read())
        except (URLError, ConnectionError, IncompleteRead):
            return None  # it was cut off in the midst of a restart

    def status(self) -> dict[str, Any]:
        return self.ask("/_cqrsless/api/status") or {}

    def server_pid(self) -> int:
        """Give the process that serves, below the one that listens."""
        children = Path(f"/proc/{self.popen.pid}/task/{self.popen.pid}/children").read_text().split()
        return int(children[0])


@contextmanager
def running(*arguments: str) -> Iterator[Process]:
    log = Path("dev.log")
    with log.open("ab") as output:
        log.write_bytes(b"")
        command = [sys.executable, "-m", "cqrsless", "dev", *arguments]
        popen = subprocess.Popen(command, stdout=output, stderr=output, preexec_fn=hears_ctrl_c)
        try:
            yield Process(popen, log)
        finally:
            popen.terminate()
            popen.wait(10)


def test_a_saved_file_is_loaded_with_the_data_kept_and_an_error_is_waited_out(project: Path) -> None:
    text = project.read_text()
    with running("--port", "0") as process:
        assert process.ask("/orders", order("o-1"))["version"] == 1
        first = process.status()["generation"]
        project.write_text(text.replace('"status": "shipped"}', '"status": "shipped", "by": "mule"}'))
        until(lambda: process.status().get("generation") not in (None, first), "it is loaded anew")
        assert process.ask("/orders/o-1/ship", {})["version"] == 2
        state = process.ask("/_cqrsless/api/state?type=Order&id=o-1")
        assert (state["after"]["state"]["by"], state["newest"]) == ("mule", 2)

        project.write_text(text + "\n\nthis is no Python\n")
        until(lambda: process.status().get("broken"), "the error is shown")
        assert "SyntaxError" in process.status()["error"]
        assert process.ask("/orders/o-1")["status"] == 503
        project.write_text(text)
        until(lambda: process.status().get("broken") is False, "it is loaded again")
        assert process.ask("/orders/o-1")["status"] == "shipped"


def test_a_module_that_is_new_renamed_or_gone_is_loaded_or_let_go(tmp_path: Path, project: Path) -> None:
    query = (
        "from cqrsless import query_handler\n\n@query_handler('{0}', route='GET /{0}')\ndef ask(_): return __name__\n"
    )
    package = tmp_path / "shop3"
    inner, extra = package / "inner", package / "extra.py"
    inner.mkdir(parents=True)
    (inner / "__init__.py").touch()
    (package / "__init__.py").write_text(query.format("first"))
    with running("--port", "0", "--app", "shop3", "--store", "memory://") as process:
        until(lambda: process.ask("/first") == "shop3", "it serves")
        extra.write_text(query.format("extra"))
        until(lambda: process.ask("/extra") == "shop3.extra", "the new module is loaded")
        extra.rename(inner / "other.py")
        until(lambda: process.ask("/extra") == "shop3.inner.other", "it is loaded under its new name")
        (inner / "other.py").unlink()
        until(lambda: isinstance(found := process.ask("/extra"), dict) and found["status"] == 404, "it is let go")


def test_a_module_that_was_missing_is_loaded_once_it_is_there(tmp_path: Path, project: Path) -> None:
    text = project.read_text()
    project.write_text(f"{text}\nimport {project.stem}_lines\n")
    with running("--port", "0") as process:
        until(lambda: process.status().get("broken"), "it is not loaded")
        (tmp_path / f"{project.stem}_lines.py").write_text("FEW = 5\n")
        until(lambda: process.status().get("broken") is False, "it is loaded")


def test_a_file_that_is_no_module_of_the_application_reloads_nothing(tmp_path: Path, project: Path) -> None:
    with running("--port", "0") as process:
        first = until(lambda: process.status().get("generation"), "it serves")
        for name in ("test_new.py", "conftest.py", ".hidden.py", "no module.py", "notes.txt"):
            (tmp_path / name).write_text("x = 1\n")
        time.sleep(8 * RELOAD_EVERY)
        assert process.status()["generation"] == first


def test_another_application_in_pyproject_is_loaded(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Path("pyproject.toml")
    settings.write_text(f'[tool.cqrsless]\napp = "{project.stem}:shop"\n')
    monkeypatch.delenv("CQRSLESS_APP")
    other = "from cqrsless import Registry\nr = Registry('r')\nr.query_handler('Q', route='GET /q')(lambda query: 5)\n"
    Path("other.py").write_text(other)
    with running("--port", "0") as process:
        first = process.status()["generation"]
        settings.write_text('[tool.cqrsless]\napp = "other:r"\n')
        until(lambda: process.status().get("generation") not in (None, first), "it is loaded anew")
        assert process.ask("/q") == 5


def test_an_event_that_nothing_records_is_told_at_the_start(project: Path) -> None:
    handler = '@shop.event_handler("OrderShiped", processor="mistyped")\ndef mistyped(event):\n    pass\n'
    project.write_text(f"{project.read_text()}\n\n{handler}")
    told = (
        rf"warning: nothing .* records 'OrderShiped', for which the event handler at {project.name}:\d+ waits; did you"
    )
    with running("--port", "0") as process:
        until(lambda: re.search(told, process.log.read_text()), "it is told")


@pytest.mark.skipif(sys.platform != "linux", reason="the process that serves is found in /proc")
def test_a_kill_loses_nothing_and_frees_the_port(project: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    with running("--port", port) as process:
        for number in range(20):
            assert process.ask("/orders", order(f"o-{number}"))["version"] == 1
        pid = process.server_pid()
        os.kill(process.popen.pid, signal.SIGKILL)
        until(lambda: not Path(f"/proc/{pid}").exists(), "the process that served ends with the one that listened")
    with running("--port", port) as process:
        until(lambda: process.status().get("pending") == 0, "all is delivered")
        assert process.status()["commits"] == 20
        rows = process.ask("/_cqrsless/api/rows?view=Summary&limit=200")["rows"]
        assert len(rows) == 20


@pytest.mark.skipif(sys.platform != "linux", reason="the process that serves is found in /proc")
@pytest.mark.parametrize(
    ("by", "said"),
    [(signal.SIGKILL, "was ended by SIGKILL"), (signal.SIGTERM, "has ended with status 0")],
)
def test_what_has_ended_the_process_that_serves_is_told(project: Path, by: signal.Signals, said: str) -> None:
    with running("--port", "0") as process:
        until(lambda: process.status().get("broken") is False, "it serves")
        os.kill(process.server_pid(), by)
        assert process.popen.wait(30) == FAILED
        last = process.log.read_text().splitlines()[-1]
        assert last.startswith(f"Ended: the process that serves the application {said}, and nothing is served any more")
        assert "start cqrsless dev again" in last


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM])
def test_who_ends_the_server_is_told_of_no_failure(project: Path, by: signal.Signals) -> None:
    with running("--port", "0") as process:
        until(lambda: process.status().get("broken") is False, "it serves")
        process.popen.send_signal(by)
        assert process.popen.wait(30) == 0
        assert "Ended" not in process.log.read_text()


def test_a_port_that_is_taken_is_said(project: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        command = [sys.executable, "-m", "cqrsless", "dev", "--port", str(taken.getsockname()[1])]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 1
    assert "--port 0 takes one that is" in done.stderr


@pytest.mark.parametrize("options", [(), ("--no-reload",)])
def test_a_second_server_on_the_same_file_is_refused_and_told_where_the_first_is(
    project: Path, tmp_path: Path, options: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "dev.db").symlink_to(Path("dev.db").absolute())
    Path("dev.db").touch()
    command = [sys.executable, "-m", "cqrsless", "dev", "--port", "0", "--store"]
    with running("--port", "0", "--store", "sqlite:///dev.db", *options) as process:
        until(lambda: process.status().get("broken") is False, "it serves")
        for store in ("sqlite:///dev.db", f"sqlite:///{elsewhere}/dev.db"):
            done = subprocess.run([*command, store], capture_output=True, text=True, check=False, timeout=30)
            assert (done.returncode, done.stderr.count("\n")) == (1, 1)
            said = f"another cqrsless dev serves {store} already at {process.url} (process {process.popen.pid})"
            assert said in done.stderr and "--store sqlite:///other.db" in done.stderr
        with running("--port", "0", "--store", "sqlite:///other.db") as second:
            assert second.ask("/orders", order("o-1"))["version"] == 1
        os.kill(process.popen.pid, signal.SIGKILL)
        process.popen.wait(10)
    with running("--port", "0", "--store", "sqlite:///dev.db") as third:
        assert third.ask("/orders", order("o-1"))["version"] == 1


def test_what_there_is_one_of_is_counted_as_one(project: Path) -> None:
    Path("single.py").write_text(
        "from cqrsless import Registry\nr = Registry('r')\nr.query_handler('Q', route='GET /q')(lambda query: 5)\n"
    )
    with running("--port", "0", "--app", "single:r", "--store", "memory://") as process:
        until(lambda: re.search(r" ms: 0 commands, 1 query, 0 views\n", process.log.read_text()), "it is told")


def test_what_it_does_not_do_it_says_in_one_line(project: Path) -> None:
    command = [sys.executable, "-m", "cqrsless", "dev", "--host", "0.0.0.0"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "say --expose if that is what you want" in done.stderr
