"""Figures of the sample documents. Their lettering is visible but not in the text layer."""

from __future__ import annotations

from math import cos, pi, sin

from bot.demo.samples.drawing import INK, LEFT, PALE, RIGHT, WHITE, Color, Sheet, Style

SEA: Color = (0.62, 0.79, 0.85)
SAND: Color = (0.95, 0.89, 0.80)


def diagram(sheet: Sheet, accent: Color) -> None:
    """Draw the diagram between y = 0 and 292. Its letters are turned into curves later."""
    sheet.box((LEFT, 2), (RIGHT, 290), PALE, None, 0.02)

    def station(x: float, y: float, first: str, second: str, fill: Color, ink: Color) -> None:
        sheet.box((x, y), (x + 104, y + 58), fill, accent, 0.14)
        for line, baseline in ((first, y + 26), (second, y + 43)):
            sheet.write((x + 52 - sheet.length(line, "hebo", 13) / 2, baseline), line, "hebo", 13, ink)

    row, low = 58.0, 188.0
    station(LEFT + 14, row, "Buoy", "radio", WHITE, accent)
    station(LEFT + 136, row, "Quay", "antenna", WHITE, accent)
    station(LEFT + 258, row, "Lantern", "queue", accent, WHITE)
    station(LEFT + 370, row, "Ledger", "vault", WHITE, accent)
    station(LEFT + 258, low, "Driftwood", "buffer", SEA, accent)
    station(LEFT + 370, low, "Courier", "disk", SEA, accent)
    for x in (118, 240, 362):
        sheet.arrow((LEFT + x, row + 29), (LEFT + x + (18 if x < 362 else 8), row + 29), accent)
    sheet.arrow((LEFT + 310, row + 58), (LEFT + 310, low), accent)
    sheet.arrow((LEFT + 362, low + 29), (LEFT + 370, low + 29), accent)
    sheet.arrow((LEFT + 422, low), (LEFT + 422, row + 58), accent)
    sheet.write((LEFT + 30, 36), "868 MHz", "helv", 12, INK)
    sheet.write((LEFT + 152, 36), "copper pair", "helv", 12, INK)
    sheet.write((LEFT + 320, 152), "shore line down", "helv", 12, INK)
    sheet.write((LEFT + 262, 272), "holds 40 days", "helv", 12, INK)


def cutaway(style: Style) -> bytes:
    """Return a PNG of a sensor cut open. Its letters exist only as pixels."""
    import pymupdf

    scratch = pymupdf.open()
    sheet = Sheet(scratch, style, head=False)
    sheet.box((LEFT, 0), (RIGHT, 250), SAND, None)
    left, right, low, high = LEFT + 46, RIGHT - 40, 96.0, 154.0
    sheet.box((left, low), (right, high), WHITE, INK, 0.2)
    parts = [
        (left + 6, left + 62, "Brass crown", 40.0, (0.85, 0.68, 0.25)),
        (left + 70, left + 150, "Air gauge", 212.0, (0.62, 0.79, 0.85)),
        (left + 158, left + 268, "Twin cell cradle", 40.0, (0.55, 0.70, 0.45)),
        (left + 276, left + 326, "Silica plug", 212.0, (0.88, 0.85, 0.80)),
        (left + 334, left + 390, "Steel membrane", 40.0, (0.60, 0.62, 0.66)),
    ]
    for start, end, name, y, fill in parts:
        sheet.box((start, low + 7), (end, high - 7), fill, INK, 0.1)
        middle = (start + end) / 2
        edge = low + 7 if y < low else high - 7
        sheet.line((middle, edge), (middle, y + (8 if y < low else -14)), INK, 1.0)
        sheet.write((middle - sheet.length(name, "hebo", 13) / 2, y), name, "hebo", 13, INK)
    sheet.line((left - 26, (low + high) / 2), (left, (low + high) / 2), INK, 3.0)
    pixels = scratch[0].get_pixmap(dpi=170, clip=pymupdf.Rect(LEFT, 0, RIGHT, 250), alpha=False)
    return bytes(pixels.tobytes("png"))


def curves(style: Style) -> bytes:
    """Return a PNG of a chart with three lines. Their names are only in the picture."""
    import pymupdf

    scratch = pymupdf.open()
    sheet = Sheet(scratch, style, head=False)
    left, right, low, high = LEFT + 44, RIGHT - 118, 240.0, 20.0
    sheet.box((LEFT, 0), (RIGHT, 270), WHITE, None)
    for step in range(5):
        y = low - step * (low - high) / 4
        sheet.line((left, y), (right, y), (0.8, 0.8, 0.8), 0.7)
        sheet.write((left - 24, y + 4), f"{step - 1}.0", "helv", 11.5, INK)
    for week in range(1, 10):
        x = left + (week - 1) * (right - left) / 8
        sheet.write((x - 3, low + 18), str(week), "helv", 11.5, INK)
    lines = [
        ("Kestrel unit", style.accent, [0.0, 0.3, 0.5, 0.9, 1.2, 1.5, 1.9, 2.2, 2.5]),
        ("Plover unit", (0.10, 0.42, 0.60), [0.1, 0.2, 0.0, 0.3, 0.2, 0.4, 0.3, 0.5, 0.4]),
        ("Dunlin unit", (0.30, 0.52, 0.20), [0.0, -0.2, -0.1, -0.3, -0.2, -0.4, -0.3, -0.5, -0.4]),
    ]
    for name, color, values in lines:
        points = [
            (left + week * (right - left) / 8, low - (value + 1) * (low - high) / 4)
            for week, value in enumerate(values)
        ]
        sheet.page.draw_polyline(points, color=color, width=2.4)
        sheet.write((points[-1][0] + 10, points[-1][1] + 4), name, "hebo", 13, color)
    pixels = scratch[0].get_pixmap(dpi=170, clip=pymupdf.Rect(LEFT, 0, RIGHT, 270), alpha=False)
    return bytes(pixels.tobytes("png"))


def star(x: float, y: float, radius: float) -> list[tuple[float, float]]:
    sizes = [radius if corner % 2 == 0 else radius * 0.42 for corner in range(10)]
    return [(x + size * sin(pi * corner / 5), y - size * cos(pi * corner / 5)) for corner, size in enumerate(sizes)]
