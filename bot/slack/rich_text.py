"""A model's Markdown as Slack's own blocks: rich text, tables and code. Pure.

Text in rich text is shown as it is: Slack makes links and mentions only of elements of other types, which are never
written here. So links, images and HTML of the Markdown stay text.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from bot.slack.blocks import SECTION, Block, cut, sections, text_length
from rag import without_invisible

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

Elements: TypeAlias = list[Block]

MAX_ROWS, MAX_CELLS, MAX_TABLE = 100, 20, 10_000
"""Rows of a table, cells of a row, and characters of a table that Slack accepts."""

_OFF = "link image autolink html_inline html_block reference entity escape code hr lheading".split()
"""Rules of Markdown that are not applied: they make links, or change what a document says, such as a path."""

_EMPTY = "\u00a0"
"""The text of an empty cell: Slack refuses an element without text."""

_STYLES = {"strong": "bold", "em": "italic", "s": "strike"}
_MAX_INDENT = 8


def rich_blocks(markdown: str, length: int) -> list[Block]:
    """Return the blocks of a text with at most `length` characters. Slack accepts one table in a message, so further
    ones are code."""
    text = cut(without_invisible(markdown), length)
    made = _Blocks()
    made.add(_parser().parse(text))
    blocks = made.finish()
    # Tables as code are padded, and may be too long.
    return blocks if text_length(blocks) <= length else sections(_escaped(text), length)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).disable(_OFF)


@dataclass
class _Blocks:
    """Collects the elements of rich text, and the blocks between them."""

    blocks: list[Block] = field(default_factory=list)
    elements: Elements = field(default_factory=list)
    has_table: bool = False
    length: int = 0
    """Characters of `elements`."""

    def add(self, tokens: Sequence[Token]) -> None:
        """Add the blocks of a text."""
        position = 0
        while position < len(tokens):
            end = _end_of(tokens, position)
            self._add_block(tokens[position], tokens[position + 1 : end])
            position = end + 1

    def finish(self) -> list[Block]:
        self._flush()
        return self.blocks

    def _add_block(self, token: Token, inside: Sequence[Token]) -> None:
        match token.type:
            case "paragraph_open":
                self._put(_section(_inline(inside)))
            case "heading_open":
                self._put(_section(_inline(inside, {"bold": True})))
            case "fence":
                self._put(_preformatted(token.content.rstrip("\n")))
            case "blockquote_open":
                self._put({"type": "rich_text_quote", "elements": _joined(list(_paragraphs(inside)))})
            case "bullet_list_open" | "ordered_list_open":
                for part in _lists(token, inside, 0):
                    self._put(part)
            case "table_open":
                self._add_table(inside)

    def _put(self, element: Block) -> None:
        if not element["elements"]:
            return
        length = text_length(element)
        if self.length + length > SECTION:
            self._flush()
        self.length += length
        last = self.elements[-1] if self.elements else None
        if last is not None and last["type"] == element["type"] == "rich_text_section":
            last["elements"] += [_text("\n\n"), *element["elements"]]  # as Slack writes paragraphs
        else:
            self.elements.append(element)

    def _flush(self) -> None:
        if self.elements:
            self.blocks.append({"type": "rich_text", "elements": self.elements})
        self.elements, self.length = [], 0

    def _add_table(self, inside: Sequence[Token]) -> None:
        rows, sides = _rows(inside)
        is_small = len(rows) <= MAX_ROWS and max(map(len, rows)) <= MAX_CELLS and text_length(rows) <= MAX_TABLE
        if self.has_table or not is_small:
            self._put(_preformatted(_as_text(rows)))
            return
        self._flush()
        self.has_table = True
        cells = [list(map(_cell, row)) for row in rows]
        settings = [{"align": side, "is_wrapped": True} for side in sides]
        self.blocks.append({"type": "table", "rows": cells, "column_settings": settings})


def _end_of(tokens: Sequence[Token], start: int) -> int:
    """Return the position of the token that closes the one at `start`; `start` itself if it has no content."""
    depth = 0
    for position in range(start, len(tokens)):
        depth += tokens[position].nesting
        if depth <= 0:
            return position
    return len(tokens) - 1


# ---------------------------------------------------------------- parts of rich text


def _text(text: str, style: dict[str, bool] | None = None) -> Block:
    return {"type": "text", "text": text} | ({"style": dict(style)} if style else {})


def _section(elements: Elements) -> Block:
    return {"type": "rich_text_section", "elements": elements}


def _preformatted(text: str) -> Block:
    return {"type": "rich_text_preformatted", "elements": [_text(text)] if text.strip() else []}


def _inline(tokens: Sequence[Token], style: dict[str, bool] | None = None) -> Elements:
    """Return the elements of the inline tokens among these. Neighbors of the same style are one element."""
    found: Elements = []
    for token in tokens:
        styles = dict(style or {})
        for child in token.children or ():
            name = child.type.rpartition("_")[0]
            if name in _STYLES:
                styles |= {_STYLES[name]: True} if child.nesting > 0 else {}
                if child.nesting < 0 and not (style or {}).get(_STYLES[name]):
                    styles.pop(_STYLES[name], None)
            elif child.type in ("softbreak", "hardbreak"):
                _append(found, "\n", styles)
            else:
                _append(found, child.content, styles | ({"code": True} if child.type == "code_inline" else {}))
    return found


def _append(elements: Elements, text: str, style: dict[str, bool]) -> None:
    if not text:
        return
    if elements and elements[-1].get("style", {}) == style:
        elements[-1]["text"] += text
    else:
        elements.append(_text(text, style))


def _paragraphs(tokens: Sequence[Token]) -> Iterator[Elements]:
    """Yield the elements of each text inside of a quote or list item, without the lists in it; code as text."""
    for token in tokens:
        if token.type == "inline":
            yield _inline([token])
        elif token.type == "fence":
            yield [_text(token.content.rstrip("\n"), {"code": True})] if token.content.strip() else []


def _joined(parts: Sequence[Elements]) -> Elements:
    """Return parts as one, each in a line of its own."""
    found: Elements = []
    for part in filter(None, parts):
        found += [_text("\n")] if found else []
        found += part
    return found


def _lists(opening: Token, inside: Sequence[Token], indent: int) -> Iterator[Block]:
    """Yield a list and the lists inside of it, in reading order: in rich text they stand beside each other."""
    style = "bullet" if opening.type == "bullet_list_open" else "ordered"
    items: Elements = []
    number, position = int(opening.attrGet("start") or 1), 0

    def made_list() -> Block:
        made = {"type": "rich_text_list", "style": style, "indent": min(indent, _MAX_INDENT), "elements": items}
        before = number - 1 - len(items)
        return made | ({"offset": before} if style == "ordered" and before > 0 else {})

    while position < len(inside):
        end = _end_of(inside, position)
        own, nested = _split_item(inside[position + 1 : end])
        items = [*items, _section(_joined(list(_paragraphs(own))) or [_text(_EMPTY)])]
        number += 1
        if nested:
            yield made_list()
            items = []
        for start, stop in nested:
            part = inside[position + 1 : end]
            yield from _lists(part[start], part[start + 1 : stop], indent + 1)
        position = end + 1
    if items:
        yield made_list()


def _split_item(tokens: Sequence[Token]) -> tuple[list[Token], list[tuple[int, int]]]:
    """Return the tokens of a list item without the lists in it, and where each of those begins and ends."""
    own: list[Token] = []
    nested: list[tuple[int, int]] = []
    position = 0
    while position < len(tokens):
        end = _end_of(tokens, position)
        if tokens[position].type in ("bullet_list_open", "ordered_list_open"):
            nested.append((position, end))
        else:
            own += tokens[position : end + 1]
        position = end + 1
    return own, nested


# ---------------------------------------------------------------- tables


def _rows(tokens: Sequence[Token]) -> tuple[list[list[Elements]], list[str]]:
    """Return the cells of each row, the names of the columns first and bold, and the side that each column is aligned
    to."""
    rows: list[list[Elements]] = []
    sides: list[str] = []
    for position, token in enumerate(tokens):
        if token.type == "tr_open":
            rows.append([])
        elif token.type in ("th_open", "td_open"):
            is_name = token.type == "th_open"
            rows[-1].append(_inline([tokens[position + 1]], {"bold": True} if is_name else None))
            if is_name:
                style: Any = token.attrGet("style") or ""
                sides.append(str(style).rpartition(":")[2] or "left")
    return rows, sides


def _cell(elements: Elements) -> Block:
    return {"type": "rich_text", "elements": [_section(elements or [_text(_EMPTY)])]}


def _as_text(rows: Sequence[Sequence[Elements]]) -> str:
    """Return a table in columns of equal width."""
    cells = [["".join(str(element["text"]) for element in cell).strip() for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [" | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    rule = "-+-".join("-" * width for width in widths)
    return "\n".join([lines[0], rule, *lines[1:]])
