"""The files of a new project: an application that runs, and tests that pass."""

from __future__ import annotations

import json
import keyword
import re
import sys
from collections.abc import Mapping
from importlib.metadata import distribution
from typing import Final

__all__ = ["files", "origin", "package_name"]

_PYPROJECT: Final = """\
[project]
name = "{name}"
version = "0.1.0"
requires-python = ">=3.10"
dependencies = ["cqrsless"]

[project.optional-dependencies]
dev = ["cqrsless[dev]"]

[tool.cqrsless]
app = "{package}"
store = "sqlite:///{package}.db"

[tool.pytest.ini_options]
testpaths = ["tests"]
pythonpath = ["."]
"""

_APP: Final = '''\
"""Orders: placed, shipped, and listed by customer, who is told."""

from __future__ import annotations

import logging

from marshmallow import Schema, fields, validate

from cqrsless import Event, Rejected, aggregate, command_handler, event_handler, projector, query_handler, view

log = logging.getLogger(__name__)


class PlaceOrder(Schema):
    order_id = fields.String(required=True)
    customer_id = fields.String(required=True)
    total = fields.Decimal(required=True, validate=validate.Range(min=0))


class OrderRef(Schema):
    order_id = fields.String(required=True)


class CustomerRef(Schema):
    customer_id = fields.String(required=True)


Order = aggregate("Order", id_field="order_id")


@command_handler("PlaceOrder", schema=PlaceOrder, aggregate=Order, creation="always", route="POST /orders")
def place_order(command, order):
    state = {{"status": "placed", "customer_id": command["customer_id"], "total": command["total"]}}
    return state, Event("OrderPlaced", dict(command))


@command_handler("ShipOrder", schema=OrderRef, aggregate=Order, route="POST /orders/{{order_id}}/ship")
def ship_order(command, order):
    if order["status"] == "shipped":
        raise Rejected("the order has already shipped")
    event = Event("OrderShipped", {{"order_id": command["order_id"], "customer_id": order["customer_id"]}})
    return {{**order, "status": "shipped"}}, event


Orders = view("Orders", key=("customer_id", "order_id"))


@projector("OrderPlaced", view=Orders)
def order_placed(row, event):
    return {{**event, "status": "placed"}}


@projector("OrderShipped", view=Orders)
def order_shipped(row, event):
    return {{**row, "status": "shipped"}}


@query_handler("OrdersOfCustomer", schema=CustomerRef, route="GET /customers/{{customer_id}}/orders")
def orders_of_customer(query, *, views):
    return views.list(Orders, query["customer_id"]).rows


@event_handler("OrderShipped", processor="mailer")
def tell_customer(event, *, message):
    log.info("mail to %s (%s)", event["customer_id"], message.idempotency_key)
'''

_TEST: Final = """\
from __future__ import annotations

from decimal import Decimal

from cqrsless import AlreadyExists, App, Event
from cqrsless.testing import given
from {package} import app as orders

PLACE = {{"order_id": "o-1", "customer_id": "c-1", "total": "19.90"}}
PLACED = {{"status": "placed", "customer_id": "c-1", "total": Decimal("19.90")}}
SHIPPED = Event("OrderShipped", {{"order_id": "o-1", "customer_id": "c-1"}})


def test_an_order_is_placed_once():
    placed = given().when("PlaceOrder", PLACE).then_state(PLACED)
    placed.then(Event("OrderPlaced", {{**PLACE, "total": Decimal("19.90")}})).then_cost(write_units=1)
    given(PLACED).when("PlaceOrder", PLACE).then_rejected(AlreadyExists)


def test_an_order_without_a_customer_is_refused():
    given().when("PlaceOrder", {{"order_id": "o-1", "total": -1}}).then_invalid()


def test_an_order_ships_once():
    given(PLACED).when("ShipOrder", {{"order_id": "o-1"}}).then(SHIPPED).twice()
    given({{**PLACED, "status": "shipped"}}).when("ShipOrder", {{"order_id": "o-1"}}).then_rejected(match="already")


def test_a_handler_is_a_function():
    state, event = orders.ship_order({{"order_id": "o-1"}}, PLACED)
    assert (state["status"], event) == ("shipped", SHIPPED)


def test_the_view_follows():
    app = App("memory://")
    app.execute("PlaceOrder", PLACE)
    app.execute("ShipOrder", {{"order_id": "o-1"}})
    app.drain()
    (row,) = app.ask("OrdersOfCustomer", {{"customer_id": "c-1"}})
    assert row["status"] == "shipped"
"""

_README: Final = """\
# {name}

An application of cqrsless.

```sh
{install}
python -m pytest
cqrsless routes
cqrsless send PlaceOrder '{{"order_id": "o-1", "customer_id": "c-1", "total": "19.90"}}'
cqrsless ask OrdersOfCustomer '{{"customer_id": "c-1"}}'
cqrsless dev
```

The handlers stand in `{package}/app.py`; every other module of `{package}` is part of the application, too. On Lambda,
the handler string is `cqrsless.entrypoint`.
"""

_IGNORED: Final = """\
__pycache__/
.venv/
*.egg-info/
.pytest_cache/
.cqrsless/
*.db
*.db-shm
*.db-wal
"""


def package_name(name: str) -> str | None:
    """Give the importable name for a project; `None` where it would shadow something, or is no name at all.

    >>> package_name("web-shop"), package_name("json"), package_name("2024")
    ('web_shop', None, None)
    """
    made = re.sub(r"[-.]+", "_", name).lower()
    taken = made in sys.stdlib_module_names or keyword.iskeyword(made) or made in ("cqrsless", "tests", "marshmallow")
    return made if re.fullmatch(r"[a-z][a-z0-9_]*", made) and not taken else None


def origin() -> str | None:
    """Give the URL that pip has cqrsless from, where others have it, too: none for the index or a folder."""
    noted = distribution("cqrsless").read_text("direct_url.json")
    found = json.loads(noted) if noted else {}
    if "url" not in found or found["url"].startswith("file:"):
        return None
    vcs = found.get("vcs_info")
    return f"{vcs['vcs']}+{found['url']}@{vcs['commit_id']}" if vcs else str(found["url"])


def files(name: str, package: str, url: str | None) -> Mapping[str, str]:
    """Give a new project's files, by their paths in it; `url` is where cqrsless is from, if not from the index."""
    first = f'pip install "cqrsless[dev] @ {url}"\n' if url else ""
    known = {"name": name, "package": package, "install": f"{first}pip install -e '.[dev]'"}
    return {
        "pyproject.toml": _PYPROJECT.format(**known),
        f"{package}/__init__.py": "",
        f"{package}/app.py": _APP.format(**known),
        "tests/test_orders.py": _TEST.format(**known),
        "README.md": _README.format(**known),
        ".gitignore": _IGNORED,
    }
