"""Evidence: the cited region drawn on its page, readable on a phone."""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Callable, Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from rag.answer.highlight import lines_that_say
from rag.data_dir import scratch
from rag.ingest.chunking import own_lines
from rag.model import WHOLE_PAGE, Box, Hit, Kind

if TYPE_CHECKING:
    from PIL import Image, ImageFont

Colour: TypeAlias = tuple[int, int, int]

NARROWEST, WIDEST = 720, 1400
"""Pixels across: what a phone still shows legibly, and what it has no use for beyond."""

_MOST_OF_PAGE = 0.6
"""A region larger than this share of the page is shown as the page."""

_AROUND_X, _AROUND_Y = 0.035, 0.03
"""Surroundings shown on each side, as shares of the page."""

_LONG, _TOGETHER = 0.3, 0.6
"""A text that takes more than this share of the page's height is shown around its marked lines alone, when these take
less than that share of it: more would be too small to read on a phone."""

_GAP = 0.006
"""Share of the page between what is shown and a line that is not."""

_LEAST_HEIGHT = 0.16
"""Share of the page's height that is shown at least: a line alone says little."""

_PALE, _PLAIN, _STRONG = (255, 246, 196), (255, 237, 134), (255, 225, 77)
_ACCENT, _BAR, _LETTERS = (232, 89, 12), (31, 41, 51), (245, 247, 250)

_FONTS = ("DejaVuSans.ttf", "NotoSans-Regular.ttf", "NotoSansCJK-Regular.ttc", "Arial Unicode.ttf", "msyh.ttc")
"""Looked for on the machine when a file's name has letters that neither Pillow's nor MuPDF's own font has."""

_DRAWING = 2
"""Counted up when the same region would be drawn differently, so that old pictures are not taken for new ones."""


def draw_evidence(hit: Hit, into: Path, said: Sequence[str] = ()) -> Path | None:
    """A PNG of the hit's region with its surroundings, marked, under a bar that names the place.

    The lines that say one of the sentences in `said` are marked more strongly, and of a large region no more is shown
    than what is around them. The same evidence has the same file name and is drawn once. None when the page's picture
    is missing.
    """
    if hit.render is None or not hit.render.is_file():
        return None
    path = into / f"{hit.chunk}-{_digest(hit, said)}.png"
    return path if path.is_file() else _kept(path, hit, lambda page: _drawn(page, hit, said))


def draw_place(hit: Hit, into: Path) -> Path | None:
    """A PNG of the hit's whole page with its box framed, under the same bar; otherwise as draw_evidence."""
    if hit.render is None or not hit.render.is_file():
        return None
    path = into / f"{hit.chunk}-{_digest(hit, ())}-page.png"

    def drawn(page: Image.Image) -> Image.Image:
        whole = (0, 0, page.width, page.height)
        return _captioned(_framed(page, hit, whole, whole=hit.box.area > _MOST_OF_PAGE), hit)

    return path if path.is_file() else _kept(path, hit, drawn)


def _kept(path: Path, hit: Hit, draw: Callable[[Image.Image], Image.Image]) -> Path | None:
    """The file of what is drawn of the hit's page, written in one step."""
    from PIL import Image

    try:
        with Image.open(str(hit.render), formats=("JPEG",)) as opened:
            page = opened.convert("RGB")
    except OSError:  # forgotten while it was being looked at, or damaged: an answer without this picture
        return None
    picture = draw(page)
    with scratch("evidence", path.parent.parent) as folder:  # a part that a killed process leaves is swept from there
        part = Path(folder) / path.name
        picture.save(part, "PNG")
        os.replace(part, path)
    return path


def _digest(hit: Hit, said: Sequence[str]) -> str:
    what = (_DRAWING, hit.spot, hit.kind.value, tuple(hit.box), [tuple(box) for box in hit.marks], sorted(said))
    return hashlib.sha256(f"{what} {hit.render}".encode("utf-8", "replace")).hexdigest()[:12]


def _drawn(page: Image.Image, hit: Hit, said: Sequence[str]) -> Image.Image:
    strong = _strong(hit, said)
    box = _focus(hit, strong)
    whole = box.area > _MOST_OF_PAGE or box.area <= 0
    crop = (0, 0, page.width, page.height) if whole else _crop(page, box, hit.marks if box != hit.box else ())
    return _captioned(_framed(page, hit, crop, whole=whole, strong=strong), hit)


def _strong(hit: Hit, said: Sequence[str]) -> list[bool]:
    """Of each mark whether its line says one of the sentences; none where marks and lines do not go together."""
    texts = own_lines(hit.text)[: len(hit.marks)]
    return lines_that_say(texts, said) if len(texts) == len(hit.marks) else [False] * len(hit.marks)


def _focus(hit: Hit, strong: Sequence[bool]) -> Box:
    """What has to be seen: the region; of a long text the lines that are marked, where they stand together."""
    marked = [box for box, mark in zip(hit.marks, strong, strict=True) if mark]
    if hit.kind is not Kind.TEXT or not marked:
        return hit.box
    box = marked[0]
    for other in marked[1:]:
        box = box.union(other)
    apart = hit.box.y1 - hit.box.y0 > _LONG and box.area < _TOGETHER * hit.box.area
    return box if apart else hit.box


def _framed(
    page: Image.Image, hit: Hit, crop: tuple[int, int, int, int], *, whole: bool, strong: Sequence[bool] = ()
) -> Image.Image:
    """These pixels of the page with the hit's lines marked, and but for a text a frame around its box, or around it
    all."""
    from PIL import Image

    # Marks are drawn at the size they are shown in, so that lines stay sharp and equally thick.
    width = min(max(crop[2] - crop[0], NARROWEST), WIDEST)
    scale = width / (crop[2] - crop[0])
    height = max(1, round((crop[3] - crop[1]) * scale))
    view = page.crop(crop).resize((width, height), Image.Resampling.LANCZOS)

    def placed(box: Box) -> tuple[float, float, float, float]:
        return (
            (box.x0 * page.width - crop[0]) * scale,
            (box.y0 * page.height - crop[1]) * scale,
            (box.x1 * page.width - crop[0]) * scale,
            (box.y1 * page.height - crop[1]) * scale,
        )

    marked = [(placed(box), _STRONG) for box, mark in zip(hit.marks, strong, strict=False) if mark]
    if hit.kind is Kind.TEXT and hit.marks:
        pale = [(placed(box), _PALE if marked else _PLAIN) for box in hit.marks]
        return _highlighted(view, [*pale, *marked])  # the last cover the first
    return _highlighted(_outlined(view, placed(WHOLE_PAGE if whole else hit.box), whole=whole), marked)


def _crop(page: Image.Image, box: Box, lines: Sequence[Box] = ()) -> tuple[int, int, int, int]:
    """The pixels to show: the region, its surroundings, and enough of the page to be legible. No line is cut through,
    and none of another column is shown in part."""
    wide = max(box.x1 - box.x0 + 2 * _AROUND_X, min(1.0, NARROWEST / page.width))
    high = max(box.y1 - box.y0 + 2 * _AROUND_Y, _LEAST_HEIGHT)
    x0, x1 = _between((box.x0 + box.x1) / 2, wide)
    y0, y1 = _between((box.y0 + box.y1) / 2, high)
    for line in lines:
        if line.x1 <= box.x0 and x0 < line.x1:
            x0 = min(line.x1 + _GAP, box.x0)
        if line.x0 >= box.x1 and x1 > line.x0:
            x1 = max(line.x0 - _GAP, box.x1)
    beside = [line for line in lines if line.x1 > x0 and line.x0 < x1]
    y0 = min((line.y0 for line in beside if line.y0 < y0 < line.y1), default=y0)
    y1 = max((line.y1 for line in beside if line.y0 < y1 < line.y1), default=y1)
    return (
        math.floor(max(0.0, x0) * page.width),
        math.floor(max(0.0, y0) * page.height),
        math.ceil(min(1.0, x1) * page.width),
        math.ceil(min(1.0, y1) * page.height),
    )


def _between(centre: float, size: float) -> tuple[float, float]:
    """An interval of this size (at most 1) around the centre, moved to lie between 0 and 1."""
    size = min(1.0, size)
    low = min(max(0.0, centre - size / 2), 1.0 - size)
    return low, low + size


def _highlighted(view: Image.Image, marks: list[tuple[tuple[float, float, float, float], Colour]]) -> Image.Image:
    """Highlighter over the lines: multiplied with the page, as ink is, so that letters stay black."""
    from PIL import Image, ImageChops, ImageDraw

    layer = Image.new("RGB", view.size, "white")
    pen = ImageDraw.Draw(layer)
    pad = max(2, round(view.width / 360))
    for (x0, y0, x1, y1), ink in marks:
        box = (x0 - 2 * pad, y0 - pad, max(x1, x0 + 1) + 2 * pad, max(y1, y0 + 1) + pad)
        pen.rounded_rectangle(box, radius=2 * pad, fill=ink)
    return ImageChops.multiply(view, layer)


def _outlined(view: Image.Image, box: tuple[float, float, float, float], *, whole: bool) -> Image.Image:
    """A frame around the region, with what lies outside it veiled."""
    from PIL import Image, ImageDraw

    line = max(3, round(view.width / 240))
    if whole:
        frame = (line / 2, line / 2, view.width - 1 - line / 2, view.height - 1 - line / 2)
    else:
        frame = (box[0] - 2 * line, box[1] - 2 * line, box[2] + 2 * line, box[3] + 2 * line)
        inside = Image.new("L", view.size, 110)
        ImageDraw.Draw(inside).rounded_rectangle(frame, radius=2 * line, fill=255)
        view = Image.composite(view, Image.new("RGB", view.size, "white"), inside)
    pen = ImageDraw.Draw(view)
    pen.rounded_rectangle(frame, radius=0 if whole else 2 * line, outline=_ACCENT, width=line)
    return view


def _captioned(view: Image.Image, hit: Hit) -> Image.Image:
    from PIL import Image, ImageDraw

    size = max(22, round(view.width / 36))
    height, left = size * 2, size
    name = "".join(letter if letter.isprintable() else " " for letter in hit.title)
    tail = hit.spot.removeprefix(hit.title)
    font, drawable = _font(name + tail, size)
    name, tail = drawable[: len(name)], drawable[len(name) :]
    room = view.width - left - size // 2
    cut = len(name)
    while cut > 1 and font.getlength(_cut(name, cut) + tail) > room:
        cut -= 1
    framed = Image.new("RGB", (view.width, view.height + height), _BAR)
    framed.paste(view, (0, 0))
    pen = ImageDraw.Draw(framed)
    pen.rectangle((0, view.height, size // 3, framed.height), fill=_STRONG)
    pen.text((left, view.height + height / 2), _cut(name, cut) + tail, font=font, fill=_LETTERS, anchor="lm")
    return framed


def _cut(name: str, length: int) -> str:
    """A name at most so long, with its middle left out: its ending tells files apart."""
    if len(name) <= length:
        return name
    kept = max(1, length - 1)
    return name[: (kept + 1) // 2] + "…" + (name[-(kept // 2) :] if kept > 1 else "")


def _font(text: str, size: int) -> tuple[ImageFont.FreeTypeFont, str]:
    """The font that lacks the fewest letters of the text, and the text with `?` for those it lacks."""
    best: tuple[ImageFont.FreeTypeFont, set[str]] | None = None
    for font in _fonts(size):
        missing = _missing(font, text)
        if best is None or len(missing) < len(best[1]):
            best = font, missing
        if not missing:
            break
    assert best is not None, "Pillow was built without FreeType"
    return best[0], "".join("?" if letter in best[1] else letter for letter in text)


def _fonts(size: int) -> Iterator[ImageFont.FreeTypeFont]:
    """Pillow's own (ASCII), MuPDF's (Latin, Greek, Cyrillic, Chinese, Japanese, Korean), the machine's."""
    from PIL import ImageFont

    own = ImageFont.load_default(size)
    if isinstance(own, ImageFont.FreeTypeFont):
        yield own
    import pymupdf

    yield ImageFont.truetype(BytesIO(pymupdf.Font("cjk").buffer), size)
    for name in _FONTS:
        try:
            yield ImageFont.truetype(name, size)
        except OSError:  # not on this machine
            continue


def _missing(font: ImageFont.FreeTypeFont, text: str) -> set[str]:
    """The letters for which the font has only its sign for `no such letter`."""
    lacking = bytes(font.getmask("\U0010fffd"))
    return {letter for letter in set(text) if not letter.isspace() and bytes(font.getmask(letter)) == lacking}
