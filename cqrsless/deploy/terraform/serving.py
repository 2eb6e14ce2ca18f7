"""How the function for commands and queries is reached over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ..plan import Api, Url
from ..serving import LOGGED
from ..values import text
from .texts import Block, Made, Template, Texts, made

__all__ = ["function_url", "http_api"]


def http_api(texts: Texts, api: Api) -> Iterator[Made]:
    address = texts.address(api.id)
    of_it: Block = {"api_id": address.of("id")}
    yield made(address, {"name": api.name, "protocol_type": "HTTP"})
    authorization: Block = {"authorization_type": "AWS_IAM"}
    if api.authorization == "jwt":
        authorizer = texts.beside(api.id, "aws_apigatewayv2_authorizer")
        jwt = {"issuer": api.issuer, "audience": list(api.audience)}
        asks = {"authorizer_type": "JWT", "identity_sources": [r"$request.header.Authorization"]}
        yield made(authorizer, {**of_it, "name": "jwt", **asks, "jwt_configuration": jwt})
        authorization = {"authorization_type": "JWT", "authorizer_id": authorizer.of("id")}
    elif api.authorization == "open":
        authorization = {"authorization_type": "NONE"}
    integration = texts.beside(api.id, "aws_apigatewayv2_integration")
    yield made(
        integration,
        {
            **of_it,
            "integration_type": "AWS_PROXY",
            "integration_uri": texts.invoked(api.function),
            "payload_format_version": "2.0",
        },
    )
    target = Template(f"integrations/{integration.of('id')}")
    for route in api.routes:
        key = f"{route.method} {route.path}"
        yield made(texts.address(route.id), {**of_it, "route_key": key, "target": target, **authorization})
    log = texts.beside(api.id, "aws_cloudwatch_log_group")
    yield made(log, {"name": text("/aws/http/", *api.name), "retention_in_days": api.log_days})
    yield made(
        texts.beside(api.id, "aws_apigatewayv2_stage"),
        {
            **of_it,
            "name": "$default",
            "auto_deploy": True,
            "access_log_settings": {"destination_arn": log.of("arn"), "format": LOGGED},
        },
    )
    yield made(
        texts.beside(api.id, "aws_lambda_permission"),
        {
            **texts.target(api.function),
            "action": "lambda:InvokeFunction",
            "principal": "apigateway.amazonaws.com",
            "source_arn": Template(f"{address.of('execution_arn')}/*"),
        },
    )


def function_url(texts: Texts, url: Url) -> Iterator[Made]:
    open_to_all = url.authorization == "open"
    of_it = texts.target(url.function)
    yield made(texts.address(url.id), {**of_it, "authorization_type": "NONE" if open_to_all else "AWS_IAM"})
    if open_to_all:  # a URL asks for both, and the second is good by a URL alone
        everybody: Block = {**of_it, "principal": "*"}
        permission = texts.beside(url.id, "aws_lambda_permission")
        yield made(permission, {**everybody, "action": "lambda:InvokeFunctionUrl", "function_url_auth_type": "NONE"})
        yield made(
            replace(permission, name=f"{permission.name}_invoke"),
            {**everybody, "action": "lambda:InvokeFunction", "invoked_via_function_url": True},
        )
