"""Which command or query a method and a path stand for, and which path reads an aggregate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, Literal, NamedTuple, Protocol, TypeAlias
from urllib.parse import quote, unquote

from .errors import MalformedMessage, MethodNotAllowed, RegistrationError, UnknownMessage

__all__ = ["Match", "Route", "Routes", "parse_route", "shared_route"]

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
PARAMETER: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-")
#: A path longer than this is cut in error texts, and nothing similar is searched for.
SHOWN: Final = 200
#: More segments than any route has, so that a path made of a million slashes costs nothing.
DEEPEST: Final = 64


Kind: TypeAlias = Literal["command", "query"]


class Match(NamedTuple):
    """What a request is for; `params` are the values in its path, decoded."""

    kind: Kind
    name: str
    params: dict[str, str]


class Route(NamedTuple):
    """A parsed route. A segment is a literal, or the name of a parameter in braces.

    >>> parse_route("POST /orders/{order_id}/ship").parameters
    ('order_id',)
    """

    method: str
    segments: tuple[str, ...]

    @property
    def path(self) -> str:
        return "/" + "/".join(self.segments)

    @property
    def parameters(self) -> tuple[str, ...]:
        return tuple(segment[1:-1] for segment in self.segments if segment[0] == "{")

    @property
    def shape(self) -> tuple[str, ...]:
        """What two routes have in common that no request can tell apart."""
        return (self.method, *("{}" if segment[0] == "{" else segment for segment in self.segments))


class Routed(Protocol):
    """What is read of a command or query record."""

    @property
    def name(self) -> str: ...
    @property
    def route(self) -> str | None: ...
    @property
    def place(self) -> object: ...


def parse_route(text: str) -> Route:
    """Take a route apart, or raise `ValueError` with what is wrong and what to write.

    >>> parse_route("post orders")
    Traceback (most recent call last):
    ...
    ValueError: the route 'post orders' is not a method and a path: write 'POST /orders'
    """
    words = text.split() if isinstance(text, str) else []
    if len(words) != 2 or words[0] not in METHODS or not words[1].startswith("/"):
        raise ValueError(f"the route {text!r} is not a method and a path: write {_suggestion(words)!r}")
    method, path = words
    if path == "/":
        return Route(method, ())
    segments = tuple(path[1:].removesuffix("/").split("/"))
    if len(segments) > DEEPEST:
        raise ValueError(f"the route {text[:SHOWN]!r} has {len(segments)} segments: {DEEPEST} are the most")
    for segment in segments:
        _check_segment(text, segment)
    route = Route(method, segments)
    repeated = [name for name in route.parameters if route.parameters.count(name) > 1]
    if repeated:
        raise ValueError(
            f"the route {text!r} has the parameter {{{repeated[0]}}} twice: give each one a name of its own"
        )
    return route


def shared_route(label: str, record: Routed, other_label: str, other: Routed) -> RegistrationError:
    """Make the error for a route that two handlers have."""
    return RegistrationError(
        f"{record.place}: {label} has the route {record.route!r}, which {other_label} has too ({other.place}): "
        "change one of the two"
    )


def _suggestion(words: list[str]) -> str:
    method = next((word.upper() for word in words if word.upper() in METHODS), "POST")
    path = next((word for word in words if word.upper() not in METHODS), "orders/{order_id}")
    suggestion = f"{method} /{path.lstrip('/')}"
    try:
        parse_route(suggestion)
    except ValueError:
        return f"{method} /orders/{{order_id}}"  # the path is wrong, too: that is said once the rest is right
    return suggestion


def _check_segment(route: str, segment: str) -> None:
    if not segment or segment in (".", ".."):
        raise ValueError(f"the route {route!r} has the segment {segment!r}, which no request can have: leave it out")
    name = segment[1:-1]
    if segment == f"{{{name}}}" and name and name[0] not in "0123456789.-" and PARAMETER.issuperset(name):
        return
    if "{" in segment or "}" in segment:
        raise ValueError(
            f"the route {route!r} has the segment {segment!r}; a parameter is a whole segment with a plain name, "
            "as in '/orders/{order_id}'"
        )
    if any(sign in segment for sign in "?#%"):
        raise ValueError(
            f"the route {route!r} has the segment {segment!r}; a route is a path alone, written decoded, "
            "without '?', '#' and '%' (query parameters reach the payload by themselves)"
        )
    if not segment.isprintable():
        raise ValueError(f"the route {route!r} has a control character in the segment {segment!r}")


class _Node:
    """One segment's place in the tree of a method's routes."""

    __slots__ = ("literals", "parameter", "target")

    def __init__(self) -> None:
        self.literals: dict[str, _Node] = {}
        self.parameter: _Node | None = None
        self.target: _Target | None = None


class _Target(NamedTuple):
    kind: Kind
    name: str
    parameters: tuple[str, ...]


class Routes:
    """The routes of an application.

    A literal segment wins over a parameter. A trailing slash makes no difference. Paths are taken as they were sent,
    percent-encoded: they are decoded here, once, segment by segment, so an encoded slash stays inside its value.

    >>> from cqrsless.registry import QueryRecord
    >>> routes = Routes((), [QueryRecord("GetOrder", print, route="GET /orders/{order_id}")])
    >>> routes.match("GET", "/orders/o%2F1")
    Match(kind='query', name='GetOrder', params={'order_id': 'o/1'})
    >>> routes.location(("order_id",), ("o/1",))
    '/orders/o%2F1'
    """

    __slots__ = ("_readers", "_shown", "_static", "_trees")

    def __init__(self, commands: Iterable[Routed] = (), queries: Iterable[Routed] = ()) -> None:
        self._static: dict[str, dict[str, _Target]] = {}
        self._trees: dict[str, _Node] = {}
        self._shown: list[str] = []
        self._readers: dict[frozenset[str], list[Route]] = {}
        taken: dict[tuple[str, ...], tuple[str, Routed]] = {}
        for command in commands:
            self._add("command", command, taken)
        for query in queries:
            self._add("query", query, taken)
        for readers in self._readers.values():
            readers.sort(key=lambda route: (len(route.segments), len(route.path), route.path))

    def match(self, method: str, path: str) -> Match:
        """Find what handles a request, or raise `UnknownMessage`: `MethodNotAllowed` where another method would do.

        A path that is not UTF-8 is a `MalformedMessage`.
        """
        static = self._static.get(method)
        if static is not None:
            target = static.get(path)
            if target is not None:
                return Match(target.kind, target.name, {})
            values: list[str] = []
            target = _find(self._trees[method], _decoded(path), 0, values)
            if target is not None:
                return Match(target.kind, target.name, dict(zip(target.parameters, values, strict=True)))
        raise self._complaint(method, path)

    def methods(self, path: str) -> tuple[str, ...]:
        """Give the methods that a path takes; none if it is no route at all."""
        segments = _decoded(path)
        return tuple(sorted(method for method, tree in self._trees.items() if _find(tree, segments, 0, []) is not None))

    def location(self, id_fields: tuple[str, ...], values: tuple[str, ...], near: str | None = None) -> str | None:
        """Give the path of a query that reads what has this id, if there is one.

        That is a GET route with just the id's fields as parameters, that ends in one of them: `/members/{id}/loans`
        reads something else. The shortest wins; with `near`, the route of the
        command that created it, one below that route wins, and several elsewhere are none: two aggregates may call
        their id the same.
        """
        readers = self._readers.get(frozenset(id_fields), [])
        if near is not None and len(readers) > 1:
            above = parse_route(near).segments
            readers = [reader for reader in readers if reader.segments[: len(above)] == above]
        if not readers or any(value in ("", ".", "..") for value in values):
            return None  # a client makes another path of a segment of dots
        by_name = dict(zip(id_fields, values, strict=True))
        return "/" + "/".join(
            quote(by_name[segment[1:-1]] if segment[0] == "{" else segment, safe="") for segment in readers[0].segments
        )

    def __iter__(self) -> Iterator[str]:
        """Give the routes as they were written, sorted."""
        return iter(sorted(self._shown))

    def __len__(self) -> int:
        return len(self._shown)

    def _add(
        self, kind: Literal["command", "query"], record: Routed, taken: dict[tuple[str, ...], tuple[str, Routed]]
    ) -> None:
        if record.route is None:
            return
        route = parse_route(record.route)
        label = f"{kind} {record.name!r}"
        other_label, other = taken.setdefault(route.shape, (label, record))
        if other is not record:
            raise shared_route(label, record, other_label, other)
        target = _Target(kind, record.name, route.parameters)
        static = self._static.setdefault(route.method, {})
        if not route.parameters:
            static[route.path] = target
            if route.segments:
                static[route.path + "/"] = target
        node = self._trees.setdefault(route.method, _Node())
        for segment in route.segments:
            if segment[0] == "{":
                node.parameter = node.parameter or _Node()
                node = node.parameter
            else:
                node = node.literals.setdefault(segment, _Node())
        node.target = target
        self._shown.append(f"{route.method} {route.path}")
        if kind == "query" and route.method == "GET" and route.segments and route.segments[-1][0] == "{":
            self._readers.setdefault(frozenset(route.parameters), []).append(route)

    def _complaint(self, method: str, path: str) -> UnknownMessage:
        text = f"no handler for {_shown(method)} {_shown(path)}"
        methods = self.methods(path)
        if methods:
            return MethodNotAllowed(f"{text}; this path takes: {', '.join(methods)}", methods=methods)
        if len(path) <= SHOWN:
            from difflib import get_close_matches

            near = get_close_matches(path, [shown.partition(" ")[2] for shown in self], n=1)
            if near:
                similar = [shown for shown in self if shown.partition(" ")[2] in near]
                return UnknownMessage(f"{text}; similar routes: {', '.join(similar)}")
        return UnknownMessage(text)


def _shown(text: str) -> str:
    text = text if len(text) <= SHOWN else text[:SHOWN] + "..."
    return text if text.isprintable() else repr(text)


def _decoded(path: str) -> list[str]:
    """Split a path into its segments and decode them."""
    if path in ("/", ""):
        return []
    if path[0] != "/" or path.count("/") > DEEPEST + 1:
        return [""]  # an empty segment matches nothing
    segments = path[1:].removesuffix("/").split("/")
    if "%" in path:
        try:
            segments = [unquote(segment, errors="strict") if "%" in segment else segment for segment in segments]
        except UnicodeDecodeError:
            raise MalformedMessage(f"the path {_shown(path)} is not UTF-8 once it is percent-decoded") from None
    return segments


def _find(node: _Node, segments: list[str], at: int, values: list[str]) -> _Target | None:
    """Walk down the tree, a literal before a parameter, and leave the parameters' values in `values`.

    It goes no deeper than the longest route, and visits no node twice.
    """
    if at == len(segments):
        return node.target
    segment = segments[at]
    below = node.literals.get(segment)
    if below is not None:
        found = _find(below, segments, at + 1, values)
        if found is not None:
            return found
    if node.parameter is not None and segment:
        values.append(segment)
        found = _find(node.parameter, segments, at + 1, values)
        if found is not None:
            return found
        values.pop()
    return None
