"""Alarms and the dashboard."""

from __future__ import annotations

from collections.abc import Iterator

from ..plan import Alarm, Dashboard
from .texts import Expression, Made, Texts, made

__all__ = ["alarm", "dashboard"]


def alarm(texts: Texts, alarm: Alarm) -> Iterator[Made]:
    told = Expression("compact([var.alarm_topic])")
    yield made(
        texts.address(alarm.id),
        {
            "alarm_name": alarm.name,
            "alarm_description": alarm.description,
            "namespace": alarm.namespace,
            "metric_name": alarm.metric,
            "dimensions": dict(alarm.dimensions),
            "statistic": alarm.statistic,
            "period": alarm.period,
            "evaluation_periods": alarm.periods,
            "threshold": alarm.threshold,
            "comparison_operator": "GreaterThanThreshold",
            "treat_missing_data": "notBreaching",
            "alarm_actions": told,
            "ok_actions": told,
        },
    )


def dashboard(texts: Texts, dashboard: Dashboard) -> Iterator[Made]:
    body = texts.document({"widgets": list(dashboard.widgets)})
    yield made(texts.address(dashboard.id), {"dashboard_name": dashboard.name, "dashboard_body": body})
