"""From the registry and the configuration to the plan of a stack."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from ..registry import Model, did_you_mean
from ..store import KEYS
from ..stores.dynamodb_tables import EXPIRES
from . import permissions, watching
from .building import SCHEDULER, SCHEDULES, Stack
from .configuration import Configuration, ProcessorSettings, package_of
from .filters import patterns
from .groups import INDEXER, Group, groups
from .naming import DeploymentError, identifier, suffix
from .permissions import Grants
from .plan import Bus, Plan, Queue, Resource, Role, Rule, Statement, Table, Topic
from .reach import Reach, reach
from .serving import serving
from .targets import targets
from .values import Attribute, Text, arn, named, text

__all__ = ["plan", "prefix_of"]

#: A DynamoDB stream takes two readers; with more, one of them hands on to the others by FIFO queues.
READERS: Final = 2
#: What the function is called that runs more tracking processors than can read the log by themselves.
SHARED: Final = "tracking"
#: How much oftener than a processor's own retries a record comes: it parks what fails before Lambda gives it up.
SPARE: Final = 5
_PREFIX: Final = re.compile(r"[a-z][a-z0-9-]*")


def prefix_of(application: str, model: Model, configuration: Configuration) -> str:
    """Give what names begin with by default: the configuration's, else the registry's, else the module's.

    A module that is only called `app` gives its package's name.
    """
    if configuration.name is not None:
        if not _PREFIX.fullmatch(configuration.name):
            raise DeploymentError(
                f"name is {configuration.name!r}, and begins every name of the stack, buckets among them: a letter and "
                f"then letters, digits and '-', all small; write {suffix(configuration.name) or 'orders'!r}"
            )
        return configuration.name
    if model.name != "default":
        return suffix(model.name)
    words = [word for word in application.partition(":")[0].split(".") if word not in ("app", "main")]
    return suffix(words[-1] if words else "app").lstrip("0123456789-") or "app"


def plan(model: Model, configuration: Configuration, application: str) -> Plan:
    """Plan the stack of an application; raise `DeploymentError` for what cannot be deployed, with what to change."""
    found = groups(model)
    stack = Stack(configuration, application)
    _tables(stack)
    api, urls = serving(stack, model)
    subscribing = [group for group in found if not group.external and not group.tracking]
    tracking = [group for group in found if group.tracking]
    _check_processors(configuration, found, tracking if len(tracking) > READERS else ())
    reaches = {group.name: _reach(group, model, configuration) for group in found}
    fans_out = len(subscribing) + bool(tracking) > READERS
    for group in found:
        if group.external:
            _external(stack, group, model, reaches[group.name])
    for group in subscribing:
        if fans_out:
            _queued(stack, group, model, reaches[group.name])
        else:
            _streamed(stack, group, model, reaches[group.name])
    if fans_out:
        _fan_out(stack, subscribing)
    if tracking:
        _indexer(stack)
        _tracking(stack, tracking, model, reaches)
    buses, topics = _created_targets(stack, model)
    schedule_group = _schedules(stack) if stack.scheduling else None
    prefix = prefix_of(application, model, configuration)
    _check_room(prefix, stack)
    alarms, dashboard = watching.watch(stack, api) if configuration.alarms else ((), None)
    return Plan(
        application=application,
        prefix=prefix,
        longest_prefix=stack.room,
        runtime=configuration.runtime,
        architecture=configuration.architecture,
        layers=tuple(stack.layers()),
        tables=tuple(stack.tables),
        functions=tuple(stack.functions),
        roles=tuple(stack.roles),
        queues=tuple(stack.queues),
        stream_mappings=tuple(stack.stream_mappings),
        queue_mappings=tuple(stack.queue_mappings),
        buckets=tuple(stack.buckets),
        rules=tuple(stack.rules),
        buses=buses,
        topics=topics,
        api=api,
        urls=urls,
        schedule_group=schedule_group,
        alarms=alarms,
        dashboard=dashboard,
        code=configuration.code,
        package=code if (code := configuration.code).endswith(".zip") else package_of(configuration, application),
    )


def _tables(stack: Stack) -> None:
    for table, (partition, sort) in KEYS.items():
        stack.tables.append(
            Table(
                stack.ids.take(f"{identifier(table)}Table", f"the table of the {table}"),
                stack.name(table, 255),
                partition=partition,
                sort=sort,
                sort_type="S" if table == "views" else "N",
                streamed=table != "views",
                expires=EXPIRES if table == "views" else None,
                protected=stack.configuration.protect,
                recovery=stack.configuration.recovery,
            )
        )


def _check_processors(configuration: Configuration, found: Sequence[Group], sharing: Sequence[Group]) -> None:
    """Refuse settings of what is not there; and of one processor, where it shares a function that others set up."""
    known = [*(group.name for group in found), INDEXER, *([SHARED] if sharing else ())]
    for name, settings in configuration.processors.items():
        own = [key for key in settings.said if key not in ("", "commands", "schedules")]
        if own and name != SHARED and any(name == group.name for group in sharing):
            raise DeploymentError(
                f"{settings.said[own[0]]} has {own[0]!r}, and {name!r} is one of {len(sharing)} tracking processors, "
                f"which share a function: say it of {SHARED!r}, as in [tool.cqrsless.processors.{SHARED}]"
            )
        if name not in known:
            hint = did_you_mean(name, known) or f"; there is {', '.join(known)}"
            raise DeploymentError(f"{settings.where} is of no processor of the application{hint}")


def _check_room(prefix: str, stack: Stack) -> None:
    if len(prefix) > stack.room:
        raise DeploymentError(
            f"the prefix {prefix!r} has {len(prefix)} characters, and the names behind it leave room for {stack.room}: "
            'write a shorter one, name = "..." in [tool.cqrsless]'
        )


def _reach(group: Group, model: Model, configuration: Configuration) -> Reach:
    settings = configuration.of(group.name)
    read = reach(group.handlers, model.resources)
    commands = read.commands if settings.commands is None else settings.commands
    schedules = read.schedules if settings.schedules is None else settings.schedules
    return Reach(commands, schedules)


def _grants(group: Group, model: Model, reach: Reach, *, queued: bool) -> Grants:
    grants = Grants()
    permissions.reacts(grants, group, model, reach, queued=queued)
    if reach.commands:
        permissions.executes(grants, model)
    return grants


# -- what feeds a function


def _external(stack: Stack, group: Group, model: Model, reach: Reach) -> None:
    """External events come from a bus through a queue, which keeps them while a handler fails."""
    settings = stack.configuration.of(group.name)
    base, what = identifier(group.name), f"the processor {group.name!r}"
    queue, _ = stack.queue(base, group.name, what, stack.timeout_of(settings), receives=_retries(group) + 1)
    grants = Grants()
    if reach.commands:
        permissions.executes(grants, model)
    if group.reads_views:
        permissions.reads_views(grants)
    permissions.reads_queue(grants, queue)
    function = _function(stack, group, what, grants, settings, reach, reserved=False)
    size = settings.batch_size or 10
    window = max(settings.batching_window, 1) if size > 10 else settings.batching_window  # Lambda asks for it
    stack.feed_from_queue(function, queue, size, _at_once(group, settings), window)
    if settings.bus:
        sources: dict[str, None] = {handler.source: None for handler in group.handlers if handler.source}
        names = dict.fromkeys(name for handler in group.handlers for name in handler.names)
        stack.rules.append(
            Rule(
                stack.ids.take(f"{base}Rule", f"the rule of {what}"),
                stack.name(suffix(group.name), 64),
                settings.bus,
                tuple(sources),
                tuple(names),
                queue,
                stack.ids.take(f"{base}QueuePolicy", f"the policy of the queue of {what}"),
            )
        )


def _streamed(stack: Stack, group: Group, model: Model, reach: Reach) -> None:
    """Commits come from the stream itself; what Lambda gives up on goes to a bucket, and parks from there."""
    settings = stack.configuration.of(group.name)
    base, what = identifier(group.name), _what(group)
    grants = _grants(group, model, reach, queued=False)
    permissions.reads_stream(grants, "EventsTable")
    permissions.gives_up_to(grants, text(*arn("s3", stack.bucket_name(group.name), regional=False)))
    function = _function(stack, group, what, grants, settings, reach, unattended=True)
    stack.feed_from_stream(
        base,
        function,
        "EventsTable",
        batch_size=settings.batch_size or 100,
        window=settings.batching_window,
        retries=_retries(group) + SPARE,
        bisect=True,
        parallel=settings.parallel,
        filters=patterns(group.names),
        bucket=stack.bucket(base, group.name, what, function),
    )


def _queued(stack: Stack, group: Group, model: Model, reach: Reach) -> None:
    """Commits come by reference from a FIFO queue, in the order of each aggregate; its dead letters park them."""
    settings = stack.configuration.of(group.name)
    base, what = identifier(group.name), _what(group)
    timeout = stack.timeout_of(settings, continues=not group.publishers)
    queue, letters = stack.queue(base, group.name, what, timeout, receives=_retries(group) + SPARE, fifo=True)
    grants = _grants(group, model, reach, queued=True)
    for source in (queue, letters):
        permissions.reads_queue(grants, source)
    dead = {"CQRSLESS_DEAD_LETTERS": text(Attribute(letters, "arn"))}
    function = _function(stack, group, what, grants, settings, reach, environment=dead, reserved=False)
    stack.feed_from_queue(function, queue, min(settings.batch_size or 10, 10), _at_once(group, settings))
    stack.feed_from_queue(function, letters, 10)


def _fan_out(stack: Stack, subscribing: Sequence[Group]) -> None:
    """It runs no handler, so nothing of it is ever given up: while a queue does not take, the stream waits."""
    grants = Grants()
    permissions.reads_stream(grants, "EventsTable")
    parts: list[Text] = []
    for group in subscribing:
        queue = f"{identifier(group.name)}Queue"
        permissions.sends(grants, queue)
        parts.append(text(f"{group.name}=", Attribute(queue, "url")))
    setting = text(*(part for at, one in enumerate(parts) for part in (("," if at else ""), *one)))
    function = stack.function(
        "FanOut",
        "fan-out",
        "the function that hands commits on to the queues of their processors",
        None,
        grants,
        environment={"CQRSLESS_FANOUT": setting},
    )
    names = frozenset[str]().union(*(group.names for group in subscribing))
    stack.feed_from_stream(
        "FanOut", function.id, "EventsTable", batch_size=100, window=0, retries=-1, filters=patterns(names)
    )


def _indexer(stack: Stack) -> None:
    settings = stack.configuration.of(INDEXER)
    grants = Grants()
    permissions.indexes(grants)
    permissions.reads_stream(grants, "EventsTable")
    what = "the indexer, which appends to the log"
    function = stack.function("Indexer", INDEXER, what, INDEXER, grants, settings=settings)
    stack.feed_from_stream(
        "Indexer", function.id, "EventsTable", batch_size=settings.batch_size or 1000, window=1, retries=-1
    )


def _tracking(stack: Stack, tracking: Sequence[Group], model: Model, reaches: Mapping[str, Reach]) -> None:
    """Each reads the log's stream; where there are more than that takes, one function runs all of them."""
    shared = len(tracking) > READERS
    for group in tracking if not shared else tracking[:1]:
        settings = stack.configuration.of(SHARED if shared else group.name)
        members = tracking if shared else [group]
        grants = Grants()
        for member in members:
            permissions.reacts(grants, member, model, reaches[member.name], queued=False)
        commands = any(reaches[member.name].commands for member in members)
        if commands:
            permissions.executes(grants, model)
        permissions.tracks(grants)
        permissions.reads_stream(grants, "LogTable")
        schedules = any(reaches[member.name].schedules for member in members)
        base = "Tracking" if shared else identifier(group.name)
        function = stack.function(
            base,
            SHARED if shared else group.name,
            "the tracking processors" if shared else _what(group),
            None if shared else group.name,
            grants,
            settings=settings,
            consumers=tuple(name for member in members for name in member.consumers),
            schedules=schedules,
            continues=True,
        )
        stack.feed_from_stream(
            base,
            function.id,
            "LogTable",
            batch_size=settings.batch_size or 10,
            window=settings.batching_window,
            retries=-1,
        )


def _function(
    stack: Stack,
    group: Group,
    what: str,
    grants: Grants,
    settings: ProcessorSettings,
    reach: Reach,
    *,
    environment: Mapping[str, Text] | None = None,
    reserved: bool = True,
    unattended: bool = False,
) -> str:
    return stack.function(
        identifier(group.name),
        group.name,
        what,
        group.name,
        grants,
        settings=settings,
        environment=environment,
        consumers=group.consumers,
        reserved=reserved,
        schedules=reach.schedules,
        continues=not group.external and not group.publishers,
        unattended=unattended,
    ).id


def _what(group: Group) -> str:
    if group.processor is not None:
        return f"the processor {group.name!r}"
    return "the publishers" if group.publishers else "the views"


def _retries(group: Group) -> int:
    return 5 if group.processor is None else group.processor.retries


def _at_once(group: Group, settings: ProcessorSettings) -> int | None:
    """Give how many of a function read a queue at once; Lambda bounds that from two on."""
    if settings.concurrency == 1:
        raise DeploymentError(
            f"{settings.said['concurrency']} has concurrency = 1, and a function that reads a queue runs at "
            "most 2 at once or more: write 2; the order of each aggregate is kept all the same"
        )
    return settings.concurrency


# -- what is beside them


def _created_targets(stack: Stack, model: Model) -> tuple[tuple[Bus, ...], tuple[Topic, ...]]:
    """Plan the targets of publishers that belong to this stack, for those that the configuration names."""
    wanted = stack.configuration.create_targets
    found = {target.to: target for target in targets(model)}
    for to in wanted:
        if to != "all" and to not in found:
            raise DeploymentError(f"create_targets names {to!r}, which no publisher sends to{did_you_mean(to, found)}")
    buses: list[Bus] = []
    topics: list[Topic] = []
    for target in found.values():
        if target.name is None or not ("all" in wanted or target.to in wanted):
            continue
        base, name = identifier(target.name), text(target.name)
        if target.service == "eventbridge":
            if target.name != "default":
                buses.append(Bus(stack.ids.take(f"{base}Bus", f"the bus {target.name!r}"), name))
        elif target.service == "sns":
            fifo = target.name.endswith(".fifo")
            topics.append(Topic(stack.ids.take(f"{base}Topic", f"the topic {target.name!r}"), name, fifo))
        else:
            fifo = target.name.endswith(".fifo")
            id = stack.ids.take(f"{base}Target", f"the queue {target.name!r}")
            stack.queues.append(Queue(id, name, fifo, 30, "target"))
    return tuple(buses), tuple(topics)


def _schedules(stack: Stack) -> Resource:
    group = Resource(stack.ids.take(SCHEDULES, "the group of schedules"), named("schedules"))
    allowed = Statement(("lambda:InvokeFunction",), tuple(stack.scheduling))
    role = stack.ids.take(SCHEDULER, "the role of schedules")
    stack.roles.append(Role(role, stack.name("schedules", 64), "scheduler.amazonaws.com", (allowed,)))
    return group
