"""The decorators of what stands around every handler: middleware, and the resources that it takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, overload

from .calls import told
from .decorations import OnNothing, OnTwo, Two
from .names import plain_name, wrong
from .options import called, middleware_record
from .places import site_of_caller, site_of_decoration
from .records import ResourceRecord
from .shapes import shape_of
from .shelves import ShelfWriter

__all__ = ["SurroundingDecorators"]

F = TypeVar("F", bound=Callable[..., Any])


class SurroundingDecorators(ShelfWriter):
    """`middleware` and `resource`."""

    __slots__ = ()

    @overload
    def middleware(self, fn: Two, /) -> Two: ...
    @overload
    def middleware(self, /) -> OnTwo: ...
    @told("@middleware")
    def middleware(self, fn: Callable[..., Any] | None = None, /) -> Any:
        """Stand around every message, once for each: `def around(message, call_next)`, the first registered outermost.

        >>> from cqrsless import Registry
        >>> orders = Registry("orders")
        >>> @orders.middleware
        ... def logged(message, call_next):
        ...     print("in:", message.name)
        ...     return call_next(message)
        """
        site = site_of_caller()

        def decorate(fn: F, /) -> F:
            here = site_of_decoration(fn, site)
            record = middleware_record(here.place, "middleware", fn)
            self._register(lambda: self._shelves.middleware.add(record, here, fn))
            return fn

        return decorate if fn is None else decorate(fn)

    @told('@resource("rates")')
    def resource(self, name: str) -> OnNothing:
        """Make something that handlers take by name, once for each application, when it is first needed.

        It takes other resources by name itself.

        >>> from cqrsless import Registry
        >>> orders = Registry("orders")
        >>> @orders.resource("rates")
        ... def rates():
        ...     return {"EUR": 1}
        >>> @orders.query_handler("GetRate")
        ... def get_rate(query, *, rates):
        ...     return rates[query["currency"]]
        """
        site = site_of_caller()
        plain_name(site.place, "resource", name)
        if name in ("message", "views"):
            raise wrong(site.place, f"a resource cannot be called {name!r}, which is injected already: rename it")
        if not name.isidentifier():
            fitting = name.replace("-", "_").replace(".", "_")
            raise wrong(site.place, f"the resource name {name!r} cannot name a parameter: write {fitting!r}")

        def decorate(fn: F, /) -> F:
            here = site_of_decoration(fn, site)
            inject, optional = shape_of(here.place, f"resource {name!r}", fn, ())
            record = ResourceRecord(name, called(fn), inject, optional, here.place)
            self._register(lambda: self._shelves.resources.put(name, f"resource {name!r}", record, here, fn))
            return fn

        return decorate
