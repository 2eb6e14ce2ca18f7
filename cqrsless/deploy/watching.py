"""What rings, and what is on the wall: alarms on lateness, errors, throttles and dead letters, and a dashboard."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from .building import Stack
from .naming import identifier
from .plan import Alarm, Api, Dashboard, Function, Queue
from .values import Place, Text, named, text

__all__ = ["watch"]

#: A consumer is this many milliseconds behind: something is wrong with it.
LATE: Final = 5 * 60 * 1000
#: The indexer is this many behind: within hours the stream drops what it has not read, and only a rebuild finds it.
LOSING: Final = 20 * 60 * 60 * 1000


def watch(stack: Stack, api: Api | None) -> tuple[tuple[Alarm, ...], Dashboard]:
    """Plan the alarms and the dashboard of a stack."""
    return tuple(_alarms(stack)), Dashboard("Dashboard", named("overview"), tuple(_widgets(stack, api)))


def _alarms(stack: Stack) -> Iterator[Alarm]:
    streamed = {mapping.function: mapping.table for mapping in stack.stream_mappings}
    for function in stack.functions:
        base, what = function.id.removesuffix("Function"), function.description
        of = {"FunctionName": function.name}
        yield _alarm(stack, f"{base}Errors", f"{what}: invocations fail", "AWS/Lambda", "Errors", "Sum", of, 0)
        yield _alarm(
            stack, f"{base}Throttles", f"{what}: invocations are throttled", "AWS/Lambda", "Throttles", "Sum", of, 0
        )
        if function.id in streamed:
            log = function.processor == "indexer" or streamed[function.id] == "LogTable"
            end, why = ("LogLag", "the log is read") if log else ("IteratorAge", "commits are handled")
            text_of_it = f"{what}: {why} more than 5 minutes late"
            yield _alarm(stack, f"{base}{end}", text_of_it, "AWS/Lambda", "IteratorAge", "Maximum", of, LATE)
        if function.processor == "indexer":
            yield _alarm(
                stack,
                f"{base}LosesCommits",
                "The indexer is 20 hours late; at 24 the stream drops commits, which app.rebuild() finds again",
                "AWS/Lambda",
                "IteratorAge",
                "Maximum",
                of,
                LOSING,
            )
        for consumer in function.consumers:
            yield _alarm(
                stack,
                f"{base}{identifier(consumer)}Parks",
                f"{consumer} parked an aggregate; app.letters.list({consumer!r}) says which and why",
                "cqrsless",
                "Parked",
                "Sum",
                {"Service": function.name, "Processor": text(consumer)},
                0,
            )
    for queue in stack.queues:
        if queue.kind == "work":
            yield _alarm(
                stack,
                f"{queue.id}Age",
                f"What waits in {queue.id} is handled more than 5 minutes late",
                "AWS/SQS",
                "ApproximateAgeOfOldestMessage",
                "Maximum",
                {"QueueName": queue.name},
                LATE / 1000,
            )
        if queue.kind == "letters":
            yield _alarm(
                stack,
                f"{queue.id}Waiting",
                f"Something could not be handled and waits in {queue.id}",
                "AWS/SQS",
                "ApproximateNumberOfMessagesVisible",
                "Maximum",
                {"QueueName": queue.name},
                0,
            )
    for table in stack.tables:
        for metric, does in (("ReadThrottleEvents", "reads"), ("WriteThrottleEvents", "writes")):
            yield _alarm(
                stack,
                f"{table.id}{metric}",
                f"DynamoDB throttles {does} of {table.id}",
                "AWS/DynamoDB",
                metric,
                "Sum",
                {"TableName": table.name},
                0,
            )


def _alarm(
    stack: Stack,
    id: str,
    description: str,
    namespace: str,
    metric: str,
    statistic: str,
    dimensions: Mapping[str, Text],
    threshold: float,
) -> Alarm:
    return Alarm(
        stack.ids.take(f"{id}Alarm", f"the alarm {id}"),
        named(id),
        description=description,
        namespace=namespace,
        metric=metric,
        statistic=statistic,
        dimensions=dimensions,
        threshold=threshold,
        period=60,
        periods=5 if metric in ("IteratorAge", "ApproximateAgeOfOldestMessage") else 1,
    )


def _widgets(stack: Stack, api: Api | None) -> Iterator[Mapping[str, Any]]:
    functions: Sequence[Function] = stack.functions
    streamed = {mapping.function for mapping in stack.stream_mappings}
    yield _graph(0, 0, "Invocations", [_of_function("Invocations", one, "Sum") for one in functions])
    yield _graph(8, 0, "Errors", [_of_function("Errors", one, "Sum") for one in functions])
    yield _graph(16, 0, "Throttles", [_of_function("Throttles", one, "Sum") for one in functions])
    yield _graph(0, 6, "Duration, 99 of 100", [_of_function("Duration", one, "p99") for one in functions])
    late = [_of_function("IteratorAge", one, "Maximum") for one in functions if one.id in streamed]
    if late:
        yield _graph(8, 6, "How late streams are read", late)
    yield _graph(16, 6, "Dead letters", [_of_queue(one) for one in stack.queues if one.kind == "letters"])
    units = [
        ["AWS/DynamoDB", metric, "TableName", table.name, {"stat": "Sum"}]
        for table in stack.tables
        for metric in ("ConsumedReadCapacityUnits", "ConsumedWriteCapacityUnits")
    ]
    yield _graph(0, 12, "Units of the tables", units)
    commands = [one for one in functions if one.id == "CommandsFunction"]
    if commands:
        accounts = [
            [{"expression": _search(metric, commands[0]), "label": metric}]
            for metric in ("Conflicts", "Refused", "Failed", "Duplicates")
        ]
        yield _graph(8, 12, "Commands", accounts)
    consumers = [(one, consumer) for one in functions for consumer in one.consumers]
    if consumers:
        yield _graph(16, 12, "Age of what is applied", [_of_consumer("LagMs", *one, "Maximum") for one in consumers])
        yield _graph(0, 18, "Applied", [_of_consumer("Applied", *one, "Sum") for one in consumers])
        troubles = [_of_consumer(metric, *one, "Sum") for one in consumers for metric in ("Retried", "Parked")]
        yield _graph(8, 18, "Tried again, and parked", troubles)


def _search(metric: str, function: Function) -> Text:
    return text(
        f'SUM(SEARCH(\'{{cqrsless,Service,Command}} MetricName="{metric}" Service="',
        *function.name,
        "\"', 'Sum', 60))",
    )


def _of_consumer(metric: str, function: Function, consumer: str, statistic: str) -> list[Any]:
    return ["cqrsless", metric, "Service", function.name, "Processor", text(consumer), {"stat": statistic}]


def _of_function(metric: str, function: Function, statistic: str) -> list[Any]:
    return ["AWS/Lambda", metric, "FunctionName", function.name, {"stat": statistic}]


def _of_queue(queue: Queue) -> list[Any]:
    return ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", queue.name, {"stat": "Maximum"}]


def _graph(x: int, y: int, title: str, metrics: list[list[Any]]) -> Mapping[str, Any]:
    return {
        "type": "metric",
        "x": x,
        "y": y,
        "width": 8,
        "height": 6,
        "properties": {
            "title": title,
            "region": text(Place.REGION),
            "view": "timeSeries",
            "period": 60,
            "metrics": metrics,
        },
    }
