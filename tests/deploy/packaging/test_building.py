"""What a package holds: what runs on Lambda, the same bytes each time, and no more than Lambda takes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

import cqrsless
from cqrsless.deploy.naming import DeploymentError
from cqrsless.deploy.packaging.installing import install
from cqrsless.deploy.packaging.requirements import Requirements
from cqrsless.deploy.packaging.settings import Platform
from tests.deploy.packaging.conftest import HERE, names, wheel
from tests.runtime_api import lambda_function

Make = Callable[..., Path]

#: An application of one handler.
DO = "from cqrsless import command_handler\n@command_handler('Do')\ndef do(command): ...\n"


def test_a_package_holds_the_application_and_all_that_it_needs(project: Any) -> None:
    package = project.package()
    [archive] = package.archives
    assert archive.file == project.folder / "build" / "shop.zip"
    held = names(archive)
    assert {"shop.py", "prices.py", "later.py", "cqrsless/__init__.py", "marshmallow/__init__.py"} <= set(held)
    assert "boto3/__init__.py" in held
    tops = {name.partition("/")[0] for name in held}
    assert not tops & {"unrelated.py", "bin", "pyproject.toml", "build"}
    assert not [name for name in held if name.endswith((".pyc", "RECORD", "INSTALLER", "direct_url.json"))]
    assert package.unzipped == sum(entry.file_size for entry in ZipFile(archive.file).infolist())
    assert archive.size == archive.file.stat().st_size
    assert package.largest[0][0] == "botocore"


def test_the_same_input_gives_the_same_bytes(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    first = project.package(compiled=True, output=project.folder / "a.zip")
    os.utime(project.folder / "shop.py", (time.time() + 90, time.time() + 90))
    (project.folder / "prices.py").chmod(0o600)
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    second = project.package(compiled=True, output=project.folder / "b.zip")
    assert first.archives[0].sha256 == second.archives[0].sha256
    assert (project.folder / "a.zip").read_bytes() == (project.folder / "b.zip").read_bytes()


@pytest.mark.long
def test_entries_are_in_order_and_bear_no_time_and_no_owner(project: Any) -> None:
    project.write("run.sh", "#!/bin/sh\n").chmod(0o700)
    [archive] = project.package(include=("run.sh",)).archives
    with ZipFile(archive.file) as opened:
        entries = opened.infolist()
    assert [entry.filename for entry in entries] == sorted(entry.filename for entry in entries)
    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    modes = {entry.filename: oct(entry.external_attr >> 16) for entry in entries}
    assert modes["run.sh"] == "0o100755" and modes["shop.py"] == "0o100644"


def test_a_package_runs_under_lambdas_own_runtime_client(project: Any, tmp_path: Path) -> None:
    [archive] = project.package(trim=True, compiled=True).archives
    task = tmp_path / "task"
    with ZipFile(archive.file) as opened:
        opened.extractall(task)
    site = str(Path(__import__("awslambdaric").__file__).parent.parent)
    start = f"import sys; sys.path[:0] = [{str(task)!r}]; sys.path.append({site!r})"
    code = f"{start}\nimport awslambdaric.__main__ as m; sys.argv = ['', 'cqrsless.entrypoint']; m.main(sys.argv)"
    with lambda_function(
        task,
        command=[sys.executable, "-I", "-S", "-c", code],
        CQRSLESS_APP="shop",
        CQRSLESS_STORE="sqlite:////" + str(tmp_path / "orders.db").lstrip("/"),
    ) as function:
        answer = function.invoke({"command": "CreateOrder", "payload": {"order_id": "o-1"}})
        assert answer.error is None and answer.payload["version"] == 1


def test_with_a_layer_the_dependencies_are_in_that(project: Any) -> None:
    package = project.package(layer=True)
    function, layer = package.archives
    assert 'code = "build/shop.zip" and layers = ["build/shop-layer.zip"] in [tool.cqrsless]' in "".join(package.notes)
    assert names(function) == ["later.py", "prices.py", "shop.py"]
    assert layer.file.name == "shop-layer.zip"
    assert all(name.startswith("python/") for name in names(layer))
    assert "python/cqrsless/__init__.py" in names(layer)


def test_without_boto3_what_lambda_has_is_left_out_unless_something_else_needs_it(
    project: Any, make_wheel: Make
) -> None:
    package = project.package(boto3=False)
    tops = {name.partition("/")[0] for name in names(package.archives[0])}
    assert not tops & {"boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six.py", "urllib3"}
    assert "marshmallow" in tops and any("stood in for the one of Lambda's runtime" in note for note in package.notes)
    make_wheel("fetcher", Requires_Dist="urllib3")
    project.write("requirements.txt", "fetcher\n")
    tops = {name.partition("/")[0] for name in names(project.package(boto3=False).archives[0])}
    assert "urllib3" in tops and not tops & {"botocore", "jmespath", "dateutil"}


def test_modules_are_compiled_for_the_python_that_runs_them_and_never_looked_at_again(project: Any) -> None:
    [archive] = project.package(compiled=True).archives
    with ZipFile(archive.file) as opened:
        compiled = opened.read(f"__pycache__/shop.cpython-{HERE.replace('.', '')}.pyc")
    assert int.from_bytes(compiled[4:8], "little") == 0b01  # by hash, and unchecked
    assert b"/var/task/shop.py" in compiled and str(project.folder).encode() not in compiled


def test_modules_are_compiled_by_their_own_python_alone(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    other = "3.99"
    with pytest.raises(DeploymentError, match=rf"there is no python{other} here: install it, leave out --compile"):
        project.package(python=other, compiled=True)
    folder = project.folder.parent / "bin"
    folder.mkdir()
    shim = folder / f"python{other}"
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    with pytest.raises(DeploymentError, match=rf"there is no python{other} here"):
        project.package(python=other, compiled=True)


@pytest.mark.long
def test_the_start_is_timed_in_a_run_of_the_package(project: Any) -> None:
    package = project.package(compiled=None, measured=True)
    assert package.run is not None and package.ran_on == f"Python {HERE}"
    took = {one.name: one.ms for one in package.run.imports}
    assert {"cqrsless", "botocore", "marshmallow", "Python's own library", "shop"} <= took.keys()
    assert list(took.values()) == sorted(took.values(), reverse=True)
    assert package.run.ms > 0
    row = package.as_row()
    assert row["imports_ms"] == took and row["unzipped_limit"] == 262_144_000


@pytest.mark.long
def test_without_compiled_modules_the_first_start_is_told(project: Any) -> None:
    package = project.package(compiled=False, measured=True)
    [note] = [note for note in package.notes if "not compiled" in note]
    assert package.run is not None and f"a cold start takes {package.run.first:.0f} ms and not" in note


@pytest.mark.long
def test_compiled_code_of_another_platform_is_packed_and_stood_in_for(
    project: Any, make_wheel: Make, tmp_path: Path
) -> None:
    for tag, body in (
        ("cp399-cp399-manylinux_2_34_aarch64", b"raise SystemExit('of another platform')"),
        ("py3-none-any", b"fast = True"),
    ):
        wheel(tmp_path / "wheels", "quick", "1.0", {"quick/__init__.py": body, "quick/_c.so": b""}, tag)
    project.write("requirements.txt", "quick==1.0\n")
    project.write(
        "shop.py",
        "import quick\nassert quick.fast\n" + DO,
    )
    package = project.package(python="3.99", architecture="arm64")
    with ZipFile(package.archives[0].file) as opened:
        assert opened.read("quick/__init__.py") == b"raise SystemExit('of another platform')"
    assert any("for the runs, quick==1.0 stood in" in note for note in package.notes)


def test_what_cannot_run_here_is_packed_and_told(project: Any, tmp_path: Path) -> None:
    tag = "cp399-cp399-manylinux_2_34_aarch64"
    wheel(tmp_path / "wheels", "quick", "1.0", {"quick/__init__.py": b"", "quick/_c.so": b""}, tag)
    project.write("requirements.txt", "quick==1.0\n")
    package = project.package(python="3.99", architecture="arm64", measured=True)
    assert package.run is None
    assert any("it cannot be run here: quick==1.0 has no wheel" in note for note in package.notes)
    error = (
        r"there is no wheel of quick==1.0 for Python 3.99 on x86_64 that requirements.txt allows: .* a newer runtime"
    )
    with pytest.raises(DeploymentError, match=error):
        project.package(python="3.99", architecture="x86_64")


@pytest.mark.parametrize(("python", "architecture"), [("3.10", "arm64"), ("3.13", "arm64"), ("3.13", "x86_64")])
def test_what_is_needed_is_what_is_needed_there_whatever_runs_here(
    project: Any, make_wheel: Make, tmp_path: Path, python: str, architecture: str
) -> None:
    make_wheel("backport")
    make_wheel("armed")
    make_wheel("library", Requires_Dist='backport; python_version < "3.11"')
    wanted = Requirements(("library", 'armed ; platform_machine == "aarch64"'), "requirements.txt", False)
    install(wanted, tmp_path / "there", Platform(python, architecture))
    assert (tmp_path / "there" / "library").is_dir()
    assert (tmp_path / "there" / "backport").is_dir() is (python == "3.10")
    assert (tmp_path / "there" / "armed").is_dir() is (architecture == "arm64")


# -- what would not work


def test_a_package_that_lambda_would_not_take_is_not_written(project: Any, tmp_path: Path) -> None:
    wheel(tmp_path / "wheels", "huge", "1.0", {"huge/__init__.py": b"", "huge/model.bin": bytes(251 * 1024 * 1024)})
    project.write("requirements.txt", "huge\n")
    with pytest.raises(DeploymentError) as raised:
        project.package()
    assert "unpacked, and Lambda takes 250 MB, layers included. The largest are huge 251 MB, botocore" in str(
        raised.value
    )
    assert "--trim cuts botocore's data" in str(raised.value)
    assert not (project.folder / "build").exists()


def test_an_entrypoint_that_does_not_resolve_is_told_and_not_written(project: Any) -> None:
    project.write("shop.py", "import importlib\nimportlib.import_module('hid' + 'den')\n")
    project.write("hidden.py", "")
    with pytest.raises(DeploymentError) as raised:
        project.package()
    assert "the entrypoint cannot be resolved out of the package, for the application 'shop'" in str(raised.value)
    assert "name its files by include = [...]" in str(raised.value)
    assert not (project.folder / "build").exists()
    project.write(
        "shop.py",
        project.folder.joinpath("shop.py").read_text() + DO,
    )
    project.package(include=("hidden.py",))


def test_an_application_that_is_nowhere_is_told(project: Any) -> None:
    with pytest.raises(DeploymentError, match=r"there is no module 'sho' in .*: say by --app or CQRSLESS_APP"):
        project.package(app="sho.app:billing")


def test_an_application_may_come_with_its_own_wheel(project: Any, make_wheel: Make) -> None:
    make_wheel("billing", body=DO)
    project.write("requirements.txt", "billing\n")
    assert "billing/__init__.py" in names(project.package(app="billing").archives[0])


def test_a_file_of_the_applications_in_place_of_a_dependencys_is_refused(project: Any) -> None:
    project.write("six.py", "")
    with pytest.raises(DeploymentError, match=r"the application's six.py would stand where one of its dependencies"):
        project.package(include=("six.py",))


def test_the_environment_of_the_settings_is_there_when_it_runs(project: Any) -> None:
    project.write(
        "shop.py",
        "import os\nos.environ['TARIFF']\n" + DO,
    )
    with pytest.raises(DeploymentError, match="KeyError: 'TARIFF'"):
        project.package()
    project.write("pyproject.toml", '[tool.cqrsless.environment]\nTARIFF = "a.json"\n')
    project.package()


def test_nothing_of_this_machine_is_seen_by_the_run(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    project.write("shop.py", "import click\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    with pytest.raises(DeploymentError, match=r"No module named 'click'.*else add it to the requirements"):
        project.package()


def test_the_version_that_runs_here_is_the_one_that_is_packed(project: Any) -> None:
    [archive] = project.package().archives
    with ZipFile(archive.file) as opened:
        packed = opened.read("cqrsless/__init__.py")
    assert packed == Path(cqrsless.__file__).read_bytes()


def test_pip_is_asked_for_by_name_where_it_is_missing(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    real = subprocess.run

    def without_pip(command: Any, **options: Any) -> Any:
        return real(
            [command[0], "-S", *command[1:]] if "install" in command else command,  # without site-packages
            **options,
        )

    monkeypatch.setattr("cqrsless.deploy.packaging.installing.subprocess.run", without_pip)
    project.write("requirements.txt", "fetcher\n")
    with pytest.raises(DeploymentError, match=r"there is no pip for .*: run `.* -m ensurepip`"):
        project.package()
