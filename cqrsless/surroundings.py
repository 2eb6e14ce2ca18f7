"""What stands around every handler: the middleware that it runs inside, and what is injected into it by name."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from .messages import Message
from .resources import Resources

if TYPE_CHECKING:
    from .registry import MiddlewareRecord

__all__ = ["Step", "Surroundings", "reading_after"]

Step = Callable[[Message], Any]
#: The commits that the views of the query being answered are to hold.
_awaited: Final[ContextVar[tuple[Any, ...]]] = ContextVar("cqrsless_awaited", default=())


@contextmanager
def reading_after(*references: Any) -> Generator[None, None, None]:
    """Let the views that are read inside wait until they hold some commits."""
    token = _awaited.set(references)
    try:
        yield
    finally:
        _awaited.reset(token)


class Surroundings:
    """The middleware and resources of one application."""

    def __init__(self, middleware: Iterable[MiddlewareRecord], resources: Resources) -> None:
        self.resources = resources
        self._layers = [self._layer(record) for record in middleware]

    def around(self, own: Iterable[MiddlewareRecord], step: Step) -> Step:
        """Wrap a step in the application's middleware, outermost first, then in the handler's own."""
        for layer in reversed([*self._layers, *map(self._layer, own)]):
            step = partial(_through, layer, step)
        return step

    def injected(self, names: tuple[str, ...], message: Message) -> dict[str, Any]:
        """Give what a function takes by name."""
        given: dict[str, Any] = {name: message if name == "message" else self.resources.get(name) for name in names}
        if "views" in given and (awaited := _awaited.get()):
            given["views"] = given["views"].after(*awaited)
        return given

    def _layer(self, record: MiddlewareRecord) -> Callable[..., Any]:
        if not record.inject:
            return record.fn
        return lambda message, call_next: record.fn(message, call_next, **self.injected(record.inject, message))


def _through(layer: Callable[..., Any], step: Step, message: Message) -> Any:
    return layer(message, step)
