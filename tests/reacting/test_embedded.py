from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from cqrsless import CqrslessError, Event, NotFound, Rejected, UnknownMessage, ValidationFailed
from cqrsless.app import App
from cqrsless.sources import handle

from .conftest import Clock, Shop


def rows(app: App, view: str, key: str) -> Any:
    return app._current().reactions.views.get(view, key)


def create(app: App, *ids: str) -> None:
    for id_ in ids:
        app.execute("CreateOrder", {"order_id": id_, "customer": id_[0]}, id=f"create-{id_}")


def test_an_event_reaches_every_view_handler_and_publisher(app: App, shop: Shop) -> None:
    create(app, "a1", "a2")
    app.execute("PayOrder", {"order_id": "a1"})
    app.drain()

    assert app.ask("GetOrder", {"order_id": "a1"})["seen"] == ["OrderCreated", "OrderPaid"]
    assert [row["order_id"] for row in app.ask("ListOrders", {"status": "OrderCreated"}).rows] == ["a2"]
    assert rows(app, "Customers", "a") == {"orders": 2}
    assert rows(app, "Statement", "a1") == {"lines": [1, 2]}
    assert shop.mailed == [("a1", 2)]
    assert app.published == [Event("order.paid", {"order_id": "a1"})]


def test_a_second_drain_has_nothing_to_deliver(app: App, shop: Shop) -> None:
    create(app, "a1")
    app.execute("Touch", {"order_id": "a1"})

    assert app.drain().delivered > 0
    assert app.drain().delivered == 0
    assert shop.mailed == [("a1", 2)]


def test_another_process_on_the_same_store_goes_on_where_the_first_was(shop: Shop, tmp_path: Any, clock: Clock) -> None:
    url = f"sqlite:///{tmp_path}/shop.db"
    first = shop.app(url, clock)
    create(first, "a1")
    first.execute("Touch", {"order_id": "a1"})
    first.drain()
    second = shop.app(url, clock)
    second.execute("Touch", {"order_id": "a1"})
    second.drain()

    assert shop.mailed == [("a1", 2), ("a1", 3)]
    assert rows(second, "Statement", "a1") == {"lines": [1, 2, 3]}


def test_what_is_due_later_runs_when_its_time_has_come(app: App) -> None:
    create(app, "a1", "a2")
    app.drain()
    app.execute("PayOrder", {"order_id": "a2"})

    assert app.advance(timedelta(minutes=19)) == 0
    assert app.load("Order", "a1").state["status"] == "placed"
    assert app.advance(timedelta(minutes=2)) == 1, "the paid order's was cancelled"

    assert app.load("Order", "a1").state["status"] == "expired"
    assert app.load("Order", "a2").state["status"] == "paid"
    assert app.ask("GetOrder", {"order_id": "a1"})["status"] == "OrderExpired"


def test_a_command_may_be_due_by_itself(app: App) -> None:
    create(app, "a1")
    given = app.execute("Touch", {"order_id": "a1"}, id="later", due=timedelta(minutes=10))

    assert given.version is None
    assert app.load("Order", "a1").version == 1
    app.advance(timedelta(minutes=11))
    assert app.load("Order", "a1").version == 2


def test_a_command_that_fails_when_it_is_due_keeps_no_other_from_its_time(app: App) -> None:
    create(app, "a1")
    app.execute("Touch", {"order_id": "nobody"}, id="wrong", due=timedelta(minutes=5))
    app.execute("Touch", {"order_id": "a1"}, id="later", due=timedelta(minutes=10))

    with pytest.raises(NotFound, match=r"there is no Order nobody.* \(Touch wrong, which was due at 2\d{3}-.* UTC\)$"):
        app.advance(timedelta(minutes=11))
    assert app.load("Order", "a1").version == 2
    assert app.advance(timedelta(minutes=1)) == 0, "it was tried three times, and given up"


def test_a_wrong_payload_is_refused_at_once_and_not_when_it_is_due(app: App) -> None:
    with pytest.raises(ValidationFailed, match="no valid id of Order: order_id: Missing data"):
        app.execute("Touch", {}, id="wrong", due=timedelta(minutes=5))
    assert app.advance(timedelta(minutes=11)) == 0


def test_a_command_that_nobody_handles_is_refused_at_once_and_not_when_it_is_due(app: App) -> None:
    with pytest.raises(UnknownMessage, match="no command handler is registered for 'Tuoch'"):
        app.execute("Tuoch", {"order_id": "a1"}, id="later", due=timedelta(minutes=10))
    assert app.advance(timedelta(minutes=11)) == 0


def test_an_external_event_is_handled_once_however_often_it_comes(app: App) -> None:
    create(app, "a1")

    assert app.receive("PaymentReceived", {"order_id": "a1"}, source="payments", id="p-1") is True
    assert app.receive("PaymentReceived", {"order_id": "a1"}, source="payments", id="p-1") is True
    assert app.receive("PaymentReceived", {"order_id": "a1"}, source="elsewhere", id="p-1") is False

    assert app.load("Order", "a1").version == 2
    (paid,) = [event for event in app.history("Order", "a1") if event.name == "OrderPaid"]
    assert paid.metadata["correlation_id"] == "p-1"


def test_poison_blocks_its_own_aggregate_for_its_own_processor(app: App, shop: Shop) -> None:
    create(app, "a1", "b1")
    shop.poisoned.add("a1")
    for _ in range(3):
        app.execute("Touch", {"order_id": "a1"})
        app.execute("Touch", {"order_id": "b1"})
    app.drain()

    assert shop.mailed == [("b1", 2), ("b1", 3), ("b1", 4)]
    assert rows(app, "Statement", "a1") == {"lines": [1, 2, 3, 4]}
    (letter,) = app.letters.list("mailer")
    assert (letter.key, letter.commit) == ("Order#a1", 2)
    assert "poison" in letter.why

    shop.poisoned.clear()
    app.execute("Touch", {"order_id": "a1"})
    assert app.letters.retry("mailer") == []
    app.drain()

    assert [at for id_, at in shop.mailed if id_ == "a1"] == [2, 3, 4, 5]
    assert app.letters.list("mailer") == []


def test_a_letter_may_be_dropped(app: App, shop: Shop) -> None:
    create(app, "a1")
    shop.poisoned.add("a1")
    app.execute("Touch", {"order_id": "a1"})
    app.drain()
    shop.poisoned.clear()

    app.letters.drop("mailer", "Order#a1")
    app.execute("Touch", {"order_id": "a1"})
    app.drain()

    assert shop.mailed == [("a1", 3)]


def test_a_new_processor_on_an_old_store_runs_nothing_from_before_it(shop: Shop, store_url: str, clock: Clock) -> None:
    app = shop.app(store_url, clock)
    create(app, "a1")
    app.execute("Touch", {"order_id": "a1"})
    shop.registry.processor("late")
    seen: list[tuple[str, int]] = []

    @shop.registry.event_handler("OrderCreated", "OrderTouched", processor="late")
    def late(event: Any, *, message: Any) -> None:
        seen.append((message.aggregate_id, message.sequence))

    again = shop.app(app.store, clock)
    again.execute("Touch", {"order_id": "a1"})
    create(again, "b1")
    again.drain()

    assert seen == [("a1", 3), ("b1", 1)]


def test_ask_after_waits_for_the_views_that_it_reads(app: App) -> None:
    create(app, "a1")
    result = app.execute("PayOrder", {"order_id": "a1"})

    assert app.ask("GetOrder", {"order_id": "a1"}, after=result)["status"] == "OrderPaid"


def test_over_http_a_header_reads_your_own_writes(app: App) -> None:
    def request(method: str, path: str, body: str | None = None, **headers: str) -> Any:
        event = {
            "version": "2.0",
            "rawPath": path,
            "rawQueryString": "",
            "headers": headers,
            "requestContext": {"http": {"method": method, "path": path}, "stage": "$default"},
            "body": body,
            "isBase64Encoded": False,
        }
        return handle(event, None, app)

    made = request("POST", "/orders", '{"order_id": "a1"}')
    assert made["statusCode"] == 201
    found = request("GET", "/orders/a1", **{"Cqrsless-After": made["headers"]["cqrsless-commit"]})
    wrong = request("GET", "/orders/a1", **{"Cqrsless-After": "nonsense"})

    assert found["statusCode"] == 200
    assert wrong["statusCode"] == 400


def test_a_replay_builds_a_view_anew_while_readers_see_the_old_one(app: App) -> None:
    create(app, "a1", "b1")
    app.execute("PayOrder", {"order_id": "a1"})
    app.drain()
    before = rows(app, "Summary", "a1")
    told: list[int] = []

    app.replay("Summary", told.append)

    assert rows(app, "Summary", "a1") == before
    assert told[-1] == 3
    assert [row["order_id"] for row in app.ask("ListOrders", {"status": "OrderPaid"}).rows] == ["a1"]
    app.execute("PayOrder", {"order_id": "b1"})
    app.drain()
    assert rows(app, "Summary", "b1")["seen"] == ["OrderCreated", "OrderPaid"]


def test_a_replay_calls_handlers_again_and_carries_out_nothing(app: App, shop: Shop) -> None:
    create(app, "a1")
    app.execute("PayOrder", {"order_id": "a1"})
    app.drain()
    commits = app.load("Order", "a1").version

    app.replay("mailer")
    app.replay("deadlines")
    app.drain()

    assert shop.mailed == [("a1", 2), ("a1", 2)]
    assert shop.replayed == ["Order#a1@2"]
    assert app.load("Order", "a1").version == commits
    assert app.published == [Event("order.paid", {"order_id": "a1"})]


def test_a_tracking_processor_is_replayed_by_its_name(app: App) -> None:
    create(app, "a1")
    app.execute("Touch", {"order_id": "a1"})
    app.drain()

    app.replay("statements")
    app.execute("Touch", {"order_id": "a1"})
    app.drain()

    assert rows(app, "Statement", "a1") == {"lines": [1, 2, 3]}


def test_a_tracking_processor_that_stops_keeps_no_other_from_the_log(shop: Shop, clock: Clock) -> None:
    seen: list[str] = []
    for name in ("first", "last"):
        shop.registry.processor(f"{name}-reader", mode="tracking", start="beginning", on_failure="stop")

    @shop.registry.event_handler("OrderCreated", processor="first-reader")
    def fail(event: Any) -> None:
        raise ValueError("poison")

    @shop.registry.event_handler("OrderCreated", processor="last-reader")
    def note(event: Any, *, message: Any) -> None:
        seen.append(message.id)

    app = shop.app("memory://", clock)
    create(app, "a1")
    drained = app.drain()

    assert seen == ["Order#a1@1"]
    assert drained.left == (("1#0", 1),), "the page comes again for the one that stopped"


def test_the_old_run_is_removed_once_nobody_can_be_reading_it(app: App) -> None:
    from cqrsless import Cost

    create(app, "a1")
    app.drain()
    app.replay("Summary")

    def runs() -> set[str]:
        items = app.store.scan("views", Cost()).items
        return {
            item["pk"].split("#")[1] for item in items if item["pk"][:2] in ("v#", "i#") and "#Summary#" in item["pk"]
        }

    assert runs() == {"1", "2"}
    app.advance(timedelta(minutes=16))
    create(app, "a2")
    app.drain()
    assert runs() == {"2"}


def test_names_that_are_none_are_said_to_be_none(app: App) -> None:
    with pytest.raises(UnknownMessage, match="no processor or view is called 'Sumary'; did you mean 'Summary'"):
        app.replay("Sumary")
    with pytest.raises(UnknownMessage, match="no processor or view is called 'mailr'; did you mean 'mailer'"):
        app.letters.list("mailr")
    with pytest.raises(UnknownMessage, match="the processor 'payments' takes no commits, only external events"):
        app.letters.list("payments")
    with pytest.raises(NotFound):
        app.letters.retry("mailer", "Order#none")


def test_the_letters_of_a_processor_that_only_views_use_stand_under_these(app: App) -> None:
    with pytest.raises(UnknownMessage, match=r"'statements' parks nothing by itself, its views do: .*, 'Statement'$"):
        app.letters.list("statements")
    with pytest.raises(UnknownMessage, match=r"its views do: .*, 'Summary' or 'Customers'$"):
        app.letters.retry("views")
    assert app.letters.list("Statement") == []


def test_what_is_for_embedded_stores_says_so_elsewhere(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    app = shop.app("dynamodb://shop")
    for call in (app.drain, lambda: app.advance(timedelta(1)), lambda: app.published):
        with pytest.raises(CqrslessError, match="is for embedded stores, and this is dynamodb://shop"):
            call()


def test_a_refused_command_of_a_handler_is_an_outcome(app: App) -> None:
    create(app, "a1")
    app.execute("PayOrder", {"order_id": "a1"})
    with pytest.raises(Rejected):
        app.execute("PayOrder", {"order_id": "a1"})
    assert app.receive("PaymentReceived", {"order_id": "a1"}, source="payments", id="p-2") is True
    assert app.load("Order", "a1").version == 2


def test_a_rebuilt_log_has_every_commit_and_trackers_go_on(app: App) -> None:
    create(app, "a1", "b1")
    app.drain()
    told: list[int] = []

    app.rebuild(told.append)
    app.execute("Touch", {"order_id": "a1"})
    app.drain()

    assert told[-1] == 2
    assert rows(app, "Statement", "a1") == {"lines": [1, 2]}
    assert rows(app, "Statement", "b1") == {"lines": [1]}


def test_an_event_with_a_time_of_its_own_repeats_no_command_however_late(app: App, clock: Clock) -> None:
    create(app, "a1")
    sent = clock()
    app.receive("PaymentReceived", {"order_id": "a1"}, source="payments", id="p-1", time=sent)
    for _ in range(40):
        app.execute("Touch", {"order_id": "a1"})

    app.receive("PaymentReceived", {"order_id": "a1"}, source="payments", id="p-1", time=sent)

    assert [event.name for event in app.history("Order", "a1")].count("OrderPaid") == 1
    with pytest.raises(ValueError, match="has no time zone"):
        app.receive("PaymentReceived", {}, source="payments", time=sent.replace(tzinfo=None))


def test_on_rejected_takes_an_event_type_as_well_as_its_name(app: App, shop: Shop) -> None:
    refused = shop.registry.event_type("PaymentRefused")
    create(app, "a1")
    app.execute("PayOrder", {"order_id": "a1"})

    app.execute("PayOrder", {"order_id": "a1"}, on_rejected=refused)

    assert app.history("Order", "a1")[-1].name == "PaymentRefused"
