"""Servers that tests talk to: installed on demand under `.engines/`, each in an environment of its own.

ministack answers as DynamoDB does; microburst stands in front of it and loses answers. A server lives as long as the
session that started it, however that ends: it watches a pipe that closes with the session's process.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NoReturn
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import pytest

FOLDER: Final = Path(__file__).parent.parent / ".engines"
MINISTACK: Final = "ministack==1.5.33"
#: The same with what it needs to make resources of a SAM template.
DEPLOYING: Final = f"{MINISTACK} aws-sam-translator==1.115.0"
MICROBURST: Final = "microburst==0.10.0"

#: Runs a console script until it ends or standard input does.
_BOOT: Final = """
import os, runpy, sys, threading
threading.Thread(target=lambda: (sys.stdin.buffer.read(), os._exit(0)), daemon=True).start()
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
_direct: Final = build_opener(ProxyHandler({}))


class EngineMissing(Exception):
    """An engine cannot be installed here."""


def go_without(reason: str) -> NoReturn:
    """Skip on a laptop without a network; in CI a test that did not run has not passed."""
    if os.environ.get("CI"):
        pytest.fail(f"{reason} (CI is set, so this is no reason to skip)", pytrace=False)
    pytest.skip(reason)


@contextmanager
def running_ministack() -> Generator[str, None, None]:
    """Give the endpoint of a fresh ministack."""
    environment = {"BIND_HOST": "127.0.0.1", "SFTP_ENABLED": "0", "IOT_MTLS_ENABLED": "0", "LOG_LEVEL": "WARNING"}
    with _running(MINISTACK, [], environment, "GATEWAY_PORT", "/_ministack/health") as endpoint:
        yield endpoint


@contextmanager
def running_cloud() -> Generator[str, None, None]:
    """Give the endpoint of a ministack that deploys SAM templates, and allows calls only as roles allow them."""
    environment = {
        "BIND_HOST": "127.0.0.1", "SFTP_ENABLED": "0", "IOT_MTLS_ENABLED": "0", "LOG_LEVEL": "WARNING",
        "AUTH": "true", "AWS_ENDPOINT_URL": "http://127.0.0.1:{port}",
    }  # fmt: skip
    with _running(DEPLOYING, [], environment, "GATEWAY_PORT", "/_ministack/health") as endpoint:
        yield endpoint


class Microburst:
    """A proxy in front of a DynamoDB endpoint; what it is told holds until `reset`."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint

    def drop_answers(self, operation: str, times: int = 1) -> None:
        """Let the next `times` calls be applied and close the connection in place of their answers."""
        self._rule({"operation": operation, "times": times})

    def drop_every_other_answer(self, operation: str) -> None:
        """Lose the first answer, let the second through, and so on: one caller has each of its calls lost once."""
        self._rule({"operation": operation, "sequence": {"fail": 1, "pass": 1}})

    def refuse(self, operation: str, code: str, times: int = 1) -> None:
        """Answer the next `times` calls with an error, and apply none of them."""
        self._send("PATCH", [{"service": "dynamodb", "operation": operation, "times": times, "error": {"code": code}}])

    def reset(self) -> None:
        self._send("POST", [])

    def _rule(self, rule: dict[str, Any]) -> None:
        self._send("PATCH", [{"service": "dynamodb", **rule, "response": {"abort_bytes": 0}}])

    def _send(self, method: str, rules: list[dict[str, Any]]) -> None:
        request = Request(f"{self.endpoint}/_microburst/rules", json.dumps(rules).encode(), method=method)
        with _direct.open(request, timeout=10) as answer:
            answer.read()


def lose_every_other_answer(client: Any, operation: str) -> None:
    """Do as `Microburst.drop_every_other_answer`, inside this process: below a botocore client, above its transport."""
    from botocore.exceptions import ConnectionClosedError

    endpoint = client._endpoint
    do, calls = endpoint._do_get_response, itertools.count()

    def do_and_lose(request: Any, operation_model: Any, context: Any) -> Any:
        answer = do(request, operation_model, context)
        if operation_model.name == operation and next(calls) % 2 == 0:
            return None, ConnectionClosedError(endpoint_url=request.url)
        return answer

    endpoint._do_get_response = do_and_lose


@contextmanager
def running_microburst(upstream: str) -> Generator[Microburst, None, None]:
    """Give a proxy in front of an endpoint, past its first call, which takes it seconds."""
    arguments = ["--host", "127.0.0.1", "--upstream", upstream]
    with _running(MICROBURST, arguments, {}, "--port", "/_microburst/health") as endpoint:
        target = {"X-Amz-Target": "DynamoDB_20120810.ListTables", "Content-Type": "application/x-amz-json-1.0"}
        try:
            _direct.open(Request(endpoint, b"{}", target), timeout=30).close()
        except HTTPError as error:  # unsigned, so it may be refused; it has been through
            error.close()
        yield Microburst(endpoint)


@contextmanager
def _running(
    requirement: str, arguments: Sequence[str], environment: Mapping[str, str], port_goes_to: str, health: str
) -> Generator[str, None, None]:
    home = _installed(requirement)
    script = home / "bin" / requirement.partition("==")[0]
    with tempfile.TemporaryFile() as log:
        for _ in range(3):  # between choosing a free port and binding it, someone else may
            port = str(_free_port())
            by_option = port_goes_to.startswith("--")
            process = subprocess.Popen(
                [str(home / "bin" / "python"), "-c", _BOOT, str(script), *arguments]
                + ([port_goes_to, port] if by_option else []),
                env={**os.environ, **_with_port(environment, port), **({} if by_option else {port_goes_to: port})},
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd=tempfile.gettempdir(),
            )
            try:
                if _answers(process, f"http://127.0.0.1:{port}{health}"):
                    yield f"http://127.0.0.1:{port}"
                    return
            finally:
                _stop(process)
        log.seek(0)
        raise RuntimeError(f"{requirement} does not start:\n{log.read().decode(errors='replace')[-2000:]}")


def _with_port(environment: Mapping[str, str], port: str) -> dict[str, str]:
    return {name: value.replace("{port}", port) for name, value in environment.items()}


def console_script(requirement: str, name: str) -> Path:
    """Give a console script of a package, installed in an environment of its own."""
    return _installed(requirement) / "bin" / name


def downloaded(requirement: str) -> Path:
    """Give a package's wheel, fetched and not installed."""

    def fetch(home: Path) -> None:
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--retries", "1"]
        _do([*pip, "--no-deps", "--only-binary=:all:", "--dest", str(home), requirement], requirement)

    (wheel,) = installed_once(FOLDER / f"{requirement.replace('==', '-')}-wheel", fetch).glob("*.whl")
    return wheel


def _installed(requirement: str) -> Path:
    def install(home: Path) -> None:
        _do([sys.executable, "-m", "venv", str(home)], requirement)
        pip = [str(home / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        _do([*pip, "--retries", "1", *requirement.split()], requirement)

    version = f"py{sys.version_info.major}.{sys.version_info.minor}"
    return installed_once(FOLDER / f"{requirement.replace('==', '-').replace(' ', '+')}-{version}", install)


def installed_once(home: Path, install: Callable[[Path], object]) -> Path:
    """Give a folder that `install` has filled, now or in an earlier run."""
    FOLDER.mkdir(exist_ok=True)
    with _locked(FOLDER / "lock"):
        ready = home / "ready"
        if not ready.exists():
            shutil.rmtree(home, ignore_errors=True)
            home.mkdir()
            install(home)
            ready.touch()
    return home


def npm_packed(package: str, home: Path) -> Path:
    """Give the archive of an npm package, fetched into a folder."""
    done = _do(["npm", "pack", "--silent", package, "--pack-destination", str(home)], package)
    return home / done.strip()


def _do(command: list[str], requirement: str) -> str:
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout
    except (OSError, subprocess.SubprocessError) as error:
        output = str(getattr(error, "stderr", "") or error).strip().splitlines()
        raise EngineMissing(f"{requirement} cannot be installed: {output[-1] if output else error}") from error


@contextmanager
def _locked(path: Path) -> Generator[None, None, None]:
    """Keep other processes out, such as the workers of pytest-xdist."""
    try:
        import fcntl
    except ImportError as error:
        raise EngineMissing("the engines are started on Linux and macOS only") from error
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(process: subprocess.Popen[bytes], url: str) -> bool:
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with _direct.open(url, timeout=5) as answer:
                answer.read()
            return process.poll() is None
        except HTTPError as error:
            error.close()
        except OSError:
            pass
        time.sleep(0.1)
    return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()  # ends it at once, where a signal would have it wait for open connections
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
