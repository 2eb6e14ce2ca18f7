"""Spans from a command through its events to handlers, views and publishers, and what links them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from cqrsless import App, AppLoadError, Command, Event, Registry, Rejected, RetryLater, tracing
from cqrsless.sources import handle
from cqrsless.testing import lambda_events as build

ROOT = Path(__file__).parent.parent
O1 = {"order_id": "o-1"}
REMOTE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Spans:
    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))

    def all(self) -> list[ReadableSpan]:
        return list(self.exporter.get_finished_spans())

    def __getitem__(self, name: str) -> ReadableSpan:
        [found] = [span for span in self.all() if span.name == name]
        return found

    def names(self) -> list[str]:
        return [span.name for span in self.all()]


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[Spans]:
    """A provider of this test's own: the process's can be set once only."""
    spans = Spans()
    monkeypatch.setattr(tracing, "on", lambda: True)
    monkeypatch.setattr(tracing, "tracer", lambda: spans.provider.get_tracer("cqrsless"))
    yield spans
    spans.provider.shutdown()


def shop() -> Registry:
    shop = Registry("traced")
    order = shop.aggregate("Order", id_field="order_id")
    summary = shop.view("OrderSummary", key="order_id")

    @shop.command_handler("CreateOrder", aggregate=order, creation="if_missing", route="POST /orders")
    def create_order(command: Any, state: Any) -> Any:
        return {"status": "placed"}, Event("OrderCreated", command)

    @shop.command_handler("BillOrder", aggregate=order)
    def bill_order(command: Any, state: Any) -> Any:
        if state["status"] == "billed":
            raise Rejected("the order is billed")
        return {"status": "billed"}, Event("OrderBilled", command)

    @shop.command_handler("BreakOrder", aggregate=order)
    def break_order(command: Any, state: Any) -> Any:
        raise KeyError("a bug")

    @shop.query_handler("GetOrder")
    def get_order(query: Any, *, views: Any) -> Any:
        return views.get(summary, query["order_id"])

    @shop.event_handler("OrderCreated", processor="billing")
    def bill(event: Any) -> Any:
        return [Command("BillOrder", event), Command("BillOrder", event, id="later", due=timedelta(days=1))]

    @shop.event_handler("PaymentFailed", source="payments", processor="payments")
    def pay(event: Any) -> Any:
        raise RetryLater("the bank sleeps", after=1)

    @shop.projector("OrderCreated", view=summary)
    def created(row: Any, event: Any) -> Any:
        return event

    @shop.publisher("OrderBilled", to="sqs://shipping")
    def billed(event: Any) -> Any:
        return Event("ReadyToShip", event)

    return shop


@pytest.fixture
def app(spans: Spans) -> App:
    return App("memory://", registry=shop())


def told(span: ReadableSpan, *names: str) -> dict[str, Any]:
    return {name: (span.attributes or {}).get(name) for name in names}


def context_of(traceparent: str) -> tuple[int, int]:
    _, trace_id, span_id, _ = traceparent.split("-")
    return int(trace_id, 16), int(span_id, 16)


def identity(span: ReadableSpan) -> tuple[int, int]:
    context = span.get_span_context()
    assert context is not None
    return context.trace_id, context.span_id


# -- commands and queries


def test_a_command_is_a_span_that_says_what_it_did_and_cost(app: App, spans: Spans) -> None:
    app.execute("CreateOrder", O1, id="c-1", metadata={"correlation_id": "checkout"})
    span = spans["CreateOrder"]
    assert span.kind is SpanKind.INTERNAL and span.status.status_code is StatusCode.UNSET
    assert span.attributes == {
        "messaging.operation.type": "process",
        "messaging.operation.name": "process",
        "messaging.message.id": "c-1",
        "messaging.message.conversation_id": "checkout",
        "cqrsless.message.name": "CreateOrder",
        "cqrsless.message.kind": "command",
        "cqrsless.aggregate.type": "Order",
        "cqrsless.aggregate.id": "o-1",
        "cqrsless.aggregate.version": 1,
        "cqrsless.duplicate": False,
        "cqrsless.events": ("OrderCreated",),
        "cqrsless.cost.requests": 2,
        "cqrsless.cost.read_units": 1.0,
        "cqrsless.cost.write_units": 1.0,
    }


def test_a_commit_carries_its_commands_span(app: App, spans: Spans) -> None:
    result = app.execute("CreateOrder", O1, metadata={"tenant": "t-1"})
    metadata = app.history("Order", "o-1")[0].metadata
    assert metadata == result.events[0].metadata and metadata["tenant"] == "t-1"
    assert context_of(metadata["traceparent"]) == identity(spans["CreateOrder"])


def test_a_refusal_is_an_answer_and_a_bug_is_an_error(app: App, spans: Spans) -> None:
    app.execute("CreateOrder", O1)
    app.execute("BillOrder", O1)
    with pytest.raises(Rejected):
        app.execute("BillOrder", O1)
    with pytest.raises(KeyError):
        app.execute("BreakOrder", O1)
    [done, refused] = [span for span in spans.all() if span.name == "BillOrder"]
    assert done.status.status_code is refused.status.status_code is StatusCode.UNSET
    assert told(refused, "error.type") == {"error.type": "Rejected"} and refused.events[0].name == "refused"
    broken = spans["BreakOrder"]
    assert broken.status.status_code is StatusCode.ERROR and broken.events[0].name == "exception"
    assert told(broken, "error.type") == {"error.type": "KeyError"}


def test_a_query_is_a_span_and_carries_nothing_on(app: App, spans: Spans) -> None:
    app.ask("GetOrder", O1)
    assert told(spans["GetOrder"], "cqrsless.message.kind") == {"cqrsless.message.kind": "query"}


# -- from the commit on


def test_handlers_views_and_publishers_continue_the_commands_trace(app: App, spans: Spans) -> None:
    app.execute("CreateOrder", O1)
    app.drain()
    created = spans["CreateOrder"]
    for name in ("process OrderCreated", "project OrderCreated", "BillOrder", "process OrderBilled"):
        assert identity(spans[name])[0] == identity(created)[0], name
    assert spans["process OrderCreated"].kind is SpanKind.CONSUMER
    parents = {span.name: span.parent.span_id for span in spans.all() if span.parent is not None}
    ids = {span.name: identity(span)[1] for span in spans.all()}
    assert parents["process OrderCreated"] == parents["project OrderCreated"] == ids["CreateOrder"]
    assert parents["BillOrder"] == ids["process OrderCreated"]
    assert parents["process OrderBilled"] == ids["BillOrder"]
    assert parents["create ReadyToShip"] == ids["process OrderBilled"]
    assert told(spans["process OrderCreated"], "messaging.consumer.group.name", "messaging.message.id") == {
        "messaging.consumer.group.name": "billing",
        "messaging.message.id": "Order#o-1@1",
    }
    assert {told(span, "messaging.message.conversation_id").popitem()[1] for span in spans.all()} - {None} == {
        app.history("Order", "o-1")[0].metadata["correlation_id"]
    }


def test_inside_another_span_what_reacts_links_to_the_command(app: App, spans: Spans) -> None:
    app.execute("CreateOrder", O1)
    with spans.provider.get_tracer("lambda").start_as_current_span("invocation"):
        app.drain()
    span = spans["process OrderCreated"]
    assert span.parent is not None and span.parent.span_id == identity(spans["invocation"])[1]
    [link] = span.links
    assert (link.context.trace_id, link.context.span_id) == identity(spans["CreateOrder"])


def test_what_is_due_later_continues_the_trace(app: App, spans: Spans) -> None:
    app.execute("CreateOrder", O1)
    app.drain()
    spans.exporter.clear()
    assert app.advance(timedelta(days=1)) == 1
    span = spans["BillOrder"]
    assert span.kind is SpanKind.CONSUMER
    assert told(span, "messaging.system", "messaging.message.id") == {
        "messaging.system": "aws.scheduler",
        "messaging.message.id": "later",
    }
    trace_id, _ = context_of(app.history("Order", "o-1")[0].metadata["traceparent"])
    assert identity(span)[0] == trace_id


def test_a_public_event_carries_its_span_as_cloudevents_have_it(app: App, spans: Spans) -> None:
    app.execute("CreateOrder", O1)
    app.drain()
    [(_, document)] = app.published.documents
    span = spans["create ReadyToShip"]
    assert context_of(document["traceparent"]) == identity(span)
    assert span.kind is SpanKind.PRODUCER
    assert told(span, "messaging.system", "messaging.destination.name", "messaging.message.id") == {
        "messaging.system": "aws_sqs",
        "messaging.destination.name": "shipping",
        "messaging.message.id": document["id"],
    }


def test_a_replay_makes_no_spans(app: App, spans: Spans) -> None:
    app.execute("CreateOrder", O1)
    app.drain()
    spans.exporter.clear()
    app.replay("OrderSummary")
    app.replay("billing")
    assert spans.names() == []


# -- from outside


@pytest.mark.parametrize("make", [build.http_api, build.rest_api, build.function_url, build.load_balancer])
def test_a_request_continues_the_clients_trace(app: App, spans: Spans, make: Any) -> None:
    handle(make("POST /orders", O1, headers={"traceparent": REMOTE}), None, app)
    span = spans["CreateOrder"]
    assert span.parent is not None and (span.parent.trace_id, span.parent.span_id) == context_of(REMOTE)
    assert app.history("Order", "o-1")[0].metadata["traceparent"] != REMOTE


def test_messages_continue_their_senders_trace(app: App, spans: Spans) -> None:
    command = Command("CreateOrder", O1, metadata={"traceparent": REMOTE})
    handle(build.sqs(command), None, app)
    assert spans["CreateOrder"].kind is SpanKind.CONSUMER
    failed = build.cloud_event(Event("PaymentFailed", O1), source="payments") | {"traceparent": REMOTE}
    handle(build.sqs(failed), None, app)
    for name in ("CreateOrder", "process PaymentFailed"):
        parent = spans[name].parent
        assert parent is not None and (parent.trace_id, parent.span_id) == context_of(REMOTE), name
    assert spans["process PaymentFailed"].status.status_code is StatusCode.UNSET  # it is put off


@pytest.mark.parametrize(
    "carried", ["", "x", "00-0-0-00", "0" * 2_000, REMOTE.replace("b7ad6b7169203331", "0" * 16), 7]
)
def test_a_trace_that_is_none_is_not_continued(app: App, spans: Spans, carried: Any) -> None:
    handle(build.direct(Command("CreateOrder", O1, metadata={"traceparent": carried})), None, app)
    assert spans["CreateOrder"].parent is None
    assert context_of(app.history("Order", "o-1")[0].metadata["traceparent"]) == identity(spans["CreateOrder"])


def test_a_client_of_a_deployed_application_sends_its_span_along(spans: Spans) -> None:
    from cqrsless.remote.calling import command_document

    with spans.provider.get_tracer("mine").start_as_current_span("caller") as caller:
        document = command_document(Command("CreateOrder", O1, id="c-1"))
    assert context_of(document["metadata"]["traceparent"])[1] == caller.get_span_context().span_id
    own = command_document(Command("CreateOrder", O1, metadata={"traceparent": REMOTE}))
    assert own["metadata"] == {"traceparent": REMOTE}


# -- DynamoDB


def test_operations_of_dynamodb_are_spans(moto_aws: None, spans: Spans) -> None:
    app = App("dynamodb://traced?region=eu-west-1", registry=shop())
    app.create_tables()
    spans.exporter.clear()
    app.execute("CreateOrder", O1)
    assert spans.names() == ["DynamoDB.Query", "DynamoDB.PutItem", "CreateOrder"]
    put = spans["DynamoDB.PutItem"]
    assert put.kind is SpanKind.CLIENT
    assert told(put, "db.system.name", "db.operation.name", "aws.dynamodb.table_names", "rpc.method") == {
        "db.system.name": "aws.dynamodb",
        "db.operation.name": "PutItem",
        "aws.dynamodb.table_names": ("traced-events",),
        "rpc.method": "PutItem",
    }
    app.on("dynamodb://traced?region=eu-west-1").execute("CreateOrder", O1 | {"order_id": "o-2"})
    spans.exporter.clear()
    rival = App("dynamodb://traced?region=eu-west-1", registry=shop())
    rival.execute("BillOrder", O1)
    with pytest.raises(Rejected):
        app.execute("BillOrder", O1)  # its write meets the rival's commit
    assert {span.status.status_code for span in spans.all()} == {StatusCode.UNSET}


def test_the_instrumentation_of_botocore_is_not_doubled(
    moto_aws: None, spans: Spans, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.instrumentation.botocore", trace)
    App("dynamodb://traced?region=eu-west-1", registry=shop()).create_tables()
    assert spans.names() == []


# -- whether it is on


def python(code: str, **environ: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"PATH": "", "PYTHONPATH": str(ROOT), **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


START = (
    "import sys\nfrom cqrsless import App, Registry\nshop = Registry('s')\nshop.query_handler('Q')(lambda query: 1)\n"
)
USE = "App('memory://', registry=shop).ask('Q')\n"
LOADED = "print(any(name.startswith('opentelemetry') for name in sys.modules))\n"
PROVIDE = (
    "from opentelemetry import trace\n"
    "from opentelemetry.sdk.trace import TracerProvider\n"
    "from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor\n"
    "provider = TracerProvider()\n"
    "provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter()))\n"
    "trace.set_tracer_provider(provider)\n"
)


@pytest.mark.parametrize("mode", ["", "auto", "off"])
def test_nothing_of_opentelemetry_is_imported_where_nobody_asked_for_it(mode: str) -> None:
    assert python(START + USE + LOADED, CQRSLESS_TRACING=mode) == "False\n"


def test_it_is_on_where_somebody_has_configured_a_provider() -> None:
    assert json.loads(python(START + PROVIDE + USE))["name"] == "Q"
    assert json.loads(python(START + PROVIDE + USE, CQRSLESS_TRACING="on"))["name"] == "Q"
    assert json.loads(python("import opentelemetry.trace\n" + START + USE.replace("App(", "app = App(", 1).replace(
        ".ask('Q')", "") + PROVIDE + "app.ask('Q')\n"))["name"] == "Q"  # fmt: skip


def test_it_is_off_where_nothing_is_configured_or_it_is_said_to_be() -> None:
    assert python("import opentelemetry.trace\n" + START + USE) == ""
    assert python(START + PROVIDE + USE, CQRSLESS_TRACING="off") == ""
    assert python(START + USE + LOADED, CQRSLESS_TRACING="on") == "True\n"


def test_a_wrong_setting_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing, "_mode", "auto")
    with pytest.raises(AppLoadError, match="CQRSLESS_TRACING is 'yes': set it to 'on', 'off' or 'auto'"):
        tracing.configure({"CQRSLESS_TRACING": "yes"})
    monkeypatch.setitem(sys.modules, "opentelemetry.trace", None)
    with pytest.raises(AppLoadError, match=r"opentelemetry-api is not installed: .* pip install 'cqrsless\[tracing\]'"):
        tracing.configure({"CQRSLESS_TRACING": "on"})
    tracing.configure({})


def test_what_waits_is_sent_before_lambda_freezes(monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[bool] = []

    class Provider:
        def force_flush(self) -> None:
            flushed.append(True)

    monkeypatch.setattr(trace, "get_tracer_provider", Provider)
    tracing.flush()
    assert flushed == [True]
    monkeypatch.setitem(sys.modules, "opentelemetry.instrumentation.aws_lambda", trace)
    tracing.flush()
    assert flushed == [True]
