"""The examples' templates, deployed: real functions under Lambda's own runtime client, with the roles of the template.

ministack stands for AWS, and refuses what a role does not allow. The overlay says what it needs that AWS does not: the
runtime client as a custom runtime's bootstrap, an action of its own for batches of SQS, schedules that it takes for
those of the default group, and no `$or` in filters.
"""

from __future__ import annotations

import json
import sys
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, Request, build_opener

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from click.testing import CliRunner

from cqrsless.cli.group import cqrsless
from tests.engines import EngineMissing, go_without, running_cloud

pytestmark = pytest.mark.server

ROOT = Path(__file__).parent.parent.parent
REGION = "eu-west-1"
ORDER: dict[str, Any] = {
    "customer": "Ann",
    "country": "DE",
    "ordered_on": "2026-03-02",
    "lines": [{"sku": "MUG", "quantity": 2, "price": "11.00"}],
}
BATCHES = """
  {role}Batches:
    Type: AWS::IAM::Policy
    Properties:
      PolicyName: batches
      Roles: [!Ref {role}]
      PolicyDocument:
        Statement: [{{Effect: Allow, Action: "sqs:SendMessageBatch", Resource: "*"}}]
"""
SCHEDULES = """
  DeadlinesSchedules:
    Type: AWS::IAM::Policy
    Properties:
      PolicyName: schedules
      Roles: [!Ref DeadlinesRole]
      PolicyDocument:
        Statement:
          - Effect: Allow
            Action: ["scheduler:CreateSchedule", "scheduler:DeleteSchedule"]
            Resource: !Sub "arn:aws:scheduler:${AWS::Region}:${AWS::AccountId}:schedule/default/*"
"""
CUSTOM = "Globals: {Function: {Runtime: provided.al2023}}\nResources:\n"
ORDERS = (
    CUSTOM
    + """
  FanOutFunction:
    Properties: {Events: {FanOutStreamMapping: {Properties: {FilterCriteria: null}}}}
  Watched: {Type: "AWS::SQS::Queue"}
  WatchedPolicy:
    Type: AWS::SQS::QueuePolicy
    Properties:
      Queues: [!Ref Watched]
      PolicyDocument:
        Statement:
          - Effect: Allow
            Principal: {Service: events.amazonaws.com}
            Action: "sqs:SendMessage"
            Resource: !GetAtt Watched.Arn
  WatchedRule:
    Type: AWS::Events::Rule
    Properties:
      EventBusName: !Ref ShopBus
      EventPattern: {source: ["/cqrsless/default"]}
      Targets: [{Id: watched, Arn: !GetAtt Watched.Arn}]
"""
    + BATCHES.format(role="FanOutRole")
    + BATCHES.format(role="PublisherRole")
    + SCHEDULES
    + "Outputs: {Watched: {Value: !Ref Watched}}\n"
)
BANK = CUSTOM + "  TransfersStreamMapping: {Properties: {FilterCriteria: null}}\n"


@dataclass
class Deployment:
    """A stack on its engine."""

    endpoint: str
    folder: Path
    name: str
    app: str

    def client(self, service: str) -> Any:
        return boto3.client(service, endpoint_url=self.endpoint, region_name=REGION)

    def deploy(self, **settings: Any) -> None:
        """Write the template as its user does, and deploy it, or update what is there."""
        section = "\n".join(f"{key} = {json.dumps(value)}" for key, value in settings.items())
        http = "[tool.cqrsless.http]\nfunction_url = true\n"
        (self.folder / "pyproject.toml").write_text(f'[tool.cqrsless]\nname = "{self.name}"\n{section}\n{http}')
        done = CliRunner().invoke(cqrsless, ["template", "--app", self.app, "-o", "template.json"])
        assert done.exit_code == 0, done.output
        template = json.loads((self.folder / "template.json").read_text())
        code = self._package()
        template["Globals"]["Function"]["CodeUri"] = f"s3://code/{code}"
        self.client("s3").put_object(Bucket="code", Key="template.json", Body=json.dumps(template).encode())
        stacks = self.client("cloudformation")
        known = {one["StackName"] for one in stacks.describe_stacks()["Stacks"]}
        make = stacks.update_stack if self.name in known else stacks.create_stack
        make(
            StackName=self.name,
            TemplateURL=f"{self.endpoint}/code/template.json",
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
        )
        settled = self.until(lambda: self._settled())
        assert settled in ("CREATE_COMPLETE", "UPDATE_COMPLETE"), settled

    def _package(self) -> str:
        packed = BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as package:
            for top in ("cqrsless", "examples"):
                for file in sorted((ROOT / top).rglob("*")):
                    if file.is_file() and "__pycache__" not in file.parts and file.suffix != ".jsonl":
                        package.write(file, file.relative_to(ROOT))
            start = zipfile.ZipInfo("bootstrap")
            start.external_attr = 0o755 << 16
            package.writestr(start, f'#!/bin/sh\nexec {sys.executable} -m awslambdaric "$_HANDLER"\n')
        key = f"{self.name}-{time.monotonic_ns()}.zip"
        self.client("s3").put_object(Bucket="code", Key=key, Body=packed.getvalue())
        return key

    def _settled(self) -> str | None:
        (stack,) = self.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"]
        status = str(stack["StackStatus"])
        return None if status.endswith("IN_PROGRESS") else status

    def delete(self) -> None:
        stacks = self.client("cloudformation")
        stacks.delete_stack(StackName=self.name)
        self.until(lambda: self.name not in {one["StackName"] for one in stacks.describe_stacks()["Stacks"]})

    @property
    def outputs(self) -> Mapping[str, str]:
        (stack,) = self.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"]
        return {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}

    def invoke(self, function: str, event: Any) -> Any:
        answer = self.client("lambda").invoke(FunctionName=self.outputs[function], Payload=json.dumps(event).encode())
        body = json.loads(answer["Payload"].read() or b"null")
        assert "FunctionError" not in answer, body
        return body

    def command(self, name: str, payload: Mapping[str, Any], id: str) -> Any:
        return self.invoke("CommandsFunction", {"command": name, "payload": payload, "id": id})

    def ask(self, name: str, payload: Mapping[str, Any]) -> Any:
        return self.invoke("CommandsFunction", {"query": name, "payload": payload})

    def send(self, queue: str, body: Mapping[str, Any]) -> None:
        self.client("sqs").send_message(QueueUrl=self.outputs[queue], MessageBody=json.dumps(body))

    def receive(self, url: str, count: int) -> list[Any]:
        """Wait for messages of a queue."""
        found: list[Any] = []
        sqs = self.client("sqs")

        def all_there() -> bool:
            for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                found.append(json.loads(message["Body"]))
            return len(found) >= count

        self.until(all_there)
        return found

    def post(self, path: str, body: Any, *, signed: bool = True) -> tuple[int, Any]:
        """Send a request to the function's URL."""
        url = self.outputs["CommandsUrl"].rstrip("/") + path
        headers = {"content-type": "application/json", "host": urlsplit(url).netloc}
        request = AWSRequest("POST", url, data=json.dumps(body).encode(), headers=headers)
        if signed:
            SigV4Auth(boto3.session.Session().get_credentials(), "lambda", REGION).add_auth(request)
        sent = Request(self.endpoint + path, json.dumps(body).encode(), dict(request.headers), method="POST")
        try:
            with build_opener(ProxyHandler({})).open(sent, timeout=30) as answer:
                return answer.status, json.loads(answer.read())
        except HTTPError as error:
            with error:
                return error.code, json.loads(error.read())

    def until(self, found: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + 90
        while not (result := found()):
            assert time.monotonic() < deadline, "this does not come"
            time.sleep(0.3)
        return result


@pytest.fixture(scope="module")
def cloud() -> Iterator[str]:
    try:
        with running_cloud() as endpoint:
            bucket = {"LocationConstraint": REGION}
            s3 = boto3.client("s3", endpoint_url=endpoint, region_name=REGION)
            s3.create_bucket(Bucket="code", CreateBucketConfiguration=bucket)
            yield endpoint
    except EngineMissing as error:
        go_without(str(error))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("CQRSLESS_APP", "CQRSLESS_STORE"):
        monkeypatch.setenv(name, "")  # what the command line sets is taken back
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_shop_is_deployed_used_updated_and_deleted(cloud: str, folder: Path) -> None:
    (folder / "template.overlay.yaml").write_text(ORDERS)
    shop = Deployment(cloud, folder, "orders", "examples.orders.app")
    shop.deploy(protect=False, create_targets=True)

    # Commands by each way there is; views and public events follow.
    first = shop.command("CreateOrder", {**ORDER, "order_id": "o-1"}, "c-1")
    assert (first["version"], first["duplicate"]) == (1, False)
    assert shop.post("/orders", {**ORDER, "order_id": "o-2"})[0] == 201
    assert shop.post("/orders", {**ORDER, "order_id": "o-x"}, signed=False)[0] == 403
    shop.send("CommandsQueue", {"command": "CreateOrder", "payload": {**ORDER, "order_id": "o-3"}})

    def statuses() -> list[str | None]:
        rows = (shop.ask("GetOrder", {"order_id": f"o-{number}"}) for number in (1, 2, 3))
        return [row and row["status"] for row in rows]

    shop.until(lambda: statuses() == ["placed"] * 3)
    told = shop.receive(shop.outputs["Watched"], 3)
    assert {(one["detail-type"], one["detail"]["data"]["order_id"]) for one in told} == {
        ("OrderPlaced", f"o-{number}") for number in (1, 2, 3)
    }

    # Payments come from the bus; one that does not fit goes back by a queue of its own.
    for order, amount in (("o-1", "26.90"), ("o-2", "1.00")):
        detail = json.dumps({"order_id": order, "amount": amount, "method": "card"})
        entry = {"Source": "payments", "DetailType": "PaymentReceived", "Detail": detail}
        shop.client("events").put_events(Entries=[entry])
    shop.until(lambda: statuses() == ["paid", "placed", "placed"])
    returned = shop.client("sqs").get_queue_url(QueueName="payments-to-return")["QueueUrl"]
    assert shop.receive(returned, 1)[0]["data"]["order_id"] == "o-2"

    # Deadlines wait at the scheduler; what it sends at the time is sent now.
    scheduler = shop.client("scheduler")

    def waiting() -> list[str]:
        return [one["Name"] for one in scheduler.list_schedules(GroupName="orders-schedules")["Schedules"]]

    shop.until(lambda: len(waiting()) == 2)  # the paid order's is cancelled
    name = next(one for one in waiting() if one.startswith("expire-o-3"))
    target = scheduler.get_schedule(GroupName="orders-schedules", Name=name)["Target"]
    assert target["Arn"].endswith(":function:orders-deadlines") and target["RoleArn"]
    shop.invoke("DeadlinesFunction", json.loads(target["Input"]))
    shop.until(lambda: statuses() == ["paid", "placed", "expired"])

    # An update changes functions in place, and loses nothing.
    shop.deploy(protect=False, create_targets=True, memory=512)
    settings = shop.client("lambda").get_function_configuration(FunctionName="orders-commands")
    assert settings["MemorySize"] == 512
    assert shop.command("CreateOrder", {**ORDER, "order_id": "o-1"}, "c-1")["duplicate"]
    assert statuses() == ["paid", "placed", "expired"]

    shop.delete()
    assert "orders-events" not in shop.client("dynamodb").list_tables()["TableNames"]


def test_the_bank_is_deployed_with_its_log_and_its_tables_outlive_it(cloud: str, folder: Path) -> None:
    (folder / "template.overlay.yaml").write_text(BANK)
    bank = Deployment(cloud, folder, "bank", "examples.bank:bank")
    bank.deploy()
    for owner in ("ann", "bob"):
        bank.command("OpenAccount", {"account_id": owner, "owner": owner}, f"open-{owner}")
    bank.command("Deposit", {"account_id": "ann", "amount": "100.00"}, "d-1")
    for number, payee in enumerate(("bob", "nobody")):
        transfer = {"transfer_id": f"t-{number}", "payer": "ann", "payee": payee, "amount": "30.00"}
        bank.send("CommandsQueue", {"command": "StartTransfer", "payload": transfer, "id": f"t-{number}"})

    def lines(account: str) -> list[str]:
        return [line["amount"] for line in bank.ask("GetStatement", {"account_id": account})["lines"]]

    bank.until(lambda: sorted(lines("ann")) == ["-30.00", "-30.00", "100.00", "30.00"])  # one comes back
    bank.until(lambda: lines("bob") == ["30.00"])
    bank.delete()
    assert {"bank-events", "bank-log", "bank-views"} <= set(bank.client("dynamodb").list_tables()["TableNames"])
