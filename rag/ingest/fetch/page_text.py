"""Words and regions of a rendered page, read from the browser's layout (CDP DOMSnapshot.captureSnapshot).

The layout also has what scripts of a page cannot see: text made by CSS, list markers, closed shadow trees. It does not
say what is visible; `visibility` does.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rag.ingest.fetch.screenshot_pdf import ScreenRegion, ScreenWord
from rag.ingest.fetch.text_pieces import Piece, Place, join_pieces, split_line, usual_width
from rag.model.extraction import BlockKind

STYLES = ("display", "font-size")
"""Computed styles that the snapshot must contain."""

_MAX_WORDS = 60_000
_MAX_REGIONS = 20_000
_MIN_FIGURE_SIDE = 60
_MAX_LINES = 200
"""Lines of one field of a form."""

_PADDING, _LINE_HEIGHT = 3.0, 1.2
"""Usual padding of a field in pixels, and height of its lines as a multiple of the font size."""

_HEADINGS = {f"H{level}": level for level in range(1, 7)}
_FIGURES = frozenset({"IMG", "CANVAS", "SVG", "VIDEO", "OBJECT"})
_SKIPPED = frozenset({"SCRIPT", "STYLE", "NOSCRIPT", "TEMPLATE", "HEAD", "TITLE"})
_CONTROLS = frozenset({"INPUT", "TEXTAREA", "SELECT"})
_INPUTS_WITHOUT_TEXT = frozenset({"checkbox", "radio", "hidden", "password", "file", "range", "color", "image"})
_MAX_DEPTH = 5
_SAME_PLACE = 3.0
"""Depth of frames in frames; maximum distance, in pixels, of a frame's place in two measurements."""


@dataclass
class PageText:
    """Words in the order of the document, each with the index of its region; boxes in CSS pixels of the whole page."""

    words: list[ScreenWord] = field(default_factory=list)
    regions: list[ScreenRegion] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class FrameSnapshot:
    """The snapshot of a frame with another site's page, and the frame's place on the page."""

    x: float
    y: float
    snapshot: Mapping[str, Any]


def read_snapshot(snapshot: Mapping[str, Any], frames: Sequence[FrameSnapshot] = ()) -> PageText:
    """Return the words and regions of the page: of its snapshot's documents, and of `frames` at their places."""
    text = PageText()
    if snapshot["documents"]:
        _Document(snapshot, 0, (0.0, 0.0), text, list(frames), 0).read()
    return text


class _Document:
    """One document of a snapshot; documents of its frames are read at their place."""

    def __init__(
        self,
        snapshot: Mapping[str, Any],
        index: int,
        offset: tuple[float, float],
        into: PageText,
        others: list[FrameSnapshot],
        depth: int,
    ) -> None:
        self._snapshot = snapshot
        self._strings: Sequence[str] = snapshot["strings"]
        document = snapshot["documents"][index]
        self._nodes, self._layout = document["nodes"], document["layout"]
        self._boxes = document["textBoxes"]
        self._offset, self._into, self._others, self._depth = offset, into, others, depth
        self._parents: Sequence[int] = self._nodes["parentIndex"]
        self._place = {node: at for at, node in enumerate(self._layout["nodeIndex"])}
        self._frames = _sparse(self._nodes["contentDocumentIndex"])
        self._values = _sparse(self._nodes["inputValue"])
        self._areas = _sparse(self._nodes["textValue"])
        self._selected = set(self._nodes["optionSelected"]["index"])
        self._regions: dict[int, int] = {}
        self._tables: dict[int, bool] = {}
        self._pieces: list[Piece] = []

    def read(self) -> None:
        """Add the words and regions of this document."""
        texts: dict[int, list[int]] = defaultdict(list)
        for box, at in enumerate(self._boxes["layoutIndex"]):
            texts[at].append(box)
        for at, node in enumerate(self._layout["nodeIndex"]):
            if len(self._into.words) + len(self._pieces) >= _MAX_WORDS:
                break
            if self._name(node) == "IFRAME" and self._depth < _MAX_DEPTH:
                self._flush()
                self._read_frame(at, node)
            elif at in texts:
                self._read_text(at, node, texts[at])
            else:
                self._read_element(at, node)
        self._flush()

    def _read_frame(self, at: int, node: int) -> None:
        x, y, _, _ = self._bounds(at)
        snapshot, index = self._snapshot, self._frames.get(node, -1)
        if index < 0:
            frame = next((f for f in self._others if max(abs(f.x - x), abs(f.y - y)) < _SAME_PLACE), None)
            if frame is None or not frame.snapshot["documents"]:
                return
            self._others.remove(frame)
            snapshot, index = frame.snapshot, 0
        _Document(snapshot, index, (x, y), self._into, self._others, self._depth + 1).read()

    def _read_text(self, at: int, node: int, boxes: Sequence[int]) -> None:
        if self._name(self._parents[node]) in _SKIPPED:
            return
        whole = self._string(self._layout["text"][at])
        region = self._region(node)
        for box in boxes:
            start, length = self._boxes["start"][box], self._boxes["length"][box]
            place = Place(region, node, start, is_marker=self._name(node) == "::MARKER")
            self._pieces += split_line(whole[start : start + length], self._shifted(self._boxes["bounds"][box]), place)

    def _flush(self) -> None:
        """Join the parts of words and add them to the page."""
        self._into.words.extend(join_pieces(self._pieces))
        self._pieces.clear()

    def _read_element(self, at: int, node: int) -> None:
        name = self._name(node)
        box = self._bounds(at)
        if name in _CONTROLS:
            self._read_control(at, name, node)
        elif name in _FIGURES and min(box[2] - box[0], box[3] - box[1]) >= _MIN_FIGURE_SIDE:
            self._new_region(ScreenRegion(BlockKind.FIGURE, box))

    def _read_control(self, at: int, name: str, node: int) -> None:
        """Add the text of a form's field. The layout does not have it, so its place is estimated."""
        x0, y0, x1, y1 = self._bounds(at)
        lines = self._control_text(name, node).splitlines()[:_MAX_LINES]
        if not lines:
            return
        size = self._font_size(at)
        step = (y1 - y0) if name != "TEXTAREA" else _LINE_HEIGHT * size
        is_button = self._attributes(node).get("type", "").lower() in ("submit", "button", "reset")
        for number, line in enumerate(lines):
            width = min(x1 - x0 - 2 * _PADDING, size * usual_width(line))
            left = (x0 + x1 - width) / 2 if is_button else x0 + _PADDING
            top = y0 + number * step
            box = (left, top, left + width, min(top + step, y1))
            self._pieces += split_line(line, box, Place(self._region(node), node, 0))

    def _font_size(self, at: int) -> float:
        style = self._layout["styles"][at]
        size = self._string(style[1]).removesuffix("px") if len(style) > 1 else ""
        return float(size) if size.replace(".", "", 1).isdecimal() else 13.0

    def _control_text(self, name: str, node: int) -> str:
        if name == "SELECT":
            return next((self._text_of(option) for option in self._options(node) if option in self._selected), "")
        if name == "INPUT":
            kind = self._attributes(node).get("type", "").lower()
            if kind in _INPUTS_WITHOUT_TEXT:
                return ""
        value = self._string((self._values if name == "INPUT" else self._areas).get(node, -1))
        return value or self._attributes(node).get("placeholder", "")

    def _options(self, select: int) -> Iterator[int]:
        for node in range(select + 1, len(self._parents)):
            if not self._is_inside(node, select):
                return
            if self._name(node) == "OPTION":
                yield node

    def _text_of(self, node: int) -> str:
        texts = []
        for child in range(node + 1, len(self._parents)):
            if not self._is_inside(child, node):
                break
            if self._name(child) == "#TEXT":
                texts.append(self._string(self._nodes["nodeValue"][child]))
        return " ".join("".join(texts).split())

    def _is_inside(self, node: int, ancestor: int) -> bool:
        """Return whether `node`, which comes later in the document, is inside `ancestor`."""
        while node > ancestor:
            node = self._parents[node]
        return node == ancestor

    # ------------------------------------------------------------ regions

    def _region(self, node: int) -> int:
        """Return the index of the region of a text or control: its heading, table or nearest block."""
        block, kind, level = -1, BlockKind.TEXT, 0
        at = self._parents[node] if self._name(node).startswith("::") else node
        while at >= 0:
            name, role = self._name(at), self._attributes(at).get("role", "")
            if level == 0 and (name in _HEADINGS or role == "heading"):
                block, kind, level = at, BlockKind.HEADING, self._level(at, name)
            elif self._is_table(at, name, role) and level == 0:
                block, kind = at, BlockKind.TABLE
            elif kind is BlockKind.TEXT and level == 0:
                if block < 0 and self._is_block(at):
                    block = at
                if name in ("LI", "DT", "DD"):
                    kind = BlockKind.LIST
                elif name in ("FIGCAPTION", "CAPTION"):
                    block, kind = at, BlockKind.CAPTION
            at = self._parents[at]
        if block not in self._regions:
            rows, columns = self._grid(block) if kind is BlockKind.TABLE else ((), ())
            box = self._bounds(self._place[block]) if block in self._place else (0.0, 0.0, 0.0, 0.0)
            self._regions[block] = self._new_region(ScreenRegion(kind, box, level, rows, columns))
        return self._regions[block]

    def _level(self, node: int, name: str) -> int:
        level = self._attributes(node).get("aria-level", "")
        return _HEADINGS.get(name) or (int(level) if level.isdecimal() and 0 < int(level[:2]) < 7 else 2)

    def _new_region(self, region: ScreenRegion) -> int:
        if len(self._into.regions) < _MAX_REGIONS:
            self._into.regions.append(region)
        return len(self._into.regions) - 1

    def _is_block(self, node: int) -> bool:
        at = self._place.get(node)
        if at is None or self._nodes["nodeType"][node] != 1 or self._layout["styles"][at] == []:
            return False
        display = self._string(self._layout["styles"][at][0])
        return display not in ("inline", "contents", "") and not display.startswith("ruby")

    def _is_table(self, node: int, name: str, role: str) -> bool:
        """Return whether an element is a table of data: at least two rows and columns, and no table inside."""
        if name != "TABLE" and role not in ("table", "grid"):
            return False
        if role in ("presentation", "none"):
            return False
        if node not in self._tables:
            rows = self._rows(node)
            cells = [len(row) for row in rows.values()]
            self._tables[node] = len(rows) >= 2 and max(cells, default=0) >= 2 and not self._has_table(node)
        return self._tables[node]

    def _has_table(self, node: int) -> bool:
        return any(self._name(child) == "TABLE" for child in self._descendants(node))

    def _descendants(self, node: int) -> Iterator[int]:
        for child in range(node + 1, len(self._parents)):
            if not self._is_inside(child, node):
                return
            yield child

    def _rows(self, table: int) -> dict[int, list[tuple[float, float, float, float]]]:
        """Return the boxes of the cells of each row."""
        rows: dict[int, list[tuple[float, float, float, float]]] = {}
        row = -1
        for node in self._descendants(table):
            name, role = self._name(node), self._attributes(node).get("role", "")
            if node not in self._place:
                continue
            if name == "TR" or role == "row":
                row = node
            elif row >= 0 and (name in ("TD", "TH") or role in ("cell", "gridcell", "columnheader", "rowheader")):
                rows.setdefault(row, []).append(self._bounds(self._place[node]))
        return rows

    def _grid(self, table: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return the inner borders of rows and columns."""
        rows = list(self._rows(table).values())
        widest = max(rows, key=len)
        tops = sorted({min(cell[1] for cell in row) for row in rows})
        return tuple(tops[1:]), tuple(sorted(cell[0] for cell in widest)[1:])

    # ------------------------------------------------------------ nodes

    def _string(self, index: int) -> str:
        return self._strings[index] if index >= 0 else ""

    def _name(self, node: int) -> str:
        return self._string(self._nodes["nodeName"][node]).upper() if node >= 0 else ""

    def _attributes(self, node: int) -> Mapping[str, str]:
        flat = self._nodes["attributes"][node]
        return {self._string(flat[at]): self._string(flat[at + 1]) for at in range(0, len(flat) - 1, 2)}

    def _bounds(self, at: int) -> tuple[float, float, float, float]:
        return self._shifted(self._layout["bounds"][at])

    def _shifted(self, bounds: Sequence[float]) -> tuple[float, float, float, float]:
        x, y, width, height = bounds
        left, top = x + self._offset[0], y + self._offset[1]
        return left, top, left + width, top + height


def _sparse(data: Mapping[str, Sequence[int]]) -> dict[int, int]:
    return dict(zip(data["index"], data["value"], strict=True))
