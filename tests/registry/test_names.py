# ruff: noqa: E501 (error texts are quoted as they are printed)

from __future__ import annotations

import pytest

from cqrsless import RegistrationError, Registry
from cqrsless.registry import did_you_mean
from tests.registry.conftest import Programs

HANDLER = "(lambda command: None)"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (
            'aggregate("My Order", id_field="id")',
            "the aggregate name 'My Order' is not a letter and then letters, digits, '_', '.' and '-': write 'My-Order'",
        ),
        (
            'view("1st", key="id")',
            "the view name '1st' is not a letter and then letters, digits, '_', '.' and '-': write 'st'",
        ),
        (
            'processor("Größe")',
            "the processor name 'Größe' is not a letter and then letters, digits, '_', '.' and '-': write 'Gr--e'",
        ),
        (
            'aggregate("#", id_field="id")',
            "the aggregate name '#' is not a letter and then letters, digits, '_', '.' and '-': write 'Order'",
        ),
        ('aggregate("Order\\n", id_field="id")', "the aggregate name 'Order\\n' is not a letter and then"),
        ('aggregate("", id_field="id")', "the aggregate name is empty"),
        ('aggregate(7, id_field="id")', "the aggregate name 7 is no string"),
        (f'command_handler(""){HANDLER}', "the command handler name is empty"),
        (f'command_handler("a\\nb"){HANDLER}', "the command handler name 'a\\nb' holds a control character: leave it out"),
        (f'query_handler("a\\ud800"){HANDLER}', "the query handler name 'a\\ud800' holds a control character: leave it out"),
        (
            f'command_handler("x" * 256){HANDLER}',
            "the command handler name 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'... has 256 characters; 255 are the most",
        ),
        ("command_handler(lambda c: c)", '@command_handler has no name: write @command_handler("Name") above the function'),
        (f'command_handler(creation="never"){HANDLER}', '@command_handler has no name: write @command_handler("Name") above the function'),
        (f'query_handler(route="GET /orders"){HANDLER}', '@query_handler has no name: write @query_handler("Name") above the function'),
        ("upcaster(from_version=1)(lambda payload: payload)", '@upcaster() names no event: write @upcaster("OrderShipped", ...)'),
        ("query_handler(lambda c: c)", '@query_handler has no name: write @query_handler("Name") above the function'),
        ("resource(lambda: 1)", '@resource has no name: write @resource("Name") above the function'),
        ("event_handler()(lambda event: None)", '@event_handler() names no event: write @event_handler("OrderShipped", ...)'),
        ("event_handler(print)", "@event_handler is given <built-in function print> for an event name: write "
         '@event_handler("OrderShipped")'),
        ('evolver("A", "A", aggregate="X")', "@evolver names the event 'A' twice"),
        ('evolver("A", aggregate=dict)', "aggregate=<class 'dict'> is neither the name of one nor what aggregate(...) returned"),
        (
            'projector("A", view=aggregate("Order", id_field="id"))',
            "view=AggregateRecord(",
        ),
        ('aggregate("Order", id_field=())', "id_field=() is neither a field's name nor a tuple of them"),
        ('aggregate("Order", id_field=["a", "b"])', "id_field=['a', 'b'] is neither a field's name nor a tuple of them"),
        ('aggregate("Order", id_field=("a", "a"))', "id_field=('a', 'a') names one field twice"),
        ('aggregate("Order", id_field="id", state=list)', "state=<class 'list'> is neither dict, nor a dataclass, nor a marshmallow schema"),
        ('aggregate("Order", id_field="id", state_version=0)', "state_version=0 is not a whole number from 1"),
        ('aggregate("Order", id_field="id", state_version=True)', "state_version=True is not a whole number from 1"),
        ('aggregate("Order", id_field="id", snapshot_every=0)', "snapshot_every=0 is not a whole number from 1"),
        ('aggregate("Order", id_field="id", event_sourced="yes")', "event_sourced='yes' is neither True nor False"),
        ('aggregate("Order", id_field="id", new_id="o")', "new_id of aggregate 'Order' is 'o', which is no function"),
        (
            f'command_handler("Create", creation="always"){HANDLER}',
            "command handler 'Create' has creation='always' and nothing to create: give it aggregate=",
        ),
        (
            f'command_handler("Create", aggregate="Order", creation="allways"){HANDLER}',
            "creation is 'allways'; it is one of \"never\", \"always\", \"if_missing\"; did you mean 'always'?",
        ),
        (
            f'command_handler("Create", schema=dict){HANDLER}',
            "schema=<class 'dict'> is not a marshmallow schema, neither a class nor an instance",
        ),
        (
            f'command_handler("Create", route="orders"){HANDLER}',
            "command handler 'Create': the route 'orders' is not a method and a path: write 'POST /orders'",
        ),
        (
            f'query_handler("Get", route="GET /orders/{{id}}/{{id}}"){HANDLER}',
            "query handler 'Get': the route 'GET /orders/{id}/{id}' has the parameter {id} twice: give each one a name of its own",
        ),
        ('event_type("A", was="A")', "event type 'A' has its own name among its former ones: was=('A',)"),
        ('event_type("A", version=0)', "version=0 is not a whole number from 1"),
        ('event_type("A", source="")', "the source name is empty"),
        ('upcaster("A", from_version=0)(lambda payload: payload)', "from_version=0 is not a whole number from 1"),
        ('resource("views")', "a resource cannot be called 'views', which is injected already: rename it"),
        ('resource("my-db")', "the resource name 'my-db' cannot name a parameter: write 'my_db'"),
        ('processor("publisher")', "a processor cannot be called 'publisher', which the framework uses itself: rename it"),
        ('event_handler("A", processor="views")', "a processor cannot be called 'views', which the framework uses itself: rename it"),
        ('view("views", key="id")', "a view cannot be called 'views', which the framework uses itself: rename it"),
        ('view("default", key="id")', "a view cannot be called 'default', which the framework uses itself: rename it"),
        ('processor("mailer", mode="tracing")', "mode is 'tracing'; it is one of \"subscribing\", \"tracking\"; did you mean 'tracking'?"),
        ('processor("mailer", start=None)', 'start is None; it is one of "now", "beginning"'),
        ('processor("mailer", retries=-1)', "retries=-1 is not a whole number from 0"),
        ('processor("mailer", segments=0)', "segments=0 is not a whole number from 1"),
        ('processor("mailer", on_failure="halt")', "on_failure is 'halt'; it is one of \"park\", \"stop\""),
        ('processor("mailer", retry_on="Exception")', "retry_on='Exception' is neither an exception class nor a tuple of them"),
        ('processor("mailer", retry_on=())', "retry_on=() is neither an exception class nor a tuple of them"),
        ('view("V", key=("a", "b", "c"))', "key=('a', 'b', 'c') has 3 fields; a partition and a sort field are the most"),
        ('view("V", key="a", indexes=["b"])', "indexes=['b'] is no mapping"),
        ('view("V", key="a", indexes={"by b": "b"})', "the index name 'by b' is not a letter and then"),
        ('projector("A", view="V", key=str.join, keys=str.join)', "projector of view 'V' for 'A' has both key= and keys=: give it the one that fits"),
        ('publisher("A", to="kafka://topic")', "to='kafka://topic' is not one of \"eventbridge://bus\", \"sns://topic\" and \"sqs://queue\""),
        ('publisher("A", to="sns://")', "to='sns://' is not one of"),
    ],
)  # fmt: skip
def test_an_impossible_option_is_refused_where_it_stands(programs: Programs, line: str, says: str) -> None:
    said = programs.mistake(f"{line}  # here")
    assert said == says or said.startswith(says)


@pytest.mark.parametrize("name", ["Order placed!", "order.placed/v1", "Größe", "x" * 255, "日本"])
def test_a_message_name_is_any_text(registry: Registry, name: str) -> None:
    registry.command_handler(name)(lambda command: None)
    registry.event_handler(name)(lambda event: None)
    assert registry.freeze().commands[name].name == name


@pytest.mark.parametrize("name", ["A", "order", "Order_2.v-1"])
def test_a_plain_name_is_taken(registry: Registry, name: str) -> None:
    assert registry.aggregate(name, id_field="id").name == name


def test_a_registry_has_a_plain_name() -> None:
    with pytest.raises(RegistrationError, match=r"test_names\.py:\d+: the registry name 'my shop' is not a letter"):
        Registry("my shop")


def test_nothing_is_meant_by_a_name_like_no_other() -> None:
    assert did_you_mean("Invoice", ["Order", "Customer"]) == ""
    assert did_you_mean("Ordre", ["Order", "Orders"]) == "; did you mean 'Order' or 'Orders'?"
    assert did_you_mean("Order", []) == ""
