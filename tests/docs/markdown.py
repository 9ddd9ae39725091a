"""Read links, headings and commands from Markdown pages."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
PAGES = [README, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
"""Pages whose commands, settings and paths are of this version; CHANGELOG.md names those of older ones, too."""

SHELL = {"sh", "bash", "shell", "console"}


@dataclass(frozen=True)
class Code:
    """One line of a code block (`inline` is false) or one piece of inline code."""

    text: str
    inline: bool


def parse(path: Path) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(path.read_text(encoding="utf-8"))


def links(path: Path) -> Iterator[str]:
    """Yield the targets of links and images."""
    for token in parse(path):
        for child in token.children or ():
            if child.type in ("link_open", "image"):
                yield str(child.attrs.get("href") or child.attrs.get("src"))


def anchors(path: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    found: set[str] = set()
    tokens = parse(path)
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open":
            title = "".join(child.content for child in inline.children or ())
            slug = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
            found.add(next(name for name in _numbered(slug) if name not in found))
    return found


def _numbered(slug: str) -> Iterator[str]:
    yield slug
    number = 0
    while True:
        number += 1
        yield f"{slug}-{number}"


def code(path: Path) -> Iterator[Code]:
    """Yield the lines of shell blocks and all inline code."""
    for token in parse(path):
        if token.type == "fence" and token.info in SHELL:
            yield from (Code(line, inline=False) for line in token.content.splitlines())
        for child in token.children or ():
            if child.type == "code_inline":
                yield Code(child.content, inline=True)


def words(line: str) -> list[str]:
    """Return the words of a shell command without comments and leading assignments of variables."""
    try:
        found = shlex.split(line, comments=True)
    except ValueError:  # inline code that is not a command
        return []
    while found and re.fullmatch(r"[A-Z_]+=.*", found[0]):
        found = found[1:]
    return found


def commands(path: Path, name: str) -> Iterator[tuple[list[str], bool]]:
    """Yield (arguments, whether inline) of every call of a command; `a && b` counts as two."""
    for each in code(path):
        for part in each.text.split("&&"):
            found = words(part)
            if found and (found[0] == name or found[0].endswith(f"/bin/{name}")):
                yield found[1:], each.inline
