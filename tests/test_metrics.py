from __future__ import annotations

import io
import json
import time
from datetime import datetime, timezone
from typing import Any

import pytest

from cqrsless.errors import AppLoadError
from cqrsless.logs import handling
from cqrsless.messages import Cost, Message
from cqrsless.metrics import Executed, Metrics, emf, metrics_from_environment


def account(metrics: Metrics, **changes: Any) -> None:
    given: dict[str, Any] = {
        "aggregate": "Order",
        "duration_ms": 3.14159,
        "cost": Cost(2, 1.5, 1),
        "duplicate": False,
        "conflicts": 3,
        "outcome": "done",
        "command": "ShipOrder",
    }
    metrics.command(Executed(**{**given, **changes}))


def test_a_command_is_one_line_in_the_embedded_metric_format() -> None:
    stream = io.StringIO()
    account(emf(stream, namespace="shop", service="orders"))
    (line,) = stream.getvalue().splitlines()
    document = json.loads(line)
    about = document.pop("_aws")
    assert abs(about["Timestamp"] - time.time() * 1000) < 60_000
    (directive,) = about["CloudWatchMetrics"]
    assert (directive["Namespace"], directive["Dimensions"]) == ("shop", [["Service", "Command"]])
    assert document == {
        "Service": "orders",
        "Command": "ShipOrder",
        "Aggregate": "Order",
        "DurationMs": 3.142,
        "Requests": 2,
        "ReadUnits": 1.5,
        "WriteUnits": 1,
        "Duplicates": 0,
        "Conflicts": 3,
        "Refused": 0,
        "Failed": 0,
    }
    assert [metric["Unit"] for metric in directive["Metrics"]] == ["Milliseconds", *["Count"] * 7]
    for metric in directive["Metrics"]:  # the format's own rule: each metric is a number at the top of the document
        assert isinstance(document[metric["Name"]], (int, float))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"duplicate": True}, {"Duplicates": 1}),
        ({"outcome": "refused"}, {"Refused": 1, "Failed": 0}),
        ({"outcome": "failed"}, {"Refused": 0, "Failed": 1}),
    ],
)
def test_outcomes_are_counted(changes: dict[str, Any], expected: dict[str, int]) -> None:
    stream = io.StringIO()
    account(emf(stream), **changes)
    line = json.loads(stream.getvalue())
    assert {name: line[name] for name in expected} == expected


def test_a_command_without_an_aggregate_names_none() -> None:
    stream = io.StringIO()
    account(emf(stream), aggregate=None)
    assert "Aggregate" not in json.loads(stream.getvalue())


def test_the_line_bears_the_correlation_id() -> None:
    stream = io.StringIO()
    message = Message("c-1", "ShipOrder", "command", {}, datetime.now(timezone.utc), correlation_id="k\n1")
    with handling(message):
        account(emf(stream))
    (line,) = stream.getvalue().splitlines()
    assert (json.loads(line)["MessageId"], json.loads(line)["CorrelationId"]) == ("c-1", "k\n1")


def test_standard_output_is_looked_up_at_each_line(capsys: pytest.CaptureFixture[str]) -> None:
    metrics = emf()
    account(metrics)
    assert json.loads(capsys.readouterr().out)["Command"] == "ShipOrder"


def test_the_service_is_the_functions_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "orders-prod")
    stream = io.StringIO()
    account(emf(stream))
    assert json.loads(stream.getvalue())["Service"] == "orders-prod"


@pytest.mark.parametrize(
    ("environ", "on"),
    [
        ({}, False),
        ({"AWS_LAMBDA_FUNCTION_NAME": "orders"}, True),
        ({"AWS_LAMBDA_FUNCTION_NAME": "orders", "CQRSLESS_METRICS": "off"}, False),
        ({"CQRSLESS_METRICS": "emf"}, True),
    ],
)
def test_metrics_are_on_in_lambda_and_off_elsewhere_unless_told(environ: dict[str, str], on: bool) -> None:
    assert (metrics_from_environment(environ) is not None) is on


def test_another_value_is_an_error_that_says_what_to_set() -> None:
    with pytest.raises(AppLoadError, match="CQRSLESS_METRICS is 'prometheus': set it to 'emf' or 'off'"):
        metrics_from_environment({"CQRSLESS_METRICS": "prometheus"})
