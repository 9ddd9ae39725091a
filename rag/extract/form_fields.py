"""What forms say: ticked boxes, and in the fields of a PDF (AcroForm) values that are not drawn, and signatures."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import islice, takewhile
from typing import Any

from rag.extract.annotations import is_hidden
from rag.extract.geometry import PlacedWord, clamped_box, contains_center, is_off_page
from rag.extract.limits import is_out_of_memory
from rag.model.extraction import Box, Word

_MAX_FIELDS = 500
_CHECKBOX, _LIST, _RADIO, _SIGNATURE, _COMBO, _TEXT = (
    "CheckBox",
    "ListBox",
    "RadioButton",
    "Signature",
    "ComboBox",
    "Text",
)
_PASSWORD = 1 << 13
"""Flag of text fields whose value viewers do not show (PDF 1.7, table 228)."""

_MAX_GAP = 0.06
"""Maximum gap between a field and its label, and between two words of the label, as a fraction of the page's width."""
_MAX_LABEL_WORDS = 12
_TICKED, _EMPTY = "☑☒🗹🗷", "☐"
_OFF = ("", "Off", "None", "False")
Displayed = Callable[[Sequence[float]], Box]
"""Converts a rectangle of the page without its rotation, in points, to fractions of the displayed page."""

_DATE = re.compile(r"D:(\d{4})(\d{2})?(\d{2})?")


def form_fields(page: Any, words: Sequence[Word], displayed: Displayed) -> Iterator[tuple[str, Box]]:
    """Yield what the page's fields say and its words don't, each with the region of its field."""
    fields = _fields(page, displayed)
    outside = [word for word in words if not any(contains_center(box, word.box) for _, box in fields)]
    for widget, box in fields:
        kind, value = widget.field_type_string, _value(widget)
        is_password = kind == _TEXT and widget.field_flags & _PASSWORD
        label = (widget.field_label or "").strip() or _label(box, outside, before=kind not in (_CHECKBOX, _RADIO))
        label = label or re.sub(r"[_\W]+", " ", widget.field_name or "").strip()
        if kind == _CHECKBOX:
            yield f"Form field: {label}: {'not ticked' if value in _OFF else 'ticked'}", box
        elif kind == _RADIO and value not in _OFF and value == str(widget.on_state()):
            yield f"Form field: {label}: chosen", box
        elif kind in (_TEXT, _COMBO, _LIST) and value and not is_password and not _is_printed(value, box, words):
            yield f"Form field: {label}: {value}", box
        elif kind == _SIGNATURE:
            yield f"Signature field: {label}: {_signature(page.parent, widget.xref)}", box


def printed_boxes(words: Sequence[Word]) -> Iterator[tuple[str, Box]]:
    """Yield whether each box that is printed as a sign (☒ Sealed, ☐ Open) is ticked, with the words of its label.

    The labels of a row stand before the boxes if the row ends with a box.
    """
    for box in islice((word for word in words if word.text[0] in _TICKED + _EMPTY), _MAX_FIELDS):
        field = box.box
        row = sorted(
            (word for word in words if field.y0 <= (word.box.y0 + word.box.y1) / 2 <= field.y1),
            key=lambda word: word.box.x0,
        )
        before = row[-1].text in _TICKED + _EMPTY
        beside = row[: row.index(box)][::-1] if before else row[row.index(box) + 1 :]
        label = list(takewhile(lambda word: word.text[0] not in _TICKED + _EMPTY, beside[:_MAX_LABEL_WORDS]))
        text = " ".join(word.text for word in (reversed(label) if before else label))
        text = f"{box.text[1:]} {text}".strip().rstrip(":")
        if text:
            yield f"Box: {text}: {'ticked' if box.text[0] in _TICKED else 'not ticked'}", field


def _fields(page: Any, displayed: Displayed) -> list[tuple[Any, Box]]:
    """Return the page's fields and their regions, without those that are hidden or outside the page.

    Signatures are kept: viewers list them although their field may be hidden.
    """
    widgets = islice(page.widgets() or (), _MAX_FIELDS)
    places = [(widget, displayed(widget.rect)) for widget in widgets]
    return [
        (widget, clamped_box(*place))
        for widget, place in places
        if widget.field_type_string == _SIGNATURE or not (is_hidden(_flags(page, widget)) or is_off_page(place))
    ]


def _flags(page: Any, widget: Any) -> int:
    kind, flags = page.parent.xref_get_key(widget.xref, "F")
    return int(flags) if kind == "int" else 0


def without_tick_marks(page: Any, words: list[PlacedWord], displayed: Displayed) -> list[PlacedWord]:
    """Return the words without those that draw the marks of ticked boxes, which are digits in a font of symbols."""
    try:
        boxes = [box for widget, box in _fields(page, displayed) if widget.field_type_string in (_CHECKBOX, _RADIO)]
    except Exception as error:  # damaged fields raise anything; `beside_text` says so
        if is_out_of_memory(error):
            raise
        return words
    return [placed for placed in words if not any(contains_center(box, placed.word.box) for box in boxes)]


def _value(widget: Any) -> str:
    value = widget.field_value
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value if value is not None else "").strip()


def _label(field: Box, words: Sequence[Word], *, before: bool) -> str:
    """Return the words beside a field, in its row: before it, or after it; if there are none, on the other side."""
    row = sorted(
        (word for word in words if field.y0 <= (word.box.y0 + word.box.y1) / 2 <= field.y1),
        key=lambda word: word.box.x0,
    )
    for side in (before, not before):
        found: list[str] = []
        edge = field.x0 if side else field.x1
        for word in reversed(row) if side else row:
            gap = edge - word.box.x1 if side else word.box.x0 - edge
            if gap < -_MAX_GAP / 2:
                continue  # on the other side
            if gap > _MAX_GAP:
                break
            found.append(word.text)
            edge = word.box.x0 if side else word.box.x1
        if found:
            return " ".join(reversed(found) if side else found).rstrip(":")
    return ""


def _is_printed(value: str, box: Box, words: Sequence[Word]) -> bool:
    inside = "".join(word.text for word in words if contains_center(box, word.box, 0.01))
    return "".join(value.split()) in inside


def _signature(document: Any, xref: int) -> str:
    """Return who signed a signature field, and when, as the file states it; nothing is verified."""
    if document.xref_get_key(xref, "V")[0] in ("null", "undefined"):
        return "not signed"
    values = {key: document.xref_get_key(xref, f"V/{key}") for key in ("Name", "Reason", "Location", "M")}
    name, reason, place, day = (text if kind == "string" else "" for kind, text in values.values())
    found = _DATE.match(day)
    parts = (
        f"signed by {name}" if name else "signed",
        f"on {'-'.join(part for part in found.groups() if part)}" if found else "",
        f"in {place}" if place else "",
        f"({reason})" if reason else "",
    )
    return " ".join(part for part in parts if part) + ", not verified"
