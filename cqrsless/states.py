"""An aggregate's state and an event's payload, to stored text and back, whatever they are declared as."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from typing import TYPE_CHECKING, Any, Protocol

from . import codec, schemas
from .errors import InvalidReturn, SerializationFailed, returned

if TYPE_CHECKING:
    from marshmallow import Schema


class StateCodec(Protocol):
    """How one aggregate's state is stored.

    `shared` says that a state that `encode` or `read` gave cannot be changed in place. Else `copied` makes a private
    copy of it; `None` where only reading its text again does.
    """

    @property
    def shared(self) -> bool: ...
    @property
    def copied(self) -> Callable[[Any], Any] | None: ...
    def initial(self) -> Any: ...

    def encode(self, state: Any) -> tuple[str, Any]:
        """Give a state's text and the state as a later read will give it; what cannot be read back is refused here."""
        ...

    def read(self, stored: Any) -> Any:
        """Make a state of a decoded stored form."""
        ...


class DictState:
    def __init__(self, what: str) -> None:
        self.shared = False
        self.copied = codec.copied
        self._what = what

    def initial(self) -> Any:
        return {}

    def encode(self, state: Any) -> tuple[str, Any]:
        if not isinstance(state, dict):
            raise SerializationFailed(f"{self._what} is a dict, but the handler returned {returned(state)}")
        return codec.encode(state, self._what)

    def read(self, stored: Any) -> Any:
        return stored


class SchemaState:
    def __init__(self, schema: Any, what: str, *, may_be_empty: bool) -> None:
        self.shared = False
        self.copied = None
        self._schema: Schema = schemas.instance(schema)
        self._what = what
        # What is folded starts before its first event, so `{}` stands even where the schema requires something.
        self._may_be_empty = may_be_empty

    def initial(self) -> Any:
        return schemas.initial(self._schema)

    def encode(self, state: Any) -> tuple[str, Any]:
        if self._may_be_empty and state == {}:
            return "{}", self.initial()
        if isinstance(state, Exception):  # of which a schema would dump nothing
            raise SerializationFailed(f"{self._what} has a schema, but the handler returned {returned(state)}")
        text, plain = codec.encode(schemas.dump(self._schema, state, self._what), self._what)
        return text, schemas.reload(self._schema, plain, self._what)

    def read(self, stored: Any) -> Any:
        if self._may_be_empty and stored == {}:
            return self.initial()
        return schemas.reload(self._schema, stored, self._what)


def state_codec(state: Any, aggregate: str, *, event_sourced: bool = False) -> StateCodec:
    what = f"the state of {aggregate}"
    if state is None or state is dict:
        return DictState(what)
    if isinstance(state, type) and is_dataclass(state):
        from .dataclass_states import DataclassState  # most applications have none

        return DataclassState(state, what)
    return SchemaState(state, what, may_be_empty=event_sourced)


class PayloadCodec:
    """How one event's payload is stored, with its schema's form and its version.

    `encode` gives the stored text and the payload as a later read will give it; `decode` brings a stored payload up
    to date first.
    """

    def __init__(
        self,
        name: str,
        *,
        schema: Any = None,
        version: int = 1,
        upcasters: Mapping[int, Callable[[Any], Any]] | None = None,
    ) -> None:
        self.name = name
        self.version = version
        #: What stands before and behind a payload in the stored form of its event.
        self.opening = f"[{codec.quoted(name)},"
        self.closing = "]" if version == 1 else f",{version}]"
        self._schema: Schema | None = None if schema is None else schemas.instance(schema)
        self._upcasters = dict(upcasters or {})
        self.what = f"the payload of {name}"
        #: Whether a payload is stored as it is given.
        self.plain = schema is None

    def encode(self, payload: Any) -> tuple[str, Any]:
        if self._schema is None:
            return codec.encode(payload, self.what)
        text, plain = codec.encode(schemas.dump(self._schema, payload, self.what), self.what)
        return text, schemas.reload(self._schema, plain, self.what)

    def decode(self, stored: Any, version: int) -> Any:
        for step in range(version, self.version):
            stored = upcast(self._upcasters[step], stored, self.what)
        return stored if self._schema is None else schemas.reload(self._schema, stored, self.what)


def upcast(fn: Callable[[Any], Any], stored: Any, what: str) -> Any:
    """Bring a decoded stored form one version up."""
    after = fn(stored)
    if after is None and stored is not None:
        raise InvalidReturn(
            f"the upcaster {fn.__qualname__} of {what} returned None: return the new one, even where the old was "
            "changed in place"
        )
    return after
