"""Replacement for `re` in the counted copies, whose patterns count their steps."""

from __future__ import annotations

import re
from functools import cache
from re import DOTALL, IGNORECASE, MULTILINE, UNICODE, Match, Pattern, escape
from typing import Any

from tests.complexity.counting import CountedPattern

__all__ = ["DOTALL", "IGNORECASE", "MULTILINE", "UNICODE", "Match", "Pattern", "escape"]


@cache
def compile(pattern: str, flags: int = 0) -> CountedPattern:
    return CountedPattern(re.compile(pattern, flags))


def match(pattern: str, text: str, flags: int = 0) -> re.Match[str] | None:
    return compile(pattern, flags).match(text)


def fullmatch(pattern: str, text: str, flags: int = 0) -> re.Match[str] | None:
    return compile(pattern, flags).fullmatch(text)


def search(pattern: str, text: str, flags: int = 0) -> re.Match[str] | None:
    return compile(pattern, flags).search(text)


def sub(pattern: str, by: Any, text: str, flags: int = 0) -> str:
    return compile(pattern, flags).sub(by, text)


def findall(pattern: str, text: str, flags: int = 0) -> list[Any]:
    return compile(pattern, flags).findall(text)


def finditer(pattern: str, text: str, flags: int = 0) -> Any:
    return compile(pattern, flags).finditer(text)


def split(pattern: str, text: str, maxsplit: int = 0, flags: int = 0) -> list[Any]:
    return compile(pattern, flags).split(text, maxsplit)
