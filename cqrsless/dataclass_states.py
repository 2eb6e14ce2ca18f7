"""States that a dataclass declares, to stored text and back."""

from __future__ import annotations

from typing import Any

from . import codec
from .errors import SerializationFailed, returned
from .structure import Misfit, converter

__all__ = ["DataclassState"]


class DataclassState:
    """How a state is stored that a dataclass declares."""

    def __init__(self, cls: Any, what: str) -> None:
        made = converter(cls, cls.__name__)
        assert made.to_plain and made.from_plain
        self._cls, self._what = cls, what
        self._to, self._from = made.to_plain, made.from_plain
        self.shared = made.immutable
        self.copied = None
        #: Where a state of plain values is read back as it is: the function that takes it apart.
        self._apart = made.apart if made.immutable else None

    def initial(self) -> Any:
        return self._cls()

    def encode(self, state: Any) -> tuple[str, Any]:
        if type(state) is not self._cls:
            raise SerializationFailed(
                f"{self._what} is a {self._cls.__name__}, but the handler returned {returned(state)}"
            )
        if self._apart is not None:
            text = codec.plain_text(self._apart(state))
            if text is not None:
                return text, state
        try:
            plain = self._to(state)
        except Misfit as misfit:
            raise SerializationFailed(f"{self._what} at {misfit.path}: {misfit}", path=misfit.path) from misfit
        text, copy = codec.encode(plain, self._what)
        try:
            return text, self._from(copy)
        except Exception as error:
            raise SerializationFailed(f"{self._what} could not be read back: {error}") from error

    def read(self, stored: Any) -> Any:
        try:
            return self._from(stored)
        except (TypeError, ValueError, AttributeError) as error:
            raise SerializationFailed(
                f"{self._what} as stored does not fit {self._cls.__name__}: {error}; raise the aggregate's "
                "state_version and, if it is state-stored, add a @state_upcaster"
            ) from error
