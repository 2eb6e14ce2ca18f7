"""An aggregate's state and an event's payload, to stored text and back, whatever they are declared as."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from typing import TYPE_CHECKING, Any, Protocol

from . import codec, schemas
from .errors import SerializationFailed
from .structure import converter

if TYPE_CHECKING:
    from marshmallow import Schema


class StateCodec(Protocol):
    """How one aggregate's state is stored.

    `shareable` says that a state cannot be changed in place, so one object serves the cache and every handler.
    """

    shareable: bool

    def initial(self) -> Any: ...
    def encode(self, state: Any) -> str: ...
    def read(self, stored: Any) -> Any:
        """Make a state of a decoded stored form."""
        ...


class DictState:
    shareable = False

    def __init__(self, what: str) -> None:
        self._what = what

    def initial(self) -> Any:
        return {}

    def encode(self, state: Any) -> str:
        if not isinstance(state, dict):
            raise SerializationFailed(f"{self._what} is a dict, but the handler returned {_a(state)}")
        return codec.encode(state, self._what)[0]

    def read(self, stored: Any) -> Any:
        return stored


class DataclassState:
    def __init__(self, cls: Any, what: str) -> None:
        made = converter(cls, cls.__name__)
        assert made.to_plain and made.from_plain
        self._cls, self._what = cls, what
        self._to, self._from = made.to_plain, made.from_plain
        self.shareable = made.immutable

    def initial(self) -> Any:
        return self._cls()

    def encode(self, state: Any) -> str:
        if not isinstance(state, self._cls):
            raise SerializationFailed(f"{self._what} is a {self._cls.__name__}, but the handler returned {_a(state)}")
        try:
            plain = self._to(state)
        except (TypeError, ValueError, AttributeError) as error:
            raise SerializationFailed(f"{self._what} does not fit {self._cls.__name__}: {error}") from error
        return codec.encode(plain, self._what)[0]

    def read(self, stored: Any) -> Any:
        try:
            return self._from(stored)
        except (TypeError, ValueError, AttributeError) as error:
            raise SerializationFailed(
                f"{self._what} as stored does not fit {self._cls.__name__}: {error}; raise the aggregate's "
                "state_version and add a @state_upcaster"
            ) from error


class SchemaState:
    shareable = False

    def __init__(self, schema: Any, what: str) -> None:
        self._schema: Schema = schemas.instance(schema)
        self._what = what

    def initial(self) -> Any:
        """Give what the schema makes of nothing, or `{}` where it requires something."""
        try:
            return self._schema.load({})
        except Exception as error:
            from marshmallow import ValidationError

            if isinstance(error, ValidationError):
                return {}
            raise

    def encode(self, state: Any) -> str:
        text, plain = codec.encode(schemas.dump(self._schema, state, self._what), self._what)
        schemas.reload(self._schema, plain, self._what)
        return text

    def read(self, stored: Any) -> Any:
        return schemas.reload(self._schema, stored, self._what)


def state_codec(state: Any, aggregate: str) -> StateCodec:
    what = f"the state of {aggregate}"
    if state is None or state is dict:
        return DictState(what)
    if isinstance(state, type) and is_dataclass(state):
        return DataclassState(state, what)
    return SchemaState(state, what)


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
        self._schema: Schema | None = None if schema is None else schemas.instance(schema)
        self._upcasters = dict(upcasters or {})
        self._what = f"the payload of {name}"

    def encode(self, payload: Any) -> tuple[str, Any]:
        if self._schema is None:
            return codec.encode(payload, self._what)
        text, plain = codec.encode(schemas.dump(self._schema, payload, self._what), self._what)
        return text, schemas.reload(self._schema, plain, self._what)

    def decode(self, stored: Any, version: int) -> Any:
        for step in range(version, self.version):
            stored = self._upcasters[step](stored)
        return stored if self._schema is None else schemas.reload(self._schema, stored, self._what)


def _a(value: Any) -> str:
    return "None" if value is None else f"a {type(value).__name__}"
