# ruff: noqa: E501 (error texts are quoted as they are printed)

from __future__ import annotations

import pytest

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
