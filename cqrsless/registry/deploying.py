"""What an application says about its own deployment, beside its handlers: kept as it is, and read by the tools alone.

Nothing of it is looked at in Lambda, so nothing is checked when it is said: `cqrsless template` does, with the line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from .calls import told
from .names import wrong
from .places import site_of_caller
from .records import DeploymentRecord, ProcessorRecord
from .shelves import ShelfWriter

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from .deployments import DeploymentSettings

__all__ = ["DeployingDecorators"]


class DeployingDecorators(ShelfWriter):
    """`deployment`."""

    __slots__ = ()

    @told("deployment(memory=512)")
    def deployment(self, **settings: Unpack[DeploymentSettings]) -> None:
        """Say how the application is deployed, by the names that `[tool.cqrsless]` in pyproject.toml has.

        It may be called in several modules, so that what a processor needs stands beside its handlers; each setting is
        said once. pyproject.toml is laid over it, key by key: the code says what it needs, the project that deploys it
        has the last word. `name`, `runtime`, `architecture`, `code` and `layers` are for pyproject.toml alone.

        >>> from cqrsless import Registry
        >>> orders = Registry("orders")
        >>> orders.deployment(memory=512, processors={"mailer": {"timeout": 120, "batch_size": 10}})
        """
        site = site_of_caller()
        if not settings:
            raise wrong(site.place, "deployment() says nothing: write deployment(memory=512), or remove it")
        records = [DeploymentRecord(path, value, site.place) for path, value in _leaves(settings, ())]

        def put() -> None:
            for record in records:
                what = f"the deployment setting {'.'.join(record.path)!r}"
                self._shelves.deployment.put(record.path, what, record, site, instead="say it once")

        self._register(put)


def _leaves(settings: Mapping[Any, Any], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Give what is said, by the keys that lead to it; a processor is as good as its name."""
    for key, value in settings.items():
        to = (*path, key.name if isinstance(key, ProcessorRecord) else str(key))
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, to)
        else:
            yield to, value
