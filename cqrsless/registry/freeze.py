"""Freezing: every name that a record mentions is looked up, and what cannot work is refused with its line."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ..routing import Routes
from .events import Events, check_steps
from .injection import Injection
from .model import AggregateModel, Model
from .names import did_you_mean, is_schema, wrong
from .payloads import check_id_fields, check_route_parameters, schema_of
from .places import Place
from .reactions import Reactions
from .records import AggregateRecord, CommandRecord, EvolverRecord, QueryRecord, StateUpcasterRecord
from .shapes import is_generator_function
from .shelves import Shelves

__all__ = ["freeze"]


def freeze(name: str, revision: int, shelves: Shelves, provided: frozenset[str]) -> Model:
    """Make the model of a registry, or raise `RegistrationError` for the first mistake found."""
    injection = Injection(shelves.resources.records(), provided)
    events = Events(shelves.event_types.records(), shelves.upcasters.records())
    aggregates = {record.name: record for record in shelves.aggregates.records()}
    aggregate_models = _aggregate_models(name, aggregates, shelves, events, injection)
    commands = {record.name: _command(name, record, aggregates, injection) for record in shelves.commands.records()}
    queries = {record.name: _query(record, injection) for record in shelves.queries.records()}
    routed: list[CommandRecord | QueryRecord] = [*commands.values(), *queries.values()]
    for record in routed:
        check_route_parameters(record)
    for command in commands.values():
        if command.aggregate is not None:
            check_id_fields(command, aggregates[command.aggregate])
    reactions = Reactions(name, shelves, events, injection)
    return Model(
        name=name,
        revision=revision,
        commands=MappingProxyType(commands),
        queries=MappingProxyType(queries),
        aggregates=MappingProxyType(aggregate_models),
        events=events.models,
        middleware=injection.into_middleware("middleware", tuple(shelves.middleware.records())),
        resources=injection.resources,
        routes=Routes(commands.values(), queries.values()),
        views=reactions.views,
        projectors=reactions.projectors,
        processors=reactions.processors,
        event_handlers=reactions.event_handlers,
        publishers=reactions.publishers,
        deployment=tuple(shelves.deployment.records()),
    )


def _command(
    registry: str, record: CommandRecord, aggregates: Mapping[str, AggregateRecord], injection: Injection
) -> CommandRecord:
    who = f"command handler {record.name!r}"
    if record.aggregate is not None:
        aggregate = _aggregate(registry, record.place, who, record.aggregate, aggregates)
        if not aggregate.event_sourced and is_generator_function(record.fn):
            raise wrong(
                record.place,
                f"{who} is a generator, and the aggregate {aggregate.name!r} is state-stored: "
                "return the state, or (state, events); only an event-sourced aggregate's handler yields its events",
            )
    around = injection.into_middleware(f"middleware of {who}", record.middleware)
    # What decides on an aggregate decides on its state alone, and again where another command came first.
    special = ("message", "views") if record.aggregate is None else ("message",)
    return injection.into(who, record.replace(middleware=around, schema=schema_of(record)), special)


def _query(record: QueryRecord, injection: Injection) -> QueryRecord:
    who = f"query handler {record.name!r}"
    around = injection.into_middleware(f"middleware of {who}", record.middleware)
    return injection.into(who, record.replace(middleware=around, schema=schema_of(record)), ("message", "views"))


def _aggregate(
    registry: str, place: Place, who: str, name: str, aggregates: Mapping[str, AggregateRecord]
) -> AggregateRecord:
    found = aggregates.get(name)
    if found is None:
        hint = did_you_mean(name, aggregates) or f'; write aggregate("{name}", id_field=...)'
        raise wrong(place, f"{who} is of the aggregate {name!r}, which registry {registry!r} does not have{hint}")
    return found


def _aggregate_models(
    registry: str,
    aggregates: Mapping[str, AggregateRecord],
    shelves: Shelves,
    events: Events,
    injection: Injection,
) -> dict[str, AggregateModel]:
    evolvers: dict[str, dict[str, EvolverRecord]] = {name: {} for name in aggregates}
    for evolver in shelves.evolvers.records():
        _add_evolver(registry, evolver, aggregates, evolvers, events, injection)
    steps: dict[str, dict[int, StateUpcasterRecord]] = {name: {} for name in aggregates}
    for upcaster in shelves.state_upcasters.records():
        who = f"state upcaster from version {upcaster.from_version}"
        aggregate = _aggregate(registry, upcaster.place, who, upcaster.aggregate, aggregates)
        if aggregate.event_sourced:
            raise wrong(
                upcaster.place,
                f"{who} is of the aggregate {aggregate.name!r}, which is event-sourced: its state is folded again from "
                "its events when state_version is raised, so remove the upcaster",
            )
        steps[aggregate.name][upcaster.from_version] = upcaster
    for aggregate in aggregates.values():
        _check_state(aggregate, steps[aggregate.name])
    return {
        name: AggregateModel(
            record,
            MappingProxyType(evolvers[name]),
            MappingProxyType({step: upcaster.fn for step, upcaster in steps[name].items()}),
        )
        for name, record in aggregates.items()
    }


def _add_evolver(
    registry: str,
    evolver: EvolverRecord,
    aggregates: Mapping[str, AggregateRecord],
    evolvers: Mapping[str, dict[str, EvolverRecord]],
    events: Events,
    injection: Injection,
) -> None:
    who = f"evolver for {', '.join(map(repr, evolver.names))}"
    aggregate = _aggregate(registry, evolver.place, who, evolver.aggregate, aggregates)
    if not aggregate.event_sourced:
        raise wrong(
            evolver.place,
            f"{who} is of the aggregate {aggregate.name!r}, which is state-stored ({aggregate.place}): its handlers "
            f'return the state, so remove the evolver, or write aggregate("{aggregate.name}", ..., event_sourced=True)',
        )
    resolved = injection.into_evolver(who, evolver).replace(names=events.current_names(evolver.names))
    for event in resolved.names:
        other = evolvers[aggregate.name].setdefault(event, resolved)
        if other is not resolved:
            raise wrong(
                evolver.place,
                f"{who} folds {event!r} into aggregate {aggregate.name!r}, which another evolver does under the "
                f"event's other name ({other.place}): remove one of the two",
            )


def _check_state(aggregate: AggregateRecord, steps: Mapping[int, StateUpcasterRecord]) -> None:
    what = f"aggregate {aggregate.name!r}"
    if not aggregate.event_sourced:
        places = {step: upcaster.place for step, upcaster in steps.items()}
        decorator = f'@state_upcaster("{aggregate.name}"'
        check_steps(f"the state of {what}", aggregate.place, aggregate.state_version, places, decorator)
    elif not is_schema(aggregate.state):
        try:
            aggregate.state()
        except Exception as error:
            name = aggregate.state.__name__
            raise wrong(
                aggregate.place,
                f"{what} is event-sourced, so it starts from {name}(), which fails with "
                f"{type(error).__name__}: {error}; give every field of {name} a default",
            ) from error
