"""What the server refuses: to run where it has no business, and to answer whom it does not know."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from cqrsless.dev import Options
from cqrsless.dev.guarding import CONSOLE_HEADER
from cqrsless.dev.options import Refused
from tests.dev.conftest import AS_JSON, Console


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "example.org"])
def test_others_reach_it_only_if_that_is_said(host: str) -> None:
    with pytest.raises(Refused, match=r"reached by other machines.*--expose"):
        Options(host=host, store="memory://").check({})
    Options(host=host, store="memory://", exposed=True).check({})


@pytest.mark.parametrize("name", ["AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_RUNTIME_API"])
def test_it_does_not_run_in_lambda_whatever_is_said(name: str) -> None:
    with pytest.raises(Refused, match=r"the handler string there is cqrsless\.entrypoint"):
        Options(store="memory://", exposed=True, dynamodb=True).check({name: "orders"})


def test_it_does_not_write_to_dynamodb_unless_that_is_said() -> None:
    with pytest.raises(Refused, match="dynamodb://orders, and a click in the console would write to those tables"):
        Options(store="dynamodb://orders").check({})
    with pytest.raises(Refused, match="--dynamodb"):
        Options().check({"CQRSLESS_STORE": "dynamodb://orders"})
    Options(store="dynamodb://orders", dynamodb=True).check({})


@pytest.mark.parametrize("path", ["/orders/o-1", "/_cqrsless/", "/_cqrsless/api/status", "/_cqrsless/app.js"])
@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "localhost@evil", ""])
def test_a_name_that_somebody_points_here_is_not_answered(console: Console, path: str, host: str) -> None:
    answer = console.client.get(path, headers={"Host": host})
    assert answer.status_code == 403
    assert answer.json["title"] == "Forbidden"


def test_a_refused_name_is_told_where_to_ask_whatever_port_was_free(opened: Callable[..., Console]) -> None:
    answer = opened(port=0).client.get("/", base_url="http://evil.example:4711")
    assert answer.json["detail"].endswith("ask for http://127.0.0.1:4711/")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8000", "[::1]:8000", "shop.localhost:8000"])
def test_every_name_of_this_machine_is_answered(console: Console, host: str) -> None:
    assert console.client.get("/_cqrsless/api/status", headers={"Host": host}).status_code == 200


def test_an_exposed_server_is_reached_by_address_and_not_by_any_name(opened: Callable[..., Console]) -> None:
    console = opened(host="0.0.0.0", exposed=True)
    assert console.client.get("/_cqrsless/api/status", headers={"Host": "192.168.1.7:8000"}).status_code == 200
    assert console.client.get("/_cqrsless/api/status", headers={"Host": "evil.example:8000"}).status_code == 403


FORGED: list[dict[str, str]] = [
    {},
    {"Origin": "http://evil.example", CONSOLE_HEADER: "1"},
    {"Origin": "null", CONSOLE_HEADER: "1"},
    {"Origin": "http://localhost:3000", CONSOLE_HEADER: "1"},
    {"Sec-Fetch-Site": "cross-site", CONSOLE_HEADER: "1"},
    {"Sec-Fetch-Site": "same-site", CONSOLE_HEADER: "1"},
]


@pytest.mark.parametrize("headers", FORGED, ids=str)
def test_no_other_page_runs_a_command_through_the_console(console: Console, headers: dict[str, str]) -> None:
    body = '{"name": "Break", "payload": {}}'
    answer = console.client.post("/_cqrsless/api/send", data=body, headers=headers, **AS_JSON)
    assert answer.status_code == 403
    assert console.get("costs")["totals"] == []


def test_a_form_of_another_page_cannot_pass_for_the_console(console: Console) -> None:
    answer = console.client.post(
        "/_cqrsless/api/send", data='{"name": "Break"}', headers={CONSOLE_HEADER: "1"}, content_type="text/plain"
    )
    assert answer.status_code == 403


def test_no_other_page_reads_the_console(console: Console) -> None:
    headers = {"Origin": "http://evil.example"}
    assert console.client.get("/_cqrsless/api/events", headers=headers).status_code == 403
    answer = console.client.get("/_cqrsless/api/events")
    assert "access-control-allow-origin" not in answer.headers
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"


def test_a_page_of_elsewhere_does_not_reach_the_routes_and_one_of_this_machine_does(console: Console) -> None:
    here = console.client.get("/orders/o-1", headers={"Origin": "http://localhost:3000"})
    assert here.status_code == 404
    there = console.client.post("/orders", data="{}", headers={"Origin": "http://evil.example"}, **AS_JSON)
    assert there.status_code == 403


def test_everything_of_the_console_forbids_scripts_that_are_not_its_files(console: Console) -> None:
    for path in ("/_cqrsless/", "/_cqrsless/api/status", "/_cqrsless/nothing", "/_cqrsless/api/nothing"):
        policy = console.client.get(path).headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy


@pytest.mark.parametrize("path", ["../__init__.py", "%2e%2e/server.py", "api/../app.js", ".hidden", "//etc/passwd"])
def test_no_other_file_is_read(console: Console, path: str) -> None:
    assert console.client.get(f"/_cqrsless/{path}").status_code == 404


def test_a_body_longer_than_lambda_takes_is_not_read(console: Console) -> None:
    answer: Any = console.client.post("/orders", data=b"x" * (6 * 1024 * 1024 + 1), **AS_JSON)
    assert answer.status_code == 413


def test_lambda_imports_none_of_it(project: Any) -> None:
    code = (
        "import sys; from cqrsless import entrypoint; entrypoint({'query': 'GetOrder', 'payload': {'order_id': 'o'}});"
        "print([name for name in sys.modules if name.startswith(('cqrsless.dev', 'cqrsless.cli.', 'werkzeug'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
