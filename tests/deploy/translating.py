"""A CloudFormation template, with all that it refers to resolved, said in Terraform's words.

Two renderers that were written apart agree on a plan if what one says, translated here, is what the other says:
`translated` gives the resources of a template, and `planned` those of Terraform's plan, in one form. A property that is
not translated is an error, so nothing of a template goes uncompared.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from cqrsless.deploy.plan import Plan
from cqrsless.deploy.values import Place
from tests.deploy.translations import TRANSLATIONS, Resource, Values

__all__ = ["planned", "translated"]

PLACES: Final = {Place.ACCOUNT: "123456789012", Place.REGION: "eu-west-1", Place.PARTITION: "aws"}
PSEUDO: Final = {
    "AWS::AccountId": PLACES[Place.ACCOUNT],
    "AWS::Region": PLACES[Place.REGION],
    "AWS::Partition": PLACES[Place.PARTITION],
    "AWS::URLSuffix": "amazonaws.com",
}
#: What Terraform has as text, and is JSON.
DOCUMENTS: Final = frozenset(
    {"policy", "assume_role_policy", "redrive_policy", "event_pattern", "dashboard_body", "format"}
)
NOTHING: Final[tuple[Any, ...]] = (None, [], {})


# -- what Terraform plans


def planned(resources: Mapping[str, Values]) -> list[str]:
    """Give what Terraform would make: what is set of each resource, without what AWS computes."""
    found = []
    for address, values in resources.items():
        type = address.removeprefix("data.").partition(".")[0]
        if not address.startswith("data."):
            found.append(_line(type, _set(values, type)))
    return sorted(found)


def _set(values: Any, type: str) -> Any:
    if isinstance(values, list):
        return [_set(value, type) for value in values]
    if not isinstance(values, dict):
        return values
    return {
        key: _set(value, type)
        for key, value in values.items()
        if value not in NOTHING and not (isinstance(value, str) and value.startswith(f"{key}({type}:"))
    }


def _line(type: str, values: Values) -> str:
    return f"{type} {json.dumps(_documents(values), sort_keys=True)}"


def _documents(value: Any, key: str = "") -> Any:
    """Read the documents among values."""
    if isinstance(value, str) and key in DOCUMENTS:
        return _policy(json.loads(value))
    if isinstance(value, dict):
        return {inner: _documents(one, inner) for inner, one in value.items()}
    if isinstance(value, list):
        return [_documents(one) for one in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _policy(value: Any) -> Any:
    """Have texts in order, and in place of one in a list the one: a document means the same."""
    if isinstance(value, dict):
        return {key: _policy(one) for key, one in value.items()}
    if isinstance(value, list):
        found = [_policy(one) for one in value]
        if all(isinstance(one, str) for one in found):
            found.sort()
        return found[0] if len(found) == 1 else found
    return value


# -- what CloudFormation says


def translated(template: Mapping[str, Any], plan: Plan) -> list[str]:
    """Give what a template would make, as `planned` does."""
    return sorted(_line(type, values) for type, values in _Template(template, plan).translated())


class _Template:
    def __init__(self, template: Mapping[str, Any], plan: Plan) -> None:
        self._resources = template["Resources"]
        self._roles = {role.id: role.name for role in plan.roles}
        defaults = {name: said.get("Default") for name, said in template["Parameters"].items()}
        self._known: dict[str, Any] = {**PSEUDO, **defaults}
        self._prefix = plan.prefix

    def translated(self) -> Iterator[Resource]:
        for id, resource in self._resources.items():
            properties = self._resolved(resource["Properties"])
            for type, values in TRANSLATIONS[resource["Type"]](properties):
                if type == "aws_iam_role":
                    values["name_prefix"] = self._role(id)
                if type == "aws_iam_role_policy":
                    values["role"] = f"id(aws_iam_role:{self._role(id)})"
                if resource.get("DeletionPolicy") == "Delete" and type == "aws_s3_bucket":
                    values["force_destroy"] = True
                yield type, {key: value for key, value in values.items() if value not in NOTHING}
            assert not properties, f"{id} says {properties}, which is not translated"

    def _role(self, id: str) -> str:
        name = "".join(self._prefix if part is Place.PREFIX else str(part) for part in self._roles[id])
        return f"{name}-"[:38]

    def _resolved(self, value: Any) -> Any:
        if isinstance(value, list):
            found = [self._resolved(one) for one in value]
            return [one for one in found if one is not None]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((key, inner),) = value.items()
            if key == "Ref":
                return self._named(inner, None)
            if key == "Fn::GetAtt":
                return self._named(*inner)
            if key == "Fn::Sub":
                found = re.sub(r"\$\{([^!}]+)\}", lambda match: str(self._named(*_split(match[1]))), inner)
                return found.replace("${!", "${")
            if key == "Fn::If":  # no topic is given
                assert inner[0] == "TellsAlarms"
                return None
        return {key: self._resolved(one) for key, one in value.items()}

    def _named(self, id: str, attribute: str | None) -> Any:
        if id == "CodeBucket" or id.endswith("Key"):
            return id
        if id in self._known:
            return self._known[id]
        resource = self._resources[id]
        properties = resource["Properties"]
        type = resource["Type"]
        if type == "AWS::IAM::Role":
            name: Any = self._role(id)
        elif type == "AWS::Lambda::Alias":
            name = f"{self._resolved(properties['FunctionName'])}:{properties['Name']}"
        else:
            name = self._resolved(next((properties[key] for key in NAMES if key in properties), "?"))
        if attribute is None:
            attribute = REFERENCES.get(type, "id")
            if attribute == "":
                return name
        return f"{ATTRIBUTES.get(attribute, attribute)}({TYPES[type]}:{name})"


def _split(name: str) -> tuple[str, str | None]:
    id, _, attribute = name.partition(".")
    return id, attribute or None


#: Properties by which a resource is known.
NAMES: Final = (
    "LayerName",
    "TableName",
    "QueueName",
    "FunctionName",
    "BucketName",
    "TopicName",
    "LogGroupName",
    "Name",
    "ApiId",
)
TYPES: Final = {
    "AWS::ApiGatewayV2::Api": "aws_apigatewayv2_api",
    "AWS::ApiGatewayV2::Authorizer": "aws_apigatewayv2_authorizer",
    "AWS::ApiGatewayV2::Integration": "aws_apigatewayv2_integration",
    "AWS::DynamoDB::Table": "aws_dynamodb_table",
    "AWS::Events::Rule": "aws_cloudwatch_event_rule",
    "AWS::IAM::Role": "aws_iam_role",
    "AWS::Lambda::Alias": "aws_lambda_alias",
    "AWS::Lambda::Function": "aws_lambda_function",
    "AWS::Lambda::LayerVersion": "aws_lambda_layer_version",
    "AWS::Lambda::Version": "aws_lambda_function",
    "AWS::Logs::LogGroup": "aws_cloudwatch_log_group",
    "AWS::S3::Bucket": "aws_s3_bucket",
    "AWS::SQS::Queue": "aws_sqs_queue",
}
ATTRIBUTES: Final = {"Arn": "arn", "StreamArn": "stream_arn", "Version": "version"}
#: What a reference to a resource gives, where it is not its id: its name ("") or an attribute.
REFERENCES: Final = {
    "AWS::Lambda::Alias": "Arn",
    "AWS::Lambda::Function": "",
    "AWS::Lambda::LayerVersion": "Arn",
    "AWS::Logs::LogGroup": "",
    "AWS::Scheduler::ScheduleGroup": "",
    "AWS::SQS::Queue": "url",
}
