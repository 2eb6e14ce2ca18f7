"""A new project: it runs, it passes its own tests, and nothing is overwritten."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cqrsless.cli.beginning import files, origin, package_name


def run(folder: Path, *args: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([sys.executable, "-m", *args], cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == code, (done.stdout, done.stderr)
    return done


def test_a_new_project_passes_its_tests_and_runs(project: Any) -> None:
    project.ok("init", "web-shop")
    folder = project.folder / "web-shop"
    assert "5 passed" in run(folder, "pytest", "-q", "-W", "error").stdout
    order = '{"order_id": "o-1", "customer_id": "c-1", "total": "19.90"}'
    assert "OrderPlaced" in run(folder, "cqrsless", "send", "PlaceOrder", order).stdout
    assert '"status": "placed"' in run(folder, "cqrsless", "ask", "OrdersOfCustomer", '{"customer_id": "c-1"}').stdout
    assert "OrderPlaced" in run(folder / "tests", "cqrsless", "events", "Order", "o-1").stdout
    assert "web_shop/app.py:" in run(folder, "cqrsless", "routes").stdout


def test_nothing_is_ever_overwritten(project: Any) -> None:
    project.write("web/pyproject.toml", "mine")
    result = project.run("init", "web")
    assert (result.exit_code, result.stderr) == (1, "web holds pyproject.toml already: nothing was written\n")
    assert [path.name for path in (project.folder / "web").iterdir()] == ["pyproject.toml"]
    project.write("taken", "a file")
    assert project.run("init", "taken").exit_code == 1
    assert (project.folder / "taken").read_text() == "a file"


def test_a_folder_with_other_files_is_taken(project: Any) -> None:
    project.write("web/notes.txt", "mine")
    project.ok("init", "web")
    assert (project.folder / "web/notes.txt").read_text() == "mine"


def test_the_folder_itself_is_taken_with_what_a_new_repository_holds(
    project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.write("web-shop/.git/HEAD", "ref: refs/heads/main")
    project.write("web-shop/README.md", "mine")
    folder = project.folder / "web-shop"
    monkeypatch.chdir(folder)
    result = project.run("init", ".")
    assert (result.exit_code, result.stderr.splitlines()[0]) == (0, "README.md stays as it is")
    assert result.stdout.splitlines() == [
        "pyproject.toml", "web_shop/__init__.py", "web_shop/app.py", "tests/test_orders.py", ".gitignore",
    ]  # fmt: skip
    assert (folder / "README.md").read_text() == "mine"
    assert 'name = "web-shop"' in (folder / "pyproject.toml").read_text()
    assert "5 passed" in run(folder, "pytest", "-q", "-W", "error").stdout
    assert project.run("init", ".").exit_code == 1


@pytest.mark.parametrize(
    ("noted", "says"),
    [
        (None, ""),
        ('{"url": "file:///src/cqrsless", "dir_info": {"editable": true}}', ""),
        (
            '{"url": "https://git.example.org/cqrsless", "vcs_info": {"vcs": "git", "commit_id": "c0ffee"}}',
            'pip install "cqrsless[dev] @ git+https://git.example.org/cqrsless@c0ffee"\n',
        ),
        (
            '{"url": "https://example.org/cqrsless-1.0-py3-none-any.whl", "archive_info": {}}',
            'pip install "cqrsless[dev] @ https://example.org/cqrsless-1.0-py3-none-any.whl"\n',
        ),
    ],
)
def test_the_readme_installs_what_is_on_no_index_from_where_others_have_it(
    monkeypatch: pytest.MonkeyPatch, noted: str | None, says: str
) -> None:
    class Installed:
        def read_text(self, name: str) -> str | None:
            return noted if name == "direct_url.json" else None

    monkeypatch.setattr("cqrsless.cli.beginning.distribution", lambda name: Installed())
    readme = files("web", "web", origin())["README.md"]
    assert f"```sh\n{says}pip install -e '.[dev]'\npython -m pytest\n" in readme
    assert "file:" not in readme


@pytest.mark.parametrize("name", ["json", "class", "9lives", "tests", "a b", "cqrsless", "-", ".."])
def test_a_name_that_makes_no_module_of_its_own_is_refused(project: Any, name: str) -> None:
    assert package_name(Path(name).name) is None
    assert project.run("init", "--", name).exit_code == 2


def test_every_file_ends_with_a_newline_and_names_the_project() -> None:
    made = files("web-shop", "web_shop", None)
    assert all(text == "" or text.endswith("\n") for text in made.values())
    assert 'app = "web_shop"' in made["pyproject.toml"]
