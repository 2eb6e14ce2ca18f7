"""What an event handler returned, carried out: commands dispatched or scheduled, scheduled ones cancelled.

A command made from an event has an id made from it, so a redelivered event cannot repeat it. A refusal is an outcome;
everything else that goes wrong is a failure of the handler's.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import REFUSALS, DuplicateMismatch, ValidationFailed
from ..keys import aggregate_key, read_id
from ..logs import handling
from ..messages import Command, Message, name_of
from ..registry import Cancel
from .identities import identity

if TYPE_CHECKING:
    from ..registry import Model
    from .scheduling import Scheduling

__all__ = ["Effects", "derived_id"]

log = logging.getLogger("cqrsless")
Dispatch = Callable[[Message], Any]


def derived_id(*parts: str) -> str:
    """Make a command's id of what it comes from: the same parts give the same id, and no other parts do.

    >>> derived_id("Order#o-1@3", "billing", "charge", "Charge", "Card#c-7", "0")
    'e-a2190194bb0e357f1ecde622e1822969'
    """
    return f"e-{identity('command', *parts)}"


class Effects:
    """Carries out what the event handlers of one application return."""

    def __init__(self, model: Model, dispatch: Dispatch, scheduling: Scheduling) -> None:
        self._model = model
        self._dispatch = dispatch
        self._scheduling = scheduling

    def perform(self, wanted: Sequence[Command | Cancel], event: Message, processor: str, handler: str) -> None:
        """Carry out in order; a failure leaves the rest to the next attempt, which repeats what is done already."""
        equals: Counter[tuple[str, str]] = Counter()
        for effect in wanted:
            if isinstance(effect, Cancel):
                self._scheduling.cancel(effect.id)
                continue
            id = effect.id
            if id is None:
                target = self.target(effect)
                ordinal = equals[effect.name, target]
                equals[effect.name, target] += 1
                id = derived_id(event.id, processor, handler, effect.name, target, str(ordinal))
            self._send(effect, command_message(effect, id, event))

    def target(self, command: Command) -> str:
        """Give the key of the aggregate that a command is for; empty where its payload does not say."""
        record = self._model.commands.get(command.name)
        if record is None or record.aggregate is None:
            return ""
        aggregate = self._model.aggregates[record.aggregate].record
        try:
            return aggregate_key(aggregate.name, read_id(aggregate.name, aggregate.id_field, command.payload))
        except ValidationFailed:  # the command will say so itself, or its aggregate makes a new id
            return ""

    def _send(self, command: Command, message: Message) -> None:
        with handling(message):
            try:
                if command.due is None or command.name not in self._model.commands:
                    self._dispatch(message)  # an unknown name is told now, and not when it is due
                else:
                    self._scheduling.at(message, command.due)
            except REFUSALS as error:
                log.info("%s refused: %s: %s", message.name, type(error).__name__, error)
            except DuplicateMismatch as error:
                if command.id is not None:
                    raise
                # Only an earlier attempt of this handler can have made this id: its command is carried out already.
                log.warning("%s was sent before with another payload, which stands: %s", message.name, error)


def command_message(command: Command, id: str, event: Message) -> Message:
    """Make the message of a command that comes from an event.

    Its time is the event's, as of every attempt: that is what an earlier one is looked for by.
    """
    metadata = command.metadata
    return Message(
        id,
        command.name,
        "command",
        command.payload,
        event.time,
        "event",
        correlation_id=str(metadata.get("correlation_id") or event.correlation_id or event.id),
        causation_id=event.id,
        metadata={name: value for name, value in metadata.items() if name not in ("correlation_id", "causation_id")},
        expected_version=command.expected_version,
        on_rejected=None if command.on_rejected is None else name_of(command.on_rejected),
        sent=event.sent,
    )
