"""What commands cost: totals by command, and the last ones."""

from __future__ import annotations

from typing import Any

from .asking import Ask, told

__all__ = ["costs"]


def costs(ask: Ask) -> dict[str, Any]:
    """Give what each command asked of the store so far, and the last commands one by one."""
    ledger = ask.project.ledger
    return {"totals": told(ledger.totals()), "recent": told(ledger.recent(ask.limit(50)))}
