"""Filter criteria of an event source mapping: EventBridge's matching rules, on a DynamoDB record's `dynamodb` key.

A record passes if one of up to five patterns matches ("Control which events Lambda sends to your function"). In a
pattern, an object names fields that must all match, a list the rules of which one must. What a filter lets through
only saves money; nothing may depend on it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, NoReturn

#: "By default, you can define up to five different filters for a single event source mapping."
MOST_PATTERNS: Final = 5
#: API reference, Filter: "Maximum length of 4096".
LONGEST_PATTERN: Final = 4096

#: The leaves that a field leads to: none where it is missing, leads to an object, or to an empty list.
_Leaves = list[Any]
_Rule = Callable[[_Leaves], bool]
_Match = Callable[[Any], bool]


class _Number(str):
    """A number as it is written: numbers are equal if their texts are (300 and 300.0 are not)."""

    __slots__ = ()


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not a JSON number")


_read: Final = json.JSONDecoder(parse_int=_Number, parse_float=_Number, parse_constant=_refuse).decode


def compile_filters(patterns: Sequence[str]) -> Callable[[Mapping[str, Any]], bool]:
    """Make a predicate over records of filter patterns; with none, every record passes.

    Raises `ValueError` for a pattern that Lambda would not take, as it does when a mapping is made.

    >>> passes = compile_filters(['{"dynamodb": {"NewImage": {"pk": {"S": [{"prefix": "Order#"}]}}}}'])
    >>> passes({"dynamodb": {"NewImage": {"pk": {"S": "Order#o-1"}}}}), passes({"dynamodb": {}})
    (True, False)
    """
    if len(patterns) > MOST_PATTERNS:
        raise ValueError(f"a mapping has at most {MOST_PATTERNS} filter patterns, not {len(patterns)}: join some")
    matches = [_compile(pattern) for pattern in patterns]
    if not matches:
        return lambda record: True
    return lambda record: any(match(record) for match in matches)


def _compile(pattern: str) -> _Match:
    if len(pattern) > LONGEST_PATTERN:
        raise ValueError(f"a filter pattern has at most {LONGEST_PATTERN} characters; this one has {len(pattern)}")
    try:
        document = _read(pattern)
    except ValueError as error:
        raise ValueError(f"the filter pattern {pattern!r} is not JSON: {error}") from None
    if not isinstance(document, dict) or not document:
        raise ValueError(f"the filter pattern {pattern!r} is not a JSON object with fields")
    other = document.keys() - {"dynamodb"}
    if other:
        raise ValueError(
            f"the filter pattern {pattern!r} filters on {', '.join(sorted(other))}: mappings on DynamoDB support "
            "filtering on the 'dynamodb' key only (a removal is told by its missing NewImage)"
        )
    if isinstance(document["dynamodb"], list):
        raise ValueError(f"the filter pattern {pattern!r} has rules for 'dynamodb' itself, which is an object")
    return _object(document, pattern)


def _object(fields: Mapping[str, Any], pattern: str) -> _Match:
    if not fields:
        raise ValueError(f"the filter pattern {pattern!r} holds an empty object: name a field, or leave it out")
    parts: list[_Match] = []
    for name, rule in fields.items():
        if name == "$or":
            parts.append(_either(rule, pattern))
        elif isinstance(rule, dict):
            parts.append(_inside(name, _object(rule, pattern)))
        elif isinstance(rule, list) and rule:
            parts.append(_leaf(name, [_rule(one, pattern) for one in rule]))
        else:
            raise ValueError(f'in the filter pattern {pattern!r}, {name!r} needs a list of rules, such as ["value"]')
    return lambda value: all(part(value) for part in parts)


def _either(rule: Any, pattern: str) -> _Match:
    if not isinstance(rule, list) or not rule or not all(isinstance(one, dict) for one in rule):
        raise ValueError(f"in the filter pattern {pattern!r}, '$or' needs a list of objects")
    parts = [_object(one, pattern) for one in rule]
    return lambda value: any(part(value) for part in parts)


def _inside(name: str, match: _Match) -> _Match:
    def matches(value: Any) -> bool:
        inner = value.get(name) if isinstance(value, Mapping) else None
        if isinstance(inner, list):
            return any(match(one) for one in inner)
        return match(inner)

    return matches


def _leaf(name: str, rules: Sequence[_Rule]) -> _Match:
    def matches(value: Any) -> bool:
        leaves = _leaves(value[name]) if isinstance(value, Mapping) and name in value else []
        return any(rule(leaves) for rule in rules)

    return matches


def _leaves(value: Any) -> _Leaves:
    """Give what a rule is held against: a value, or each of a list ("an array matches if it intersects")."""
    if isinstance(value, list):
        return [leaf for one in value for leaf in _leaves(one)]
    return [] if isinstance(value, Mapping) else [value]


def _rule(rule: Any, pattern: str) -> _Rule:
    if not isinstance(rule, dict):
        return _some(_equals(rule))
    if len(rule) != 1:
        raise ValueError(f"in the filter pattern {pattern!r}, {json.dumps(rule)} is no rule: a rule has one operator")
    ((operator, given),) = rule.items()
    if operator == "exists" and isinstance(given, bool):
        return lambda leaves: bool(leaves) is given
    if operator == "prefix" and _is_text(given):
        return _some(lambda leaf: isinstance(leaf, str) and leaf.startswith(given))
    if operator == "suffix" and _is_text(given):
        return _some(lambda leaf: isinstance(leaf, str) and leaf.endswith(given))
    if operator == "equals-ignore-case" and _is_text(given):
        return _some(lambda leaf: isinstance(leaf, str) and leaf.casefold() == given.casefold())
    if operator == "anything-but":
        refused = given if isinstance(given, list) else [given]
        if refused and all(isinstance(one, str) for one in refused):  # a number is a text here, too
            equal = [_equals(one) for one in refused]
            return _some(lambda leaf: not any(match(leaf) for match in equal))
    if operator == "numeric" and isinstance(given, list):
        return _some(_numeric(given, pattern))
    raise ValueError(
        f"in the filter pattern {pattern!r}, the rule {json.dumps(rule)} is none that Lambda has: a value, or "
        '{"prefix": text}, {"suffix": text}, {"equals-ignore-case": text}, {"exists": true or false}, '
        '{"anything-but": [values]}, {"numeric": [">", 1, "<=", 5]}'
    )


def _is_text(given: Any) -> bool:
    return type(given) is str


def _some(match: _Match) -> _Rule:
    return lambda leaves: any(match(leaf) for leaf in leaves)


def _equals(wanted: Any) -> _Match:
    if isinstance(wanted, _Number):
        return lambda leaf: type(leaf) in (int, float) and json.dumps(leaf) == wanted
    return lambda leaf: type(leaf) is type(wanted) and leaf == wanted


_COMPARE: Final[Mapping[str, Callable[[Decimal, Decimal], bool]]] = {
    "=": lambda a, b: a == b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def _numeric(given: Sequence[Any], pattern: str) -> _Match:
    """Compare numbers. A number in a DynamoDB image is a text (`{"N": "101"}`), which no numeric rule matches."""
    pairs = list(zip(given[::2], given[1::2], strict=False))
    if not pairs or len(given) % 2 or not all(o in _COMPARE and isinstance(n, _Number) for o, n in pairs):
        raise ValueError(f'in the filter pattern {pattern!r}, \'numeric\' needs pairs such as [">", 1, "<=", 5]')
    tests = [(_COMPARE[operator], Decimal(number)) for operator, number in pairs]

    def matches(leaf: Any) -> bool:
        if type(leaf) not in (int, float):
            return False
        number = Decimal(json.dumps(leaf))
        return all(compare(number, bound) for compare, bound in tests)

    return matches
