"""Change the product at random and see whether its tests notice: `make mutate CHANGES=40 IN="rag/catalog bot/db"`.

Each change is one comparison, condition, constant or call, in a copy of the code. The tests of the changed module must
fail; a change that they do not notice is printed, with the line. Some of these are equivalent to the original; the
others show a test that asserts less than its name says.
"""

from __future__ import annotations

import argparse
import ast
import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.mutations import ROOT, code_copy

_SWAPPED = {
    ast.Eq: "!=",
    ast.NotEq: "==",
    ast.Lt: "<=",
    ast.LtE: "<",
    ast.Gt: ">=",
    ast.GtE: ">",
    ast.In: "not in",
    ast.NotIn: "in",
    ast.Is: "is not",
    ast.IsNot: "is",
}
_SECONDS = 600
"""The longest time for the tests of one module; a change after which they take longer is noticed."""
_LEFT_OUT = ("migrations", "demo")


@dataclass(frozen=True, slots=True)
class Change:
    """A replacement of `before`, bytes `start` to `end` of the file at `path`, which is relative to the project."""

    path: Path
    line: int
    start: int
    end: int
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.before!r} -> {self.after!r}"

    def apply(self, source: bytes) -> bytes:
        return source[: self.start] + self.after.encode() + source[self.end :]


def changes_of(path: Path, source: bytes) -> list[Change]:
    """Return every change of one module."""
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.expr | ast.stmt) and node.end_lineno is not None and node.end_col_offset is not None:
            start = starts[node.lineno - 1] + node.col_offset
            end = starts[node.end_lineno - 1] + node.end_col_offset
            before = source[start:end].decode()
            found += [Change(path, node.lineno, start, end, before, after) for after in _variants(node)]
    return found


def _variants(node: ast.AST) -> Iterator[str]:
    """Yield other sources for an expression or statement."""
    match node:
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            yield f"({ast.unparse(left)} {_SWAPPED[type(op)]} {ast.unparse(right)})"
        case ast.BoolOp(op=op, values=values):
            other = " or " if isinstance(op, ast.And) else " and "
            yield f"({other.join(f'({ast.unparse(value)})' for value in values)})"
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield f"bool({ast.unparse(operand)})"
        case ast.Constant(value=bool() as value):
            yield repr(not value)
        case ast.Constant(value=int() as value):
            yield repr(value + 1)
        case ast.Expr(value=ast.Call()):
            yield "None"
        case _:
            return


def tests_of(path: Path) -> list[str]:
    """Return the tests of a module's package, those named after the module first; of the nearest folder with tests."""
    folder = ROOT / "tests" / path.parent
    while not any(folder.glob("test_*.py")):
        folder = folder.parent
    tests = sorted(
        folder.glob("test_*.py"), key=lambda test: (not test.stem.startswith(f"test_{path.stem}"), test.name)
    )
    return [str(test.relative_to(ROOT)) for test in tests]


def is_noticed(change: Change) -> bool:
    """Return whether a test fails after a change."""
    with code_copy() as copy:
        path = copy / change.path
        path.write_bytes(change.apply(path.read_bytes()))
        command = [sys.executable, "-m", "pytest", "-n", "0", "-x", "-q", *tests_of(change.path)]
        for settings in ("pyproject.toml", "README.md"):
            (copy / settings).write_bytes((ROOT / settings).read_bytes())
        try:
            done = subprocess.run(command, cwd=copy, capture_output=True, timeout=_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            return True
        return done.returncode != 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--number", type=int, default=40, help="how many changes (default: 40)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("paths", nargs="*", default=["rag", "bot"], help="modules or folders (default: rag bot)")
    options = parser.parse_args()
    modules = [file for path in options.paths for file in _modules(ROOT / path)]
    changes = [change for file in modules for change in changes_of(file.relative_to(ROOT), file.read_bytes())]
    chosen = random.Random(options.seed).sample(changes, min(options.number, len(changes)))
    unnoticed = 0
    for change in chosen:
        noticed = is_noticed(change)
        unnoticed += not noticed
        print("noticed  " if noticed else "UNNOTICED", change, flush=True)  # noqa: T201
    print(f"{len(chosen) - unnoticed} of {len(chosen)} changes noticed, of {len(changes):,} possible.")  # noqa: T201
    return 0


def _modules(path: Path) -> list[Path]:
    files = [path] if path.is_file() else sorted(path.rglob("*.py"))
    return [file for file in files if not set(file.parts) & set(_LEFT_OUT)]


if __name__ == "__main__":
    raise SystemExit(main())
