"""The structure of a rendered web page: what a browser knows about its regions, stored in the PDF beside the picture.

It is private data of a page (`PieceInfo`; PDF 1.7, section 14.5), as JSON. Any PDF may have it, so it is untrusted: it
only says how the words of the text layer are grouped, never which words there are.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rag.extract.geometry import Region, clamped_box
from rag.model.extraction import BlockKind, Note

_KEY = "Magpie"
_MAX_BYTES = 4 << 20
_MAX_REGIONS = 5_000
_MAX_BORDERS = 500

CUT = "cut"
HIDDEN = "hidden"
WIDE = "wide"

_NOTES = {
    CUT: Note(
        "The web page goes on after this; the rest was not read. Raise MAGPIE_WEB__TILES to read more of it.",
        lost=True,
    ),
    WIDE: Note("The web page is wider than a screen; what is on its right was not read.", lost=True),
    HIDDEN: Note("The web page contains text that it does not show; that text was not indexed."),
}
"""What can be said about a page. The PDF names the sentence only, so that no PDF can have Magpie say anything else."""


@dataclass(frozen=True, slots=True)
class PageStructure:
    """Regions in reading order, as fractions of the page, and the keys of notes: `CUT`, `WIDE`, `HIDDEN`."""

    regions: Sequence[Region]
    remarks: Sequence[str] = ()

    @property
    def notes(self) -> tuple[Note, ...]:
        return tuple(_NOTES[remark] for remark in dict.fromkeys(self.remarks) if remark in _NOTES)


def write_structure(document: Any, page: Any, structure: PageStructure) -> None:
    """Store the structure in a page of an open PyMuPDF document."""
    content = {
        "regions": [
            [region.kind.value, *_rounded(region.box), _rounded(region.rows), _rounded(region.columns)]
            for region in structure.regions[:_MAX_REGIONS]
        ],
        "remarks": list(structure.remarks),
    }
    xref = document.get_new_xref()
    document.update_object(xref, "<<>>")
    document.update_stream(xref, json.dumps(content).encode())
    # The date is required; a fixed one keeps the same page the same bytes.
    entry = f"<</{_KEY}<</LastModified(D:20000101000000Z)/Private {xref} 0 R>>>>"
    document.xref_set_key(page.xref, "PieceInfo", entry)


def read_structure(document: Any, page: Any) -> PageStructure | None:
    """Return the structure stored in a page; None if there is none, or if it is not valid."""
    kind, value = document.xref_get_key(page.xref, f"PieceInfo/{_KEY}/Private")
    xref = int(value.split()[0]) if kind == "xref" else 0
    if not 0 < xref < document.xref_length() or not document.xref_is_stream(xref):
        return None
    data = document.xref_stream(xref)
    if data is None or len(data) > _MAX_BYTES:
        return None
    try:
        content = json.loads(data)
        regions = [_region(entry) for entry in content["regions"][:_MAX_REGIONS]]
        remarks = [str(remark) for remark in content["remarks"][: len(_NOTES)]]
    except (ValueError, TypeError, KeyError, IndexError, RecursionError):
        return None
    return PageStructure([region for region in regions if region.box.area > 0], remarks)


def _rounded(values: Sequence[float]) -> list[float]:
    return [round(value, 5) for value in values]


def _region(entry: Sequence[Any]) -> Region:
    kind, x0, y0, x1, y1, rows, columns = entry
    box = clamped_box(float(x0), float(y0), float(x1), float(y1))
    return Region(BlockKind(kind), box, _borders(rows, box.y0, box.y1), _borders(columns, box.x0, box.x1))


def _borders(values: Sequence[Any], start: float, end: float) -> tuple[float, ...]:
    return tuple(sorted(value for value in map(float, values[:_MAX_BORDERS]) if start < value < end))
