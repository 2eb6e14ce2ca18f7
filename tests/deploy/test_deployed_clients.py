"""`Client` against a deployed stack: directly, by a Function URL, by the HTTP API's routes, and by its queue.

Host names are AWS's own, and every request is signed: ministack reckons each signature again and asks the roles. It
takes API Gateway's routes by a custom domain, since it does not know its own host name under amazonaws.com.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

import examples.orders.app
from cqrsless import (
    App,
    Client,
    CommandResult,
    CqrslessError,
    Forbidden,
    Gateway,
    NotCaughtUp,
    Unauthenticated,
    ValidationFailed,
)
from cqrsless.registry import DEFAULT
from cqrsless.sources.documents import plain
from examples.orders.app import NotDelivered, WrongAmount
from tests.deploy.deployed import REGION, Deployment
from tests.deploy.doors import Door, opened

pytestmark = pytest.mark.server

DOMAIN = "orders.example.com"
ORDER: dict[str, Any] = {
    "customer": "Ann",
    "country": "DE",
    "ordered_on": "2026-03-02",
    "lines": [{"sku": "MUG", "quantity": 2, "price": "11.00"}],
}
#: What ministack needs and AWS does not: the runtime client as a custom runtime's bootstrap, no `$or` in filters, and
#: an action of its own for batches of SQS.
OVERLAY = """
Globals: {Function: {Runtime: provided.al2023}}
Resources:
  FanOutFunction:
    Properties: {Events: {FanOutStreamMapping: {Properties: {FilterCriteria: null}}}}
  FanOutBatches:
    Type: AWS::IAM::Policy
    Properties:
      PolicyName: batches
      Roles: [!Ref FanOutRole]
      PolicyDocument:
        Statement: [{Effect: Allow, Action: "sqs:SendMessageBatch", Resource: "*"}]
"""
WAYS = ("lambda", "url", "api")


@pytest.fixture(scope="module")
def stack(cloud: str, tmp_path_factory: pytest.TempPathFactory) -> Deployment:
    """The shop, under a prefix of its own beside whatever else is deployed there."""
    folder = tmp_path_factory.mktemp("clients")
    (folder / "template.overlay.yaml").write_text(OVERLAY)
    found = Deployment(cloud, folder, "shop-eu", "examples.orders.app")
    found.deploy(protect=False)
    gateway = found.client("apigatewayv2")
    (api,) = (one for one in gateway.get_apis()["Items"] if one["Name"] == "shop-eu-http")
    certificate = f"arn:aws:acm:{REGION}:000000000000:certificate/00000000-0000-0000-0000-000000000000"
    names = [{"CertificateArn": certificate, "EndpointType": "REGIONAL", "SecurityPolicy": "TLS_1_2"}]
    gateway.create_domain_name(DomainName=DOMAIN, DomainNameConfigurations=names)
    gateway.create_api_mapping(ApiId=api["ApiId"], DomainName=DOMAIN, Stage="$default")
    return found


@pytest.fixture
def door(stack: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Door]:
    with opened(stack.endpoint, tmp_path, f"*.lambda-url.{REGION}.on.aws", DOMAIN) as door:
        monkeypatch.setenv("HTTPS_PROXY", door.url)
        monkeypatch.setenv("AWS_CA_BUNDLE", str(door.bundle))
        yield door


@pytest.fixture
def open_client(stack: Deployment, door: Door) -> Callable[[str], Client]:
    urls = {
        "lambda": f"lambda://shop-eu-commands?region={REGION}&endpoint={door.url}",
        "sqs": f"sqs://shop-eu-commands?region={REGION}&endpoint={door.url}",
        "url": stack.outputs["CommandsUrl"],
        "api": f"https://{DOMAIN}",
    }
    assert urls["url"].startswith("https://") and f".lambda-url.{REGION}.on.aws" in urls["url"]

    def open_(way: str) -> Client:
        return Client(urls[way], errors=[NotDelivered, WrongAmount], region=REGION)

    return open_


@pytest.fixture
def shop() -> App:
    """The same application in this process."""
    assert examples.orders.app
    return App("memory://", registry=DEFAULT)


def converse(gateway: Gateway, order: str) -> Iterator[Any]:
    """Say to an application what it accepts and what it refuses, and give what it says."""
    create = {**ORDER, "order_id": order}
    pay = {"order_id": order, "amount": "26.90", "method": "card"}
    yield told(lambda: gateway.execute("CreateOrder", create, id=f"{order}-1"))
    yield told(lambda: gateway.execute("CreateOrder", create, id=f"{order}-1"))  # a duplicate
    yield told(lambda: gateway.execute("CreateOrder", {**create, "country": "AT"}, id=f"{order}-1"))
    yield told(lambda: gateway.execute("CreateOrder", create, id=f"{order}-2"))
    yield told(lambda: gateway.execute("CreateOrder", {**create, "order_id": f"{order}x", "country": "XX"}))
    yield told(lambda: gateway.execute("CreateOrder", {"order_id": order, "lines": [{"sku": ""}]}))
    yield told(lambda: gateway.execute("PayOrder", {**pay, "order_id": "nobody's"}))
    yield told(lambda: gateway.execute("PayOrder", {**pay, "amount": "1.00"}))
    yield told(lambda: gateway.execute("PayOrder", pay, expected_version=7))
    paid = gateway.execute("PayOrder", pay, id=f"{order}-3", expected_version=1)
    yield told(lambda: paid)
    row = told(lambda: caught_up(lambda: gateway.ask("GetOrder", {"order_id": order}, after=paid)))
    yield {key: value for key, value in row.items() if key != "placed_at"}
    yield told(lambda: gateway.ask("GetOrder", {"order_id": "nobody's"}))
    yield told(lambda: gateway.ask("QuoteShipping", {"country": "DE"}))


def caught_up(ask: Callable[[], Any]) -> Any:
    """Ask again, as `NotCaughtUp` advises, while the functions behind the stream start."""
    deadline = time.monotonic() + 90
    while True:
        try:
            return ask()
        except NotCaughtUp:
            assert time.monotonic() < deadline, "the view does not come"


def told(call: Callable[[], Any]) -> Any:
    """Give what a call gives, as far as every way to an application tells it."""
    try:
        found = call()
    except CqrslessError as error:
        messages = error.messages if isinstance(error, ValidationFailed) else None
        return type(error), error.status, str(error), messages
    if isinstance(found, CommandResult):
        events = [(event.name, event.sequence, event.version) for event in found.events]
        return found.aggregate_id, found.version, events, found.duplicate, found.value
    return json.loads(json.dumps(plain(found)))


@pytest.mark.parametrize("way", WAYS)
def test_a_client_gives_what_the_application_gives(way: str, open_client: Any, shop: App) -> None:
    expected = list(converse(shop, f"o-{way}"))
    assert list(converse(open_client(way), f"o-{way}")) == expected
    assert {type(one) for one in expected} == {tuple, dict, type(None)} and len(expected) == 13


@pytest.mark.parametrize("way", WAYS)
def test_a_command_whose_answer_is_lost_is_done_once(way: str, open_client: Any, stack: Deployment, door: Door) -> None:
    client = open_client(way)
    client.ask("QuoteShipping", {"country": "DE"})
    door.losing, before = 1, len(door.passed)
    result = client.execute("CreateOrder", {**ORDER, "order_id": f"l-{way}"})
    assert (result.version, result.duplicate) == (1, True), "the first attempt had committed"
    assert door.lost == 1 and len(door.passed) - before == 2, "it was sent again, under the id that it had"
    assert stack.command("PayOrder", {"order_id": f"l-{way}", "amount": "26.90", "method": "card"}, "p")["version"] == 2


def test_a_queue_takes_commands_and_gives_nothing(open_client: Any, stack: Deployment, door: Door, shop: App) -> None:
    client = open_client("sqs")
    assert client.execute("CreateOrder", {**ORDER, "order_id": "q-1"}, id="q-1") == CommandResult()
    door.losing = 1
    client.execute("CreateOrder", {**ORDER, "order_id": "q-2"})  # sent twice, under one id
    stored = stack.store(shop)
    stack.until(lambda: all(stack.ask("GetOrder", {"order_id": order}) for order in ("q-1", "q-2")))
    sqs, url = stack.client("sqs"), stack.outputs["CommandsQueue"]

    def left() -> int:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        return sum(map(int, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"].values()))

    stack.until(lambda: left() == 0)
    assert [len(list(stored.history("Order", order))) for order in ("q-1", "q-2")] == [1, 1]
    with pytest.raises(CqrslessError, match="GetOrder cannot be asked through the queue shop-eu-commands"):
        client.ask("GetOrder", {"order_id": "q-1"})


@pytest.mark.parametrize("way", WAYS)
def test_somebody_who_may_not_call_is_told_so(
    way: str, open_client: Any, stack: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    iam = stack.client("iam")
    iam.create_user(UserName=f"nobody-{way}")
    key = iam.create_access_key(UserName=f"nobody-{way}")["AccessKey"]
    for secret in (key["SecretAccessKey"], "another"):  # known and allowed nothing; and a wrong signature
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", boto3.session.Session(key["AccessKeyId"], secret))
        with pytest.raises(Forbidden):
            open_client(way).ask("QuoteShipping", {"country": "DE"})


@pytest.mark.parametrize("way", ["url", "api"])
def test_what_asks_for_a_claim_refuses_who_has_none(way: str, open_client: Any) -> None:
    # By its URL, ministack does not tell a function who is asking; AWS does.
    with pytest.raises(Unauthenticated if way == "url" else Forbidden, match="ShipOrder"):
        open_client(way).execute("ShipOrder", {"order_id": "o-1", "carrier": "post", "parcel": "1"})
