"""Rules of publishing."""

from __future__ import annotations

from cqrsless.delivery.places import revision
from cqrsless.publishing import publishers

from .mutation import Patch, without_rule


@without_rule("what a target did not take is sent again")
def _(patch: Patch) -> None:
    send, ahead = publishers.Outbox.send, publishers.Outbox.sent
    patch.setattr(publishers.Outbox, "send", lambda self, some: [None for _ in send(self, some)])
    patch.setattr(publishers.Outbox, "sent", lambda self, turn: [] if ahead(self, turn) is not None else None)


@without_rule("a batch's public events are sent ahead only where they are next")
def _(patch: Patch) -> None:
    patch.setattr(publishers.PublisherTaker, "_turn_of", lambda self, commit, marks, cost: 1)


@without_rule("a public event has an id made of what it comes from")
def _(patch: Patch) -> None:
    patch.setattr(publishers, "identity", lambda *parts: revision())
