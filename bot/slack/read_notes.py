"""Sentences about how files were read, the same in Slack and in the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rag import FileNote

_MAX_RUNS = 10
"""Runs of page numbers in one sentence."""

_MAX_SENTENCES = 5
"""Sentences in one message."""


def note_sentences(notes: Iterable[FileNote]) -> list[str]:
    """Return each note once, with the parts that it is about: `Pages 3, 7-9: it took longer than 30 s.`"""
    pages: dict[tuple[str, str], list[int]] = {}
    for note in notes:
        text = note.text.removeprefix("This page couldn't be read: ")
        pages.setdefault((note.attachment, text), []).append(note.page)
    return [f"{_part(attachment, numbers)}{text}" for (attachment, text), numbers in pages.items()]


def joined_sentences(notes: Iterable[FileNote]) -> str:
    """Return the first few sentences of `note_sentences`, and how many more there are."""
    sentences = note_sentences(notes)
    more = len(sentences) - _MAX_SENTENCES
    return " ".join(sentences[:_MAX_SENTENCES]) + (f" … and {more:,} more." if more > 0 else "")


def _part(attachment: str, pages: Sequence[int]) -> str:
    listed = page_list([page for page in pages if page])
    named = f"page{'s' if len(pages) > 1 else ''} {listed}" if listed else ""
    part = ", ".join(filter(None, (attachment, named)))
    return f"{part[:1].upper() if not attachment else part[:1]}{part[1:]}: " if part else ""


def page_list(pages: Sequence[int]) -> str:
    """Return page numbers as a reader would write them: 3, 7-9."""
    runs: list[list[int]] = []
    for number in pages:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    shown = [str(first) if first == last else f"{first}-{last}" for first, last in runs]
    return ", ".join(shown[:_MAX_RUNS]) + (" …" if len(shown) > _MAX_RUNS else "")
