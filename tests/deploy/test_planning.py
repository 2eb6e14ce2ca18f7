"""What a stack consists of, as the registry and the configuration have it."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest

from cqrsless import Command, RegistrationError, Registry
from cqrsless.deploy.naming import DeploymentError
from cqrsless.deploy.rendering import document
from cqrsless.deploy.values import Attribute, Place, text
from cqrsless.driver.filters import compile_filters
from tests.deploy.shop import listen, one, planned, remind, shop


def environment(plan: Any, function: str) -> Any:
    return plan.function(function).environment


# -- which functions


def test_commands_and_queries_have_one_function_and_each_processor_its_own() -> None:
    plan = planned(shop("mailer"))
    assert [function.id for function in plan.functions] == ["CommandsFunction", "MailerFunction"]
    assert "CQRSLESS_PROCESSOR" not in environment(plan, "CommandsFunction")
    assert environment(plan, "MailerFunction")["CQRSLESS_PROCESSOR"] == ("mailer",)
    for function in plan.functions:
        assert function.environment["CQRSLESS_APP"] == ("shop.app",)
        assert function.environment["CQRSLESS_STORE"] == text("dynamodb://", Place.PREFIX)


def test_views_and_publishers_are_functions_too() -> None:
    plan = planned(shop(view=True, publishes=True))
    assert [function.processor for function in plan.functions] == [None, "views", "publisher"]


def test_a_view_of_a_processor_is_in_its_function() -> None:
    registry = shop()
    registry.view("Orders", key="order_id", processor="orders")

    @registry.projector("OrderPlaced", view="Orders")
    def placed(row: Any, event: Any) -> Any:
        return event

    assert [function.processor for function in planned(registry).functions] == [None, "orders"]


def test_an_application_that_only_reacts_has_no_function_for_commands() -> None:
    registry = Registry("audit")
    listen(registry, "OrderPlaced", "audit")
    plan = planned(registry)
    assert [function.id for function in plan.functions] == ["AuditFunction"]
    assert plan.api is None and plan.queues[0].id == "UndeliveredQueue"


# -- what feeds them


def test_two_readers_read_the_stream_themselves() -> None:
    plan = planned(shop("mailer", view=True))
    assert [(mapping.function, mapping.table) for mapping in plan.stream_mappings] == [
        ("MailerFunction", "EventsTable"),
        ("ViewsFunction", "EventsTable"),
    ]
    mailer = plan.stream_mappings[0]
    assert (mailer.batch_size, mailer.bisect, mailer.bucket) == (100, True, "MailerGivenUp")
    assert mailer.retries > 7, "a processor parks what fails before Lambda gives it up"


def test_three_readers_are_fed_by_one_that_fans_out() -> None:
    plan = planned(shop("mailer", "audit", view=True))
    assert [mapping.function for mapping in plan.stream_mappings] == ["FanOutFunction"]
    assert plan.stream_mappings[0].retries == -1 and plan.stream_mappings[0].bucket is None
    assert environment(plan, "FanOutFunction")["CQRSLESS_FANOUT"] == text(
        *("mailer=", Attribute("MailerQueue", "url"), ",audit=", Attribute("AuditQueue", "url")),
        *(",views=", Attribute("ViewsQueue", "url")),
    )
    queue = one(plan.queues, "MailerQueue")
    assert queue.fifo and queue.receives > 7 and queue.visibility == 6 * plan.function("MailerFunction").timeout
    fed = [mapping.queue for mapping in plan.queue_mappings if mapping.function == "MailerFunction"]
    assert fed == ["MailerQueue", "MailerDeadLetters"], "what ends there parks its aggregate"
    letters = one(plan.queues, "MailerDeadLetters")
    assert letters.fifo and letters.visibility == queue.visibility and queue.dead_letters == "MailerDeadLetters"
    own = environment(plan, "MailerFunction")["CQRSLESS_DEAD_LETTERS"]
    assert own == (Attribute("MailerDeadLetters", "arn"),)


def test_a_tracking_processor_reads_the_log_which_an_indexer_writes() -> None:
    plan = planned(shop("audit", mode="tracking"))
    assert [(mapping.function, mapping.table) for mapping in plan.stream_mappings] == [
        ("IndexerFunction", "EventsTable"),
        ("AuditFunction", "LogTable"),
    ]
    indexer = plan.stream_mappings[0]
    assert (indexer.batch_size, indexer.retries, indexer.filters, indexer.bucket) == (1000, -1, (), None)
    assert environment(plan, "IndexerFunction")["CQRSLESS_PROCESSOR"] == ("indexer",)


def test_the_indexer_is_a_reader_of_the_stream() -> None:
    registry = shop("mailer", view=True)
    registry.processor("audit", mode="tracking")
    listen(registry, "OrderPlaced", "audit")
    readers = [mapping.function for mapping in planned(registry).stream_mappings if mapping.table == "EventsTable"]
    assert readers == ["FanOutFunction", "IndexerFunction"]


def test_more_than_two_tracking_processors_share_a_function() -> None:
    plan = planned(shop("a1", "a2", "a3", mode="tracking"))
    assert [mapping.function for mapping in plan.stream_mappings] == ["IndexerFunction", "TrackingFunction"]
    assert "CQRSLESS_PROCESSOR" not in environment(plan, "TrackingFunction")


def test_external_events_come_from_a_bus_by_a_queue() -> None:
    registry = shop()

    @registry.event_handler("PaymentFailed", source="payments", processor="payments")
    def failed(event: Any) -> Command:
        return Command("PlaceOrder", event)

    plan = planned(registry)
    (rule,) = plan.rules
    assert (rule.bus, rule.source, rule.names, rule.queue) == (
        *("default", ("payments",), ("PaymentFailed",)),
        "PaymentsQueue",
    )
    assert ("PaymentsFunction", "PaymentsQueue") in [(one.function, one.queue) for one in plan.queue_mappings]
    assert not plan.stream_mappings
    other = planned(registry, {"processors": {"payments": {"bus": "partners"}}})
    assert other.rules[0].bus == "partners"
    assert not planned(registry, {"processors": {"payments": {"bus": False}}}).rules


def test_only_who_schedules_has_a_target_and_a_role_for_it() -> None:
    registry = shop("mailer")

    @registry.event_handler("OrderPlaced", processor="deadlines")
    def deadline(event: Any) -> Command:
        return Command("PlaceOrder", event, due=timedelta(minutes=5))

    plan = planned(registry)
    assert plan.schedule_group is not None
    assert "CQRSLESS_SCHEDULER_TARGET" not in environment(plan, "MailerFunction")
    own = plan.function("DeadlinesFunction")
    assert own.environment["CQRSLESS_SCHEDULER_TARGET"][-3:] == (":function:", *own.name)
    assert own.undelivered == "UndeliveredQueue", "nobody waits for what a schedule invokes"
    (allowed,) = one(plan.roles, "SchedulerRole").statements
    assert allowed.actions == ("lambda:InvokeFunction",) and len(allowed.resources) == 1
    assert planned(shop("mailer")).schedule_group is None
    told = planned(shop("mailer"), {"processors": {"mailer": {"schedules": True}}})
    assert told.schedule_group is not None


def test_whoever_can_be_replayed_may_call_itself_to_go_on() -> None:
    plan = planned(shop("mailer", publishes=True))
    calls = {function.id: "lambda:InvokeFunction" in allowed(plan, function.role) for function in plan.functions}
    assert calls == {"CommandsFunction": False, "MailerFunction": True, "PublisherFunction": False}
    assert plan.function("MailerFunction").continues and plan.function("MailerFunction").timeout >= 60
    (invoked,) = [
        each for each in plan.role_of(plan.function("MailerFunction")).statements if "lambda:I" in each.actions[0]
    ]
    assert invoked.resources[0][-3:] == (":function:", *plan.function("MailerFunction").name)


def test_whatever_is_invoked_with_nobody_waiting_has_a_queue_for_what_fails() -> None:
    plan = planned(shop("mailer", publishes=True))
    assert [function.undelivered for function in plan.functions] == [None, "UndeliveredQueue", "UndeliveredQueue"]


# -- alarms


def test_each_consumer_rings_when_it_parks() -> None:
    plan = planned(shop("mailer", view=True, publishes=True))
    parks = {
        alarm.dimensions["Processor"]: alarm.dimensions["Service"] for alarm in plan.alarms if alarm.metric == "Parked"
    }
    assert parks == {
        ("mailer",): plan.function("MailerFunction").name,
        ("Orders",): plan.function("ViewsFunction").name,
        ("publisher",): plan.function("PublisherFunction").name,
    }


# -- filters


def image(*names: str) -> Any:
    return {"dynamodb": {"NewImage": {"pk": {"S": "Order#1"}, "names": {"M": {name: {"S": "1"} for name in names}}}}}


def test_a_filter_lets_through_what_is_handled_under_any_of_its_names() -> None:
    (mapping,) = planned(shop("mailer")).stream_mappings
    passes = compile_filters(mapping.filters)
    assert all(passes(image(name, "Other")) for name in ("OrderShipped", "OrderSent", "OrderLeft"))
    assert not passes(image("OrderPlaced")) and not passes({"dynamodb": {"Keys": {}}})


@pytest.mark.parametrize("count", [1, 5, 6, 23, 400])
def test_a_filter_of_any_number_of_names_misses_none(count: int) -> None:
    registry = shop()
    names = [f"{'Event' * 10}{number}" for number in range(count)]
    for name in names:
        listen(registry, name, "audit")
    (mapping,) = planned(registry).stream_mappings
    assert len(mapping.filters) <= 5 and all(len(pattern) <= 4096 for pattern in mapping.filters)
    passes = compile_filters(mapping.filters)
    assert all(passes(image(name)) for name in names)
    assert passes(image("Other")) is (count == 400), "more than the patterns hold: nothing is filtered by name"
    assert not passes({"dynamodb": {"Keys": {}}}), "a removal is nobody's"


def test_patterns_are_on_documented_keys_alone() -> None:
    for count in (1, 9):
        registry = shop()
        for number in range(count):
            listen(registry, f"E{number}", "audit")
        for pattern in planned(registry).stream_mappings[0].filters:
            assert list(json.loads(pattern)) == ["dynamodb"]


# -- names


def test_names_that_are_one_without_their_signs_are_refused() -> None:
    registry = shop("pay-out", "pay.out")
    with pytest.raises(DeploymentError) as raised:
        planned(registry)
    assert str(raised.value) == (
        "the processor 'pay.out' and the processor 'pay-out' are both called PayOutFunction in a template, whose names "
        "are plain: rename one of the two"
    )


@pytest.mark.parametrize("name", ["commands", "fan-out"])
def test_a_processor_with_the_name_of_a_function_of_the_stack_is_refused(name: str) -> None:
    with pytest.raises(DeploymentError, match="rename one of the two"):
        planned(shop(name, "b", "c"))


def test_a_processor_whose_queue_would_be_the_dead_letters_of_another_is_refused() -> None:
    error = (
        "the queue of the processor 'mailer-dead-letters' and the dead letters of the processor 'mailer' are both "
        "called mailer-dead-letters.fifo in a template"
    )
    with pytest.raises(DeploymentError, match=error):
        planned(shop("mailer", "mailer-dead-letters", "audit"))


def test_two_hundred_handlers_are_one_plan_with_names_of_their_own() -> None:
    registry = shop()
    for number in range(200):
        listen(registry, f"Happened.in_{number}", f"p_{number % 20}.of-many")
        registry.query_handler(f"Ask.{number}", route=f"GET /a.sk_{number}/{{of}}")(lambda query: None)
    plan = planned(registry)
    assert len(plan.functions) == 22 and plan.api is not None and len(plan.api.routes) == 202
    for kind in (plan.functions, plan.queues, plan.tables, plan.alarms):
        assert len({one.id for one in kind}) == len({one.name for one in kind}) == len(kind)
    assert all(re.fullmatch(r"[A-Za-z0-9]+", function.id) for function in plan.functions)
    assert all(re.fullmatch(r"-[a-z0-9-]+", str(function.name[1])) for function in plan.functions)
    consumers = {name for function in plan.functions for name in function.consumers}
    assert consumers == {f"p_{number}.of-many" for number in range(20)}
    assert 400 < len(document(plan, "cloudformation")["Resources"]) <= 500
    assert len(document(plan, "sam")["Resources"]) < 500


def test_stacks_of_other_prefixes_share_no_name() -> None:
    """Two applications, or one twice, in one account and region."""
    plan = planned(shop("mailer", "audit", view=True, publishes=True), {"processors": {"mailer": {"schedules": True}}})
    assert plan.api is not None and plan.dashboard is not None and plan.schedule_group is not None
    every = (*plan.tables, *plan.functions, *plan.queues, *plan.buckets, *plan.alarms, *plan.roles)
    named = [one.name for one in (*every, plan.api, plan.dashboard, plan.schedule_group)]
    assert all(name[0] is Place.PREFIX for name in named)
    made = planned(shop(publishes=True), {"create_targets": True})
    assert [bus.name for bus in made.buses] == [("shop",)], (
        "a target is called as the code calls it: one stack makes it"
    )


def test_a_long_name_is_cut_and_stays_one_of_its_own() -> None:
    long = "reminders-of-all-orders-that-nobody-has-paid-for"
    plan = planned(shop(long, long + "-yet"))
    first, second = (function.name for function in plan.functions[1:])
    assert first != second
    assert all(len(name[1]) <= 25 for name in (first, second))


def test_the_prefix_is_the_registrys_or_the_configurations() -> None:
    assert planned(shop()).prefix == "shop"
    assert planned(shop(), {"name": "shop-eu"}).prefix == "shop-eu"
    with pytest.raises(DeploymentError, match=r"name is 'Shop_EU', and begins every name .*; write 'shop-eu'"):
        planned(shop(), {"name": "Shop_EU"})
    with pytest.raises(DeploymentError, match="has 40 characters, and the names behind it leave room for 2"):
        planned(shop("mailer"), {"name": "s" * 40})


# -- what cannot be deployed


def test_an_application_without_handlers_is_refused() -> None:
    registry = Registry("empty")
    registry.aggregate("Order", id_field="order_id")
    with pytest.raises(DeploymentError, match="the registry 'empty' has no handler, so there is nothing to deploy"):
        planned(registry)


def test_a_processor_without_handlers_is_refused() -> None:
    registry = shop()
    registry.processor("mailer")
    with pytest.raises(DeploymentError, match=r"the processor 'mailer' \(.*test_planning.py:\d+\) has no handler"):
        planned(registry)


def test_routes_that_overlap_are_refused() -> None:
    registry = shop()

    @registry.query_handler("Other", route="POST /orders/{id}/ship")
    def other(query: Any) -> Any:
        return None

    with pytest.raises(RegistrationError, match=r"has the route 'POST /orders/\{id\}/ship', which command 'ShipOrder'"):
        planned(registry)


def test_more_routes_than_an_api_takes_are_refused() -> None:
    registry = shop()
    for number in range(300):
        registry.query_handler(f"Q{number}", route=f"GET /q{number}")(lambda query: None)
    with pytest.raises(DeploymentError, match="has 302 routes, and an HTTP API takes 300"):
        planned(registry)


def test_commands_that_react_are_allowed_to_commit() -> None:
    registry = shop()
    listen(registry, "OrderPlaced", "quiet")
    assert "dynamodb:PutItem" not in actions(planned(registry), "QuietRole", "EventsTable")
    told = planned(registry, {"processors": {"quiet": {"commands": True}}})
    assert "dynamodb:PutItem" in actions(told, "QuietRole", "EventsTable")
    listen(registry, "OrderPlaced", "busy", remind)
    assert "dynamodb:PutItem" in actions(planned(registry), "BusyRole", "EventsTable")


def test_who_runs_commands_that_read_views_is_allowed_to_read_them() -> None:
    registry = shop(view=True)
    listen(registry, "OrderPlaced", "busy", remind)
    registry.event_handler("Paid", source="bank", processor="bank")(remind)
    assert actions(planned(registry), "CommandsRole", "ViewsTable") == set()
    assert actions(planned(registry), "BankRole", "ViewsTable") == set()

    @registry.command_handler("Report")
    def report(command: Any, *, views: Any) -> Any:
        return views.get("Orders", command["order_id"])

    reads = {"dynamodb:GetItem", "dynamodb:Query"}
    assert actions(planned(registry), "CommandsRole", "ViewsTable") == reads
    assert actions(planned(registry), "BankRole", "ViewsTable") == reads
    assert reads < actions(planned(registry), "BusyRole", "ViewsTable")


def allowed(plan: Any, role: str) -> set[str]:
    return {action for each in one(plan.roles, role).statements for action in each.actions}


def actions(plan: Any, role: str, table: str) -> set[str]:
    found = one(plan.roles, role).statements
    return {action for each in found for action in each.actions if (Attribute(table, "arn"),) in each.resources}


def test_the_package_is_the_zip_that_is_configured_or_what_the_command_makes() -> None:
    assert planned(shop("mailer")).package == "build/shop-app.zip"
    assert planned(shop("mailer"), {"name": "mine"}).package == "build/mine.zip"
    assert planned(shop("mailer"), {"code": "dist/all.zip"}).package == "dist/all.zip"
    assert planned(shop("mailer"), {"code": "src"}).package == "build/shop-app.zip"
