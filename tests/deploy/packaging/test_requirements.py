"""What an application depends on is read from whatever says so most exactly."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from cqrsless.deploy.naming import DeploymentError
from cqrsless.deploy.packaging.installing import install
from cqrsless.deploy.packaging.requirements import requirements_of
from cqrsless.deploy.packaging.settings import Platform, platform
from tests.deploy.packaging.conftest import OWN_NEEDS
from tests.engines import EngineMissing, console_script, go_without

LAMBDA = platform("python3.13", "arm64")


def lines(folder: Path, given: Path | None = None) -> list[str]:
    """Give the lines that are the project's own."""
    found = requirements_of(folder, given, LAMBDA).lines
    return [line for line in found if not line.startswith(("boto3", "marshmallow", "typing-extensions"))]


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text, encoding="utf-8")
    return folder


def test_a_lock_goes_before_requirements_and_those_before_what_pins_nothing(tmp_path: Path) -> None:
    write(tmp_path, pyproject__toml='[project]\ndependencies = ["orjson>=3"]\n')
    found = requirements_of(tmp_path, None, LAMBDA)
    assert lines(tmp_path) == ["orjson>=3"] and not found.locked and "pins no versions" in found.origin
    write(tmp_path, requirements__txt="orjson==3.10.0\n")
    assert lines(tmp_path) == ["orjson==3.10.0"] and requirements_of(tmp_path, None, LAMBDA).locked
    write(
        tmp_path,
        pylock__toml='packages = [{name = "orjson", version = "3.11.0", sdist = {hashes = {sha256 = "ab"}}}]\n',
    )
    assert lines(tmp_path) == ["orjson==3.11.0 --hash=sha256:ab"]
    assert lines(tmp_path, tmp_path / "requirements.txt") == ["orjson==3.10.0"]


def test_without_any_there_is_cqrsless_and_what_that_needs(tmp_path: Path) -> None:
    found = requirements_of(tmp_path, None, LAMBDA)
    assert sorted(line.partition(">")[0].partition("<")[0] for line in found.lines) == [
        "boto3",
        "marshmallow",
        "typing-extensions",
    ]


def test_a_version_that_the_project_has_is_the_one(tmp_path: Path) -> None:
    write(tmp_path, requirements__txt="cqrsless\nBoto3==1.40.0\n")
    found = requirements_of(tmp_path, None, LAMBDA).lines
    assert [line for line in found if line.lower().startswith("boto3")] == ["Boto3==1.40.0"]
    assert not [line for line in found if line.startswith("cqrsless")]


def test_extras_of_cqrsless_are_installed(tmp_path: Path) -> None:
    write(tmp_path, pyproject__toml='[project]\ndependencies = ["cqrsless[fast, tracing]"]\n')
    assert [line.partition(">")[0] for line in lines(tmp_path)] == ["orjson", "opentelemetry-api"]


def test_another_cqrsless_than_this_one_is_refused(tmp_path: Path) -> None:
    write(tmp_path, requirements__txt="cqrsless==99.0\n")
    with pytest.raises(
        DeploymentError, match=rf"asks for cqrsless==99.0, and this is cqrsless {version('cqrsless')}, which"
    ):
        requirements_of(tmp_path, None, LAMBDA)


def test_a_requirements_file_is_read_as_pip_reads_it(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "base.txt").write_text("attrs==1.0  # of old\n-c limits.txt\n")
    (tmp_path / "more" / "limits.txt").write_text("attrs<2\n")
    write(
        tmp_path,
        requirements__txt="\ufeff# all of it\n\n-r more/base.txt\n--index-url=https://packages.example/simple\n"
        "orjson==3.10.0 ; python_version >= '3.10' \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n",
    )
    assert lines(tmp_path) == [
        "attrs==1.0",
        f"-c {(tmp_path / 'more' / 'limits.txt').resolve()}",
        "--index-url=https://packages.example/simple",
        "orjson==3.10.0 ; python_version >= '3.10' --hash=sha256:aa --hash=sha256:bb",
    ]
    assert requirements_of(tmp_path, None, LAMBDA).hashed


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("-e .\n", "has '-e .': what is edited in place is not installed into a package"),
        ("-r requirements.txt\n", "names itself by -r"),
        ("-r missing.txt\n", "missing.txt cannot be read"),
        ("orjson = 3\n", "no requirement"),
        ("--no-binary :all:\n", "has the option '--no-binary :all:', which a package cannot be made with"),
    ],
)
def test_what_a_package_cannot_be_made_of_is_told(tmp_path: Path, text: str, told: str) -> None:
    write(tmp_path, requirements__txt=text)
    with pytest.raises(DeploymentError) as raised:
        requirements_of(tmp_path, None, LAMBDA)
    assert told in str(raised.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DeploymentError, match="there is no file"):
        requirements_of(tmp_path, tmp_path / "req.txt", LAMBDA)


@pytest.mark.parametrize(
    ("lock", "export"), [("poetry.lock", "poetry export"), ("pdm.lock", "pdm export"), ("Pipfile.lock", "pipenv")]
)
def test_a_lock_of_another_tool_is_not_passed_over(tmp_path: Path, lock: str, export: str) -> None:
    (tmp_path / lock).write_text("")
    with pytest.raises(DeploymentError, match=f"{lock} is not read here: .*{export}"):
        requirements_of(tmp_path, None, LAMBDA)


def test_a_pylock_has_versions_markers_and_all_hashes(tmp_path: Path) -> None:
    write(
        tmp_path,
        pylock__toml="""
lock-version = "1.0"
[[packages]]
name = "shop"
directory = {path = "."}
[[packages]]
name = "orjson"
version = "3.10.0"
marker = "python_version >= '3.10'"
wheels = [{name = "a.whl", hashes = {sha256 = "aa"}}, {name = "b.whl", hashes = {sha256 = "bb"}}]
""",
    )
    assert lines(tmp_path) == ["orjson==3.10.0 ; python_version >= '3.10' --hash=sha256:aa --hash=sha256:bb"]
    write(tmp_path, pylock__toml='packages = [{name = "mine", vcs = {type = "git", url = "x"}}]\n')
    with pytest.raises(DeploymentError, match="locks mine to a folder, an archive or a repository"):
        requirements_of(tmp_path, None, LAMBDA)


def test_a_uv_lock_is_exported_by_uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, uv__lock="")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DeploymentError, match=r"uv.lock is read by uv, which is not here: pip install uv, or write"):
        requirements_of(tmp_path, None, LAMBDA)
    uv = tmp_path / "uv"
    uv.write_text(
        '#!/bin/sh\necho "# made by uv"\nprintf "orjson==3.10.0 \\\\\\\\\\n    --hash=sha256:aa\\n    # via shop\\n"\n'
    )
    uv.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/bin{os.pathsep}/usr/bin")
    assert lines(tmp_path) == ["orjson==3.10.0 --hash=sha256:aa"]
    uv.write_text("#!/bin/sh\necho broken lock >&2\nexit 2\n")
    with pytest.raises(DeploymentError, match=r"uv cannot export .*: broken lock"):
        requirements_of(tmp_path, None, LAMBDA)


@pytest.fixture(scope="session")
def uv() -> Path:
    """The real one; for the session, so that it is installed before a project's pip is kept away from the index."""
    try:
        return console_script("uv==0.13.9", "uv")
    except EngineMissing as error:
        go_without(str(error))


@pytest.mark.server
def test_the_real_uv_exports_its_lock_for_any_platform(
    uv: Path, project: Any, make_wheel: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    make_wheel("backport")
    make_wheel("linter")
    make_wheel("fetcher", Requires_Dist='backport; python_version < "3.12"')
    project.write(
        "pyproject.toml",
        '[project]\nname = "shop"\nversion = "1"\nrequires-python = ">=3.10"\ndependencies = ["fetcher"]\n'
        '[dependency-groups]\ndev = ["linter"]\n',
    )
    lock = ["lock", "--quiet", "--no-index", "--find-links", str(tmp_path / "wheels"), "--python", sys.executable]
    subprocess.run([str(uv), *lock], cwd=project.folder, check=True)
    monkeypatch.setenv("PATH", f"{uv.parent}{os.pathsep}{os.environ['PATH']}")
    found = requirements_of(project.folder, None, Platform("3.13", "arm64"))
    assert (found.origin, found.locked) == ("uv.lock", True)
    assert [line for line in found.lines if not line.startswith(OWN_NEEDS)] == [
        "backport==1.0 ; python_full_version < '3.12'",
        "fetcher==1.0",
    ]
    own = found._replace(lines=tuple(line for line in found.lines if not line.startswith(OWN_NEEDS)))
    for python, there in (("3.11", {"fetcher", "backport"}), ("3.13", {"fetcher"})):
        install(own, tmp_path / python, Platform(python, "arm64"))
        assert {one.name for one in (tmp_path / python).iterdir() if not one.name.endswith(".dist-info")} == there


def test_hashes_are_held_against_what_is_installed(project: Any, make_wheel: Any) -> None:
    make_wheel("fetcher")
    project.write("requirements.txt", "fetcher==1.0 --hash=sha256:" + "0" * 64 + "\n")
    with pytest.raises(DeploymentError, match=r"what requirements.txt asks for cannot be installed for Python"):
        project.package()
