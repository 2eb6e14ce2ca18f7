"""The settings of a deployment, for type checkers and editors: `cqrsless.deploy.configuration` says what they mean.

Nothing imports this when it runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from typing_extensions import TypedDict

if TYPE_CHECKING:
    from .records import ProcessorRecord

__all__ = ["DeploymentSettings"]


class Allowed(TypedDict):
    actions: Sequence[str]
    resources: Sequence[str]


class FunctionSettings(TypedDict, total=False):
    memory: int
    timeout: int
    concurrency: int
    environment: Mapping[str, str]
    allow: Sequence[Allowed]
    snapstart: bool


class ProcessorSettings(FunctionSettings, total=False):
    batch_size: int
    batching_window: int
    parallel: int
    commands: bool
    schedules: bool
    bus: str | Literal[False]


class HttpSettings(TypedDict, total=False):
    authorizer: Literal["iam", "jwt"]
    issuer: str
    audience: Sequence[str]
    open: bool
    function_url: bool


class DeploymentSettings(TypedDict, total=False):
    memory: int
    timeout: int
    snapstart: bool
    log_days: int
    protect: bool
    recovery: bool
    alarms: bool
    create_targets: Sequence[str] | Literal[True]
    environment: Mapping[str, str]
    commands: FunctionSettings
    http: HttpSettings
    processors: Mapping[str | ProcessorRecord, ProcessorSettings]
