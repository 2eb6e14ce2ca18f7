"""What every command shares: which application and store are meant, exit codes, how a failure is told."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module
from typing import Any

import click
import pytest

from cqrsless import ConcurrencyConflict, NotFound, Rejected, StoreUnavailable
from cqrsless.cli.exits import FAILED, LOADING, REFUSED, UNAVAILABLE, USAGE, failure_of
from cqrsless.cli.group import COMMANDS


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_that_says_what_its_line_in_the_list_says(project: Any, name: str) -> None:
    module, line = COMMANDS[name]
    command: click.Command = import_module(f"cqrsless.cli.{module}").command
    assert command.get_short_help_str(200).rstrip(".") in line
    assert " ".join(line.split()) in " ".join(project.ok("--help").split())
    assert "Usage: cqrsless " + name in project.ok(name, "--help")


def test_an_unknown_command_is_wrong_usage_and_names_what_was_perhaps_meant(project: Any) -> None:
    result = project.run("rotes")
    assert result.exit_code == 2
    assert "no command is called 'rotes'; did you mean 'routes'?" in result.stderr


def test_the_application_is_the_one_of_the_project_wherever_in_it_a_person_is(project: Any, monkeypatch: Any) -> None:
    inner = project.folder / "docs" / "drafts"
    inner.mkdir(parents=True)
    monkeypatch.chdir(inner)
    assert "CreateOrder" in project.ok("routes")


def test_app_may_stand_before_or_behind_the_command(project: Any) -> None:
    project.write("pyproject.toml", "")
    assert project.run("routes").exit_code == LOADING
    assert "CreateOrder" in project.ok("--app", "shop:shop", "routes")
    assert "CreateOrder" in project.ok("routes", "--app", "shop:shop")


def test_an_application_that_cannot_be_loaded_is_one_line_and_its_own_exit_code(project: Any) -> None:
    project.write("broken.py", "1 / 0\n")
    result = project.run("routes", "--app", "broken")
    assert (result.exit_code, result.stdout) == (LOADING, "")
    assert result.stderr.startswith("AppLoadError: the application's module 'broken' cannot be imported")
    assert result.stderr.count("\n") == 1
    assert "Traceback" in project.run("routes", "--app", "broken", "--debug").stderr


def test_with_json_a_failure_is_an_object_on_standard_error(project: Any) -> None:
    result = project.run("--json", "routes", "--app", "nothing_here")
    told = json.loads(result.stderr)
    assert (result.exit_code, result.stdout, told["error"]) == (LOADING, "", "AppLoadError")
    assert told["message"].startswith("there is no module 'nothing_here' (--app names it) in ")


@pytest.mark.parametrize(
    ("args", "says", "usage"),
    [
        (("--json", "rotes"), "no command is called 'rotes'; did you mean 'routes'?", "cqrsless [OPTIONS]"),
        (("--nope", "--json", "routes"), "No such option", "cqrsless [OPTIONS]"),
        (("routes", "--nope", "--json"), "No such option", "cqrsless routes [OPTIONS]"),
        (("send", "--json"), "Missing argument 'NAME'.", "cqrsless send [OPTIONS] NAME [JSON]"),
        (("send", "--json", "CreateOrder", "{"), "the argument is not JSON", "cqrsless send [OPTIONS] NAME [JSON]"),
        (("letters", "drop", "mailer", "--json"), "Missing argument 'KEY'.", "cqrsless letters drop [OPTIONS] NAME"),
    ],
)
def test_with_json_a_wrong_usage_is_an_object_with_the_same_code(
    project: Any, args: tuple[str, ...], says: str, usage: str
) -> None:
    result = project.run(*args)
    told = json.loads(result.stderr)
    assert (result.exit_code, result.stdout, told["error"]) == (USAGE, "", "UsageError")
    assert says in told["message"] and told["usage"].startswith(usage)
    plain = project.run(*(arg for arg in args if arg != "--json"))
    assert (plain.exit_code, plain.stdout) == (USAGE, "") and plain.stderr.startswith(f"Usage: {usage}")


def test_in_a_folder_without_an_application_init_is_named(project: Any) -> None:
    (project.folder / "pyproject.toml").unlink()
    result = project.run("routes")
    assert result.exit_code == LOADING and "begin a project by `cqrsless init NAME`" in result.stderr


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Rejected("no"), REFUSED),
        (NotFound(), REFUSED),
        (ConcurrencyConflict(), UNAVAILABLE),
        (StoreUnavailable(), UNAVAILABLE),
        (KeyError("total"), FAILED),
    ],
)
def test_scripts_tell_failures_apart_by_their_codes(error: Exception, code: int) -> None:
    assert failure_of(error, debug=False).code == code


def test_a_bug_is_told_with_its_line_and_how_to_see_more(project: Any) -> None:
    try:
        exec(compile("def handler():\n    raise KeyError('total')\nhandler()\n", "shop.py", "exec"))
    except KeyError as error:
        failure = failure_of(error, debug=False)
    assert str(failure) == "'total' (shop.py, line 2); --debug shows the traceback"


def test_nothing_of_the_command_line_is_imported_with_cqrsless() -> None:
    code = "import sys, cqrsless; print([name for name in ('click', 'rich', 'cqrsless.cli') if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
