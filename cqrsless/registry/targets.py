"""Where public events go: a publisher's `to=`, brought to the one form that everything else reads.

That form is `service://name`, with a name, an ARN or a queue's URL behind. ARNs and the URLs of SQS say of which
service they are, so they may be written alone.
"""

from __future__ import annotations

import re
from typing import Final

from .names import wrong
from .places import Place

__all__ = ["QUEUE_URL", "target_of"]

#: A queue's URL at SQS itself: region, account and name. Of another endpoint nobody can tell that it is one of SQS.
QUEUE_URL: Final = re.compile(
    r"https?://(?:sqs\.)?([a-z]{2}(?:-[a-z]+)+-\d)\.(?:queue\.)?amazonaws\.com(?:\.cn)?/(\d+)/([\w.-]+)"
)
_ARN: Final = re.compile(r"arn:aws(?:-[a-z]+)*:(?:events:[^:]+:\d+:event-bus/|(?:sns|sqs):[^:]+:\d+:)[^:]+")
_SCHEMES: Final = {"events": "eventbridge", "sns": "sns", "sqs": "sqs"}
_THERE_IS: Final = (
    '"eventbridge://bus", "sns://topic" and "sqs://queue", by name or ARN, the ARN of a bus, topic or queue alone, and '
    "the https:// URL of a queue"
)


def target_of(place: Place, to: object) -> str:
    """Give a target with its scheme, or raise what is wrong with it."""
    if isinstance(to, str) and to.isprintable():
        if to.startswith("arn:"):
            return _of_arn(place, to)
        if QUEUE_URL.fullmatch(to):
            return f"sqs://{to}"
        scheme, _, name = to.partition("://")
        if scheme in _SCHEMES.values() and name:
            if name.startswith("arn:"):
                _check_service(place, to, scheme, name)
            return to
    raise wrong(place, f"to={to!r} is not one of {_THERE_IS}")


def _of_arn(place: Place, arn: str) -> str:
    if not _ARN.fullmatch(arn):
        raise wrong(place, f"to={arn!r} is the ARN of no bus, topic or queue; there is {_THERE_IS}")
    return f"{_SCHEMES[arn.split(':')[2]]}://{arn}"


def _check_service(place: Place, to: str, scheme: str, arn: str) -> None:
    service = [*arn.split(":"), "", ""][2]
    if _SCHEMES.get(service) == scheme:
        return
    if service in _SCHEMES:
        raise wrong(place, f"to={to!r} names {scheme} and has the ARN of {_SCHEMES[service]}: write {arn!r} alone")
    raise wrong(place, f"to={to!r} has the ARN of no bus, topic or queue; there is {_THERE_IS}")
