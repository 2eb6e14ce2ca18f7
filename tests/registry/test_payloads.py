"""What the registry says of a schema that leaves payloads without what every message needs."""

# ruff: noqa: E501 (error texts are quoted as they are printed)

from __future__ import annotations

import pytest

from tests.registry.conftest import Programs

ORDER = 'Order = aggregate("Order", id_field="order_id")'
ID = "from marshmallow import EXCLUDE, INCLUDE, Schema, fields, post_load, pre_load\nfrom cqrsless import from_command_id\n"


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (
            """
from marshmallow import Schema, fields
class OrderRef(Schema):
    order_id = fields.String()
@query_handler("Get", schema=OrderRef, route="GET /orders/{orderid}")  # here
def get(query): ...
""",
            "the route 'GET /orders/{orderid}' has the parameter {orderid}, which the schema of 'Get' does not load; "
            "did you mean 'order_id'?",
        ),
        (
            """
from marshmallow import Schema, fields
class OrderRef(Schema):
    order_id = fields.String(dump_only=True)
    other = fields.String(data_key="else")
@query_handler("Get", schema=OrderRef(), route="GET /orders/{order_id}")  # here
def get(query): ...
""",
            "the route 'GET /orders/{order_id}' has the parameter {order_id}, which the schema of 'Get' does not load; "
            "rename it, or add the field",
        ),
        (
            """
from marshmallow import Schema
class Needy(Schema):
    def __init__(self, tenant):
        super().__init__()
@query_handler("Get", schema=Needy, route="GET /orders/{order_id}")  # here
def get(query): ...
""",
            "the schema of 'Get' cannot be made, Needy() fails with TypeError: ",
        ),
        (
            f"""
from marshmallow import Schema, fields
{ORDER}
class CreateOrder(Schema):
    total = fields.Decimal()
    number = fields.String(data_key="order_id")
@command_handler("CreateOrder", schema=CreateOrder, aggregate=Order, creation="always")  # here
def create(command, order): ...
""",
            "no payload of 'CreateOrder' can say which Order it is for: the schema CreateOrder loads 'total', 'number', and "
            "the aggregate's id_field is 'order_id' (",
        ),
    ],
)
def test_a_schema_that_fits_no_message_is_refused_where_it_is_used(programs: Programs, source: str, says: str) -> None:
    said = programs.mistake(source)
    assert said == says or (says.endswith((" (", ": ")) and said.startswith(says))


@pytest.mark.parametrize(
    ("options", "advice"),
    [
        ("", "add order_id = fields.String(required=True) to Ref"),
        (
            ', creation="always"',
            "add order_id = fields.String(required=True) to Ref, or give the aggregate new_id=from_command_id",
        ),
    ],
)
def test_a_schema_that_lacks_the_id_is_told_what_to_add(programs: Programs, options: str, advice: str) -> None:
    said = programs.mistake(f"""
{ID}{ORDER}
class Ref(Schema):
    pass
@command_handler("Ship", schema=Ref, aggregate="Order"{options})  # here
def ship(command, order): ...
""")
    assert said == (
        "no payload of 'Ship' can say which Order it is for: the schema Ref loads nothing, and the aggregate's id_field is "
        f"'order_id' ({programs.folder / 'shop_app.py'}:4); {advice}"
    )


def test_each_part_of_a_composite_id_is_looked_for(programs: Programs) -> None:
    said = programs.mistake(f"""
{ID}Seat = aggregate("Seat", id_field=("show", "row", "seat"), new_id=from_command_id)
class Reserve(Schema):
    class Meta:
        unknown = EXCLUDE
    show = fields.String()
@command_handler("Reserve", schema=Reserve, aggregate=Seat, creation="always")  # here
def reserve(command, seat): ...
""")
    assert "loads 'show', and the aggregate's id_field is 'row'" in said
    assert said.endswith("add row = fields.String(required=True) to Reserve")


@pytest.mark.parametrize(
    "schema",
    [
        pytest.param('class Ref(Schema):\n    number = fields.UUID(attribute="order_id")', id="attribute"),
        pytest.param('class Ref(Schema):\n    order_id = fields.String(data_key="n")', id="data_key"),
        pytest.param("class Ref(Schema):\n    class Meta:\n        unknown = INCLUDE", id="include"),
        pytest.param("class Open(Schema):\n    pass\nRef = Open(unknown=INCLUDE)", id="include, of an instance"),
        pytest.param('Ref = Schema.from_dict({"order_id": fields.Int()})', id="made"),
        pytest.param("class Ref(Schema):\n    @post_load\n    def add(self, data, **_): ...", id="post_load"),
        pytest.param("class Ref(Schema):\n    @pre_load\n    def add(self, data, **_): ...", id="pre_load"),
        pytest.param("class Ref(Schema):\n    def load(self, data, **_): ...", id="load of its own"),
        pytest.param("class Ref:\n    def load(self, data): ...\n    def dump(self, data): ...", id="no marshmallow"),
    ],
)
def test_a_schema_that_may_bring_the_id_is_left_alone(programs: Programs, schema: str) -> None:
    programs.run(f"""
{ID}{ORDER}
{schema}
@command_handler("Ship", schema=Ref, aggregate=Order, route="POST /orders")
def ship(command, order): ...
@command_handler("Log", schema=Schema)
def log(command): ...
""")
    programs.registry.freeze()


def test_an_id_that_is_made_need_not_be_in_the_schema(programs: Programs) -> None:
    programs.run(f"""
{ID}Order = aggregate("Order", id_field=("shop", "order_id"), new_id=from_command_id)
class Place(Schema):
    shop = fields.String()
@command_handler("Place", schema=Place, aggregate=Order, creation="always")
def place(command, order): ...
""")
    programs.registry.freeze()
