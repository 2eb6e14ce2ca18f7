"""Fields of marshmallow's as JSON Schemas: apispec's conversion, set right where marshmallow does otherwise."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from enum import Enum
from typing import Any, Final

from apispec.ext.marshmallow.openapi import OpenAPIConverter
from marshmallow import fields, missing, validate

from ..errors import SerializationFailed
from ..sources.documents import plain

__all__ = ["converter_for"]

#: What Python's regular expressions have and JavaScript's, which are JSON Schema's, have not, or write otherwise.
_NAMED: Final = re.compile(r"\(\?P<\w+>")
_PYTHON_ALONE: Final = ("(?P=", "(?#", "(?(")


def converter_for(dialect: str, nested: Callable[[Any], dict[str, Any]]) -> Any:
    """Give what converts fields; `nested` refers to the schema of a nested one."""
    made: Any = _Converter("3.1.0", lambda schema: None, None)  # type: ignore[arg-type]  # it only asks a specification for schemas, which go to `nested`
    made.dialect = dialect
    made.nested = nested
    return made


class _Converter(OpenAPIConverter):
    dialect: str
    nested: Callable[[Any], dict[str, Any]]

    def field2property(self, field: Any) -> dict[str, Any]:
        written = super().field2property(field)
        return {name: _in_json(value) for name, value in written.items() if value is not None or name == "default"}

    def field2type_and_format(self, field: Any, **kwargs: Any) -> dict[str, Any]:
        if isinstance(field, fields.Constant):
            return {"const": _in_json(field.constant)}
        if isinstance(field, fields.Tuple):
            items = [self.field2property(inner) for inner in field.tuple_fields]
            bounds: dict[str, Any] = {"type": "array", "minItems": len(items), "maxItems": len(items)}
            return {**bounds, "prefixItems" if self.dialect == "2020-12" else "items": items}
        if isinstance(field, fields.Decimal) and field.as_string:
            return {"type": "string", "format": "decimal"}
        written: dict[str, Any] = super().field2type_and_format(field, **kwargs)
        if written.get("format") == "url":
            written["format"] = "uri"
        elif written.get("format") == "ip":
            del written["format"]
        return written

    def field2default(self, field: Any, **kwargs: Any) -> dict[str, Any]:
        default = field.metadata.get("default", field.load_default)
        if default is missing or callable(default):
            return {}
        try:
            return {"default": field._serialize(default, None, None)}
        except (TypeError, ValueError, AttributeError):  # a default need not be what the field takes
            return {"default": default}

    def field2choices(self, field: Any, **kwargs: Any) -> dict[str, Any]:
        choices: list[Any] | None = None
        for validator in _validators(field):
            allowed: Iterable[Any]
            if isinstance(validator, validate.OneOf) and not isinstance(validator, validate.ContainsOnly):
                allowed = validator.choices
            elif isinstance(validator, validate.Equal):
                allowed = [validator.comparable]
            else:
                continue
            choices = [one for one in allowed if choices is None or one in choices]
        written: dict[str, Any] = {}
        if choices is not None:
            known = [_serialized(field, one) for one in choices]
            written["enum"] = [*known, None] if field.allow_none and None not in known else known
        for validator in _validators(field):
            if isinstance(validator, validate.NoneOf):
                written["not"] = {"enum": [_serialized(field, one) for one in validator.iterable]}
        return written

    def field2range(self, field: Any, ret: dict[str, Any]) -> dict[str, Any]:
        if ret.get("type") not in ("number", "integer"):
            return {}  # JSON Schema bounds numbers alone
        least, most, written = [], [], {}
        for validator in _validators(field):
            if isinstance(validator, validate.Range):
                if validator.min is not None:
                    least.append((validator.min, not validator.min_inclusive))
                if validator.max is not None:
                    most.append((validator.max, validator.max_inclusive))
        if least:
            bound, exclusive = max(least)
            written["exclusiveMinimum" if exclusive else "minimum"] = _number(bound)
        if most:
            bound, inclusive = min(most)
            written["maximum" if inclusive else "exclusiveMaximum"] = _number(bound)
        return written

    def field2length(self, field: Any, **kwargs: Any) -> dict[str, Any]:
        what = "Length"
        if isinstance(field, (fields.List, fields.Tuple)) or (isinstance(field, fields.Nested) and field.many):
            what = "Items"
        elif isinstance(field, fields.Dict):
            what = "Properties"
        written: dict[str, Any] = {}
        for validator in _validators(field):
            if isinstance(validator, validate.Length):
                low = validator.min if validator.equal is None else validator.equal
                high = validator.max if validator.equal is None else validator.equal
                if low is not None:
                    written[f"min{what}"] = max(low, written.get(f"min{what}", low))
                if high is not None:
                    written[f"max{what}"] = min(high, written.get(f"max{what}", high))
        return written

    def field2pattern(self, field: Any, **kwargs: Any) -> dict[str, Any]:
        found = [_pattern(one.regex) for one in _validators(field) if type(one) is validate.Regexp]
        patterns = [pattern for pattern in found if pattern is not None]
        if len(patterns) < 2:
            return {"pattern": patterns[0]} if patterns else {}
        return {"allOf": [{"pattern": pattern} for pattern in patterns]}

    def nested2properties(self, field: Any, ret: dict[str, Any]) -> dict[str, Any]:
        if not isinstance(field, fields.Nested) or isinstance(field, fields.Pluck):
            return ret
        from .jsonschemas import inherited

        used = inherited(field.schema, field.parent, field.unknown)
        reference = dict(self.nested(used))
        if field.many and reference.get("type") != "array":
            reference = {"type": "array", "items": reference}
        ret.pop("type", None)
        if self.dialect == "draft-07" and ret and "$ref" in reference:
            reference = {"allOf": [reference]}  # there, nothing stands beside a $ref
        ret.update(reference)
        return ret

    def list2properties(self, field: Any, **kwargs: Any) -> dict[str, Any]:
        written: dict[str, Any] = super().list2properties(field, **kwargs)
        for validator in _validators(field) if written else ():
            if isinstance(validator, validate.ContainsOnly):
                written["items"] = {
                    **written["items"],
                    "enum": [_serialized(field.inner, c) for c in validator.choices],
                }
        return written

    def dict2properties(self, field: Any, **kwargs: Any) -> dict[str, Any]:
        written: dict[str, Any] = super().dict2properties(field, **kwargs)
        if isinstance(field, fields.Dict) and field.key_field is not None:
            names = {**self.field2property(field.key_field), "type": "string"}
            if names != {"type": "string"}:
                written["propertyNames"] = names
        return written

    def enum2properties(self, field: Any, **kwargs: Any) -> dict[str, Any]:
        written: dict[str, Any] = super().enum2properties(field, **kwargs)
        if written and "type" not in written:
            kinds = {type(value) for value in written["enum"] if value is not None}
            if kinds == {str}:
                written["type"] = "string"
            elif kinds == {int}:
                written["type"] = "integer"
        return written

    def datetime2properties(self, field: Any, **kwargs: Any) -> dict[str, Any]:
        if not isinstance(field, fields.DateTime) or field.format in (None, "iso", "iso8601"):
            return {}
        if field.format in ("timestamp", "timestamp_ms"):
            return {"type": "number", "format": None}
        return {"type": "string", "format": None}

    def field2nullable(self, field: Any, ret: dict[str, Any]) -> dict[str, Any]:
        if field.allow_none and ret.get("type") == "array" and "$ref" not in ret:
            return {"type": ["array", "null"]}
        written: dict[str, Any] = super().field2nullable(field, ret)
        return written


def _validators(field: Any) -> Iterator[Any]:
    waiting = list(field.validators)
    while waiting:
        validator = waiting.pop(0)
        if isinstance(validator, validate.And):
            waiting[:0] = validator.validators
        else:
            yield validator


def _pattern(regex: re.Pattern[Any]) -> str | None:
    """Give a regular expression as JSON Schema has it, or nothing where that has none of its kind.

    marshmallow looks for it at the beginning of the text, JSON Schema anywhere in it.

    >>> _pattern(re.compile(r"[A-Z]{3}"))
    '^(?:[A-Z]{3})'
    """
    if regex.flags & ~re.UNICODE or not isinstance(regex.pattern, str):
        return None
    pattern: str = _NAMED.sub("(", regex.pattern).replace(r"\A", "^").replace(r"\Z", "$")
    if any(sign in pattern for sign in _PYTHON_ALONE):
        return None
    return pattern if pattern.startswith("^") and "|" not in pattern else f"^(?:{pattern})"


def _serialized(field: Any, value: Any) -> Any:
    try:
        return field._serialize(value, None, None)
    except (TypeError, ValueError, AttributeError):
        return value


def _number(value: Any) -> Any:
    return value if isinstance(value, (int, float)) else _in_json(Decimal(str(value)))


def _in_json(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, Enum):
        return _in_json(value.value)
    if isinstance(value, Mapping):
        return {str(name): _in_json(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_in_json(inner) for inner in value]
    try:
        return plain(value)
    except SerializationFailed:
        return str(value)
