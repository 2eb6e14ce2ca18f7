"""What stands behind the handler string `cqrsless.entrypoint`."""

from __future__ import annotations

import importlib
import logging
import os
import random
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, Final

from . import tracing
from .errors import AppLoadError, CqrslessError
from .loading import load, local_store, setting
from .logs import log_as_json
from .registry import Registry
from .settings import in_lambda, store_url
from .sources import handle

if TYPE_CHECKING:
    from datetime import datetime

    from .app import App
    from .store import Store

__all__ = ["Entrypoint", "application", "entrypoint_for_environment", "entrypoint_of", "in_lambda", "store_url"]

log: Final = logging.getLogger("cqrsless")

Entrypoint = Callable[..., Any]

#: What an application's making depends on.
SETTINGS: Final = (
    "CQRSLESS_APP", "CQRSLESS_STORE", "CQRSLESS_PROCESSOR", "CQRSLESS_METRICS", "CQRSLESS_RECORD_COMMANDS",
    "CQRSLESS_TRACING",
)  # fmt: skip

_made: Final[dict[tuple[str | None, ...], Entrypoint]] = {}
_making: Final = RLock()


def entrypoint_for_environment() -> Entrypoint:
    """Give the function that Lambda calls, made once for each set of settings.

    Raises `AppLoadError` if the application cannot be loaded; Lambda then reports that as the error of its start.
    """
    key = (*(os.environ.get(name) for name in SETTINGS), os.getcwd())
    with _making:
        made = _made.get(key)
        if made is None:
            made = _made[key] = _entrypoint()
        return made


def _entrypoint() -> Entrypoint:
    if in_lambda(os.environ):
        log_as_json()
    try:
        found = _found()
    except AppLoadError as error:
        if in_lambda(os.environ):  # Lambda's report of a failed start leaves out the cause
            log.error("%s", error, exc_info=error)
        raise
    app = found if not isinstance(found, Registry) else _on(store_url(os.environ), found)
    if in_lambda(os.environ):
        _settle_for_lambda(app)
    return entrypoint_of(app)


def entrypoint_of(app: App) -> Entrypoint:
    """Give the function that Lambda calls for an application."""

    flushes = in_lambda(os.environ)

    def entrypoint(event: Any, context: Any = None) -> Any:
        try:
            return handle(event, context, app)
        except CqrslessError as error:
            # Lambda puts the stack into the answer, where it has no business: text and log say what was wrong.
            raise _readable(error).with_traceback(None) from None
        finally:
            if flushes and tracing.on():
                tracing.flush()

    return entrypoint


def application(
    store: str | Store | None = None,
    *,
    resources: Mapping[str, Any] | None = None,
    clock: Callable[[], datetime] | None = None,
) -> App:
    """Load the application that this project names, as `cqrsless` on the command line does, for a script or a notebook.

    That is the one of `CQRSLESS_APP`, else of `app` in `[tool.cqrsless]` of the nearest pyproject.toml, else the module
    `app`; all its modules are imported. The store is the command line's, too, where none is given: `CQRSLESS_STORE`,
    else `store` in `[tool.cqrsless]`, else `sqlite:///cqrsless.db` (in Lambda `dynamodb://cqrsless`); an `App` that is
    named keeps its own. Raises `AppLoadError` where it cannot be loaded.
    """
    found = _found()
    if isinstance(found, Registry):
        usual = store_url(os.environ) if in_lambda(os.environ) else local_store(os.environ, Path.cwd())
        return _on(usual if store is None else store, found, resources=resources, clock=clock)
    if store is None and resources is None and clock is None:
        return found
    return found.on(found.store if store is None else store, resources=resources, clock=clock)


def _on(store: str | Store, registry: Registry, **given: Any) -> App:
    from .app import App

    return App(store, registry=registry, **given)


def _found() -> Registry | App:
    """Import the application's modules; give the registry or `App` that is named."""
    root = os.environ.get("LAMBDA_TASK_ROOT") or os.getcwd()
    which = setting(os.environ, Path.cwd())
    if which.origin.endswith("pyproject.toml"):  # what it names stands beside it
        _put_on_path(os.path.dirname(which.origin))
    _put_on_path(root)
    return load(which)


def _put_on_path(folder: str) -> None:
    if folder not in sys.path and not ("" in sys.path and folder == os.getcwd()):
        sys.path.insert(0, folder)


def _settle_for_lambda(app: App) -> None:
    if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "snap-start":
        _differ_once_restored()
    own = logging.getLogger("cqrsless")
    if own.level == logging.NOTSET and not os.environ.get("AWS_LAMBDA_LOG_LEVEL"):
        own.setLevel(logging.INFO)  # Lambda's root logger hides what is below WARNING, refusals among it
    if app.store.url.startswith("memory:"):
        log.warning(
            "the store is %s: what is committed is seen by this environment alone, and lost when Lambda ends it; set "
            "CQRSLESS_STORE=dynamodb://<prefix>",
            app.store.url,
        )


def _differ_once_restored() -> None:
    """Have the state of `random` made anew in each environment that SnapStart restores from this one's memory.

    Ids and pauses of cqrsless do not hang on it; those of OpenTelemetry's SDK do, and maybe the application's.
    """
    importlib.import_module("snapshot_restore_py").register_after_restore(random.seed)


def _readable(error: CqrslessError) -> CqrslessError:
    """Make an error's text one that has an encoding; Lambda's runtime ends on one that has none."""
    text = str(error)
    try:
        text.encode()
    except UnicodeEncodeError:
        error.args = (text.encode("utf-8", "backslashreplace").decode(),)
    return error
