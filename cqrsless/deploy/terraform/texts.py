"""The values of a plan in Terraform's JSON, where every string is a template: what is plain is escaped, once, here."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from ..documents import embedded
from ..naming import Ids
from ..plan import Layer, Plan
from ..values import Attribute, Part, Place, Text

__all__ = ["Address", "Block", "Expression", "Made", "Template", "Texts", "made", "snake"]

#: A block: its values are JSON, texts of the plan, expressions, and blocks again.
Block: TypeAlias = dict[str, Any]
#: A resource or a data source: its kind, type and name, and what is in it.
Made: TypeAlias = tuple[str, str, str, Block]

_WORDS: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_PLACES: Final[Mapping[Place, str]] = {
    Place.PREFIX: "var.prefix",
    Place.ACCOUNT: "data.aws_caller_identity.current.account_id",
    Place.REGION: "data.aws_region.current.region",
    Place.PARTITION: "data.aws_partition.current.partition",
}
#: What attributes are called where it is not what the plan calls them.
_ATTRIBUTES: Final[Mapping[str, str]] = {"stream": "stream_arn"}


@dataclass(frozen=True, slots=True)
class Expression:
    """What Terraform computes."""

    code: str

    def __str__(self) -> str:
        return f"${{{self.code}}}"


@dataclass(frozen=True, slots=True)
class Template:
    """A text that is written already, and not to be escaped again."""

    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Address:
    """What Terraform calls a resource."""

    type: str
    name: str

    def __str__(self) -> str:
        return f"{self.type}.{self.name}"

    def of(self, attribute: str) -> Expression:
        return Expression(f"{self}.{attribute}")


def snake(id: str) -> str:
    """Write an id of the plan as Terraform's names are written.

    >>> snake("CommandsFunction"), snake("RouteGetOrdersAny"), snake("3dTarget")
    ('commands_function', 'route_get_orders_any', '_3d_target')
    """
    name = _WORDS.sub("_", id).lower()
    return name if name[0].isalpha() else f"_{name}"


def made(address: Address, body: Block) -> Made:
    return "resource", address.type, address.name, body


class Texts:
    """Writes the values of one plan."""

    def __init__(self, plan: Plan) -> None:
        self._addresses: dict[str, Address] = {}
        self._names = Ids()
        kinds: Iterable[tuple[str, Iterable[Any]]] = (
            ("aws_dynamodb_table", plan.tables),
            ("aws_lambda_function", plan.functions),
            ("aws_lambda_layer_version", [layer for layer in plan.layers if isinstance(layer, Layer)]),
            ("aws_iam_role", plan.roles),
            ("aws_sqs_queue", plan.queues),
            ("aws_lambda_event_source_mapping", (*plan.stream_mappings, *plan.queue_mappings)),
            ("aws_s3_bucket", plan.buckets),
            ("aws_cloudwatch_event_rule", plan.rules),
            ("aws_cloudwatch_event_bus", plan.buses),
            ("aws_sns_topic", plan.topics),
            ("aws_apigatewayv2_api", [plan.api] if plan.api else ()),
            ("aws_apigatewayv2_route", plan.api.routes if plan.api else ()),
            ("aws_lambda_function_url", plan.urls),
            ("aws_scheduler_schedule_group", [plan.schedule_group] if plan.schedule_group else ()),
            ("aws_cloudwatch_metric_alarm", plan.alarms),
            ("aws_cloudwatch_dashboard", [plan.dashboard] if plan.dashboard else ()),
        )
        for type, resources in kinds:
            for resource in resources:
                name = self._names.take(snake(resource.id), f"the {type} {resource.id}")
                self._addresses[resource.id] = Address(type, name)
        self._aliases = {
            function.id: self.beside(function.id, "aws_lambda_alias")
            for function in plan.functions
            if function.alias is not None
        }

    def address(self, id: str) -> Address:
        return self._addresses[id]

    def beside(self, id: str, type: str) -> Address:
        """Name a resource that Terraform has beside another, by the other's name."""
        return Address(type, self._addresses[id].name)

    def invoked(self, function: str) -> Expression:
        """Give the ARN by which a function is invoked."""
        return self._aliases.get(function, self.address(function)).of("arn")

    def target(self, function: str) -> Block:
        """Name a function as resources do that say what may invoke it."""
        named: Block = {"function_name": self.address(function).of("function_name")}
        if function in self._aliases:
            named["qualifier"] = self._aliases[function].of("name")
        return named

    def text(self, value: Text) -> str:
        """Write a text as a template.

        >>> Texts.__new__(Texts).text(("100 %{", Place.PREFIX, "-${mailer}"))
        '100 %%{${var.prefix}-$${mailer}'
        """
        return self._template(value, str)

    def document(self, document: Any) -> Template:
        """Write a document of JSON whose texts are the plan's, as one string."""
        return Template(embedded(document, self._template))

    def written(self, value: Any) -> Any:
        """Write whatever a block holds."""
        if isinstance(value, (Expression, Template)):
            return str(value)
        if isinstance(value, tuple):
            return self.text(value)
        if isinstance(value, str):
            return _escaped(value)
        if isinstance(value, Mapping):
            return {key: self.written(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.written(inner) for inner in value]
        return value

    def _template(self, value: Text, plain: Callable[[str], str]) -> str:
        found = ""
        for part in value:
            if isinstance(part, str):
                found += _escaped(plain(part))
                continue
            bare = found.rstrip("$%")
            if bare != found:  # with the brace that follows it would be an escape
                found = f'{bare}${{"{found[len(bare) :]}"}}'
            found += str(self._named(part))
        return found

    def _named(self, part: Part) -> Expression:
        if isinstance(part, Place):
            return Expression(_PLACES[part])
        assert isinstance(part, Attribute)
        address = self._addresses[part.of]
        if part.what == "name" and address.type == "aws_lambda_function":
            return address.of("function_name")
        return address.of(_ATTRIBUTES.get(part.what, part.what))


def _escaped(plain: str) -> str:
    return plain.replace("${", "$${").replace("%{", "%%{")
