"""Markdown: which text is it, and what it looks like on a page. Nothing it refers to is fetched or opened."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from rag.extract.convert.plain_text import wrapped

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

CSS = """
body { font-family: sans-serif; font-size: 10.5pt; line-height: 1.35; }
h1 { font-size: 20pt; } h2 { font-size: 16pt; } h3 { font-size: 13pt; } h4, h5, h6 { font-size: 11pt; }
code, pre { font-family: monospace; font-size: 8.5pt; }
pre { white-space: pre-wrap; background-color: #eeeeee; }
table { border-collapse: collapse; }
th, td { border: 1px solid #666666; padding: 3px; }
"""

_CODE_COLUMNS = 90
_LONG_WORD = 60
_PIECE = 20_000
"""Characters of HTML laid out at once; the time grows with their square."""

_HEADING = re.compile(r"^#{1,6} +\S", re.MULTILINE)
_LONE_HEADING = re.compile(r"(?:\A|\n[ \t]*\n)(#{1,6}) +\S[^\n]*(?=\n[ \t]*\n|\n*\Z)")
_UNDERLINED = re.compile(r"(?:\A|\n[ \t]*\n)[^\s#>|*+-][^\n]*\n(?:=+|-{3,})[ \t]*(?=\n|\Z)")
_FENCE = re.compile(r"(```|~~~)[^`]*$")
_RULE_CELL = re.compile(r":?-+:?")
_LINK = re.compile(
    r"!?\[[^\]\n]{1,300}\]\((?:https?:|mailto:|#|\.{0,2}/|[\w-]+[./])[^)\s]{0,500}(?: \"[^\"\n]{0,300}\")?\)"
)
_LIST = re.compile(r"(?:\A|\n[ \t]*\n)(?:[-*+]|\d+[.)]) +\S[^\n]*\n(?:[^\n]+\n)*?(?:[-*+]|\d+[.)]) +\S")
_STRONG = re.compile(r"(?<![\w*])\*\*[^\s*][^*\n]*\*\*(?![\w*])")
_CODE_LINE = re.compile(
    r"^(?:#!|\s*(?:import|from|def|class|return|public|private|static|function|const|let|var|using|package|include|fn)\b"
    r"(?! \w+ \w+ \w+ )|.*[;{}]\s*$|\s*[\w.\"'-]+\s*[:=]\s*\S+\s*$|\s*\w+\(.*\)\s*$)"
)
_MUCH_CODE = 0.2


class Marked(NamedTuple):
    """Markdown as parts of HTML that follow one another, with the first heading of its first level."""

    parts: list[str]
    title: str


def is_markdown(text: str) -> bool:
    """Whether a text is surely Markdown: at least two of its signs, one of them hard to come by otherwise.

    Wrongly yes joins lines of a log; wrongly no shows the signs. So scripts and settings, whose remarks begin with
    `#` too, are left as they are.
    """
    if text.startswith("#!"):
        return False
    prose, fences = _without_fences(text)
    lines = [line for line in prose.splitlines() if line.strip()]
    code = sum(_CODE_LINE.match(line) is not None for line in lines)
    if code > _MUCH_CODE * len(lines):
        return False
    lone = _LONE_HEADING.findall(prose)
    sure = [fences > 0, _has_table(lines), _deep(lone)] + [bool(sign.search(prose)) for sign in (_LINK, _UNDERLINED)]
    more = [bool(sign.search(prose)) for sign in (_HEADING, _LIST, _STRONG)]
    return (any(sure) or bool(lone)) and sum(sure + more) >= 2


def _without_fences(text: str) -> tuple[str, int]:
    """The text but for fenced code, and how many fences were opened and closed in it."""
    kept: list[str] = []
    inside: list[str] = []
    closed, fence = 0, ""
    for line in text.splitlines():
        if fence:
            inside.append(line)
            if line.rstrip() == fence:
                closed, fence, inside = closed + 1, "", []
        elif found := _FENCE.match(line):
            fence, inside = found[1], [line]
        else:
            kept.append(line)
    return "\n".join(kept + inside), closed


def _has_table(lines: Sequence[str]) -> bool:
    """Whether a line of dashes and bars stands under a line with bars."""
    return any("|" in head and "|" in rule and "-" in rule and _is_rule(rule) for head, rule in pairwise(lines))


def _is_rule(line: str) -> bool:
    cells = line.strip(" \t").removeprefix("|").removesuffix("|").split("|")
    return all(_RULE_CELL.fullmatch(cell.strip(" \t")) for cell in cells)


def _deep(headings: Sequence[str]) -> bool:
    return any(len(signs) > 1 for signs in headings)


def marked(text: str) -> Marked:
    """Raw HTML in the text is shown, not obeyed; pictures are their alternative text."""
    front = re.match(r"---[ \t]*\n(.*?\n)---[ \t]*(?:\n|\Z)", text, re.DOTALL)
    if front:  # settings of the program that publishes it
        text = f"```\n{front[1]}```\n\n{text[front.end() :]}"
    parser = _parser()
    env: dict[str, Any] = {}
    tokens = parser.parse(text.replace("\f", "\n"), env)
    parts: list[str] = []
    block: list[Token] = []
    size = 0
    for token in tokens:
        block.append(token)
        size += len(token.content) + 20
        if token.level == 0 and token.nesting <= 0 and size > _PIECE:
            parts.append(parser.renderer.render(block, parser.options, env))
            block, size = [], 0
    parts.append(parser.renderer.render(block, parser.options, env))
    return Marked(parts, _title(tokens))


def _title(tokens: Sequence[Token]) -> str:
    for token, inline in pairwise(tokens):
        if token.type == "heading_open" and token.tag == "h1":
            return "".join(child.content for child in inline.children or () if child.type in ("text", "code_inline"))
    return ""


def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False, "breaks": True}).enable(["table", "strikethrough"])
    parser.validateLink = _any_address  # type: ignore[method-assign]
    rules = parser.renderer.rules  # type: ignore[attr-defined]
    rules["image"] = lambda tokens, at, *_: _spaced(tokens[at].content)
    rules["text"] = lambda tokens, at, *_: _spaced(tokens[at].content)
    rules["code_inline"] = lambda tokens, at, *_: f"<code>{_spaced(tokens[at].content)}</code>"
    rules["fence"] = rules["code_block"] = lambda tokens, at, *_: _code(tokens[at].content)
    rules["link_open"] = rules["link_close"] = lambda *_: ""
    return parser


def _any_address(url: str) -> bool:
    """No address is ever written out: none can do harm, and its words are shown."""
    del url
    return True


def _spaced(text: str) -> str:
    """Escaped; a word too long for a line may break, which MuPDF does at spaces alone."""
    if len(text) > _LONG_WORD:
        text = re.sub(rf"\S{{{_LONG_WORD},}}", lambda word: " ".join(wrapped(word[0], _LONG_WORD)), text)
    return html.escape(text, quote=False)


def _code(text: str) -> str:
    lines = [piece for line in text.expandtabs(4).splitlines() for piece in wrapped(line.rstrip(), _CODE_COLUMNS)]
    return f"<pre>\n{html.escape(chr(10).join(lines), quote=False)}</pre>\n"
