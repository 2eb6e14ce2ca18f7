"""OpenTelemetry spans, from a command through its events to handlers, views and publishers.

Where they are not wanted nothing of OpenTelemetry is imported: `CQRSLESS_TRACING` is `on`, `off`, or by default `auto`,
which means where somebody else (an ADOT layer, the application itself) has imported OpenTelemetry and configured a
provider already.

A commit's metadata carries the W3C `traceparent` of the command that made it, and so does what is scheduled or
published. What reacts later links to it; where no other span is current, such as in a function that nothing else
instruments, it continues its trace.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, Literal

from .errors import AppLoadError, CqrslessError, GiveUp, RetryLater
from .messages import NOTHING, Command, CommandResult, Message

if TYPE_CHECKING:
    from opentelemetry.trace import Span, SpanKind, Tracer

__all__ = [
    "carried",
    "carrying",
    "configure",
    "consuming",
    "continued",
    "creating",
    "dispatching",
    "flush",
    "on",
    "projecting",
    "received",
    "requesting",
]

#: What carries a trace from one process to the next: https://www.w3.org/TR/trace-context/
FIELDS: Final = ("traceparent", "tracestate")
#: Names in the semantic conventions, which have constants for them in a package of their own.
_SYSTEMS: Final = {"sqs": "aws_sqs", "sns": "aws.sns", "eventbridge": "aws.eventbridge", "scheduler": "aws.scheduler"}
_API: Final = "opentelemetry.trace"
#: Instrumentations that do themselves what would be done here.
_BOTOCORE: Final = "opentelemetry.instrumentation.botocore"
_LAMBDA: Final = "opentelemetry.instrumentation.aws_lambda"

_mode = "auto"
_provided = False


def configure(environ: Mapping[str, str] | None = None) -> None:
    """Take over `CQRSLESS_TRACING`, for this process, as OpenTelemetry's provider is the process's."""
    global _mode
    wanted = (os.environ if environ is None else environ).get("CQRSLESS_TRACING") or "auto"
    if wanted not in ("on", "off", "auto"):
        raise AppLoadError(f"CQRSLESS_TRACING is {wanted!r}: set it to 'on', 'off' or 'auto'")
    if wanted == "on":
        try:
            import_module(_API)
        except ImportError as error:
            raise AppLoadError(
                "CQRSLESS_TRACING is 'on', and opentelemetry-api is not installed: add it to the function's package, "
                "as in pip install 'cqrsless[tracing]'"
            ) from error
    _mode = wanted


def on() -> bool:
    """Say whether spans are made: asked for each message, as a provider may be configured at any time."""
    return _API in sys.modules and _mode != "off" and (_provided or _is_provided())


def _is_provided() -> bool:
    """Look for a provider, which stays once it is there: OpenTelemetry takes no second one."""
    global _provided
    trace = sys.modules[_API]
    _provided = not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
    return _provided


def tracer() -> Tracer:
    from opentelemetry import trace

    version: str = sys.modules["cqrsless"].__version__
    return trace.get_tracer("cqrsless", version, schema_url="https://opentelemetry.io/schemas/1.28.0")


# -- spans


def dispatching(message: Message, step: Callable[[Message], Any]) -> Any:
    """Run a command or a query inside a span; what a command commits carries it on."""
    attributes = {**_about(message), "cqrsless.message.kind": message.kind}
    if message.source in _SYSTEMS:
        attributes["messaging.system"] = _SYSTEMS[message.source]
    with _span(message.name, "CONSUMER" if message.source in _SYSTEMS else "INTERNAL", attributes, message) as span:
        result = step(carrying(message) if message.kind == "command" else message)
        if isinstance(result, CommandResult):
            _tell(span, result)
        return result


@contextmanager
def consuming(message: Message, processor: str, handler: str) -> Generator[None, None, None]:
    """Make a span around one call of an event handler or publisher. A replay tells of the past, and makes none."""
    if message.replaying:
        yield
        return
    attributes = {
        **_about(message),
        "messaging.consumer.group.name": processor,
        "code.function.name": handler,
        "cqrsless.attempt": message.attempt,
    }
    with _span(f"process {message.name}", "CONSUMER", attributes, message):
        yield


@contextmanager
def projecting(message: Message, view: str) -> Generator[None, None, None]:
    """Make a span around one call of a projector."""
    if message.replaying:
        yield
        return
    attributes = {**_about(message), "messaging.consumer.group.name": view, "cqrsless.view": view}
    with _span(f"project {message.name}", "CONSUMER", attributes, message):
        yield


@contextmanager
def creating(name: str, to: str, id: str) -> Generator[None, None, None]:
    """Make a span for one public event; what is sent carries it on."""
    attributes = {
        "messaging.system": to.partition("://")[0].replace("sqs", "aws_sqs").replace("sns", "aws.sns"),
        "messaging.operation.type": "create",
        "messaging.operation.name": "create",
        "messaging.destination.name": to.partition("://")[2],
        "messaging.message.id": id,
        "cqrsless.message.name": name,
    }
    with _span(f"create {name}", "PRODUCER", attributes, None):
        yield


@contextmanager
def requesting(operation: str, tables: Sequence[str], expected: type[Exception]) -> Generator[None, None, None]:
    """Make a span around one operation of DynamoDB, unless OpenTelemetry's own instrumentation of botocore does.

    `expected` is an answer that is none of a failure, such as that a condition did not hold.
    """
    if _BOTOCORE in sys.modules:
        yield
        return
    attributes = {
        "db.system.name": "aws.dynamodb",
        "db.operation.name": operation,
        "aws.dynamodb.table_names": list(tables),
        "rpc.system": "aws-api",
        "rpc.service": "DynamoDB",
        "rpc.method": operation,
    }
    with _span(f"DynamoDB.{operation}", "CLIENT", attributes, None, expected):
        yield


def flush() -> None:
    """Send what is waiting to be sent, before Lambda freezes the process; the ADOT layer does that by itself."""
    if _LAMBDA in sys.modules:
        return
    from opentelemetry import trace

    force: Callable[[], Any] | None = getattr(trace.get_tracer_provider(), "force_flush", None)
    if force is not None:
        force()


# -- what carries a trace on


def carried() -> dict[str, str]:
    """Give what continues the current span elsewhere; nothing where there is none that is recorded."""
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    return carrier


def carrying(message: Message) -> Message:
    """Let a message's metadata carry the current span, in place of the one that it came with."""
    carrier = carried()
    if not carrier:
        return message
    kept = {name: value for name, value in message.metadata.items() if name not in FIELDS}
    return message.replace(metadata={**kept, **carrier})


def continued(command: Command) -> Command:
    """Let a command that is about to be sent elsewhere carry the current span, unless it carries another."""
    if "traceparent" in command.metadata:
        return command
    from dataclasses import replace

    return replace(command, metadata={**command.metadata, **carried()})


def received(fields: Mapping[str, Any]) -> Mapping[str, str]:
    """Give what of a request's headers, or of a CloudEvent's extensions, continues the sender's trace."""
    found = {name: fields[name] for name in FIELDS if isinstance(fields.get(name), str) and len(fields[name]) <= 512}
    return found if "traceparent" in found else NOTHING


# -- inside


@contextmanager
def _span(
    name: str,
    kind: Literal["INTERNAL", "CONSUMER", "PRODUCER", "CLIENT"],
    attributes: Mapping[str, Any],
    message: Message | None,
    expected: type[Exception] | None = None,
) -> Generator[Span, None, None]:
    from opentelemetry import context, trace
    from opentelemetry.trace import SpanKind

    kinds: Mapping[str, SpanKind] = SpanKind.__members__
    origin = None if message is None else _origin(message)
    parent, links = context.get_current(), []
    if origin is not None:
        if trace.get_current_span().get_span_context().is_valid:
            links = [trace.Link(origin)]
        else:
            parent = trace.set_span_in_context(trace.NonRecordingSpan(origin), parent)
    with tracer().start_as_current_span(
        name,
        parent,
        kinds[kind],
        {name: value for name, value in attributes.items() if value is not None},
        links,
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            yield span
        except Exception as error:
            if expected is None or not isinstance(error, expected):
                _note(span, error)
            raise


def _origin(message: Message) -> Any:
    """Give the span context that a message carries, if it is a valid one."""
    from opentelemetry import trace
    from opentelemetry.context import Context
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carrier = received(message.metadata)
    if not carrier:
        return None
    found = TraceContextTextMapPropagator().extract(dict(carrier), Context())
    origin = trace.get_current_span(found).get_span_context()
    return origin if origin.is_valid else None


def _about(message: Message) -> dict[str, Any]:
    aggregate = message.source if message.kind == "event" and message.version is not None else None
    return {
        "messaging.operation.type": "process",
        "messaging.operation.name": "process",
        "messaging.message.id": message.id,
        "messaging.message.conversation_id": message.correlation_id or message.id,
        "cqrsless.message.name": message.name,
        "cqrsless.causation_id": message.causation_id,
        "cqrsless.aggregate.type": aggregate,
        "cqrsless.aggregate.id": message.aggregate_id,
        "cqrsless.aggregate.version": message.version,
    }


def _tell(span: Span, result: CommandResult) -> None:
    cost = result.cost
    told = {
        "cqrsless.aggregate.type": result.aggregate,
        "cqrsless.aggregate.id": result.aggregate_id,
        "cqrsless.aggregate.version": result.version,
        "cqrsless.duplicate": result.duplicate,
        "cqrsless.events": [event.name for event in result.events],
        "cqrsless.cost.requests": cost.requests,
        "cqrsless.cost.read_units": float(cost.read_units),
        "cqrsless.cost.write_units": float(cost.write_units),
    }
    span.set_attributes({name: value for name, value in told.items() if value is not None})


def _note(span: Span, error: Exception) -> None:
    """Say what was raised. What the domain refuses, or puts off, is an answer and no failure."""
    from opentelemetry.trace import Status, StatusCode

    span.set_attribute("error.type", type(error).__name__)
    if isinstance(error, RetryLater) or (
        isinstance(error, CqrslessError) and error.status < 500 and not isinstance(error, GiveUp)
    ):
        span.add_event("refused", {"exception.type": type(error).__name__, "exception.message": str(error)})
        return
    span.record_exception(error)
    span.set_status(Status(StatusCode.ERROR, f"{type(error).__name__}: {error}"))
