"""Names of the application, completed by the shell."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import click
from click.shell_completion import CompletionItem

from ..errors import CqrslessError
from .options import Call

if TYPE_CHECKING:
    from ..registry import Model

__all__ = ["complete_aggregates", "complete_commands", "complete_consumers", "complete_queries"]

Complete = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def _complete(names: Callable[[Model], Iterable[str]]) -> Complete:
    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        try:
            model = ctx.find_root().ensure_object(Call).application(store="memory://").model
        except CqrslessError:  # a shell that completes has nowhere to tell it
            return []
        return [CompletionItem(name) for name in names(model) if name.startswith(incomplete)]

    return complete


complete_commands = _complete(lambda model: model.commands)
complete_queries = _complete(lambda model: model.queries)
complete_aggregates = _complete(lambda model: model.aggregates)
complete_consumers = _complete(lambda model: [*model.processors, *model.views])
