# ruff: noqa: E501 (error texts are quoted as they are printed)

from __future__ import annotations

import pytest

from tests.registry.conftest import Programs

ORDER = 'Order = aggregate("Order", id_field="order_id")'
ACCOUNT = 'Account = aggregate("Account", id_field="account_id", event_sourced=True)'


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (
            f"""
{ORDER}
@command_handler("Ship", aggregate="Ordr")  # here
def ship(command, order): ...
""",
            "command handler 'Ship' is of the aggregate 'Ordr', which registry 'shop' does not have; did you mean 'Order'?",
        ),
        (
            """
@command_handler("Ship", aggregate="Order")  # here
def ship(command, order): ...
""",
            "command handler 'Ship' is of the aggregate 'Order', which registry 'shop' does not have; "
            'write aggregate("Order", id_field=...)',
        ),
        (
            """
@resource("mailer")
def make(): ...
@command_handler("Ship")  # here
def ship(command, *, mailr): ...
""",
            "command handler 'Ship' wants 'mailr' injected, which nothing provides; did you mean 'mailer'?",
        ),
        (
            """
@query_handler("Get")  # here
def get(query, *, view): ...
""",
            "query handler 'Get' wants 'view' injected, which nothing provides; did you mean 'views'?",
        ),
        (
            f"""
{ORDER}
@command_handler("Ship", aggregate=Order)  # here
def ship(command, order, *, views): ...
""",
            "command handler 'Ship' wants 'views' injected; views are read in query handlers, event handlers and handlers of "
            "commands without an aggregate only: leave it out",
        ),
        (
            """
@middleware  # here, or at the def
def timed(message, call_next, *, views=None): ...
""",
            "middleware wants 'views' injected; views are read in query handlers, event handlers and handlers of commands "
            "without an aggregate only: leave it out",
        ),
        (
            """
@resource("clock")  # here
def clock(*, message): ...
""",
            "resource 'clock' wants 'message' injected; there is no message here, or it is the first parameter already: "
            "leave it out",
        ),
        (
            """
def timed(message, call_next, *, clock): ...
@command_handler("Ship", middleware=[timed])  # here
def ship(command): ...
""",
            "middleware of command handler 'Ship' wants 'clock' injected, which nothing provides; "
            'write @resource("clock") above a function that makes it, or App(resources={"clock": ...})',
        ),
        (
            f"""
{ACCOUNT}
@resource("rates")
def rates(): ...
@evolver("Deposited", aggregate=Account)  # here
def deposited(account, event, *, rates): ...
""",
            "evolver for 'Deposited' wants 'rates' injected; an evolver gives the same state whenever it runs, so it gets "
            "`message` and nothing else: put what it needs into the event",
        ),
        (
            """
@resource("a")
def a(*, b): ...
@resource("b")  # here
def b(*, c): ...
@resource("c")
def c(*, b): ...
""",
            "resource 'b' needs 'c' needs 'b': nothing can be made first, so break the circle",
        ),
        (
            f"""
{ORDER}
@evolver("OrderShipped", aggregate=Order)  # here
def shipped(order, event): ...
""",
            "evolver for 'OrderShipped' is of the aggregate 'Order', which is state-stored (",
        ),
        (
            """
@evolver("Deposited", aggregate="Acount")  # here
def deposited(account, event): ...
""",
            "evolver for 'Deposited' is of the aggregate 'Acount', which registry 'shop' does not have; "
            'write aggregate("Acount", id_field=...)',
        ),
        (
            f"""
{ACCOUNT}
event_type("Deposited", was="MoneyDeposited")
@evolver("MoneyDeposited", aggregate=Account)
def once(account, event): ...
@evolver("Deposited", aggregate=Account)  # here
def now(account, event): ...
""",
            "evolver for 'Deposited' folds 'Deposited' into aggregate 'Account', which another evolver does under the "
            "event's other name (",
        ),
        (
            """
aggregate("Order", id_field="order_id", state_version=3)  # here
@state_upcaster("Order", from_version=1)
def up(state): ...
""",
            "the state of aggregate 'Order' is at version 3 and has no upcaster from version 2: "
            'write @state_upcaster("Order", from_version=2) above a function that brings the old one up',
        ),
        (
            f"""
{ORDER}
@state_upcaster("Order", from_version=1)  # here
def up(state): ...
""",
            "an upcaster of the state of aggregate 'Order' starts from version 1, and the state of aggregate 'Order' is at "
            "version 1 (",
        ),
        (
            f"""
{ACCOUNT}
@state_upcaster("Account", from_version=1)  # here
def up(state): ...
""",
            "state upcaster from version 1 is of the aggregate 'Account', which is event-sourced: its state is folded again "
            "from its events when state_version is raised, so remove the upcaster",
        ),
        (
            """
event_type("OrderShipped", version=2)  # here
""",
            "event type 'OrderShipped' is at version 2 and has no upcaster from version 1: "
            'write @upcaster("OrderShipped", from_version=1) above a function that brings the old one up',
        ),
        (
            """
event_type("OrderShipped", version=2)
@upcaster("OrderShiped", from_version=1)  # here
def up(payload): ...
""",
            "upcaster of event 'OrderShiped' from version 1 is of no known event type; did you mean 'OrderShipped'?",
        ),
        (
            """
@upcaster("OrderShipped", from_version=1)  # here
def up(payload): ...
""",
            "upcaster of event 'OrderShipped' from version 1 is of no known event type; "
            'write event_type("OrderShipped", version=2)',
        ),
        (
            """
event_type("OrderShipped", version=2, was="OrderSent")
@upcaster("OrderSent", from_version=1)
def sent(payload): ...
@upcaster("OrderShipped", from_version=1)  # here
def shipped(payload): ...
""",
            "upcaster of event 'OrderShipped' from version 1 does what another does under the event's other name (",
        ),
        (
            """
event_type("OrderSent")
event_type("OrderShipped", was="OrderSent")  # here
""",
            "event type 'OrderShipped' was once 'OrderSent', and so is or was event type 'OrderSent' (",
        ),
        (
            """
event_type("OrderGone", was="OrderSent")
event_type("OrderShipped", was="OrderSent")  # here
""",
            "event type 'OrderShipped' was once 'OrderSent', and so is or was event type 'OrderGone' (",
        ),
        (
            """
from dataclasses import dataclass
@dataclass
class State:
    balance: int
aggregate("Account", id_field="id", event_sourced=True, state=State)  # here
""",
            "aggregate 'Account' is event-sourced, so it starts from State(), which fails with TypeError: ",
        ),
        (
            f"""
{ORDER}
@command_handler("Ship", aggregate="Order")  # here
def ship(command, order):
    yield {{}}
""",
            "command handler 'Ship' is a generator, and the aggregate 'Order' is state-stored: return the state, or "
            "(state, events); only an event-sourced aggregate's handler yields its events",
        ),
        (
            """
processor("mailer")
@event_handler("OrderShipped", processor="mailr")  # here
def tell(event): ...
""",
            "event handler for 'OrderShipped' is of the processor 'mailr', which registry 'shop' does not have; "
            "did you mean 'mailer'? If it is another, write processor(\"mailr\")",
        ),
        (
            """
processor("Statements")
view("Statements", key="order_id")  # here
""",
            "the view 'Statements' has the name of a processor (",
        ),
        (
            """
view("Summary", key="order_id")
@projector("OrderShipped", view="Sumary")  # here
def shipped(row, event): ...
""",
            "projector for 'OrderShipped' is of the view 'Sumary', which registry 'shop' does not have; "
            "did you mean 'Summary'?",
        ),
        (
            """
@event_handler("OrderShipped")
def tell(event): ...
@event_handler("PaymentFailed", source="payments")  # here
def cancel(event): ...
""",
            "event handler for 'PaymentFailed' takes external events into the processor 'default', where event handler for "
            "'OrderShipped' takes commits (",
        ),
        (
            """
mixed = processor("mixed")
view("Summary", key="order_id", processor=mixed)
@event_handler("PaymentFailed", source="payments", processor=mixed)  # here
def cancel(event): ...
""",
            "event handler for 'PaymentFailed' takes external events into the processor 'mixed', where view 'Summary' takes "
            "commits (",
        ),
        (
            """
log = processor("log", mode="tracking")
@event_handler("PaymentFailed", source="payments", processor=log)  # here
def cancel(event): ...
""",
            "event handler for 'PaymentFailed' takes external events, and the processor 'log' reads the log, which has none (",
        ),
        (
            """
event_type("PaymentFailed", source="payments")
@event_handler("PaymentFailed")  # here
def cancel(event): ...
""",
            "event handler for 'PaymentFailed' takes it from this application, and the event type 'PaymentFailed' is from "
            "'payments': write source=\"payments\"",
        ),
        (
            """
PaymentFailed = event_type("PaymentFailed", source="payments")
@event_handler(PaymentFailed, source="bank")  # here
def cancel(event): ...
""",
            "event handler for 'PaymentFailed' takes it from 'bank', and the event type 'PaymentFailed' is from 'payments': "
            'write source="payments"',
        ),
        (
            """
PaymentFailed = event_type("PaymentFailed", source="payments")
@event_handler("OrderShipped", PaymentFailed)  # here
def cancel(event): ...
""",
            "@event_handler names 'PaymentFailed', whose event type is from 'payments', and 'OrderShipped', which is of no "
            'source: write source="payments" if both are from there, else write a handler for each',
        ),
        (
            """
PaymentFailed = event_type("PaymentFailed", source="payments")
@event_handler(PaymentFailed, event_type("Refunded", source="bank"))  # here
def cancel(event): ...
""",
            "@event_handler names 'PaymentFailed', whose event type is from 'payments', and 'Refunded', which is from 'bank': "
            "write a handler for each",
        ),
    ],
)
def test_a_name_that_leads_nowhere_is_refused_where_it_stands(programs: Programs, source: str, says: str) -> None:
    said = programs.mistake(source)
    assert said == says or (says.endswith((" (", ": ")) and said.startswith(says))


def test_both_places_are_named(programs: Programs) -> None:
    said = programs.mistake("""
event_type("OrderSent")
event_type("OrderShipped", was="OrderSent")  # here
""")
    assert f"({programs.folder / 'shop_app.py'}:2)" in said
