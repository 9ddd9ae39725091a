"""Turned text: pages whose text layer is mostly turned, and turned blocks and tables on an upright page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from rag.extract.geometry import (
    PlacedWord,
    append_lines,
    build_blocks,
    clamped_box,
    contains_center,
    group_into_lines,
    insert_in_reading_order,
    turned_box,
    turned_line,
    words_of_lines,
)
from rag.extract.layout.reading_order import text_blocks
from rag.extract.layout.ruled_tables import MIN_WORDS, find_ruled_tables
from rag.extract.render import turned_image
from rag.model.extraction import Block, BlockKind, Box, Line, Word

if TYPE_CHECKING:
    from PIL.Image import Image

_MIN_LETTERS = 20
"""Pages with fewer turned letters are not turned: a drawing may have only a few words along its edges."""

_TALL = 1.3
_COVERED = 0.6
"""A region of the upright page without words goes if a turned table covers more of it."""


class DirectedLine(NamedTuple):
    """A line of a text layer: the degrees clockwise that make it upright, and its box, on the page without its
    rotation; and its number of letters."""

    turn: int
    box: Any
    letters: int


def directed_lines(page: Any, pymupdf: Any) -> list[DirectedLine]:
    """Return the lines of the text layer that are along an axis of the page."""
    lines = []
    for block in page.get_text("dict", flags=pymupdf.TEXTFLAGS_WORDS)["blocks"]:
        for line in block.get("lines", ()):
            letters = sum(len(span["text"].replace(" ", "")) for span in line["spans"])
            turn = _TURNS.get((round(line["dir"][0]), round(line["dir"][1])))
            if letters and turn is not None and not line["wmode"]:  # vertical Japanese is upright
                lines.append(DirectedLine(turn, pymupdf.Rect(line["bbox"]), letters))
    return lines


def text_turn(page: Any, lines: Sequence[DirectedLine]) -> int:
    """Return the degrees clockwise, 0 to 270, by which the page must be turned so that most of its text is upright."""
    letters: Counter[int] = Counter()
    for line in lines:
        letters[(line.turn - page.rotation) % 360] += line.letters
    turn, count = max(letters.items(), key=lambda item: item[1], default=(0, 0))
    return turn if turn and count >= _MIN_LETTERS and count * 2 > letters.total() else 0


def turned_areas(page: Any, lines: Sequence[DirectedLine]) -> list[tuple[int, Box]]:
    """Return the lines that are not upright on the displayed page, each with the degrees clockwise to turn it."""
    width, height, matrix = page.rect.width, page.rect.height, page.rotation_matrix
    areas = []
    for line in lines:
        if turn := (line.turn - page.rotation) % 360:
            box = line.box * matrix
            areas.append((turn, clamped_box(box.x0 / width, box.y0 / height, box.x1 / width, box.y1 / height)))
    return areas


_TURNS = {(1, 0): 0, (0, -1): 90, (-1, 0): 180, (0, 1): 270}
"""Degrees clockwise that make a line upright, by its direction on the unrotated page; y grows downwards."""


def may_be_turned(words: Sequence[PlacedWord], width: float, height: float) -> bool:
    """Return whether words are higher than wide, or follow each other from right to left in their line.

    A quick test: most pages have no such words, and the directions of their lines need not be extracted.
    """
    before: PlacedWord | None = None
    for placed in words:
        box = placed.word.box
        if len(placed.word.text) > 2 and (box.y1 - box.y0) * height > _TALL * (box.x1 - box.x0) * width:
            return True
        if before is not None and before.run == placed.run and box.x1 <= before.word.box.x0:
            return True
        before = placed
    return False


def split_words(
    words: Sequence[PlacedWord], areas: Sequence[tuple[int, Box]]
) -> tuple[list[PlacedWord], dict[int, list[PlacedWord]]]:
    """Return the upright words, and the words of turned lines by the degrees clockwise to turn them."""
    upright: list[PlacedWord] = []
    turned: dict[int, list[PlacedWord]] = {}
    for placed in words:
        turn = next((turn for turn, box in areas if contains_center(box, placed.word.box)), 0)
        (turned.setdefault(turn, []) if turn else upright).append(placed)
    return upright, turned


def add_turned_lines(image: Image, blocks: Sequence[Block], lines: Sequence[Line]) -> list[Block]:
    """Return the page's blocks and those of its recognized turned lines, in reading order.

    Labels inside a figure, such as the name of an axis, stay with the figure.
    """
    added: list[Block] = []
    for turn in sorted({line.turn for line in lines}):
        upright = [turned_line(line, turn) for line in lines if line.turn == turn]
        added += _turned_blocks(image, turn, words_of_lines(upright), lambda rest: text_blocks(_lines(rest)))
    return _merge(blocks, added)


def add_turned_words(image: Image, blocks: Sequence[Block], words: dict[int, list[PlacedWord]]) -> list[Block]:
    """Return the page's blocks and those of the turned words of its text layer, in reading order."""
    added: list[Block] = []
    for turn, group in sorted(words.items()):
        upright = [placed._replace(word=_turned_word(placed.word, turn)) for placed in group]
        added += _turned_blocks(image, turn, upright, lambda rest: text_blocks(group_into_lines(rest)))
    return _merge(blocks, added)


def _turned_word(word: Word, turn: int) -> Word:
    return Word(word.text, turned_box(word.box, turn))


def _lines(words: Sequence[PlacedWord]) -> list[Line]:
    """Return the recognized lines of these words."""
    runs = {placed.run: [one for one in words if one.run == placed.run] for placed in words}
    return [group_into_lines(run)[0] for run in runs.values()]


def _turned_blocks(
    image: Image, turn: int, words: Sequence[PlacedWord], group: Callable[[Sequence[PlacedWord]], list[Block]]
) -> list[Block]:
    """Return the ruled tables and text blocks that words form on the turned page, with boxes on the page as it is.

    `words` have their places on the turned page. Rows and columns of a table stay as they are there.
    """
    boxes = [placed.word.box for placed in words]
    regions = find_ruled_tables(turned_image(image, turn), boxes) if len(boxes) >= MIN_WORDS else []
    tables = [block for block in build_blocks(regions, words) if block.kind is BlockKind.TABLE and block.lines]
    rest = [placed for placed in words if not any(contains_center(table.box, placed.word.box) for table in tables)]
    return [_on_page(block, turn) for block in [*tables, *group(rest)]]


def _on_page(block: Block, turn: int) -> Block:
    lines = tuple(turned_line(replace(line, turn=0), -turn) for line in block.lines)
    return replace(block, box=turned_box(block.box, -turn), lines=lines, turn=turn)


def _merge(blocks: Sequence[Block], added: Sequence[Block]) -> list[Block]:
    tables = [block.box for block in added if block.kind is BlockKind.TABLE]
    merged = [block for block in blocks if block.lines or not any(box.covers(block.box) > _COVERED for box in tables)]
    own: list[Block] = []
    for block in added:
        figure = next((one for one in merged if _is_label(one, block)), None)
        if figure is None:
            own.append(block)
        else:
            merged[merged.index(figure)] = append_lines(figure, block.lines)
    return insert_in_reading_order(merged, own)


def _is_label(figure: Block, block: Block) -> bool:
    is_inside = figure.box.covers(block.box) > _COVERED and block.box.area < figure.box.area / 2
    return figure.kind is BlockKind.FIGURE and block.kind is not BlockKind.TABLE and is_inside
