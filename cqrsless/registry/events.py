"""The events of an application: by current and by former names, each with its way up from every old version."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from .model import EventModel
from .names import did_you_mean, wrong
from .places import Place
from .records import EventType, UpcasterRecord

__all__ = ["Events", "check_steps"]


class Events:
    """Every event type; `models` finds one by its current name and by each former one."""

    def __init__(self, types: Sequence[EventType], upcasters: Sequence[UpcasterRecord]) -> None:
        by_name = _by_name(types)
        steps: dict[str, dict[int, UpcasterRecord]] = {record.name: {} for record in types}
        for upcaster in upcasters:
            of = by_name.get(upcaster.name)
            what = f"upcaster of event {upcaster.name!r}"
            if of is None:
                advice = f'; write event_type("{upcaster.name}", version={upcaster.from_version + 1})'
                hint = did_you_mean(upcaster.name, by_name) or advice
                raise wrong(
                    upcaster.place, f"{what} from version {upcaster.from_version} is of no known event type{hint}"
                )
            other = steps[of.name].setdefault(upcaster.from_version, upcaster)
            if other is not upcaster:
                raise wrong(
                    upcaster.place,
                    f"{what} from version {upcaster.from_version} does what another does under the event's other name "
                    f"({other.place}): remove one of the two",
                )
        models = {record.name: _model(record, steps[record.name]) for record in types}
        self.models: Mapping[str, EventModel] = MappingProxyType(
            {name: models[record.name] for name, record in by_name.items()}
        )

    def current(self, name: str) -> str:
        """Give an event's name of today."""
        model = self.models.get(name)
        return name if model is None else model.name

    def current_names(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """Give several events' names of today, each once."""
        return tuple(dict.fromkeys(self.current(name) for name in names))


def check_steps(what: str, place: Place, version: int, steps: Mapping[int, Place], decorator: str) -> None:
    """Check that there is one upcaster from each version before the current one, and none from elsewhere."""
    for step, step_place in steps.items():
        if step >= version:
            raise wrong(
                step_place,
                f"an upcaster of {what} starts from version {step}, and {what} is at version {version} ({place}): "
                f"raise that to {step + 1}, or remove the upcaster",
            )
    for step in range(1, version):
        if step not in steps:
            raise wrong(
                place,
                f"{what} is at version {version} and has no upcaster from version {step}: "
                f"write {decorator}, from_version={step}) above a function that brings the old one up",
            )


def _by_name(types: Sequence[EventType]) -> dict[str, EventType]:
    by_name = {record.name: record for record in types}
    for record in types:
        for former in record.was:
            other = by_name.setdefault(former, record)
            if other is not record:
                raise wrong(
                    record.place,
                    f"event type {record.name!r} was once {former!r}, and so is or was event type {other.name!r} "
                    f"({other.place}): an old event can be only one of them",
                )
    return by_name


def _model(record: EventType, upcasters: Mapping[int, UpcasterRecord]) -> EventModel:
    places = {step: upcaster.place for step, upcaster in upcasters.items()}
    decorator = f'@upcaster("{record.name}"'
    check_steps(f"event type {record.name!r}", record.place, record.version, places, decorator)
    ups: dict[int, Callable[[Any], Any]] = {step: upcaster.fn for step, upcaster in upcasters.items()}
    return EventModel(record.name, record.version, record.schema, record.source, record.was, MappingProxyType(ups))
