"""What a project says about its deployment: `[tool.cqrsless]` in pyproject.toml, checked, with every default.

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
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeVar

from ..loading import project_file
from ..registry import did_you_mean
from .naming import DeploymentError

__all__ = [
    "Allowed",
    "Configuration",
    "FunctionSettings",
    "HttpSettings",
    "ProcessorSettings",
    "Section",
    "Table",
    "configuration",
    "read",
    "section",
]

T = TypeVar("T")
#: Keys of [tool.cqrsless] that others read.
ELSEWHERE: Final = frozenset({"app", "store", "package"})
NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Allowed:
    """What a function's own code calls on AWS: a statement of its role."""

    actions: tuple[str, ...]
    resources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FunctionSettings:
    """Settings of one function; `None` takes the application's."""

    memory: int | None = None
    timeout: int | None = None
    concurrency: int | None = None
    environment: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    allow: tuple[Allowed, ...] = ()


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
    """All of `[tool.cqrsless]` that a template is made from."""

    name: str | None = None
    runtime: str = "python3.13"
    architecture: str = "arm64"
    memory: int = 256
    #: Of every function; by default 30 seconds for commands and queries, and 60 for whatever reacts.
    timeout: int | None = None
    log_days: int = 30
    #: Whether tables cannot be deleted, and stay when the stack goes.
    protect: bool = True
    recovery: bool = True
    alarms: bool = True
    #: The targets of publishers that belong to this stack: names them as `to=` does, or `all`.
    create_targets: tuple[str, ...] = ()
    code: str = "."
    environment: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    commands: FunctionSettings = field(default_factory=FunctionSettings)
    http: HttpSettings = field(default_factory=HttpSettings)
    processors: Mapping[str, ProcessorSettings] = field(default_factory=lambda: MappingProxyType({}))

    def of(self, processor: str) -> ProcessorSettings:
        return self.processors.get(processor) or ProcessorSettings()


class Section(NamedTuple):
    """`[tool.cqrsless]` of a project, as it is written: what error texts call it, and the file."""

    given: Any
    where: str
    file: Path | None


def read(folder: Path) -> tuple[Configuration, Path | None]:
    """Read the configuration of the nearest pyproject.toml, and say where that is; without one, all is default."""
    found = section(folder)
    return (Configuration() if found.file is None else configuration(found.given, found.where)), found.file


def section(folder: Path) -> Section:
    """Read `[tool.cqrsless]` of the nearest pyproject.toml, unchecked."""
    file = project_file(folder)
    if file is None:
        return Section({}, "[tool.cqrsless]", None)
    try:
        toml: Any = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    except ImportError as error:
        raise DeploymentError(f"{file} cannot be read on Python 3.10 without tomli: pip install tomli") from error
    try:
        document = toml.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:  # not TOML, or not UTF-8
        raise DeploymentError(f"{file} cannot be read: {error}") from error
    return Section(document.get("tool", {}).get("cqrsless", {}), f"{file}: [tool.cqrsless]", file)


def configuration(section: Any, where: str = "[tool.cqrsless]") -> Configuration:
    """Check a section and give what it says.

    >>> configuration({"memory": 512, "processors": {"mailer": {"concurrency": 2}}}).of("mailer").concurrency
    2
    """
    table, usual = Table(section, where, Configuration, ELSEWHERE), Configuration()
    return Configuration(
        name=table.text("name", None),
        runtime=table.text("runtime", usual.runtime),
        architecture=table.one_of("architecture", "arm64", "x86_64"),
        memory=table.number("memory", usual.memory, 128, 10_240),
        timeout=table.number("timeout", None, 1, 900),
        log_days=table.one_of("log_days", *_LOG_DAYS, default=30),
        protect=table.truth("protect", True),
        recovery=table.truth("recovery", True),
        alarms=table.truth("alarms", True),
        create_targets=("all",) if table.value("create_targets") is True else table.texts("create_targets"),
        code=table.text("code", "."),
        environment=table.text_by_name("environment"),
        commands=_function(table.table("commands", FunctionSettings), FunctionSettings),
        http=_http(table.table("http", HttpSettings)),
        processors=MappingProxyType(
            {
                name: _processor(table.table("processors").table(name, ProcessorSettings))
                for name in table.table("processors").given
            }
        ),
    )


#: What CloudWatch Logs keeps logs for (PutRetentionPolicy).
_LOG_DAYS: Final = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)


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
            f'{table.where} has authorizer = "jwt", which needs an issuer = "https://..." and an audience = ["..."]: '
            "what is in the tokens as iss and aud"
        )
    if found.authorizer == "iam" and (found.issuer or found.audience):
        raise DeploymentError(f'{table.where} has an issuer or audience, which need authorizer = "jwt"')
    return found


class Table:
    """One table of the file; a key that it does not have is an error that names the nearest one."""

    def __init__(self, given: Any, where: str, kind: type | None = None, elsewhere: frozenset[str] = frozenset()):
        if not isinstance(given, Mapping):
            raise DeploymentError(f"{where} is {given!r}, and should be a table")
        self.given = given
        self.where = where
        known = {one.name for one in fields(kind)} if kind is not None else set(given)
        for key in given:
            if key not in known | elsewhere:
                hint = did_you_mean(key, known | elsewhere) or f"; it has {', '.join(sorted(known))}"
                raise DeploymentError(f"{where} has no {key!r}{hint}")

    def value(self, key: str) -> Any:
        return self.given.get(key)

    def table(self, key: str, kind: type | None = None) -> Table:
        inner = f"{self.where[:-1]}.{key}]" if self.where.endswith("]") else f"{self.where}.{key}"
        return Table(self.given.get(key, {}), inner, kind)

    def tables(self, key: str, kind: type) -> list[Table]:
        found = self.given.get(key, [])
        if not isinstance(found, list):
            raise self._wrong(key, "a list of tables")
        return [Table(one, f"{self.where} {key}", kind) for one in found]

    def text(self, key: str, default: Any) -> Any:
        found = self.given.get(key, default)
        if found is not default and not (isinstance(found, str) and found):
            raise self._wrong(key, "a text")
        return found

    def texts(self, key: str, least: int = 0) -> tuple[str, ...]:
        found = self.given.get(key, [])
        if not isinstance(found, list) or not all(isinstance(one, str) and one for one in found) or len(found) < least:
            raise self._wrong(key, "a list of texts")
        return tuple(found)

    def text_by_name(self, key: str) -> Mapping[str, str]:
        found = self.given.get(key, {})
        if not isinstance(found, dict) or not all(isinstance(one, str) for one in found.values()):
            raise self._wrong(key, "a table of texts")
        for name in found:
            if name.startswith("CQRSLESS_") and name not in ("CQRSLESS_METRICS", "CQRSLESS_SOURCE"):
                raise DeploymentError(f"{self.where} {key} sets {name}, which the template sets itself: leave it out")
        return MappingProxyType(dict(found))

    def number(self, key: str, default: Any, least: int, most: int) -> Any:
        found = self.given.get(key, default)
        if found is not default and (type(found) is not int or not least <= found <= most):
            raise self._wrong(key, f"a whole number from {least:,} to {most:,}")
        return found

    def truth(self, key: str, default: Any) -> Any:
        found = self.given.get(key, default)
        if found is not default and not isinstance(found, bool):
            raise self._wrong(key, "true or false")
        return found

    def one_of(self, key: str, *choices: Any, default: Any = None) -> Any:
        found = self.given.get(key, choices[0] if default is None else default)
        if found not in choices or isinstance(found, bool):
            raise self._wrong(key, "one of " + ", ".join(map(str, choices)))
        return found

    def _wrong(self, key: str, wanted: str) -> DeploymentError:
        return DeploymentError(f"{self.where} has {key} = {self.given.get(key)!r}, and it is {wanted}")
