"""An HTTP API in front of the application: a Function URL, API Gateway, or the local server."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from .. import tracing
from ..errors import (
    CqrslessError,
    Forbidden,
    HandlerFailed,
    MalformedMessage,
    MethodNotAllowed,
    NotFound,
    Unauthenticated,
    UnknownMessage,
    Unreachable,
)
from ..keys import has_control
from ..messages import Command, CommandResult, Query
from ..projections.freshness import Reference
from ..sources.http import AFTER, COMMIT, found_nothing
from .answers import Failures, passing_or_not, result_of
from .attempts import Passing
from .requests import HttpRequest, RouteMap, request

__all__ = ["Answer", "Api", "signer_of"]

#: A Function URL and an API Gateway say in their host which service and region a request is signed for.
_HOSTS: Final = (
    ("lambda", re.compile(r"\.lambda-url\.([a-z0-9-]+)\.on\.aws$")),
    ("execute-api", re.compile(r"\.execute-api\.([a-z0-9-]+)\.(?:amazonaws\.com(?:\.cn)?|api\.aws)$")),
)
#: What an API itself refuses, before the application has a say.
_REFUSALS: Final[Mapping[int, type[CqrslessError]]] = {
    400: MalformedMessage,
    401: Unauthenticated,
    403: Forbidden,
    404: UnknownMessage,
    405: MethodNotAllowed,
    413: MalformedMessage,
}
#: Answers of an API that may be others a moment later; the application's own are told by their problem document.
_PASSING: Final = frozenset({408, 425, 429, 500, 502, 503, 504})

Sign = Callable[[Any], None]


class Answer(NamedTuple):
    """An HTTP answer; the names of its headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Api:
    """Sends to one API. `sign` adds to a request what says who is asking."""

    def __init__(self, url: str, routes: RouteMap, sign: Sign, failures: Failures, timeout: float) -> None:
        self._url = url.rstrip("/")
        self._routes = routes
        self._sign = sign
        self._failures = failures
        self._timeout = timeout

    def execute(self, command: Command) -> CommandResult:
        asked = request(self._routes.find("command", command.name), command.name, command.payload)
        headers = {"idempotency-key": _in_header(command.id, f"the id of {command.name}")}
        if tracing.on():
            headers |= tracing.carried()
        metadata = dict(command.metadata)
        if metadata.get("correlation_id"):
            correlation = metadata.pop("correlation_id")
            headers["x-correlation-id"] = _in_header(correlation, f"the correlation id of {command.name}")
        if metadata:
            raise MalformedMessage(
                f"{command.name} has the metadata {', '.join(map(repr, metadata))}, and HTTP carries a correlation_id "
                "alone: call the application by lambda:// or sqs://"
            )
        if command.expected_version is not None:
            headers["if-match"] = f'"{command.expected_version}"'
        answer = self._send(command.name, asked, headers)
        return result_of(self._document(command.name, answer), _aggregate_in(answer.headers.get(COMMIT)))

    def ask(self, query: Query, after: CommandResult | None) -> Any:
        route = self._routes.find("query", query.name)
        if route.method == "HEAD":
            raise MalformedMessage(f"{query.name} has a route for HEAD, whose answers are empty: give it one for GET")
        reference = None if after is None else Reference.to(after)
        headers = {} if reference is None else {AFTER: str(reference)}
        try:
            return self._document(
                query.name, self._send(query.name, request(route, query.name, query.payload), headers)
            )
        except NotFound as error:
            if str(error) == found_nothing(query.name):  # as `App.ask` gives it
                return None
            raise

    @cached_property
    def _session(self) -> Any:
        from botocore.httpsession import URLLib3Session
        from botocore.utils import get_environ_proxies

        timeout: Any = (min(5, self._timeout), self._timeout)  # to connect, and to be answered
        # Whom to trust, as botocore's own clients do: a company's proxy may have a certificate of its own.
        bundle: Any = os.environ.get("AWS_CA_BUNDLE") or os.environ.get("REQUESTS_CA_BUNDLE") or True
        return URLLib3Session(verify=bundle, timeout=timeout, proxies=get_environ_proxies(self._url))

    def _send(self, name: str, asked: HttpRequest, headers: Mapping[str, str]) -> Answer:
        """Send a request, and give the answer if all went well."""
        from botocore.awsrequest import AWSRequest
        from botocore.exceptions import BotoCoreError, HTTPClientError
        from botocore.exceptions import ConnectionError as NoConnection

        sent = AWSRequest(asked.method, self._url + asked.target, {"accept": "application/json", **headers}, asked.body)
        if asked.body:
            sent.headers["content-type"] = "application/json"
        try:
            self._sign(sent)
            response = self._session.send(sent.prepare())
            given = {key.lower(): value for key, value in response.headers.items()}
            answer = Answer(response.status_code, given, response.content)
        except (HTTPClientError, NoConnection) as error:
            raise Passing(Unreachable(f"{self._url} does not answer: {type(error).__name__}: {error}")) from error
        except BotoCoreError as error:
            raise Unreachable(f"{self._url} cannot be called: {type(error).__name__}: {error}") from error
        if answer.status >= 300:
            raise self._failure(name, answer)
        return answer

    def _document(self, name: str, answer: Answer) -> Any:
        try:
            return json.loads(answer.body)
        except ValueError as error:
            length = answer.headers.get("content-length", "")
            if length.isdecimal() and int(length) > len(answer.body):
                raise Passing(Unreachable(f"the answer of {self._url} was cut short: {error}")) from error
            raise HandlerFailed(f"{self._url} answered {name} with {answer.status}, and no JSON: {error}") from error

    def _failure(self, name: str, answer: Answer) -> Exception:
        problem, pause = _object(answer.body), _seconds(answer.headers.get("retry-after"))
        error = self._failures.of_problem(problem)
        if error is not None:
            return passing_or_not(error, pause)
        if problem.get("type") == "about:blank" and "instance" in problem:
            request_id = str(problem["instance"])
            return HandlerFailed(
                f"{name} failed in {self._url} (request {request_id} in its log)", request_id=request_id
            )
        said = str(problem.get("message") or problem.get("Message") or answer.body[:200].decode(errors="replace"))
        text = f"{self._url} answered {name} with {answer.status}: {said}"
        if answer.status in _PASSING:
            return Passing(Unreachable(text), pause)
        if answer.status in (301, 302, 303, 307, 308):
            return Unreachable(f"{text} (it moves to {answer.headers.get('location')}: write that)")
        refusal = _REFUSALS.get(answer.status)
        return HandlerFailed(text) if refusal is None else refusal(text)


def signer_of(url: str, region: str | None, token: str | Callable[[], str] | None) -> Sign:
    """Say how requests to a URL tell who is asking: by a token, by SigV4, or, on this machine, not at all."""
    if token is not None:
        return _Bearer(token)
    if urlsplit(url).scheme == "http":
        return lambda request: None
    host = urlsplit(url).hostname or ""
    for service, pattern in _HOSTS:
        found = pattern.search(host)
        if found:
            return _SigV4(service, found[1])
    return _SigV4("execute-api", region)  # a domain of one's own


class _Bearer:
    def __init__(self, token: str | Callable[[], str]) -> None:
        self._token = token

    def __call__(self, request: Any) -> None:
        token = self._token if isinstance(self._token, str) else self._token()
        request.headers["authorization"] = f"Bearer {token}"


class _SigV4:
    """Signs with the credentials that botocore finds, which are asked for each time: they expire."""

    def __init__(self, service: str, region: str | None) -> None:
        self._service = service
        self._given = region

    def __call__(self, request: Any) -> None:
        from botocore.auth import SigV4Auth
        from botocore.exceptions import NoCredentialsError

        credentials = self._session.get_credentials()
        if credentials is None:
            raise NoCredentialsError
        SigV4Auth(credentials.get_frozen_credentials(), self._service, self._region).add_auth(request)

    @cached_property
    def _session(self) -> Any:
        import sys

        import botocore.session

        boto3: Any = getattr(sys.modules.get("boto3"), "DEFAULT_SESSION", None)
        return botocore.session.get_session() if boto3 is None else boto3

    @cached_property
    def _region(self) -> str:
        from botocore.exceptions import NoRegionError

        session = self._session
        known = self._given or getattr(session, "region_name", None)
        if known is None:
            known = session.get_config_variable("region")
        if known is None:
            raise NoRegionError
        return str(known)


def _aggregate_in(reference: str | None) -> str | None:
    """Read out of the header that names a commit of which aggregate it is."""
    return None if reference is None else Reference.read(reference).key.partition("#")[0]


def _in_header(value: Any, what: str) -> str:
    if isinstance(value, str) and 0 < len(value) <= 256 and value.isascii() and not has_control(value):
        return value
    raise MalformedMessage(f"{what} is {value!r}: over HTTP it has to be 1 to 256 printable ASCII characters")


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(body)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _seconds(text: str | None) -> float | None:
    return float(text) if text is not None and text.isdecimal() else None
