"""The regular expressions of rag/ and bot/, and the methods they are used with."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from re import _parser  # type: ignore[attr-defined]
from types import ModuleType

from rag.search.glossary_file import BUILT_IN, load_glossary
from tests.complexity.machine import repeats_in

ROOT = Path(__file__).resolve().parent.parent.parent
_CALLS = ("compile", "match", "fullmatch", "search", "sub", "subn", "split", "findall", "finditer")
_ANCHORED = {"match", "fullmatch"}


@dataclass(frozen=True)
class UsedPattern:
    """A pattern, its place, and the methods that are called on it. An empty set means that any may be."""

    where: str
    pattern: re.Pattern[str]
    methods: frozenset[str]

    @property
    def method(self) -> str:
        """Return the costliest of the used methods: match, fullmatch, search, or all."""
        if self.methods and self.methods <= _ANCHORED:
            return "match" if "match" in self.methods else "fullmatch"
        return "search" if self.methods and self.methods <= {*_ANCHORED, "search"} else "all"

    @property
    def largest_bound(self) -> int:
        tree = _parser.parse(self.pattern.pattern, self.pattern.flags)
        bounds = [most for _, _, most in repeats_in(tree) if most is not _parser.MAXREPEAT]
        return max(bounds, default=0)


def all_patterns() -> list[UsedPattern]:
    """Return the patterns in the variables of modules and in calls of `re`.

    Raise ValueError for a pattern that is built at run time, because it cannot be checked.
    """
    found: list[UsedPattern] = []
    for path in sorted(each for top in ("rag", "bot") for each in (ROOT / top).rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        if "import re\n" in source and "migrations" not in path.parts:
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            found += _of_module(importlib.import_module(name), ast.parse(source))
    return [*found, *_of_glossary()]


def _of_glossary() -> Iterator[UsedPattern]:
    """Yield the patterns of the built-in glossary."""
    for number, entry in enumerate(load_glossary(BUILT_IN).entries, 1):
        for pattern in entry.patterns:
            yield UsedPattern(f"glossary, entry {number}: {pattern.pattern[:40]}", pattern, frozenset(["search"]))


def _of_module(module: ModuleType, tree: ast.Module) -> Iterator[UsedPattern]:
    used: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            used.setdefault(node.value.id, set()).add(node.attr)
    for name, value in vars(module).items():
        for pattern in _patterns_in(value):
            methods = frozenset(used.get(name, ())) & frozenset(_CALLS)
            if isinstance(pattern.pattern, str):
                yield UsedPattern(f"{module.__name__}.{name}", pattern, methods if value is pattern else frozenset())
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _is_re_call(node):
            yield from _patterns_of_call(module, node)


def _patterns_in(value: object) -> Iterator[re.Pattern[str]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, list | tuple | dict):
        inside: Iterable[object] = value.values() if isinstance(value, dict) else value
        for each in inside:
            yield from _patterns_in(each)


def _is_re_call(node: ast.Call) -> bool:
    called = node.func
    return (
        isinstance(called, ast.Attribute)
        and isinstance(called.value, ast.Name)
        and called.value.id == "re"
        and called.attr in _CALLS
    )


def _patterns_of_call(module: ModuleType, node: ast.Call) -> Iterator[UsedPattern]:
    assert isinstance(node.func, ast.Attribute)
    method = node.func.attr
    flags = next((word.value for word in node.keywords if word.arg == "flags"), None)
    if flags is None and method == "compile" and len(node.args) > 1:
        flags = node.args[1]
    place = f"{module.__name__}, line {node.lineno}"
    try:
        text, given = (_value(module, each) if each is not None else 0 for each in (node.args[0], flags))
    except NameError as error:
        if method == "compile":  # in a function or a loop; the resulting pattern is in a variable of the module
            return
        raise ValueError(f"{place}: write the pattern so that it is the same for every text ({error})") from error
    if isinstance(text, str) and isinstance(given, int) and method != "compile":
        yield UsedPattern(place, re.compile(text, given), frozenset([method]))


def _value(module: ModuleType, node: ast.expr) -> object:
    return eval(compile(ast.Expression(node), module.__name__, "eval"), dict(vars(module)))
