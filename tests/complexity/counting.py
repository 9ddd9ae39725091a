"""Copies of the modules that handle text, which count their steps.

A copy is compiled from the module's source. Each call, loop, slice and concatenation adds the size of its text or
collection, and each regular expression adds the steps of `tests.complexity.machine`. A list that is searched for each
element, or a text that is sliced for each word, therefore shows quadratic growth.
"""

from __future__ import annotations

import ast
import importlib
import re
import sys
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import BuiltinFunctionType, MethodDescriptorType, MethodWrapperType, ModuleType
from typing import Any

from tests.complexity.machine import Machine

ROOT = Path(__file__).resolve().parent.parent.parent
PREFIX = "counted."
MODULES = frozenset(
    """bot.answers.history bot.answers.pointers bot.answers.render bot.answers.small_talk bot.answers.understanding
    bot.cli.redaction bot.slack.blocks bot.slack.rich_text bot.slack.simple_blocks rag.analysis.similar_texts
    rag.analysis.analyzer rag.analysis.content rag.analysis.dates rag.analysis.languages rag.analysis.letters
    rag.analysis.numbers rag.analysis.pieces rag.analysis.question rag.analysis.stop_words
    bot.slack.message_text bot.slack.payloads bot.slack.slack_links bot.slack.text_files
    rag.answer.citations rag.answer.codes rag.answer.comparison rag.answer.control_tokens rag.answer.excerpt
    rag.answer.grounding rag.answer.pronouns rag.answer.range_ends rag.answer.scatter
    rag.answer.function_words rag.answer.highlight rag.answer.name_rivals rag.answer.names rag.answer.nearness
    rag.answer.negation rag.answer.number_words rag.answer.numbers rag.answer.page_text rag.answer.query_rewrite
    rag.answer.reply_faults rag.answer.shown_text rag.answer.statements rag.answer.support rag.answer.table_cells
    rag.answer.units
    rag.extract.convert.markdown rag.extract.convert.plain_text
    rag.extract.file_types rag.ingest.markdown_rows rag.search.glossary
    rag.search.limit_dates rag.search.limit_phrases rag.search.limit_tokens rag.search.limits
    rag.search.near_duplicates rag.search.page_phrases rag.search.query_analysis rag.text""".split()
)
_MAX_BOUND = 6


class Work:
    """Counts steps. Raises TooMuchWork above the limit."""

    def __init__(self) -> None:
        self.steps = 0
        self.limit = 0

    def add(self, steps: int) -> None:
        self.steps += steps
        if 0 < self.limit < self.steps:
            raise TooMuchWork


class TooMuchWork(Exception):
    """The limit of steps is exceeded."""


WORK = Work()


def _size(value: object) -> int:
    return len(value) if isinstance(value, str | bytes | list | tuple | set | frozenset | dict) else 0


_CONSTANT = (len, isinstance, range, enumerate, zip, iter, next, id, print, bisect_left)
_BUILT_IN = (BuiltinFunctionType, MethodDescriptorType, MethodWrapperType)


def _call(function: Callable[..., Any], *given: Any, **named: Any) -> Any:
    """Call a function. A C function is assumed to iterate over its arguments and the text that it is a method of."""
    WORK.add(1)
    if function not in _CONSTANT and (
        isinstance(function, _BUILT_IN) or getattr(function, "__module__", "") == "builtins"
    ):
        owner = getattr(function, "__self__", None)
        # Methods of sets, dictionaries and lists, such as add and append, do not iterate over the collection.
        WORK.add(sum(map(_size, given)) + (_size(owner) if isinstance(owner, str | bytes) else 0))
    return function(*given, **named)


def _count_created(value: Any) -> Any:
    """Count a text or collection that was created by an operator or a slice."""
    WORK.add(1 + _size(value))
    return value


def _count_in(item: Any, container: Any) -> Any:
    WORK.add(1 + (len(container) if isinstance(container, str | list | tuple) else 0))
    return item in container


def _tick(value: Any = None) -> Any:
    WORK.add(1)
    return value


_NAMES = {"_counted_call": _call, "_counted_made": _count_created, "_counted_in": _count_in, "_counted_tick": _tick}


class _Counting(ast.NodeTransformer):
    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id in ("super", "locals"):
            return node
        called = ast.Call(_name("_counted_call"), [node.func, *node.args], node.keywords)
        return ast.copy_location(called, node)

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        self.generic_visit(node)
        cut = isinstance(node.slice, ast.Slice) and isinstance(node.ctx, ast.Load)
        return _around("_counted_made", node) if cut else node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        return _around("_counted_made", node)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                part.value = self.visit(part.value)
        return _around("_counted_made", node)

    def visit_Compare(self, node: ast.Compare) -> ast.AST:
        self.generic_visit(node)
        if len(node.ops) == 1 and isinstance(node.ops[0], ast.In | ast.NotIn):
            held: ast.expr = ast.Call(_name("_counted_in"), [node.left, node.comparators[0]], [])
            if isinstance(node.ops[0], ast.NotIn):
                held = ast.UnaryOp(ast.Not(), held)
            return ast.copy_location(held, node)
        return node

    def visit_comprehension(self, node: ast.comprehension) -> ast.AST:
        self.generic_visit(node)
        node.ifs.insert(0, ast.Compare(ast.Call(_name("_counted_tick"), [], []), [ast.Is()], [ast.Constant(None)]))
        return node

    def visit_For(self, node: ast.For) -> ast.AST:
        return self._loop(node)

    def visit_While(self, node: ast.While) -> ast.AST:
        return self._loop(node)

    def _loop(self, node: ast.For | ast.While) -> ast.AST:
        self.generic_visit(node)
        node.body.insert(0, ast.Expr(ast.Call(_name("_counted_tick"), [], [])))
        return node

    def visit_Import(self, node: ast.Import) -> ast.AST:
        if [alias.name for alias in node.names] == ["re"]:
            return ast.ImportFrom("tests.complexity", [ast.alias("counting_re", "re")], 0)
        return node

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST:
        if node.module in MODULES:
            node.module = PREFIX + node.module
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is not None:
            node.value = self.visit(node.value)
        return node

    def visit_arguments(self, node: ast.arguments) -> ast.AST:
        return node

    def visit_match_case(self, node: ast.match_case) -> ast.AST:
        node.body = [self.visit(each) for each in node.body]
        if node.guard is not None:
            node.guard = self.visit(node.guard)
        return node


def _name(name: str) -> ast.Name:
    return ast.Name(name, ast.Load())


def _around(name: str, node: ast.expr) -> ast.AST:
    return ast.copy_location(ast.Call(_name(name), [node], []), node)


class _Copies(MetaPathFinder, Loader):
    """Imports, for example, counted.rag.answer.numbers from rag/answer/numbers.py."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        del path, target
        if fullname == PREFIX[:-1] or fullname.startswith(PREFIX):
            own = fullname.removeprefix(PREFIX)
            return ModuleSpec(fullname, self, is_package=own not in MODULES)
        return None

    def create_module(self, spec: ModuleSpec) -> None:
        del spec

    def exec_module(self, module: ModuleType) -> None:
        own = module.__name__.removeprefix(PREFIX)
        if own in MODULES:
            path = (ROOT / own.replace(".", "/")).with_suffix(".py")
            _run(path.read_text(encoding="utf-8"), vars(module))


def _run(source: str, names: dict[str, Any]) -> None:
    names.update(_NAMES)
    tree = _Counting().visit(ast.parse(source))
    exec(compile(ast.fix_missing_locations(tree), "counted", "exec"), names)


def copy_of(source: str) -> dict[str, Any]:
    """Execute source with its steps counted and return its global names."""
    names: dict[str, Any] = {}
    _run(source, names)
    return names


@contextmanager
def counted() -> Iterator[Callable[[str], ModuleType]]:
    """Yield a function that imports the counted copy of a module, such as `rag.answer.numbers`."""
    finder = _Copies()
    sys.meta_path.insert(0, finder)
    try:
        yield lambda name: importlib.import_module(PREFIX + name)
    finally:
        sys.meta_path.remove(finder)
        for name in [name for name in sys.modules if f"{name}.".startswith(PREFIX)]:
            del sys.modules[name]


class CountedPattern:
    """A compiled pattern that behaves as in `re` and counts the steps of a backtracking engine."""

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self._real = pattern
        self._machine = Machine(pattern, _MAX_BOUND)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def _counted(self, text: str, method: str, at: int = 0) -> None:
        self._machine.steps = 0
        self._machine.limit = WORK.limit or self._machine.limit
        self._machine.run(text, method, at)
        WORK.add(self._machine.steps)

    def match(self, text: str, at: int = 0) -> re.Match[str] | None:
        self._counted(text, "match", at)
        return self._real.match(text, at)

    def fullmatch(self, text: str) -> re.Match[str] | None:
        self._counted(text, "fullmatch")
        return self._real.fullmatch(text)

    def search(self, text: str, at: int = 0) -> re.Match[str] | None:
        self._counted(text, "search", at)
        return self._real.search(text, at)

    def finditer(self, text: str, at: int = 0) -> Iterator[re.Match[str]]:
        self._counted(text, "all", at)
        return self._real.finditer(text, at)

    def findall(self, text: str) -> list[Any]:
        self._counted(text, "all")
        return self._real.findall(text)

    def sub(self, by: Any, text: str) -> str:
        self._counted(text, "all")
        return self._real.sub(by, text)

    def split(self, text: str, maxsplit: int = 0) -> list[Any]:
        self._counted(text, "all")
        return self._real.split(text, maxsplit)


__all__ = ["MODULES", "WORK", "CountedPattern", "TooMuchWork", "copy_of", "counted"]
