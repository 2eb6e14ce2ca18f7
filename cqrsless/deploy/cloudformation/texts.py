"""The texts of a plan in a template: plain, as references, or inside `Fn::Sub`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from ..documents import embedded
from ..plan import Function, Plan
from ..values import Attribute, Part, Place, Text

__all__ = ["Document", "Made", "Texts", "alias_id", "arn_of", "made", "ref"]

Document: TypeAlias = dict[str, Any]
#: A resource of a template, by its id.
Made: TypeAlias = tuple[str, Document]

_PLACES: Final[Mapping[Place, str]] = {
    Place.PREFIX: "Prefix",
    Place.ACCOUNT: "AWS::AccountId",
    Place.REGION: "AWS::Region",
    Place.PARTITION: "AWS::Partition",
}
#: What `Ref` does not give is an attribute for `Fn::GetAtt`.
_ATTRIBUTES: Final[Mapping[str, str]] = {"arn": "Arn", "stream": "StreamArn"}


def ref(id: str) -> Document:
    return {"Ref": id}


def arn_of(id: str) -> Document:
    return {"Fn::GetAtt": [id, "Arn"]}


def alias_id(function: Function) -> str:
    """Give the id of a function's alias, as SAM makes it."""
    return f"{function.id}Alias{function.alias}"


def made(id: str, kind: str, properties: Mapping[str, Any], **attributes: Any) -> Made:
    """Make a resource; the attributes stand beside its properties."""
    return id, {"Type": kind, **attributes, "Properties": dict(properties)}


class Texts:
    """Writes the texts of one plan."""

    def __init__(self, plan: Plan) -> None:
        self._queues = {queue.id for queue in plan.queues}
        self._aliases = {function.id: alias_id(function) for function in plan.functions if function.alias is not None}

    def invoked(self, function: str) -> Document:
        """Name a function to whatever takes a name or an ARN: the version in use, where there are versions."""
        return ref(self._aliases.get(function, function))

    def invoked_arn(self, function: str) -> Document:
        """Give the ARN by which a function is invoked."""
        return ref(self._aliases[function]) if function in self._aliases else arn_of(function)

    def text(self, value: Text) -> Any:
        """Write a text: plain, as a reference, or with references in it.

        >>> Texts.__new__(Texts).text((Place.PREFIX, "-mailer"))
        {'Fn::Sub': '${Prefix}-mailer'}
        """
        if all(isinstance(part, str) for part in value):
            return "".join(str(part) for part in value)
        if len(value) == 1:
            name, attribute = self._named(value[0])
            return {"Fn::GetAtt": [name, attribute]} if attribute else ref(name)
        return {"Fn::Sub": self.sub(value)}

    def sub(self, value: Text, plain: Callable[[str], str] = str) -> str:
        """Write a text for `Fn::Sub`; `plain` makes of a plain part what stands where the text goes."""
        found = ""
        for part in value:
            if isinstance(part, str):
                found += plain(part.replace("${", "${!"))
            else:
                name, attribute = self._named(part)
                found += f"${{{name}.{attribute}}}" if attribute else f"${{{name}}}"
        return found

    def embedded(self, document: Any) -> str:
        """Write a document of JSON whose texts are the plan's, for `Fn::Sub`."""
        return embedded(document, self.sub)

    def _named(self, part: Part) -> tuple[str, str | None]:
        if isinstance(part, Place):
            return _PLACES[part], None
        assert isinstance(part, Attribute)
        if part.what == "name" and part.of in self._queues:  # a queue's reference is its URL
            return part.of, "QueueName"
        return part.of, _ATTRIBUTES.get(part.what)
