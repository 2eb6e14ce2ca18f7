"""Alarms and the dashboard."""

from __future__ import annotations

from collections.abc import Iterator

from ..plan import Alarm, Dashboard
from .texts import Made, Texts, made, ref

__all__ = ["alarm", "dashboard"]


def alarm(texts: Texts, alarm: Alarm) -> Iterator[Made]:
    told = {"Fn::If": ["TellsAlarms", [ref("AlarmTopic")], ref("AWS::NoValue")]}
    yield made(
        alarm.id,
        "AWS::CloudWatch::Alarm",
        {
            "AlarmName": texts.text(alarm.name),
            "AlarmDescription": alarm.description,
            "Namespace": alarm.namespace,
            "MetricName": alarm.metric,
            "Dimensions": [{"Name": name, "Value": texts.text(value)} for name, value in alarm.dimensions.items()],
            "Statistic": alarm.statistic,
            "Period": alarm.period,
            "EvaluationPeriods": alarm.periods,
            "Threshold": alarm.threshold,
            "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": "notBreaching",
            "AlarmActions": told,
            "OKActions": told,
        },
    )


def dashboard(texts: Texts, dashboard: Dashboard) -> Iterator[Made]:
    body = texts.embedded({"widgets": list(dashboard.widgets)})
    yield made(
        dashboard.id,
        "AWS::CloudWatch::Dashboard",
        {"DashboardName": texts.text(dashboard.name), "DashboardBody": {"Fn::Sub": body}},
    )
