"""A tracking processor that is added to an application with a past begins without waiting for another commit."""

from __future__ import annotations

from typing import Any

import pytest

from cqrsless import Event, Registry
from cqrsless.app import App
from cqrsless.describing.standings import standings
from cqrsless.driver import Drained


def audited(store: Any, noted: list[str], *, raises: bool = False, **options: Any) -> App:
    """An application that may have a tracking processor, once it is given options."""
    registry = Registry("bikes")
    Bike = registry.aggregate("Bike", id_field="bike_id")

    @registry.command_handler("AddBike", aggregate=Bike, creation="always")
    def add(command: Any, bike: Any) -> Any:
        return {}, Event("BikeAdded", dict(command))

    if options:
        registry.processor("audit", mode="tracking", **options)

        @registry.event_handler("BikeAdded", processor="audit")
        def note(event: Any) -> None:
            if raises:
                raise ValueError("no paper")
            noted.append(event["bike_id"])

    return App(store, registry=registry)


def behind(app: App) -> dict[str, int | None]:
    return {one.name: one.behind for one in standings(app)}


@pytest.mark.parametrize("segments", [1, 3])
def test_a_tracking_processor_that_comes_later_begins_with_the_next_drain(segments: int) -> None:
    noted: list[str] = []
    old = audited("memory://", noted)
    for number in "123456":
        old.execute("AddBike", {"bike_id": number})
    old.drain()
    new = audited(old.store, noted, start="beginning", segments=segments)
    assert (behind(new), noted) == ({"audit": 6}, [])
    new.drain()
    assert (behind(new), sorted(noted)) == ({"audit": 0}, ["1", "2", "3", "4", "5", "6"])
    new.drain()
    assert len(noted) == 6


def test_a_tracking_processor_that_comes_later_and_starts_now_sees_nothing_older() -> None:
    noted: list[str] = []
    old = audited("memory://", noted)
    old.execute("AddBike", {"bike_id": "1"})
    old.drain()
    new = audited(old.store, noted, start="now")
    assert behind(new) == {"audit": 0}
    new.drain()
    new.execute("AddBike", {"bike_id": "2"})
    new.drain()
    assert noted == ["2"]


def test_a_tracking_processor_that_stopped_where_it_began_goes_on_with_a_later_drain() -> None:
    noted: list[str] = []
    old = audited("memory://", noted)
    old.execute("AddBike", {"bike_id": "1"})
    old.drain()
    how: dict[str, Any] = {"start": "beginning", "on_failure": "stop"}
    broken = audited(old.store, noted, raises=True, **how)
    broken.drain()
    assert (behind(broken), noted) == ({"audit": 1}, [])
    audited(old.store, noted, **how).drain()
    assert noted == ["1"]


def test_a_handler_that_drains_while_its_processor_begins_delivers_nothing_in_its_midst() -> None:
    noted: list[str] = []
    old = audited("memory://", noted)
    for number in "12":
        old.execute("AddBike", {"bike_id": number})
    old.drain()
    new = audited(old.store, noted)
    new.registry.processor("audit", mode="tracking", start="beginning")

    @new.registry.event_handler("BikeAdded", processor="audit")
    def note(event: Any) -> None:
        assert new.drain() == Drained(0, 0)
        noted.append(event["bike_id"])

    new.drain()
    assert noted == ["1", "2"]
