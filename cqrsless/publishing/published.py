"""Public events on the embedded stores: kept to be looked at, and sent nowhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..messages import Event
from .cloudevents import Envelope

__all__ = ["Published"]


class Published(list[Event]):
    """`app.published`: the public events so far, in the order of publishing.

    `documents` holds each with its target, as the CloudEvent that would have gone there.
    """

    def __init__(self) -> None:
        super().__init__()
        self.documents: list[tuple[str, Mapping[str, Any]]] = []

    def send(self, envelopes: Sequence[Envelope]) -> list[Exception | None]:
        for envelope in envelopes:
            self.append(envelope.event)
            self.documents.append((envelope.to, envelope.document))
        return [None] * len(envelopes)

    def clear(self) -> None:
        super().clear()
        self.documents.clear()
