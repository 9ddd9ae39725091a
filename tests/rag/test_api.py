"""The public API of rag: one list, no more than bot/ uses."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import rag

ROOT = Path(__file__).resolve().parents[2]


def imported_from_rag(tree: ast.AST) -> set[str]:
    return {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "rag"
        for alias in node.names
    }


def test_every_name_has_a_value_and_is_declared_to_type_checkers() -> None:
    declared = {
        (alias.asname, node.module)
        for node in ast.walk(ast.parse((ROOT / "rag" / "__init__.py").read_text()))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("rag.")
        for alias in node.names
    }
    assert declared == set(rag._MODULES.items())
    for name in rag.__all__:
        assert getattr(rag, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        getattr(rag, "Nonsense")  # noqa: B009 - type checkers know that there is none


def test_bot_uses_every_name() -> None:
    used = set().union(*(imported_from_rag(ast.parse(path.read_text())) for path in (ROOT / "bot").rglob("*.py")))
    assert used == set(rag.__all__)


def test_importing_rag_imports_no_other_module_of_it() -> None:
    program = "import rag, sys; print([name for name in sys.modules if name.startswith('rag.')])"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
