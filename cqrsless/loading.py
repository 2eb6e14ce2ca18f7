"""Finding the user's application: which module to import, and what in it is meant."""

from __future__ import annotations

import importlib
import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from .errors import AppLoadError, RegistrationError, a_type
from .registry import DEFAULT, Registry, did_you_mean

if TYPE_CHECKING:
    from .app import App

__all__ = ["line_of", "load", "local_store", "setting"]

log: Final = logging.getLogger("cqrsless")

#: The module that is the application where nothing says otherwise.
USUAL: Final = "app"
#: What has named an application, for errors, where `CQRSLESS_APP` was only set by it: the command line's `--app`.
SAID_BY: Final[dict[str, str]] = {}
#: The store of a laptop: what one command commits, the next one finds.
LOCAL: Final = "sqlite:///cqrsless.db"


class Setting(NamedTuple):
    """Which application is meant: `module` or `module:attribute`, and what says so."""

    text: str
    origin: str


def setting(environ: Mapping[str, str], folder: Path) -> Setting:
    """Say which application is meant: `CQRSLESS_APP`, else `[tool.cqrsless] app` in pyproject.toml, else `app`.

    >>> setting({"CQRSLESS_APP": "billing.app:billing"}, Path())
    Setting(text='billing.app:billing', origin='CQRSLESS_APP')
    """
    if environ.get("CQRSLESS_APP"):
        return Setting(environ["CQRSLESS_APP"], SAID_BY.get(environ["CQRSLESS_APP"], "CQRSLESS_APP"))
    file = project_file(folder)
    if file is None:
        return Setting(USUAL, "")
    named = _named_in(file, "app", "billing.app:billing")
    return Setting(named, str(file)) if named else Setting(USUAL, "")


def local_store(environ: Mapping[str, str], folder: Path) -> str:
    """Say on which store a person at a laptop works: `CQRSLESS_STORE`, else `[tool.cqrsless] store`, else a file.

    A relative SQLite file of pyproject.toml stands beside it, wherever in the project the person is.

    >>> local_store({"CQRSLESS_STORE": "dynamodb://orders"}, Path())
    'dynamodb://orders'
    """
    if environ.get("CQRSLESS_STORE"):
        return environ["CQRSLESS_STORE"]
    file = project_file(folder)
    if file is None:
        return LOCAL
    url = _named_in(file, "store", "sqlite:///orders.db") or LOCAL
    relative = url.startswith("sqlite:///") and not url.startswith("sqlite:////")
    if not relative or file.parent == folder:
        return url
    return f"sqlite:///{(file.parent / url.removeprefix('sqlite:///')).as_posix()}"


def project_file(folder: Path) -> Path | None:
    """Give the nearest pyproject.toml, in the folder or above it."""
    files = (place / "pyproject.toml" for place in (folder, *folder.parents))
    return next((file for file in files if file.is_file()), None)


def _named_in(file: Path, key: str, example: str) -> str | None:
    try:
        toml: Any = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    except ImportError:
        log.debug("%s is not read: Python 3.10 needs the package tomli for that", file)
        return None
    try:
        document = toml.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:  # not TOML, or not UTF-8
        raise AppLoadError(f"{file} cannot be read to find the application: {error}") from error
    section = document.get("tool", {}).get("cqrsless", {})
    named = section.get(key) if isinstance(section, dict) else None
    if named is not None and not isinstance(named, str):
        raise AppLoadError(f'{file}: {key} in [tool.cqrsless] has to be a string, as in {key} = "{example}"')
    return named


def load(which: Setting) -> Registry | App:
    """Import the application's module, with every submodule of a package, and give the registry or `App` it means.

    Whatever the module raises comes out as `AppLoadError`, chained: an `AttributeError` or `ImportError` of its own
    would look to Lambda as if there were no handler.
    """
    name, colon, attribute = which.text.strip().partition(":")
    if not name or (colon and not attribute) or not all(part.isidentifier() for part in name.split(".")):
        raise AppLoadError(
            f"{which.origin or 'the application'} is {which.text!r}: write a module, as in 'billing.app', or a module "
            "and a Registry or App in it, as in 'billing.app:billing'"
        )
    module = _import(name, which)
    _import_submodules(module, which)
    found = _attribute(module, attribute, which) if attribute else DEFAULT
    registry = found if isinstance(found, Registry) else found.registry
    if registry.empty:
        raise AppLoadError(_registers_nothing(module, attribute, which))
    return found


def _import(name: str, which: Setting) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{name}.".startswith(f"{error.name}."):
            raise AppLoadError(_no_module(name, which)) from error
        raise AppLoadError(_failed(name, error)) from error
    except (Exception, SystemExit) as error:
        raise AppLoadError(_failed(name, error)) from error


def _import_submodules(module: ModuleType, which: Setting) -> None:
    path = getattr(module, "__path__", None)
    if path is None:
        return
    import pkgutil  # only a package needs it

    for _, name, _ in sorted(pkgutil.iter_modules(path), key=lambda found: found[1]):
        if name not in ("__main__", "tests", "conftest") and not name.startswith("test_"):
            _import_submodules(_import(f"{module.__name__}.{name}", which), which)


def _attribute(module: ModuleType, name: str, which: Setting) -> Registry | App:
    try:
        found: object = getattr(module, name)
    except AttributeError as error:
        near = did_you_mean(name, [key for key in vars(module) if not key.startswith("_")])
        raise AppLoadError(f"{which.text!r}: {module.__name__} has no {name!r}{near}") from error
    from .app import App

    if isinstance(found, (Registry, App)):
        return found
    raise AppLoadError(
        f"{which.text!r}: {name!r} is {a_type(found)}; name a Registry or an App, or leave out ':{name}' if "
        "the module's decorators are those of cqrsless itself"
    )


def _no_module(name: str, which: Setting) -> str:
    said = f" ({which.origin} names it)" if which.origin else ""
    begin = "" if which.origin else "begin a project by `cqrsless init NAME`, or "
    return (
        f"there is no module {name!r}{said} in {sys.path[0] or os.getcwd()} or elsewhere on the path: {begin}set "
        "CQRSLESS_APP to the module with your handlers, as in CQRSLESS_APP=billing.app, or write it into "
        'pyproject.toml as app = "billing.app" under [tool.cqrsless]'
    )


def _failed(name: str, error: BaseException) -> str:
    # A syntax error names its line by itself, and so does a decorator used wrongly.
    where = "" if isinstance(error, (SyntaxError, RegistrationError)) else line_of(error)
    return f"the application's module {name!r} cannot be imported: {type(error).__name__}: {error}{where}"


def line_of(error: BaseException) -> str:
    """Say which line raised, in brackets behind a blank: the last one that is neither the import system's nor ours."""
    place, ours = "", os.path.dirname(__file__) + os.sep
    traceback = error.__traceback__
    while traceback is not None:
        file = traceback.tb_frame.f_code.co_filename
        calls = traceback.tb_frame.f_globals.get("__name__", "").partition(".")[0] == "click"  # our command line
        if not file.startswith(("<frozen", ours)) and file != importlib.__file__ and not calls:
            place = f" ({file}, line {traceback.tb_lineno})"
        traceback = traceback.tb_next
    return place


def _registers_nothing(module: ModuleType, attribute: str, which: Setting) -> str:
    if getattr(getattr(module, "__spec__", None), "_initializing", False):
        return (
            f"{module.__name__} is still being imported, and has registered nothing yet: use the handler string "
            "cqrsless.entrypoint, or import entrypoint at the very end of the module"
        )
    text = f"{which.text!r} registers nothing: decorate at least one function in it, or name another module"
    for name, value in vars(module).items():
        if not attribute and type(value).__name__ in ("Registry", "App"):
            return f"{text}. It holds a {type(value).__name__}; to use that, set CQRSLESS_APP={module.__name__}:{name}"
    return text
