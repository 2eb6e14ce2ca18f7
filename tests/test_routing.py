from __future__ import annotations

from typing import Any
from urllib.parse import quote, unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cqrsless import MalformedMessage, MethodNotAllowed, RegistrationError, UnknownMessage
from cqrsless.registry import CommandRecord, Place, QueryRecord
from cqrsless.routing import Match, Routes, parse_route


def routes(*texts: str) -> Routes:
    """Make routes that handle themselves: POST and the like are commands, GET are queries."""
    commands = [CommandRecord(text, print, route=text) for text in texts if not text.startswith("GET")]
    queries = [QueryRecord(text, print, route=text) for text in texts if text.startswith("GET")]
    return Routes(commands, queries)


SHOP = routes(
    "POST /orders",
    "GET /orders",
    "GET /orders/{order_id}",
    "GET /orders/newest",
    "GET /orders/newest/lines",
    "POST /orders/{order_id}/ship",
    "GET /customers/{customer_id}/orders/{order_id}",
    "GET /customers/new/orders/{order}",
    "GET /",
    "PUT /größe/{g}",
)


@pytest.mark.parametrize(
    ("method", "path", "name", "params"),
    [
        ("POST", "/orders", "POST /orders", {}),
        ("GET", "/orders", "GET /orders", {}),
        ("GET", "/orders/", "GET /orders", {}),
        ("GET", "/", "GET /", {}),
        ("GET", "", "GET /", {}),
        ("GET", "/orders/o-1", "GET /orders/{order_id}", {"order_id": "o-1"}),
        ("GET", "/orders/o-1/", "GET /orders/{order_id}", {"order_id": "o-1"}),
        ("GET", "/orders/newest", "GET /orders/newest", {}),
        ("GET", "/orders/newest/lines", "GET /orders/newest/lines", {}),
        ("POST", "/orders/newest/ship", "POST /orders/{order_id}/ship", {"order_id": "newest"}),
        (
            "GET",
            "/customers/c%2F1/orders/o%201",
            "GET /customers/{customer_id}/orders/{order_id}",
            {"customer_id": "c/1", "order_id": "o 1"},
        ),
        ("GET", "/customers/new/orders/7", "GET /customers/new/orders/{order}", {"order": "7"}),
        ("GET", "/orders/a%2Fship", "GET /orders/{order_id}", {"order_id": "a/ship"}),
        ("GET", "/%6Frders", "GET /orders", {}),
        ("GET", "/orders/a+b", "GET /orders/{order_id}", {"order_id": "a+b"}),
        ("GET", "/orders/%zz", "GET /orders/{order_id}", {"order_id": "%zz"}),
        ("GET", "/orders/%252F", "GET /orders/{order_id}", {"order_id": "%2F"}),
        ("GET", "/orders/..", "GET /orders/{order_id}", {"order_id": ".."}),
        ("PUT", "/größe/1", "PUT /größe/{g}", {"g": "1"}),
        ("PUT", "/gr%C3%B6%C3%9Fe/%F0%9F%92%A9", "PUT /größe/{g}", {"g": "💩"}),
    ],
)
def test_a_path_finds_its_handler(method: str, path: str, name: str, params: dict[str, str]) -> None:
    match = SHOP.match(method, path)
    assert match == Match("query" if method == "GET" else "command", name, params)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "//"),
        ("GET", "/orders//"),
        ("GET", "//orders"),
        ("GET", "orders"),
        ("GET", "/orders/a/b"),
        ("POST", "/orders//ship"),
        ("POST", "/orders/ship"),
        ("GET", "/Orders"),
        ("get", "/orders"),
        ("", "/orders"),
        ("GET", "/orders%2Fo-1"),
        ("GET", "/customers//orders/1"),
        ("GET", "/" + "a/" * 1000),
        ("GET", "/" * 1_000_000),
        ("GET", "*"),
    ],
)
def test_anything_else_is_unknown(method: str, path: str) -> None:
    with pytest.raises(UnknownMessage) as caught:
        SHOP.match(method, path)
    assert len(str(caught.value)) < 1000


def test_a_literal_that_leads_nowhere_gives_way_to_a_parameter() -> None:
    found = routes("GET /a/b/c/x", "GET /a/{p}/c/y", "GET /{q}/b/{r}/z")
    assert found.match("GET", "/a/b/c/x").params == {}
    assert found.match("GET", "/a/b/c/y").params == {"p": "b"}
    assert found.match("GET", "/a/b/c/z").params == {"q": "a", "r": "c"}
    with pytest.raises(UnknownMessage):
        found.match("GET", "/a/b/c/w")


@pytest.mark.parametrize(
    ("method", "path", "says"),
    [
        ("DELETE", "/orders", "no handler for DELETE /orders; this path takes: GET, POST"),
        ("DELETE", "/orders/o-1/ship", "no handler for DELETE /orders/o-1/ship; this path takes: POST"),
        (
            "GET",
            "/order",
            "no handler for GET /order; similar routes: GET /orders, POST /orders",
        ),
        ("GET", "/zzzzzzzzzzzzzz", "no handler for GET /zzzzzzzzzzzzzz"),
        ("GET", "/zz\nzz", "no handler for GET '/zz\\nzz'"),
        ("GET", "/" + "x" * 500, "no handler for GET /" + "x" * 199 + "..."),
    ],
)
def test_an_unknown_route_says_what_there_is(method: str, path: str, says: str) -> None:
    with pytest.raises(UnknownMessage) as caught:
        SHOP.match(method, path)
    assert str(caught.value) == says
    methods = caught.value.methods if isinstance(caught.value, MethodNotAllowed) else ()
    assert methods == SHOP.methods(path)


def test_the_methods_of_a_path_make_an_allow_header() -> None:
    assert SHOP.methods("/orders/") == ("GET", "POST")
    assert SHOP.methods("/orders/o-1") == ("GET",)
    assert SHOP.methods("/nothing/at/all") == ()


def test_a_path_that_is_not_utf8_is_malformed() -> None:
    for ask in (lambda path: SHOP.match("GET", path), SHOP.methods):
        with pytest.raises(MalformedMessage, match=r"the path /orders/%FF is not UTF-8 once it is percent-decoded"):
            ask("/orders/%FF")


def test_no_routes_match_nothing() -> None:
    with pytest.raises(UnknownMessage, match=r"^no handler for GET /$"):
        routes().match("GET", "/")
    assert routes().methods("/") == ()
    assert routes().location(("id",), ("1",)) is None


def test_routes_are_listed_as_they_are_matched() -> None:
    assert list(routes("POST /orders/", "GET /orders/{id}")) == ["GET /orders/{id}", "POST /orders"]
    assert len(SHOP) == 10


def test_two_handlers_of_one_route_are_refused_with_both_places() -> None:
    one = QueryRecord("One", print, route="GET /orders/{id}", place=Place("/shop/a.py", 1))
    two = QueryRecord("Two", print, route="GET /orders/{order_id}/", place=Place("/shop/b.py", 2))
    with pytest.raises(RegistrationError) as caught:
        Routes([], [one, two])
    assert str(caught.value) == (
        "/shop/b.py:2: query 'Two' has the route 'GET /orders/{order_id}/', which query 'One' has too (/shop/a.py:1): "
        "change one of the two"
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("/orders", "the route '/orders' is not a method and a path: write 'POST /orders'"),
        ("GET", "the route 'GET' is not a method and a path: write 'GET /orders/{order_id}'"),
        ("get /orders", "the route 'get /orders' is not a method and a path: write 'GET /orders'"),
        ("GET orders", "the route 'GET orders' is not a method and a path: write 'GET /orders'"),
        ("FETCH /orders", "the route 'FETCH /orders' is not a method and a path: write 'POST /FETCH'"),
        ("GET /a /b", "the route 'GET /a /b' is not a method and a path: write 'GET /a'"),
        ("put /a/{id", "the route 'put /a/{id' is not a method and a path: write 'PUT /orders/{order_id}'"),
        ("", "the route '' is not a method and a path: write 'POST /orders/{order_id}'"),
        (7, "the route 7 is not a method and a path"),
        ("GET //", "the route 'GET //' has the segment '', which no request can have: leave it out"),
        ("GET /a//b", "the route 'GET /a//b' has the segment '', which no request can have: leave it out"),
        ("GET /a/../b", "the route 'GET /a/../b' has the segment '..', which no request can have: leave it out"),
        ("GET /a{id}", "the route 'GET /a{id}' has the segment 'a{id}'; a parameter is a whole segment"),
        ("GET /{}", "the route 'GET /{}' has the segment '{}'; a parameter is a whole segment"),
        ("GET /{a b}", "the route 'GET /{a b}' is not a method and a path"),
        ("GET /{1a}", "the route 'GET /{1a}' has the segment '{1a}'; a parameter is a whole segment"),
        ("GET /{proxy+}", "the route 'GET /{proxy+}' has the segment '{proxy+}'; a parameter is a whole segment"),
        ("GET /<id>/{id", "the route 'GET /<id>/{id' has the segment '{id'; a parameter is a whole segment"),
        ("GET /a?b=1", "the route 'GET /a?b=1' has the segment 'a?b=1'; a route is a path alone"),
        ("GET /a%20b", "the route 'GET /a%20b' has the segment 'a%20b'; a route is a path alone, written decoded"),
        ("GET /a\x00", "the route 'GET /a\\x00' has a control character in the segment 'a\\x00'"),
        ("GET /{a}/{a}", "the route 'GET /{a}/{a}' has the parameter {a} twice: give each one a name of its own"),
        ("GET " + "/a" * 65, "has 65 segments: 64 are the most"),
    ],
)
def test_what_is_no_route_is_refused(text: Any, says: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_route(text)
    assert says in str(caught.value)


class TestLocation:
    def test_it_is_the_path_that_reads_what_was_created(self) -> None:
        assert SHOP.location(("order_id",), ("o-1",)) == "/orders/o-1"
        assert SHOP.location(("customer_id", "order_id"), ("c/1", "o 1")) == "/customers/c%2F1/orders/o%201"
        assert SHOP.location(("order_id", "customer_id"), ("o", "c")) == "/customers/c/orders/o"

    def test_there_is_none_without_such_a_query(self) -> None:
        assert SHOP.location(("customer_id",), ("c-1",)) is None
        assert SHOP.location((), ()) is None
        assert routes("POST /orders/{id}").location(("id",), ("1",)) is None
        query = QueryRecord("Find", print, route="POST /orders/{id}")
        assert Routes([], [query]).location(("id",), ("1",)) is None

    def test_what_belongs_to_it_is_not_where_it_is(self) -> None:
        found = routes("GET /members/{id}/loans", "GET /")
        assert found.location(("id",), ("1",), near="POST /members") is None
        assert found.location((), ()) is None

    def test_an_id_that_no_path_can_hold_has_none(self) -> None:
        for value in ("", ".", ".."):
            assert SHOP.location(("order_id",), (value,)) is None

    def test_the_shortest_route_wins(self) -> None:
        found = routes("GET /shop/orders/{id}", "GET /o/{id}", "GET /a/b/{id}/c")
        assert found.location(("id",), ("1",)) == "/o/1"

    def test_the_route_below_that_of_the_command_wins(self) -> None:
        found = routes("GET /orders/{id}", "GET /customers/{id}", "GET /customers/{id}/summary")
        assert found.location(("id",), ("1",), near="POST /customers") == "/customers/1"
        assert found.location(("id",), ("1",), near="POST /customers/") == "/customers/1"

    def test_a_guess_between_two_aggregates_is_not_made(self) -> None:
        found = routes("GET /orders/{id}", "GET /customers/{id}")
        assert found.location(("id",), ("1",), near="POST /sign-up") is None
        assert routes("GET /orders/{id}").location(("id",), ("1",), near="POST /checkout") == "/orders/1"

    @given(st.text(min_size=1).filter(lambda value: value not in (".", "..")))
    def test_it_leads_back_to_its_values(self, value: str) -> None:
        location = SHOP.location(("order_id",), (value,))
        assert location is not None
        match = SHOP.match("GET", location)
        if value not in ("newest", "newest/lines"):
            assert match == Match("query", "GET /orders/{order_id}", {"order_id": value})


SEGMENT = st.sampled_from(["a", "b", "c", "{p}"])
TEMPLATE = st.lists(SEGMENT, max_size=4).map(
    lambda segments: "/" + "/".join(f"{{p{i}}}" if s == "{p}" else s for i, s in enumerate(segments))
)
REQUEST = st.lists(st.sampled_from(["a", "b", "c", "d", "%61", "", "a/"]), max_size=5).map(lambda s: "/" + "/".join(s))


def slow_match(templates: list[str], path: str) -> tuple[str, dict[str, str]] | None:
    """Try every template, those with a literal at the first difference before the others."""
    trimmed = path.removesuffix("/") if path != "/" else path
    segments = [] if trimmed in ("/", "") else trimmed[1:].split("/")
    if path == "//":
        segments = [""]
    for template in sorted(templates, key=lambda text: [part.startswith("{") for part in text.split("/")]):
        parts = [] if template == "/" else template[1:].split("/")
        params: dict[str, str] = {}
        if len(parts) != len(segments):
            continue
        for part, segment in zip(parts, segments, strict=True):
            if part.startswith("{"):
                if not segment:
                    break
                params[part[1:-1]] = unquote(segment)
            elif part != unquote(segment):
                break
        else:
            return template, params
    return None


@settings(max_examples=300)
@given(st.lists(TEMPLATE, unique=True, max_size=8), REQUEST)
def test_the_tree_finds_what_a_search_through_all_routes_finds(templates: list[str], path: str) -> None:
    found = routes(*(f"GET {template}" for template in templates))
    expected = slow_match(templates, path)
    if expected is None:
        with pytest.raises(UnknownMessage):
            found.match("GET", path)
        assert found.methods(path) == ()
    else:
        template, params = expected
        assert found.match("GET", path) == Match("query", f"GET {template}", params)
        assert found.methods(path) == ("GET",)


@given(st.text(st.characters(exclude_categories=())), st.text(st.characters(exclude_categories=())))
def test_no_path_and_no_method_raises_anything_else(method: str, path: str) -> None:
    for asked in (path, f"/{path}", quote(path, errors="replace")):
        try:
            SHOP.match(method, asked)
        except (UnknownMessage, MalformedMessage) as error:
            str(error).encode()  # a log line and a body can hold it
