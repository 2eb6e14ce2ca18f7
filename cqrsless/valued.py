"""Values: equal by their fields, and shown by them, as dataclasses are.

They are dataclasses, for `dataclasses.replace`, `match` and whoever looks at fields. But what `@dataclass` writes and
compiles for each class at every import takes more than a millisecond a class; here it stands once.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import FrozenInstanceError
from typing import TYPE_CHECKING, Any, Final, NoReturn

__all__ = ["Frozen", "Valued", "dataclass", "fixed"]


class Valued:
    """Two of a class are equal if their fields are."""

    __slots__ = ()

    if not TYPE_CHECKING:
        __hash__ = None  # what may change is no key

    def __repr__(self) -> str:
        return f"{type(self).__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in _fields(self))})"

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self._compared())

    def __reduce__(self) -> tuple[type[Any], tuple[Any, ...]]:
        return type(self), tuple(getattr(self, name) for name in _fields(self))

    def _compared(self) -> Iterable[str]:
        """Name the fields that make it what it is."""
        return _fields(self)


class Frozen(Valued):
    """It does not change; its own `__init__` says what it is, by `fixed`."""

    __slots__ = ()

    if not TYPE_CHECKING:

        def __setattr__(self, name: str, value: object) -> NoReturn:
            raise FrozenInstanceError(f"cannot assign to field {name!r}")

        def __delattr__(self, name: str) -> NoReturn:
            raise FrozenInstanceError(f"cannot delete field {name!r}")

    def __hash__(self) -> int:
        return hash(tuple([getattr(self, name) for name in self._compared()]))


def _fields(valued: Any) -> Iterable[str]:
    names: Iterable[str] = valued.__dataclass_fields__
    return names


#: Sets a field of something frozen, while it is made.
fixed: Final = object.__setattr__

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(cls: type | None = None, *, frozen: bool = False) -> Any:
        """Make a dataclass of a `Valued` with an `__init__` of its own; it is frozen if it is a `Frozen`."""
        made = dataclasses.dataclass(init=False, repr=False, eq=False)
        return made if cls is None else made(cls)
