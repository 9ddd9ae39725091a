"""Conventions that no linter checks. Layers and imports are contracts of import-linter, in pyproject.toml."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILES = sorted(path.relative_to(ROOT) for top in ("bot", "rag", "tests") for path in (ROOT / top).rglob("*.py"))
PRODUCT = [path for path in FILES if path.parts[0] != "tests"]

SQL_FOLDERS = {"rag": Path("rag/catalog")}
"""The one folder of each package that may build SQL statements; elsewhere a transaction is only passed on."""

STATEMENTS = {("rag", "catalog"), ("bot", "db")}
"""The folders whose modules build SQL statements."""

HEAVY = {"torch", "torchvision", "open_clip", "chromadb", "pymupdf", "rapidocr", "onnxruntime", "cv2", "ollama"}
HEAVY |= {"playwright", "sentence_transformers", "transformers", "ray"}


def parsed(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(), str(path))


@cache
def imports(path: Path) -> tuple[tuple[str, bool], ...]:
    """Return (module, whether it is imported only when a function runs or for type checking) of each import."""
    return tuple(_imports(path, parsed(path)))


def _imports(path: Path, tree: ast.Module) -> Iterator[tuple[str, bool]]:
    deferred = {
        id(node)
        for scope in ast.walk(tree)
        if isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        or (isinstance(scope, ast.If) and isinstance(scope.test, ast.Name) and scope.test.id == "TYPE_CHECKING")
        for node in ast.walk(scope)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, id(node) in deferred) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or "", id(node) in deferred


def test_heavy_libraries_are_imported_inside_functions() -> None:
    eager = [(str(path), module) for path in PRODUCT for module, deferred in imports(path) if not deferred]
    assert [(path, module) for path, module in eager if module.split(".")[0] in HEAVY] == []


def test_nothing_is_patched_and_the_product_never_sleeps() -> None:
    """A fake is passed where the real object would be; code that waits, waits for an event."""
    found = [f"{path}: {module}" for path in FILES for module, _ in imports(path) if module.startswith("unittest.mock")]
    for path in FILES:
        forbidden = {("monkeypatch", "setattr"), *([] if path.parts[0] == "tests" else [("time", "sleep")])}
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Attribute) and _names(node) in forbidden:
                found.append(f"{path}:{node.lineno}: {ast.unparse(node)}")
    assert found == []


def _names(node: ast.Attribute) -> tuple[str, str]:
    """Return the names of `name.attribute`, the first empty if it is another expression."""
    return node.value.id if isinstance(node.value, ast.Name) else "", node.attr


def test_only_commands_search_everything() -> None:
    """`Scope.operator()` is for the owner of the data folder; no reply to anybody else may use it."""
    callers = {
        str(path)
        for path in PRODUCT
        if path.parts[0] == "bot"
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Attribute) and node.attr == "operator"
    }
    commands = ("ask", "find", "results", "feedback", "mcp")
    assert callers == {f"bot/cli/{name}.py" for name in commands}


def test_sql_is_built_in_one_folder() -> None:
    elsewhere = [
        path for path in PRODUCT if path.parts[0] in SQL_FOLDERS and SQL_FOLDERS[path.parts[0]] not in path.parents
    ]
    assert [found for path in elsewhere for found in _sql_in(path)] == []


def _sql_in(path: Path) -> Iterator[str]:
    """Yield what a module does with SQL, except to pass a connection on."""
    tables = str(SQL_FOLDERS[path.parts[0]] / "tables").replace("/", ".")
    running = {("connection", name) for name in ("execute", "exec_driver_sql", "scalar", "scalars")}
    for node in ast.walk(parsed(path)):
        if (
            isinstance(node, ast.ImportFrom)
            and (node.module or "").split(".")[0] == "sqlalchemy"
            and [alias.name for alias in node.names] != ["Connection"]
        ) or (isinstance(node, ast.Attribute) and _names(node) in running):
            yield f"{path}:{node.lineno}: {ast.unparse(node)}"
    for module in {"sqlalchemy.sql", "sqlalchemy.orm", "alembic", tables} & {module for module, _ in imports(path)}:
        yield f"{path}: {module}"
    if "import sqlalchemy" in (ROOT / path).read_text():
        yield f"{path}: import sqlalchemy"


FEW = {"kinds", "states", "sweeps", "live"}
"""Arguments with few values: kinds of sources and jobs, states."""


def is_bounded(argument: ast.expr, subqueries: set[str]) -> bool:
    """Return whether an argument of `in_` is a constant, a subquery, or a list that is written out."""
    if isinstance(argument, ast.Name):
        return argument.id.lstrip("_").isupper() or argument.id in FEW | subqueries
    if isinstance(argument, ast.Call):
        return not (isinstance(argument.func, ast.Name) and argument.func.id in ("list", "set", "sorted", "tuple"))
    return isinstance(argument, ast.List | ast.Tuple)


def test_lists_of_any_length_are_bound_as_one_value() -> None:
    """SQLite binds at most 32,766 values: conditions on lists that grow are made by `rag.catalog.any_of`."""
    building = [path for path in PRODUCT if path.parts[:2] in STATEMENTS]
    assert building
    assert [found for path in building for found in _unbounded_lists(path)] == []


def _unbounded_lists(path: Path) -> Iterator[str]:
    for function in ast.walk(parsed(path)):
        if isinstance(function, ast.FunctionDef):
            subqueries = {
                ast.unparse(node.targets[0])
                for node in ast.walk(function)
                if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and "select(" in ast.unparse(node)
            }
            for call in (node for node in ast.walk(function) if isinstance(node, ast.Call)):
                if getattr(call.func, "attr", "") in ("in_", "not_in") and not is_bounded(call.args[0], subqueries):
                    yield f"{path}:{call.lineno}: {ast.unparse(call)}"
