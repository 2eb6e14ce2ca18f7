"""What a container keeps between commands: the cache's bounds, and whose turn it is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from cqrsless.aggregates.loaded import Loaded
from cqrsless.aggregates.memory import Cache, Turns
from cqrsless.store import sized


def loaded(number: int, size: int = 0) -> Loaded:
    return Loaded(sized({"c": number}, 0), {}, 0, 0, False, None, "x" * size)


def test_the_aggregates_used_last_are_kept() -> None:
    cache = Cache(count=2)
    for pk in ("a", "b"):
        cache.put(pk, loaded(1))
    assert cache.get("a") is not None
    cache.put("c", loaded(1))
    assert (cache.get("b"), len(cache)) == (None, 2)
    assert cache.get("a") is not None


def test_the_bytes_are_bounded_too() -> None:
    cache = Cache(size=9500)
    for n in range(10):
        cache.put(f"a{n}", loaded(1, 1000))
    assert len(cache) == 3
    cache.put("a9", loaded(2, 10))
    cache.put("a8", loaded(2, 10))
    for n in range(4):
        cache.put(f"b{n}", loaded(1, 10))
    assert len(cache) == 6  # a7, the one left from before, gave way


def test_what_is_larger_than_the_cache_is_not_kept_and_not_confused_with_what_was() -> None:
    cache = Cache(size=5000)
    cache.put("a", loaded(1))
    cache.put("a", loaded(2, 6000))
    assert (cache.get("a"), len(cache)) == (None, 0)


def test_a_cache_of_none_keeps_nothing() -> None:
    cache = Cache(count=0)
    cache.put("a", loaded(1))
    assert (cache.get("a"), len(cache)) == (None, 0)


def test_a_dropped_or_cleared_aggregate_is_gone_with_its_bytes() -> None:
    cache = Cache(size=3000)
    for _ in range(3):
        cache.put("a", loaded(1, 1000))
        cache.drop("a")
        cache.drop("a")
        cache.put("b", loaded(1, 1000))
        assert len(cache) == 1
        cache.clear()
        assert len(cache) == 0


class Waiting:
    """Threads that take one turn each, in a known order."""

    def __init__(self, turns: Turns, pk: str) -> None:
        self.turns, self.pk = turns, pk
        self.order: list[Any] = []
        self.threads: list[threading.Thread] = []

    def waiting(self) -> int:
        return len(self.turns._waiting.get(self.pk) or ())

    def start(self, name: Any, inside: Callable[[], None] = lambda: None) -> None:
        def run() -> None:
            self.turns.take(self.pk)
            try:
                self.order.append(name)
                inside()
            finally:
                self.turns.give(self.pk)

        before = self.waiting()
        thread = threading.Thread(target=run)
        thread.start()
        self.threads.append(thread)
        deadline = time.monotonic() + 5
        while thread.is_alive() and self.waiting() == before and time.monotonic() < deadline:
            time.sleep(0.001)

    def join(self) -> None:
        for thread in self.threads:
            thread.join(5)
            assert not thread.is_alive()


def test_turns_are_given_in_the_order_of_asking() -> None:
    turns = Turns()
    waiting = Waiting(turns, "a")
    turns.take("a")
    for name in range(5):
        waiting.start(name)
    assert waiting.order == []
    turns.give("a")
    waiting.join()
    assert waiting.order == [0, 1, 2, 3, 4]
    assert not turns._waiting and not turns._inside


def test_another_aggregate_is_nobodys_turn() -> None:
    turns = Turns()
    turns.take("a")
    other = Waiting(turns, "b")
    other.start(1)
    other.join()
    assert other.order == [1]
    turns.give("a")


@pytest.mark.parametrize("inner", ["a", "b"])
def test_a_command_from_inside_a_command_is_an_error_and_no_deadlock(inner: str) -> None:
    turns = Turns()
    turns.take("a")
    with pytest.raises(RuntimeError, match=f"a command on {inner} was executed from inside a command on a: a handler"):
        turns.take(inner)
    turns.give("a")
    turns.take(inner)
    turns.give(inner)
    assert not turns._waiting and not turns._inside


class Interrupted(BaseException):
    pass


class Interruptible:
    """A lock whose second `acquire`, the waiting one, is interrupted."""

    def __init__(self, before: Callable[[], None]) -> None:
        self.acquired = 0
        self.before = before

    def acquire(self) -> None:
        self.acquired += 1
        if self.acquired == 2:
            self.before()
            raise Interrupted

    def release(self) -> None:
        pass


@pytest.mark.parametrize("too_late", [False, True], ids=["while waiting", "just as the turn came"])
def test_a_thread_that_is_interrupted_while_it_waits_holds_nobody_up(
    too_late: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = Turns()
    holder = threading.Event()
    release = threading.Event()

    def hold() -> None:
        turns.take("a")
        holder.set()
        release.wait(5)
        turns.give("a")

    thread = threading.Thread(target=hold)
    thread.start()
    holder.wait(5)

    def before() -> None:
        if too_late:
            release.set()
            thread.join(5)

    with monkeypatch.context() as patch, pytest.raises(Interrupted):
        patch.setattr("cqrsless.aggregates.memory.Lock", lambda: Interruptible(before))
        turns.take("a")
    release.set()
    thread.join(5)
    waiting = Waiting(turns, "a")
    waiting.start(1)
    waiting.join()
    assert waiting.order == [1]
    assert not turns._waiting and not turns._inside
