"""The base of records: frozen, slotted, compared by value, and made without generating code.

A dataclass would compile half a dozen functions for each class; with some twenty records that is more than all of
`import cqrsless` may take. Type checkers see dataclasses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self, dataclass_transform
else:

    def dataclass_transform(**_options: object) -> Callable[[type], type]:
        return lambda cls: cls


__all__ = ["Record"]


@dataclass_transform(frozen_default=True)
class RecordType(type):
    """Makes slots of the annotated fields, and keeps their defaults."""

    fields: tuple[str, ...]
    defaults: dict[str, Any]

    def __new__(cls, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> RecordType:
        fields = tuple(body.get("__annotations__", ()))
        defaults = {field: body.pop(field) for field in fields if field in body}
        made = super().__new__(cls, name, bases, {**body, "__slots__": fields})
        made.fields = fields
        made.defaults = defaults
        return made


class Record(metaclass=RecordType):
    """Something that was registered. Two records are equal if all is equal but the place.

    >>> class Point(Record):
    ...     x: int
    ...     y: int = 0
    >>> Point(3)
    Point(x=3, y=0)
    >>> Point(3).replace(y=4) == Point(x=3, y=4)
    True
    """

    if not TYPE_CHECKING:

        def __init__(self, *values: Any, **named: Any) -> None:
            fields = type(self).fields
            if len(values) > len(fields):
                raise TypeError(f"{type(self).__name__} takes {len(fields)} values, not {len(values)}")
            given = dict(zip(fields, values, strict=False))
            twice_or_unknown = [name for name in named if name in given or name not in fields]
            if twice_or_unknown:
                raise TypeError(f"{type(self).__name__} got {twice_or_unknown[0]!r} twice, or has no such field")
            for name, value in {**type(self).defaults, **given, **named}.items():
                object.__setattr__(self, name, value)
            missing = [name for name in fields if not hasattr(self, name)]
            if missing:
                raise TypeError(f"{type(self).__name__} needs {missing[0]!r}")

        def __setattr__(self, name: str, value: object) -> NoReturn:
            raise AttributeError(f"{type(self).__name__} is frozen: {name!r} cannot be set")

        def __delattr__(self, name: str) -> NoReturn:
            raise AttributeError(f"{type(self).__name__} is frozen: {name!r} cannot be deleted")

        def __reduce__(self) -> tuple[type[Record], tuple[Any, ...]]:
            return type(self), tuple(getattr(self, name) for name in type(self).fields)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.compared())})"

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return self is other or self.compared() == other.compared()

    def __hash__(self) -> int:
        # The first field is a name, or nearly one; others may not be hashable.
        return hash((type(self), self.compared()[0]))

    def compared(self) -> list[tuple[str, Any]]:
        """Give the fields that make a record what it is, which the place does not."""
        return [(name, getattr(self, name)) for name in type(self).fields if name != "place"]

    def replace(self, **changes: Any) -> Self:
        """Give a copy with some fields changed."""
        return type(self)(**{**{name: getattr(self, name) for name in type(self).fields}, **changes})
