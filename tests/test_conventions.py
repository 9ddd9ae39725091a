"""Conventions that no linter checks. Layers and imports are contracts of import-linter, in pyproject.toml."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FILES = sorted(path.relative_to(ROOT) for top in ("bot", "rag", "tests") for path in (ROOT / top).rglob("*.py"))
PRODUCT = [path for path in FILES if path.parts[0] != "tests"]

SQL_FOLDERS = {"rag": Path("rag/catalog")}
"""The one folder of each package that may build SQL statements; elsewhere a transaction is only passed on."""

STATEMENTS = {("rag", "catalog"), ("bot", "db")}
"""The folders whose modules build SQL statements."""

HEAVY = {"torch", "torchvision", "open_clip", "chromadb", "pymupdf", "rapidocr", "onnxruntime", "cv2", "ollama"}
HEAVY |= {"playwright", "sentence_transformers", "transformers", "ray"}


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """Yield (module, whether it is imported only when a function runs or for type checking)."""
    tree = ast.parse((ROOT / path).read_text())
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


@pytest.mark.parametrize("path", PRODUCT, ids=str)
def test_heavy_libraries_are_imported_inside_functions(path: Path) -> None:
    assert not [module for module, deferred in imports(path) if not deferred and module.split(".")[0] in HEAVY]


@pytest.mark.parametrize("path", FILES, ids=str)
def test_nothing_is_patched_and_the_product_never_sleeps(path: Path) -> None:
    """A fake is passed where the real object would be; code that waits, waits for an event."""
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            assert (node.value.id, node.attr) != ("monkeypatch", "setattr"), node.lineno
            assert (node.value.id, node.attr) != ("time", "sleep") or path.parts[0] == "tests", node.lineno
    assert not [module for module, _ in imports(path) if module.startswith("unittest.mock")]


def test_only_commands_search_everything() -> None:
    """`Scope.operator()` is for the owner of the data folder; no reply to anybody else may use it."""
    callers = {
        str(path)
        for path in PRODUCT
        if path.parts[0] == "bot"
        for node in ast.walk(ast.parse((ROOT / path).read_text()))
        if isinstance(node, ast.Attribute) and node.attr == "operator"
    }
    assert callers == {"bot/cli/ask.py", "bot/cli/find.py", "bot/cli/results.py", "bot/cli/feedback.py"}


@pytest.mark.parametrize(
    "path",
    [path for path in PRODUCT if path.parts[0] in SQL_FOLDERS and SQL_FOLDERS[path.parts[0]] not in path.parents],
    ids=str,
)
def test_sql_is_built_in_one_folder(path: Path) -> None:
    tables = str(SQL_FOLDERS[path.parts[0]] / "tables").replace("/", ".")
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "sqlalchemy":
            assert [alias.name for alias in node.names] == ["Connection"], node.lineno
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "connection":
            assert node.attr not in ("execute", "exec_driver_sql", "scalar", "scalars"), node.lineno
    imported = {module for module, _ in imports(path)}
    assert not imported & {"sqlalchemy.sql", "sqlalchemy.orm", "alembic", tables}
    assert "import sqlalchemy" not in (ROOT / path).read_text()


FEW = {"kinds", "states", "sweeps", "live"}
"""Arguments with few values: kinds of sources and jobs, states."""


def is_bounded(argument: ast.expr, subqueries: set[str]) -> bool:
    """Return whether an argument of `in_` is a constant, a subquery, or a list that is written out."""
    if isinstance(argument, ast.Name):
        return argument.id.lstrip("_").isupper() or argument.id in FEW | subqueries
    if isinstance(argument, ast.Call):
        return not (isinstance(argument.func, ast.Name) and argument.func.id in ("list", "set", "sorted", "tuple"))
    return isinstance(argument, ast.List | ast.Tuple)


@pytest.mark.parametrize("path", [path for path in PRODUCT if path.parts[:2] in STATEMENTS], ids=str)
def test_lists_of_any_length_are_bound_as_one_value(path: Path) -> None:
    """SQLite binds at most 32,766 values: conditions on lists that grow are made by `rag.catalog.any_of`."""
    tree = ast.parse((ROOT / path).read_text())
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            subqueries = {
                ast.unparse(node.targets[0])
                for node in ast.walk(function)
                if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and "select(" in ast.unparse(node)
            }
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("in_", "not_in"):
                    assert is_bounded(node.args[0], subqueries), f"{path}:{node.lineno}: {ast.unparse(node)}"
