"""Each rule, taken away, is missed: the scenario that guards it passes with the rule and fails without."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from cqrsless import App, ConcurrencyConflict
from cqrsless.aggregates import executing
from cqrsless.stores.memory import MemoryStore
from tests import test_codec, test_dispatcher
from tests.aggregates import (
    test_commit_rules,
    test_commits,
    test_counts,
    test_duplicates,
    test_lives,
    test_lost_answers,
    test_old_data,
    test_private_copies,
    test_snapshots,
)
from tests.aggregates.around import Around
from tests.aggregates.box import box
from tests.aggregates.counting import Counted
from tests.aggregates.mutations import MUTATIONS

Scenario = Callable[[], Any]


def around(test: Callable[..., None], **given: Any) -> Scenario:
    """Run a test on a fresh store with something in front of it."""
    return lambda: test(around=Around(MemoryStore()), **given)


def store(test: Callable[..., None], **given: Any) -> Scenario:
    return lambda: test(store=MemoryStore(), **given)


def counted(test: Callable[..., None], **given: Any) -> Scenario:
    return lambda: test(counted=Counted(MemoryStore(), exact_units=True), **given)


def threads_of_one_application_never_race() -> None:
    slow = Around(MemoryStore())
    slow.before_put = [lambda: time.sleep(0.002)] * 100
    app = App(slow, registry=box("stored"))

    def put() -> None:
        with contextlib.suppress(ConcurrencyConflict):
            for n in range(3):
                app.execute("Ensure", {"id": "b", "n": n})

    threads = [threading.Thread(target=put) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert slow.taken() == ["query"] + ["put"] * 18


def a_collision_is_no_duplicate() -> None:
    with pytest.MonkeyPatch.context() as patch:
        test_duplicates.test_a_hit_is_a_hint_and_the_commit_itself_is_compared("stored", Around(MemoryStore()), patch)


def a_payload_is_not_the_callers() -> None:
    test_dispatcher.test_a_handler_that_changes_its_payload_spoils_neither_the_next_decision_nor_the_caller(
        None, {"id": "1", "data": [1]}, lambda payload: payload["data"]
    )


rules, copies, repeats = test_commit_rules, test_private_copies, test_duplicates
CAUGHT_BY: dict[str, Scenario] = {
    "a write has a condition": around(rules.test_a_commit_is_written_only_where_none_stands, kind="stored"),
    "what was decided on what is remembered is verified": around(
        rules.test_nothing_to_do_on_what_is_remembered_is_decided_again, kind="sourced"
    ),
    "a catch-up reads up to the tip": around(
        rules.test_a_refusal_stands_only_on_the_tip_however_far_behind, kind="sourced", behind=30
    ),
    "the returned commit is folded": around(
        rules.test_a_lost_race_is_decided_again_on_the_returned_commit, kind="sourced"
    ),
    "a second miss reads": around(rules.test_only_a_second_miss_needs_a_read, kind="frozen"),
    "commands on one aggregate take turns": threads_of_one_application_never_race,
    "a creation reads nothing": counted(test_counts.test_a_creation_is_one_request_and_reads_nothing, kind="stored"),
    "what was used last is kept": counted(
        test_counts.test_a_command_is_two_requests_cold_and_one_warm, kind="stored", length=10
    ),
    "duplicates are looked for": around(
        repeats.test_each_of_the_last_commands_gives_its_original_result_again, kind="stored", warm=True
    ),
    "duplicates are looked for before creation is checked": around(
        repeats.test_a_creation_that_comes_again_is_a_duplicate_and_not_a_refusal, kind="stored", warm=True
    ),
    "commands are remembered": around(
        repeats.test_each_of_the_last_commands_gives_its_original_result_again, kind="frozen", warm=False
    ),
    "so many commands are remembered": around(
        repeats.test_each_of_the_last_commands_gives_its_original_result_again, kind="frozen", warm=False
    ),
    "a hit is compared": a_collision_is_no_duplicate,
    "payloads are compared": around(repeats.test_a_used_id_with_another_payload_is_refused, kind="stored"),
    "old messages are searched for": around(
        repeats.test_a_message_that_was_sent_long_ago_is_found_beyond_the_last_commands,
        kind="stored", warm=False, count=40,
    ),
    "a search ends where the message was sent": around(
        repeats.test_a_message_just_sent_is_not_searched_for, kind="stored"
    ),
    "a lost answer is recognised": around(test_lost_answers.test_a_lost_answer_is_not_a_second_commit, kind="stored"),
    "a lost answer is told from another attempt": around(
        test_lost_answers.test_a_lost_answer_is_not_a_second_commit, kind="stored"
    ),
    "states are private copies": around(
        copies.test_a_handler_that_changes_its_state_and_fails_spoils_nothing, kind="stored"
    ),
    "payloads are private copies": a_payload_is_not_the_callers,
    "a caller's payload is copied": a_payload_is_not_the_callers,
    "an evolver's payload is a private copy": store(
        copies.test_an_evolver_that_changes_its_payload_changes_nobody_elses, nested=False
    ),
    "a snapshot is taken by its state_version": store(
        test_snapshots.test_a_raised_state_version_folds_again_from_the_events
    ),
    "a snapshot that does not fit is left out": store(test_snapshots.test_a_snapshot_that_does_not_fit_is_left_out),
    "a snapshot is taken when it is due": store(
        test_snapshots.test_a_snapshot_that_costs_something_is_taken_at_least_so_often, every=3
    ),
    "a snapshot is taken only when it is due": store(
        test_snapshots.test_a_snapshot_that_costs_something_is_taken_at_least_so_often, every=3
    ),
    "events are brought up to date": store(test_old_data.test_old_events_are_read_as_those_of_today, sourced=True),
    "an unknown event is not recorded": store(test_old_data.test_an_unknown_event_is_refused_before_it_is_written),
    "an unknown event is not folded": store(
        test_old_data.test_an_unknown_event_stops_code_that_would_fold_it, warm=True
    ),
    "time never goes back": store(rules.test_time_never_goes_back, kind="stored"),
    "an event's time is its commit's": store(
        rules.test_an_evolver_is_told_the_same_when_it_is_decided_and_when_it_is_read
    ),
    "the last commit of each name moves on": store(
        test_commits.test_a_commit_tells_the_last_earlier_one_of_each_event_name, kind="stored"
    ),
    "the names that are kept are bounded": store(
        test_commits.test_past_so_many_names_one_number_stands_for_the_rest, kind="stored", warm=True
    ),
    "a commit has a map of its names": store(
        rules.test_a_commit_is_one_item_with_all_that_a_command_changed, kind="stored"
    ),
    "a body is compressed where that saves": lambda: test_commits.test_a_body_is_compressed_where_that_saves_units(
        "x" * 1100, True
    ),
    "inflating is bounded": test_codec.test_a_body_is_inflated_up_to_the_bound_and_no_further,
    "what does not fit is refused": store(
        test_commits.test_a_commit_that_does_not_fit_is_refused_before_anything_is_written,
        kind="stored", text="x" * 5_000_000,
    ),
    "what is deleted is gone": store(test_lives.test_what_was_deleted_is_gone_for_good, kind="stored"),
    "a refusal recorded on nothing creates nothing": around(
        test_lives.test_a_refusal_recorded_on_nothing_creates_nothing, kind="sourced"
    ),
    "an expected version is checked": around(
        test_lives.test_an_expected_version_is_not_decided_again_on_a_newer_one, kind="stored"
    ),
}  # fmt: skip


def test_every_mutation_has_its_scenario() -> None:
    assert MUTATIONS.keys() == CAUGHT_BY.keys()


@pytest.mark.parametrize("rule", MUTATIONS)
def test_a_rule_that_is_taken_away_is_missed(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    scenario = CAUGHT_BY[rule]
    scenario()
    monkeypatch.setattr(executing, "ATTEMPTS", 10)  # without its rule a command may go on for ever
    monkeypatch.setattr(executing.Executor, "pause", lambda self, misses: None)
    MUTATIONS[rule](monkeypatch)
    try:
        scenario()
    except (Exception, pytest.fail.Exception):
        return
    pytest.fail(f"nothing misses the rule: {rule}")
