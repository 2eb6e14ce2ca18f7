"""What may do what: roles, and the rules that bring events from a bus to a queue."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..plan import Bus, Role, Rule, Statement, Topic
from ..values import Attribute, Place, Text, text
from .texts import Address, Block, Expression, Made, Texts, made

__all__ = ["bus", "role", "rule", "topic"]

#: IAM's longest name is 64 characters, of which Terraform puts 26 behind a prefix.
_LONGEST_PREFIX = 38


def role(texts: Texts, role: Role) -> Iterator[Made]:
    trust: Block = {
        "actions": ["sts:AssumeRole"],
        "principals": {"type": "Service", "identifiers": [role.service]},
    }
    if role.service != "lambda.amazonaws.com":
        trust["condition"] = _equals("StringEquals", "aws:SourceAccount", text(Place.ACCOUNT))
    own = texts.beside(role.id, "aws_iam_policy_document")
    assuming = Address("aws_iam_policy_document", f"{own.name}_trust")
    yield "data", *_parts(assuming), {"statement": [trust]}
    yield "data", *_parts(own), {"statement": [_statement(one) for one in role.statements]}
    # IAM's names are the whole world's, not a region's: what follows the prefix is for Terraform to choose.
    prefix = Expression(f'substr("{texts.text(text(*role.name, "-"))}", 0, {_LONGEST_PREFIX})')
    address = texts.address(role.id)
    yield made(address, {"name_prefix": prefix, "assume_role_policy": _json(assuming)})
    yield made(
        texts.beside(role.id, "aws_iam_role_policy"),
        {"name": "own", "role": address.of("id"), "policy": _json(own)},
    )


def _statement(statement: Statement) -> Block:
    found: Block = {"actions": list(statement.actions), "resources": list(statement.resources)}
    if statement.passed_to is not None:
        found["condition"] = _equals("StringEquals", "iam:PassedToService", text(statement.passed_to))
    return found


def _equals(test: str, variable: str, value: Text | Expression) -> Block:
    return {"test": test, "variable": variable, "values": [value]}


def _json(document: Address) -> Expression:
    return Expression(f"data.{document}.json")


def _parts(address: Address) -> tuple[str, str]:
    return address.type, address.name


def rule(texts: Texts, rule: Rule) -> Iterator[Made]:
    address = texts.address(rule.id)
    pattern: Any = {"source": list(rule.source), "detail-type": list(rule.names)}
    yield made(address, {"name": rule.name, "event_bus_name": rule.bus, "event_pattern": texts.document(pattern)})
    queue = texts.address(rule.queue)
    yield made(
        texts.beside(rule.id, "aws_cloudwatch_event_target"),
        {"rule": address.of("name"), "event_bus_name": rule.bus, "target_id": "queue", "arn": queue.of("arn")},
    )
    allowed = {
        "actions": ["sqs:SendMessage"],
        "resources": [text(Attribute(rule.queue, "arn"))],
        "principals": {"type": "Service", "identifiers": ["events.amazonaws.com"]},
        "condition": _equals("ArnEquals", "aws:SourceArn", address.of("arn")),
    }
    policy = texts.beside(rule.id, "aws_iam_policy_document")
    yield "data", *_parts(policy), {"statement": [allowed]}
    yield made(texts.beside(rule.id, "aws_sqs_queue_policy"), {"queue_url": queue.of("url"), "policy": _json(policy)})


def bus(texts: Texts, bus: Bus) -> Iterator[Made]:
    yield made(texts.address(bus.id), {"name": bus.name})


def topic(texts: Texts, topic: Topic) -> Iterator[Made]:
    fifo = {"fifo_topic": True} if topic.fifo else {}
    yield made(texts.address(topic.id), {"name": topic.name, **fifo})
