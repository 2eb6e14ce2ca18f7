"""Everything that cqrsless knows of marshmallow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from . import plain_schemas
from .errors import SerializationFailed, ValidationFailed

if TYPE_CHECKING:
    from marshmallow import Schema


def instance(schema: Any) -> Schema:
    """Give a schema's one instance: making one costs as much as three loads, so it is made once and kept."""
    made: Schema = schema() if isinstance(schema, type) else schema
    return made


def loader(schema: Any, name: str) -> Callable[[Any], Any]:
    """Give a function that validates a payload or raises `ValidationFailed` with marshmallow's own messages."""
    from marshmallow import ValidationError

    schema = instance(schema)
    load = schema.load

    def validated(payload: Any) -> Any:
        try:
            return load(payload)
        except ValidationError as error:
            raise ValidationFailed(f"{name} is not valid: {flat(error.messages)}", messages=error.messages) from None

    return plain_schemas.compiled(schema, otherwise=validated) or validated


def passes_on(schema: Any) -> bool:
    """Say whether what a schema loads may share parts with what it was given, or a hook of it change that in place."""
    return _passes_on(instance(schema), set())


def _passes_on(schema: Any, seen: set[type]) -> bool:
    from marshmallow import INCLUDE, fields

    if type(schema) in seen:
        return False
    seen.add(type(schema))
    hooks = getattr(schema, "_hooks", None)
    if hooks is None or schema.unknown == INCLUDE or hooks.get("pre_load"):
        return True
    if any(options.get("pass_original") for kept in hooks.values() for _, _, options in kept):
        return True
    anew = (
        fields.String, fields.Email, fields.Url, fields.UUID, fields.Integer, fields.Float, fields.Decimal,
        fields.Boolean, fields.DateTime, fields.NaiveDateTime, fields.AwareDateTime, fields.Date, fields.Time,
        fields.TimeDelta, fields.Enum, fields.IP, fields.IPv4, fields.IPv6,
    )  # fmt: skip

    def shares(field: Any) -> bool:
        kind = type(field)
        if kind in anew:
            return False
        if kind is fields.List:
            return shares(field.inner)
        if kind is fields.Tuple:
            return any(map(shares, field.tuple_fields))
        if kind is fields.Dict:
            return field.value_field is None or shares(field.value_field)
        return kind is not fields.Nested or field.unknown == INCLUDE or _passes_on(field.schema, seen)

    return any(map(shares, schema.load_fields.values()))


def initial(schema: Schema) -> Any:
    """Give what a schema makes of nothing, or `{}` where it requires something."""
    from marshmallow import ValidationError

    try:
        return schema.load({})
    except ValidationError:
        return {}


def has_field(schema: Any, name: str) -> bool:
    """Say whether a payload for this schema may hold that key."""
    return any((field.data_key or key) == name for key, field in instance(schema).load_fields.items())


def list_fields(schema: Any) -> frozenset[str]:
    """Name the keys whose value is a list, for sources that cannot tell a list of one from a value."""
    if schema is None:
        return frozenset()
    from marshmallow import fields

    return frozenset(
        field.data_key or key
        for key, field in instance(schema).load_fields.items()
        if isinstance(field, (fields.List, fields.Tuple))
    )


def dump(schema: Schema, value: Any, what: str) -> Any:
    """Give a value in its schema's own form; raise where the schema would drop a part of it silently."""
    from marshmallow import INCLUDE

    try:
        dumped: Any = schema.dump(value)
    except (TypeError, ValueError, AttributeError, ArithmeticError) as error:
        path = _undumpable(schema, value)
        raise SerializationFailed(
            f"{what} at {path or 'its top'} does not fit {type(schema).__name__}: {type(error).__name__}: {error}",
            path=path,
        ) from error
    extra = _undumped(schema, value)
    if extra and schema.unknown == INCLUDE:
        dumped = {**extra, **dumped}
        extra = {}
    left_out = next(iter(extra), None) or _undumped_path(schema, value)
    if left_out is not None:
        raise SerializationFailed(
            f"{what} holds {left_out}, which {type(schema).__name__} does not dump: add the field, or set "
            "Meta.unknown = EXCLUDE to leave it out",
            path=left_out,
        )
    return dumped


def _undumpable(schema: Any, value: Any) -> str:
    """Give the name of the field that a value cannot be dumped for."""
    for name, field in schema.dump_fields.items():
        try:
            field.serialize(name, value, accessor=schema.get_attribute)
        except (TypeError, ValueError, AttributeError, ArithmeticError):
            return str(name)
    return ""


def _undumped(schema: Any, value: Any) -> dict[str, Any]:
    """Give what a mapping holds and its schema leaves out, unless it is told to."""
    from marshmallow import EXCLUDE

    if not isinstance(value, Mapping) or schema.unknown == EXCLUDE:
        return {}
    known = {(field.attribute or key).partition(".")[0] for key, field in schema.dump_fields.items()}
    return {str(key): inner for key, inner in value.items() if key not in known}


def _undumped_path(schema: Any, value: Any) -> str | None:
    """Give the path of the first thing that a nested schema leaves out."""
    if not isinstance(value, Mapping):
        return None
    for key, field in schema.dump_fields.items():
        key = field.attribute or key
        inner = value.get(key)
        nested, several = field, isinstance(inner, (list, tuple))
        if several and hasattr(field, "inner"):
            nested = field.inner
        if not hasattr(nested, "nested"):
            continue
        for index, each in enumerate(list(inner) if isinstance(inner, (list, tuple)) else [inner]):
            left_out = next(iter(_undumped(nested.schema, each)), None) or _undumped_path(nested.schema, each)
            if left_out is not None:
                return f"{key}[{index}].{left_out}" if several else f"{key}.{left_out}"
    return None


def reload(schema: Schema, stored: Any, what: str) -> Any:
    """Read a stored form back; a failure is the application's, not a caller's."""
    from marshmallow import ValidationError

    try:
        return schema.load(stored)
    except ValidationError as error:
        raise SerializationFailed(
            f"{what} does not fit {type(schema).__name__}: {flat(error.messages)}", path=_first_path(error.messages)
        ) from error


#: Messages that are told in one line, and characters of a field name in them: both come from outside.
MOST_TOLD: Final = 10
LONGEST_NAME: Final = 80


def flat(messages: Any) -> str:
    """Write validation messages on one line, whatever names a caller made up.

    >>> flat({"total": ["Not a valid number."], "lines": {0: {"sku": ["Missing data for required field."]}}})
    'total: Not a valid number.; lines.0.sku: Missing data for required field.'
    """
    leaves = _leaves(messages, "")
    told = [f"{_printable(path)}: {text}" if path else text for path, text in leaves[:MOST_TOLD]]
    if len(leaves) > MOST_TOLD:
        told.append(f"and {len(leaves) - MOST_TOLD} more")
    return "; ".join(told)


def _printable(path: str) -> str:
    shown = path if path.isprintable() else ascii(path)[1:-1]
    return shown if len(shown) <= LONGEST_NAME else f"{shown[:LONGEST_NAME]}…"


def _leaves(messages: Any, path: str) -> list[tuple[str, str]]:
    if isinstance(messages, Mapping):
        found: list[tuple[str, str]] = []
        for key, inner in messages.items():
            found += _leaves(inner, path if key == "_schema" else f"{path}.{key}" if path else str(key))
        return found
    if isinstance(messages, (list, tuple)):
        return [leaf for inner in messages for leaf in _leaves(inner, path)]
    return [(path, str(messages))]


def _first_path(messages: Any) -> str:
    leaves = _leaves(messages, "")
    return leaves[0][0] if leaves else ""
