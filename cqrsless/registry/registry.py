"""The registry: what the decorators write to, and what an application is frozen from."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from threading import RLock
from typing import Final, final

from .calls import told
from .deciding import DecidingDecorators
from .deploying import DeployingDecorators
from .freeze import freeze
from .model import Model
from .names import plain_name
from .places import site_of_caller
from .reacting import ReactingDecorators
from .surrounding import SurroundingDecorators
from .versioning import VersioningDecorators

__all__ = ["DEFAULT", "Registry"]


@final
class Registry(
    DecidingDecorators, VersioningDecorators, SurroundingDecorators, ReactingDecorators, DeployingDecorators
):
    """The functions of one application; several registries in one process know nothing of each other.

    The decorators at the top of `cqrsless` write to the default one.

    >>> from cqrsless import Registry
    >>> billing = Registry("billing")
    >>> billing.empty
    True
    """

    __slots__ = ("_lock", "_models", "name", "revision")

    @told('Registry("orders")')
    def __init__(self, name: str) -> None:
        self.name: Final = plain_name(site_of_caller().place, "registry", name)
        super().__init__()
        #: Grows with every registration, so that an application sees when to freeze again.
        self.revision = 0
        self._models: dict[frozenset[str], Model] = {}
        self._lock = RLock()

    def __repr__(self) -> str:
        return f"<Registry {self.name!r}>"

    @property
    def empty(self) -> bool:
        return self.revision == 0

    def freeze(self, provided: Iterable[str] = ()) -> Model:
        """Resolve every name, or raise `RegistrationError` with the line of the mistake.

        `provided` are the names of the resources that the application brings along. The same model is given until
        something else is registered, which is always possible.
        """
        names = frozenset(provided)
        with self._lock:
            model = self._models.get(names)
            if model is None:
                model = freeze(self.name, self.revision, self._shelves, names)
                self._models[names] = model
            return model

    def _register(self, put: Callable[[], None]) -> None:
        with self._lock:
            put()
            self.revision += 1
            self._models.clear()


DEFAULT: Final = Registry("default")
