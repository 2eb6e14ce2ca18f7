"""Which of a project's files are the application's, and what `[tool.cqrsless.package]` may say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cqrsless.deploy.naming import DeploymentError
from cqrsless.deploy.packaging.application import application_files
from cqrsless.deploy.packaging.settings import package_settings, platform


def laid(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return laid(
        tmp_path,
        **{
            "billing/app.py": "from . import tax\nimport money.euro as euro\n\ndef late():\n    import mailing\n",
            "billing/tax.py": "",
            "billing/rates.json": "{}",
            "billing/.secret": "",
            "billing/tests/test_app.py": "",
            "billing/test_more.py": "",
            "billing/conftest.py": "",
            "money/euro.py": "import json, numbers\n",
            "mailing.py": "",
            "other.py": "",
            "tests/test_all.py": "",
            "data/tariff.json": "{}",
        },
    )


def found(
    root: Path, include: tuple[str, ...] = (), exclude: tuple[str, ...] = (), module: str = "billing.app"
) -> set[str]:
    return {*application_files(root, module, include, exclude)}


def test_what_the_application_imports_of_its_project_goes_in_whole(root: Path) -> None:
    assert found(root) == {"billing/app.py", "billing/tax.py", "billing/rates.json", "money/euro.py", "mailing.py"}


def test_a_src_folder_is_looked_into(root: Path, tmp_path: Path) -> None:
    laid(tmp_path, **{"src/shipping/app.py": "import carriers\n", "src/carriers.py": "", "src/shipping/data/a.csv": ""})
    assert found(root, module="shipping.app") == {"shipping/app.py", "carriers.py", "shipping/data/a.csv"}
    assert "shipping/extra.txt" in found(
        laid(tmp_path, **{"src/shipping/extra.txt": ""}), ("src/shipping/*.txt",), module="shipping.app"
    )


def test_more_may_be_included_and_some_left_out(root: Path) -> None:
    files = found(root, ("data/*.json", "other.py"), ("billing/rates.json", "mailing.py"))
    assert files == {"billing/app.py", "billing/tax.py", "money/euro.py", "data/tariff.json", "other.py"}


def test_a_pattern_that_matches_nothing_is_a_mistake(root: Path) -> None:
    with pytest.raises(DeploymentError, match=r"include = \['dta/\*'\] matches no file in"):
        found(root, ("dta/*",))
    with pytest.raises(DeploymentError, match=r"exclude = \['bill/\*'\] matches nothing that would be in the package"):
        found(root, (), ("bill/*",))


def test_a_module_that_is_no_python_is_told(root: Path) -> None:
    laid(root, **{"mailing.py": "def (:\n"})
    with pytest.raises(DeploymentError, match=r"mailing.py is no Python"):
        found(root)


# -- settings


def test_settings_are_those_of_the_project_unless_others_are_given(tmp_path: Path) -> None:
    laid(
        tmp_path,
        **{
            "pyproject.toml": '[tool.cqrsless]\napp = "billing.app:billing"\nname = "invoices"\n'
            'runtime = "python3.12"\n'
            'architecture = "x86_64"\n[tool.cqrsless.package]\ninclude = ["a"]\nrequirements = "r.txt"\ntrim = true\n'
            "layer = true\nservices = ['s3']\ncompile = false\n"
        },
    )
    made = package_settings(tmp_path, {})
    assert (made.app, made.module, made.output.name) == ("billing.app:billing", "billing.app", "invoices.zip")
    assert (made.platform, made.requirements) == (platform("python3.12", "x86_64"), tmp_path / "r.txt")
    assert (made.include, made.services, made.trim, made.layer) == (("a",), ("s3",), True, True)
    assert (made.boto3, made.compiled, made.exclude) == (True, False, ())
    other = package_settings(
        tmp_path, {"CQRSLESS_APP": "other"}, python="3.13", architecture="arm64", output=Path("o.zip")
    )
    assert (other.app, str(other.platform), other.output) == ("other", "Python 3.13 on arm64", Path("o.zip"))


def test_without_a_project_file_all_is_usual(tmp_path: Path) -> None:
    made = package_settings(tmp_path, {"CQRSLESS_APP": "billing.app"})
    assert (str(made.platform), made.output) == ("Python 3.13 on arm64", tmp_path / "build" / "billing-app.zip")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("trimm = true", "has no 'trimm'; did you mean 'trim'?"),
        ("trim = 1", "has trim = 1, and it is true or false"),
        ("include = 'a'", "has include = 'a', and it is a list of texts"),
        ("trim = true\nboto3 = false", "there is nothing to trim in a package without boto3"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_told(tmp_path: Path, text: str, told: str) -> None:
    laid(tmp_path, **{"pyproject.toml": f"[tool.cqrsless.package]\n{text}\n"})
    with pytest.raises(DeploymentError) as raised:
        package_settings(tmp_path, {})
    assert told in str(raised.value)


@pytest.mark.parametrize("runtime", ["python3.9", "nodejs20.x", "3", "4.0"])
def test_a_runtime_that_there_is_not_is_told(runtime: str) -> None:
    with pytest.raises(DeploymentError, match=f"there is no runtime '{runtime}': write a Python from 3.10 on"):
        platform(runtime, "arm64")


def test_wheels_are_those_that_the_runtimes_own_libraries_run() -> None:
    tags = platform("3.12", "arm64").tags
    assert tags[0] == "manylinux_2_34_aarch64" and "manylinux2014_aarch64" in tags and "manylinux_2_17_aarch64" in tags
    assert platform("3.11", "x86_64").tags[0] == "manylinux_2_26_x86_64"  # Amazon Linux 2


def test_the_command_tells_what_it_made(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import json

    from click.testing import CliRunner

    from cqrsless.cli.exits import LOADING
    from cqrsless.cli.group import cqrsless
    from tests.deploy.packaging.conftest import HERE

    monkeypatch.chdir(project.folder)
    arguments = ["package", "--app", "shop", "--python", HERE, "--trim"]
    told = CliRunner().invoke(cqrsless, arguments)
    assert told.exit_code == 0, told.stderr
    first, *rest = told.stdout.splitlines()
    assert first.startswith(f"{project.folder}/build/shop.zip  ") and "sha256 " in first
    assert [line.split()[0] for line in rest] == ["unpacked", "largest", "trimmed", "a", "start", "imports"]
    assert "pins no versions; a lock makes the package the same tomorrow" in told.stderr
    row = json.loads(CliRunner().invoke(cqrsless, [*arguments[:-1], "--no-measure", "--json", "-o", "b.zip"]).stdout)
    assert row["archives"][0]["file"] == "b.zip" and "start_ms" not in row and "trimmed" not in row
    failed = CliRunner().invoke(cqrsless, ["package", "--app", "nowhere"])
    assert failed.exit_code == LOADING and failed.stderr.startswith("UnloadableApp: there is no module 'nowhere'")
    project.write("broken.py", "import nothing_of_that_name\n")
    project.write("cut.py", "def (\n")
    for app, says in (("broken", "'nothing_of_that_name' (broken.py, line 1)"), ("cut", "cut.py is no Python")):
        failed = CliRunner().invoke(cqrsless, ["package", "--app", app, "--python", HERE])
        assert failed.exit_code == LOADING and says in failed.stderr
