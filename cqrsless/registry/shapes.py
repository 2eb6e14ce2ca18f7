"""The shape of a function: how many positional parameters, and what it wants injected by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from types import FunctionType
from typing import Any, Final, NamedTuple

from .names import wrong
from .places import Place

__all__ = ["Shape", "is_generator_function", "shape_of"]

# Flags of a code object, as in the module `inspect`, which takes 10 ms to import.
VARARGS: Final = 0x04
VARKEYWORDS: Final = 0x08
GENERATOR: Final = 0x20
COROUTINE: Final = 0x80 | 0x100
ASYNC_GENERATOR: Final = 0x200

COUNTS: Final = ("no positional parameter", "1 positional parameter", "2 positional parameters")


class Shape(NamedTuple):
    """The keyword-only parameters, and those of them with a default."""

    inject: tuple[str, ...]
    optional: frozenset[str]


class _Parameters(NamedTuple):
    positional: tuple[str, ...]
    keyword_only: tuple[str, ...]
    optional: frozenset[str]
    variable: str | None


def shape_of(place: Place, who: str, fn: Callable[..., Any], takes: Sequence[str], *, yields: bool = False) -> Shape:
    """Check a function against the positional parameters that it gets, and say what else it wants.

    `takes` names them for the error text, `who` says what the function is for, and `yields` allows a generator.
    """
    if not callable(fn):
        raise wrong(place, f"{who} is {fn!r}, which is no function")
    label = f"{who} ({_label(fn)})"
    _check_kind(place, label, fn, yields)
    parameters = _parameters(place, label, fn)
    if parameters is None:  # written in C without a signature
        return Shape((), frozenset())
    if parameters.variable is not None:
        raise wrong(
            place,
            f"{label} takes {parameters.variable}, so what it needs cannot be told: name every parameter, "
            f"as in {_example(fn, takes)}",
        )
    if parameters.positional[:1] in (("self",), ("cls",)):
        raise wrong(
            place,
            f"{label} is a method, and nothing gives it its {parameters.positional[0]!r}: make it a function, or "
            "register the bound method of an object",
        )
    if len(parameters.positional) != len(takes):
        raise wrong(place, f"{label} {_miscount(fn, parameters.positional, takes)}")
    return Shape(parameters.keyword_only, parameters.optional)


def plain_shape_of(
    place: Place, who: str, fn: Callable[..., Any], takes: Sequence[str], *, yields: bool = False
) -> None:
    """Check a function that gets its positional parameters and nothing else."""
    shape = shape_of(place, who, fn, takes, yields=yields)
    wanted = [name for name in shape.inject if name not in shape.optional]
    if wanted:
        label = f"{who} ({_label(fn)})"
        raise wrong(place, f"{label} wants {wanted[0]!r} injected, and gets nothing here: write {_example(fn, takes)}")


def is_generator_function(fn: Callable[..., Any]) -> bool:
    return bool(_flags(fn) & GENERATOR)


def _check_kind(place: Place, label: str, fn: Callable[..., Any], yields: bool) -> None:
    flags = _flags(fn)
    if flags & (COROUTINE | ASYNC_GENERATOR):
        raise wrong(
            place,
            f"{label} is async, and nothing here runs an event loop: write a plain 'def', and run what must be awaited "
            "in it with asyncio.run(...)",
        )
    if flags & GENERATOR and not yields:
        raise wrong(place, f"{label} is a generator, so it returns no value: write 'return' in place of 'yield'")


def _flags(fn: Any) -> int:
    """Give the flags of the code that a call runs first; that of a wrapper, not of what it wraps."""
    while not isinstance(fn, FunctionType):
        if isinstance(fn, partial):
            fn = fn.func
        elif hasattr(fn, "__func__"):  # a bound method, a staticmethod
            fn = fn.__func__
        elif not isinstance(fn, type) and isinstance(type(fn).__call__, FunctionType):
            fn = type(fn).__call__
        else:
            return 0
    return fn.__code__.co_flags


def _parameters(place: Place, label: str, fn: Callable[..., Any]) -> _Parameters | None:
    if type(fn) is not FunctionType or hasattr(fn, "__wrapped__"):
        return _parameters_of_any(place, label, fn)
    code = fn.__code__
    count, total = code.co_argcount, code.co_argcount + code.co_kwonlyargcount
    variable = "*args" if code.co_flags & VARARGS else "**kwargs" if code.co_flags & VARKEYWORDS else None
    return _Parameters(
        code.co_varnames[:count], code.co_varnames[count:total], frozenset(fn.__kwdefaults__ or ()), variable
    )


def _parameters_of_any(place: Place, label: str, fn: Callable[..., Any]) -> _Parameters | None:
    import inspect

    try:
        parameters = inspect.signature(fn).parameters.values()
    except ValueError:
        return None
    except TypeError as error:
        raise wrong(place, f"{label} cannot be called: {error}") from error
    given = set(fn.keywords) if isinstance(fn, partial) else set[str]()
    keyword_only = [one for one in parameters if one.kind is one.KEYWORD_ONLY and one.name not in given]
    variable = [str(one) for one in parameters if one.kind in (one.VAR_POSITIONAL, one.VAR_KEYWORD)]
    return _Parameters(
        tuple(one.name for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)),
        tuple(one.name for one in keyword_only),
        frozenset(one.name for one in keyword_only if one.default is not one.empty),
        variable[0] if variable else None,
    )


def _miscount(fn: Callable[..., Any], has: Sequence[str], takes: Sequence[str]) -> str:
    text = f"takes {COUNTS[len(has)] if len(has) < len(COUNTS) else f'{len(has)} positional parameters'}"
    text += f", not {len(takes)}" + (f" ({' and '.join(takes)})" if takes else "")
    if len(has) > len(takes):
        text += ", and what is injected by name goes behind a '*'"
        return f"{text}: write {_example(fn, [*has[: len(takes)]], has[len(takes) :])}"
    return f"{text}: write {_example(fn, [*has, *takes[len(has) :]])}"


def _example(fn: Callable[..., Any], takes: Sequence[str], inject: Sequence[str] = ()) -> str:
    name = getattr(fn, "__name__", "handle")
    inside = [*takes, *(("*", *inject) if inject else ())]
    return f"'def {name if name.isidentifier() else 'handle'}({', '.join(inside)})'"


def _label(fn: Callable[..., Any]) -> str:
    return getattr(fn, "__qualname__", None) or type(fn).__qualname__
