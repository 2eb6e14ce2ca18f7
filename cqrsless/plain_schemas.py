"""Loads of plain marshmallow schemas, compiled: a look-up and a check a field, where marshmallow makes some ten calls.

A schema is plain where loading runs nobody's code but marshmallow's own: no hooks, no fields, validators or defaults
that a user wrote. Only what is surely valid is loaded here. Whatever is missing, unknown, of another type or wrong goes
to marshmallow itself, whose results and messages are the only ones there are; that it then looks at a field for the
second time, nobody can tell.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

__all__ = ["Unsure", "compiled", "is_plain"]

Load = Callable[[Any], Any]
#: Makes a field's value of what was given: takes the value, its key and the payload, as `Field.deserialize` does.
Convert = Callable[[Any, Any, Any], Any]


class Unsure(Exception):
    """A payload that marshmallow itself has to look at."""


_ABSENT: Final = object()
_REQUIRED: Final = object()
_MAKES_ITSELF: Final = (dict, list, set)

#: What this module knows of a field. One that has more comes from a newer marshmallow and may do more.
_KNOWN: Final = frozenset({
    "_schema", "absolute", "allow_nan", "allow_none", "as_string", "attribute", "by_value", "choices_text", "data_key",
    "default_timezone", "dump_default", "dump_only", "enum", "error_messages", "exclude", "exploded", "falsy", "field",
    "format", "inner", "key_field", "load_default", "load_only", "many", "metadata", "name", "nested", "only", "parent",
    "places", "post_load", "pre_load", "precision", "relative", "require_tld", "required", "root", "rounding",
    "schemes", "strict", "timezone", "truthy", "tuple_fields", "unknown", "validate", "validate_length", "validators",
    "value_field",
})  # fmt: skip
_METHODS: Final = (
    "load", "_do_load", "_deserialize", "_call_and_store", "_invoke_field_validators", "_invoke_schema_validators",
    "_invoke_load_processors",
)  # fmt: skip


class _Step(NamedTuple):
    """How one field is loaded: a value of the type `exact` stands as it is once checked, any other is converted."""

    key: str
    name: str
    exact: type | None
    checks: tuple[Callable[[Any], Any], ...]
    convert: Convert
    absent: Any


def compiled(schema: Any, *, within: tuple[type, ...] = (), otherwise: Load | None = None) -> Load | None:
    """Give a function that loads a valid payload as `schema.load` does, and any other by `otherwise`.

    There is none for a schema that is not plain. Without `otherwise`, it raises `Unsure` or marshmallow's
    `ValidationError`.
    """
    if type(schema) in within or not is_plain(schema):
        return None
    steps: list[_Step] = []
    for name, field in schema.load_fields.items():
        convert = _converter(field, (*within, type(schema)))
        target = field.attribute or name
        if convert is None or "." in target:
            return None
        key = field.data_key if field.data_key is not None else name
        exact = _exact(field)
        absent = _REQUIRED if field.required else field.load_default
        if callable(absent) and absent not in _MAKES_ITSELF:
            return None
        steps.append(_Step(key, target, exact, tuple(field.validators), convert, absent))
    return _load(steps, schema.unknown == "raise", otherwise)


def _load(steps: list[_Step], strict: bool, otherwise: Load | None) -> Load:
    from marshmallow import ValidationError, missing

    def load(payload: Any) -> dict[str, Any]:
        try:
            if type(payload) is not dict:
                raise Unsure
            loaded: dict[str, Any] = {}
            surplus = len(payload)
            for key, name, exact, checks, convert, absent in steps:
                value = payload.get(key, _ABSENT)
                if value is _ABSENT:
                    if absent is _REQUIRED:
                        raise Unsure
                    if absent is not missing:
                        loaded[name] = absent() if callable(absent) else absent
                    continue
                surplus -= 1
                if type(value) is exact:
                    for check in checks:
                        check(value)
                    loaded[name] = value
                else:
                    loaded[name] = convert(value, key, payload)
            if surplus and strict:
                raise Unsure
        except (Unsure, ValidationError):
            if otherwise is None:
                raise
        else:
            return loaded
        loaded = otherwise(payload)
        return loaded

    return load


def is_plain(schema: Any) -> bool:
    """Say whether a schema itself, its fields aside, loads as marshmallow's own do: one dict, of its fields alone."""
    from marshmallow import EXCLUDE, RAISE, Schema

    return (
        issubclass(type(schema), Schema)
        and schema.unknown in (RAISE, EXCLUDE)
        and not schema.many
        and not schema.partial
        and schema.dict_class is dict
        and not any(schema._hooks.values())
        and all(getattr(type(schema), name, None) is getattr(Schema, name, 0) for name in _METHODS)
        and vars(schema).keys().isdisjoint(_METHODS)
    )


def _exact(field: Any) -> type | None:
    """Give the type whose values a field takes as they are."""
    from marshmallow import fields

    kind = type(field)
    if kind in (fields.String, fields.Email, fields.Url):
        return str
    if kind is fields.Integer:
        return int
    if kind is fields.Boolean and True in field.truthy and False not in field.truthy and False in field.falsy:
        return bool
    return None


def _converter(field: Any, within: tuple[type, ...]) -> Convert | None:
    """Give what loads a value of a field, or none where that might run a user's code."""
    from marshmallow import fields, validate

    checks = (
        validate.ContainsNoneOf, validate.ContainsOnly, validate.Email, validate.Equal, validate.Length,
        validate.NoneOf, validate.OneOf, validate.Range, validate.Regexp, validate.URL,
    )  # fmt: skip
    if not vars(field).keys() <= _KNOWN or getattr(field, "pre_load", None) or getattr(field, "post_load", None):
        return None
    if any(type(check) not in checks for check in field.validators):
        return None
    kind = type(field)
    if kind in (
        fields.String, fields.Email, fields.Url, fields.UUID, fields.Integer, fields.Float, fields.Decimal,
        fields.Boolean, fields.DateTime, fields.NaiveDateTime, fields.AwareDateTime, fields.Date, fields.Time,
        fields.TimeDelta, fields.IP, fields.IPv4, fields.IPv6, fields.Raw,
    ):  # fmt: skip
        return field.deserialize  # type: ignore[no-any-return]  # a field of any kind is Any here
    if kind is fields.Enum:
        return field.deserialize if isinstance(field.by_value, bool) else None
    inner: list[Any] = []
    if kind is fields.List:
        return _list_of(field, within)
    if kind is fields.Nested:
        return _nested(field, within)
    if kind is fields.Dict:
        inner = [part for part in (field.key_field, field.value_field) if part is not None]
    elif kind is fields.Tuple:
        inner = field.tuple_fields
    else:
        return None
    return field.deserialize if all(_converter(part, within) for part in inner) else None


def _list_of(field: Any, within: tuple[type, ...]) -> Convert | None:
    convert = _converter(field.inner, within)
    if convert is None:
        return None
    exact, inner_checks, checks = _exact(field.inner), tuple(field.inner.validators), tuple(field.validators)

    def load(value: Any, key: Any, payload: Any) -> list[Any]:
        if type(value) is not list:
            raise Unsure
        loaded: list[Any] = []
        for each in value:
            if type(each) is exact:
                for check in inner_checks:
                    check(each)
                loaded.append(each)
            else:
                loaded.append(convert(each, None, None))
        for check in checks:
            check(loaded)
        return loaded

    return load


def _nested(field: Any, within: tuple[type, ...]) -> Convert | None:
    inner = None if field.unknown is not None else compiled(field.schema, within=within)
    if inner is None:
        return None
    checks = tuple(field.validators)

    def load(value: Any, key: Any, payload: Any) -> Any:
        loaded = inner(value)
        for check in checks:
            check(loaded)
        return loaded

    return load
