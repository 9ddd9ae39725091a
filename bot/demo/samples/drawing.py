"""Drawing for the sample documents: pages with columns, headings, tables, and lettering without text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

Color: TypeAlias = tuple[float, float, float]
Point: TypeAlias = tuple[float, float]

INK: Color = (0.13, 0.15, 0.18)
GRAY: Color = (0.36, 0.39, 0.43)
PALE: Color = (0.93, 0.95, 0.96)
WHITE: Color = (1.0, 1.0, 1.0)

WIDTH, HEIGHT = 595.0, 770.0
"""Page size in points: as wide as A4 but shorter, so that the pages are full."""
LEFT, RIGHT, TOP, BOTTOM = 56.0, 539.0, 92.0, 716.0
GUTTER = 22.0
BODY, LEADING = 12.6, 17.6


@dataclass(frozen=True)
class Style:
    """Title, color and fonts of the pages of one document."""

    title: str
    accent: Color
    plain: str = "tiro"
    strong: str = "hebo"


class Sheet:
    """A page being drawn. Columns are filled from the top; `y` is the position of the next line."""

    def __init__(self, document: Any, style: Style, folio: str = "", head: bool = True) -> None:
        import pymupdf

        self.style = style
        self.page = document.new_page(width=WIDTH, height=HEIGHT)
        self._fonts: dict[str, Any] = {}
        self._pymupdf = pymupdf
        self.left, self.right, self.y, self._top = LEFT, RIGHT, TOP, TOP
        if head:
            self.write((LEFT, 48), style.title, "helv", 8.5, GRAY)
            self.line((LEFT, 56), (RIGHT, 56), style.accent, 1.4)
        if folio:
            self.write(((LEFT + RIGHT) / 2 - self.length(folio, "helv", 9) / 2, HEIGHT - 26), folio, "helv", 9, GRAY)

    # ------------------------------------------------------------ letters

    def _font(self, name: str) -> Any:
        if name not in self._fonts:
            self._fonts[name] = self._pymupdf.Font(name)
        return self._fonts[name]

    def length(self, text: str, font: str, size: float) -> float:
        return float(self._font(font).text_length(text, fontsize=size))

    def write(self, at: Point, text: str, font: str, size: float, color: Color = INK) -> None:
        """Write one line with its baseline at `at`."""
        writer = self._pymupdf.TextWriter(self.page.rect, color=color)
        writer.append(at, text, font=self._font(font), fontsize=size)
        writer.write_text(self.page)

    def wrapped(self, text: str, font: str, size: float, width: float) -> list[str]:
        lines, line = [], ""
        for word in text.split():
            longer = f"{line} {word}".strip()
            if line and self.length(longer, font, size) > width:
                lines.append(line)
                longer = word
            line = longer
        return [*lines, line]

    # ------------------------------------------------------------ flow

    def column(self, number: int, of: int = 2, top: float | None = None) -> None:
        """Go to the top of a column, counted from 0."""
        width = (RIGHT - LEFT - GUTTER * (of - 1)) / of
        self.left = LEFT + number * (width + GUTTER)
        self.right = self.left + width
        self.y = self._top = TOP if top is None else top

    def heading(self, text: str, size: float = 19) -> None:
        """Write a heading over the whole width. Columns start below it."""
        self.y += size * 0.7
        for line in self.wrapped(text, self.style.strong, size, self.right - self.left):
            self.write((self.left, self.y), line, self.style.strong, size, self.style.accent)
            self.y += size * 1.25
        self.y += 8

    def subheading(self, text: str) -> None:
        self.y += 8 if self.y > self._top else 0
        self.write((self.left, self.y), text, self.style.strong, 13, INK)
        self.y += 19

    def paragraph(self, text: str, size: float = BODY, indent: float = 0, mark: str = "") -> None:
        """Write a paragraph, with `mark` (a bullet, a number) in the indent. Raise ValueError if the column is full."""
        leading = size * LEADING / BODY
        writer = self._pymupdf.TextWriter(self.page.rect, color=INK)
        if mark:
            writer.append((self.left, self.y), mark, font=self._font(self.style.plain), fontsize=size)
        for line in self.wrapped(text, self.style.plain, size, self.right - self.left - indent):
            writer.append((self.left + indent, self.y), line, font=self._font(self.style.plain), fontsize=size)
            self.y += leading
        writer.write_text(self.page)
        self.y += leading * 0.45
        if self.y > BOTTOM + leading:
            raise ValueError(f"the column is full: {text[:40]!r} ends at {self.y:.0f}")

    def numbered(self, steps: Sequence[str]) -> None:
        for number, step in enumerate(steps, 1):
            self.paragraph(step, indent=22, mark=f"{number}.")

    def caption(self, text: str) -> None:
        for line in self.wrapped(text, "tiit", 10.6, self.right - self.left):
            self.write((self.left, self.y), line, "tiit", 10.6, GRAY)
            self.y += 15
        self.y += 8

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]], widths: Sequence[float]) -> None:
        """Draw a ruled table. `widths` are fractions of the column width. Numbers are aligned right."""
        row_height, size = 24.0, 10.4
        full = self.right - self.left
        edges = [self.left + full * sum(widths[:column]) for column in range(len(widths) + 1)]
        self.box((self.left, self.y), (self.right, self.y + row_height), self.style.accent, None)
        for index, cells in enumerate([head, *rows]):
            if index and index % 2 == 0:
                self.box((self.left, self.y), (self.right, self.y + row_height), PALE, None)
            for column, cell in enumerate(cells):
                font, color = ("hebo", WHITE) if index == 0 else ("helv", INK)
                numeric = index > 0 and cell[:1].isdigit()
                x = edges[column + 1] - 8 - self.length(cell, font, size) if numeric else edges[column] + 6
                self.write((x, self.y + 16), cell, font, size, color)
            self.y += row_height
            self.line((self.left, self.y), (self.right, self.y), GRAY, 0.4)
        self.y += 28

    # ------------------------------------------------------------ shapes

    def line(self, start: Point, end: Point, color: Color, width: float = 1.0) -> None:
        self.page.draw_line(start, end, color=color, width=width)

    def box(self, start: Point, end: Point, fill: Color | None, edge: Color | None, radius: float = 0) -> None:
        shape = self._pymupdf.Rect(start[0], start[1], end[0], end[1])
        self.page.draw_rect(shape, color=edge, fill=fill, width=1.2, radius=radius or None)

    def polygon(self, corners: Sequence[Point], fill: Color, edge: Color | None = None) -> None:
        self.page.draw_polyline(list(corners), color=edge or fill, fill=fill, closePath=True)

    def circle(self, center: Point, radius: float, fill: Color | None, edge: Color | None = None) -> None:
        self.page.draw_circle(center, radius, color=edge or fill, fill=fill)

    def arrow(self, start: Point, end: Point, color: Color) -> None:
        """Draw a horizontal or vertical arrow."""
        self.line(start, end, color, 1.6)
        (x, y), size = end, 5.0
        if abs(end[0] - start[0]) >= abs(end[1] - start[1]):
            back = -size if end[0] > start[0] else size
            self.polygon([(x, y), (x + back, y - size * 0.7), (x + back, y + size * 0.7)], color)
        else:
            back = -size if end[1] > start[1] else size
            self.polygon([(x, y), (x - size * 0.7, y + back), (x + size * 0.7, y + back)], color)

    def picture(self, png: bytes, start: Point, end: Point) -> None:
        self.page.insert_image(self._pymupdf.Rect(start[0], start[1], end[0], end[1]), stream=png)


def outlined(drawing: Any) -> Any:
    """Return a one-page PDF without text: the first page of a drawing with its letters as curves."""
    import pymupdf

    with pymupdf.open("svg", drawing[0].get_svg_image(text_as_path=True).encode()) as svg:
        return pymupdf.open("pdf", svg.convert_to_pdf())


def finished(document: Any, title: str) -> bytes:
    """Return the PDF's bytes, without a current date or random id so that they never change."""
    date = "D:20260901080000Z"
    document.set_metadata(
        {
            "title": title,
            "author": "Skerry Point instrument team (invented)",
            "producer": "",
            "creator": "",
            "creationDate": date,
            "modDate": date,
        }
    )
    return bytes(document.tobytes(garbage=4, deflate=True, no_new_id=True))
