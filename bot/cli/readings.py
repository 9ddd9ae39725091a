"""`magpie status FILE`: how a file was read, page by page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from bot.cli.json_output import readings_json
from bot.cli.results import show_notes
from bot.cli.terminal import Screen, count

if TYPE_CHECKING:
    from rag import FileNote, FileReading

_READ_FROM = {"layer": "text layer", "ocr": "OCR", "both": "text layer and OCR", "none": "no text"}
"""Names of text sources."""

_DIGITS = 8
"""Digits of a SHA-256 that name a file."""


def show_readings(screen: Screen, name: str, readings: Sequence[FileReading]) -> None:
    """Print how a file was read, or the files among which the name does not decide."""
    screen.write_json(readings_json(readings))
    if len(readings) == 1:
        _show_reading(screen, readings[0])
        return
    screen.say(f"{len(readings)} files have the name {name}. Name one by its path or its SHA-256:", style="bold")
    for reading in readings:
        screen.say(f"{reading.sha256[:_DIGITS] or '-':<{_DIGITS}}  {reading.ref or reading.name}", indent=2)


def _show_reading(screen: Screen, reading: FileReading) -> None:
    screen.say(f"{reading.name}: {reading.state.value}, {count(reading.page_count, 'page')}.", style="bold")
    if reading.reason:
        screen.say(f"✗ {reading.reason} {reading.hint}".rstrip(), style="red")
    if reading.sha256:
        screen.say(f"SHA-256 {reading.sha256}")
    if reading.extractor:
        screen.say(f"{reading.media_type or 'unknown type'}, read by extractor {reading.extractor}")
    for page in reading.pages:
        printed = f" (printed {page.label})" if page.label and page.label != str(page.number) else ""
        screen.say(f"p. {page.number}{printed}: {_READ_FROM[page.text_source.value]}", indent=2)
        _show_page_notes(screen, page.notes)
    for name in reading.attachments:
        screen.say(f"Attached: {name}")
    show_notes(screen, reading.name, reading.notes)


def _show_page_notes(screen: Screen, notes: Iterable[FileNote]) -> None:
    for note in notes:
        screen.say(f"! {note.text}" if note.lost else note.text, style="yellow" if note.lost else "", indent=4)
