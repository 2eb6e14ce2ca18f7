"""The second argument of a function, as Lambda gives it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from random import Random
from uuid import UUID


class LambdaContext:
    """Lambda's context object for one invocation, with the attributes that its Python runtime documents.

    >>> context = LambdaContext("mailer", "0b8f7c5e-0000-4000-8000-000000000000")
    >>> context.invoked_function_arn, context.get_remaining_time_in_millis() > 0
    ('arn:aws:lambda:local:000000000000:function:mailer', True)
    """

    def __init__(
        self,
        function_name: str,
        aws_request_id: str,
        *,
        clock: Callable[[], datetime] | None = None,
        seconds: float = 60,
        memory_limit_in_mb: int = 512,
    ) -> None:
        self.function_name = function_name
        self.function_version = "$LATEST"
        self.invoked_function_arn = f"arn:aws:lambda:local:000000000000:function:{function_name}"
        self.memory_limit_in_mb = memory_limit_in_mb
        self.aws_request_id = aws_request_id
        self.log_group_name = f"/aws/lambda/{function_name}"
        self.log_stream_name = "local"
        self.identity = None
        self.client_context = None
        self._clock = clock
        self._deadline = (clock().timestamp() if clock else 0.0) + seconds

    def get_remaining_time_in_millis(self) -> int:
        now = self._clock().timestamp() if self._clock else 0.0
        return max(0, int((self._deadline - now) * 1000))


def request_id(random: Random) -> str:
    """Make up the id of an invocation from a source of randomness, so that a seed gives the same ones again."""
    return str(UUID(int=random.getrandbits(128), version=4))
