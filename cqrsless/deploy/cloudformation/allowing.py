"""What may do what: roles, and the rules that bring events from a bus to a queue."""

from __future__ import annotations

from collections.abc import Iterator

from ..plan import Role, Rule, Statement
from .texts import Document, Made, Texts, arn_of, made, ref

__all__ = ["role", "rule"]


def role(texts: Texts, role: Role) -> Iterator[Made]:
    trust: Document = {"Effect": "Allow", "Principal": {"Service": role.service}, "Action": "sts:AssumeRole"}
    if role.service != "lambda.amazonaws.com":
        trust["Condition"] = {"StringEquals": {"aws:SourceAccount": ref("AWS::AccountId")}}
    yield made(
        role.id,
        "AWS::IAM::Role",
        {
            "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
            "Policies": [
                {
                    "PolicyName": "own",
                    "PolicyDocument": {
                        "Version": "2012-10-17",
                        "Statement": [_statement(texts, one) for one in role.statements],
                    },
                }
            ],
        },
    )


def _statement(texts: Texts, statement: Statement) -> Document:
    resources = [texts.text(resource) for resource in statement.resources]
    found: Document = {
        "Effect": "Allow",
        "Action": list(statement.actions),
        "Resource": resources if len(resources) > 1 else resources[0],
    }
    if statement.passed_to is not None:
        found["Condition"] = {"StringEquals": {"iam:PassedToService": statement.passed_to}}
    return found


def rule(texts: Texts, rule: Rule) -> Iterator[Made]:
    yield made(
        rule.id,
        "AWS::Events::Rule",
        {
            "Name": texts.text(rule.name),
            "EventBusName": rule.bus,
            "EventPattern": {"source": list(rule.source), "detail-type": list(rule.names)},
            "Targets": [{"Id": "queue", "Arn": arn_of(rule.queue)}],
        },
    )
    allowed = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn_of(rule.queue),
        "Condition": {"ArnEquals": {"aws:SourceArn": arn_of(rule.id)}},
    }
    yield made(
        rule.policy,
        "AWS::SQS::QueuePolicy",
        {"Queues": [ref(rule.queue)], "PolicyDocument": {"Version": "2012-10-17", "Statement": [allowed]}},
    )
