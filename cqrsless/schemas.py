"""Everything that cqrsless knows of marshmallow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

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

    load = instance(schema).load

    def validated(payload: Any) -> Any:
        try:
            return load(payload)
        except ValidationError as error:
            raise ValidationFailed(f"{name} is not valid: {flat(error.messages)}", messages=error.messages) from None

    return validated


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
    from marshmallow import EXCLUDE, INCLUDE

    dumped = schema.dump(value)
    if isinstance(value, Mapping) and schema.unknown != EXCLUDE:
        known = {field.attribute or key for key, field in schema.fields.items()}
        extra = {key: inner for key, inner in value.items() if key not in known}
        if extra and schema.unknown == INCLUDE:
            return {**extra, **dumped}
        if extra:
            names = ", ".join(repr(key) for key in extra)
            raise SerializationFailed(
                f"{what} holds {names}, which {type(schema).__name__} does not declare: add the field, or set "
                "Meta.unknown = EXCLUDE to leave it out",
                path=str(next(iter(extra))),
            )
    return dumped


def reload(schema: Schema, stored: Any, what: str) -> Any:
    """Read a stored form back; a failure is the application's, not a caller's."""
    from marshmallow import ValidationError

    try:
        return schema.load(stored)
    except ValidationError as error:
        raise SerializationFailed(
            f"{what} does not fit {type(schema).__name__}: {flat(error.messages)}", path=_first_path(error.messages)
        ) from error


def flat(messages: Any) -> str:
    """Write validation messages on one line.

    >>> flat({"total": ["Not a valid number."], "lines": {0: {"sku": ["Missing data for required field."]}}})
    'total: Not a valid number.; lines.0.sku: Missing data for required field.'
    """
    return "; ".join(f"{path}: {text}" if path else text for path, text in _leaves(messages, ""))


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
