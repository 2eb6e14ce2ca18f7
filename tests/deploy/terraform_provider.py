"""A provider that Terraform takes for HashiCorp's, with the schemas in a file, and nothing behind it.

`python terraform_provider.py SCHEMAS SOCKET` serves it until its standard input closes. It says what AWS would compute
by a word for it, such as `arn(aws_sqs_queue:shop-mailer)`, so that a value shows what it came from.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from concurrent import futures
from pathlib import Path
from typing import Any, Final

import grpc
import msgpack
from tf.gen import tfplugin_pb2 as pb
from tf.gen import tfplugin_pb2_grpc as rpc

#: What tells one resource of a type from another.
NAMES: Final = (
    *(
        "name",
        "layer_name",
        "function_name",
        "bucket",
        "rule",
        "queue_url",
        "alarm_name",
        "dashboard_name",
        "route_key",
        "api_id",
    ),
    *("name_prefix", "role"),
)
KNOWN: Final = {
    "aws_caller_identity": {"account_id": "123456789012"},
    "aws_partition": {"partition": "aws"},
    "aws_region": {"region": "eu-west-1"},
}


class Provider(rpc.ProviderServicer):  # type: ignore[misc]
    def __init__(self, schemas: Mapping[str, Any]) -> None:
        self.schemas = schemas

    def GetMetadata(self, request: Any, context: Any) -> Any:
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "the schema says it all")

    def GetProviderSchema(self, request: Any, context: Any) -> Any:
        return pb.GetProviderSchema.Response(
            provider=_schema(self.schemas["provider"]["aws"]),
            resource_schemas={name: _schema(one) for name, one in self.schemas["resource"].items()},
            data_source_schemas={name: _schema(one) for name, one in self.schemas["data"].items()},
        )

    def ValidateProviderConfig(self, request: Any, context: Any) -> Any:
        return pb.ValidateProviderConfig.Response()

    def ValidateResourceConfig(self, request: Any, context: Any) -> Any:
        return pb.ValidateResourceConfig.Response()

    def ValidateDataResourceConfig(self, request: Any, context: Any) -> Any:
        return pb.ValidateDataResourceConfig.Response()

    def ConfigureProvider(self, request: Any, context: Any) -> Any:
        return pb.ConfigureProvider.Response()

    def UpgradeResourceState(self, request: Any, context: Any) -> Any:
        state = pb.DynamicValue(msgpack=msgpack.packb(json.loads(request.raw_state.json)))
        return pb.UpgradeResourceState.Response(upgraded_state=state)

    def ReadResource(self, request: Any, context: Any) -> Any:
        return pb.ReadResource.Response(new_state=request.current_state)

    def ApplyResourceChange(self, request: Any, context: Any) -> Any:
        return pb.ApplyResourceChange.Response(new_state=request.planned_state, legacy_type_system=True)

    def PlanResourceChange(self, request: Any, context: Any) -> Any:
        planned = msgpack.unpackb(request.proposed_new_state.msgpack, strict_map_key=False)
        if planned is None:  # it is to go
            return pb.PlanResourceChange.Response(planned_state=request.proposed_new_state, legacy_type_system=True)
        name = next((planned[key] for key in NAMES if isinstance(planned.get(key), str)), "?")
        if request.type_name == "aws_lambda_alias":
            name = f"{planned['function_name']}:{planned['name']}"
        for attribute, said in self.schemas["resource"][request.type_name]["attributes"].items():
            if said["computed"] and planned[attribute] is None and said["type"] == "string":
                planned[attribute] = f"{attribute}({request.type_name}:{name})"
        state = pb.DynamicValue(msgpack=msgpack.packb(planned))
        return pb.PlanResourceChange.Response(planned_state=state, legacy_type_system=True)

    def ReadDataSource(self, request: Any, context: Any) -> Any:
        state = msgpack.unpackb(request.config.msgpack, strict_map_key=False)
        if request.type_name == "aws_iam_policy_document":
            state["json"] = json.dumps(policy(state))
        state.update(KNOWN.get(request.type_name, {}))
        return pb.ReadDataSource.Response(state=pb.DynamicValue(msgpack=msgpack.packb(state)))

    def StopProvider(self, request: Any, context: Any) -> Any:
        return pb.StopProvider.Response()


def policy(config: Mapping[str, Any]) -> dict[str, Any]:
    """Write a policy as the provider does, with lists everywhere."""
    statements = []
    for one in config["statement"]:
        statement: dict[str, Any] = {"Effect": one["effect"] or "Allow", "Action": one["actions"]}
        if one["resources"]:
            statement["Resource"] = one["resources"]
        if one["principals"]:
            statement["Principal"] = {each["type"]: each["identifiers"] for each in one["principals"]}
        for each in one["condition"]:
            statement.setdefault("Condition", {}).setdefault(each["test"], {})[each["variable"]] = each["values"]
        statements.append(statement)
    return {"Version": config["version"] or "2012-10-17", "Statement": statements}


def _schema(said: Mapping[str, Any]) -> Any:
    return pb.Schema(version=0, block=_block(said))


def _block(said: Mapping[str, Any]) -> Any:
    attributes = [
        pb.Schema.Attribute(
            name=name,
            type=json.dumps(one["type"]).encode(),
            required=one["required"],
            optional=one["optional"],
            computed=one["computed"],
        )
        for name, one in said["attributes"].items()
    ]
    kinds = {"list": pb.Schema.NestedBlock.LIST, "set": pb.Schema.NestedBlock.SET}
    blocks = [
        pb.Schema.NestedBlock(
            type_name=name,
            block=_block(one["block"]),
            nesting=kinds[one["nesting"]],
            min_items=one["least"],
            max_items=one["most"],
        )
        for name, one in said["blocks"].items()
    ]
    return pb.Schema.Block(version=0, attributes=attributes, block_types=blocks)


def main(schemas: str, socket: str) -> None:
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=4))
    rpc.add_ProviderServicer_to_server(Provider(json.loads(Path(schemas).read_text())), server)
    server.add_insecure_port(f"unix://{socket}")
    server.start()
    print("ready", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
