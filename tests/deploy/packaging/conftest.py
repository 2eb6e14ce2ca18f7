"""A project to package, and the wheels of what it depends on: those that are installed here, packed again."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import distribution
from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED, ZipFile

import pytest

from cqrsless.deploy.packaging import building
from cqrsless.deploy.packaging.building import Package, build
from cqrsless.deploy.packaging.installing import install
from cqrsless.deploy.packaging.requirements import Requirements
from cqrsless.deploy.packaging.services import OWN
from cqrsless.deploy.packaging.settings import Platform, package_settings

NEEDED = (
    "boto3",
    "botocore",
    "jmespath",
    "marshmallow",
    "python-dateutil",
    "s3transfer",
    "six",
    "typing-extensions",
    "urllib3",
)
OWN_NEEDS = ("boto3", "marshmallow", "typing-extensions")
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"

SHOP = """
from marshmallow import Schema, fields

from cqrsless import Event, aggregate, command_handler
from prices import of

Order = aggregate("Order", id_field="order_id")


class CreateOrder(Schema):
    order_id = fields.String(required=True)


@command_handler("CreateOrder", schema=CreateOrder, aggregate=Order, creation="always", route="POST /orders")
def create_order(command, order):
    import later

    return {"price": of(command), "kind": later.KIND}, Event("OrderCreated", command)
"""


def wheel(
    folder: Path, name: str, version: str, files: dict[str, bytes], tag: str = "py3-none-any", **metadata: str
) -> Path:
    """Write a wheel."""
    plain = name.replace("-", "_")
    info = f"{plain}-{version}.dist-info"
    head = {"Metadata-Version": "2.1", "Name": name, "Version": version, **metadata}
    contents = {
        **files,
        f"{info}/METADATA": "".join(f"{key.replace('_', '-')}: {value}\n" for key, value in head.items()).encode(),
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: {tag}\n".encode(),
    }
    contents[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in (*contents, f"{info}/RECORD")).encode()
    file = folder / f"{plain}-{version}-{tag}.whl"
    with ZipFile(file, "w", ZIP_STORED) as archive:
        for path, body in contents.items():
            archive.writestr(path, body)
    return file


#: Services whose data the packed botocore has, beside those in use: all 400 of them would take a minute a test.
OTHERS = frozenset({"account", "cloudwatch", "glacier", "kms", "ses", "sesv2", "ssm", "swf", "translate", "xray"})


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with the wheels of cqrsless's own needs as installed here, but of AWS's services some alone."""
    folder = tmp_path_factory.mktemp("wheels")
    _pack(folder, OWN | OTHERS)
    return folder


@pytest.fixture(scope="session")
def all_wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with the wheels of cqrsless's own needs, just as they are installed here."""
    folder = tmp_path_factory.mktemp("wheels")
    _pack(folder, None)
    return folder


def _pack(folder: Path, services: frozenset[str] | None) -> None:
    for name in NEEDED:
        found = distribution(name)
        plain = found.metadata["Name"].replace("-", "_")
        with ZipFile(folder / f"{plain}-{found.version}-py3-none-any.whl", "w", ZIP_STORED) as archive:
            for file in found.files or ():
                place = Path(str(found.locate_file(file)))
                if ".." in file.parts or file.suffix == ".pyc" or not place.is_file():
                    continue
                of_a_service = file.parts[:2] == ("botocore", "data") and len(file.parts) > 3
                if services is None or not of_a_service or file.parts[2] in services:
                    archive.write(place, file.as_posix())

    if sys.version_info < (3, 11):
        # marshmallow needs it there. It is compiled, for no arm64, and what it does none of these packages asks for.
        body = b"class MonkeyPatch:\n    patch_fromisoformat = staticmethod(lambda: None)\n"
        wheel(folder, "backports-datetime-fromisoformat", "2.0.3", {"backports/datetime_fromisoformat.py": body})


def _install_once(kept: Path, requirements: Requirements, folder: Path, platform: Platform) -> None:
    """Install by pip, but what cqrsless itself needs, and nothing else, only for the first test that asks for it."""
    if any(not line.startswith(OWN_NEEDS) for line in requirements.lines) or platform.python != HERE:
        install(requirements, folder, platform)
        return
    if not kept.exists():
        install(requirements, kept, platform)
    shutil.copytree(kept, folder, dirs_exist_ok=True)


class Project:
    """A folder with a project, and what packages it."""

    def __init__(self, folder: Path, wheels: Path) -> None:
        self.folder = folder
        self.wheels = wheels

    def write(self, name: str, text: str | bytes) -> Path:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return file

    def package(self, **given: Any) -> Package:
        usual: dict[str, Any] = {"app": "shop", "python": HERE, "measured": False, "compiled": False}
        return build(package_settings(self.folder, {}, **{**usual, **given}))


@pytest.fixture
def project(tmp_path: Path, wheels: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """A shop that needs nothing but cqrsless, for which nobody is asked but a folder of wheels."""
    for name in [name for name in os.environ if name.startswith(("PIP_", "CQRSLESS_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", f"{wheels} {tmp_path / 'wheels'}")
    (tmp_path / "wheels").mkdir()
    monkeypatch.setattr(building, "install", partial(_install_once, wheels.parent / f"{wheels.name}-installed"))
    made = Project(tmp_path / "shop", wheels)
    made.write("shop.py", SHOP)
    made.write("prices.py", "def of(command):\n    return 3\n")
    made.write("later.py", "KIND = 'late'\n")
    made.write("unrelated.py", "raise SystemExit\n")
    made.write("pyproject.toml", '[project]\nname = "shop"\nversion = "1"\ndependencies = ["cqrsless"]\n')
    yield made


@pytest.fixture
def make_wheel(tmp_path: Path) -> Callable[..., Path]:
    """Write a wheel that the project may depend on."""

    def make(name: str, version: str = "1.0", body: str = "", tag: str = "py3-none-any", **metadata: str) -> Path:
        files = {f"{name.replace('-', '_')}/__init__.py": body.encode()}
        return wheel(tmp_path / "wheels", name, version, files, tag, **metadata)

    return make


def names(archive: Any) -> list[str]:
    with ZipFile(archive.file) as opened:
        return opened.namelist()
