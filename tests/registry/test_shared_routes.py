"""Two handlers of one route: refused by the second decorator where that is certain, and when the registry freezes."""

from __future__ import annotations

from typing import Any

import pytest

from cqrsless import App, RegistrationError, Registry
from tests.registry.conftest import Programs

GET = '@query_handler("Get", route="GET /orders/{order_id}")\ndef get(query): ...\n'
FIND = '@query_handler("Find", route="GET /orders/{id}/")\ndef find(query): ...\n'
BARE = '@query_handler("Get")\ndef get(query): ...\n@query_handler("Find")\ndef find(query): ...\n'


@pytest.mark.parametrize(
    ("first", "second", "says"),
    [
        (GET, FIND, "query 'Find' has the route 'GET /orders/{id}/', which query 'Get' has too"),
        (FIND, GET, "query 'Get' has the route 'GET /orders/{order_id}', which query 'Find' has too"),
        (
            '@query_handler("Order", route="POST /orders")\ndef get(query): ...\n',
            '@command_handler("Order", route="POST /orders")\ndef order(command): ...\n',
            "command 'Order' has the route 'POST /orders', which query 'Order' has too",
        ),
        (
            '@command_handler("Order", route="POST /orders")\ndef order(command): ...\n',
            '@query_handler("Order", route="POST /orders")\ndef get(query): ...\n',
            "query 'Order' has the route 'POST /orders', which command 'Order' has too",
        ),
    ],
)
def test_the_second_decorator_of_a_route_refuses_it_with_both_places(
    programs: Programs, first: str, second: str, says: str
) -> None:
    path = programs.folder / "shop_app.py"
    with pytest.raises(RegistrationError) as caught:
        programs.run(first + second)
    line = 2 + first.count("\n")
    assert str(caught.value) == f"{path}:{line}: {says} ({path}:2): change one of the two"


def test_a_function_of_two_names_has_a_route_for_each(registry: Registry) -> None:
    def ship(command: Any) -> Any: ...

    registry.command_handler("Ship", route="POST /ship")(ship)
    with pytest.raises(RegistrationError, match="'POST /ship', which command 'Ship' has too"):
        registry.command_handler("Send", route="POST /ship")(ship)
    registry.command_handler("Send", route="POST /send")(ship)


def test_a_refused_route_leaves_everything_as_it_was(registry: Registry) -> None:
    registry.command_handler("Ship", route="POST /ship")(lambda command: "first")
    revision, model = registry.revision, registry.freeze()
    with pytest.raises(RegistrationError):
        registry.command_handler("Send", route="POST /ship")(lambda command: "second")
    assert registry.revision == revision
    assert registry.freeze() is model


def test_a_line_with_a_route_may_run_twice(registry: Registry) -> None:
    for _ in range(2):

        @registry.command_handler("Ship", route="POST /ship")
        def ship(command: Any) -> Any: ...

    assert list(registry.freeze().routes) == ["POST /ship"]


@pytest.mark.parametrize("before", [GET + FIND.replace(' route="GET /orders/{id}/"', ""), BARE])
@pytest.mark.parametrize("turned", [False, True])
def test_a_reload_may_move_a_route_from_one_handler_to_another(programs: Programs, before: str, turned: bool) -> None:
    programs.run(before)
    bare = '@query_handler("Get")\ndef get(query): ...\n'
    programs.reload(bare + FIND if turned else FIND + bare)
    assert programs.registry.freeze().routes.match("GET", "/orders/1").name == "Find"
    other = '@query_handler("Find")\ndef find(query): ...\n'
    programs.reload(GET + other if turned else other + GET)
    assert programs.registry.freeze().routes.match("GET", "/orders/1").name == "Get"


def test_a_reload_may_swap_two_routes(programs: Programs) -> None:
    source = (
        '@query_handler("A", route="GET /{0}")\ndef a(query): ...\n'
        '@query_handler("B", route="GET /{1}")\ndef b(query): ...\n'
    )
    for one, two in (("x", "y"), ("y", "x"), ("x", "y")):
        text = source.replace("{0}", one).replace("{1}", two)
        programs.reload(text) if programs.started else programs.run(text)
        assert programs.registry.freeze().routes.match("GET", f"/{one}").name == "A"


def test_a_reload_that_gives_one_route_to_two_is_refused(programs: Programs) -> None:
    programs.run(GET)
    with pytest.raises(RegistrationError, match="which query 'Get' has too"):
        programs.reload(GET + FIND)


def test_modules_may_swap_their_routes_in_any_order_of_reloads(programs: Programs) -> None:
    programs.run(GET, "shop_get")
    programs.run(FIND.replace("orders", "found"), "shop_find")
    programs.reload(FIND, "shop_find")
    programs.reload(GET.replace("orders", "got"), "shop_get")
    assert programs.registry.freeze().routes.match("GET", "/orders/1").name == "Find"


def test_one_route_in_two_modules_is_refused_by_the_application_with_both_places(programs: Programs) -> None:
    programs.run(GET, "shop_get")
    programs.run(FIND, "shop_find")
    with pytest.raises(RegistrationError) as caught:
        App(store="memory://", registry=programs.registry)
    get, find = programs.folder / "shop_get.py", programs.folder / "shop_find.py"
    says = "query 'Find' has the route 'GET /orders/{id}/', which query 'Get' has too"
    assert str(caught.value) == f"{find}:2: {says} ({get}:2): change one of the two"
