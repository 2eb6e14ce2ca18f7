"""An application's own functions, each call noted, and some made to fail for a while."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from functools import wraps
from typing import Any, Final, Protocol

from ...errors import GiveUp, RetryLater
from ...logs import current_message
from ...messages import Command, Event, Message
from ...registry import MiddlewareRecord, Model, Registry

__all__ = ["BUS", "Call", "Execution", "Poison", "Poisoned", "Watched", "Watcher", "key_of"]


#: What stands for whoever takes public events, among the functions that may fail.
BUS: Final = "the bus"


class Poisoned(Exception):
    """A handler was made to fail here."""


class Poison:
    """Makes one function fail for one aggregate, until it is mended."""

    HOWS: Final = ("fails", "gives up", "asks for a later retry")

    def __init__(self, function: str, key: str, how: int) -> None:
        self.function, self.key = function, key
        self.how = self.HOWS[how % len(self.HOWS)]

    def take(self) -> None:
        if self.how == "gives up":
            raise GiveUp("simulated")
        if self.how == "asks for a later retry":
            raise RetryLater("simulated", after=timedelta(seconds=30))
        raise Poisoned(f"simulated: {self.function} cannot handle what happened to {self.key}")


class Call:
    """A call of one function with one event. `ended` is the moment it returned; `None` where it has not."""

    __slots__ = ("began", "ended", "function", "given", "kind", "message", "replaying", "task", "who")

    def __init__(self, function: str, kind: str, message: Message, began: int, who: int, task: int) -> None:
        self.function, self.kind, self.message = function, kind, message
        self.began, self.who, self.task = began, who, task
        self.ended: int | None = None
        self.replaying = message.replaying
        #: The commands, or public events, that it gave.
        self.given: Sequence[Any] = ()

    @property
    def key(self) -> str:
        """The aggregate that the event is of; its source, where it is an external one."""
        return key_of(self.message)


def key_of(message: Message) -> str:
    return message.source if message.aggregate_id is None else f"{message.source}#{message.aggregate_id}"


class Execution:
    """A command that was run, wherever it came from. `outcome` is `None` where it did not come to an end."""

    __slots__ = ("began", "message", "outcome", "task")

    def __init__(self, message: Message, began: int, task: int) -> None:
        self.message, self.began, self.task = message, began, task
        self.outcome: Any = None


class Watcher(Protocol):
    """Who notes calls."""

    def began(self, function: str, kind: str, message: Message) -> Call: ...
    def ended(self, call: Call) -> None: ...
    def executes(self, message: Message) -> Execution: ...


class Watched:
    """Stands for a registry, and gives its model with every reacting function watched."""

    def __init__(
        self,
        registry: Registry,
        model: Model,
        watcher: Watcher,
        versions: Mapping[str, int] | None = None,
        *,
        reacts: bool = True,
    ) -> None:
        self._registry = registry
        self._plain = model
        self._reacts = reacts
        self._watcher = watcher
        self._versions = versions or {}
        self._model: Model | None = None
        #: The names of the watched functions, of each kind in the model's order.
        self.handlers: list[str] = []
        self.projectors: list[str] = []
        self.publishers: list[str] = []

    @property
    def name(self) -> str:
        return self._registry.name

    @property
    def revision(self) -> int:
        return self._registry.revision

    @property
    def empty(self) -> bool:
        return self._registry.empty

    def freeze(self, provided: Iterable[str] = ()) -> Model:
        if self._model is None:
            model = self._plain
            if not self._reacts:
                model = model.replace(event_handlers=(), projectors=(), publishers=())
            self._model = model.replace(
                middleware=(MiddlewareRecord(self._around), *model.middleware),
                event_handlers=tuple(
                    one.replace(fn=self._watched(one.fn, one.processor, "handler", self.handlers))
                    for one in model.event_handlers
                ),
                projectors=tuple(
                    one.replace(
                        fn=_versioned(
                            self._watched(one.fn, one.view, "projector", self.projectors),
                            self._versions.get(one.view, 0),
                        )
                    )
                    for one in model.projectors
                ),
                publishers=tuple(
                    one.replace(fn=self._watched(one.fn, "publisher", "publisher", self.publishers))
                    for one in model.publishers
                ),
            )
        return self._model

    def _around(self, message: Message, call_next: Callable[[Message], Any]) -> Any:
        if message.kind != "command":
            return call_next(message)
        execution = self._watcher.executes(message)
        try:
            execution.outcome = call_next(message)
        except Exception as error:
            execution.outcome = error
            raise
        return execution.outcome

    @property
    def functions(self) -> list[str]:
        return [*self.handlers, *self.projectors, *self.publishers]

    def _watched(self, fn: Callable[..., Any], group: str, kind: str, names: list[str]) -> Callable[..., Any]:
        watcher = self._watcher
        name = f"{group}/{getattr(fn, '__qualname__', None) or type(fn).__qualname__}"
        if name in names:
            name = f"{name}~{len(names)}"
        names.append(name)

        @wraps(fn)
        def watched(*args: Any, **injected: Any) -> Any:
            message = injected.get("message") or current_message.get()
            assert message is not None
            call = watcher.began(name, kind, message)
            given = fn(*args, **injected)
            if kind != "projector":
                given = _settled(given)
                call.given = given
            watcher.ended(call)
            return given

        return watched


def _versioned(fn: Any, version: int) -> Any:
    """Make a function look as if its code were another one: a deploy with changed projectors."""
    if version:
        fn.__code__ = fn.__code__.replace(co_consts=(*fn.__code__.co_consts, f"version {version}"))
    return fn


def _settled(given: Any) -> Any:
    """Give what a handler returned so that it can be looked at twice: a generator is run to its end."""
    if given is None or isinstance(given, (Command, Event, str, bytes, dict, list, tuple)):
        return given
    try:
        return list(given)
    except TypeError:
        return given
