"""A deployed application, as its callers see it: `Client("lambda://orders")`."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import parse_qsl, urlsplit

from ..arguments import check_command, check_expected, whole
from ..clients import aws_client
from ..errors import AppLoadError, CqrslessError, MalformedMessage, SerializationFailed
from ..messages import Command, CommandResult, Query, not_a
from ..registry import DEFAULT, Registry
from ..sources.documents import plain
from .answers import Failures
from .attempts import Attempts
from .queues import Queue

if TYPE_CHECKING:
    from ..app import App

__all__ = ["Client"]

FORMS: Final = (
    "lambda://name, lambda://name:alias, lambda://arn:aws:lambda:..., https://...lambda-url.eu-west-1.on.aws, "
    "https://...execute-api.eu-west-1.amazonaws.com/stage, http://127.0.0.1:8000 (on this machine alone), "
    "sqs://name, sqs://arn:aws:sqs:..., sqs://https://sqs...; lambda:// and sqs:// take ?region=... and &endpoint=..."
)
_HERE: Final = frozenset({"127.0.0.1", "::1", "localhost"})


class Transport(Protocol):
    """A way to a deployed application. Payloads are in JSON's types, and commands have an id."""

    def execute(self, command: Command) -> CommandResult: ...
    def ask(self, query: Query, after: CommandResult | None) -> Any: ...


class Client:
    """An application that is deployed, with the `execute` and `ask` of `App`: the same results, the same errors.

    `url` is `lambda://name`, an `https://` URL, or `sqs://queue`, which takes commands and gives no answers. Payloads
    and what queries give are in JSON's types: a `Decimal` comes back as a string.

    Over HTTP only what has a route is reached. The routes are those of `routes`: a registry (by default the one of the
    decorators at the top of `cqrsless`), an `App`, a mapping of names to routes, or the application's OpenAPI document.
    Requests are signed (SigV4), or bear a `token`, given as text or as a function that is asked for it each time. A
    FIFO queue needs `group`, which gives for a command what those that keep their order have in common.

    A call is made up to `attempts` times, each for `timeout` seconds: again after a throttle, a lost answer or a server
    that could not answer. A command keeps its id through that, so what an earlier attempt has committed is given back,
    with `duplicate=True`. `errors` are your own classes of errors to raise; others of the application's become
    subclasses of `Rejected`, by their name there. A bug in a handler is `HandlerFailed`, and no answer `Unreachable`.

    >>> Client("lambda://orders:live")
    Client('lambda://orders:live')
    """

    def __init__(
        self,
        url: str,
        *,
        routes: Registry | App | Mapping[str, Any] | None = None,
        errors: Iterable[type[CqrslessError]] = (),
        token: str | Callable[[], str] | None = None,
        group: Callable[[Command], str] | None = None,
        region: str | None = None,
        timeout: float = 30,
        attempts: int = 4,
        sleep: Callable[[float], None] | None = None,
    ) -> None:
        if attempts < 1 or timeout <= 0:
            raise ValueError(
                f"attempts={attempts!r}, timeout={timeout!r}: a call is made at least once, and takes time"
            )
        self.url = url
        self._attempts = Attempts(attempts) if sleep is None else Attempts(attempts, sleep=sleep)
        self._transport = _transport(url, routes, Failures(errors), token, group, region, timeout)

    def __repr__(self) -> str:
        return f"Client({self.url!r})"

    def execute(
        self,
        command: Command | str,
        payload: Any = None,
        *,
        id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        expected_version: int | None = None,
    ) -> CommandResult:
        """Execute a command, given whole or as name and payload; a keyword beside a whole one replaces its own.

        Through a queue it is only sent, and the result is empty. Through HTTP the events of the result have a name, a
        sequence and a version, and nothing else: payload `None`, the time in the year 1.
        """
        if isinstance(command, str):
            check_command(command, metadata)
            command = Command(command, {} if payload is None else payload, id, metadata or {}, expected_version)
        elif not isinstance(command, Command) or payload is not None:
            raise not_a(Command, "client.execute", command)
        else:
            check_command(command.name, metadata)
            command = Command(*whole(command, (id, metadata, expected_version, None, None)))
        check_expected(command.name, command.expected_version)
        if command.due is not None or command.on_rejected is not None:
            raise MalformedMessage(
                f"{command.name} has due= or on_rejected=, which are for an application's own commands: its handlers "
                "return such commands, and App.execute takes them"
            )
        identity = command.id if command.id is not None else uuid.uuid4().hex
        if not isinstance(identity, str) or not identity:
            raise MalformedMessage(f"the id of {command.name} is {identity!r}: a command's id is a non-empty string")
        sent = Command(
            command.name,
            _in_json(command.payload, f"the payload of {command.name}"),
            identity,
            _in_json(command.metadata, f"the metadata of {command.name}"),
            command.expected_version,
        )
        return self._attempts.make(partial(self._transport.execute, sent))

    def ask(self, query: Query | str, payload: Any = None, *, after: CommandResult | None = None) -> Any:
        """Ask a query, given whole or as name and payload; give what its handler returned.

        With `after`, each view that it reads first comes to hold what that command committed, as for `App.ask`.
        """
        if isinstance(query, str):
            query = Query(query, {} if payload is None else payload)
        elif not isinstance(query, Query) or payload is not None:
            raise not_a(Query, "client.ask", query)
        sent = Query(query.name, _in_json(query.payload, f"the payload of {query.name}"))
        return self._attempts.make(partial(self._transport.ask, sent, after))


def _transport(
    url: str,
    routes: Registry | App | Mapping[str, Any] | None,
    failures: Failures,
    token: str | Callable[[], str] | None,
    group: Callable[[Command], str] | None,
    region: str | None,
    timeout: float,
) -> Transport:
    scheme, separator, rest = url.partition("://")
    if separator and scheme in ("http", "https"):
        return _api(url, routes, failures, token, region, timeout)
    if scheme not in ("lambda", "sqs") or not separator:
        raise AppLoadError(f"no application has the URL {url!r}; the forms are {FORMS}")
    if routes is not None or token is not None:
        raise AppLoadError(f"routes= and token= are for https://, and this is {url!r}")
    name, _, query = rest.partition("?")
    options = dict(parse_qsl(query, keep_blank_values=True))
    unknown = sorted(options.keys() - {"endpoint", "region"})
    if unknown or not name:
        what = f"the option {unknown[0]!r}" if unknown else "no name"
        raise AppLoadError(f"the URL {url!r} has {what}; the forms are {FORMS}")
    parts = name.split(":")
    of_arn = parts[3] if parts[0] == "arn" and len(parts) > 5 else None
    make = partial(
        aws_client,
        scheme,
        region or options.get("region") or of_arn or None,
        endpoint=options.get("endpoint"),
        timeout=timeout,
        attempts=1,  # those of this client count, under the same id
    )
    if scheme == "sqs":
        if name.endswith(".fifo") and group is None:
            raise AppLoadError(
                f"{url!r} is a FIFO queue, which keeps the order of those that belong together: say which do, as in "
                'group=lambda command: command.payload["order_id"]'
            )
        return Queue(name, make, group if name.endswith(".fifo") else None)
    from .functions import Function

    return Function(name, make, failures)


def _api(
    url: str,
    routes: Registry | App | Mapping[str, Any] | None,
    failures: Failures,
    token: str | Callable[[], str] | None,
    region: str | None,
    timeout: float,
) -> Transport:
    from .apis import Api, signer_of
    from .requests import RouteMap

    parts = urlsplit(url)
    if not parts.hostname or parts.query or parts.fragment or parts.username is not None:
        raise AppLoadError(
            f"{url!r} is not the URL of an API: write its host and, if it has one, its stage or base path"
        )
    if parts.scheme == "http" and parts.hostname not in _HERE:
        raise AppLoadError(
            f"{url!r} would send commands unencrypted: write https://; http:// is for this machine alone"
        )
    known = RouteMap(DEFAULT if routes is None else routes)
    if not known:
        raise AppLoadError(
            f"no routes are known of {url!r}: import the application's modules before, or give routes=, as a registry, "
            'as {"CreateOrder": "POST /orders"}, or as what `cqrsless openapi` writes'
        )
    return Api(url, known, signer_of(url, region, token), failures, timeout)


def _in_json(value: Any, what: str) -> Any:
    try:
        return plain(value)
    except SerializationFailed as error:
        raise SerializationFailed(
            f"{what} holds what JSON has no form for, at {error.path or 'its top'}: give it dicts, lists, dataclasses "
            "and plain values",
            path=error.path,
        ) from error
