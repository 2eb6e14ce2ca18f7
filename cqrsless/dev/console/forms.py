"""A schema as a form: what a person fills in, field by field, told to the page in JSON."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, Final

from marshmallow import INCLUDE, fields, missing, validate

from ...schemas import instance
from .asking import told

__all__ = ["form_of"]

#: How deep forms nest; below that a part is written as JSON.
DEEPEST: Final = 5
#: Text that may be longer than this gets a field of several lines.
LONG: Final = 200
Field = dict[str, Any]

#: The kind of a field's input, by the first class of these that it is of.
_KINDS: Final[tuple[tuple[type[Any], str], ...]] = (
    (fields.Boolean, "boolean"),
    (fields.Integer, "integer"),
    (fields.Decimal, "decimal"),
    (fields.Float, "number"),
    (fields.UUID, "uuid"),
    (fields.Email, "email"),
    (fields.Url, "url"),
    (fields.NaiveDateTime, "local-datetime"),
    (fields.DateTime, "datetime"),
    (fields.Date, "date"),
    (fields.Time, "time"),
    (fields.TimeDelta, "duration"),
    (fields.Enum, "select"),
    (fields.Nested, "object"),
    (fields.List, "list"),
    (fields.String, "text"),
)


def form_of(schema: Any) -> list[Field] | None:
    """Give the fields of a schema; `None` where there is none, or it takes whatever it is given.

    >>> from marshmallow import Schema
    >>> [(one["name"], one["kind"]) for one in form_of(Schema.from_dict({"at": fields.Date()})) or []]
    [('at', 'date')]
    """
    if schema is None:
        return None
    made = instance(schema)
    if not hasattr(made, "load_fields") or (not made.load_fields and made.unknown == INCLUDE):
        return None
    return list(_fields(made, DEEPEST))


def _fields(schema: Any, depth: int) -> Iterator[Field]:
    for name, field in schema.load_fields.items():
        yield _field(str(field.data_key or name), field, depth)


def _field(name: str, field: Any, depth: int) -> Field:
    kind = _kind(field)
    default = field.load_default
    found: Field = {
        "name": name,
        "label": _label(name, field),
        "kind": kind,
        "required": bool(field.required),
        "nullable": bool(field.allow_none),
        "default": None if default is missing or callable(default) else told(default),
        "help": _help(field),
    }
    if kind == "object":
        found |= _nested(field, depth)
    elif kind == "list":
        inner = _field("", field.inner, depth - 1)
        found |= {"kind": "json"} if inner["kind"] == "list" or depth <= 0 else {"inner": inner}
    elif kind == "select":
        found["options"] = _members(field)
    elif kind in ("datetime", "local-datetime", "date", "time") and field.format not in (None, "iso", "iso8601"):
        found |= {"kind": "text", "help": found["help"] or f"as {field.format}"}
    elif kind == "duration":
        found["help"] = found["help"] or str(field.precision)
    elif kind == "decimal" and field.places is not None:
        found["places"] = -int(field.places.as_tuple().exponent)  # marshmallow keeps it as what to round to
    for validator in field.validators:
        found |= _limits(validator, found)
    return found


def _kind(field: Any) -> str:
    return next((kind for cls, kind in _KINDS if isinstance(field, cls)), "json")


def _nested(field: Any, depth: int) -> Field:
    if depth <= 0:
        return {"kind": "json"}
    schema = field.schema
    inner = list(_fields(schema, depth - 1))
    if field.many or schema.many:
        row: Field = {
            "name": "", "label": "", "kind": "object", "required": True, "nullable": False, "default": None,
            "help": None, "fields": inner,
        }  # fmt: skip
        return {"kind": "list", "inner": row}
    return {"fields": inner}


def _members(field: Any) -> list[Field]:
    members: list[Enum] = list(field.enum)
    if field.by_value:
        return [{"value": told(member.value), "label": str(member.value)} for member in members]
    return [{"value": member.name, "label": member.name} for member in members]


def _limits(validator: Any, found: Mapping[str, Any]) -> Field:
    """Give what a validator asks for, as far as an input can say it before the schema does."""
    if isinstance(validator, validate.ContainsOnly):  # it is a kind of OneOf, too
        options = [{"value": told(one), "label": str(one)} for one in validator.choices]
        return {"inner": {**found["inner"], "kind": "select", "options": options}} if found["kind"] == "list" else {}
    if isinstance(validator, validate.OneOf):
        labels = [str(label) for label in validator.labels]
        choices = list(validator.choices)
        names = labels if len(labels) == len(choices) else [str(choice) for choice in choices]
        options = [{"value": told(one), "label": name} for one, name in zip(choices, names, strict=True)]
        return {"options": options, "kind": "select"} if found["kind"] not in ("list", "object") else {}
    if isinstance(validator, validate.Range):
        return {
            "min": told(validator.min), "max": told(validator.max), "min_inclusive": validator.min_inclusive,
            "max_inclusive": validator.max_inclusive,
        }  # fmt: skip
    if isinstance(validator, validate.Length):
        most = validator.equal or validator.max
        limits: Field = {"min_length": validator.equal or validator.min, "max_length": most}
        return {**limits, "kind": "longtext"} if found["kind"] == "text" and most and most > LONG else limits
    return {}


def _label(name: str, field: Any) -> str:
    """Give the label that a schema's author wrote, or words made of the name.

    >>> _label("orderId", fields.String()), _label("placed_at", fields.String(metadata={"label": "When"}))
    ('Order id', 'When')
    """
    given = field.metadata.get("label") or field.metadata.get("title")
    if given:
        return str(given)
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name).replace("_", " ").replace("-", " ").strip()
    return words[:1].upper() + words[1:].lower()


def _help(field: Any) -> str | None:
    given = field.metadata.get("description") or field.metadata.get("help")
    return str(given) if given else None
