"""A stack on ministack: written as its user writes it, deployed, called, and waited for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import boto3

from cqrsless import App
from cqrsless.driver import Driver, EventSourceMapping, ObjectDestination, StreamsFeed
from cqrsless.driver.failures import GivenUp

__all__ = ["REGION", "Deployment"]

ROOT = Path(__file__).parent.parent.parent
REGION = "eu-west-1"


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
        command = [sys.executable, "-m", "cqrsless", "template", "--app", self.app, "-o", "template.json", "--force"]
        paths = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, cwd=self.folder, env=paths, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
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
            for file in self.folder.glob("*.py"):
                package.write(file, file.name)
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

    def store(self, app: App) -> App:
        """Open the stack's own tables from here."""
        return app.on(f"dynamodb://{self.name}?region={REGION}&endpoint={self.endpoint}")

    # -- streams, where the engine's own mapping is not what is to be seen

    def stop(self, mapping: str) -> str:
        """Stop what feeds a function from a stream, and give the stream."""
        found = self._mapping(mapping)
        self.client("lambda").update_event_source_mapping(UUID=found["UUID"], Enabled=False)
        self.until(lambda: self._mapping(mapping)["State"] == "Disabled")
        return str(found["EventSourceArn"])

    def start(self, mapping: str) -> None:
        self.client("lambda").update_event_source_mapping(UUID=self._mapping(mapping)["UUID"], Enabled=True)

    def give_up(self, mapping: str, stream: str) -> None:
        """Read a stream as the template's mapping does, for a function that dies at every record."""
        resource = json.loads((self.folder / "template.json").read_text())["Resources"][mapping]
        settings = {**resource["Properties"], "MaximumBatchingWindowInSeconds": 0}
        bucket = self.client("cloudformation").describe_stack_resource(
            StackName=self.name, LogicalResourceId=f"{mapping.removesuffix('StreamMapping')}GivenUp"
        )["StackResourceDetail"]["PhysicalResourceId"]
        driver = Driver(sleep=lambda seconds: None, backoff=lambda failures: 0)
        driver.map(
            EventSourceMapping.from_template(mapping, settings),
            StreamsFeed(self.client("dynamodbstreams"), stream, retention=None),
            _die,
            destination=_Bucket(self.client("s3"), bucket),
        )
        while driver.step() is not None:
            pass

    def _mapping(self, id: str) -> Any:
        function = self.outputs[f"{id.removesuffix('StreamMapping')}Function"]
        (found,) = self.client("lambda").list_event_source_mappings(FunctionName=function)["EventSourceMappings"]
        return found

    def until(self, found: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + 90
        while not (result := found()):
            assert time.monotonic() < deadline, "this does not come"
            time.sleep(0.3)
        return result


class _Bucket(ObjectDestination):
    """A real bucket: what is put there invokes the function, as the template has it."""

    def __init__(self, client: Any, bucket: str) -> None:
        super().__init__(bucket)
        self._client = client

    def send(self, given_up: GivenUp) -> None:
        super().send(given_up)
        key, body = list(self.objects.items())[-1]
        self._client.put_object(Bucket=self.bucket, Key=key, Body=body.encode())


def _die(event: Any, context: Any) -> Any:
    raise RuntimeError("Runtime exited with error: signal: killed")
