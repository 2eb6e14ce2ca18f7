"""What the console answers: its files, its JSON API, and the stream that tells a page to look again."""

from __future__ import annotations

import json
import logging
import mimetypes
import traceback
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from importlib.resources import files
from typing import Any, Final

from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request, Response

from ...errors import CqrslessError, MalformedMessage, UnknownMessage
from ...sources.documents import parse
from ..gateway import BODY_LIMIT, refusal
from ..guarding import unasked
from ..project import Broken, Project
from ..pulse import Pulse
from . import aggregates, costing, deciding, due, modelling, processing, publishing, timeline, viewing
from .asking import Ask

__all__ = ["PREFIX", "Console"]

log: Final = logging.getLogger("cqrsless.dev")
PREFIX: Final = "/_cqrsless/"
_ASSETS: Final = files("cqrsless.dev.console") / "assets"
#: Seconds between two signs of life on a quiet stream.
HEARTBEAT: Final = 10.0
#: Seconds that a stream waits for more to come before it tells.
GATHERS: Final = 0.1

Answer = Callable[[Ask], Any]
GETS: Final[Mapping[str, Answer]] = {
    "model": modelling.model,
    "events": timeline.events,
    "event": timeline.event,
    "aggregates": aggregates.listed,
    "commits": aggregates.commits,
    "state": aggregates.state,
    "rows": viewing.rows,
    "processors": processing.processors,
    "letters": processing.letters,
    "costs": costing.costs,
    "published": publishing.published,
    "due": due.waiting,
}
POSTS: Final[Mapping[str, Answer]] = {
    "send": deciding.send,
    "ask": deciding.ask,
    "retry": processing.retry,
    "drop": processing.drop,
    "replay": processing.replay,
    "advance": due.advance,
    "cancel": due.cancel,
}
#: No script but the console's own files, nothing from elsewhere, no text made into markup.
_HEADERS: Final[Mapping[str, str]] = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
}


class Console:
    """The console of a project, or of what is wrong with it."""

    def __init__(self, project: Project | Broken, pulse: Pulse) -> None:
        self._project = project
        self._pulse = pulse
        self._closed = False

    def close(self) -> None:
        """End the streams."""
        self._closed = True
        self._pulse.beat()

    def respond(self, request: Request) -> Response:
        response = self._respond(request)
        for name, value in _HEADERS.items():
            response.headers[name] = value
        return response

    def _respond(self, request: Request) -> Response:
        path = request.path[len(PREFIX) :]
        if not path.startswith("api/"):
            return _file(request, path)
        wrong = unasked(request.method, dict(request.headers))
        if wrong is not None:
            return refusal(HTTPStatus.FORBIDDEN, f"the console does not answer this request: {wrong}")
        name = path.removeprefix("api/")
        if name == "live" and request.method == "GET":
            return Response(self._stream(), content_type="text/event-stream")
        try:
            return _json(self._answer(request, name))
        except HTTPException as error:
            return refusal(HTTPStatus(error.code or 400), error.description or error.name)
        except CqrslessError as error:
            return refusal(HTTPStatus(error.status), f"{type(error).__name__}: {error}")
        except Exception as error:
            log.exception("the console could not answer %s", name)
            return refusal(HTTPStatus.INTERNAL_SERVER_ERROR, "".join(traceback.format_exception_only(error)).strip())

    def _answer(self, request: Request, name: str) -> Any:
        project = self._project
        if name == "status" and request.method == "GET":
            return self.status()
        answer = (POSTS if request.method == "POST" else GETS).get(name)
        if answer is None or request.method not in ("GET", "POST"):
            raise UnknownMessage(f"the console has no {request.method} {name[:100]!r}")
        if isinstance(project, Broken):
            raise MalformedMessage(f"the application is not loaded: {project.error}")
        body: dict[str, Any] = {}
        if request.method == "POST":
            request.max_content_length = BODY_LIMIT
            body = parse(request.get_data().decode("utf-8", "replace"), "the body")
        return answer(Ask(project, request.args, body))

    def status(self) -> dict[str, Any]:
        """Say what is served, and how far everything is."""
        project = self._project
        if isinstance(project, Broken):
            return {
                "generation": project.generation, "app": project.name, "broken": True, "error": project.error,
                "trace": project.trace,
            }  # fmt: skip
        return {
            "generation": project.generation,
            "app": project.name,
            "broken": False,
            "store": project.app.store.url,
            "embedded": project.embedded,
            "now": project.app.now().isoformat(),
            "ahead": project.wall.ahead.total_seconds(),
            **processing.progress(project),
        }

    def _stream(self) -> Iterator[str]:
        """Tell a page, whenever something happened, how far everything is."""
        seen = self._pulse.wait(-1, 0)
        yield "retry: 300\n\n"
        while not self._closed:
            yield f"data: {json.dumps(self.status())}\n\n"
            before, seen = seen, self._pulse.wait(seen, HEARTBEAT)
            if seen != before and not self._closed:
                seen = max(seen, self._pulse.wait(1 << 62, GATHERS))


def _json(document: Any) -> Response:
    return Response(json.dumps(document), content_type="application/json")


def _file(request: Request, path: str) -> Response:
    if request.path == PREFIX.rstrip("/"):
        return Response(status=HTTPStatus.PERMANENT_REDIRECT, headers={"location": PREFIX})
    if request.method not in ("GET", "HEAD"):
        return refusal(HTTPStatus.METHOD_NOT_ALLOWED, "the console's files are read with GET")
    name = path or "index.html"
    plain = all(part.replace("-", "").replace(".", "").isalnum() and part[0] != "." for part in name.split("/"))
    file = _ASSETS.joinpath(*name.split("/")) if plain else None
    if file is None or not file.is_file():
        return refusal(HTTPStatus.NOT_FOUND, f"the console has no file {path[:100]!r}")
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    if name.endswith(".js"):  # a registry of the system's own may say otherwise
        kind = "text/javascript"
    return Response(file.read_bytes(), content_type=f"{kind}; charset=utf-8" if kind != "image/png" else kind)
