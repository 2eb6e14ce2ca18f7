"""The application's HTTP interface as an OpenAPI 3.1 document, from what is registered: `openapi(app.model)`.

What a query's handler returns is not declared anywhere, so its answers are any JSON.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, TypeAlias

from .. import schemas
from ..registry import Model
from ..registry.places import unwrapped
from ..registry.records import CommandRecord, QueryRecord
from ..remote.requests import COMMAND, QUERY, ROUTE
from ..routing import Route, parse_route
from .answers import COMMAND_RESULT, HEADERS, PROBLEM, VALUE, parameters_of, responses_of
from .jsonschemas import JsonSchemas

__all__ = ["Auth", "openapi"]

#: Who may call, as the API's authorizer sees to it.
Auth: TypeAlias = Literal["none", "iam", "jwt"]

_SCHEMES: Final[Mapping[str, dict[str, Any]]] = {
    "iam": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "AWS Signature Version 4",
        "x-amazon-apigateway-authtype": "awsSigv4",
    },
    "jwt": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
}
_OWN: Final = {"CommandResult": COMMAND_RESULT, "CommandValue": VALUE, "Problem": PROBLEM}
_WITHOUT_BODY: Final = frozenset({"GET", "HEAD", "OPTIONS"})


def openapi(
    model: Model, *, title: str | None = None, version: str = "0.0.0", servers: Iterable[str] = (), auth: Auth = "none"
) -> dict[str, Any]:
    """Describe every command and query that has a route.

    >>> from cqrsless import Registry
    >>> shop = Registry("shop")
    >>> @shop.query_handler("GetPrice", route="GET /prices/{sku}")
    ... def get_price(query):
    ...     "Give a price."
    >>> document = openapi(shop.freeze())
    >>> document["openapi"], document["paths"]["/prices/{sku}"]["get"]["summary"]
    ('3.1.0', 'Give a price.')
    """
    described = _Description(model)
    document: dict[str, Any] = {"openapi": "3.1.0", "info": {"title": title or model.name, "version": version}}
    urls = [{"url": url} for url in servers]
    if urls:
        document["servers"] = urls
    document["paths"] = described.paths
    components = described.components
    if auth != "none":
        components["securitySchemes"] = {auth: dict(_SCHEMES[auth])}
        document["security"] = [{auth: []}]
    document["components"] = {kind: parts for kind, parts in components.items() if parts}
    return document


class _Description:
    def __init__(self, model: Model) -> None:
        self._model = model
        self._schemas = JsonSchemas("2020-12", _OWN)
        self._templates: dict[tuple[str, ...], str] = {}
        self._ids: set[str] = set()
        self._responses: dict[str, dict[str, Any]] = {}
        self._headers: dict[str, dict[str, Any]] = {}
        self.paths: dict[str, dict[str, Any]] = {}
        for command in model.commands.values():
            if command.route is not None:
                self._add(command, parse_route(command.route))
        for query in model.queries.values():
            if query.route is not None:
                self._add(query, parse_route(query.route))

    @property
    def components(self) -> dict[str, Any]:
        written = str([self.paths, self._responses])
        used = {name: schema for name, schema in _OWN.items() if f"'#/components/schemas/{name}'" in written}
        return {
            "schemas": {**self._schemas.components, **used},
            "responses": self._responses,
            "headers": self._headers,
        }

    def _add(self, record: CommandRecord | QueryRecord, route: Route) -> None:
        # Two paths that differ in the names of their parameters alone are one to OpenAPI: the first one's names stand.
        path = self._templates.setdefault(route.shape[1:], route.path)
        template = parse_route(f"{route.method} {path}")
        is_command = isinstance(record, CommandRecord)
        operation: dict[str, Any] = {"operationId": self._id(record)}
        operation.update(_told(record.fn))
        operation[COMMAND if is_command else QUERY] = record.name
        if path != route.path:
            operation[ROUTE] = f"{route.method} {route.path}"
        if isinstance(record, CommandRecord) and record.aggregate is not None:
            operation["tags"] = [record.aggregate]
        payload = self._payload(record)
        parameters = [
            _parameter(shown, "path", payload["properties"].pop(own, {"type": "string"}), required=True)
            for own, shown in zip(route.parameters, template.parameters, strict=True)
        ]
        required = [name for name in payload.get("required", ()) if name in payload["properties"]]
        if route.method in _WITHOUT_BODY:
            for name, schema in payload["properties"].items():
                if _fits_a_url(schema):
                    parameters.append(_parameter(name, "query", schema, required=name in required))
        elif payload["properties"] or payload.get("additionalProperties", True):
            operation["requestBody"] = self._body(record, route, payload, required)
        operation["parameters"] = [*parameters, *parameters_of(record, bool(self._model.projectors))]
        if not operation["parameters"]:
            del operation["parameters"]
        operation["responses"] = self._answers(record)
        self.paths.setdefault(path, {})[route.method.lower()] = operation

    def _id(self, record: CommandRecord | QueryRecord) -> str:
        """Give an operation's id: the message's name, which a command and a query may share."""
        name = record.name if record.name not in self._ids else f"{record.name}.query"
        self._ids.add(name)
        return name

    def _payload(self, record: CommandRecord | QueryRecord) -> dict[str, Any]:
        if record.schema is not None:
            return self._schemas.written_out(record.schema, "load")
        payload: dict[str, Any] = {"type": "object", "properties": {}}
        if isinstance(record, CommandRecord) and record.aggregate is not None:
            aggregate = self._model.aggregates[record.aggregate].record
            payload["properties"] = {name: {"type": "string", "minLength": 1} for name in aggregate.id_field}
            if aggregate.new_id is None:
                payload["required"] = list(aggregate.id_field)
        return payload

    def _body(
        self, record: CommandRecord | QueryRecord, route: Route, payload: dict[str, Any], required: list[str]
    ) -> dict[str, Any]:
        known = schemas.instance(record.schema).load_fields if record.schema is not None else {}
        names = {field.data_key or name for name, field in known.items()}
        if record.schema is not None and names.isdisjoint(route.parameters):
            schema = self._schemas.reference(record.schema, "load")
        else:
            schema = {**payload, "required": required}
            if not required:
                del schema["required"]
        return {"required": bool(required), "content": {"application/json": {"schema": schema}}}

    def _answers(self, record: CommandRecord | QueryRecord) -> dict[str, Any]:
        reads = None
        if isinstance(record, CommandRecord) and record.aggregate is not None:
            id_field = self._model.aggregates[record.aggregate].record.id_field
            reads = self._model.routes.location(id_field, ("x",) * len(id_field), record.route)
        answers, errors = responses_of(record, located=reads is not None, projected=bool(self._model.projectors))
        for answer in answers.values():
            for header in answer.get("headers", ()):
                self._headers[header] = HEADERS[header]
                answer["headers"][header] = {"$ref": f"#/components/headers/{header}"}
        for status, (name, response) in errors.items():
            self._responses[name] = response
            answers[status] = {"$ref": f"#/components/responses/{name}"}
        return dict(sorted(answers.items()))


def _parameter(name: str, where: str, schema: Any, *, required: bool = False) -> dict[str, Any]:
    schema = dict(schema)
    written: dict[str, Any] = {"name": name, "in": where, "required": required}
    description = schema.pop("description", None)
    if description:
        written["description"] = description
    if where == "query" and schema.get("type") in ("array", ["array", "null"]):
        written |= {"style": "form", "explode": True}
    return {**written, "schema": schema}


def _fits_a_url(schema: Mapping[str, Any]) -> bool:
    """Say whether values of a schema can stand in a query string, which has texts and lists of them."""
    kinds = schema.get("type", ())
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if "object" in kinds or "$ref" in schema or any("$ref" in one for one in schema.get("anyOf", ())):
        return False
    return "array" not in kinds or _fits_a_url(schema.get("items", {}))


def _told(fn: Any) -> dict[str, str]:
    """Take a handler's docstring: its first line is the summary, and what follows the description."""
    text = inspect.getdoc(unwrapped(fn))
    if not text:
        return {}
    first, _, rest = text.partition("\n")
    return {"summary": first, "description": rest.strip()} if rest.strip() else {"summary": first}
