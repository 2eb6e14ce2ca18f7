"""What a stack consists of, in no tool's own form: every resource with its settings, all names resolved.

The plan is made of the registry and the configuration alone (`planning`); `cloudformation` and `sam` write it down.
`id` is what a template calls a resource, and what other resources of the plan name it by.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from .values import Text

__all__ = [
    "LIVE",
    "Alarm",
    "Api",
    "Bucket",
    "Bus",
    "Dashboard",
    "Function",
    "Layer",
    "Plan",
    "Queue",
    "QueueMapping",
    "Resource",
    "Role",
    "Route",
    "Rule",
    "Statement",
    "StreamMapping",
    "Table",
    "Topic",
    "Url",
]

#: What the version that is in use is called.
LIVE: Final = "live"
Authorization: TypeAlias = Literal["iam", "jwt", "open"]


@dataclass(frozen=True, slots=True)
class Resource:
    """Something with an id of its own and a name on AWS."""

    id: str
    name: Text


@dataclass(frozen=True, slots=True)
class Table(Resource):
    """A table on demand; `expires` is the attribute with the second after which an item may be removed."""

    partition: str
    sort: str
    sort_type: Literal["S", "N"]
    streamed: bool
    expires: str | None
    protected: bool
    recovery: bool


@dataclass(frozen=True, slots=True)
class Statement:
    """Something that a role allows."""

    actions: tuple[str, ...]
    resources: tuple[Text, ...]
    #: For `iam:PassRole`, the only service that the role may be given to.
    passed_to: str | None = None


@dataclass(frozen=True, slots=True)
class Role(Resource):
    """What a service may do where it takes this role."""

    service: str
    statements: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Function(Resource):
    """A Lambda function. `undelivered` is the queue for what was sent to it with nobody waiting, and failed."""

    processor: str | None
    #: What takes commits in it, by the names that letters and metrics have.
    consumers: tuple[str, ...]
    description: str
    role: str
    memory: int
    timeout: int
    concurrency: int | None
    environment: Mapping[str, Text]
    log_group: str
    log_days: int
    undelivered: str | None
    #: Whether it invokes itself to go on with a replay.
    continues: bool
    #: Whether it starts from a snapshot; only a published version does, so all that invokes it names the alias.
    snapstart: bool

    @property
    def alias(self) -> str | None:
        """The name of what is invoked in its place: the newest version of it that was published."""
        return LIVE if self.snapstart else None


@dataclass(frozen=True, slots=True)
class Layer(Resource):
    """A layer of the stack, made of a zip."""

    file: str


@dataclass(frozen=True, slots=True)
class Queue(Resource):
    """An SQS queue: of work, of what nobody could handle (`letters`), or a publisher's target.

    `visibility` is in seconds, `receives` how often a message comes before it is a dead letter.
    """

    fifo: bool
    visibility: int
    kind: Literal["work", "letters", "target"]
    dead_letters: str | None = None
    receives: int = 0


@dataclass(frozen=True, slots=True)
class StreamMapping:
    """What feeds a function from a table's stream; endless retries are -1."""

    id: str
    function: str
    table: str
    batch_size: int
    window: int
    retries: int
    bisect: bool
    parallel: int
    filters: tuple[str, ...]
    bucket: str | None


@dataclass(frozen=True, slots=True)
class QueueMapping:
    """What feeds a function from a queue; `concurrency` bounds how many of it run at once for that."""

    id: str
    function: str
    queue: str
    batch_size: int
    window: int
    concurrency: int | None


@dataclass(frozen=True, slots=True)
class Bucket(Resource):
    """Where Lambda puts the records that it gave up on; each object invokes the function, which parks what it holds."""

    function: str
    permission: str
    days: int
    kept: bool


@dataclass(frozen=True, slots=True)
class Rule(Resource):
    """Brings external events from a bus to a queue."""

    bus: str
    source: tuple[str, ...]
    names: tuple[str, ...]
    queue: str
    policy: str


@dataclass(frozen=True, slots=True)
class Bus(Resource):
    """A bus that publishers send to and that belongs to this stack."""


@dataclass(frozen=True, slots=True)
class Topic(Resource):
    """A topic that publishers send to and that belongs to this stack."""

    fifo: bool


@dataclass(frozen=True, slots=True)
class Route:
    """One route of the API; `path` as HTTP APIs write it."""

    id: str
    method: str
    path: str


@dataclass(frozen=True, slots=True)
class Api(Resource):
    """An HTTP API in front of the function for commands and queries."""

    function: str
    authorization: Authorization
    issuer: str | None
    audience: tuple[str, ...]
    routes: tuple[Route, ...]
    log_group: str
    log_days: int


@dataclass(frozen=True, slots=True)
class Url:
    """A function's own URL."""

    id: str
    function: str
    authorization: Authorization


@dataclass(frozen=True, slots=True)
class Alarm(Resource):
    """Rings where a metric, over `periods` of `period` seconds, is above `threshold`."""

    description: str
    namespace: str
    metric: str
    statistic: str
    dimensions: Mapping[str, Text]
    threshold: float
    period: int
    periods: int


@dataclass(frozen=True, slots=True)
class Dashboard(Resource):
    """Graphs; `widgets` is CloudWatch's own document, whose texts may be of the plan's kind."""

    widgets: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole stack."""

    application: str
    prefix: str
    longest_prefix: int
    runtime: str
    architecture: str
    #: What every function has beneath its code: layers of the stack, and others by their ARN; a later one lies above.
    layers: tuple[Layer | str, ...]
    tables: tuple[Table, ...]
    functions: tuple[Function, ...]
    roles: tuple[Role, ...]
    queues: tuple[Queue, ...]
    stream_mappings: tuple[StreamMapping, ...]
    queue_mappings: tuple[QueueMapping, ...]
    buckets: tuple[Bucket, ...]
    rules: tuple[Rule, ...]
    buses: tuple[Bus, ...]
    topics: tuple[Topic, ...]
    api: Api | None
    urls: tuple[Url, ...]
    schedule_group: Resource | None
    alarms: tuple[Alarm, ...]
    dashboard: Dashboard | None
    #: The folder or zip of the code, and the zip: that one, or what `cqrsless package` makes.
    code: str
    package: str
    #: What its code, and the layers beneath it, were when this was planned, for formats that have to tell new code.
    code_digests: tuple[str, ...] = ()

    def function(self, id: str) -> Function:
        return next(one for one in self.functions if one.id == id)

    def role_of(self, function: Function) -> Role:
        return next(one for one in self.roles if one.id == function.role)
