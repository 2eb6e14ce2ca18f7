"""Rules of what is lost: a mapping that is far behind, and tables out of a backup."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from cqrsless.log.rebuild import Rebuild
from cqrsless.reacting import members, reactions, replays, restoring
from cqrsless.stores.dynamodb_identity import Origins

from .mutation import Patch, without_rule


@without_rule("an indexer that fell 20 hours behind asks for a rebuild", "papers", found="missing from the log")
def _(patch: Patch) -> None:
    patch.setattr(reactions, "BEHIND", timedelta(days=999))


@without_rule("the effects of what is restored are muted", found="from before")
def _(patch: Patch) -> None:
    patch.setattr(members.Member, "since", lambda self, control: 0 if self.from_beginning else control.since or 0)


@without_rule("the log of what is restored is rebuilt", "papers", found="missing from the log")
def _(patch: Patch) -> None:
    class Nothing(Rebuild):
        def run(self, progress: Any = None) -> Any:
            return None

    patch.setattr(restoring, "Rebuild", Nothing)


@without_rule("the views of what is restored are built from all that is stored")
def _(patch: Patch) -> None:
    patch.setattr(members, "_is_old", lambda *args: False)
    patch.setattr(replays.Replays, "to_end", lambda self, name, progress=None: None)


@without_rule("a store id in each table refuses a mixture", "papers", found="that another one made")
def _(patch: Patch) -> None:
    patch.setattr(Origins, "mark", lambda self, table: None)
