"""JSON Schemas of marshmallow's schemas: what a payload has to look like, or what a stored or sent one looks like.

Each schema is one component, which others refer to. apispec does the plain part; `fields` says where its answer is not
what marshmallow does.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from .. import schemas
from .fields import converter_for

if TYPE_CHECKING:
    from marshmallow import Schema

__all__ = ["Dialect", "Direction", "JsonSchemas"]

#: `load`: what is taken; `dump`: what is given.
Direction: TypeAlias = Literal["load", "dump"]
#: OpenAPI 3.1 has the newer one, AsyncAPI 3 the older one.
Dialect: TypeAlias = Literal["2020-12", "draft-07"]

ROOT: Final = "#/components/schemas/"
#: What makes an instance differ from its class.
_MODIFIERS: Final = ("only", "exclude", "load_only", "dump_only", "partial", "unknown")


class JsonSchemas:
    """The schemas of one document; `components` holds those that were referred to, by their names.

    A component is called as the schema's class. A second class of that name, or one with a `reserved` name, has its
    module before it, and an instance that differs from its class (`partial=True`, `only=...`) a number behind it.

    >>> from marshmallow import Schema, fields
    >>> class OrderRef(Schema):
    ...     order_id = fields.String(required=True)
    >>> found = JsonSchemas("2020-12")
    >>> found.reference(OrderRef, "load")
    {'$ref': '#/components/schemas/OrderRef'}
    >>> found.components["OrderRef"]["required"]
    ['order_id']
    """

    def __init__(self, dialect: Dialect, reserved: Iterable[str] = ()) -> None:
        self.components: dict[str, dict[str, Any]] = {}
        self._names: dict[tuple[Any, ...], str] = {}
        self._classes: dict[str, type[Schema] | None] = dict.fromkeys(reserved)
        self._dialect: Final = dialect

    def reference(self, schema: Any, direction: Direction) -> dict[str, Any]:
        """Refer to a schema, given as a class or an instance, and make it a component if it is none yet."""
        instance: Schema = schemas.instance(schema)
        key = _key(instance, direction if _one_way(instance, set()) else "both")
        name = self._names.get(key)
        if name is None:
            name = self._names[key] = self._name(type(instance), differs=_differs(instance))
            self.components[name] = {}  # its name is taken before it is there: a schema may hold itself
            self.components[name] = self.written_out(instance, direction)
        reference = {"$ref": ROOT + name}
        return {"type": "array", "items": reference} if instance.many else reference

    def written_out(self, schema: Any, direction: Direction) -> dict[str, Any]:
        """Give the JSON Schema of an object itself, in place of a reference."""
        instance: Schema = schemas.instance(schema)
        convert = converter_for(self._dialect, lambda nested: self.reference(nested, direction))
        known = instance.load_fields if direction == "load" else instance.dump_fields
        written: dict[str, Any] = convert.fields2jsonschema(known, partial=instance.partial)
        meta: Any = getattr(type(instance), "Meta", None)
        if hasattr(meta, "title"):
            written["title"] = meta.title
        description = getattr(meta, "description", None) or _own_docstring(type(instance))
        if description:
            written["description"] = description
        if instance.unknown != "exclude":
            written["additionalProperties"] = instance.unknown == "include"
        return written

    def _name(self, of: type[Schema], *, differs: bool) -> str:
        name = _safe(of.__name__)
        if self._classes.get(name, of) is not of:
            name = _safe(f"{of.__module__}.{of.__qualname__}".replace("<locals>.", ""))
        self._classes.setdefault(name, of)
        number, called = 1, name
        while called in self.components or (differs and number == 1):
            number += 1
            called = f"{name}{number}"
        return called


def inherited(nested: Schema, parent: Any, unknown: Any) -> Schema:
    """Give a nested schema as it is used: `partial=True` goes down, and a field's `unknown=` is its own."""
    partial = getattr(parent, "partial", None)
    if (unknown is None or unknown == nested.unknown) and partial is not True:
        return nested
    used = copy.copy(nested)
    if unknown is not None:
        used.unknown = unknown
    if partial is True:
        used.partial = True
    return used


def _key(schema: Schema, direction: str) -> tuple[Any, ...]:
    return (type(schema), direction, *(_hashable(getattr(schema, name, None)) for name in _MODIFIERS), _shape(schema))


def _differs(schema: Schema) -> bool:
    """Say whether an instance is other than its class makes them."""
    try:
        usual = type(schema)()
    except TypeError:  # it takes arguments of its own
        return False
    return any(_hashable(getattr(schema, name)) != _hashable(getattr(usual, name)) for name in _MODIFIERS)


def _shape(schema: Schema) -> tuple[str, ...]:
    """Tell apart classes that are made anew for each use, as `Schema.from_dict` does under one name."""
    return tuple(schema.fields)


def _hashable(value: Any) -> Any:
    return value if isinstance(value, (str, bool, type(None))) else frozenset(value)


def _one_way(schema: Schema, seen: set[type]) -> bool:
    """Say whether a schema, or one inside it, takes other fields than it gives."""
    if type(schema) in seen:
        return False
    seen.add(type(schema))
    if schema.load_fields.keys() != schema.dump_fields.keys():
        return True
    return any(_one_way(nested, seen) for field in schema.fields.values() for nested in _nested(field))


def _nested(field: Any) -> list[Schema]:
    inner = [getattr(field, name, None) for name in ("inner", "value_field")]
    found = [nested for one in inner if one is not None for nested in _nested(one)]
    return [field.schema, *found] if hasattr(field, "nested") else found


def _own_docstring(of: type[Schema]) -> str | None:
    told: Mapping[str, Any] = vars(of)
    doc = told.get("__doc__")
    return None if not doc else " ".join(str(doc).split("\n\n")[0].split())


def _safe(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "_", name)
