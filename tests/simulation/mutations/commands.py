"""Rules of commands: those from events, those that are due, and their commits."""

from __future__ import annotations

from typing import Any

from cqrsless.aggregates.executing import Execution
from cqrsless.delivery.places import revision
from cqrsless.errors import NotFound
from cqrsless.processors import effects
from cqrsless.processors.scheduling import Tombstones
from cqrsless.processors.stored_schedules import StoredScheduler

from .mutation import Patch, without_rule


@without_rule("a derived command has an id made of what it comes from", "deals")
def _(patch: Patch) -> None:
    patch.setattr(effects, "derived_id", lambda *parts: revision())


@without_rule("a command's id is looked for before it is committed", "deals")
def _(patch: Patch) -> None:
    patch.setattr(Execution, "duplicate", lambda self, loaded: None)


@without_rule("a tombstone is looked for before a scheduled command runs", "deals")
def _(patch: Patch) -> None:
    patch.setattr(Tombstones, "has", lambda self, id: False)


@without_rule("cancelling leaves a tombstone", "deals")
def _(patch: Patch) -> None:
    patch.setattr(Tombstones, "put", lambda self, id: None)


@without_rule("a command that could not be sent is a failure of its handler", "deals")
def _(patch: Patch) -> None:
    send = effects.Effects._send

    def careless(self: Any, command: Any, message: Any) -> None:
        try:
            send(self, command, message)
        except Exception:
            return

    patch.setattr(effects.Effects, "_send", careless)


@without_rule("a scheduled command is removed once it has run, and not before", "deals")
def _(patch: Patch) -> None:
    fire = StoredScheduler._fire

    def early(self: Any, row: Any, run: Any) -> Any:
        self._remove(row["id"], row["sk"])
        return fire(self, row, run)

    patch.setattr(StoredScheduler, "_fire", early)


@without_rule("a refusal is an outcome, and not a failure", "deals", found="stays parked")
def _(patch: Patch) -> None:
    patch.setattr(effects, "REFUSALS", ())


@without_rule("a command on what is not there yet is tried again", "deals", found="never run")
def _(patch: Patch) -> None:
    patch.setattr(effects, "REFUSALS", (*effects.REFUSALS, NotFound))


@without_rule("the event for a refusal goes with its command", "deals", found="on_rejected")
def _(patch: Patch) -> None:
    message = effects.command_message
    patch.setattr(effects, "command_message", lambda *args: message(*args)._replace(on_rejected=None))


@without_rule("a commit is put where none is")
def _(patch: Patch) -> None:
    patch.setattr(Execution, "write", lambda self, item: self.store.put("events", item, self.cost))
