"""HTML of office documents that are read as text only: paragraphs, headings and tables, page by page."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass, field

from rag.extract.convert.markdown import break_long_words

CSS = """
body { font-family: sans-serif; font-size: 9pt; line-height: 1.2; }
p { margin: 1.5pt 0; }
h1 { font-size: 15pt; margin: 4pt 0; } h2 { font-size: 12pt; margin: 3pt 0; } h3 { font-size: 10pt; margin: 3pt 0; }
table { border-collapse: collapse; }
td { border: 1px solid #666666; padding: 2px; }
"""
"""Small, so that the text of one page of the document fits on one page."""

_PAGE_CHARS = 20_000
"""Characters after which a page without a break ends: the time of its layout grows with the square of its size."""


@dataclass(slots=True)
class TextPages:
    """The HTML of each page. `has_breaks`: the document itself starts pages."""

    pages: list[list[str]] = field(default_factory=lambda: [[]])
    has_breaks: bool = False
    _size: int = 0

    def add(self, text: str, *, level: int = 0) -> None:
        """Add a paragraph, or a heading if `level` is not 0. Lines of the text stay lines."""
        lines = [line.strip() for line in text.split("\n")]
        if any(lines):
            tag = f"h{min(level, 3)}" if level else "p"
            self._append(f"<{tag}>{'<br>'.join(map(_escaped, lines))}</{tag}>")

    def add_table(self, rows: Sequence[Sequence[str]]) -> None:
        """Add a table; rows without text are left out."""
        kept = [row for row in rows if any(cell.strip() for cell in row)]
        if kept:
            cells = ("".join(f"<td>{_escaped(cell)}</td>" for cell in row) for row in kept)
            self._append(f"<table>{''.join(f'<tr>{row}</tr>' for row in cells)}</table>")

    def start_page(self) -> None:
        self.has_breaks = True
        self._new_page()

    def parts(self) -> list[str]:
        """Return the HTML of the pages."""
        return ["".join(page) or "<p></p>" for page in self.pages]

    def is_blank(self) -> bool:
        return not any(self.pages)

    def _append(self, piece: str) -> None:
        if self._size > _PAGE_CHARS:
            self._new_page()
        self.pages[-1].append(piece)
        self._size += len(piece)

    def _new_page(self) -> None:
        self.pages.append([])
        self._size = 0


def _escaped(text: str) -> str:
    return html.escape(break_long_words(text), quote=False)
