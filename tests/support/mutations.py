"""Break a guard of the product in a copy of the code, to prove that a test can fail.

A mutation names the function of the guard, a fragment of it, and its replacement. If the function is renamed or
rewritten, `LookupError` names the entry to update.
"""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Mutation:
    """A replacement in `package.module:function`, `package.module:Class.method` or, without a colon, a module."""

    function: str
    fragment: str
    replacement: str

    @property
    def path(self) -> Path:
        """Return the module's file, relative to the project."""
        module = Path(*self.function.partition(":")[0].split("."))
        return module.with_suffix(".py") if (ROOT / module.with_suffix(".py")).exists() else module / "__init__.py"

    def apply(self, source: str) -> str:
        """Return the module's source with the fragment replaced. Raise LookupError unless it occurs exactly once."""
        start, end = _span(source, self.function.partition(":")[2], self.function)
        body = source[start:end]
        if (count := body.count(self.fragment)) != 1:
            raise LookupError(f"{self.function} has the fragment {count} times, not once: {self.fragment!r}")
        return source[:start] + body.replace(self.fragment, self.replacement) + source[end:]


def _span(source: str, qualified_name: str, function: str) -> tuple[int, int]:
    """Return where the definition starts and ends, as offsets into the source; the whole source for an empty name."""
    if not qualified_name:
        return 0, len(source)
    body: Sequence[ast.stmt] = ast.parse(source).body
    node: ast.stmt | None = None
    for name in qualified_name.split("."):
        node = next((child for child in body if getattr(child, "name", None) == name), None)
        if node is None:
            raise LookupError(f"There is no {function}.")
        body = getattr(node, "body", [])
    assert node is not None
    lines = source.splitlines(keepends=True)
    last = node.end_lineno or node.lineno
    return sum(map(len, lines[: node.lineno - 1])), sum(map(len, lines[:last]))


def check_mutations(mutations: Iterable[Mutation]) -> None:
    """Raise LookupError for a mutation that does not fit the code."""
    for mutation in mutations:
        mutation.apply((ROOT / mutation.path).read_text(encoding="utf-8"))


@contextmanager
def code_copy() -> Iterator[Path]:
    """Yield a temporary copy of the code and the tests."""
    with tempfile.TemporaryDirectory(prefix="mutated-") as folder:
        copy = Path(folder)
        for top in ("bot", "rag", "tests"):
            shutil.copytree(ROOT / top, copy / top, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "manifest.yml", copy)
        yield copy


@contextmanager
def mutated_copy(mutations: Iterable[Mutation]) -> Iterator[Path]:
    """Yield a temporary copy of the code and the tests with the mutations applied, one after another."""
    with code_copy() as copy:
        for mutation in mutations:
            path = copy / mutation.path
            path.write_text(mutation.apply(path.read_text(encoding="utf-8")), encoding="utf-8")
        yield copy


def run_module(
    copy: Path, module: str, arguments: Sequence[str], environment: Mapping[str, str] | None = None, *, capture: bool
) -> subprocess.CompletedProcess[str]:
    """Run `python -m MODULE` on a copy, in a process of its own. With `capture`, its output is in the result."""
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": str(copy), **(environment or {})},
        capture_output=capture,
        text=True,
        check=False,
    )
