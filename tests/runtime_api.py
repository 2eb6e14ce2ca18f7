"""Lambda's Runtime API, as much of it as a function needs, so that the real runtime client can be run against it."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, cast
from uuid import uuid4

__all__ = ["Answer", "Function", "FunctionFailed", "lambda_function"]

ROOT = Path(__file__).parent.parent
PREFIX = "/2018-06-01/runtime"


@dataclass(frozen=True)
class Answer:
    """What the function answered: `payload`, or the `error` with `errorType`, `errorMessage` and `stackTrace`."""

    payload: Any
    error: dict[str, Any] | None


class FunctionFailed(AssertionError):
    """The process ended, or did not answer in time; the text has what it wrote."""


@dataclass
class _Exchange:
    """What goes between the test and the server's threads."""

    invocations: queue.Queue[tuple[str, bytes] | None] = field(default_factory=queue.Queue)
    answers: queue.Queue[tuple[str, Answer]] = field(default_factory=queue.Queue)
    init_errors: queue.Queue[dict[str, Any]] = field(default_factory=queue.Queue)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    exchange: _Exchange


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one packet an answer
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        if self.path == f"{PREFIX}/restore/next":  # the snapshot is taken, and restored
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        assert self.path == f"{PREFIX}/invocation/next", self.path
        invocation = self._exchange.invocations.get()
        if invocation is None:
            self.close_connection = True
            return
        request_id, body = invocation
        self.send_response(200)
        self.send_header("Lambda-Runtime-Aws-Request-Id", request_id)
        self.send_header("Lambda-Runtime-Deadline-Ms", str(int(time.time() * 1000) + 30_000))
        self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-west-1:123456789012:function:orders")
        self.send_header("Lambda-Runtime-Trace-Id", "Root=1-6742a1f0-0a1b2c3d4e5f60718293a4b5;Sampled=0")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        body = self._read()
        parts = self.path.removeprefix(f"{PREFIX}/").split("/")
        if parts == ["init", "error"]:
            self._exchange.init_errors.put(json.loads(body))
        elif parts[0] == "invocation" and parts[2] == "response":
            self._exchange.answers.put((parts[1], Answer(json.loads(body), None)))
        else:
            assert parts[0] == "invocation" and parts[2] == "error", self.path
            self._exchange.answers.put((parts[1], Answer(None, json.loads(body))))
        self.send_response(202)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _read(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers["Content-Length"]))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    @property
    def _exchange(self) -> _Exchange:
        return cast(_Server, self.server).exchange

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the test's output is not a server's log."""


@dataclass
class Function:
    """A running function."""

    process: subprocess.Popen[bytes]
    output: Path
    exchange: _Exchange

    def invoke(self, event: Any = None, *, raw: bytes | None = None, request_id: str | None = None) -> Answer:
        """Invoke the function with an event, or with bytes as they are, and wait for its answer."""
        request_id = request_id or str(uuid4())
        self.exchange.invocations.put((request_id, json.dumps(event).encode() if raw is None else raw))
        answered: tuple[str, Answer] = self._wait_for(self.exchange.answers)
        assert answered[0] == request_id
        return answered[1]

    def init_error(self) -> dict[str, Any]:
        """Wait for the function to report that it could not start."""
        error: dict[str, Any] = self._wait_for(self.exchange.init_errors)
        return error

    @property
    def log(self) -> str:
        return self.output.read_text(encoding="utf-8", errors="backslashreplace")

    def _wait_for(self, answers: queue.Queue[Any]) -> Any:
        until = time.monotonic() + 30
        while time.monotonic() < until:
            try:
                return answers.get(timeout=0.1)
            except queue.Empty:
                if self.process.poll() is not None and answers.empty():
                    raise FunctionFailed(f"the function ended with {self.process.returncode}:\n{self.log}") from None
        raise FunctionFailed(f"the function does not answer:\n{self.log}")


@contextmanager
def lambda_function(
    folder: Path, handler: str = "cqrsless.entrypoint", command: list[str] | None = None, **environ: str
) -> Iterator[Function]:
    """Run the code in a folder as Lambda does: the real `awslambdaric`, in a process of its own.

    What the function needs beside its folder and the usual variables is given as `environ`. `command` starts the
    runtime client in another way.
    """
    server = _Server(("127.0.0.1", 0), _Handler)
    server.exchange = exchange = _Exchange()
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    output = folder / "function.log"
    with output.open("wb") as stream:
        process = subprocess.Popen(
            command or [sys.executable, "-m", "awslambdaric", handler],
            cwd=folder,
            env={**_usual(folder), "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.server_port}", **environ},
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
        )
    try:
        yield Function(process, output, exchange)
    finally:
        process.kill()
        process.wait()
        exchange.invocations.put(None)
        server.shutdown()
        server.server_close()
        thread.join()


def _usual(folder: Path) -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_FUNCTION_NAME": "orders",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_LOG_FORMAT": "Text",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/orders",
        "AWS_LAMBDA_LOG_STREAM_NAME": "2026/11/23/[$LATEST]0a1b2c3d4e5f60718293a4b5c6d7e8f9",
        "AWS_REGION": "eu-west-1",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "LAMBDA_TASK_ROOT": str(folder),
        "LANG": "en_US.UTF-8",
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),  # in Lambda, the package lies in the task root itself
        "TZ": ":UTC",
    }
