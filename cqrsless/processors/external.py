"""External events: facts from elsewhere, for the handlers registered with their `source`.

They are handled at least once: what brings them also brings them again. Commands made from them have ids made from
the event's, so a repeated event repeats no command.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from .. import schemas
from ..codec import encode
from ..errors import GiveUp
from ..logs import handling
from ..messages import Message
from .handlers import Handler

if TYPE_CHECKING:
    from ..registry import EventModel

__all__ = ["ExternalEvents"]

log = logging.getLogger("cqrsless")


class ExternalEvents:
    """The handlers of external events of one application.

    `handlers` are those whose record has a `source`, with that source.
    """

    def __init__(self, handlers: Iterable[tuple[str, Handler]], events: Mapping[str, EventModel]) -> None:
        self._handlers: dict[tuple[str, str], list[Handler]] = {}
        for source, handler in handlers:
            for name in handler.names:
                self._handlers.setdefault((source, name), []).append(handler)
        self._loaders = {
            (event.source, event.name): schemas.loader(event.schema, event.name)
            for event in events.values()
            if event.source is not None and event.schema is not None
        }

    def receive(self, message: Message) -> bool:
        """Handle an event, and say whether anybody does.

        A handler that fails keeps no other from the event; the first failure is raised once all have run, for the
        source to send the event again. `GiveUp` is a last word: it is logged, and the event is done for that handler.
        """
        key = message.source, message.name
        handlers = self._handlers.get(key)
        if handlers is None:
            return False
        first: Exception | None = None
        for handler in handlers:
            # Validated anew for each, so that none sees what another has made of the payload.
            event = message.replace(payload=self._payload(key, message), aggregate_id=None)
            with handling(event):
                try:
                    handler.handle(event)
                except GiveUp as error:
                    log.error("%s gave up on %s %s: %s", handler.label, message.name, message.id, error)
                except Exception as error:
                    if first is not None:
                        log.exception("%s failed for %s %s", handler.label, message.name, message.id)
                    first = first or error
        if first is not None:
            raise first
        return True

    def _payload(self, key: tuple[str, str], message: Message) -> Any:
        load = self._loaders.get(key)
        payload = encode(message.payload, f"the payload of {message.name}")[1]
        return payload if load is None else load(payload)
