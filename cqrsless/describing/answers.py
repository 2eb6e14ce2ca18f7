"""What HTTP answers to commands and queries, and what it may be asked with, as parts of an OpenAPI document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ..registry.records import CommandRecord, QueryRecord
from ..sources.problems import TYPE

__all__ = ["COMMAND_RESULT", "HEADERS", "PROBLEM", "VALUE", "parameters_of", "responses_of"]

COMMAND_RESULT: Final[dict[str, Any]] = {
    "type": "object",
    "description": "What a command did.",
    "properties": {
        "aggregate_id": {"type": "string"},
        "version": {"type": ["integer", "null"], "description": "How many commits the aggregate has."},
        "events": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"name": {"type": "string"}, "sequence": {"type": "integer", "minimum": 1}},
                "required": ["name", "sequence"],
            },
        },
        "duplicate": {"type": "boolean", "description": "This command had been committed before."},
    },
    "required": ["aggregate_id", "version", "events", "duplicate"],
}
VALUE: Final[dict[str, Any]] = {
    "type": "object",
    "description": "What a command that is on no aggregate gave.",
    "properties": {"value": {}},
    "required": ["value"],
}
PROBLEM: Final[dict[str, Any]] = {
    "type": "object",
    "description": "Problem details (RFC 9457).",
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "examples": [f"{TYPE}NotFound", "about:blank"]},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string"},
        "instance": {"type": "string", "description": "The request's id, by which its log lines are found."},
        "errors": {
            "type": ["object", "array"],
            "description": "Of what is not valid: messages by field.",
            "additionalProperties": True,
        },
    },
    "required": ["type", "title", "status", "instance"],
}
HEADERS: Final[Mapping[str, dict[str, Any]]] = {
    "ETag": {"description": "The aggregate's version.", "schema": {"type": "string", "pattern": '^"[0-9]+"$'}},
    "Location": {
        "description": "Where the aggregate that was made is read.",
        "schema": {"type": "string", "format": "uri-reference"},
    },
    "Cqrsless-Commit": {
        "description": "Names what was committed: a query that gives it back as Cqrsless-After sees it.",
        "schema": {"type": "string"},
    },
}
_IDEMPOTENCY_KEY: Final[dict[str, Any]] = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "The command's id: sent again under the same one, it is done once, and answered with its result.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 256, "pattern": "^[ -~]+$"},
}
_IF_MATCH: Final[dict[str, Any]] = {
    "name": "If-Match",
    "in": "header",
    "description": "The version that the aggregate has to be at, as an ETag gives it.",
    "schema": {"type": "string", "examples": ['"3"']},
}
_CORRELATION: Final[dict[str, Any]] = {
    "name": "X-Correlation-Id",
    "in": "header",
    "description": "The conversation that this belongs to.",
    "schema": {"type": "string", "maxLength": 256},
}
_AFTER: Final[dict[str, Any]] = {
    "name": "Cqrsless-After",
    "in": "header",
    "description": "The Cqrsless-Commit of a command, whose effects are to be seen.",
    "schema": {"type": "string"},
}
_RETRY_AFTER: Final[dict[str, Any]] = {
    "Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}},
}
#: By status, the name of a response and what it means.
_PROBLEMS: Final[Mapping[str, tuple[str, str]]] = {
    "400": ("Malformed", "The request is not of a form that is read."),
    "401": ("Unauthenticated", "Nobody is known to be asking."),
    "403": ("Forbidden", "The one who asks may not do this."),
    "404": ("NotFound", "It does not exist, or was deleted."),
    "409": ("Refused", "The domain says no, it exists already, or other writers were faster every time."),
    "412": ("VersionMismatch", "The aggregate is not at the expected version."),
    "413": ("TooLarge", "What would be committed does not fit into one item."),
    "422": ("Invalid", "The payload is not valid, or the id was used for another one."),
    "500": ("Failed", "A bug; the log has it under the problem's instance."),
    "503": ("Unavailable", "The store does not answer for now, or a view has not caught up."),
}


def parameters_of(record: CommandRecord | QueryRecord, projected: bool) -> list[dict[str, Any]]:
    """Give the headers that a message may come with."""
    if isinstance(record, QueryRecord):
        return [_CORRELATION, _AFTER] if projected else [_CORRELATION]
    return [_IDEMPOTENCY_KEY, *([_IF_MATCH] if record.aggregate is not None else []), _CORRELATION]


def responses_of(
    record: CommandRecord | QueryRecord, *, located: bool, projected: bool
) -> tuple[dict[str, dict[str, Any]], dict[str, tuple[str, dict[str, Any]]]]:
    """Give the answers where all goes well, with the names of their headers, and the problems, both by status."""
    statuses = ["400", "500", "503", *(["401", "403"] if record.allow is not None else [])]
    if isinstance(record, QueryRecord):
        statuses += ["404", *(["422"] if record.schema is not None else [])]
        return {"200": _success("What was asked for.", {})}, _problems(statuses)
    statuses += ["409", "422"]
    if record.aggregate is None:
        return {"200": _success("Done.", {"$ref": "#/components/schemas/CommandValue"})}, _problems(statuses)
    statuses += ["404", "412", "413"] if record.creation != "always" else ["412", "413"]
    headers = ["ETag", *(["Cqrsless-Commit"] if projected else [])]
    result = {"$ref": "#/components/schemas/CommandResult"}
    answers = {"200": _success("Done.", result, headers)}
    if record.creation != "never":
        answers["201"] = _success("The aggregate was made.", result, [*headers, *(["Location"] if located else [])])
    return answers, _problems(statuses)


def _success(description: str, schema: dict[str, Any], headers: list[str] | None = None) -> dict[str, Any]:
    answer: dict[str, Any] = {"description": description, "content": {"application/json": {"schema": schema}}}
    if headers:
        answer["headers"] = dict.fromkeys(headers)
    return answer


def _problems(statuses: list[str]) -> dict[str, tuple[str, dict[str, Any]]]:
    content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    found: dict[str, tuple[str, dict[str, Any]]] = {}
    for status in sorted(statuses):
        name, description = _PROBLEMS[status]
        response: dict[str, Any] = {"description": description, "content": content}
        if status in ("409", "503"):
            response["headers"] = _RETRY_AFTER
        found[status] = name, response
    return found
