# ruff: noqa: E501 (error texts are quoted as they are printed)

from __future__ import annotations

import functools
import operator
from typing import Any

import pytest

from cqrsless import RegistrationError, Registry
from tests.registry.conftest import Programs


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (
            """
Order = aggregate("Order", id_field="order_id")
@command_handler("CreateOrder", aggregate=Order)  # here
def create_order(command):
    ...
""",
            "command handler 'CreateOrder' (create_order) takes 1 positional parameter, not 2 (command and state): "
            "write 'def create_order(command, state)'",
        ),
        (
            """
@command_handler("Ping")  # here
def ping(command, order):
    ...
""",
            "command handler 'Ping' (ping) takes 2 positional parameters, not 1 (command), and what is injected by name "
            "goes behind a '*': write 'def ping(command, *, order)'",
        ),
        (
            """
@query_handler("GetOrder")  # here
def get_order(query, views):
    ...
""",
            "query handler 'GetOrder' (get_order) takes 2 positional parameters, not 1 (query), and what is injected by "
            "name goes behind a '*': write 'def get_order(query, *, views)'",
        ),
        (
            """
@evolver("Deposited", aggregate="Account")  # here
def deposited(account):
    ...
""",
            "evolver of 'Account' for 'Deposited' (deposited) takes 1 positional parameter, not 2 (state and event): "
            "write 'def deposited(account, event)'",
        ),
        (
            """
@projector("OrderCreated", view="Summary")  # here
def created():
    ...
""",
            "projector of view 'Summary' for 'OrderCreated' (created) takes no positional parameter, not 2 (row and "
            "event): write 'def created(row, event)'",
        ),
        (
            """
@middleware  # here, or at the def
def timed(message):
    ...
""",
            "middleware (timed) takes 1 positional parameter, not 2 (message and call_next): "
            "write 'def timed(message, call_next)'",
        ),
        (
            """
@resource("rates")  # here
def rates(settings):
    ...
""",
            "resource 'rates' (rates) takes 1 positional parameter, not 0, and what is injected by name goes behind a "
            "'*': write 'def rates(*, settings)'",
        ),
        (
            """
@event_handler("OrderShipped")  # here
def tell(event, message, mailer):
    ...
""",
            "event handler of processor 'default' for 'OrderShipped' (tell) takes 3 positional parameters, not 1 (event), "
            "and what is injected by name goes behind a '*': write 'def tell(event, *, message, mailer)'",
        ),
        (
            """
@publisher("OrderShipped", to="sns://shop")  # here
def shipped():
    ...
""",
            "publisher to 'sns://shop' for 'OrderShipped' (shipped) takes no positional parameter, not 1 (event): "
            "write 'def shipped(event)'",
        ),
        (
            """
@upcaster("OrderShipped", from_version=1)  # here
def up(payload, *, message):
    ...
""",
            "upcaster of event 'OrderShipped' from version 1 (up) wants 'message' injected, and gets nothing here: "
            "write 'def up(payload)'",
        ),
        (
            """
@state_upcaster("Order", from_version=1)  # here
def up(state, version):
    ...
""",
            "state upcaster of aggregate 'Order' from version 1 (up) takes 2 positional parameters, not 1 (state), and "
            "what is injected by name goes behind a '*': write 'def up(state, *, version)'",
        ),
        (
            """
@command_handler("Ping")  # here
def ping(*args):
    ...
""",
            "command handler 'Ping' (ping) takes *args, so what it needs cannot be told: name every parameter, as in "
            "'def ping(command)'",
        ),
        (
            """
@command_handler("Ping")  # here
def ping(command, **kwargs):
    ...
""",
            "command handler 'Ping' (ping) takes **kwargs, so what it needs cannot be told: name every parameter, as in "
            "'def ping(command)'",
        ),
        (
            """
@command_handler("Ping")  # here
async def ping(command):
    ...
""",
            "command handler 'Ping' (ping) is async, and nothing here runs an event loop: write a plain 'def', and run "
            "what must be awaited in it with asyncio.run(...)",
        ),
        (
            """
@event_handler("OrderShipped")  # here
async def tell(event):
    yield event
""",
            "event handler of processor 'default' for 'OrderShipped' (tell) is async, and nothing here runs an event loop: "
            "write a plain 'def', and run what must be awaited in it with asyncio.run(...)",
        ),
        (
            """
@query_handler("ListOrders")  # here
def list_orders(query):
    yield query
""",
            "query handler 'ListOrders' (list_orders) is a generator, so it returns no value: write 'return' in place of "
            "'yield'",
        ),
        (
            """
Order = aggregate("Order", id_field="order_id")
@command_handler("CreateOrder", aggregate=Order)  # here
def create_order(command, order):
    yield command
""",
            "command handler 'CreateOrder' (create_order) is a generator, so it returns no value: write 'return' in place "
            "of 'yield'",
        ),
        (
            """
class Orders:
    @command_handler("CreateOrder", aggregate="Order")  # here
    def create(self, command):
        ...
""",
            "command handler 'CreateOrder' (Orders.create) is a method, and nothing gives it its 'self': make it a "
            "function, or register the bound method of an object",
        ),
        (
            """
class Orders:
    @command_handler("CreateOrder")  # here
    @classmethod
    def create(cls, command):
        ...
""",
            None,
        ),
        (
            """
async def owner(message):
    return message.actor == "me"

@command_handler("Ping", allow=owner)  # here
def ping(command):
    ...
""",
            "allow of command handler 'Ping' (owner) is async, and nothing here runs an event loop: write a plain 'def', "
            "and run what must be awaited in it with asyncio.run(...)",
        ),
        (
            """
def owner(message):
    yield message.actor == "me"

@command_handler("Ping", allow=owner)  # here
def ping(command):
    ...
""",
            "allow of command handler 'Ping' (owner) is a generator, so it returns no value: write 'return' in place of "
            "'yield'",
        ),
        (
            """
@query_handler("Ping", allow=True)  # here
def ping(query):
    ...
""",
            "allow of query handler 'Ping' is True, which is no function",
        ),
        (
            """
aggregate("Order", id_field="order_id", new_id=lambda: "o-1")  # here
""",
            "new_id of aggregate 'Order' (<lambda>) takes no positional parameter, not 1 (message): "
            "write 'def handle(message)'",
        ),
        (
            """
projector("OrderCreated", view="Summary", key=lambda event: event["id"])  # here
""",
            "key of projector of view 'Summary' for 'OrderCreated' (<lambda>) takes 1 positional parameter, not 2 (event "
            "and message): write 'def handle(event, message)'",
        ),
        (
            """
@command_handler("Ping", middleware=[lambda *messages: None])  # here
def ping(command):
    ...
""",
            "middleware of command handler 'Ping' (<lambda>) takes *args, so what it needs cannot be told: name every "
            "parameter, as in 'def handle(message, call_next)'",
        ),
        (
            """
@command_handler("Ping", middleware=print)  # here
def ping(command):
    ...
""",
            "middleware of command handler 'Ping' is <built-in function print>: write it as a list, 'middleware=[...]'",
        ),
    ],
)
def test_a_function_of_the_wrong_shape_is_refused_where_it_stands(
    programs: Programs, source: str, says: str | None
) -> None:
    said = programs.mistake(source)
    if says is None:
        assert "which is no function" in said
    else:
        assert said == says


def test_the_mistake_in_a_stack_of_decorators_is_where_ours_stands(programs: Programs) -> None:
    source = """
def plain(fn):
    return fn

@plain
@command_handler(  # here
    "Ping",
)
@plain
def ping():
    ...
"""
    assert programs.mistake(source).startswith("command handler 'Ping' (ping) takes no positional parameter")


def test_a_mistake_behind_a_decorator_of_ones_own_is_where_that_stands(programs: Programs) -> None:
    programs.run(
        """
def api_command(name):
    return command_handler(name, route="POST /" + name)
""",
        "shop_conventions",
    )
    source = """
from shop_conventions import api_command

@api_command("ping")  # here, or at the def
def ping(command, order):
    ...
"""
    assert programs.mistake(source).startswith("command handler 'ping' (ping) takes 2 positional parameters")


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
