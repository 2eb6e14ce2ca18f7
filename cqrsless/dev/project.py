"""The user's application, loaded onto the development store; or what is wrong with it."""

from __future__ import annotations

import logging
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..app import App
from ..compiled import is_embedded
from ..lambda_runtime import application
from ..loading import setting
from .deliveries import Deliveries
from .journal import Journal
from .ledger import Ledger
from .options import Options, make_home
from .pulse import Pulse
from .traces import trace_of
from .wall import Wall

__all__ = ["Broken", "Project", "open_project"]

log: Final = logging.getLogger("cqrsless.dev")


@dataclass(frozen=True, slots=True)
class Broken:
    """An application that could not be loaded, and why."""

    name: str
    error: str
    trace: str
    generation: str


@dataclass(slots=True)
class Project:
    """An application that runs: what delivers its events, and what is noted of it."""

    name: str
    app: App
    wall: Wall
    deliveries: Deliveries | None
    published: Journal
    ledger: Ledger
    pulse: Pulse
    generation: str

    @property
    def embedded(self) -> bool:
        return is_embedded(self.app.store)

    def close(self) -> None:
        """End what runs beside the requests, and give the store back."""
        if self.deliveries is not None:
            self.deliveries.stop()
        self.app.store.close()


def open_project(options: Options, pulse: Pulse) -> Project | Broken:
    """Load the application that the environment names; an error of its own is told, and not raised."""
    generation = secrets.token_hex(6)
    name = "the application"
    try:
        name = setting(os.environ, Path.cwd()).text
        return _project(options, name, pulse, generation)
    except Exception as error:
        text = f"{type(error).__name__}: {error}"
        log.error("%s", text)
        return Broken(name, text, trace_of(error), generation)


def _project(options: Options, name: str, pulse: Pulse, generation: str) -> Project:
    url = options.store_url()
    notes = options.notes(url)
    if notes is not None:
        make_home()
    wall = Wall(None if notes is None else notes.with_suffix(".clock.json"))
    os.environ["CQRSLESS_STORE"] = url  # what the application's own modules open is this store, too
    app = application().on(url, clock=wall.now)
    if is_embedded(app.store):
        app.create_tables()
    published = Journal(None if notes is None else notes.with_suffix(".published.jsonl"))
    costs = Journal(None if notes is None else notes.with_suffix(".costs.jsonl"))
    dispatcher = app.compiled.dispatcher
    ledger = Ledger(costs, dispatcher.metrics, pulse.beat)
    dispatcher.metrics = ledger
    deliveries = None
    if is_embedded(app.store):
        deliveries = Deliveries(app, wall, ledger, published, pulse)
    return Project(name, app, wall, deliveries, published, ledger, pulse, generation)
