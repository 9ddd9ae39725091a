"""The text of a file: all of it, or its newest part if it is very long."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from rag.errors import Unreadable
from rag.extract.convert.encodings import decode_text
from rag.extract.convert.plain_text import normalize_text

MAX_CHARACTER_BYTES = 4
"""Bytes of the longest character in UTF-8, UTF-16 and UTF-32, and of the longest byte order mark."""


class NewestText(NamedTuple):
    """A text, and whether its beginning was cut off."""

    text: str
    is_cut: bool


def newest_text(path: Path, max_characters: int) -> NewestText:
    """Return a file's text, or the last lines of a longer one: a log of hundreds of MB ends with what is new.

    Raise Unreadable if the file is not text, or has no words.
    """
    size, max_bytes = path.stat().st_size, max_characters * MAX_CHARACTER_BYTES
    with path.open("rb") as file:
        data = file.read(MAX_CHARACTER_BYTES)
        start = max(
            len(data), (size - max_bytes) // MAX_CHARACTER_BYTES * MAX_CHARACTER_BYTES
        )  # between the characters of UTF-16
        file.seek(start)
        data += file.read()
    decoded = decode_text(data)
    if decoded is None:
        raise Unreadable("Only the beginning of the file is text.", "Export it as a PDF.")
    is_cut = start > MAX_CHARACTER_BYTES or len(decoded) > max_characters
    if is_cut:
        decoded = decoded[-max_characters:].partition("\n")[2] or decoded[-max_characters:]
    text = normalize_text(decoded)
    if not text.strip():
        raise Unreadable("The text is blank.", "Export or download it again.")
    return NewestText(text, is_cut)
