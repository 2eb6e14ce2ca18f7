"""Requests to the shop, in the shape of a Function URL."""

from __future__ import annotations

import json
from typing import Any

from cqrsless.sources import handle
from tests.sources.shop import Shop, recorded

ORDER = {"order_id": "o-1", "customer_id": "c-7", "total": "19.90"}


class Answer:
    def __init__(self, answer: dict[str, Any]) -> None:
        assert answer.keys() == {"statusCode", "headers", "body", "isBase64Encoded"}
        assert answer["isBase64Encoded"] is False and answer["body"].isascii()
        self.status: int = answer["statusCode"]
        self.headers: dict[str, str] = answer["headers"]
        self.body = json.loads(answer["body"])
        kind = "application/problem+json" if self.status >= 400 else "application/json"
        assert self.headers["content-type"] == kind


def ask(shop: Shop, request: str, body: Any = None, *, context: Any = None, **headers: str) -> Answer:
    event = recorded("function_url_get")
    method, _, path = request.partition(" ")
    event["rawPath"], _, event["rawQueryString"] = path.partition("?")
    event["requestContext"]["http"]["method"] = method
    event["headers"] |= {name.replace("_", "-"): value for name, value in headers.items()}
    if body is not None:
        event["body"] = body if isinstance(body, str) else json.dumps(body)
    return Answer(handle(event, context, shop))
