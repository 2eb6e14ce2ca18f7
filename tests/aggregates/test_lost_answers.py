"""A write that was applied and whose answer was lost: no false error, no second commit."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from cqrsless import App, StoreUnavailable
from tests.aggregates.around import Around, commits
from tests.aggregates.box import KindOfBox, box, numbers, opened


def test_a_lost_answer_is_not_a_second_commit(kind: KindOfBox, around: Around) -> None:
    app = App(around, registry=box(kind), clock=lambda: datetime(2026, 1, 1, tzinfo=timezone.utc))
    for name, payload in (("Open", {"n": 1}), ("PutMany", {"ns": [2, 3]}), ("Note", {"as": "Noted"})):
        around.lose_answers = 1
        result = app.execute(name, {"id": "b", **payload}, metadata={"tags": ("a",)})
        assert not result.duplicate
        assert result.cost.requests == 2
        assert result.events == tuple(app.history("Box", "b")[-len(result.events) :])
    assert numbers(app.load("Box", "b").state) == [1, 2, 3]
    assert [item["c"] for item in commits(around.inner, "Box#b")] == [1, 2, 3]
    around.taken()
    app.execute("Put", {"id": "b", "n": 4})
    assert around.taken() == ["put"]


def test_the_same_command_of_another_container_is_a_duplicate(kind: KindOfBox, around: Around) -> None:
    app, other = opened(kind, around), App(around.inner, registry=box(kind))
    around.before_put.append(lambda: other.execute("Put", {"id": "b", "n": 1}, id="c-1"))
    result = app.execute("Put", {"id": "b", "n": 1}, id="c-1")
    assert (result.duplicate, result.version) == (True, 2)
    assert numbers(app.load("Box", "b").state) == [0, 1]


def test_an_answer_that_never_comes_is_made_good_by_the_next_try(
    kind: KindOfBox, around: Around, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = opened(kind, around)
    put = around.inner.put

    def applied(*args: Any, **kwargs: Any) -> None:
        put(*args, **kwargs)
        raise StoreUnavailable("no answer")

    with monkeypatch.context() as patch, pytest.raises(StoreUnavailable):
        patch.setattr(around.inner, "put", applied)
        app.execute("Put", {"id": "b", "n": 1}, id="c-1")
    again = app.execute("Put", {"id": "b", "n": 1}, id="c-1")
    assert (again.duplicate, again.version) == (True, 2)
    assert numbers(app.load("Box", "b").state) == [0, 1]
