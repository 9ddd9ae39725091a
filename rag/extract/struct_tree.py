"""Descriptions of figures in the structure tree of a tagged PDF (ISO 32000-1, 14.7 and 14.9.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_MAX_CONTENTS = 5000
"""Pieces of marked content of a page that are looked up."""
_MAX_PARENTS = 12
_MAX_FIGURES = 100
_BOX_NUMBERS = 4


@dataclass(frozen=True, slots=True)
class DescribedFigure:
    """A description, and the figure's box in points from the bottom left if the file states it."""

    text: str
    box: tuple[float, float, float, float] | None


def described_figures(pymupdf: Any, page: Any) -> list[DescribedFigure]:
    """Return the described elements with content on this page, in the order of their content."""
    mupdf = pymupdf.mupdf
    try:
        pdf = pymupdf._as_pdf_document(page.parent)  # PyMuPDF has no public access to the structure tree
        root = mupdf.pdf_dict_gets(mupdf.pdf_dict_gets(mupdf.pdf_trailer(pdf), "Root"), "StructTreeRoot")
        key = mupdf.pdf_dict_gets(pymupdf._as_pdf_page(page).obj(), "StructParents")
        tree = mupdf.pdf_dict_gets(root, "ParentTree")
        if not mupdf.pdf_is_int(key) or not mupdf.pdf_is_dict(tree):
            return []
        contents = mupdf.pdf_lookup_number(tree, mupdf.pdf_to_int(key))
        found: dict[int, DescribedFigure] = {}
        seen: set[int] = set()
        for index in range(min(mupdf.pdf_array_len(contents), _MAX_CONTENTS)):
            element = mupdf.pdf_array_get(contents, index)
            for _ in range(_MAX_PARENTS):
                number = mupdf.pdf_to_num(element)
                if not mupdf.pdf_is_dict(element) or number in seen:
                    break
                seen.add(number)
                text = mupdf.pdf_to_text_string(mupdf.pdf_dict_gets(element, "Alt")).strip()
                if text and len(found) < _MAX_FIGURES:
                    found[number] = DescribedFigure(text, _stated_box(mupdf, element))
                element = mupdf.pdf_dict_gets(element, "P")
    except RuntimeError:  # MuPDF's errors: the tree is damaged, the page itself may be fine
        return []
    return list(found.values())


def _stated_box(mupdf: Any, element: Any) -> tuple[float, float, float, float] | None:
    attributes = mupdf.pdf_dict_gets(element, "A")
    if mupdf.pdf_is_array(attributes):
        attributes = mupdf.pdf_array_get(attributes, 0)
    box = mupdf.pdf_dict_gets(attributes, "BBox")
    if mupdf.pdf_array_len(box) != _BOX_NUMBERS:
        return None
    x0, y0, x1, y1 = (mupdf.pdf_to_real(mupdf.pdf_array_get(box, index)) for index in range(_BOX_NUMBERS))
    return x0, y0, x1, y1
