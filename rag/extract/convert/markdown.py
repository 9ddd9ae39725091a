"""Markdown: detecting it and rendering it as HTML. Nothing that the text links to is fetched or opened."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

from rag.extract.convert.plain_text import wrap_line

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
_MAX_WORD_CHARS = 60
_PART_CHARS = 20_000
"""Approximate size of a part of the HTML: the time of its layout grows with the square of its size."""

_HEADING = re.compile(r"^#{1,6} +\S", re.MULTILINE)
_LONE_HEADING = re.compile(r"(?:\A|\n[ \t]*\n)(#{1,6}) +\S[^\n]*(?=\n[ \t]*\n|\n*\Z)")
_UNDERLINED = re.compile(r"(?:\A|\n[ \t]*\n)[^\s#>|*+-][^\n]*\n(?:=+|-{3,})[ \t]*(?=\n|\Z)")
_FENCE = re.compile(r"(```|~~~)[^`]*$")
_DELIMITER_CELL = re.compile(r":?-+:?")
_LINK = re.compile(
    r"!?\[[^\]\n]{1,300}\]\((?:https?:|mailto:|#|\.{0,2}/|[\w-]+[./])[^)\s]{0,500}(?: \"[^\"\n]{0,300}\")?\)"
)
_SCHEME = re.compile(r"https?://\S|[^\s@/:]+@\S")
"""Addresses of links that are printed: of web pages and of people. Others lead to files beside this one."""
_LIST = re.compile(r"(?:\A|\n[ \t]*\n)(?:[-*+]|\d+[.)]) +\S[^\n]*\n(?:[^\n]+\n)*?(?:[-*+]|\d+[.)]) +\S")
_STRONG = re.compile(r"(?<![\w*])\*\*[^\s*][^*\n]*\*\*(?![\w*])")
_CODE_LINE = re.compile(
    r"^(?:#!|\s*(?:import|from|def|class|return|public|private|static|function|const|let|var|using|package|include|fn)\b"
    r"(?! \w+ \w+ \w+ )|.*[;{}]\s*$|\s*[\w.\"'-]+\s*[:=]\s*\S+\s*$|\s*\w+\(.*\)\s*$)"
)
_MAX_CODE_SHARE = 0.2


class RenderedMarkdown(NamedTuple):
    """Markdown as consecutive parts of HTML, and its first level-1 heading as title."""

    parts: list[str]
    title: str


def is_markdown(text: str) -> bool:
    """Return whether a text is certainly Markdown: it has at least two kinds of markup, one of them unambiguous.

    A false positive joins the lines of a log; a false negative only leaves the markup visible. So scripts and settings,
    whose comments also start with `#`, are not Markdown.
    """
    if text.startswith("#!"):
        return False
    prose, fences = _without_fences(text)
    lines = [line for line in prose.splitlines() if line.strip()]
    code = sum(_CODE_LINE.match(line) is not None for line in lines)
    if code > _MAX_CODE_SHARE * len(lines):
        return False
    lone = _LONE_HEADING.findall(prose)
    unambiguous = [fences > 0, _has_table(lines), _has_subheading(lone)]
    unambiguous += [bool(pattern.search(prose)) for pattern in (_LINK, _UNDERLINED)]
    ambiguous = [bool(pattern.search(prose)) for pattern in (_HEADING, _LIST, _STRONG)]
    return (any(unambiguous) or bool(lone)) and sum(unambiguous + ambiguous) >= 2


def _without_fences(text: str) -> tuple[str, int]:
    """Return the text without fenced code, and the number of closed fences."""
    outside: list[str] = []
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
            outside.append(line)
    return "\n".join(outside + inside), closed


def _has_table(lines: Sequence[str]) -> bool:
    """Return whether a table's delimiter row follows a line with bars."""
    return any(
        "|" in head and "|" in rule and "-" in rule and _is_delimiter_row(rule) for head, rule in pairwise(lines)
    )


def _is_delimiter_row(line: str) -> bool:
    cells = line.strip(" \t").removeprefix("|").removesuffix("|").split("|")
    return all(_DELIMITER_CELL.fullmatch(cell.strip(" \t")) for cell in cells)


def _has_subheading(headings: Sequence[str]) -> bool:
    return any(len(signs) > 1 for signs in headings)


def render_markdown(text: str) -> RenderedMarkdown:
    """Return the text as HTML. Raw HTML in it is shown as text; pictures are replaced by their alternative text."""
    front = re.match(r"---[ \t]*\n(.*?\n)---[ \t]*(?:\n|\Z)", text, re.DOTALL)
    if front:  # YAML front matter
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
        if token.level == 0 and token.nesting <= 0 and size > _PART_CHARS:
            parts.append(parser.renderer.render(block, parser.options, env))
            block, size = [], 0
    parts.append(parser.renderer.render(block, parser.options, env))
    return RenderedMarkdown(parts, _title(tokens))


def _title(tokens: Sequence[Token]) -> str:
    for token, inline in pairwise(tokens):
        if token.type == "heading_open" and token.tag == "h1":
            return "".join(child.content for child in inline.children or () if child.type in ("text", "code_inline"))
    return ""


def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False, "breaks": True}).enable(["table", "strikethrough"])
    parser.validateLink = _accept_any_address  # type: ignore[method-assign]
    rules = parser.renderer.rules  # type: ignore[attr-defined]
    rules["image"] = lambda tokens, at, *_: _escaped(tokens[at].content)
    rules["text"] = lambda tokens, at, *_: _escaped(tokens[at].content)
    rules["code_inline"] = lambda tokens, at, *_: f"<code>{_escaped(tokens[at].content)}</code>"
    rules["fence"] = rules["code_block"] = lambda tokens, at, *_: _code(tokens[at].content)
    rules["link_open"] = lambda *_: ""
    rules["link_close"] = lambda tokens, at, *_: _escaped(_address_after(tokens, at))
    return parser


def _accept_any_address(url: str) -> bool:
    """Accept every address: addresses are written to the HTML as text only."""
    del url
    return True


def _address_after(tokens: Sequence[Token], close: int) -> str:
    """Return the address of the link that ends here, to be printed after its words; "" if they are the address."""
    start = next(at for at in range(close - 1, -1, -1) if tokens[at].type == "link_open")
    address = unquote(str(tokens[start].attrGet("href") or "")).replace(" ", "%20").removeprefix("mailto:")
    words = "".join(token.content for token in tokens[start:close])
    return f" ({address})" if _SCHEME.match(address) and address not in words else ""


def _escaped(text: str) -> str:
    return html.escape(break_long_words(text), quote=False)


def break_long_words(text: str) -> str:
    """Return the text with spaces added in very long words, because MuPDF breaks lines only at spaces."""
    if len(text) <= _MAX_WORD_CHARS:
        return text
    return re.sub(rf"\S{{{_MAX_WORD_CHARS},}}", lambda word: " ".join(wrap_line(word[0], _MAX_WORD_CHARS)), text)


def _code(text: str) -> str:
    lines = [piece for line in text.expandtabs(4).splitlines() for piece in wrap_line(line.rstrip(), _CODE_COLUMNS)]
    return f"<pre>\n{html.escape(chr(10).join(lines), quote=False)}</pre>\n"
