"""What a project says about its deployment: `deployment()` in its code, `[tool.cqrsless]` in pyproject.toml over it.

Both are checked, by the same names; whatever neither says has a default.

```toml
[tool.cqrsless]
app = "orders.app"
memory = 256                     # of every function, in MB

[tool.cqrsless.http]
authorizer = "jwt"
issuer = "https://login.example.com/"
audience = ["orders"]

[tool.cqrsless.processors.mailer]
timeout = 60
batch_size = 10
concurrency = 2
```
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeVar

from ..loading import project_file
from ..registry import DeploymentRecord
from .naming import DeploymentError
from .snapstart import check_runtime
from .tables import Source, Table

__all__ = [
    "Allowed",
    "Configuration",
    "FunctionSettings",
    "HttpSettings",
    "ProcessorSettings",
    "configuration",
    "package_of",
    "read",
    "section",
]

T = TypeVar("T")
#: Keys of [tool.cqrsless] that others read.
ELSEWHERE: Final = frozenset({"app", "store", "package"})
#: What only [tool.cqrsless] says: what the package is made by, which is made without running the code, and whose stack
#: it is.
OF_THE_PROJECT: Final = frozenset({"name", "runtime", "architecture", "code", "layers"}) | ELSEWHERE
NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a function's own code calls on AWS: a statement of its role."""

    actions: tuple[str, ...]
    resources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FunctionSettings:
    """Settings of one function; `None` takes the application's. `said` tells where each is written, for error texts."""

    memory: int | None = None
    timeout: int | None = None
    concurrency: int | None = None
    environment: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    allow: tuple[Allowed, ...] = ()
    snapstart: bool | None = None
    said: Mapping[str, str] = field(default_factory=lambda: NOTHING, compare=False)

    @property
    def where(self) -> str:
        return self.said[""]


@dataclass(frozen=True, slots=True)
class ProcessorSettings(FunctionSettings):
    """Settings of a processor's function and of what feeds it.

    `commands` and `schedules` say whether its handlers return commands and whether they schedule (`due=`, `cancel`,
    `RetryLater`); by default that is read off their code. `bus` is where its external events come from; "" is none.
    """

    batch_size: int | None = None
    batching_window: int = 0
    parallel: int = 1
    commands: bool | None = None
    schedules: bool | None = None
    bus: str = "default"


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """Who may call the routes: `iam`, `jwt` (of an issuer, for an audience), or, where it is `open`, everybody."""

    authorizer: str = "iam"
    issuer: str | None = None
    audience: tuple[str, ...] = ()
    open: bool = False
    function_url: bool = False


@dataclass(frozen=True, slots=True)
class Configuration:
    """All that a template is made from, besides what is registered."""

    name: str | None = None
    runtime: str = "python3.13"
    architecture: str = "arm64"
    memory: int = 256
    #: Of every function; by default 30 seconds for commands and queries, and 60 for whatever reacts.
    timeout: int | None = None
    #: Whether functions start from a snapshot of what was initialised, which published versions alone do.
    snapstart: bool = False
    log_days: int = 30
    #: Whether tables cannot be deleted, and stay when the stack goes.
    protect: bool = True
    recovery: bool = True
    alarms: bool = True
    #: The targets of publishers that belong to this stack: names them as `to=` does, or `all`.
    create_targets: tuple[str, ...] = ()
    code: str = "."
    #: What lies beneath the code of each function: zips, as `cqrsless package --layer` makes, and layers by their ARN.
    layers: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    commands: FunctionSettings = field(default_factory=FunctionSettings)
    http: HttpSettings = field(default_factory=HttpSettings)
    processors: Mapping[str, ProcessorSettings] = field(default_factory=lambda: MappingProxyType({}))

    def of(self, processor: str) -> ProcessorSettings:
        return self.processors.get(processor) or ProcessorSettings()


def package_of(configuration: Configuration, application: str) -> str:
    """Say where `cqrsless package` writes an application's zip, seen from the project's folder."""
    return f"build/{configuration.name or application.partition(':')[0].replace('.', '-')}.zip"


def read(folder: Path, code: Iterable[DeploymentRecord] = ()) -> tuple[Configuration, Path | None]:
    """Read the configuration of the nearest pyproject.toml, over that of the code, and say where that file is."""
    found = section(folder)
    return configuration(found.given, found.where, code), found.file


def section(folder: Path) -> Source:
    """Read `[tool.cqrsless]` of the nearest pyproject.toml, unchecked."""
    file = project_file(folder)
    if file is None:
        return Source({}, "[tool.cqrsless]")
    try:
        toml: Any = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    except ImportError as error:
        raise DeploymentError(f"{file} cannot be read on Python 3.10 without tomli: pip install tomli") from error
    try:
        document = toml.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:  # not TOML, or not UTF-8
        raise DeploymentError(f"{file} cannot be read: {error}") from error
    return Source(document.get("tool", {}).get("cqrsless", {}), f"{file}: [tool.cqrsless]", file)


def configuration(section: Any, where: str = "[tool.cqrsless]", code: Iterable[DeploymentRecord] = ()) -> Configuration:
    """Check a section and what the code says, and give what they say together.

    >>> configuration({"memory": 512, "processors": {"mailer": {"concurrency": 2}}}).of("mailer").concurrency
    2
    """
    table = Table([Source(section, where), *map(_of_code, code)], Configuration, ELSEWHERE)
    usual = Configuration()
    found = Configuration(
        name=table.text("name", None),
        runtime=table.text("runtime", usual.runtime),
        architecture=table.one_of("architecture", "arm64", "x86_64"),
        memory=table.number("memory", usual.memory, 128, 10_240),
        timeout=table.number("timeout", None, 1, 900),
        snapstart=table.truth("snapstart", False),
        log_days=table.one_of("log_days", *_LOG_DAYS, default=30),
        protect=table.truth("protect", True),
        recovery=table.truth("recovery", True),
        alarms=table.truth("alarms", True),
        create_targets=("all",) if table.value("create_targets") is True else table.texts("create_targets"),
        code=table.text("code", "."),
        layers=_layers(table),
        environment=table.text_by_name("environment"),
        commands=_function(table.table("commands", FunctionSettings), FunctionSettings),
        http=_http(table.table("http", HttpSettings)),
        processors=MappingProxyType(
            {
                name: _processor(table.table("processors").table(name, ProcessorSettings))
                for name in table.table("processors").keys
            }
        ),
    )
    for where in _starting_from_snapshots(found, table):
        check_runtime(found.runtime, where)
    return found


def _starting_from_snapshots(found: Configuration, table: Table) -> Iterator[str]:
    """Say where it is written that functions start from snapshots."""
    if found.snapstart:
        yield table.where_of("snapstart")
    for settings in (found.commands, *found.processors.values()):
        if settings.snapstart:
            yield settings.said["snapstart"]


def _of_code(record: DeploymentRecord) -> Source:
    """Give one setting of the code as a table that says nothing else."""
    where = f"{record.place}: deployment()"
    if record.path[0] in OF_THE_PROJECT:
        raise DeploymentError(
            f"{where} has {record.path[0]!r}, which belongs into [tool.cqrsless] of pyproject.toml: what makes the "
            "package and names the stack does not run the code"
        )
    given = record.value
    for key in reversed(record.path):
        given = {key: given}
    return Source(given, where)


#: What CloudWatch Logs keeps logs for (PutRetentionPolicy).
_LOG_DAYS: Final = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)


#: Lambda's quota.
_MOST_LAYERS: Final = 5
_LAYER: Final = re.compile(r"arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:layer:[\w-]+:\d+|(?!arn:).+\.zip")


def _layers(table: Table) -> tuple[str, ...]:
    found = table.texts("layers")
    where = table.where_of("layers")
    for layer in found:
        if not _LAYER.fullmatch(layer):
            raise DeploymentError(
                f'{where} has {layer!r} among its layers, which is neither a zip, as in "build/orders-layer.zip", nor '
                'the ARN of a layer with its version, as in "arn:aws:lambda:...:layer:x:3"'
            )
    if len(found) > _MOST_LAYERS:
        raise DeploymentError(f"{where} has {len(found)} layers, and Lambda takes {_MOST_LAYERS}")
    return found


def _function(table: Table, kind: Callable[..., T], **more: Any) -> T:
    return kind(
        memory=table.number("memory", None, 128, 10_240),
        timeout=table.number("timeout", None, 1, 900),
        concurrency=table.number("concurrency", None, 1, 10_000),
        environment=table.text_by_name("environment"),
        allow=tuple(
            Allowed(one.texts("actions", least=1), one.texts("resources", least=1))
            for one in table.tables("allow", Allowed)
        ),
        snapstart=table.truth("snapstart", None),
        said=MappingProxyType({key: table.where_of(key) for key in ("", *table.keys)}),
        **more,
    )


def _processor(table: Table) -> ProcessorSettings:
    return _function(
        table,
        ProcessorSettings,
        batch_size=table.number("batch_size", None, 1, 10_000),
        batching_window=table.number("batching_window", 0, 0, 300),
        parallel=table.number("parallel", 1, 1, 10),
        commands=table.truth("commands", None),
        schedules=table.truth("schedules", None),
        bus="" if table.value("bus") is False else table.text("bus", "default"),
    )


def _http(table: Table) -> HttpSettings:
    found = HttpSettings(
        authorizer=table.one_of("authorizer", "iam", "jwt"),
        issuer=table.text("issuer", None),
        audience=table.texts("audience"),
        open=table.truth("open", False),
        function_url=table.truth("function_url", False),
    )
    if found.authorizer == "jwt" and not (found.issuer and found.audience):
        raise DeploymentError(
            f'{table.where_of("authorizer")} has authorizer = "jwt", which needs an issuer = "https://..." and an '
            'audience = ["..."]: what is in the tokens as iss and aud'
        )
    if found.authorizer == "iam" and (found.issuer or found.audience):
        where = table.where_of("issuer" if found.issuer else "audience")
        raise DeploymentError(f'{where} has an issuer or audience, which need authorizer = "jwt"')
    return found
