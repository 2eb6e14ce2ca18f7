"""Requests as the entrypoint gets them from API Gateway, and its answers as responses."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from cqrsless.dev.gateway import event_of
from cqrsless.dev.options import Shape
from tests.dev.conftest import AS_JSON, Console, order

PAYLOADS = Path(__file__).parent.parent / "payloads"


def request(**options: Any) -> Request:
    return Request(EnvironBuilder(**options).get_environ())


@pytest.mark.parametrize(("shape", "recorded"), [("http-api", "http_api.json"), ("function-url", "function_url.json")])
def test_an_event_has_all_that_a_real_one_has(shape: Shape, recorded: str) -> None:
    real = json.loads((PAYLOADS / recorded).read_text())
    made = event_of(request(method="POST", path="/orders", data="{}", headers={"User-Agent": "curl"}), shape, {})
    assert made.keys() >= real.keys()
    assert made["requestContext"].keys() >= real["requestContext"].keys() - {"authentication"}
    assert made["requestContext"]["http"].keys() == real["requestContext"]["http"].keys()


def test_an_http_api_decodes_a_path_and_a_function_url_does_not() -> None:
    asked = request(path="/orders/a%2Fb", environ_overrides={"RAW_URI": "/orders/a%2Fb?x=1"})
    assert event_of(asked, "http-api", {})["rawPath"] == "/orders/a/b"
    assert event_of(asked, "function-url", {})["rawPath"] == "/orders/a%2Fb"


def test_bytes_that_are_no_text_come_in_base64() -> None:
    made = event_of(request(method="POST", data=b"\xff\x00", content_type="image/png"), "http-api", {})
    assert (base64.b64decode(made["body"]), made["isBase64Encoded"]) == (b"\xff\x00", True)


def test_cookies_stand_apart_from_the_headers() -> None:
    made = event_of(request(headers={"Cookie": "s=1; t=2"}), "http-api", {})
    assert made["cookies"] == ["s=1", "t=2"]
    assert "cookie" not in made["headers"]


@pytest.mark.parametrize("shape", ["http-api", "function-url"])
def test_a_route_behaves_as_it_does_where_it_is_deployed(opened: Callable[..., Console], shape: Shape) -> None:
    console = opened(shape=shape)
    placed = console.client.post("/orders", json=order("o-1"))
    assert (placed.status_code, placed.headers["location"], placed.headers["etag"]) == (201, "/orders/o-1", '"1"')
    read = {"Cqrsless-After": placed.headers["cqrsless-commit"]}
    assert console.client.get("/orders/o-1", headers=read).json["status"] == "placed"
    again = console.client.post("/orders", json=order("o-1"))
    assert (again.status_code, again.content_type) == (409, "application/problem+json")
    invalid = console.client.post("/orders", json={"order_id": "o-2", "mail": "nobody"})
    assert invalid.json["errors"]["mail"] == ["Not a valid email address."]
    wrong = console.client.put("/orders", json={})
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "POST")
    stale = console.client.post("/orders/o-1/ship", headers={"If-Match": '"7"'}, **AS_JSON)
    assert stale.status_code == 412


def test_the_claims_of_a_token_are_taken_and_nobody_checks_its_signature(console: Console) -> None:
    claims = base64.urlsafe_b64encode(json.dumps({"sub": "ada", "role": "staff"}).encode()).decode().rstrip("=")
    me = console.client.get("/me", headers={"Authorization": f"Bearer e30.{claims}.nosignature"})
    assert me.json == {"actor": "ada", "claims": {"sub": "ada", "role": "staff"}}
    assert console.client.get("/me").status_code == 401
    assert console.client.get("/me", headers={"Authorization": "Bearer nonsense"}).status_code == 401


def test_without_a_token_the_claims_are_those_of_the_options(opened: Callable[..., Console]) -> None:
    assert opened(claims={"sub": "bob", "role": "staff"}).client.get("/me").json["actor"] == "bob"


def test_the_root_leads_to_the_console_where_the_application_has_none(console: Console) -> None:
    answer = console.client.get("/")
    assert (answer.status_code, answer.headers["location"]) == (302, "/_cqrsless/")
