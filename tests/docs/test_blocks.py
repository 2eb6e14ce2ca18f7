"""Every block of code in the documentation is run, or read by what would read it.

Blocks of Python are run by tests/test_readme.py, and what a console shows on docs/cli.md by tests/cli/test_page.py.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from cqrsless.deploy.overlay import read_overlay
from cqrsless.deploy.packaging.settings import package_settings
from cqrsless.loading import local_store, setting
from tests.docs.commands import install
from tests.docs.pages import FILES, GUIDES, NAMED, PAGES, README, ROOT, blocks, blocks_of, files_in

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

RUN = {"python", "py", "sh", "zsh", "fish", "toml", "yaml", "hcl"}
#: Pages whose blocks are for a checkout of the project; the others' are for a project of the reader's own.
OF_THE_PROJECT = {"README.md"}
#: The files of the application that a page is about, where it does not name them itself.
SHOP = "from shop import *\nimport reading, reacting\n"
ORDERS = {
    "orders/__init__.py": "", "orders/app.py": SHOP, "pyproject.toml": '[tool.cqrsless]\napp = "orders.app"\n',
}  # fmt: skip
APPLICATIONS: Mapping[str, Mapping[str, str]] = {
    "deploy.md": ORDERS,
    "packaging.md": ORDERS,
    "openapi.md": {"pyproject.toml": '[tool.cqrsless]\napp = "shop"\n'},
    "cli.md": {"pyproject.toml": '[tool.cqrsless]\napp = "shop"\n'},
}
#: What a block prints that begins with a command, where its page says so.
ANSWERS = {
    "curl": ("HTTP/1.1 409", "Dune is with ada"),
    "export": ("remind-1-1", "1 command run", "ChargeFine  Account ada", "+ owed: 1"),
}
WITH_SHELL = {path: page for path, page in PAGES.items() if blocks("sh", page)}

bash = pytest.mark.skipif(sys.platform == "win32" or not shutil.which("bash"), reason="the blocks are for bash")


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


class Shell:
    """A shell in a fresh folder; it ends what it started."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.folder = folder / "work"
        self.home.mkdir()
        self.folder.mkdir()
        install(self.home / "bin")
        self.environ = {
            name: value for name, value in os.environ.items() if not name.startswith(("CQRSLESS_", "PYTEST_"))
        }
        self.environ |= {
            "PATH": f"{self.home}/bin:{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "DOCS_HOME": str(self.home),
            "PYTHONDONTWRITEBYTECODE": "1",
        }  # fmt: skip

    def write(self, name: str, text: str) -> None:
        file = self.folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def run(self, block: str) -> str:
        """Run a block's lines to the last or to one that fails, and go on from the folder and PATH that it leaves."""
        lines = "\n".join(f"eval {shlex.quote(line)} || exit 1" for line in block.splitlines())
        script = f'{lines}\npwd > {self.home}/folder\necho "$PATH" > {self.home}/path\n'
        with (self.home / "told").open("w+") as told:
            done = subprocess.run(
                ["bash", "-c", script], cwd=self.folder, env=self.environ, stdin=subprocess.DEVNULL, stdout=told,
                stderr=subprocess.STDOUT, timeout=120, check=False,
            )  # fmt: skip
            told.seek(0)
            said = told.read()
        assert done.returncode == 0, f"{block}\n{said}"
        self.folder = Path((self.home / "folder").read_text().strip())
        self.environ["PATH"] = (self.home / "path").read_text().strip()
        return said

    def close(self) -> None:
        server = self.home / "server"
        if server.exists():
            # A shell lets what it starts in the background ignore Ctrl-C.
            os.kill(int(server.read_text().split()[0]), signal.SIGTERM)


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    made = Shell(tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_every_block_is_in_a_language_that_is_run(path: Path) -> None:
    for block in blocks_of(PAGES[path]):
        shown = block.language == "" and "examples" in path.parts  # what a run of the example prints, in part
        assert block.language in RUN or shown or (block.language, path.name) == ("console", "cli.md"), block


@pytest.mark.parametrize("path", [path for path in GUIDES if path != README], ids=name_of)
def test_a_page_says_whose_files_its_examples_import(path: Path) -> None:
    code = "\n".join(blocks("python", PAGES[path]))
    imported = {f"{name}.py" for name in re.findall(r"^(?:import|from) (\w+)", code, re.MULTILINE)}
    for name in imported & FILES.keys() - files_in(PAGES[path]).keys():
        assert re.search(rf"`{re.escape(name)}`[^.]*(\.py[^.]*)* of the\s+\[README\]", PAGES[path]), name


@bash
@pytest.mark.parametrize("path", WITH_SHELL, ids=name_of)
def test_the_shell_blocks_of_a_page_run_one_after_the_other(path: Path, shell: Shell) -> None:
    if path.name in OF_THE_PROJECT:
        shell.environ["DOCS_OF_THE_PROJECT"] = "1"
        shell.run("python3 -m venv .venv && mkdir .ci && ln -s /bin/true .ci/run")
    for name, text in (*FILES.items(), *APPLICATIONS.get(path.name, {}).items()):
        shell.write(name, text)
    for block in blocks_of(PAGES[path]):
        if block.language == "sh":
            said = shell.run(block.code)
            for answer in ANSWERS.get(block.code.split()[0], ()):
                assert answer in said
        elif block.language == "python" and (named := NAMED.match(block.code)):
            shell.write(named[1], block.code)
        elif block.language == "toml":
            shell.write("pyproject.toml", block.code)
        elif block.language == "py":  # for the CDK, of the template that the page tells to make for it
            shell.write("stack.py", block.code)
            shell.run("cqrsless template --app orders.app --format cloudformation -o template.json")
            stubs = Path(__file__).parent / "stubs"
            shell.run(f"PYTHONPATH={shlex.quote(str(stubs))} {shlex.quote(sys.executable)} stack.py")
        elif block.language == "hcl":
            made = json.loads((shell.folder / "infra" / "orders.tf.json").read_text())["resource"]
            changed = re.findall(r'^resource "(\w+)" "(\w+)" \{$', block.code, re.MULTILINE)
            assert changed and all(name in made[kind] for kind, name in changed)


@bash
@pytest.mark.parametrize("language", ["zsh", "fish"])
def test_completion_is_there_for_the_other_shells(language: str, shell: Shell) -> None:
    (block,) = blocks(language, PAGES[ROOT / "docs" / "cli.md"])
    called = re.search(r"_CQRSLESS_COMPLETE=\w+ cqrsless", block)
    assert called is not None
    assert {"zsh": "compdef", "fish": "complete --no-files --command cqrsless"}[language] in shell.run(called[0])


TOMLS = [(path, block) for path, page in PAGES.items() for block in blocks_of(page) if block.language == "toml"]


@pytest.mark.parametrize(("path", "block"), TOMLS, ids=[f"{name_of(path)}-{block.line}" for path, block in TOMLS])
def test_each_block_of_settings_is_one_that_cqrsless_reads(path: Path, block: Any, tmp_path: Path) -> None:
    assert set(tomllib.loads(block.code)) == {"tool"} and set(tomllib.loads(block.code)["tool"]) == {"cqrsless"}
    (tmp_path / "pyproject.toml").write_text(block.code, encoding="utf-8")
    for needed in re.findall(r'requirements = "(.+)"', block.code):
        (tmp_path / needed).parent.mkdir(exist_ok=True)
        (tmp_path / needed).write_text("", encoding="utf-8")
    settings = package_settings(tmp_path, {})  # which reads what the template reads, too
    assert settings.app == setting({}, tmp_path).text == tomllib.loads(block.code)["tool"]["cqrsless"]["app"]
    assert local_store({}, tmp_path).startswith("sqlite:///")


YAMLS = [(path, block) for path, page in PAGES.items() for block in blocks_of(page) if block.language == "yaml"]


@pytest.mark.parametrize(("path", "block"), YAMLS, ids=[f"{name_of(path)}-{block.line}" for path, block in YAMLS])
def test_each_block_of_yaml_is_an_overlay_of_a_template(path: Path, block: Any, tmp_path: Path) -> None:
    (tmp_path / "template.overlay.yaml").write_text(block.code, encoding="utf-8")
    assert read_overlay(tmp_path / "template.overlay.yaml")["Resources"]
