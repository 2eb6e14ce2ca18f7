"""What a client sends over HTTP, and how it says who is asking."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from cqrsless import App, Client, Command, MalformedMessage, Unreachable
from cqrsless.remote.answers import Failures
from cqrsless.remote.apis import Api, signer_of
from cqrsless.remote.requests import RouteMap, request
from cqrsless.routing import parse_route
from tests.remote.servers import Server, function_url, in_process
from tests.sources.shop import registry

ORDER = {"order_id": "o-1", "customer_id": "c-1", "total": "19.90"}


def test_a_command_becomes_the_request_of_its_route(by_http: Client, api: Server) -> None:
    command = Command("CreateOrder", ORDER, id="c-1", metadata={"correlation_id": "k-1"}, expected_version=0)
    by_http.execute(command)
    [sent] = api.requests
    assert (sent.method, sent.path, json.loads(sent.body)) == ("POST", "/orders", ORDER)
    assert {
        name: sent.headers[name] for name in ("idempotency-key", "x-correlation-id", "if-match", "content-type")
    } == {
        "idempotency-key": "c-1",
        "x-correlation-id": "k-1",
        "if-match": '"0"',
        "content-type": "application/json",
    }
    assert "authorization" not in sent.headers


def test_a_base_path_stands_before_the_route(app: App) -> None:
    with function_url(in_process(app)) as api:
        Client(f"{api.url}/echo/", routes={"Echo": "GET /{word}"}).ask("Echo", {"word": "w"})
        assert api.requests[0].path == "/echo/w"


@pytest.mark.parametrize(
    ("route", "payload", "target", "body"),
    [
        ("POST /orders/{order_id}/ship", {"order_id": "a b/ü"}, "/orders/a%20b%2F%C3%BC/ship", None),
        ("POST /orders/{order_id}", {"order_id": 7, "lines": [{"sku": 1}]}, "/orders/7", {"lines": [{"sku": 1}]}),
        ("PUT /orders", {"note": None}, "/orders", {"note": None}),
        ("GET /orders", {"tag": ["a", "b&c"], "open": True, "note": None}, "/orders?tag=a&tag=b%26c&open=true", None),
        ("GET /", {}, "/", None),
        ("DELETE /orders/{id}", {"id": "o-1", "why": "x"}, "/orders/o-1", {"why": "x"}),
    ],
)  # fmt: skip
def test_a_payload_is_laid_out_as_the_application_reads_it(route: str, payload: Any, target: str, body: Any) -> None:
    made = request(parse_route(route), "Some", payload)
    assert (made.target, json.loads(made.body) if made.body else None) == (target, body)


@pytest.mark.parametrize(
    ("route", "payload", "told"),
    [
        (
            "GET /orders",
            {"where": {"status": "placed"}},
            "where of Some is {'status': 'placed'}, which the query of a URL",
        ),
        ("GET /orders", {"tags": []}, "tags of Some is [], which the query of a URL cannot hold"),
        ("GET /orders", {"tags": ["a", None]}, "tags of Some is ['a', None], which the query"),
        ("GET /orders/{id}", {}, "id of Some is None, and stands in the path of its route"),
        ("GET /orders/{id}", {"id": ".."}, "id of Some is '..', and stands in the path"),
        ("POST /orders", ["a"], "the payload of Some is a list, and over HTTP it has to be a dict"),
    ],
)
def test_what_a_request_cannot_hold_is_refused_before_it_is_sent(route: str, payload: Any, told: str) -> None:
    with pytest.raises(MalformedMessage) as raised:
        request(parse_route(route), "Some", payload)
    assert told in str(raised.value)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"id": "ü"}, "the id of Greet is 'ü': over HTTP it has to be 1 to 256 printable ASCII characters"),
        ({"id": "a\r\nx-evil: 1"}, "over HTTP it has to be 1 to 256 printable"),
        ({"metadata": {"tenant": "t"}}, "Greet has the metadata 'tenant', and HTTP carries a correlation_id alone"),
        ({"metadata": {"correlation_id": "a\n"}}, "the correlation id of Greet is 'a\\n'"),
    ],
)
def test_what_a_header_cannot_hold_is_refused(by_http: Client, api: Server, given: Any, told: str) -> None:
    with pytest.raises(MalformedMessage) as raised:
        by_http.execute("Greet", {"name": "Ada"}, **given)
    assert told in str(raised.value) and api.requests == []


def test_a_query_on_a_head_route_is_refused(api: Server) -> None:
    with pytest.raises(MalformedMessage, match="HEAD, whose answers are empty"):
        Client(api.url, routes={"Peek": "HEAD /orders"}).ask("Peek")


# -- who is asking


def test_a_token_is_asked_for_each_time(app: App) -> None:
    tokens = iter(["t-1", "t-2"])
    with function_url(in_process(app), {"sub": "u-1"}) as api:
        client = Client(api.url, routes=app, token=lambda: next(tokens))
        client.execute("CreatePrivateOrder", ORDER)
        client.ask("Echo", {"word": "w"})
        assert [sent.headers["authorization"] for sent in api.requests] == ["Bearer t-1", "Bearer t-2"]
    with function_url(in_process(app)) as api:
        Client(api.url, routes=app, token="t-3").ask("Echo", {"word": "w"})
        assert api.requests[0].headers["authorization"] == "Bearer t-3"


@pytest.mark.parametrize(
    ("url", "region", "scope"),
    [
        ("https://abc.lambda-url.eu-west-1.on.aws", None, "eu-west-1/lambda"),
        ("https://abc.execute-api.us-east-2.amazonaws.com/prod", None, "us-east-2/execute-api"),
        ("https://abc.execute-api.cn-north-1.amazonaws.com.cn", None, "cn-north-1/execute-api"),
        ("https://orders.example", "eu-central-1", "eu-central-1/execute-api"),
        ("https://orders.example", None, "eu-west-1/execute-api"),
    ],
)
def test_requests_are_signed_for_the_service_and_region_of_the_host(url: str, region: str | None, scope: str) -> None:
    sent = SimpleNamespace(calls=[])

    class Session:
        def send(self, prepared: Any) -> Any:
            sent.calls.append(prepared)
            return SimpleNamespace(status_code=200, headers={}, content=b'"w"')

    api = Api(url, RouteMap(registry()), signer_of(url, region, None), Failures(), 5)
    vars(api)["_session"] = Session()
    from cqrsless import Query

    assert api.ask(Query("Echo", {"word": "a b", "more": "c d"}), None) == "w"
    [prepared] = sent.calls
    assert prepared.url == f"{url}/echo/a%20b?more=c%20d"
    assert (
        f"/{scope}/aws4_request, SignedHeaders=accept;host;x-amz-date, Signature=" in prepared.headers["Authorization"]
    )


def test_a_signature_is_the_one_that_its_receiver_reckons(app: App) -> None:
    """The receiver signs what arrived, by its own reckoning, and holds that against the signature that came along."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import ReadOnlyCredentials

    with function_url(in_process(app)) as api:
        sign = signer_of("https://abc.lambda-url.eu-west-1.on.aws", None, None)
        Api(api.url, RouteMap(app), sign, Failures(), 5).execute(Command("CreateOrder", ORDER, id="c-1"))
        [sent] = api.requests
    given = sent.headers["authorization"]
    signed = given.partition("SignedHeaders=")[2].partition(",")[0].split(";")
    assert {"host", "x-amz-date", "idempotency-key"} <= set(signed)
    again = AWSRequest(sent.method, api.url + sent.path, {name: sent.headers[name] for name in signed}, sent.body)
    again.context["timestamp"] = sent.headers["x-amz-date"]
    signer = SigV4Auth(ReadOnlyCredentials("testing", "testing", None), "lambda", "eu-west-1")
    text = signer.string_to_sign(again, signer.canonical_request(again))
    assert given.endswith(f"Signature={signer.signature(text, again)}")


def test_without_credentials_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None, raising=False)
    client = Client("https://abc.lambda-url.eu-west-1.on.aws", routes={"Echo": "GET /echo"})
    with pytest.raises(Unreachable, match="cannot be called: NoCredentialsError"):
        client.ask("Echo")
