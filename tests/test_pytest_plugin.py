"""The pytest plugin, as a user's project meets it: in a pytest of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

SHOP = """
from cqrsless import App, Event, Registry, aggregate, command_handler, projector, query_handler, resource, view

Order = aggregate("Order", id_field="order_id")
Summary = view("OrderSummary", key="order_id")

@command_handler("CreateOrder", aggregate=Order, creation="always", route="POST /orders")
def create_order(command, order, *, colour, message):
    return {"colour": colour, "time": message.time}, Event("OrderCreated", command)

@projector("OrderCreated", view=Summary)
def created(row, event):
    return {"order_id": event["order_id"]}

@query_handler("GetOrder", route="GET /orders/{order_id}")
def get_order(query, *, views):
    return views.get(Summary, query["order_id"])

@resource("colour")
def colour():
    return "red"

other = Registry("other")
other.query_handler("Ping")(lambda query: "pong")
given = App("memory://", resources={"colour": "grey"})
"""
INI = '[tool.cqrsless]\napp = "shop"\n[tool.pytest.ini_options]\naddopts = "--strict-markers"\n'
USE = 'def test_it(app):\n    assert app.execute("CreateOrder", {"order_id": "o-1"}).version == 1\n'


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "shop.py").write_text(SHOP, encoding="utf-8")
    (tmp_path / "pyproject.toml").write_text(INI, encoding="utf-8")
    return tmp_path


def run(project: Path, test: str, *arguments: str, passes: bool = True, **environ: str) -> str:
    (project / "test_shop.py").write_text(test, encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("CQRSLESS_", "PYTEST_"))}
    done = subprocess.run(
        [
            *(sys.executable, "-W", "error", "-m", "pytest", "-q", "-p", "pytest_cqrsless", "-p", "no:cacheprovider"),
            *("--rootdir", str(project), *arguments),
        ],
        cwd=project,
        # Nothing of the other plugins that are installed here, which take most of the time.
        env={**environment, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    output = done.stdout + done.stderr
    assert (done.returncode == 0) is passes, output
    return output


# -- what it costs


def test_a_run_that_uses_no_fixture_imports_nothing(project: Path) -> None:
    run(
        project,
        "import sys\n"
        "def test_it():\n"
        "    loaded = {name.partition('.')[0] for name in sys.modules}\n"
        "    assert 'pytest_cqrsless' in loaded\n"
        "    assert not loaded & {'cqrsless', 'boto3', 'botocore', 'moto', 'marshmallow', 'hypothesis'}\n",
    )


def test_a_memory_store_imports_neither_botocore_nor_moto(project: Path) -> None:
    run(project, f"import sys\n{USE}    assert not {{'botocore', 'boto3', 'moto'}} & sys.modules.keys()\n")


def test_pytest_finds_it_by_itself() -> None:
    toml = import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    metadata = toml.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert metadata["project"]["entry-points"]["pytest11"] == {"pytest_cqrsless": "pytest_cqrsless"}
    assert "pytest_cqrsless.py" in metadata["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"]


# -- which application


def test_the_application_of_pyproject_runs_on_every_store(project: Path) -> None:
    test = (
        "import pytest\n"
        "@pytest.mark.parametrize('cqrsless_store', ['memory', 'sqlite', 'moto'])\n"
        "@pytest.mark.parametrize('time', [1, 2])\n"
        "def test_each_sees_nothing_of_the_others(app, store, cqrsless_store, time):\n"
        "    assert app.store is store\n"
        "    assert store.url.startswith('dynamodb' if cqrsless_store == 'moto' else cqrsless_store)\n"
        "    assert app.execute('CreateOrder', {'order_id': 'o-1'}).duplicate is False\n"
    )
    assert "6 passed" in run(project, test)


def test_the_ini_file_and_the_command_line_choose_a_store(project: Path) -> None:
    (project / "pyproject.toml").write_text(INI + 'cqrsless_store = "sqlite"\n', encoding="utf-8")
    run(project, USE + "    assert app.store.url.startswith('sqlite')\n")
    run(project, USE + "    assert app.store.url == 'memory://'\n", "--cqrsless-store", "memory")


def test_the_marker_the_ini_file_and_the_environment_name_an_application(project: Path) -> None:
    ping = "(app):\n    assert app.ask('Ping') == 'pong'\n"
    run(
        project,
        "import pytest, shop\n"
        f"@pytest.mark.cqrsless(app='shop:other')\ndef test_its_name{ping}"
        f"@pytest.mark.cqrsless(app=shop.other)\ndef test_itself{ping}"
        "class TestOverridden:\n"
        "    @pytest.fixture\n"
        "    def cqrsless_application(self):\n"
        "        return shop.other\n"
        "    def test_it(self, app):\n"
        "        assert app.ask('Ping') == 'pong'\n",
    )
    run(project, f"def test_it{ping}", CQRSLESS_APP="shop:other")
    run(project, f"def test_it{ping}", "-o", "cqrsless_app=shop:other")


def test_an_app_keeps_its_resources(project: Path) -> None:
    check = (
        "(app):\n    app.execute('CreateOrder', {'order_id': 'o'})\n    assert app.load('Order', 'o').state['colour']"
    )
    run(
        project,
        f"import pytest, shop\ndef test_its_own{check} == 'red'\n"
        f"@pytest.mark.cqrsless(app=shop.given)\ndef test_the_apps{check} == 'grey'\n"
        f"@pytest.mark.cqrsless(resources={{'colour': 'blue'}})\ndef test_the_tests{check} == 'blue'\n"
        f"@pytest.mark.cqrsless(app=shop.given, resources={{'colour': 'blue'}})\ndef test_both{check} == 'blue'\n",
    )


def test_settings_of_a_deployed_function_do_not_reach_it(project: Path) -> None:
    run(project, USE, CQRSLESS_PROCESSOR="indexer", CQRSLESS_METRICS="emf", CQRSLESS_STORE="dynamodb://production")


# -- the fixtures


def test_the_clock_stands_still_where_a_test_asks_for_it(project: Path) -> None:
    run(
        project,
        "def test_it(app, cqrsless_clock):\n"
        "    cqrsless_clock.advance(hours=1)\n"
        "    app.execute('CreateOrder', {'order_id': 'o-1'})\n"
        "    assert app.load('Order', 'o-1').state['time'] == cqrsless_clock()\n",
    )


def test_the_entrypoint_is_invoked_on_the_app(project: Path) -> None:
    run(
        project,
        "from cqrsless.testing import lambda_events as build\n"
        "def test_it(app, cqrsless_invoke):\n"
        "    assert cqrsless_invoke(build.http_api('POST /orders', {'order_id': 'o-1'}))['statusCode'] == 201\n"
        "    assert cqrsless_invoke(build.dynamodb_stream(app)) == {'batchItemFailures': []}\n"
        "    assert cqrsless_invoke(build.http_api('GET /orders/o-1'))['statusCode'] == 200\n",
    )


def test_a_projects_own_fixtures_come_first(project: Path) -> None:
    (project / "conftest.py").write_text("import pytest\n@pytest.fixture\ndef app():\n    return 'flask'\n")
    run(project, "def test_it(app):\n    assert app == 'flask'\n")


def test_workers_do_not_meet(project: Path) -> None:
    test = (
        "import pytest\n"
        "@pytest.mark.parametrize('cqrsless_store', ['sqlite', 'moto'])\n"
        f"@pytest.mark.parametrize('n', range(3))\n{USE.replace('(app)', '(app, n)')}"
    )
    assert "6 passed" in run(project, test, "-p", "xdist", "-n", "2")


@pytest.mark.server
def test_a_real_endpoint_is_left_as_it_was_found(project: Path, ministack_endpoint: str) -> None:
    from cqrsless.stores.dynamodb import make_client

    client = make_client(endpoint=ministack_endpoint)
    before = client.list_tables()["TableNames"]
    test = (
        f"import pytest\n@pytest.mark.parametrize('n', range(4))\n{USE.replace('(app)', '(app, n)')}"
        "    assert app.store.url.startswith('dynamodb://test-')\n    assert n < 3\n"
    )
    keys = {"CQRSLESS_TEST_ENDPOINT": ministack_endpoint, "AWS_REGION": "eu-west-1"}
    arguments = ("-p", "xdist", "-n", "2", "--cqrsless-store", "endpoint")
    assert "1 failed, 3 passed" in run(project, test, *arguments, passes=False, **keys)
    assert client.list_tables()["TableNames"] == before


# -- what is wrong is told


@pytest.mark.parametrize(
    ("test", "arguments", "text"),
    [
        (USE, ["-o", "cqrsless_app=shpo"], "there is no module 'shpo' (cqrsless_app of"),
        (USE, ["-o", "cqrsless_app=shop:odrer"], "shop has no 'odrer'"),
        (USE, ["--cqrsless-store", "memroy"], "cannot be 'memroy'; did you mean 'memory'?"),
        (USE, ["--cqrsless-store", "endpoint"], "needs the URL of a DynamoDB API: set CQRSLESS_TEST_ENDPOINT="),
        (f"import pytest\n@pytest.mark.cqrsless('shop')\n{USE}", [], "takes app=, store= and resources=, and not 'sh"),
        (f"import pytest\n@pytest.mark.cqrsless(stor='sqlite')\n{USE}", [], "resources=, and not 'stor'"),
        (f"import pytest\n@pytest.mark.cqrsless(app=7)\n{USE}", [], "(app=7) is no application: give a Registry"),
    ],
)
def test_a_mistake_is_told_without_a_traceback(project: Path, test: str, arguments: list[str], text: str) -> None:
    output = run(project, test, *arguments, passes=False)
    assert text in output and "pytest_plugin.py" not in output, output


def test_a_project_without_a_setting_is_told_how_to_make_one(tmp_path: Path) -> None:
    output = run(tmp_path, USE, passes=False)
    assert re.search(
        r"there is no module 'app'.*\nName it in pytest's ini file \(cqrsless_app = billing.app:bi", output
    )


def test_moto_that_is_not_installed_is_asked_for(project: Path) -> None:
    (project / "moto.py").write_text("raise ImportError('no moto')\n")
    assert "needs moto: pip install 'moto[dynamodb]'" in run(project, USE, "--cqrsless-store", "moto", passes=False)


def test_an_application_that_is_not_there_is_told_once(project: Path) -> None:
    (project / "pyproject.toml").unlink()
    said = run(project, USE, passes=False)
    told, _, _ = said.partition("short test summary")  # which tells it again where CI is set: whole lines then
    assert told.count("there is no module 'app'") == 1
    assert "AppLoadError" not in said and "another exception" not in said
