"""From a URL to a store."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cqrsless.errors import AppLoadError
from cqrsless.stores import FORMS, open_store
from cqrsless.stores.dynamodb import DynamoDBStore
from cqrsless.stores.sqlite import SQLiteStore


@pytest.mark.parametrize(
    "url", ["", "orders", "orders.db", "memory:", "MEMORY://", "postgres://x", "://", "sqlite:/x.db"]
)
def test_a_url_of_no_known_form_is_told_the_forms(url: str) -> None:
    with pytest.raises(AppLoadError) as error:
        open_store(url)
    assert str(error.value) == f"no store has the URL {url!r}; the forms are {FORMS}"


def test_sqlite_takes_three_slashes_for_relative_and_four_for_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for url in ("sqlite:///orders.db", f"sqlite:///{tmp_path}/orders.db"):
        store = open_store(url)
        assert isinstance(store, SQLiteStore)
        assert (store.path, store.url) == (str(tmp_path / "orders.db"), url)
        store.close()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///", "sqlite://orders.db"])
def test_sqlite_needs_a_file(url: str) -> None:
    with pytest.raises(AppLoadError, match=r"names no file; write sqlite:///relative\.db or sqlite:////absolute\.db"):
        open_store(url)


def test_sqlite_in_memory_is_sent_to_memory() -> None:
    with pytest.raises(AppLoadError, match="SQLite in memory cannot be shared by threads; write memory:// instead"):
        open_store("sqlite:///:memory:")


def test_dynamodb_takes_a_prefix_an_endpoint_and_a_region() -> None:
    url = "dynamodb://orders-test?endpoint=http://127.0.0.1:8112&region=eu-north-1"
    store = open_store(url)
    assert isinstance(store, DynamoDBStore)
    assert (store.prefix, store.url) == ("orders-test", url)
    assert store.client.meta.endpoint_url == "http://127.0.0.1:8112"
    assert store.client.meta.region_name == "eu-north-1"


def test_dynamodb_needs_a_prefix() -> None:
    for url in ("dynamodb://", "dynamodb://?region=eu-west-1"):
        with pytest.raises(AppLoadError, match="has no prefix; the forms are memory://"):
            open_store(url)


def test_dynamodb_refuses_an_option_that_it_does_not_know() -> None:
    with pytest.raises(AppLoadError, match="has the option 'endpont'; the forms are memory://"):
        open_store("dynamodb://orders?endpont=http://127.0.0.1:1")


@pytest.mark.parametrize("prefix", ["orders/", "or ders", "ördérs", "x" * 241])
def test_dynamodb_refuses_a_prefix_that_no_table_can_have(prefix: str) -> None:
    with pytest.raises(
        AppLoadError, match="cannot begin the name of a DynamoDB table; a prefix has 1 to 240 characters"
    ):
        open_store(f"dynamodb://{prefix}")


@pytest.mark.parametrize(
    ("url", "absent"),
    [
        ("memory://", ["sqlite3", "botocore", "boto3"]),
        ("sqlite:///x.db", ["botocore", "boto3"]),
        ("dynamodb://x?region=eu-west-1", ["sqlite3", "boto3"]),
    ],
)
def test_a_store_loads_no_engine_but_its_own(tmp_path: Path, url: str, absent: list[str]) -> None:
    program = (
        "import sys; from cqrsless.stores import open_store; "
        f"open_store({url!r}); print(*(name for name in {absent!r} if name in sys.modules))"
    )
    root = Path(__file__).parent.parent.parent
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(root)!r}); {program}"],
        capture_output=True, text=True, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "", "")
