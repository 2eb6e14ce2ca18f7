"""The server: the application's routes, the console below `/_cqrsless/`, and what it refuses before either."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request, Response

from ..driver import LambdaContext
from ..sources import handle
from .console import PREFIX, Console
from .gateway import BODY_LIMIT, event_of, refusal, response_of
from .guarding import foreign_host, foreign_page
from .options import Options
from .project import Broken, Project, open_project
from .pulse import Pulse

if TYPE_CHECKING:
    from datetime import datetime

    from ..delivery.batches import Delivery
    from ..messages import Message
    from ..registry.model import Model
    from ..store import Store

__all__ = ["Server"]


class Served:
    """The application as its HTTP source sees it here: what a request commits is delivered at once, beside it."""

    def __init__(self, project: Project) -> None:
        self._app = project.app
        self._deliveries = project.deliveries

    def dispatch(self, message: Message) -> Any:
        try:
            return self._app.dispatch(message)
        finally:
            self._wake()

    def dispatch_after(self, message: Message) -> Any:
        self._wake()
        return self._app.dispatch(message)  # its views wait until they hold what they are to hold

    def receive_event(self, message: Message) -> bool:
        try:
            return self._app.receive_event(message)
        finally:
            self._wake()

    def consume(self, deliveries: Sequence[Delivery]) -> list[str]:
        return self._app.consume(deliveries)

    def wake(self, pages: Sequence[Delivery]) -> list[str]:
        return self._app.wake(pages)

    def park_given_up(self, deliveries: Sequence[Delivery], why: str) -> list[str]:
        return self._app.park_given_up(deliveries, why)

    def answer_replay(self, name: str, run: int | None) -> dict[str, Any]:
        return self._app.answer_replay(name, run)

    @property
    def store(self) -> Store:
        return self._app.store

    @property
    def model(self) -> Model:
        return self._app.model

    def now(self) -> datetime:
        return self._app.now()

    def _wake(self) -> None:
        if self._deliveries is not None:
            self._deliveries.wake()


class Server:
    """The server's WSGI application. Raises `Refused` for options that are not for a development server."""

    def __init__(self, options: Options) -> None:
        options.check()
        self.options = options
        self.pulse = Pulse()
        self.project = open_project(options, self.pulse)
        self.served = None if isinstance(self.project, Broken) else Served(self.project)
        self.console = Console(self.project, self.pulse)

    def start(self) -> None:
        """Begin to deliver events."""
        if isinstance(self.project, Project) and self.project.deliveries is not None:
            self.project.deliveries.start()

    def close(self) -> None:
        self.console.close()
        if isinstance(self.project, Project):
            self.project.close()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        request = Request(environ)
        request.max_content_length = BODY_LIMIT
        return self._respond(request)(environ, start_response)

    def _respond(self, request: Request) -> Response:
        wrong = foreign_host(request.headers.get("Host"), exposed=self.options.exposed)
        if wrong is not None:
            port = request.environ.get("SERVER_PORT", self.options.port)  # --port 0 takes a free one
            return refusal(HTTPStatus.FORBIDDEN, f"{wrong}; ask for http://{self.options.host}:{port}/")
        if request.path == PREFIX.rstrip("/") or request.path.startswith(PREFIX):
            return self.console.respond(request)
        if request.path == "/" and request.method == "GET" and not self._has_root():
            return Response(status=302, headers={"location": PREFIX})
        wrong = foreign_page(dict(request.headers), exposed=self.options.exposed)
        if wrong is not None:
            return refusal(HTTPStatus.FORBIDDEN, f"this request is not answered: {wrong}")
        try:
            return self._route(request)
        except HTTPException as error:  # a body that is too long, or cut short
            return refusal(HTTPStatus(error.code or 400), error.description or error.name)

    def _route(self, request: Request) -> Response:
        if isinstance(self.project, Broken) or self.served is None:
            error = self.project.error if isinstance(self.project, Broken) else "it is closed"
            return refusal(HTTPStatus.SERVICE_UNAVAILABLE, f"the application is not loaded: {error}")
        event = event_of(request, self.options.shape, self.options.claims)
        context = LambdaContext("dev", str(uuid4()), clock=self.served.now)
        return response_of(handle(event, context, self.served))

    def _has_root(self) -> bool:
        return self.served is not None and any(route.endswith(" /") for route in self.served.model.routes)
