"""What a template says: the plan's meaning, in CloudFormation's words and in SAM's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from cqrsless import Registry
from cqrsless.deploy.naming import DeploymentError
from cqrsless.deploy.plan import Plan
from cqrsless.deploy.rendering import document
from tests.deploy.shop import listen, planned, shop


@pytest.fixture(params=["sam", "cloudformation"])
def form(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def full(**section: Any) -> Plan:
    """A stack with everything in it: fan-out, tracking, external events, schedules, publishing, routes."""
    registry = shop("mailer", "audit", view=True, publishes=True)
    registry.processor("statements", mode="tracking")
    registry.processor("payments")
    listen(registry, "OrderPlaced", "statements")

    @registry.event_handler("PaymentFailed", source="payments", processor="payments")
    def failed(event: Any) -> None:
        raise NotImplementedError

    return planned(registry, {"processors": {"mailer": {"schedules": True}}, **section})


def of_type(template: Any, kind: str) -> dict[str, Any]:
    return {id: found["Properties"] for id, found in template["Resources"].items() if found["Type"] == kind}


def functions(template: Any) -> dict[str, Any]:
    return of_type(template, "AWS::Serverless::Function") | of_type(template, "AWS::Lambda::Function")


def test_layers_lie_beneath_every_function_in_their_order(form: str) -> None:
    arn = "arn:aws:lambda:eu-west-1:123456789012:layer:tracing:3"
    template = document(full(layers=["build/shop-layer.zip", arn, "more.zip"]), form)
    layers = [{"Ref": "Layer"}, arn, {"Ref": "Layer2"}]
    if form == "sam":
        assert template["Globals"]["Function"]["Layers"] == layers
        made = of_type(template, "AWS::Serverless::LayerVersion")
        assert [layer["ContentUri"] for layer in made.values()] == ["build/shop-layer.zip", "more.zip"]
    else:
        assert all(function["Layers"] == layers for function in functions(template).values())
        made = of_type(template, "AWS::Lambda::LayerVersion")
        assert made["Layer"]["Content"] == {"S3Bucket": {"Ref": "CodeBucket"}, "S3Key": {"Ref": "LayerKey"}}
        assert {"LayerKey", "Layer2Key"} <= template["Parameters"].keys()
    assert list(made) == ["Layer", "Layer2"] and made["Layer"]["LayerName"] == {"Fn::Sub": "${Prefix}-layer"}
    assert made["Layer"]["CompatibleRuntimes"] == ["python3.13"]
    assert made["Layer"]["CompatibleArchitectures"] == ["arm64"]
    assert "Layers" not in json.dumps(document(full(), form))


def test_tables_are_kept_safe_and_cost_nothing_while_nobody_comes(form: str) -> None:
    template = document(full(), form)
    tables = of_type(template, "AWS::DynamoDB::Table")
    assert sorted(tables) == ["EventsTable", "LogTable", "ViewsTable"]
    for id, table in tables.items():
        assert table["BillingMode"] == "PAY_PER_REQUEST"
        assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
        assert table["SSESpecification"] == {"SSEEnabled": True}
        assert table["DeletionProtectionEnabled"] is True
        assert template["Resources"][id]["DeletionPolicy"] == "Retain"
        assert template["Resources"][id]["UpdateReplacePolicy"] == "Retain"
    for id in ("EventsTable", "LogTable"):
        assert tables[id]["StreamSpecification"] == {"StreamViewType": "NEW_IMAGE"}
    assert "TimeToLiveSpecification" in tables["ViewsTable"] and "TimeToLiveSpecification" not in tables["EventsTable"]


def test_the_tables_are_those_that_the_store_makes(form: str) -> None:
    from cqrsless.stores.dynamodb_tables import definition

    tables = of_type(document(full(), form), "AWS::DynamoDB::Table")
    for table in ("events", "log", "views"):
        made, wanted = tables[f"{table.capitalize()}Table"], definition("${Prefix}", table)  # type: ignore[arg-type]
        assert made["TableName"] == {"Fn::Sub": wanted["TableName"]}
        for key in ("AttributeDefinitions", "KeySchema", "BillingMode"):
            assert made[key] == wanted[key]
        stream = wanted.get("StreamSpecification", {}).get("StreamViewType")
        assert made.get("StreamSpecification", {}).get("StreamViewType") == stream


def test_a_stack_to_throw_away_leaves_nothing(form: str) -> None:
    template = document(full(protect=False), form)
    assert {found.get("DeletionPolicy") for found in template["Resources"].values()} == {None, "Delete"}
    tables = of_type(template, "AWS::DynamoDB::Table").values()
    assert not any(table["DeletionProtectionEnabled"] for table in tables)


def test_every_function_has_the_one_handler(form: str) -> None:
    template = document(full(), form)
    usual = template.get("Globals", {}).get("Function", {})
    found = functions(template)
    assert len(found) == len(full().functions)
    for function in found.values():
        assert function.get("Handler", usual.get("Handler")) == "cqrsless.entrypoint"
        variables = {**usual.get("Environment", {}).get("Variables", {})}
        variables |= function.get("Environment", {}).get("Variables", {})
        assert variables["CQRSLESS_STORE"] == {"Fn::Sub": "dynamodb://${Prefix}"}
        assert function.get("MemorySize", usual.get("MemorySize")) == 256


def test_each_function_has_a_role_and_a_log_of_its_own_that_ends(form: str) -> None:
    template = document(full(), form)
    found = functions(template)
    roles = [json.dumps(function["Role"]) for function in found.values()]
    assert len(set(roles)) == len(found)
    for id, function in found.items():
        log = template["Resources"][function["LoggingConfig"]["LogGroup"]["Ref"]]["Properties"]
        assert log["RetentionInDays"] == 30
        assert log["LogGroupName"]["Fn::Sub"] == "/aws/lambda/" + function["FunctionName"]["Fn::Sub"], id


def statements(template: Any) -> Iterator[tuple[str, Any]]:
    for id, role in of_type(template, "AWS::IAM::Role").items():
        for policy in role["Policies"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                yield id, statement


def test_no_role_allows_whatever_there_is(form: str) -> None:
    for id, statement in statements(document(full(), form)):
        actions = statement["Action"]
        assert actions and not any("*" in action for action in actions), id
        if statement["Resource"] == "*":
            assert actions == ["dynamodb:ListStreams"], "the one action that AWS knows no resource for"


def test_a_role_is_passed_to_the_scheduler_alone(form: str) -> None:
    (passing,) = [one for _, one in statements(document(full(), form)) if "iam:PassRole" in one["Action"]]
    assert passing["Resource"] == {"Fn::GetAtt": ["SchedulerRole", "Arn"]}
    assert passing["Condition"] == {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}}


def test_routes_ask_who_is_there(form: str) -> None:
    routes = of_type(document(full(), form), "AWS::ApiGatewayV2::Route").values()
    assert sorted(route["RouteKey"] for route in routes) == ["POST /orders", "POST /orders/{order_id}/ship"]
    assert {route["AuthorizationType"] for route in routes} == {"AWS_IAM"}
    jwt = {"authorizer": "jwt", "issuer": "https://login.example.com/", "audience": ["shop"]}
    template = document(full(http=jwt), form)
    routes = of_type(template, "AWS::ApiGatewayV2::Route").values()
    assert {json.dumps(route["AuthorizerId"]) for route in routes} == {'{"Ref": "HttpApiAuthorizer"}'}
    (authorizer,) = of_type(template, "AWS::ApiGatewayV2::Authorizer").values()
    assert authorizer["JwtConfiguration"] == {"Issuer": "https://login.example.com/", "Audience": ["shop"]}


def test_only_a_flag_opens_the_routes(form: str) -> None:
    template = document(full(http={"open": True, "function_url": True}), form)
    routes = of_type(template, "AWS::ApiGatewayV2::Route").values()
    assert {route["AuthorizationType"] for route in routes} == {"NONE"}
    assert [url["AuthType"] for url in of_type(template, "AWS::Lambda::Url").values()] == ["NONE"]
    assert {permission["Action"] for permission in open_to_all(template)} == {
        "lambda:InvokeFunctionUrl", "lambda:InvokeFunction",
    }  # fmt: skip
    template = document(full(http={"function_url": True}), form)
    assert [url["AuthType"] for url in of_type(template, "AWS::Lambda::Url").values()] == ["AWS_IAM"]
    assert not open_to_all(template)


def open_to_all(template: Any) -> list[dict[str, Any]]:
    """Give what everybody may do, who comes by the URL."""
    permissions = of_type(template, "AWS::Lambda::Permission").values()
    found = [one for one in permissions if one["Principal"] == "*"]
    assert all(one.get("FunctionUrlAuthType") == "NONE" or one.get("InvokedViaFunctionUrl") for one in found)
    return found


def test_every_queue_of_work_has_dead_letters_and_they_ring(form: str) -> None:
    template = document(full(), form)
    queues = of_type(template, "AWS::SQS::Queue")
    alarms = of_type(template, "AWS::CloudWatch::Alarm").values()
    watched = {json.dumps(alarm["Dimensions"][0]["Value"]) for alarm in alarms}
    assert queues
    for queue in queues.values():
        if "RedrivePolicy" in queue:
            letters = queues[queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]]
            assert letters.get("FifoQueue") == queue.get("FifoQueue")
        else:
            assert json.dumps(queue["QueueName"]) in watched, "what nobody looks at is lost"


def test_alarms_ring_for_each_function_and_tell_a_topic_if_there_is_one(form: str) -> None:
    template = document(full(), form)
    alarms = of_type(template, "AWS::CloudWatch::Alarm")
    for function in functions(template):
        base = function.removesuffix("Function")
        assert {f"{base}ErrorsAlarm", f"{base}ThrottlesAlarm"} <= alarms.keys()
    late = {id for id, alarm in alarms.items() if alarm["MetricName"] == "IteratorAge"}
    assert late == {"FanOutIteratorAgeAlarm", "IndexerLogLagAlarm", "IndexerLosesCommitsAlarm", "StatementsLogLagAlarm"}
    for id in late - {"IndexerLosesCommitsAlarm"}:
        assert (alarms[id]["Statistic"], alarms[id]["Threshold"]) == ("Maximum", 300_000)
    told = {json.dumps(alarm["AlarmActions"]) for alarm in alarms.values()}
    assert len(told) == 1 and "AlarmTopic" in told.pop()
    bare = document(full(alarms=False), form)
    assert not of_type(bare, "AWS::CloudWatch::Alarm") and "AlarmTopic" not in bare["Parameters"]


def test_the_dashboard_is_a_document_of_cloudwatchs(form: str) -> None:
    (dashboard,) = of_type(document(full(), form), "AWS::CloudWatch::Dashboard").values()
    body = dashboard["DashboardBody"]["Fn::Sub"]
    widgets = json.loads(body)["widgets"]
    assert {"Invocations", "Errors", "Dead letters", "How late streams are read"} <= {
        widget["properties"]["title"] for widget in widgets
    }
    for widget in widgets:
        assert widget["properties"]["region"] == "${AWS::Region}" and widget["properties"]["metrics"]
    assert '"${Prefix}-mailer"' in body


def test_every_reference_leads_somewhere(form: str) -> None:
    template = document(full(http={"function_url": True}), form)
    known = {*template["Resources"], *template["Parameters"]}
    for kind, name in references(template["Resources"]):
        assert name in known or name.startswith("AWS::"), (kind, name)


def references(value: Any) -> Iterator[tuple[str, str]]:
    import re

    if isinstance(value, list):
        for one in value:
            yield from references(one)
    elif isinstance(value, dict):
        for key, one in value.items():
            if key == "Ref":
                yield key, one
            elif key == "Fn::GetAtt":
                yield key, one[0]
            elif key == "Fn::Sub":
                yield from ((key, name) for name in re.findall(r"\$\{([A-Za-z:]+)[.}]", one))
            elif key == "DependsOn":
                yield key, one
            else:
                yield from references(one)


def test_a_mapping_is_the_same_in_both_forms() -> None:
    for plan in (full(), planned(shop("mailer"))):
        flat = document(plan, "cloudformation")
        mappings = of_type(flat, "AWS::Lambda::EventSourceMapping")
        found = of_type(document(plan, "sam"), "AWS::Lambda::EventSourceMapping")
        for function in functions(document(plan, "sam")).values():
            for id, event in function.get("Events", {}).items():
                properties = dict(event["Properties"])
                properties["EventSourceArn"] = properties.pop("Stream", None) or properties.pop("Queue")
                found[id] = properties
        assert found.keys() == mappings.keys()
        for id, mapping in mappings.items():
            name = mapping.pop("FunctionName")
            assert {key: value for key, value in found[id].items() if key != "FunctionName"} == mapping
            assert name["Ref"].endswith("Function")


def test_what_lambda_gives_up_on_invokes_the_function_that_gave_up(form: str) -> None:
    template = document(planned(shop("mailer")), form)
    ((id, bucket),) = of_type(template, "AWS::S3::Bucket").items()
    (called,) = bucket["NotificationConfiguration"]["LambdaConfigurations"]
    assert called["Function"] == {"Fn::GetAtt": ["MailerFunction", "Arn"]}
    assert all(bucket["PublicAccessBlockConfiguration"].values())
    (permission,) = (
        one for one in of_type(template, "AWS::Lambda::Permission").values() if one["Principal"] == "s3.amazonaws.com"
    )
    assert permission["SourceArn"]["Fn::Sub"].endswith(bucket["BucketName"]["Fn::Sub"])
    (mapping,) = (
        of_type(template, "AWS::Lambda::EventSourceMapping").values()
        if form == "sam"
        else [
            one for one in of_type(template, "AWS::Lambda::EventSourceMapping").values() if "DestinationConfig" in one
        ]
    )
    assert mapping["DestinationConfig"]["OnFailure"]["Destination"] == {"Fn::GetAtt": [id, "Arn"]}


# -- limits


def many(count: int) -> Registry:
    registry = shop()
    for number in range(count):
        listen(registry, "OrderPlaced", f"p{number}")
    return registry


@pytest.mark.parametrize("count", [60, 90])
def test_a_template_over_cloudformations_limits_is_refused_with_what_to_change(form: str, count: int) -> None:
    with pytest.raises(DeploymentError, match=r"the template has \d+ resources, and CloudFormation takes 500: "):
        document(planned(many(count)), form)


def test_resources_are_counted_as_they_will_be(form: str) -> None:
    """SAM makes a resource of each event, so the same plan is refused in both forms, or in none."""

    def fits(count: int, form: str) -> bool:
        try:
            document(planned(many(count)), form)
        except DeploymentError:
            return False
        return True

    assert [fits(count, "sam") for count in range(48, 60)] == [fits(count, "cloudformation") for count in range(48, 60)]


def test_an_environment_over_lambdas_limit_is_refused(form: str) -> None:
    with pytest.raises(DeploymentError, match="the environment of CommandsFunction has about 5,"):
        document(planned(shop(), {"environment": {"BIG": "x" * 5000}}), form)


def test_a_role_over_iams_limit_is_refused(form: str) -> None:
    allow = [{"actions": ["s3:GetObject"], "resources": [f"arn:aws:s3:::{'b' * 50}{n}/*" for n in range(200)]}]
    with pytest.raises(DeploymentError, match="the role of CommandsFunction has about 1"):
        document(planned(shop(), {"commands": {"allow": allow}}), form)
