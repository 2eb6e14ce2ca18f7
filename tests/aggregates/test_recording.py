"""Commands that commits keep, to be decided again: what is kept, where, and what it costs."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import pytest
from marshmallow import Schema, fields

from cqrsless import App, Command, Cost, Event, Registry
from cqrsless.aggregates import reading
from cqrsless.aggregates.recording import sent
from cqrsless.errors import AppLoadError, CommitTooLarge
from cqrsless.settings import records_commands
from cqrsless.store import ITEM_LIMIT, Item, Store, item_size
from tests.aggregates.counting import Counted, noise

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
notes = Registry("notes")
Note = notes.aggregate("Note", id_field="id", event_sourced=True)


class Write(Schema):
    id = fields.String(required=True)
    secret = fields.String()
    price = fields.Decimal()
    bulk = fields.String()


@notes.command_handler("Write", schema=Write, aggregate=Note, creation="if_missing")
def write(command: dict[str, Any], note: Any) -> Event:
    return Event("Written", {"bulk": command.get("bulk", "")})


@notes.evolver("Written", aggregate=Note)
def written(note: Any, event: dict[str, Any]) -> Any:
    return {"bulk": event["bulk"]}


@pytest.fixture
def recording(store: Store, monkeypatch: pytest.MonkeyPatch) -> App:
    monkeypatch.setenv("CQRSLESS_RECORD_COMMANDS", "on")
    return App(store, registry=notes, clock=lambda: NOW)


def items(app: App, id: str = "n") -> list[Item]:
    return list(reading.commits(app.store, f"Note#{id}", Cost()))


def test_a_commit_keeps_the_payload_as_it_was_sent(recording: App) -> None:
    recording.execute("Write", {"id": "n", "secret": "s", "price": "9.90"})
    (item,) = items(recording)
    kept = sent(item)
    assert kept is not None
    assert (kept.payload, kept.time, kept.on_rejected) == ({"id": "n", "secret": "s", "price": "9.90"}, NOW, None)


def test_values_of_python_come_back_as_they_went_in(recording: App) -> None:
    recording.execute("Write", {"id": "n", "price": Decimal("9.90"), "bulk": "$dec"}, id="w-1")
    recording.execute(Command("Write", {"id": "n"}, id="w-2", on_rejected="Refused"))
    first, second = map(sent, items(recording))
    assert first is not None and first.payload == {"id": "n", "price": Decimal("9.90"), "bulk": "$dec"}
    assert second is not None and second.on_rejected == "Refused"


def test_what_a_commit_keeps_is_in_none_of_what_filters_and_consumers_see(recording: App) -> None:
    recording.execute("Write", {"id": "n", "secret": "hush"})
    (item,) = items(recording)
    assert "hush" in item["command"]
    assert "hush" not in str({name: value for name, value in item.items() if name != "command"})
    assert item["names"] == {"Written": "1"}
    assert "hush" not in str(recording.history(Note, "n"))


def test_a_command_that_is_large_is_compressed_with_the_rest(recording: App) -> None:
    recording.execute("Write", {"id": "n", "secret": "s" * 5_000})
    (item,) = items(recording)
    assert isinstance(item["command"], bytes)
    assert item_size(item) < 1024
    kept = sent(item)
    assert kept is not None and kept.payload["secret"] == "s" * 5_000


def test_a_command_that_would_make_its_commit_too_large_is_left_out(recording: App) -> None:
    much = noise(ITEM_LIMIT * 2)
    result = recording.execute("Write", {"id": "n", "secret": much})
    (item,) = items(recording)
    assert result.version == 1 and "command" not in item
    with pytest.raises(CommitTooLarge):
        recording.execute("Write", {"id": "n", "bulk": much})


def test_a_repeated_command_is_the_duplicate_that_it_would_be(recording: App) -> None:
    recording.execute("Write", {"id": "n", "secret": "s"}, id="w-1")
    again = recording.execute("Write", {"id": "n", "secret": "s"}, id="w-1")
    assert (again.duplicate, len(items(recording))) == (True, 1)


def test_a_store_that_keeps_commands_is_read_where_they_are_not_kept(
    recording: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording.execute("Write", {"id": "n", "bulk": "1"})
    monkeypatch.setenv("CQRSLESS_RECORD_COMMANDS", "off")
    later = App(recording.store, registry=notes)
    later.execute("Write", {"id": "n", "bulk": "2"})
    assert later.load(Note, "n").state == {"bulk": "2"}


def test_recording_takes_no_request_and_no_unit_more_where_it_fits(
    counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    for setting, kept in (("off", False), ("on", True)):
        monkeypatch.setenv("CQRSLESS_RECORD_COMMANDS", setting)
        app = App(counted.store, registry=notes)
        app.execute("Write", {"id": setting, "secret": "s"})
        counted.taken()
        result = app.execute("Write", {"id": setting, "secret": "t"})
        assert (counted.taken(), result.cost) == (["put"], Cost(1, 0, 1))
        assert [sent(item) is not None for item in items(app, setting)] == [kept, kept]


def test_on_dynamodb_nothing_is_kept_that_nobody_asked_for(counted: Counted) -> None:
    app = App(counted.store, registry=notes)
    app.execute("Write", {"id": "n", "secret": "s"})
    assert ("command" in items(app)[0]) is counted.store.url.startswith("sqlite:")


@pytest.mark.parametrize("store", ["memory://", "dynamodb://notes", "sqlite:///notes.db"])
def test_commands_are_kept_by_default_where_bytes_cost_nothing(store: str) -> None:
    assert records_commands({}, store) is store.startswith("sqlite:")
    assert records_commands({"CQRSLESS_RECORD_COMMANDS": "on"}, store)
    assert not records_commands({"CQRSLESS_RECORD_COMMANDS": "off"}, store)


def test_a_setting_that_is_neither_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CQRSLESS_RECORD_COMMANDS", "yes")
    with pytest.raises(AppLoadError, match="CQRSLESS_RECORD_COMMANDS is 'yes': set it to 'on' or 'off'"):
        App("memory://", registry=notes)
