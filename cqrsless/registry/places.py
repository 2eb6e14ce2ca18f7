"""Where in the user's files something was registered, and whether two registrations are one that ran again."""

from __future__ import annotations

import os
import sys
import weakref
from collections.abc import Callable
from functools import partial
from types import CodeType, FrameType
from typing import Any, Final, NamedTuple

__all__ = [
    "NOWHERE",
    "Origin",
    "Place",
    "Site",
    "defined",
    "identity",
    "same_definition",
    "site_of_caller",
    "unwrapped",
]


class Place(NamedTuple):
    """A line in a file, shown as a person would type it.

    >>> str(Place("/srv/orders/app.py", 12))
    '/srv/orders/app.py:12'
    """

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self._shown_file()}:{self.line}"

    def _shown_file(self) -> str:
        try:
            here = os.path.join(os.getcwd(), "")
        except OSError:  # the working directory was removed
            return self.file
        return self.file[len(here) :] if self.file.startswith(here) else self.file


NOWHERE: Final = Place("<unknown>", 0)
#: Code that stands between a decorator and whoever calls it, and is nobody's line.
PASSED_ON: Final[set[CodeType]] = set()


class Site(NamedTuple):
    """A line of a running module.

    `run` refers to the code that was running: `importlib.reload` makes new code from the same file, while two lines
    of one run belong to the same code. It is weak, so that a module's code is freed when its import ends.
    """

    place: Place
    module: str
    scope: str
    run: weakref.ref[CodeType]
    interactive: bool


class Origin(NamedTuple):
    """Who registered something: the site, and the function if there is one."""

    site: Site
    fn: Callable[..., Any] | None

    @property
    def function(self) -> tuple[str, str] | None:
        return None if self.fn is None else identity(self.fn)


def site_of_caller(depth: int = 1) -> Site:
    """Give the line that called the function that asks (further out with a greater `depth`)."""
    frame = _frame(depth + 2)
    if frame.f_code in PASSED_ON and frame.f_back is not None:
        frame = frame.f_back
    return _site(frame)


def site_of_decoration(fn: Callable[..., Any], made: Site, depth: int = 1) -> Site:
    """Give the line that decorates `fn`: the decorator's own, or that of a wrapper of the user's around it.

    `made` is where the decorator was made. That is the place itself, unless the decorator comes out of another
    module than the function does: then the nearest caller in the function's module is where a person has to look.
    """
    module = getattr(unwrapped(fn), "__module__", None)
    if module is None or module == made.module:
        return made
    frame: FrameType | None = _frame(depth + 2)
    while frame is not None:
        if frame.f_globals.get("__name__") == module:
            return _site(frame)
        frame = frame.f_back
    return made


def _frame(depth: int) -> FrameType:
    # `inspect.currentframe` is the same, and costs an import of 10 ms.
    return sys._getframe(depth)  # pyright: ignore[reportPrivateUsage]


def _site(frame: FrameType) -> Site:
    code = frame.f_code
    return Site(
        place=Place(code.co_filename, frame.f_lineno),
        module=str(frame.f_globals.get("__name__", "")),
        scope=code.co_name,
        run=weakref.ref(code),
        interactive="__file__" not in frame.f_globals or code.co_filename.startswith("<"),
    )


def unwrapped(fn: Any) -> Any:
    """Give the function inside partials, bound methods and `functools.wraps`, which is the one that a person wrote."""
    for _ in range(100):  # a wrapper may wrap itself
        inner = (
            fn.func if isinstance(fn, partial) else getattr(fn, "__wrapped__", None) or getattr(fn, "__func__", None)
        )
        if inner is None:
            return fn
        fn = inner
    return fn


def identity(fn: Any) -> tuple[str, str]:
    """Give the module and the qualified name of the function that a person wrote."""
    plain = unwrapped(fn)
    return getattr(plain, "__module__", None) or "", getattr(plain, "__qualname__", type(plain).__qualname__)


def defined(fn: Any) -> str:
    """Give a function's name as errors tell it, with the file and line of its definition.

    >>> defined(len), defined(defined).partition(":")[0].endswith("cqrsless/registry/places.py")
    ('len', True)
    """
    plain = unwrapped(fn)
    name = getattr(plain, "__qualname__", None) or type(plain).__qualname__
    code = getattr(plain, "__code__", None) or getattr(vars(type(plain)).get("__call__"), "__code__", None)
    return f"{name} ({Place(code.co_filename, code.co_firstlineno)})" if isinstance(code, CodeType) else name


def same_definition(old: Origin, new: Origin, equal: bool) -> bool:
    """Say whether `new` is `old` once more, so that it takes its place, and not a second thing of the same name.

    It is when the module runs again (`importlib.reload`, a failed import tried anew, a cell of a notebook), even if
    an edit has moved its lines; and when the very same line registers the very same thing (`equal`) again, as a
    function that is called twice does. Two lines of one run are two things.
    """
    if old.function != new.function or old.site.module != new.site.module:
        return False
    elsewhere = old.site.place.file != new.site.place.file or old.site.scope != new.site.scope
    if elsewhere and not new.site.interactive:  # each input of an interactive session is a file of its own
        return False
    if old.site.run() is not new.site.run():
        return True
    return equal and old.site.place == new.site.place
