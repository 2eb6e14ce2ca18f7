"""Dataclasses to plain values and back, by their type hints.

Converters are compiled once per class. `None` stands for "as it is": the codec stores the value itself.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from .errors import RegistrationError, SerializationFailed

Convert = Callable[[Any], Any]
_IMMUTABLE: Final = (str, int, float, bool, bytes, Decimal, datetime, date, time, timedelta, UUID, type(None))


@dataclass(frozen=True, slots=True)
class Converter:
    """`to_plain` and `from_plain` (`None`: as it is), and whether the type's values can be shared safely."""

    to_plain: Convert | None = None
    from_plain: Convert | None = None
    immutable: bool = False


_AS_IT_IS: Final = Converter()
_SHARED: Final = Converter(immutable=True)


def converter(hint: Any, where: str) -> Converter:
    """Compile the converter of a type hint; `where` is for errors: `Account.owner`."""
    origin = get_origin(hint)
    if origin is Annotated:
        return converter(get_args(hint)[0], where)
    if origin is Literal:
        return _SHARED
    if hasattr(hint, "__supertype__"):
        return converter(hint.__supertype__, where)
    if origin in (Union, types.UnionType):
        return _union(get_args(hint), where)
    if isinstance(hint, type) and origin is None:
        if issubclass(hint, Enum):
            return Converter(lambda member: member.value, hint, immutable=True)
        if is_dataclass(hint):
            return _of_dataclass(hint)
        if hint in _IMMUTABLE:
            return _SHARED
        if hint in (tuple, set, frozenset):
            return Converter(list, hint)
        return _AS_IT_IS
    if origin in (set, frozenset):
        return _collection(origin, converter(get_args(hint)[0], where))
    if origin is tuple:
        return _tuple(get_args(hint), where)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _mapping(get_args(hint), where)
    if isinstance(origin, type) and hasattr(origin, "__iter__") and len(get_args(hint)) == 1:
        return _collection(list, converter(get_args(hint)[0], where), plain=True)
    return _AS_IT_IS


def _collection(cls: Any, inner: Converter, *, plain: bool = False) -> Converter:
    to, back = inner.to_plain, inner.from_plain
    if plain and to is None and back is None:
        return _AS_IT_IS
    return Converter(
        (lambda values: [to(value) for value in values]) if to else list,
        (lambda values: cls(back(value) for value in values)) if back else cls,
        immutable=cls is frozenset and inner.immutable,
    )


def _tuple(args: tuple[Any, ...], where: str) -> Converter:
    if len(args) == 2 and args[1] is Ellipsis:
        inner = converter(args[0], where)
        made = _collection(tuple, inner)
        return Converter(made.to_plain, made.from_plain, immutable=inner.immutable)
    inners = [converter(arg, where) for arg in args]

    def to(values: Any) -> list[Any]:
        return [c.to_plain(v) if c.to_plain else v for c, v in zip(inners, values, strict=True)]

    def back(values: Any) -> tuple[Any, ...]:
        return tuple(c.from_plain(v) if c.from_plain else v for c, v in zip(inners, values, strict=True))

    return Converter(to, back, immutable=all(inner.immutable for inner in inners))


def _mapping(args: tuple[Any, ...], where: str) -> Converter:
    key_type = args[0] if args else str
    inner = converter(args[1], where) if len(args) > 1 else _AS_IT_IS
    to, back = inner.to_plain, inner.from_plain
    if key_type in (str, Any):
        if to is None and back is None:
            return _AS_IT_IS
        return Converter(
            lambda value: {key: to(v) if to else v for key, v in value.items()},
            lambda value: {key: back(v) if back else v for key, v in value.items()},
        )
    if key_type in (int, UUID):
        key_to: Convert = str
        key_back: Convert = key_type
    elif isinstance(key_type, type) and issubclass(key_type, Enum):
        if not all(isinstance(member.value, str) for member in key_type):
            raise RegistrationError(f"{where}: the keys {key_type.__name__} have values that are not strings; use str")
        key_to, key_back = (lambda member: member.value), key_type
    else:
        raise RegistrationError(f"{where}: keys of type {key_type!r} cannot be stored; use str, int, UUID or an Enum")
    return Converter(
        lambda value: {key_to(key): to(v) if to else v for key, v in value.items()},
        lambda value: {key_back(key): back(v) if back else v for key, v in value.items()},
    )


def _union(args: tuple[Any, ...], where: str) -> Converter:
    inners = {arg: converter(arg, where) for arg in args if arg is not type(None)}
    special = {arg: c for arg, c in inners.items() if c.to_plain or c.from_plain}
    immutable = all(c.immutable for c in inners.values())
    if not special:
        return Converter(immutable=immutable)
    if len(inners) > 1:
        names = " | ".join(getattr(arg, "__name__", str(arg)) for arg in inners)
        raise RegistrationError(
            f"{where}: which of {names} a stored value was cannot be told; use one type, or a marshmallow schema as state"
        )
    (inner,) = special.values()
    to, back = inner.to_plain, inner.from_plain
    return Converter(
        (lambda value: None if value is None else to(value)) if to else None,
        (lambda value: None if value is None else back(value)) if back else None,
        immutable=immutable,
    )


_compiling: Final[dict[type, Converter]] = {}


def _of_dataclass(cls: Any) -> Converter:
    if cls in _compiling:  # a class that holds itself: looked up when used, once it is compiled
        known = _compiling
        return Converter(lambda v: known[cls].to_plain(v), lambda v: known[cls].from_plain(v))  # type: ignore[misc]  # set below
    _compiling[cls] = _AS_IT_IS
    try:
        hints = get_type_hints(cls, include_extras=True)
    except NameError as error:
        del _compiling[cls]
        raise RegistrationError(f"the type hints of {cls.__name__} cannot be read: {error}") from error
    try:
        parts = {f.name: converter(hints[f.name], f"{cls.__name__}.{f.name}") for f in fields(cls)}
    except RegistrationError:
        del _compiling[cls]
        raise
    made = {f.name for f in fields(cls) if f.init}
    required = {f.name for f in fields(cls) if f.init and f.default is MISSING and f.default_factory is MISSING}
    to_steps = [(name, part.to_plain) for name, part in parts.items()]
    back_steps = {name: part.from_plain for name, part in parts.items()}

    def to(value: Any) -> dict[str, Any]:
        if type(value) is not cls and not isinstance(value, cls):
            raise SerializationFailed(f"expected {cls.__name__}, found {type(value).__name__}", path=cls.__name__)
        return {name: step(getattr(value, name)) if step else getattr(value, name) for name, step in to_steps}

    def back(stored: Any) -> Any:
        values = {}
        for name, inner in stored.items():
            if name not in back_steps:
                raise SerializationFailed(
                    f"a stored {cls.__name__} has the field {name!r}, which the class lacks: keep the field, or raise "
                    "the aggregate's state_version and add a @state_upcaster",
                    path=name,
                )
            if name in made:
                step = back_steps[name]
                values[name] = step(inner) if step else inner
        missing = required - values.keys()
        if missing:
            raise SerializationFailed(
                f"a stored {cls.__name__} lacks {', '.join(sorted(missing))}: give the field a default, or raise the "
                "aggregate's state_version and add a @state_upcaster",
                path=sorted(missing)[0],
            )
        return cls(**values)

    frozen = bool(cls.__dataclass_params__.frozen)
    result = Converter(to, back, immutable=frozen and all(part.immutable for part in parts.values()))
    _compiling[cls] = result
    return result
