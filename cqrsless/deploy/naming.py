"""What things are called: ids of a template, which hold letters and digits only, and names on AWS, which are short."""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Final

from ..errors import AppLoadError, CqrslessError

__all__ = ["DeploymentError", "Ids", "UnloadableApp", "identifier", "suffix"]

_SEPARATORS: Final = re.compile(r"[^0-9A-Za-z]+")
#: The longest end of a name: with a prefix it fits a function's 64 characters.
LONGEST: Final = 24


class DeploymentError(CqrslessError):
    """The application cannot be deployed as it is, or as it is configured."""

    status = 400


class UnloadableApp(DeploymentError, AppLoadError):
    """The application that is to be packed cannot be loaded."""


def identifier(name: str) -> str:
    """Make a template's id out of a name: letters and digits, each word with a capital.

    >>> identifier("payment-reminders.eu"), identifier("mailer")
    ('PaymentRemindersEu', 'Mailer')
    """
    return "".join(word[0].upper() + word[1:] for word in _SEPARATORS.split(name) if word)


def suffix(name: str, longest: int = LONGEST) -> str:
    """Make the end of a name on AWS out of a name; a long one is cut, and ends in a digest of the whole.

    >>> suffix("payment.reminders"), suffix("reminders-of-all-unpaid-orders")
    ('payment-reminders', 'reminders-of-all--bc1c18')
    """
    plain = _SEPARATORS.sub("-", name).strip("-").lower()
    if len(plain) <= longest:
        return plain
    return f"{plain[: longest - 7]}-{blake2b(name.encode(), digest_size=3).hexdigest()}"


class Ids:
    """The names of one kind in one template, each for one thing."""

    def __init__(self) -> None:
        self._taken: dict[str, str] = {}

    def take(self, id: str, what: str) -> str:
        """Keep an id for something, or raise where something else has it."""
        other = self._taken.setdefault(id, what)
        if other != what:
            raise DeploymentError(
                f"{what} and {other} are both called {id} in a template, whose names are plain: rename one of the two"
            )
        return id
