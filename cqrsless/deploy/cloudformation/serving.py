"""How the function for commands and queries is reached over HTTP."""

from __future__ import annotations

from collections.abc import Iterator

from ..plan import Api, Url
from ..serving import LOGGED
from .texts import Document, Made, Texts, arn_of, made, ref

__all__ = ["function_url", "http_api"]


def http_api(texts: Texts, api: Api) -> Iterator[Made]:
    authorizer = f"{api.id}Authorizer"
    authorization: Document = {"AuthorizationType": "AWS_IAM"}
    yield made(api.id, "AWS::ApiGatewayV2::Api", {"Name": texts.text(api.name), "ProtocolType": "HTTP"})
    if api.authorization == "jwt":
        yield made(
            authorizer,
            "AWS::ApiGatewayV2::Authorizer",
            {
                "ApiId": ref(api.id),
                "Name": "jwt",
                "AuthorizerType": "JWT",
                "IdentitySource": ["$request.header.Authorization"],
                "JwtConfiguration": {"Issuer": api.issuer, "Audience": list(api.audience)},
            },
        )
        authorization = {"AuthorizationType": "JWT", "AuthorizerId": ref(authorizer)}
    elif api.authorization == "open":
        authorization = {"AuthorizationType": "NONE"}
    integration = f"{api.id}Integration"
    yield made(
        integration,
        "AWS::ApiGatewayV2::Integration",
        {
            "ApiId": ref(api.id),
            "IntegrationType": "AWS_PROXY",
            "IntegrationUri": texts.invoked_arn(api.function),
            "PayloadFormatVersion": "2.0",
        },
    )
    for route in api.routes:
        yield made(
            route.id,
            "AWS::ApiGatewayV2::Route",
            {
                "ApiId": ref(api.id),
                "RouteKey": f"{route.method} {route.path}",
                "Target": {"Fn::Sub": f"integrations/${{{integration}}}"},
                **authorization,
            },
        )
    yield made(
        api.log_group,
        "AWS::Logs::LogGroup",
        {"LogGroupName": texts.text(("/aws/http/", *api.name)), "RetentionInDays": api.log_days},
    )
    yield made(
        f"{api.id}Stage",
        "AWS::ApiGatewayV2::Stage",
        {
            "ApiId": ref(api.id),
            "StageName": "$default",
            "AutoDeploy": True,
            "AccessLogSettings": {"DestinationArn": arn_of(api.log_group), "Format": LOGGED},
        },
    )
    called = f"arn:${{AWS::Partition}}:execute-api:${{AWS::Region}}:${{AWS::AccountId}}:${{{api.id}}}/*"
    yield made(
        f"{api.id}Permission",
        "AWS::Lambda::Permission",
        {
            "FunctionName": texts.invoked(api.function),
            "Action": "lambda:InvokeFunction",
            "Principal": "apigateway.amazonaws.com",
            "SourceArn": {"Fn::Sub": called},
        },
    )


def function_url(texts: Texts, url: Url) -> Iterator[Made]:
    open_to_all = url.authorization == "open"
    yield made(
        url.id,
        "AWS::Lambda::Url",
        {"TargetFunctionArn": texts.invoked(url.function), "AuthType": "NONE" if open_to_all else "AWS_IAM"},
    )
    if open_to_all:  # a URL asks for both, and the second is good by a URL alone
        everybody = {"FunctionName": texts.invoked(url.function), "Principal": "*"}
        yield made(
            f"{url.id}Permission",
            "AWS::Lambda::Permission",
            {**everybody, "Action": "lambda:InvokeFunctionUrl", "FunctionUrlAuthType": "NONE"},
        )
        yield made(
            f"{url.id}InvokePermission",
            "AWS::Lambda::Permission",
            {**everybody, "Action": "lambda:InvokeFunction", "InvokedViaFunctionUrl": True},
        )
