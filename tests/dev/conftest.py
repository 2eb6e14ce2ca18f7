from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from werkzeug.test import Client

from cqrsless import App
from cqrsless.dev import Options, Server
from cqrsless.dev.guarding import CONSOLE_HEADER
from cqrsless.dev.project import Project
from tests.dev.waiting import until

SHOP = Path(__file__).with_name("shop.py")


class Console:
    """A server in this process, and what a browser would ask of it."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.client = Client(server)
        server.start()

    @property
    def app(self) -> App:
        assert isinstance(self.server.project, Project)
        return self.server.project.app

    def get(self, name: str, /, **parameters: Any) -> Any:
        answer = self.client.get(f"/_cqrsless/api/{name}", query_string=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json

    def post(self, name: str, /, **body: Any) -> Any:
        headers = {CONSOLE_HEADER: "1"}
        answer = self.client.post(f"/_cqrsless/api/{name}", data=json.dumps(body), headers=headers, **AS_JSON)
        assert answer.status_code == 200, answer.text
        return answer.json

    def place(self, order_id: str, **more: Any) -> Any:
        return self.post("send", name="PlaceOrder", payload=order(order_id, **more))

    def settled(self) -> None:
        """Wait until all that was committed is delivered."""
        until(lambda: self.get("status")["pending"] == 0, "everything is delivered")


AS_JSON: dict[str, Any] = {"content_type": "application/json"}


def order(order_id: str, **more: Any) -> dict[str, Any]:
    lines = [{"sku": "MUG", "quantity": 2, "price": "11.00"}]
    return {"order_id": order_id, "mail": "ada@example.org", "lines": lines, **more}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with an application in a module of its own name, which the environment names."""
    name = f"shop_{uuid4().hex[:8]}"
    shutil.copy(SHOP, tmp_path / f"{name}.py")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setenv("CQRSLESS_APP", f"{name}:shop")
    monkeypatch.setenv("CQRSLESS_STORE", "sqlite:///shop.db")
    yield tmp_path / f"{name}.py"
    sys.modules.pop(name, None)


@pytest.fixture
def opened(project: Path) -> Iterator[Callable[..., Console]]:
    """Open servers on the project, and close them in the end."""
    consoles: list[Console] = []

    def opened(**options: Any) -> Console:
        consoles.append(Console(Server(Options(**options))))
        return consoles[-1]

    yield opened
    for console in consoles:
        console.server.close()


@pytest.fixture
def console(opened: Callable[..., Console]) -> Console:
    return opened()
