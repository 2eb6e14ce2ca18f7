"""A planned stack, run in this process: every function as the plan has it, fed as its mappings say, its calls noted.

The services are moto's; what Lambda does between them is done here, by the project's own driver and in its plainest
form: queues are read, schedules fire, objects invoke. Each call is noted with the function in whose name it is made,
as IAM would be asked for it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import boto3

from cqrsless import App, Registry
from cqrsless.deploy.cloudformation import stream_settings
from cqrsless.deploy.plan import Plan
from cqrsless.deploy.values import Attribute
from cqrsless.driver import Driver, EventSourceMapping, LambdaContext, StreamsFeed
from cqrsless.driver.dynamodb_streams import latest_stream
from cqrsless.driver.failures import GivenUp
from cqrsless.sources import handle
from tests.deploy.calling import AsCaller, Call, caller
from tests.deploy.making import PREFIX, MadeStack

#: How often a message comes before it is a dead letter. The plan's count is about time, of which there is none here.
RECEIVES = 3


class RunningStack(MadeStack):
    """The stack of one application, on a clock that the test moves."""

    def __init__(self, plan: Plan, registry: Registry, now: datetime, resources: Mapping[str, Any]) -> None:
        super().__init__(plan)
        self.now = now
        self.calls: dict[str, set[Call]] = {role.id: set() for role in plan.roles}
        #: Functions that die whenever they are invoked, and those whose records are lost on their way.
        self.dying: set[str] = set()
        self.losing: set[str] = set()
        #: Functions whose next mark is refused, behind whatever they did before it, and what happens then.
        self.forgetting: dict[str, Callable[[], Any]] = {}
        self.later: list[tuple[str, Any]] = []
        self._registry = registry
        self._resources = resources
        self._apps: dict[str, App] = {}
        self._driver = Driver(clock=lambda: self.now, sleep=self._sleep, backoff=lambda failures: 0)
        for mapping in self.plan.stream_mappings:
            self._map(mapping)

    # -- what is asked of it

    def command(self, name: str, payload: Mapping[str, Any], id: str | None = None) -> Any:
        return self.invoke("CommandsFunction", {"command": name, "payload": payload, "id": id})

    def ask(self, name: str, payload: Mapping[str, Any]) -> Any:
        return self.invoke("CommandsFunction", {"query": name, "payload": payload})

    def send(self, queue: str, body: Mapping[str, Any], *, group: str | None = None) -> None:
        url = self.attribute(Attribute(queue, "url"))
        more = {} if group is None else {"MessageGroupId": group, "MessageDeduplicationId": str(uuid4())}
        boto3.client("sqs").send_message(QueueUrl=url, MessageBody=json.dumps(body), **more)

    def settle(self) -> None:
        """Deliver until nothing is left to."""
        while self._streams() or self._queues() or self._later():
            pass

    def advance(self, delta: timedelta) -> int:
        """Move the clock, and let every schedule fire that is due by then."""
        self.now += delta
        fired = 0
        client = boto3.client("scheduler")
        for group in [self.plan.schedule_group] if self.plan.schedule_group is not None else []:
            for entry in client.list_schedules(GroupName=self.text(group.name))["Schedules"]:
                found = client.get_schedule(GroupName=self.text(group.name), Name=entry["Name"])
                due = datetime.strptime(found["ScheduleExpression"], "at(%Y-%m-%dT%H:%M:%S)")
                if due.replace(tzinfo=timezone.utc) <= self.now:
                    client.delete_schedule(GroupName=self.text(group.name), Name=entry["Name"])
                    target, role = found["Target"], self.role_of(found["Target"]["RoleArn"])
                    self.calls[role.id].add(("lambda:InvokeFunction", target["Arn"]))  # the scheduler takes its role
                    self._invoke_later(self.by_arn(target["Arn"]), json.loads(target["Input"]))
                    fired += 1
        self.settle()
        return fired

    def invoke(self, function: str, event: Any) -> Any:
        if function in self.dying:
            raise RuntimeError("Runtime exited with error: signal: killed")
        name = self.text(self.plan.function(function).name)
        context = LambdaContext(name, str(uuid4()), clock=lambda: self.now)
        context.invoked_function_arn = self.invoked(function)
        variables = {"AWS_LAMBDA_FUNCTION_NAME": name, "CQRSLESS_METRICS": "off", **self._variables(function)}
        with self._as(function), patch.dict(os.environ, variables):
            return handle(json.loads(json.dumps(event)), context, self.app(function))

    def http(self, method: str, path: str, headers: Mapping[str, str], body: Any = None) -> Any:
        """Send a request to the API."""
        http = {"http": {"method": method, "path": path}}
        event = {"version": "2.0", "rawPath": path, "headers": headers, "requestContext": http}
        answer = self.invoke("CommandsFunction", {**event, "body": None if body is None else json.dumps(body)})
        assert answer["statusCode"] < 300, answer
        return answer

    # -- what goes wrong rarely

    def run_rarities(self, commit: Callable[[int], Any]) -> None:
        """Let everything go wrong once for everybody; `commit` makes a commit of the numbered aggregate."""
        reacting = [function for function in self.plan.functions if function.consumers]
        ids = {function.id for function in reacting}
        fed = {mapping.function for mapping in self.plan.stream_mappings} | ids
        commit(1)
        with self._going_wrong(self.losing, fed):
            self.settle()
        commit(1)
        self.settle()
        commit(2)
        endless = {mapping.function for mapping in self.plan.stream_mappings if mapping.retries < 0}
        with self._going_wrong(self.dying, ids - endless):
            self.settle()
        self.settle()
        parked = 0
        for function in reacting:  # whoever looks after it has what is parked tried again
            for consumer in function.consumers:
                letters = self._operator(function.id).letters
                parked += len(letters.list(consumer))
                assert letters.retry(consumer) == []
        assert parked, "nothing was given up"
        commit(2)
        self.settle()
        for function in reacting:
            for consumer in function.consumers:
                if function.continues:
                    self.invoke(function.id, {"replay": consumer})
        self.settle()
        self.advance(timedelta(hours=1))  # nobody can be reading the runs of before
        commit(3)
        self.settle()
        commit(3)
        self.settle()
        self._operator().rebuild()
        commit(3)
        self.settle()
        self.advance(timedelta(days=2))  # nobody can be reading the log of before
        commit(3)
        self.settle()
        for function in self.plan.functions:
            if function.undelivered is not None:
                with self._going_wrong(self.dying, {function.id}):
                    self._invoke_later(function.id, {"replay": "?"})

    def restore(self) -> None:
        """Have the events table alone, as out of a backup, and the others made anew from it."""
        for table in self.plan.tables:
            if table.id != "EventsTable":
                boto3.client("dynamodb").delete_table(TableName=self.text(table.name))
        self.restart()
        self._operator().restore()

    def _operator(self, function: str | None = None) -> App:
        """Give what somebody with rights of their own has at hand, with the settings of a function or without."""
        with patch.dict(os.environ, {} if function is None else self._variables(function)):
            store = "dynamodb://" + PREFIX
            app = App(store, registry=self._registry, resources=self._resources, clock=lambda: self.now)
            _ = app.letters
        return app

    def restart(self) -> None:
        """Let everything run in new environments, which remember nothing."""
        self._apps.clear()

    @contextmanager
    def _going_wrong(self, kind: set[str], ids: set[str]) -> Iterator[None]:
        kind |= ids
        yield
        kind -= ids

    @contextmanager
    def forgetful(self, function: str, meanwhile: Callable[[], Any]) -> Iterator[None]:
        """Let a function's next mark be refused, once: what it did before that is done again."""
        self.forgetting[function] = meanwhile
        yield
        assert function not in self.forgetting, f"{function} wrote no mark"

    def app(self, function: str) -> App:
        """Give what a function runs, made as in its environment."""
        if function not in self._apps:
            variables = self._variables(function)
            with patch.dict(os.environ, variables):
                app = App(
                    variables["CQRSLESS_STORE"],
                    registry=self._registry,
                    resources=self._resources,
                    clock=lambda: self.now,
                )
                _ = app.letters  # what reacts is made with it
            self._apps[function] = app
        return self._apps[function]

    def _variables(self, function: str) -> dict[str, str]:
        return {name: self.text(value) for name, value in self.plan.function(function).environment.items()}

    # -- what Lambda does

    def _streams(self) -> int:
        """Step by step, since a schedule or a window only waits for time that the test gives."""
        done = 0
        while self._driver.step() is not None:
            done += 1
        return done

    def _queues(self) -> int:
        done = 0
        for mapping in self.plan.queue_mappings:
            queue = next(one for one in self.plan.queues if one.id == mapping.queue)
            with self._as(mapping.function):
                client = boto3.client("sqs")
                url = self.attribute(Attribute(mapping.queue, "url"))
                client.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])
                messages = client.receive_message(
                    QueueUrl=url, MaxNumberOfMessages=mapping.batch_size, AttributeNames=["All"], VisibilityTimeout=0
                ).get("Messages", [])
            if not messages:
                continue
            records = [_record(message, self.arn(queue.id)) for message in messages]
            # What kills a function is in its handlers, and parking what is in dead letters calls none.
            dies = mapping.function in self.dying and queue.kind == "work"
            failed = {one["messageId"] for one in records} if dies else self._answer(mapping.function, records)
            for message in messages:
                if message["MessageId"] in failed:
                    if int(message["Attributes"]["ApproximateReceiveCount"]) < RECEIVES:
                        continue
                    if queue.dead_letters is not None:
                        group = message["Attributes"].get("MessageGroupId")
                        self.send(queue.dead_letters, json.loads(message["Body"]), group=group)
                with self._as(mapping.function):
                    client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            done += len(messages)
        return done

    def _answer(self, function: str, records: list[Any]) -> set[str]:
        """Give a function records of a queue, and say which of them failed."""
        if function in self.losing:
            return set()
        dying, self.dying = self.dying, set()
        try:
            answer = self.invoke(function, {"Records": records})
        finally:
            self.dying = dying
        return {one["itemIdentifier"] for one in answer["batchItemFailures"]}

    def _later(self) -> int:
        waiting, self.later = self.later, []
        for function, event in waiting:
            self._invoke_later(function, event)
        return len(waiting)

    def _invoke_later(self, function: str, event: Any) -> None:
        """Invoke with nobody waiting: three times, and then it is sent to where nothing is lost."""
        undelivered = self.plan.function(function).undelivered
        for _ in range(3):
            try:
                self.invoke(function, event)
                return
            except Exception:
                continue
        assert undelivered is not None, f"{function} is invoked with nobody waiting, and has no queue for what fails"
        with self._as(function):
            self.send(undelivered, {"requestPayload": event})

    # -- its mappings

    def _map(self, mapping: Any) -> None:
        settings = {**stream_settings(mapping), "MaximumBatchingWindowInSeconds": 0}
        table = next(one for one in self.plan.tables if one.id == mapping.table)

        def function(event: Any, context: Any) -> Any:
            return None if mapping.function in self.losing else self.invoke(mapping.function, event)

        arn = latest_stream(boto3.client("dynamodb"), self.text(table.name))
        self.made[mapping.table, "stream"] = arn
        client = AsCaller(boto3.client("dynamodbstreams"), lambda: self._as(mapping.function))
        destination = None if mapping.bucket is None else _Objects(self, mapping)
        self._driver.map(
            EventSourceMapping.from_template(mapping.id, settings),
            StreamsFeed(client, arn, retention=None),
            function,
            destination=destination,
        )

    def _sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    # -- who calls

    @contextmanager
    def _as(self, function: str) -> Iterator[None]:
        token = caller.set(function)
        try:
            yield
        finally:
            caller.reset(token)


class _Objects:
    """The bucket behind a mapping: what is put there invokes the function."""

    def __init__(self, stack: RunningStack, mapping: Any) -> None:
        self._stack = stack
        self._mapping = mapping

    def send(self, given_up: GivenUp) -> None:
        stack, function = self._stack, self._mapping.function
        bucket = stack.text(next(one for one in stack.plan.buckets if one.id == self._mapping.bucket).name)
        key = f"aws/lambda/{self._mapping.id}/{given_up.shard}/{given_up.request}"
        with stack._as(function):
            boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=json.dumps(given_up.with_records()).encode())
        dying, stack.dying = stack.dying, set()  # what killed it is not met while parking
        notice = {"eventSource": "aws:s3", "s3": {"bucket": {"name": bucket}, "object": {"key": key}}}
        stack._invoke_later(function, {"Records": [notice]})
        stack.dying = dying


def _record(message: Mapping[str, Any], arn: str) -> dict[str, Any]:
    attributes = {**message["Attributes"]}
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": attributes,
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": arn,
    }
