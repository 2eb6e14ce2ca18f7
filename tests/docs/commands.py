"""What stands on the PATH while the shell blocks of the documentation run: `python commands.py NAME ARGUMENT...`.

What a laptop has runs as it is. What installs, deploys or takes minutes is looked at and not done: its options have to
exist, and the files that it reads have to be there.
"""

from __future__ import annotations

import os
import re
import runpy
import shlex
import subprocess
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).parent.parent.parent
#: The names that lead here, on the PATH and in the environments that the blocks make.
NAMES = ("cqrsless", "curl", "mkdocs", "pip", "python", "python3", "sam", "terraform")
TOOLS = ("basedpyright", "lint-imports", "mypy", "ruff")
#: Where the address of the server stands that `cqrsless dev` started, and its process.
SERVER = Path(os.environ.get("DOCS_HOME", ".")) / "server"


def refuse(why: str) -> NoReturn:
    raise SystemExit(f"{shlex.join(sys.argv[1:])}: {why}")


def install(folder: Path, names: Sequence[str] = (*NAMES, *TOOLS)) -> None:
    """Put scripts of these names into a folder, each of which comes here."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        script = folder / name
        script.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {shlex.quote(__file__)} {name} "$@"\n')
        script.chmod(0o755)


def pip(*arguments: str) -> None:
    """Let alone what is to be installed, if that is this project with extras that it has."""
    if arguments[:1] != ("install",):
        refuse("what is told is how to install")
    extras = re.findall(r"^(\w+) = \[", (ROOT / "pyproject.toml").read_text().split("optional-dependencies]")[1], re.M)
    for wanted in (one for one in arguments[1:] if not one.startswith("-")):
        found = re.fullmatch(r"(?:\.|cqrsless|/path/to/cqrsless)(?:\[(\w+)\])?", wanted)
        if found is None or found[1] not in (None, *extras):
            refuse(f"{wanted} is not this project, or has no such extra; there is {', '.join(extras)}")


def sam(*arguments: str) -> None:
    if arguments[0] not in ("build", "deploy") or not Path("template.yaml").is_file():
        refuse("it needs a template, and a command that is known")
    if "cqrsless" not in Path("requirements.txt").read_text(encoding="utf-8"):
        refuse("what it builds would lack cqrsless")


def terraform(*arguments: str) -> None:
    folder = arguments[0].partition("-chdir=")[2] or "."
    if arguments[-1] not in ("init", "apply") or not list(Path(folder).glob("*.tf.json")):
        refuse("it needs a folder with Terraform's JSON, and a command that is known")


def python(*arguments: str) -> None:
    """Run a user's tests as they are; of the project's own they are collected, and of a module the options are read."""
    if arguments[:2] == ("-m", "venv"):
        (folder,) = arguments[2:]
        install(Path(folder, "bin"))
        Path(folder, "bin", "activate").write_text(f'PATH="{Path(folder).resolve()}/bin:$PATH"\n')
        return
    if arguments[0] != "-m":
        refuse("what is told is how to run a module")
    module, *rest = arguments[1:]
    if module == "pytest" and "DOCS_OF_THE_PROJECT" not in os.environ:
        run(sys.executable, "-m", "pytest", "-p", "pytest_cqrsless", "-p", "no:cacheprovider", *rest)
    elif module == "pytest":
        where = [one for one in rest if Path(ROOT, one).exists()] or ["tests/test_keys.py"]
        options = [one for one in rest if one not in where]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", *options, "-n", "0", "-p", "no:cacheprovider", "--collect-only", *where],
            cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode not in (0, 5):  # 5: of this file, none is selected by the options
            refuse(done.stdout + done.stderr)
    else:
        _read_options(module, rest)


def _read_options(module: str, arguments: Sequence[str]) -> None:
    """Run a module up to where it has read its options."""
    import argparse

    if find_spec(module) is None:
        refuse(f"there is no module {module}")
    read = argparse.ArgumentParser.parse_args

    def parse_args(self: argparse.ArgumentParser, *args: object, **kwargs: object) -> NoReturn:
        read(self, *args, **kwargs)  # type: ignore[call-overload]
        raise SystemExit(0)

    argparse.ArgumentParser.parse_args = parse_args  # type: ignore[assignment,method-assign]
    sys.argv = [module, *arguments]
    if module.endswith(".generate"):  # has none, and writes a file
        return
    runpy.run_module(module, run_name="__main__", alter_sys=True)
    refuse(f"{module} reads no options")


def mkdocs(*arguments: str) -> None:
    from mkdocs.__main__ import cli

    cli.make_context("mkdocs", list(arguments))


def cqrsless(*arguments: str) -> None:
    """Run the command line; a server runs on, on a free port; what takes minutes is parsed alone."""
    from cqrsless.cli.group import cqrsless as group

    if arguments[:1] == ("package",):
        context = group.make_context("cqrsless", list(arguments))
        command = group.get_command(context, arguments[0])
        assert command is not None
        command.make_context(arguments[0], list(arguments[1:]), parent=context)
    elif arguments[:1] == ("dev",):
        _serve(arguments)
    else:
        run(sys.executable, "-m", "cqrsless", *arguments)


def _serve(arguments: Sequence[str]) -> None:
    log = SERVER.with_suffix(".log")
    with log.open("w") as told:
        server = subprocess.Popen(
            [sys.executable, "-m", "cqrsless", *arguments, "--port", "0"], stdout=told, stderr=told,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    while server.poll() is None:
        said = log.read_text()
        address = re.search(r"the application  http://(\S+)/", said)
        if address and re.search(r"^(loaded|not loaded)", said, re.M):
            SERVER.write_text(f"{server.pid} {address[1]}")
            if "not loaded" in said:
                refuse(said)
            return
    refuse(log.read_text())


def curl(*arguments: str) -> None:
    address = SERVER.read_text().split()[1]
    run("/usr/bin/env", "-u", "PATH", "curl", *(one.replace("localhost:8000", address) for one in arguments))


def run(*command: str) -> NoReturn:
    raise SystemExit(subprocess.run(command, check=False).returncode)


def tool(*_: str) -> None:
    """A checker of the project's own, which the checks of the project run."""


if __name__ == "__main__":
    name = sys.argv[1]
    actions = {"python3": python, **{one: globals()[one] for one in NAMES if one != "python3"}}
    actions.get(name, tool)(*sys.argv[2:])
