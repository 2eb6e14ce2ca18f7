"""What a function's outcome hangs on in its own package: code that it reaches by name, told without running any of it.

Functions are told by their byte code. Classes, and what is assigned to a global name, are told by their source, not by
their values: what is read from the environment, counted or drawn at random is the same code in every process. Where
there is no source, and in other packages, a name stands for itself.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping, Set
from functools import lru_cache, partial
from types import CodeType, FunctionType, ModuleType
from typing import Any, Final, TypeAlias

__all__ = ["Reach"]

Globals: TypeAlias = Mapping[str, Any]
#: Values whose text says all of them, and that no program changes.
_PLAIN: Final = (str, bytes, int, float, complex, bool, type(None))


class Reach:
    """What is reached from some functions of one package; what was told once is told by its name from then on."""

    def __init__(self, package: str) -> None:
        self._package = package
        self._seen: set[object] = set()

    def function(self, fn: Any) -> object:
        """Tell a function, and all that it reaches; `None` for none."""
        if fn is None:
            return None
        if isinstance(fn, partial):
            given = [*map(_plain, fn.args), *(f"{name}={_plain(value)}" for name, value in sorted(fn.keywords.items()))]
            return self.function(fn.func), given
        bound = getattr(fn, "__self__", None)
        fn = getattr(fn, "__func__", fn)
        code = getattr(fn, "__code__", None)
        if not isinstance(code, CodeType):
            wrapped = getattr(fn, "__wrapped__", None)  # as `functools.cache` leaves one
            return self.function(wrapped) if wrapped is not None else self.kind(_type_of(fn))
        if id(fn) in self._seen or not self._is_own(fn):
            return getattr(fn, "__qualname__", None)
        self._seen.add(id(fn))
        wrapped = getattr(fn, "__wrapped__", None)
        return (
            _code(code, fn.__doc__),
            self._names(fn.__globals__, set(_names_of(code)), set(_names_of(code))),
            [self._held(cell) for cell in fn.__closure__ or ()],
            [_plain(value) for value in fn.__defaults__ or ()],
            sorted((name, _plain(value)) for name, value in (fn.__kwdefaults__ or {}).items()),
            None if wrapped is None else self.function(wrapped),
            None if bound is None or isinstance(bound, ModuleType) else self.kind(_type_of(bound)),
        )

    def kind(self, found: type) -> object:
        """Tell a class by its source, with what that reaches."""
        name = f"{found.__module__}.{found.__qualname__}"
        if found in self._seen or not self._is_own(found):
            return name
        self._seen.add(found)
        module = sys.modules.get(found.__module__)
        written = None if module is None else _definition(vars(module), found.__qualname__)
        if module is None or written is None:
            members = [(one, fn) for one, fn in sorted(vars(found).items()) if isinstance(fn, FunctionType)]
            return name, [(one, self.function(fn)) for one, fn in members if fn.__code__.co_filename[:1] != "<"]
        bases = [self.kind(base) for base in found.__bases__]
        return name, _dumped(written), self._names(vars(module), *_names_in(written)), bases

    def _names(self, known: Globals, names: Set[str], attributes: Set[str]) -> list[object]:
        """Tell what names stand for in a module, and attributes in the modules among them."""
        return [(name, self._named(known, name, attributes)) for name in sorted(names) if name in known]

    def _named(self, known: Globals, name: str, attributes: Set[str]) -> object:
        at = str(known.get("__name__")), name
        if not self._is_own_module(at[0]):
            return name
        assigned = [] if at in self._seen else list(_assigned(known, name))
        if assigned:  # whatever it is at the moment
            self._seen.add(at)
            return [(_dumped(one), self._names(where, *_names_in(one))) for where, one in assigned]
        value = known[name]
        if isinstance(value, ModuleType):
            own = self._is_own_module(value.__name__)
            wanted = {one for one in attributes if not one.startswith("__")}
            return value.__name__, self._names(vars(value), wanted, wanted) if own else None
        if isinstance(value, type):
            return self.kind(value)
        return self.function(value) if isinstance(value, (FunctionType, _CACHED)) else name

    def _held(self, cell: Any) -> object:
        """Tell what a function holds of the one that it was made in."""
        try:
            value = cell.cell_contents
        except ValueError:  # not set yet
            return None
        return self.function(value) if isinstance(value, (FunctionType, partial)) else _plain(value)

    def _is_own(self, found: Any) -> bool:
        return self._is_own_module(str(found.__module__))

    def _is_own_module(self, name: str) -> bool:
        return name.partition(".")[0] == self._package


def _type_of(bound: Any) -> type:
    return bound if isinstance(bound, type) else type(bound)


def _plain(value: Any) -> str:
    if isinstance(value, tuple):
        return f"({', '.join(map(_plain, value))})"
    return repr(value) if type(value) in _PLAIN else type(value).__qualname__


# -- byte code


def _names_of(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for value in code.co_consts:
        if isinstance(value, CodeType):
            yield from _names_of(value)


def _code(code: CodeType, doc: object = None) -> object:
    constants = [None if value == doc else _constant(value) for value in code.co_consts]
    return code.co_code, code.co_names, code.co_varnames, constants


def _constant(value: Any) -> object:
    if isinstance(value, CodeType):
        return _code(value)
    if isinstance(value, frozenset):
        return sorted(map(repr, value))  # whose order differs from process to process
    if isinstance(value, tuple):
        return [_constant(inner) for inner in value]
    return repr(value)


# -- source


def _tree(known: Globals) -> ast.Module | None:
    loader: Any = known.get("__loader__")
    file = known.get("__file__")
    source: str | None = None
    try:
        if hasattr(loader, "get_source"):
            source = loader.get_source(getattr(loader, "name", known["__name__"]))
        elif isinstance(file, str) and file.endswith(".py"):
            with open(file, encoding="utf-8") as opened:
                source = opened.read()
        return None if source is None else _parsed(source)
    except (ImportError, OSError, SyntaxError, ValueError):  # there is none to be read
        return None


@lru_cache(maxsize=16)
def _parsed(source: str) -> ast.Module:
    return ast.parse(source)


#: What `functools.cache` and `lru_cache` make of a function.
_CACHED: Final = type(_parsed)


def _definition(known: Globals, qualname: str) -> ast.AST | None:
    """Find a class in its module's source, by the names of what it stands in."""
    found: ast.AST | None = _tree(known)
    for name in qualname.split("."):
        if found is None:
            return None
        if name != "<locals>":
            found = next((one for one in _statements(found) if getattr(one, "name", None) == name), None)
    return found if isinstance(found, ast.ClassDef) else None


def _assigned(known: Globals, name: str) -> Iterator[tuple[Globals, ast.AST]]:
    """Give each expression that a module assigns to a name, or the other module that it has the name from."""
    tree = _tree(known)
    for statement in _statements(tree) if tree is not None else ():
        if isinstance(statement, ast.ImportFrom):
            origin = "." * statement.level + (statement.module or "")
            for alias in statement.names:
                module = _module(origin, known) if (alias.asname or alias.name) == name else None
                if module is not None and vars(module) is not known:
                    yield from _assigned(vars(module), alias.name)
            continue
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        for target in targets:
            if target is not None and any(isinstance(one, ast.Name) and one.id == name for one in ast.walk(target)):
                value = getattr(statement, "value", None) or getattr(statement, "iter", None)
                if value is not None:
                    yield known, value


def _module(origin: str, known: Globals) -> ModuleType | None:
    from importlib.util import resolve_name

    try:
        return sys.modules.get(resolve_name(origin, known.get("__package__")))
    except ImportError:
        return None


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """Give the statements of a body, those inside of `if`, `try` and the like too."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.stmt, ast.ExceptHandler)):
            yield child
            if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                yield from _statements(child)


def _names_in(node: ast.AST) -> tuple[set[str], set[str]]:
    """Give the names in an expression, and the attributes of what they name."""
    inner = list(ast.walk(node))
    names = {one.id for one in inner if isinstance(one, ast.Name)}
    return names, {one.attr for one in inner if isinstance(one, ast.Attribute)}


def _dumped(node: ast.AST) -> object:
    """Tell source without its layout, comments and docstrings."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        return None  # a docstring, or what stands for a comment
    fields: list[object] = [type(node).__name__]
    for name, value in ast.iter_fields(node):
        if isinstance(value, ast.AST):
            fields.append((name, _dumped(value)))
        elif isinstance(value, list):
            inner = [_dumped(one) if isinstance(one, ast.AST) else repr(one) for one in value]
            fields.append((name, [one for one in inner if one is not None]))
        else:
            fields.append((name, repr(value)))
    return fields
