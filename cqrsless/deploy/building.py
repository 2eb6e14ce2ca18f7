"""A stack while it is planned: each function with its role, each queue with its dead letters, every id taken once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from . import permissions
from .configuration import Configuration, FunctionSettings
from .naming import Ids, suffix
from .permissions import Grants
from .plan import LIVE, Bucket, Function, Layer, Queue, QueueMapping, Role, Route, Rule, StreamMapping, Table
from .values import Attribute, Place, Text, arn, named, text

__all__ = ["Stack"]

#: Seconds, SQS's longest.
_LONGEST_VISIBILITY: Final = 43_200
#: The longest end of a bucket's name: with account, region and prefix it fits 63 characters.
BUCKET_SUFFIX: Final = 12
UNDELIVERED: Final = "UndeliveredQueue"
#: Seconds that a function has by default: as long as API Gateway waits for an answer; and long enough for a slice of a
#: replay to be worth its start.
SERVING, REACTING = 30, 60
SCHEDULES: Final = "ScheduleGroup"
SCHEDULER: Final = "SchedulerRole"


class Stack:
    """Collects the resources of a plan."""

    def __init__(self, configuration: Configuration, application: str) -> None:
        self.configuration = configuration
        self.application = application
        self.ids = Ids()
        self._ends = Ids()
        self._queue_ends = Ids()
        self.tables: list[Table] = []
        self.functions: list[Function] = []
        self.roles: list[Role] = []
        self.queues: list[Queue] = []
        self.stream_mappings: list[StreamMapping] = []
        self.queue_mappings: list[QueueMapping] = []
        self.buckets: list[Bucket] = []
        self.rules: list[Rule] = []
        self.routes: list[Route] = []
        #: The ARNs by which schedules invoke functions.
        self.scheduling: list[Text] = []
        #: The most characters that the ends of names leave to the prefix.
        self.room = 40

    def name(self, end: str, longest: int) -> Text:
        """Name something of the stack, and note how long that lets its prefix be."""
        self.room = min(self.room, longest - len(end) - 1)
        return named(end)

    def layers(self) -> Iterator[Layer | str]:
        """Plan what lies beneath the code of every function: a layer for each zip, others by their ARN."""
        made = 0
        for layer in self.configuration.layers:
            if layer.startswith("arn:"):
                yield layer
            else:
                made += 1
                end = "" if made == 1 else str(made)
                yield Layer(self.ids.take(f"Layer{end}", f"the layer of {layer}"), self.name(f"layer{end}", 64), layer)

    def function(
        self,
        base: str,
        name: str,
        what: str,
        processor: str | None,
        grants: Grants,
        *,
        settings: FunctionSettings | None = None,
        environment: Mapping[str, Text] | None = None,
        consumers: tuple[str, ...] = (),
        reserved: bool = True,
        schedules: bool = False,
        continues: bool = False,
        unattended: bool = False,
    ) -> Function:
        """Plan a function with a role of its own; `unattended` is one that S3 invokes, with nobody waiting."""
        settings = settings or FunctionSettings()
        config = self.configuration
        id = self.ids.take(f"{base}Function", what)
        self._ends.take(suffix(name), what)
        full_name = self.name(suffix(name), 64)
        log_group = text("/aws/lambda/", *full_name)
        snapstart = config.snapstart if settings.snapstart is None else settings.snapstart
        invoked = arn("lambda", ["function:", *full_name, *([f":{LIVE}"] if snapstart else [])])
        variables: dict[str, Text] = {
            "CQRSLESS_APP": text(self.application),
            "CQRSLESS_STORE": text("dynamodb://", Place.PREFIX),
        }
        if processor is not None:
            variables["CQRSLESS_PROCESSOR"] = text(processor)
        if schedules:
            self.scheduling.append(invoked)
            permissions.schedules(grants, SCHEDULES, SCHEDULER)
            variables["CQRSLESS_SCHEDULER_TARGET"] = invoked
            variables["CQRSLESS_SCHEDULER_ROLE"] = text(Attribute(SCHEDULER, "arn"))
            variables["CQRSLESS_SCHEDULER_GROUP"] = text(Attribute(SCHEDULES, "name"))
        variables.update(environment or {})
        own = {**config.environment, **settings.environment}
        variables.update({key: text(value) for key, value in own.items()})
        if continues:
            permissions.invokes(grants, invoked)
        unattended = unattended or schedules or continues
        if unattended:
            self.undelivered()
            permissions.sends(grants, UNDELIVERED)
        grants.allow(settings.allow)
        permissions.logs(grants, log_group)
        role = self.ids.take(f"{base}Role", f"the role of {what}")
        self.roles.append(Role(role, full_name, "lambda.amazonaws.com", grants.statements()))
        made = Function(
            id,
            full_name,
            processor=processor,
            consumers=consumers,
            description=what[0].upper() + what[1:],
            role=role,
            memory=settings.memory or config.memory,
            timeout=self.timeout_of(settings, continues=continues),
            concurrency=settings.concurrency if reserved else None,
            environment=MappingProxyType(variables),
            log_group=self.ids.take(f"{base}Logs", f"the log of {what}"),
            log_days=config.log_days,
            undelivered=UNDELIVERED if unattended else None,
            continues=continues,
            snapstart=snapstart,
        )
        self.functions.append(made)
        return made

    def timeout_of(self, settings: FunctionSettings, *, continues: bool = False) -> int:
        return settings.timeout or self.configuration.timeout or (REACTING if continues else SERVING)

    def queue(
        self, base: str, name: str, what: str, timeout: int, receives: int, *, fifo: bool = False
    ) -> tuple[str, str]:
        """Plan a queue with its dead-letter queue; give the ids of both."""
        end = ".fifo" if fifo else ""
        plain = suffix(name)
        letters = self.ids.take(f"{base}DeadLetters", f"the dead letters of {what}")
        # Six times the function's time-out: Lambda's own advice for queues that it reads.
        visibility = min(6 * timeout, _LONGEST_VISIBILITY)
        for called, whose in ((f"{plain}-dead-letters{end}", "the dead letters of"), (f"{plain}{end}", "the queue of")):
            self._queue_ends.take(called, f"{whose} {what}")
        self.queues.append(Queue(letters, self.name(f"{plain}-dead-letters{end}", 80), fifo, visibility, "letters"))
        id = self.ids.take(f"{base}Queue", f"the queue of {what}")
        self.queues.append(Queue(id, self.name(f"{plain}{end}", 80), fifo, visibility, "work", letters, receives))
        return id, letters

    def undelivered(self) -> None:
        """Plan the queue for what was sent to a function with nobody waiting for an answer, and failed."""
        if not any(queue.id == UNDELIVERED for queue in self.queues):
            self.ids.take(UNDELIVERED, "the queue of what could not be delivered")
            self.queues.append(Queue(UNDELIVERED, self.name("undelivered", 80), False, 30, "letters"))

    def feed_from_queue(
        self, function: str, queue: str, batch_size: int, concurrency: int | None = None, window: int = 0
    ) -> None:
        id = self.ids.take(f"{queue}Mapping", f"what feeds {function} from {queue}")
        self.queue_mappings.append(QueueMapping(id, function, queue, batch_size, window, concurrency))

    def feed_from_stream(
        self,
        base: str,
        function: str,
        table: str,
        *,
        batch_size: int,
        window: int,
        retries: int,
        bisect: bool = False,
        parallel: int = 1,
        filters: Iterable[str] = (),
        bucket: str | None = None,
    ) -> None:
        id = self.ids.take(f"{base}StreamMapping", f"what feeds {function} from {table}")
        self.stream_mappings.append(
            StreamMapping(id, function, table, batch_size, window, retries, bisect, parallel, tuple(filters), bucket)
        )

    def bucket_name(self, name: str) -> Text:
        """Name the bucket of what Lambda gives up on. All the world shares S3's names, so it says whose it is."""
        end = suffix(name, BUCKET_SUFFIX)
        self.room = min(self.room, 63 - len(end) - 1 - len("-123456789012") - len("-ap-southeast-1"))
        return text(*named(end), "-", Place.ACCOUNT, "-", Place.REGION)

    def bucket(self, base: str, name: str, what: str, function: str) -> str:
        id = self.ids.take(f"{base}GivenUp", f"the bucket of what {what} could not handle")
        permission = self.ids.take(f"{base}GivenUpPermission", f"the permission of the bucket of {what}")
        self.buckets.append(
            Bucket(id, self.bucket_name(name), function, permission, days=30, kept=self.configuration.protect)
        )
        return id
