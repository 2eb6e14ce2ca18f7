from __future__ import annotations

import copy
import pickle
import uuid
from datetime import datetime, timedelta, timezone
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cqrsless import DELETED, Message, cancel, from_command_id
from cqrsless.registry import Cancel
from cqrsless.registry.values import Deleted

NOW = datetime(2026, 11, 1, tzinfo=timezone.utc)


def message(**given: Any) -> Message:
    return Message(**{"id": "c-1", "name": "CreateOrder", "kind": "command", "payload": {}, "time": NOW, **given})


def test_deleted_stays_one_and_the_same() -> None:
    assert copy.copy(DELETED) is DELETED
    assert copy.deepcopy({"state": DELETED})["state"] is DELETED
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(DELETED, protocol)) is DELETED
    assert Deleted() is DELETED
    assert repr(DELETED) == "DELETED"


def test_cancel_names_the_command() -> None:
    assert cancel("expire-b1") == Cancel("expire-b1")
    assert cancel("expire-b1").id == "expire-b1"


def test_one_command_gives_one_id_however_often_it_comes() -> None:
    first = from_command_id(message())
    again = from_command_id(message(time=NOW + timedelta(hours=1), attempt=2, payload={"other": 1}, correlation_id="x"))
    assert first == again
    assert str(uuid.UUID(first)) == first
    assert uuid.UUID(first).version == 8
    assert uuid.UUID(first).variant == uuid.RFC_4122


TEXT = st.text(st.characters(exclude_categories=()), max_size=3)  # with lone surrogates, which JSON lets through
IDENTITY = st.tuples(TEXT, st.none() | TEXT, TEXT, TEXT)


@given(IDENTITY, IDENTITY)
def test_other_sources_actors_names_and_ids_give_other_ids(one: Any, other: Any) -> None:
    fields = ("source", "actor", "name", "id")
    ids = [from_command_id(message(**dict(zip(fields, values, strict=True)))) for values in (one, other)]
    assert (ids[0] == ids[1]) is (one == other)


def test_moving_a_letter_from_the_actor_to_the_name_gives_another_id() -> None:
    assert from_command_id(message(actor="ab", name="c")) != from_command_id(message(actor="a", name="bc"))
    assert from_command_id(message(actor=None)) != from_command_id(message(actor=""))
