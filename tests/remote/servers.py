"""What stands between a client and an application: Lambda's Invoke API and a Function URL, with the faults of both."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

from cqrsless import CqrslessError
from tests.runtime_api import Answer

__all__ = ["LOST", "Server", "Status", "function_url", "in_process", "invoke_api"]

Invoke = Callable[[Any], Answer]


@dataclass(frozen=True)
class Status:
    """An answer that comes in place of the application's, before it is asked."""

    status: int
    body: bytes = b"{}"
    headers: tuple[tuple[str, str], ...] = ()


#: The application is asked, and its answer lost on the way back.
LOST = "lost"


@dataclass
class Server:
    """A running server. `faults` are what happens to the next requests, one each; `None` is none."""

    url: str
    faults: list[Status | str | None] = field(default_factory=list)
    events: list[Any] = field(default_factory=list)
    requests: list[SimpleNamespace] = field(default_factory=list)

    @property
    def ids(self) -> list[Any]:
        """The ids of the commands that arrived."""
        return [event["id"] for event in self.events]


def in_process(app: Any) -> Invoke:
    """Run the sources in this process, and tell a failure as Lambda does."""
    from cqrsless.sources import handle

    def invoke(event: Any) -> Answer:
        request_id = str(uuid4())
        try:
            answer = handle(event, SimpleNamespace(aws_request_id=request_id), app)
        except Exception as error:
            told = {"errorType": type(error).__name__, "errorMessage": str(error), "requestId": request_id}
            return Answer(None, {**told, "stackTrace": [] if isinstance(error, CqrslessError) else ["secret"]})
        return Answer(json.loads(json.dumps(answer)), None)

    return invoke


@contextmanager
def invoke_api(invoke: Invoke) -> Iterator[Server]:
    """Serve `POST /2015-03-31/functions/<name>/invocations`, as Lambda does."""

    def answer(server: Server, request: SimpleNamespace) -> Status:
        event = json.loads(request.body)
        server.events.append(event)
        answered = invoke(event)
        if answered.error is None:
            return Status(200, json.dumps(answered.payload).encode())
        return Status(200, json.dumps(answered.error).encode(), (("X-Amz-Function-Error", "Unhandled"),))

    with _serving(answer) as server:
        yield server


@contextmanager
def function_url(invoke: Invoke, claims: dict[str, Any] | None = None) -> Iterator[Server]:
    """Serve what a Function URL does; `claims` are those of an authorizer in front of it."""

    def answer(server: Server, request: SimpleNamespace) -> Status:
        path, _, query = request.path.partition("?")
        context: dict[str, Any] = {
            "http": {"method": request.method, "path": path},
            "domainName": "abc.lambda-url.eu-west-1.on.aws",
        }
        if claims is not None:
            context["authorizer"] = {"jwt": {"claims": claims}}
        event = {
            "version": "2.0",
            "rawPath": path,
            "rawQueryString": query,
            "headers": request.headers,
            "requestContext": context,
            "body": base64.b64encode(request.body).decode() if request.body else None,
            "isBase64Encoded": bool(request.body),
        }
        server.events.append(event)
        answered = invoke(event)
        if answered.error is not None:
            return Status(502, b"Internal Server Error")
        given = answered.payload
        return Status(given["statusCode"], given["body"].encode(), tuple(given["headers"].items()))

    with _serving(answer) as server:
        yield server


@contextmanager
def _serving(answer: Callable[[Server, SimpleNamespace], Status]) -> Iterator[Server]:
    http = _Http(("127.0.0.1", 0), _Handler)
    http.served = Server(f"http://127.0.0.1:{http.server_port}")
    http.answer = answer
    thread = Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield http.served
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    served: Server
    answer: Callable[[Server, SimpleNamespace], Status]


class _Handler(BaseHTTPRequestHandler):
    wbufsize = -1

    def _do(self) -> None:
        http = cast(_Http, self.server)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = SimpleNamespace(method=self.command, path=self.path, headers=headers, body=body)
        http.served.requests.append(request)
        fault = http.served.faults.pop(0) if http.served.faults else None
        given = fault if isinstance(fault, Status) else http.answer(http.served, request)
        if fault == LOST:
            self.close_connection = True
            return
        self.send_response(given.status)
        for name, value in given.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(given.body)))
        self.end_headers()
        self.wfile.write(given.body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _do

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the test's output is not a server's log."""
