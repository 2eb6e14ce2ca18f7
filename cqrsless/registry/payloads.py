"""What schemas leave of payloads: one that drops or refuses what every message needs is refused with its line."""

from __future__ import annotations

from typing import Any

from ..plain_schemas import is_plain
from ..routing import parse_route
from .names import did_you_mean, wrong
from .records import AggregateRecord, CommandRecord, QueryRecord

__all__ = ["check_id_fields", "check_route_parameters", "schema_of"]


def schema_of(record: CommandRecord | QueryRecord) -> Any:
    """Give the instance of a handler's schema that all its messages are loaded by, or `None` where it has none."""
    schema: Any = record.schema
    if not isinstance(schema, type):
        return schema
    try:
        return schema()
    except Exception as error:
        raise wrong(
            record.place,
            f"the schema of {record.name!r} cannot be made, {schema.__name__}() fails with "
            f"{type(error).__name__}: {error}; give schema= an instance",
        ) from error


def check_route_parameters(record: CommandRecord | QueryRecord) -> None:
    """Refuse a path parameter that the schema would refuse in each and every request."""
    if record.route is None or record.schema is None:
        return
    route = parse_route(record.route)
    schema = record.schema
    fields = getattr(schema, "load_fields", None)
    if not fields or getattr(schema, "unknown", None) == "include":
        return
    known = [getattr(field, "data_key", None) or name for name, field in fields.items()]
    for parameter in route.parameters:
        if parameter not in known:
            raise wrong(
                record.place,
                f"the route {record.route!r} has the parameter {{{parameter}}}, which the schema of {record.name!r} "
                f"does not load{did_you_mean(parameter, known) or '; rename it, or add the field'}",
            )


def check_id_fields(command: CommandRecord, aggregate: AggregateRecord) -> None:
    """Refuse a schema that leaves no payload with the aggregate's id in it.

    It does so only where loading runs nobody's code but marshmallow's own, which loads the fields and nothing else: a
    hook, or `unknown = INCLUDE`, may bring the id from anywhere.
    """
    schema: Any = command.schema
    if schema is None or not is_plain(schema):
        return
    loaded = [(field.attribute or name).partition(".")[0] for name, field in schema.load_fields.items()]
    needed = aggregate.id_field if aggregate.new_id is None else aggregate.id_field[:-1]
    for field in needed:
        if field in loaded:
            continue
        name = type(schema).__name__
        made = command.creation != "never" and field == needed[-1] and aggregate.new_id is None
        raise wrong(
            command.place,
            f"no payload of {command.name!r} can say which {aggregate.name} it is for: the schema {name} loads "
            f"{', '.join(map(repr, loaded)) or 'nothing'}, and the aggregate's id_field is {field!r} "
            f"({aggregate.place}); add {field} = fields.String(required=True) to {name}"
            + (", or give the aggregate new_id=from_command_id" if made else ""),
        )
