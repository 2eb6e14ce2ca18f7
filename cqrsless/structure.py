"""Dataclasses to plain values and back, by their type hints.

Converters are compiled once per class. `None` stands for "as it is": the codec stores the value itself.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from threading import RLock
from typing import Annotated, Any, Final, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from .errors import RegistrationError, SerializationFailed

Convert = Callable[[Any], Any]
_IMMUTABLE: Final = (str, int, float, bool, bytes, Decimal, datetime, date, time, timedelta, UUID, type(None))


class Converter(NamedTuple):
    """`to_plain` and `from_plain` (`None`: as it is), and whether the type's values can be shared safely.

    `apart` takes a dataclass apart whose fields are all stored as they are, and that is made of them and of nothing
    else: an object of it that is stored and read back is the same again.
    """

    to_plain: Convert | None = None
    from_plain: Convert | None = None
    immutable: bool = False
    apart: Callable[[Any], dict[str, Any]] | None = None


_AS_IT_IS: Final = Converter()
_SHARED: Final = Converter(immutable=True)


class Misfit(Exception):
    """A value is not of its type hint; `path` says where, as in `lines[2].price`."""

    def __init__(self, why: str, path: str = "") -> None:
        super().__init__(why)
        self.path = path


def converter(hint: Any, where: str) -> Converter:
    """Compile the converter of a type hint; `where` is for errors: `Account.owner`."""
    origin = get_origin(hint)
    if origin is Annotated:
        return converter(get_args(hint)[0], where)
    if origin is Literal:
        return _literal(get_args(hint))
    if type(hint).__name__ == "TypeAliasType":  # `type Lines = list[Line]`, from Python 3.12
        return converter(hint.__value__, where)
    if hasattr(hint, "__supertype__"):
        return converter(hint.__supertype__, where)
    if origin in (Union, types.UnionType):
        return _union(get_args(hint), where)
    if isinstance(hint, type) and origin is None:
        if issubclass(hint, Enum):
            return Converter(_value_of(hint), hint, immutable=True)
        if is_dataclass(hint):
            return _of_dataclass(hint)
        if hint in _IMMUTABLE:
            return _SHARED
        if hint is tuple:
            return Converter(list, tuple)
        if hint in (set, frozenset):
            return Converter(_in_order, hint)
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


def _value_of(cls: type[Enum]) -> Convert:
    def value_of(member: Any) -> Any:
        if isinstance(member, cls):
            return member.value
        raise Misfit(f"expected {cls.__name__}, found {member!r}")

    return value_of


def _literal(args: tuple[Any, ...]) -> Converter:
    members = {arg.value: arg for arg in args if isinstance(arg, Enum)}
    if not members:
        return _SHARED
    return Converter(
        lambda value: value.value if isinstance(value, Enum) else value,
        lambda stored: members.get(stored, stored),
        immutable=True,
    )


def _in_order(values: Any) -> list[Any]:
    """Give a set's values in an order that is the same in every process."""
    return sorted(values, key=repr)


def _collection(cls: Any, inner: Converter, *, plain: bool = False) -> Converter:
    to, back = inner.to_plain, inner.from_plain
    if plain and to is None and back is None:
        return _AS_IT_IS
    each: Convert = (lambda values: _each(to, values)) if to else list
    return Converter(
        (lambda values: _in_order(each(values))) if cls in (set, frozenset) else each,
        (lambda values: cls(back(value) for value in values)) if back else cls,
        immutable=cls is frozenset and inner.immutable,
    )


def _each(to: Convert, values: Any) -> list[Any]:
    try:
        return [to(value) for value in values]
    except Exception:
        for index, value in enumerate(values):
            _locate(f"[{index}]", to, value)
        raise


def _locate(step: str, to: Convert | None, value: Any) -> None:
    """Convert once more what may have failed, to say where."""
    try:
        if to is not None:
            to(value)
    except Misfit as error:
        inner = error.path
        raise Misfit(str(error), step + (f".{inner}" if inner and inner[0] != "[" else inner)) from error
    except Exception as error:
        raise Misfit(str(error), step) from error


def _tuple(args: tuple[Any, ...], where: str) -> Converter:
    if len(args) == 2 and args[1] is Ellipsis:
        inner = converter(args[0], where)
        made = _collection(tuple, inner)
        return Converter(made.to_plain, made.from_plain, immutable=inner.immutable)
    inners = [converter(arg, where) for arg in args]

    def to(values: Any) -> list[Any]:
        if len(values) != len(inners):
            raise Misfit(f"expected {len(inners)} values, found {len(values)}")
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
            f"{where}: which of {names} a stored value was cannot be told; use one type, or a marshmallow schema as "
            "state"
        )
    (inner,) = special.values()
    to, back = inner.to_plain, inner.from_plain
    return Converter(
        (lambda value: None if value is None else to(value)) if to else None,
        (lambda value: None if value is None else back(value)) if back else None,
        immutable=immutable,
    )


_compiled: Final[dict[type, Converter]] = {}
_under_way: Final[set[type]] = set()
_compiling: Final = RLock()


def _of_dataclass(cls: Any) -> Converter:
    done = _compiled.get(cls)
    if done is not None:
        return done
    with _compiling:
        if cls in _under_way:  # a class that holds itself: looked up when used, once it is compiled
            return Converter(lambda v: _of_dataclass(cls).to_plain(v), lambda v: _of_dataclass(cls).from_plain(v))  # type: ignore[misc]  # a dataclass has both
        _under_way.add(cls)
        try:
            _compiled[cls] = made = _compile(cls)
        finally:
            _under_way.discard(cls)
    return made


def _compile(cls: Any) -> Converter:
    try:
        hints = get_type_hints(cls, include_extras=True)
    except NameError as error:
        raise RegistrationError(f"the type hints of {cls.__name__} cannot be read: {error}") from error
    parts = {f.name: converter(hints[f.name], f"{cls.__name__}.{f.name}") for f in fields(cls)}
    made = {f.name for f in fields(cls) if f.init}
    required = {f.name for f in fields(cls) if f.init and f.default is MISSING and f.default_factory is MISSING}
    to_steps = [(name, part.to_plain) for name, part in parts.items()]
    back_steps = {name: part.from_plain for name, part in parts.items()}

    def to(value: Any) -> dict[str, Any]:
        if type(value) is not cls:  # also not a subclass: what it adds would be lost
            raise Misfit(f"expected {cls.__name__}, found {type(value).__name__}")
        try:
            return {name: step(getattr(value, name)) if step else getattr(value, name) for name, step in to_steps}
        except Exception:
            for name, step in to_steps:
                _locate(name, step, getattr(value, name))
            raise

    # What is stored of a class of plain values is nearly always just what makes it.
    plain = not any(back_steps.values()) and made == parts.keys()

    def back(stored: Any) -> Any:
        if plain and stored.keys() == made:
            return cls(**stored)
        values = {}
        for name, inner in stored.items():
            if name not in back_steps:
                raise SerializationFailed(
                    f"a stored {cls.__name__} has the field {name!r}, which the class lacks: keep the field, or raise "
                    "the aggregate's state_version and, if it is state-stored, add a @state_upcaster",
                    path=name,
                )
            if name in made:
                step = back_steps[name]
                values[name] = step(inner) if step else inner
        missing = required - values.keys()
        if missing:
            raise SerializationFailed(
                f"a stored {cls.__name__} lacks {', '.join(sorted(missing))}: give the field a default, or raise the "
                "aggregate's state_version and, if it is state-stored, add a @state_upcaster",
                path=sorted(missing)[0],
            )
        return cls(**values)

    frozen = bool(cls.__dataclass_params__.frozen)
    return Converter(
        to, back, immutable=frozen and all(part.immutable for part in parts.values()), apart=_apart(cls, parts)
    )


def _apart(cls: Any, parts: Mapping[str, Converter]) -> Callable[[Any], dict[str, Any]] | None:
    """Give what takes apart a dataclass that is nothing but its fields; none where making it may do more."""
    generated = getattr(cls.__init__, "__code__", None)
    if (
        any(part.to_plain or part.from_plain for part in parts.values())
        or not all(f.init for f in fields(cls))
        or hasattr(cls, "__post_init__")
        or cls.__new__ is not object.__new__
        or generated is None
        or generated.co_filename != "<string>"  # where `dataclass` has its functions from
    ):
        return None
    # As `dataclass` makes its functions: of source, for names that it has seen to be names. A loop takes four times as
    # long.
    body = ", ".join(f"{name!r}: state.{name}" for name in parts)
    apart: Callable[[Any], dict[str, Any]] = eval(f"lambda state: {{{body}}}", {})
    return apart
