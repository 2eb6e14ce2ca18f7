"""The examples' templates, deployed: real functions under Lambda's own runtime client, with the roles of the template.

ministack stands for AWS, and refuses what a role does not allow. The overlay says what it needs that AWS does not: the
runtime client as a custom runtime's bootstrap, an action of its own for batches of SQS, schedules that it takes for
those of the default group, and no `$or` in filters.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

import examples.bank
from cqrsless import App
from tests.deploy.deployed import Deployment

pytestmark = pytest.mark.server

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
#: The shop with one processor more.
AUDITED = """
import examples.orders.app
from cqrsless import processor, projector, query_handler, view

processor("audit")
Audit = view("Audit", key="order_id", processor="audit")

@projector("OrderCreated", view=Audit)
def audited(row, event):
    return {"order_id": event["order_id"]}

@query_handler("Audited")
def find(query, *, views):
    return views.get(Audit, query["order_id"])
"""
#: The bank, likewise.
COUNTED = """
from examples.bank import bank

bank.processor("counter")
Count = bank.view("Count", key="transfer_id", processor="counter")

@bank.projector("TransferStarted", view=Count)
def counted(row, event):
    return {"transfer_id": event["transfer_id"]}

@bank.query_handler("Counted")
def find(query, *, views):
    return views.get(Count, query["transfer_id"])
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
FANNED_OUT = (
    CUSTOM
    + "  FanOutFunction: {Properties: {Events: {FanOutStreamMapping: {Properties: {FilterCriteria: null}}}}}\n"
    + BATCHES.format(role="FanOutRole")
)


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

    # Commands, directly and by the queue; views and public events follow. (`test_deployed_clients` has all the ways.)
    for number in (1, 2):
        first = shop.command("CreateOrder", {**ORDER, "order_id": f"o-{number}"}, f"c-{number}")
        assert (first["version"], first["duplicate"]) == (1, False)
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

    # Deadlines wait at the scheduler, which fires by itself when the time has come: it is told an earlier one.
    scheduler = shop.client("scheduler")

    def waiting() -> list[str]:
        return [one["Name"] for one in scheduler.list_schedules(GroupName="orders-schedules")["Schedules"]]

    shop.until(lambda: len(waiting()) == 2)  # the paid order's is cancelled
    name = next(one for one in waiting() if one.startswith("expire-o-3"))
    found = scheduler.get_schedule(GroupName="orders-schedules", Name=name)
    assert found["Target"]["Arn"].endswith(":function:orders-deadlines") and found["Target"]["RoleArn"]
    kept = {key: found[key] for key in ("ActionAfterCompletion", "FlexibleTimeWindow", "GroupName", "Name", "Target")}
    soon = datetime.now(timezone.utc) + timedelta(seconds=1)
    scheduler.update_schedule(**kept, ScheduleExpression=f"at({soon:%Y-%m-%dT%H:%M:%S})")
    shop.until(lambda: statuses() == ["paid", "placed", "expired"])
    shop.until(lambda: name not in waiting())

    # An update changes functions in place, adds one, and loses nothing.
    (folder / "audited.py").write_text(AUDITED)
    shop.app = "audited"
    shop.deploy(protect=False, create_targets=True, memory=512)
    settings = shop.client("lambda").get_function_configuration(FunctionName="orders-commands")
    assert settings["MemorySize"] == 512
    assert shop.command("CreateOrder", {**ORDER, "order_id": "o-1"}, "c-1")["duplicate"]
    assert statuses() == ["paid", "placed", "expired"]
    shop.command("CreateOrder", {**ORDER, "order_id": "o-4"}, "c-4")
    shop.until(lambda: shop.ask("Audited", {"order_id": "o-4"}))

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

    # What Lambda gives up on lies in a bucket, which invokes the function. ministack tries for ever, so its mapping is
    # stopped, and the project's driver reads the stream in its place, by the template's settings, for one that dies.
    stream = bank.stop("TransfersStreamMapping")
    bank.command("StartTransfer", {"transfer_id": "t-9", "payer": "ann", "payee": "bob", "amount": "5.00"}, "t-9")
    letters = bank.store(App("memory://", registry=examples.bank.bank)).letters
    assert not letters.list("transfers")
    bank.give_up("TransfersStreamMapping", stream)
    bank.until(lambda: [letter.key for letter in letters.list("transfers")] == ["Transfer#t-9"])
    assert letters.retry("transfers") == []
    bank.start("TransfersStreamMapping")
    bank.until(lambda: "-5.00" in lines("ann") and "5.00" in lines("bob"))

    # A processor more is one reader too many of the stream: what the transfers read themselves comes by a queue then.
    (folder / "template.overlay.yaml").write_text(FANNED_OUT)
    (folder / "counted.py").write_text(COUNTED)
    bank.app = "counted:bank"
    bank.deploy(memory=512)
    settings = bank.client("lambda").get_function_configuration(FunctionName="bank-transfers")
    assert settings["MemorySize"] == 512 and "5.00" in lines("bob")
    assert bank.command("Deposit", {"account_id": "ann", "amount": "100.00"}, "d-1")["duplicate"]
    bank.command("StartTransfer", {"transfer_id": "t-10", "payer": "ann", "payee": "bob", "amount": "7.00"}, "t-10")
    bank.until(lambda: "-7.00" in lines("ann") and "7.00" in lines("bob"))
    bank.until(lambda: bank.ask("Counted", {"transfer_id": "t-10"}))
    assert sorted(lines("ann")).count("-5.00") == 1, "what the stream still had was read again, and changed nothing"

    bank.delete()
    assert {"bank-events", "bank-log", "bank-views"} <= set(bank.client("dynamodb").list_tables()["TableNames"])
