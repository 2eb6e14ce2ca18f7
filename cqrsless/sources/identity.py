"""Who asks, as the API's authorizer has found out. Nothing else is believed: no header, no body, no metadata."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from ..messages import NOTHING
from .documents import shown

__all__ = ["NOBODY", "Identity", "of_http_api", "of_rest_api"]

log: Final = logging.getLogger("cqrsless.sources")


class Identity(NamedTuple):
    actor: str | None
    claims: Mapping[str, Any]


#: What of a REST API's `identity` IAM has checked; the rest of it comes from the request.
_CALLER: Final = (
    "accountId",
    "caller",
    "user",
    "userArn",
    "principalOrgId",
    "cognitoIdentityId",
    "cognitoIdentityPoolId",
    "cognitoAuthenticationType",
    "cognitoAuthenticationProvider",
)

#: An ARN is at most 2,048 characters long; the actor is stored with every commit.
LONGEST_ACTOR: Final = 2_048

NOBODY: Final = Identity(None, NOTHING)


def of_http_api(context: Mapping[str, Any]) -> Identity:
    """Read the authorizer of an HTTP API (JWT, IAM or Lambda) or of a Function URL (IAM).

    >>> of_http_api({"authorizer": {"jwt": {"claims": {"sub": "u-1", "scope": "orders"}, "scopes": None}}})
    Identity(actor='u-1', claims={'sub': 'u-1', 'scope': 'orders'})
    """
    authorizer = _object(context, "authorizer") if "authorizer" in context else None
    if not authorizer:
        return NOBODY
    if authorizer.get("jwt") is not None:
        claims = _object(_object(authorizer, "jwt"), "claims")
        return _known(claims.get("sub"), claims)
    if authorizer.get("iam") is not None:
        caller = _object(authorizer, "iam")
        return _known(caller.get("userArn"), _without(caller, "accessKey"))
    if authorizer.get("lambda") is not None:
        claims = _object(authorizer, "lambda")
        return _known(claims.get("principalId", claims.get("sub")), claims)
    return _unread(f"it has {', '.join(map(shown, sorted(authorizer)[:10]))}")


def of_rest_api(context: Mapping[str, Any]) -> Identity:
    """Read the authorizer of a REST API (Cognito, Lambda or IAM), or of an HTTP API with payload format 1.0.

    >>> of_rest_api({"authorizer": {"principalId": "u-1", "tenant": "t-1", "integrationLatency": 12}})
    Identity(actor='u-1', claims={'tenant': 't-1'})
    """
    authorizer = _object(context, "authorizer")
    if authorizer.get("principalId") is not None:
        return _known(authorizer["principalId"], _without(authorizer, "principalId", "integrationLatency"))
    if authorizer.get("claims") is not None:
        claims = _object(authorizer, "claims")
        return _known(claims.get("sub"), claims)
    if _object(context, "identity").get("userArn") is not None:
        caller = _object(context, "identity")
        names = (
            "accountId",
            "caller",
            "user",
            "userArn",
            "principalOrgId",
            "cognitoIdentityId",
            "cognitoIdentityPoolId",
        )
        return _known(caller["userArn"], {name: caller[name] for name in names if caller.get(name) is not None})
    if any(value is not None for value in _without(authorizer, "claims", "scopes", "integrationLatency").values()):
        return _known(authorizer.get("sub"), _without(authorizer, "integrationLatency"))  # a Lambda's, in format 1.0
    return NOBODY


def _known(actor: Any, claims: Mapping[str, Any]) -> Identity:
    if actor is None:
        return Identity(None, claims) if claims else NOBODY
    if not isinstance(actor, str) or not 0 < len(actor) <= LONGEST_ACTOR or not actor.isprintable():
        return _unread(f"it names {shown(actor)}")
    return Identity(actor, claims)


def _unread(why: str) -> Identity:
    log.warning("nobody is known, because the authorizer's context has no shape that is read: %s", why)
    return NOBODY


def _object(parent: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = parent.get(name)
    if isinstance(value, Mapping):
        return value
    if value is not None:
        _unread(f"'{name}' is {shown(value)}")
    return NOTHING


def _without(parent: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in parent.items() if name not in names}
