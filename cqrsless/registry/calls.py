"""How a decorator is called wrongly: an option that it has not, a name or an option that it lacks."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

from .names import did_you_mean, wrong
from .places import PASSED_ON, site_of_caller

if TYPE_CHECKING:
    from inspect import Parameter

__all__ = ["told"]

F = TypeVar("F", bound=Callable[..., Any])

#: Characters of a value that an error shows.
_SHOWN = 60


def told(example: str) -> Callable[[F], F]:
    """Tell a call that does not fit a decorator's signature by that decorator's name, with an example of a right one.

    Python's own error names neither the line nor what was meant. Type checkers see the decorator as it is.
    """

    def around(fn: F) -> F:
        @wraps(fn)
        def checked(self: Any, *args: Any, **named: Any) -> Any:
            try:
                return fn(self, *args, **named)
            except TypeError as error:
                if error.__traceback__ is None or error.__traceback__.tb_next is not None:
                    raise  # out of the decorator, which was called as it is to be
            raise wrong(site_of_caller().place, _mistake(fn, example, args, named))

        function: Any = checked
        PASSED_ON.add(function.__code__)
        return cast("F", checked)

    return around


def _mistake(fn: Callable[..., Any], example: str, args: Sequence[Any], named: Mapping[str, Any]) -> str:
    from inspect import signature  # an import of 10 ms, where something is wrong already

    name = example.partition("(")[0]
    who = name if name.startswith("@") else f"{name}()"
    own = [one for one in signature(fn).parameters.values() if one.name != "self"]
    kinds = [one.kind.name for one in own]
    options = [one.name for one in own if one.kind.name == "KEYWORD_ONLY"]
    takes = f"it takes {', '.join(f'{one}=' for one in options)}, as in {example}"
    if not options:
        takes = f"write {example}"
    for option in named:
        if "VAR_KEYWORD" not in kinds and option not in {one.name for one in own}:
            near = did_you_mean(option, options).removesuffix("?")
            return f"{who} has no option {option}={near}: {takes}"
    most = sum(kind.startswith("POSITIONAL") for kind in kinds)
    if len(args) > most and "VAR_POSITIONAL" not in kinds:
        more = repr(args[most])
        shown = more if len(more) <= _SHOWN else f"{more[:_SHOWN]}…"
        return f"{who} is given {shown} without the name of an option: {takes}"
    return f"{who} {_lacking(own, len(args), named)}: write {example}"


def _lacking(own: Sequence[Parameter], given: int, named: Collection[str]) -> str:
    """Say what is required and was not given."""
    lacking: list[str] = []
    for at, one in enumerate(own):
        if one.kind is one.KEYWORD_ONLY:
            if one.default is one.empty and one.name not in named:
                lacking.append(f"{one.name}=")
        elif one.kind is one.POSITIONAL_OR_KEYWORD and at >= given and one.name not in named:
            return "has no name" if one.name == "name" else f"does not say of which {one.name}"
        elif at < given and one.name in named:
            return f"is given its {one.name} twice"
    return f"needs {' and '.join(lacking)}" if lacking else "is called wrongly"
