"""`application()`: what a script or a notebook loads, in a process that has imported nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

LIBRARY = """
from cqrsless import aggregate, command_handler

Book = aggregate("Book", id_field="isbn")

@command_handler("AddBook", aggregate=Book, creation="always")
def add_book(command, book, *, shelf="A", message):
    return {"shelf": shelf, "year": message.time.year}
"""
ADD = 'app.execute("AddBook", {"isbn": "1"})\nprint(app.store.url, app.load("Book", "1").state)'


def run(folder: Path, script: str, **environ: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CQRSLESS_")}
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=folder,
        env=environment | environ,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return (done.stdout + done.stderr).strip()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "library.py").write_text(LIBRARY)
    (tmp_path / "pyproject.toml").write_text('[tool.cqrsless]\napp = "library"\nstore = "sqlite:///books.db"\n')
    return tmp_path


def test_it_loads_what_pyproject_names_on_the_store_of_the_command_line(project: Path) -> None:
    says = run(project, f"import cqrsless\napp = cqrsless.application()\n{ADD}")
    assert says.startswith("sqlite:///books.db {'shelf': 'A', 'year': 2")
    shown = subprocess.run(
        [sys.executable, "-m", "cqrsless", "show", "Book", "1"], cwd=project, capture_output=True, text=True, timeout=60
    )
    assert shown.stdout.startswith("Book 1  version 1\n")


def test_it_does_so_from_a_folder_below(project: Path) -> None:
    (project / "notebooks").mkdir()
    says = run(project / "notebooks", f"from cqrsless import application\napp = application()\n{ADD}")
    assert says.startswith("sqlite:///") and "books.db" in says
    assert (project / "books.db").exists()


def test_a_store_a_clock_and_resources_may_be_given(project: Path) -> None:
    given = "'memory://', resources={'shelf': 'B'}, clock=lambda: datetime(2031, 1, 1, tzinfo=timezone.utc)"
    says = run(
        project,
        f"from datetime import datetime, timezone\nfrom cqrsless import application\napp = application({given})\n{ADD}",
    )
    assert says == "memory:// {'shelf': 'B', 'year': 2031}"
    assert not (project / "books.db").exists()


def test_an_app_that_is_named_keeps_its_store(project: Path) -> None:
    (project / "library.py").write_text(f"{LIBRARY}\nfrom cqrsless import App\napp = App('memory://own')\n")
    load = "from cqrsless import application\napp = application({})\n"
    assert run(project, load.format("") + ADD, CQRSLESS_APP="library:app").startswith("memory://own {")
    assert run(project, load.format("'memory://'") + ADD, CQRSLESS_APP="library:app").startswith("memory:// {")
    clocked = load.format("clock=lambda: __import__('datetime').datetime(2031, 1, 1).astimezone()")
    assert "memory://own" in run(project, clocked + ADD, CQRSLESS_APP="library:app")


def test_an_app_of_nothing_says_how_to_load_one(project: Path) -> None:
    says = run(project, f"from cqrsless import App\napp = App('memory://')\n{ADD}")
    assert says.endswith(
        "no command handler is registered for 'AddBook', nor any other in registry 'default': import the modules whose "
        "functions it has, or load what CQRSLESS_APP or pyproject.toml names: app = cqrsless.application()"
    )


def test_what_cannot_be_loaded_is_an_error_of_that(tmp_path: Path) -> None:
    assert "AppLoadError: there is no module 'app'" in run(tmp_path, "import cqrsless; cqrsless.application()")
