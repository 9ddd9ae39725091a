"""HTML of any origin reduced to headings, paragraphs, lists, tables, code and its own pictures.

The result has only tags and attributes from this module: no scripts, no styles, and no references to anything outside.
What the page hides is left out.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple, cast

from rag.extract.convert.math_text import formulas_as_text
from rag.extract.convert.page_style import Element, Look, StyleSheets, declarations, look_of
from rag.extract.convert.plain_text import wrap_line

PictureFinder = Callable[[str], str | None]
"""Returns the `<img>` tag for a picture's address, or None if the picture is not part of the file."""

_SKIPPED = frozenset(
    "script style template noscript iframe object embed video audio canvas svg math map select datalist".split()
)
_VOID = frozenset("area base br col embed hr img input link meta param source track wbr".split())
_BLOCKS = frozenset(
    "address article aside blockquote body center dd details dialog div dl dt fieldset figcaption figure footer form "
    "header hgroup html main menu nav p section summary".split()
)
_HEADINGS = frozenset("h1 h2 h3 h4 h5 h6".split())
_INLINE = {"b": "b", "strong": "b", "i": "i", "em": "i", "code": "code", "kbd": "code", "samp": "code"}
_LISTS = frozenset(("ul", "ol"))
_STARTING = _BLOCKS | _HEADINGS | _LISTS | {"hr", "li", "pre", "textarea"}
_TABLE_PARTS = frozenset(("table", "tr", "td", "th", "caption"))

_HEAD_CHARS = 2_000
_EMPTY_ELEMENT = re.compile(r"<([A-Za-z][\w:-]*+)((?:[^<>/]|/(?!>))*+)/>")

_ADDRESS = re.compile(r"(?:https?://|mailto:)[^\s<>\"]{3,150}", re.IGNORECASE)
"""Addresses of links that are shown behind their words; longer ones are for counting clicks."""

_MAX_WORD_CHARS = 60
_MAX_TABLE_COLUMNS = 60
_MAX_SPAN, _MAX_ROW_SPAN = 100, 1000
_MAX_INDENT = 8
_INDENT = 18
_PART_CHARS = 20_000
"""Approximate size of a part of the HTML: the time of its layout grows with the square of its size."""


class SimpleHtml(NamedTuple):
    """HTML as consecutive parts, the words of its `<title>`, and how many of its pictures are missing."""

    parts: list[str]
    title: str
    missing_pictures: int


def simplify(source: str, find_picture: PictureFinder) -> SimpleHtml:
    """Return the visible content of a page; of a damaged one, what a browser would show."""
    from lxml.etree import HTMLParser

    head = source[:_HEAD_CHARS]
    if "<?xml" in head or "http://www.w3.org/1999/xhtml" in head:
        source = _EMPTY_ELEMENT.sub(_with_end_tag, source)
    source = formulas_as_text(source)
    target = _Simplifier(find_picture, StyleSheets.of(source))
    parser = HTMLParser(target=target, no_network=True, huge_tree=True, remove_comments=True, remove_pis=True)
    parser.feed(source)
    return cast("SimpleHtml", parser.close())


def _with_end_tag(found: re.Match[str]) -> str:
    """Return an empty element of XHTML as HTML, in which `<title/>` would be a start."""
    return found[0] if found[1].lower() in _VOID else f"<{found[1]}{found[2]}></{found[1]}>"


class _Table:
    """The rows of a table so far; `is_layout`: it only places things, as tables in mails do."""

    def __init__(self) -> None:
        self.rows: list[list[list[str]]] = []  # rows of cells of blocks
        self.cell: list[str] | None = None
        self.is_head = False
        self.columns, self.lines = 1, 1  # that the cell spans
        self.until: dict[int, int] = {}  # for each column, the first row that no cell from above reaches
        self.is_layout = False


class _Simplifier:
    """The target of a parser: collects paragraphs in `_blocks`; text goes to `_line` until a block ends."""

    def __init__(self, find_picture: PictureFinder, sheets: StyleSheets) -> None:
        self._find_picture = find_picture
        self._sheets = sheets
        self._around: list[Element] = []  # the open elements
        self._blocks: list[str] = []
        self._line: list[str] = []
        self._open: list[str] = []  # inline tags of the line
        self._tag = "p"
        self._lists: list[int | None] = []  # the last number of each open list, None without numbers
        self._bullet = ""
        self._pre = 0
        self._skipped = ""  # the element that is left out, and how many of its kind are open
        self._skipped_depth = 0
        self._tables: list[_Table] = []
        self._links: list[tuple[str, int]] = []
        self._title: list[str] | None = None
        self._page_title = ""
        self._missing = 0

    def close(self) -> SimpleHtml:
        while self._tables:
            self._end_table()
        self._flush()
        parts, size = [""], 0
        for block in self._blocks:
            if size > _PART_CHARS:
                parts.append("")
                size = 0
            parts[-1] += block
            size += len(block)
        return SimpleHtml(parts, " ".join(self._page_title.split()), self._missing)

    def start(self, tag: str, values: Mapping[str, str]) -> None:
        if not self._is_shown(tag, values):
            return
        if tag == "title":
            self._title = []
        elif tag == "br":
            self._line.append("\n" if self._pre else "<br>")
        elif tag == "img":
            self._picture(values)
        elif tag == "input":
            self._line.append(_input_words(values))
        elif tag in _STARTING:
            self._start_block(tag, values)
        elif tag in _TABLE_PARTS:
            self._start_cell(tag, values)
        elif tag == "a":
            address = values.get("href", "") if self._around[-1].look.shows_text else ""
            self._links.append((address, len(self._line)))
        elif tag in _INLINE and not self._pre:
            self._open.append(_INLINE[tag])
            self._line.append(f"<{_INLINE[tag]}>")

    def end(self, tag: str) -> None:
        if self._skipped:
            self._skipped_depth -= tag == self._skipped
            self._skipped = self._skipped if self._skipped_depth else ""
            return
        if self._around and self._around[-1].tag == tag:
            self._around.pop()
        if tag == "title" and self._title is not None:
            self._page_title = self._page_title or "".join(self._title)
            self._title = None
        elif tag == "table":
            self._end_table()
        elif tag in ("tr", "td", "th"):
            self._end_cell()
        elif tag in _LISTS:
            self._flush()
            if self._lists:
                self._lists.pop()
        elif tag in ("pre", "textarea"):
            self._flush()
            self._pre = max(0, self._pre - 1)
        elif tag in _BLOCKS or tag in _HEADINGS or tag in ("li", "caption"):
            self._flush()
        elif tag == "a" and self._links:
            self._end_link(*self._links.pop())
        elif tag in _INLINE and _INLINE[tag] in self._open:
            self._open.remove(_INLINE[tag])
            self._line.append(f"</{_INLINE[tag]}>")

    def data(self, data: str) -> None:
        if self._skipped:
            return
        if self._title is not None:
            self._title.append(data)
        elif self._around and not self._around[-1].look.shows_text:
            self._line.append(" ")
        elif self._pre:
            self._line.append(data)
        else:
            self._line.append(_escaped(re.sub(r"[ \t\r\n\f]+", " ", data)))

    def _is_shown(self, tag: str, values: Mapping[str, str]) -> bool:
        """Enter an element; return False if it is left out."""
        if self._skipped:
            self._skipped_depth += tag == self._skipped
            return False
        look = self._enter(tag, values)
        if tag in _VOID:
            return not look.is_removed and (look.shows_text if tag == "input" else not look.is_invisible)
        if tag in _SKIPPED or look.is_removed:
            self._skipped, self._skipped_depth = tag, 1
        return not self._skipped

    def _enter(self, tag: str, values: Mapping[str, str]) -> Look:
        """Return the look of an element, which is from now on around others if it can be."""
        classes = (f".{name}" for name in values.get("class", "").lower().split())
        element = Element(tag, frozenset((tag, f"#{values.get('id', '').lower()}", *classes)))
        attributes = {"display": "none"} if "hidden" in values else {}
        attributes |= {"background-color": values["bgcolor"].lower()} if values.get("bgcolor") else {}
        attributes |= {"background-image": "url()"} if values.get("background") else {}
        attributes |= {"color": values["color"].lower()} if tag == "font" and values.get("color") else {}
        declared = self._sheets.declared(element, self._around, declarations(values.get("style", "")))
        if tag in ("html", "body"):  # hidden until a script has run
            declared = {name: value for name, value in declared.items() if name.startswith("background")}
        look = look_of(self._around[-1].look if self._around else self._sheets.look, attributes | declared)
        if tag not in _VOID and tag not in _SKIPPED and not look.is_removed:
            self._around.append(element._replace(look=look))
        return look

    def _start_block(self, tag: str, values: Mapping[str, str]) -> None:
        self._flush()
        if tag in _LISTS:
            self._lists.append(_number(values.get("start", "")) - 1 if tag == "ol" else None)
        elif tag == "li":
            number = self._lists[-1] if self._lists else None
            if number is not None:
                self._lists[-1] = number + 1
            self._bullet = "• " if number is None else f"{number + 1}. "
        elif tag in ("pre", "textarea"):
            self._pre += 1
            self._line.clear()  # the tags of the line around it
        elif tag in _HEADINGS:
            self._tag = tag

    def _start_cell(self, tag: str, values: Mapping[str, str]) -> None:
        if tag == "table":
            if self._tables:
                self._tables[-1].is_layout = True
            self._flush()
            self._tables.append(_Table())
        elif not self._tables or tag == "caption":
            self._flush()
        elif tag == "tr":
            self._end_cell()
            self._tables[-1].rows.append([])
        else:
            self._end_cell()
            table = self._tables[-1]
            table.columns = max(1, min(_number(values.get("colspan", "")), _MAX_SPAN))
            table.lines = min(_number(values.get("rowspan", "")) or _MAX_ROW_SPAN, _MAX_ROW_SPAN)
            table.cell = []

    def _end_cell(self) -> None:
        self._flush()
        table = self._tables[-1] if self._tables else None
        if table is None or table.cell is None:
            return
        if not table.rows:
            table.rows.append([])
        row, number = table.rows[-1], len(table.rows) - 1
        while len(row) <= _MAX_TABLE_COLUMNS and table.until.get(len(row), 0) > number:
            row.append([])
        if table.lines > 1:
            table.until |= dict.fromkeys(range(len(row), len(row) + table.columns), number + table.lines)
        row += [table.cell, *([] for _ in range(table.columns - 1))]
        table.cell = None

    def _end_table(self) -> None:
        if not self._tables:
            return
        self._end_cell()
        table = self._tables.pop()
        width = max(map(len, table.rows), default=0)
        if table.is_layout or not 1 < width <= _MAX_TABLE_COLUMNS:
            for block in (block for row in table.rows for cell in row for block in cell):
                self._add(block)
            return
        rows = ([_cell_html(cell) for cell in row] + ["<td></td>"] * (width - len(row)) for row in table.rows if row)
        self._add(f"<table>{''.join(f'<tr>{chr(32).join(row)}</tr>' for row in rows)}</table>")

    def _end_link(self, address: str, start: int) -> None:
        """Show a link's address behind its words, unless they are the address."""
        words = "".join(self._line[start:])
        if _ADDRESS.fullmatch(address) and _bare(address) not in _bare(html.unescape(re.sub(r"<[^<>]*>", "", words))):
            shown = f" ({address.removeprefix('mailto:')})"
            self._line.append(shown if self._pre else _escaped(shown))

    def _picture(self, values: Mapping[str, str]) -> None:
        found = self._find_picture(values.get("src", "")) if values.get("src") else None
        if found is not None and not self._pre:
            self._line.append(found)
            return
        is_counter = values.get("width", "") in ("0", "1") or values.get("height", "") in ("0", "1")
        is_decoration = values.get("alt") == ""
        self._missing += not is_counter and not is_decoration
        if values.get("alt", "").strip():
            self._line.append(f"[{values['alt']}]" if self._pre else f"[{_escaped(values['alt'])}]")

    def _flush(self) -> None:
        """End the current paragraph."""
        line, self._line = "".join(self._line), []
        tag, self._tag = self._tag, "p"
        bullet = self._bullet
        self._links.clear()
        if self._pre:
            if line.strip():
                self._add(_preformatted(line))
            return
        line += "".join(f"</{name}>" for name in reversed(self._open))
        self._line = [f"<{name}>" for name in self._open]
        if not re.sub(r"</?(?:b|i|code|br)>", "", line).strip():
            return
        self._bullet = ""
        depth = min(len(self._lists), _MAX_INDENT)
        style = f' style="margin: 2pt 0 2pt {depth * _INDENT}pt"' if depth and tag == "p" else ""
        self._add(f"<{tag}{style}>{bullet}{line.strip()}</{tag}>")

    def _add(self, block: str) -> None:
        if not self._tables or self._tables[-1].cell is None:
            self._blocks.append(block)
            return
        table = self._tables[-1]
        table.is_layout = table.is_layout or block.startswith(("<h", "<table", "<pre"))
        if table.cell is not None:
            table.cell.append(block)


def _number(value: str) -> int:
    """Return a number in an attribute; 1 if it is missing or wrong."""
    return int(value) if value.isdecimal() and len(value) < 9 else 1


def _cell_html(blocks: list[str]) -> str:
    lines = (block.partition(">")[2].removesuffix("</p>") for block in blocks)
    return f"<td>{'<br>'.join(lines)}</td>"


def _escaped(text: str) -> str:
    """Return escaped text with spaces in very long words, because lines are broken only at spaces."""
    if len(text) > _MAX_WORD_CHARS:
        text = re.sub(rf"\S{{{_MAX_WORD_CHARS},}}", lambda word: " ".join(wrap_line(word[0], _MAX_WORD_CHARS)), text)
    return html.escape(text, quote=False)


def _preformatted(text: str) -> str:
    lines = [piece for line in text.expandtabs(4).splitlines() for piece in wrap_line(line.rstrip(), 90)]
    return f"<pre>\n{html.escape(chr(10).join(lines), quote=False)}</pre>"


def _bare(address: str) -> str:
    return re.sub(r"^(?:https?://|mailto:)(?:www\.)?", "", address.strip().lower()).rstrip("/")


def _input_words(values: Mapping[str, str]) -> str:
    """Return what a field of a form shows."""
    kind = values.get("type", "text").lower()
    if kind in ("checkbox", "radio"):
        return "[x] " if "checked" in values else "[ ] "
    if kind in ("hidden", "password", "image", "file"):
        return ""
    return f" {_escaped(values.get('value', ''))} "
