"""Processes and sockets: one process listens, and another serves and watches, replaced whenever a file is saved.

A new process has none of the old one's modules, so what is served is what stands in the files. The listening socket
outlives it: a request that comes while the new one starts waits for it.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import closing
from http import HTTPStatus
from pathlib import Path
from typing import Final

from werkzeug._reloader import reloader_loops, run_with_reloader
from werkzeug.serving import WSGIRequestHandler, is_running_from_reloader, make_server, select_address_family

from ..describing.unfolded import warnings
from ..loading import project_file
from .claiming import claimed
from .console import PREFIX
from .options import Options, Refused
from .project import Broken
from .server import Server
from .watching import Watching

__all__ = ["serve"]

log: Final = logging.getLogger("cqrsless.dev")
#: Seconds between two looks at the files of the application.
RELOAD_EVERY: Final = 0.25
#: Files are looked at, and the same on every machine: where watchdog is installed, as mkdocs does, werkzeug would
#: take that, and it was seen to miss a save.
WATCHED_BY: Final = "cqrsless"
reloader_loops[WATCHED_BY] = Watching
#: How werkzeug's reloader tells the process that serves which socket is its own.
_FD: Final = "WERKZEUG_SERVER_FD"


class _Handler(WSGIRequestHandler):
    """Logs the application's requests in one line each, and the console's not at all."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        path = getattr(self, "path", "")
        if not path.startswith(PREFIX):
            status = code.value if isinstance(code, HTTPStatus) else code
            log.info("%s %s %s", getattr(self, "command", "?"), path.encode("unicode_escape").decode()[:200], status)

    def version_string(self) -> str:
        return "cqrsless-dev"


class Running:
    """A server that answers on a listening socket."""

    def __init__(self, options: Options, fd: int, say: Callable[[str], None]) -> None:
        began = time.perf_counter()
        self.server = Server(options)
        self.http = make_server(options.host, options.port, self.server, threaded=True, request_handler=_Handler, fd=fd)
        self.server.start()
        if isinstance(self.server.project, Broken):
            say(f"not loaded; it is tried again when a file is saved\n{self.server.project.trace.rstrip()}")
        else:
            model = self.server.project.app.model
            say(
                f"loaded {self.server.project.name} on {self.server.project.app.store.url} in "
                f"{(time.perf_counter() - began) * 1000:.0f} ms: "
                f"{_several(len(model.commands), 'command', 'commands')}, "
                f"{_several(len(model.queries), 'query', 'queries')}, {_several(len(model.views), 'view', 'views')}"
            )
            for one in warnings(model):
                say(f"warning: {one}")

    def run(self) -> None:
        self.http.serve_forever(poll_interval=0.1)

    def close(self) -> None:
        self.http.server_close()
        self.server.close()


def serve(options: Options, say: Callable[[str], None] = print) -> None:
    """Serve until interrupted."""
    options.check()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    for chatty in ("werkzeug", "botocore"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    if is_running_from_reloader():
        _serve_and_watch(options, say)
        return
    with claimed(options.store_url()) as claim, closing(_listen(options)) as listener:
        address = f"http://{_shown(options.host)}:{listener.getsockname()[1]}"
        claim.tell(address)
        say(f"the application  {address}/\nthe console      {address}{PREFIX}")
        if options.reload:
            os.environ[_FD] = str(listener.fileno())
            run_with_reloader(lambda: None, _settings(), interval=RELOAD_EVERY, reloader_type=WATCHED_BY)
        else:
            _serve_once(options, listener.fileno(), say)


def _serve_once(options: Options, fd: int, say: Callable[[str], None]) -> None:
    running = Running(options, fd, say)
    try:
        running.run()
    except KeyboardInterrupt:
        say("")
    finally:
        running.close()


def _serve_and_watch(options: Options, say: Callable[[str], None]) -> None:
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    running: list[Running] = []

    def run() -> None:
        running.append(Running(options, int(os.environ[_FD]), say))
        running[0].run()

    try:
        run_with_reloader(run, _settings(), interval=RELOAD_EVERY, reloader_type=WATCHED_BY)
    finally:
        for one in running:
            one.close()


def _settings() -> list[str]:
    """Give the file that names the application, which is no module."""
    file = project_file(Path.cwd())
    return [] if file is None else [str(file)]


def _end_with(parent: int) -> None:
    """End this process with the one that listens, however that ends: it would keep the port."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def _listen(options: Options) -> socket.socket:
    family = select_address_family(options.host, options.port)
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if os.name != "nt":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((options.host, options.port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise Refused(
            f"nothing can listen on {_shown(options.host)}:{options.port}: {error.strerror or error}; another --port "
            "may be free, and --port 0 takes one that is"
        ) from error
    listener.set_inheritable(True)
    return listener


def _several(number: int, one: str, more: str) -> str:
    return f"{number} {one if number == 1 else more}"


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
