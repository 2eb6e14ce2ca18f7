"""Running what was packed, in a clean process: does the entrypoint resolve, how long does that take, do clients work.

The process sees the package and Python's own library, and nothing else of this machine. Calls to AWS are answered
inside the process: nothing is sent.
"""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from ..naming import DeploymentError, UnloadableApp

__all__ = ["Import", "Run", "Runner", "Urls"]

#: How often anything is timed.
RUNS: Final = 3
#: Regions of each partition, in which clients are made before and after their data is trimmed.
REGIONS: Final = ("eu-west-1", "us-east-1", "cn-north-1", "us-gov-west-1", "eusc-de-east-1")
_LINE: Final = re.compile(r"import time:\s+(\d+) \|\s+(\d+) \| ( *)(\S+)")
_NO_MODULE: Final = re.compile(r"No module named '([^']+)'")

_RESOLVE: Final = "import cqrsless; cqrsless.entrypoint"
_TIMED: Final = "import time; start = time.perf_counter(); {}; print((time.perf_counter() - start) * 1000)"
_CLIENT: Final = """
import time, botocore.session
session = botocore.session.Session()
start = time.perf_counter()
session.create_client("dynamodb", region_name="eu-west-1")
print((time.perf_counter() - start) * 1000)
"""
_CLIENTS: Final = """
import json, sys
import botocore.session
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError
class Body:
    def __init__(self, protocol):
        xml = protocol in ("query", "ec2", "rest-xml")
        self.text = b"<ErrorResponse><Error><Code>None</Code></Error></ErrorResponse>" if xml else b"{}"
    def stream(self, *_, **__):
        return iter((self.text,))
urls = {}
session = botocore.session.Session()
for service in json.loads(sys.argv[1]):
    for region in json.loads(sys.argv[2]):
        client = session.create_client(service, region_name=region)
        model = client.meta.service_model
        def answer(request, **_):
            urls[f"{service} {region}"] = request.url
            return AWSResponse(request.url, 400, {}, Body(model.metadata["protocol"]))
        client.meta.events.register("before-send", answer)
        for name in model.operation_names:
            shape = model.operation_model(name).input_shape
            if shape is None or not shape.required_members:
                call = next(method for method, of in client.meta.method_to_api_mapping.items() if of == name)
                try:
                    getattr(client, call)()
                except (ClientError, ResponseParserError):
                    break
        else:
            urls[f"{service} {region}"] = client.meta.endpoint_url
print(json.dumps(urls))
"""

Urls = Mapping[str, str]


class Import(NamedTuple):
    """What the modules of one package take to import, themselves and without what they import of others."""

    name: str
    ms: float


class Run(NamedTuple):
    """Milliseconds from nothing to the entrypoint, as a median of some runs, and what takes longest of them.

    `first` is the first run, which compiles what was not compiled before.
    """

    ms: float
    first: float
    imports: tuple[Import, ...]


@dataclass(frozen=True, slots=True)
class Runner:
    """Runs Python on a package. `paths` are its folders, the application's last; `cache` keeps what is compiled."""

    interpreter: str
    paths: tuple[Path, ...]
    app: str
    environment: Mapping[str, str]
    cache: Path | None

    def resolve(self) -> float:
        """Resolve the handler string once, and give how long it took, or raise what comes of it."""
        done = self._python([], _TIMED.format(_RESOLVE))
        if done.returncode:
            raise UnloadableApp(_cannot(done.stderr.replace(f"{self.paths[-1]}{os.sep}", ""), self.app))
        return float(done.stdout.splitlines()[-1])

    def measure(self) -> Run:
        """Time the resolving of the handler string, and each import on the way."""
        first = self.resolve()
        median = statistics.median(self.resolve() for _ in range(RUNS))
        # What is imported by a function of importlib, as the application is, Python does not time.
        module = self.app.partition(":")[0]
        profiled = self._python(["-X", "importtime"], f"import cqrsless, {module}; cqrsless.entrypoint")
        return Run(median, first, _imports(profiled.stderr.splitlines()))

    def use_clients(self, services: Iterable[str]) -> Urls:
        """Make a client of each service in a region of each partition, call it, and give the URLs that it called."""
        done = self._python([], _CLIENTS, json.dumps(sorted(services)), json.dumps(REGIONS))
        if done.returncode:
            last = done.stderr.strip().splitlines()[-1]
            raise DeploymentError(f"a client cannot be made or used out of the package: {last}")
        urls: Urls = json.loads(done.stdout)
        return urls

    def client_ms(self) -> float:
        """Time the making of a client of DynamoDB."""
        return statistics.median(float(self._python([], _CLIENT).stdout) for _ in range(RUNS))

    def _python(self, options: list[str], code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        hidden = ("PYTHON", "AWS_", "CQRSLESS_")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
        task = self.paths[-1]
        ours = {
            "AWS_ACCESS_KEY_ID": "none",
            "AWS_SECRET_ACCESS_KEY": "none",
            "AWS_REGION": "eu-west-1",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_LAMBDA_FUNCTION_NAME": "package",
            "LAMBDA_TASK_ROOT": str(task),
            "CQRSLESS_APP": self.app,
            "CQRSLESS_STORE": "dynamodb://package",
        }
        start = f"import sys; sys.path[:0] = {[str(path) for path in self.paths]!r}\n"
        cached = ["-B"] if self.cache is None else ["-X", f"pycache_prefix={self.cache}"]
        return subprocess.run(
            [self.interpreter, "-I", "-S", *cached, *options, "-c", start + code, *arguments],
            cwd=task,
            env={**inherited, **self.environment, **ours},
            capture_output=True,
            text=True,
            errors="backslashreplace",
            check=False,
        )


def _imports(lines: Iterable[str]) -> tuple[Import, ...]:
    """Add up what each package's own modules take; Python's own library is one of them."""
    took: dict[str, int] = {}
    for line in lines:
        found = _LINE.match(line)
        if found:
            top = found[4].partition(".")[0]
            name = "Python's own library" if top in sys.stdlib_module_names else top
            took[name] = took.get(name, 0) + int(found[1])
    slowest = sorted(took.items(), key=lambda one: -one[1])
    return tuple(Import(name, round(microseconds / 1000, 1)) for name, microseconds in slowest)


def _cannot(said: str, app: str) -> str:
    lines = [line for line in said.strip().splitlines() if line and not line[0].isspace()]
    missing = next((found[1] for line in reversed(lines) if (found := _NO_MODULE.search(line))), None)
    last = lines[-1] if lines else "it says nothing"
    text = f"the entrypoint cannot be resolved out of the package, for the application {app!r}: {last}"
    if missing is None:
        return text
    return (
        f"{text}. If {missing.partition('.')[0]} is the application's own, name its files by include = [...] in "
        "[tool.cqrsless.package]; else add it to the requirements"
    )
