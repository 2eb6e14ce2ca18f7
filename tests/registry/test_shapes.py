from __future__ import annotations

import functools
import operator
from typing import Any

import pytest

from cqrsless import RegistrationError, Registry


def test_keyword_only_parameters_are_what_is_injected(registry: Registry) -> None:
    @registry.command_handler("Ping")
    def ping(command: Any, *, message: Any, clock: Any = None) -> None: ...

    registry.freeze()
    (record,) = registry._shelves.commands.records()
    assert record.inject == ("message", "clock")
    assert record.optional == {"clock"}


def test_positional_parameters_may_have_defaults_so_that_tests_may_leave_them_out(registry: Registry) -> None:
    @registry.command_handler("Ping", aggregate=registry.aggregate("Order", id_field="id"))
    def ping(command: Any, state: Any = None, /) -> None: ...

    assert registry.freeze().commands["Ping"].fn is ping


def test_a_generator_may_decide_on_an_event_sourced_aggregate(registry: Registry) -> None:
    Account = registry.aggregate("Account", id_field="id", event_sourced=True)

    @registry.command_handler("Deposit", aggregate=Account)
    def deposit(command: Any, account: Any) -> Any:
        yield command

    assert registry.freeze().commands["Deposit"].fn is deposit


def test_a_generator_may_react_to_an_event(registry: Registry) -> None:
    @registry.event_handler("OrderShipped")
    def tell(event: Any) -> Any:
        yield event

    assert registry.freeze().event_handlers[0].fn is tell


class Orders:
    def create(self, command: Any, order: Any, *, message: Any) -> str:
        return f"created {command}"

    @staticmethod
    def look(query: Any, *, views: Any) -> str:
        return f"seen {query}"

    def __call__(self, command: Any) -> str:
        return f"called {command}"


def test_a_bound_method_is_taken_without_its_self(registry: Registry) -> None:
    registry.aggregate("Order", id_field="id")
    method = Orders().create
    assert registry.command_handler("CreateOrder", aggregate="Order")(method) is method
    record = registry.freeze().commands["CreateOrder"]
    assert record.inject == ("message",)
    assert record.fn("c", None, message=None) == "created c"


def test_a_static_method_is_taken_from_within_and_from_without_its_class(registry: Registry) -> None:
    class Within:
        @registry.query_handler("Above")
        @staticmethod
        def above(query: Any, *, views: Any) -> str:
            return "above"

        @staticmethod
        @registry.query_handler("Below")
        def below(query: Any, *, views: Any) -> str:
            return "below"

    registry.query_handler("Outside")(Orders.look)
    queries = registry.freeze().queries
    assert Within.above({}, views=None) == queries["Above"].fn({}, views=None) == "above"
    assert Within.below({}, views=None) == queries["Below"].fn({}, views=None) == "below"
    assert queries["Outside"].fn("q", views=None) == "seen q"
    assert queries["Above"].inject == queries["Outside"].inject == ("views",)


def test_an_object_that_is_called_is_taken_without_its_self(registry: Registry) -> None:
    orders = Orders()
    assert registry.command_handler("Call")(orders) is orders
    assert registry.freeze().commands["Call"].fn("c") == "called c"


def test_what_a_partial_binds_is_not_injected(registry: Registry) -> None:
    def convert(query: Any, *, rates: Any, message: Any) -> Any:
        return rates

    registry.query_handler("Convert")(functools.partial(convert, rates={"EUR": 1}))
    registry.resource("rates")(lambda: {"EUR": 2})
    record = registry.freeze().queries["Convert"]
    assert record.inject == ("message",)
    assert record.fn({}, message=None) == {"EUR": 1}


def test_a_wrapper_is_as_what_it_wraps(registry: Registry) -> None:
    def audited(fn: Any) -> Any:
        @functools.wraps(fn)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            return fn(*args, **kwargs)

        return wrapper

    @registry.query_handler("GetOrder")
    @audited
    def get_order(query: Any, *, views: Any) -> None: ...

    assert registry.freeze().queries["GetOrder"].inject == ("views",)
    with pytest.raises(RegistrationError, match="takes no positional parameter, not 1"):

        @registry.query_handler("GetNothing")
        @audited
        def get_nothing() -> None: ...


def test_a_plain_wrapper_around_an_async_function_is_no_async_function(registry: Registry) -> None:
    async def fetch(query: Any) -> int:
        return 1

    @functools.wraps(fetch)
    def run(query: Any) -> int:
        coroutine = fetch(query)
        try:
            coroutine.send(None)
        except StopIteration as done:
            return int(done.value)
        raise AssertionError

    registry.query_handler("Fetch")(run)
    assert registry.freeze().queries["Fetch"].fn({}) == 1


def test_an_async_method_partial_or_callable_is_refused_too(registry: Registry) -> None:
    class Remote:
        async def ask(self, query: Any) -> None: ...

        async def __call__(self, query: Any) -> None: ...

    for fn in (Remote().ask, Remote(), functools.partial(Remote().ask)):
        with pytest.raises(RegistrationError, match="is async"):
            registry.query_handler("Ask")(fn)


def test_a_class_and_a_function_in_c_may_make_a_resource(registry: Registry) -> None:
    class Clock:
        def __init__(self, *, zone: str = "UTC") -> None:
            self.zone = zone

    registry.resource("clock")(Clock)
    registry.resource("counts")(dict)
    assert registry.freeze().resources["clock"].fn().zone == "UTC"
    assert registry.freeze().resources["counts"].fn() == {}


def test_a_getter_may_say_who_is_allowed(registry: Registry) -> None:
    registry.query_handler("Ping", allow=operator.attrgetter("actor"))(lambda query: "pong")
    assert registry.freeze().queries["Ping"].allow is not None
