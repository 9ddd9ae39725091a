"""A scanned page: typed, tilted, grainy, and without a text layer."""

from __future__ import annotations

import io

from bot.demo.samples.drawing import HEIGHT, WIDTH

NOTE = """SHIFT NOTE                              14 March

Night watch, Caldeira and Brekke.

22:10  Wind west, force six and rising. Glass at 996.
23:40  Alarm A2, north mole silent. Flag not yet up, so
       Ines walked out with the second crew member.
00:05  Found the antenna bracket cracked through at the
       lower bolt. Relay itself dry and running. Tied the
       antenna to the rail with tarred line, two turns
       and a half hitch. Heard again at 00:12.
01:30  Flag up. Nobody goes out any more.
03:15  Ferry ramp lost power. Read the staff by eye from
       the upstairs window until morning, see day book.
05:50  Wind falling. Counted relays, all six blinking.

To do: weld a new bracket in stainless, not painted
steel. Order two. The old one lasted eleven months.

Handed over to Halvard at 06:00. Coffee is finished.
"""


def scanned_note() -> bytes:
    """Return a gray JPEG of the page at 130 dpi, the same bytes on every run."""
    import numpy as np
    import pymupdf
    from PIL import Image

    sheet = pymupdf.open()
    page = sheet.new_page(width=WIDTH, height=HEIGHT)
    writer = pymupdf.TextWriter(page.rect, color=(0.12, 0.12, 0.14))
    font = pymupdf.Font("cour")
    for number, line in enumerate(NOTE.splitlines()):
        if line:
            writer.append((72, 110 + number * 22), line, font=font, fontsize=12.2)
    writer.write_text(page)
    page.draw_line((72, 122), (523, 122), color=(0.2, 0.2, 0.2), width=0.8)
    pixels = page.get_pixmap(dpi=130, colorspace=pymupdf.csGRAY)
    typed = Image.frombytes("L", (pixels.width, pixels.height), pixels.samples)
    tilted = typed.rotate(0.9, resample=Image.Resampling.BICUBIC, fillcolor=255)
    grain = np.random.default_rng(14).normal(0, 9, size=(tilted.height, tilted.width))
    shade = np.linspace(0, 14, tilted.width)[None, :]
    gray = np.clip(np.asarray(tilted, dtype=np.float64) * 0.93 + 8 + grain - shade, 0, 255).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(gray).save(stream, "JPEG", quality=72)
    return stream.getvalue()
