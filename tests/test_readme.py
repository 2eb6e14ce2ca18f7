"""The README and the pages of docs/: their Python runs (other blocks: tests/docs), and their tables say what the code
says."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import cqrsless
from cqrsless import App, CommandResult, errors
from cqrsless.delivery.letters import Letters
from cqrsless.testing import Given, Outcome, Reaction, lambda_events
from tests.docs.pages import FILES, NAMED, ROOT, blocks, files_in
from tests.docs.pages import GUIDES as PAGES
from tests.docs.pages import README as README_FILE

README = PAGES[README_FILE]
CI = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
PACKAGE = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "cqrsless").rglob("*.py"))


def section(title: str) -> str:
    found = re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", README, re.MULTILINE | re.DOTALL)
    assert found, f"no section {title!r}"
    return found[1]


def rows(title: str) -> list[list[str]]:
    """Give the cells of a section's first table, without its head."""
    lines = [line for line in section(title).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines[2:]]


SCRIPTS = {
    f"{path.stem}-{number}": (code, files_in(page))
    for path, page in PAGES.items()
    for number, code in enumerate(blocks("python", page), 1)
    if not NAMED.match(code) or NAMED.match(code)[1].startswith("test_")  # type: ignore[index]
    if code not in FILES.values()
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the files that the README names."""
    for name, code in FILES.items():
        (tmp_path / name).write_text(code, encoding="utf-8")
    return tmp_path


def python(folder: Path, *arguments: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("CQRSLESS_", "PYTEST_"))}
    environment["PYTHONPATH"] = str(ROOT)
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("code", "files"), SCRIPTS.values(), ids=SCRIPTS)
def test_each_block_of_python_runs(code: str, files: dict[str, str], folder: Path) -> None:
    assert "assert " in code or ".then" in code, "a block that claims nothing shows nothing"
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    application = "library" if "library.py" in files else "shop"
    (folder / "pyproject.toml").write_text(f'[tool.cqrsless]\napp = "{application}"\n', encoding="utf-8")
    named = NAMED.match(code)
    if named is None:
        (folder / "block.py").write_text(code, encoding="utf-8")
        python(folder, "block.py")
        return
    options = ("-q", "-p", "pytest_cqrsless", "-p", "no:cacheprovider", "--rootdir=.")
    python(folder, "-m", "pytest", *options, named[1])


def test_the_tests_of_the_first_application_pass(folder: Path) -> None:
    assert set(FILES) == {"shop.py", "test_shop.py", "reading.py", "reacting.py"}
    python(folder, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(folder), "test_shop.py")


def test_two_lines_set_everything_up() -> None:
    lines = [line for block in blocks("sh", README) for line in block.splitlines() if line.startswith("python3 ")]
    assert [line.rpartition(" -m ")[2] for line in lines] == ["examples.orders", "pytest -q -n auto"]
    assert all(line.startswith("python3 -m venv .venv && .venv/bin/pip install -q -e ") for line in lines)


def test_the_checks_run_the_test_line_of_the_readme() -> None:
    [line] = section("Test it").split("```sh\n")[1].split("\n```")[0].splitlines()
    assert CI.splitlines().count(line) == 1


def test_the_checks_run_what_contributors_are_told_to_run() -> None:
    tools = set(re.findall(r"\.venv/bin/(ruff \w+|mypy|basedpyright|lint-imports)", section("Contributing")))
    assert tools == {"ruff check", "ruff format", "mypy", "basedpyright", "lint-imports"}
    assert tools == set(re.findall(r"\.venv/bin/(ruff \w+|mypy|basedpyright|lint-imports)", CI))


def anchors(page: str) -> set[str]:
    titles = re.findall(r"^#{1,3} (.+)$", page, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_links_lead_somewhere(path: Path) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", PAGES[path]):
        if not link.startswith("http"):
            name, _, anchor = link.partition("#")
            target = (path.parent / name).resolve() if name else path
            assert target.exists(), link
            assert not anchor or anchor in anchors(PAGES[target]), link
    for told in re.findall(r"`((?:cqrsless|tests|examples|benchmarks|docs)/[\w/.]+)`", PAGES[path]):
        assert (ROOT / told).exists(), told


def test_every_page_is_reached_from_the_readme() -> None:
    assert {path.name for path in PAGES} - {"README.md"} <= set(re.findall(r"\]\(docs/([^)#]+)", README))


@pytest.mark.parametrize("example", ["orders", "bank"])
def test_the_readme_of_an_example_names_its_files(example: str) -> None:
    folder = ROOT / "examples" / example
    readme = (folder / "README.md").read_text(encoding="utf-8")
    linked = set(re.findall(r"\]\(([^)]+)\)", readme))
    assert linked <= {path.name for path in folder.iterdir()}
    assert {path.name for path in folder.glob("*.py")} - {"__init__.py"} <= linked


def test_every_section_is_in_the_contents() -> None:
    titles = re.findall(r"^## (.+)$", README, re.MULTILINE)
    assert re.findall(r"\[([^]]+)\]\(#", README.split("**Contents:**")[1].split("\n\n")[0]) == [
        t.lower() for t in titles
    ]


def test_every_error_stands_in_the_table_with_its_status() -> None:
    steering = {errors.GiveUp, errors.RetryLater}  # of event handlers: told below the table
    known = {
        name: error.status
        for name, error in vars(errors).items()
        if isinstance(error, type) and issubclass(error, errors.CqrslessError) and error not in steering
    }
    del known["CqrslessError"]
    assert {row[0].strip("`"): int(row[1]) for row in rows("Errors")} == known
    assert all(error.__name__ in section("Errors") for error in steering)


def test_every_setting_stands_in_the_table() -> None:
    assert set(re.findall(r"`(CQRSLESS_\w+)`", section("Settings"))) == set(
        re.findall(r"\bCQRSLESS_[A-Z_]+\b", PACKAGE)
    )


def test_every_decorator_stands_in_the_table() -> None:
    told = set(re.findall(r"`@?(\w+)[(`]", " ".join(row[0] for row in rows("Decorators"))))
    decorators = {name for name in cqrsless.__all__ if getattr(cqrsless, name) in _methods_of_default()}
    assert decorators <= told | {"aggregate"}
    assert told <= set(cqrsless.__all__)


def _methods_of_default() -> list[Any]:
    from cqrsless.registry import DEFAULT

    return [getattr(DEFAULT, name) for name in dir(DEFAULT) if inspect.ismethod(getattr(DEFAULT, name))]


@pytest.mark.parametrize(
    "name",
    [
        *("command_handler", "query_handler", "evolver", "event_type", "upcaster", "aggregate"),
        *("processor", "event_handler", "view", "projector", "publisher"),
    ],
)
def test_the_parameters_of_a_decorator_are_those_that_are_told(name: str) -> None:
    told = re.search(rf"{name}\(([^)]*)\)", section("Aggregates" if name == "aggregate" else "Decorators"))
    assert told
    parameters = set(inspect.signature(getattr(cqrsless, name)).parameters)
    for parameter in re.findall(r"(\w+)=", told[1]):
        assert parameter in parameters
    assert {p for p in parameters if p not in ("name", "names")} <= {*re.findall(r"\w+", told[1])}


def test_what_the_application_is_said_to_do_it_does() -> None:
    for method in re.findall(r"`app\.(\w+)\(", section("The application")):
        assert callable(getattr(App, method))
    assert set(re.findall(r"`(\w+)`", rows("The application")[2][1])) - {"CommandResult"} <= set(
        inspect.signature(CommandResult).parameters
    )
    for name in re.findall(r"`app\.(\w+)`", section("The application")):
        assert isinstance(vars(App)[name], property)
    for name in re.findall(r"`\.(\w+)\(", section("The application")):
        assert callable(getattr(Letters, name))


def test_what_tests_are_said_to_have_they_have() -> None:
    page = PAGES[ROOT / "docs" / "testing.md"]
    commands, events = page.split("## Events")[0], page.split("## Events")[1].split("\n## ")[0]
    for part, outcome in ((commands, Outcome), (events, Reaction)):
        told = set(re.findall(r"`\.(\w+)\(", part))
        checks = {name for name in vars(outcome) if name.startswith("then") or name == "twice"}
        steps = {name for name in vars(Given) if not name.startswith("_")} if outcome is Outcome else {"when"}
        assert told == checks | steps
    assert set(re.findall(r"^\| `(\w+)\(", page.split("## Lambda's events")[1], re.M)) <= set(lambda_events.__all__)
    assert set(lambda_events.__all__) - {"OnFailure"} <= set(re.findall(r"`(\w+)\(", page))


def test_the_changelog_has_a_place_for_what_comes() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(r"^## \[Unreleased\]$", changelog, re.MULTILINE)
    kinds = set(re.findall(r"^### (\w+)$", changelog, re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_the_ways_to_select_a_function_are_those_of_the_code() -> None:
    from cqrsless.publishing.publishers import PUBLISHER
    from cqrsless.reacting.members import INDEXER, VIEWS

    told = PAGES[ROOT / "docs" / "aws.md"].split("## Functions")[1].split("\n## ")[0]
    names = set(re.findall(r"^\| `([a-z]+)`", told, re.MULTILINE))
    assert names == {VIEWS, INDEXER, PUBLISHER.name, "default"}


def test_the_permissions_are_those_of_the_calls_that_are_made() -> None:
    stores = [path.read_text(encoding="utf-8") for path in (ROOT / "cqrsless" / "stores").glob("dynamodb*.py")]
    calls = r'"((?:Get|Put|Delete|Update)Item|(?:Create|Describe)Table|(?:List|Tag)\w*Resource|Query|Scan)"'
    called = set(re.findall(calls, "\n".join(stores)))
    assert {"GetItem", "PutItem", "Query", "Scan", "CreateTable", "DescribeTable"} <= called
    told = PAGES[ROOT / "docs" / "aws.md"].split("## Permissions")[1]
    assert called | {"DeleteItem"} <= set(re.findall(r"`(?:\w+:)?(\w+)`", told))
