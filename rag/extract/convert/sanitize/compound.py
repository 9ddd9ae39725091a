"""Sanitizing of the binary formats of Word and PowerPoint 97 to 2003, in place: every stream keeps its length.

Structures and numbers are from [MS-DOC], [MS-PPT] and [MS-ODRAW]. Embedded objects are kept: a page shows their
pictures, and the sandbox around LibreOffice covers their content.
"""

from __future__ import annotations

import array
import re
import shutil
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rag.errors import Unreadable
from rag.extract.convert.sanitize.fields import is_harmless_field

_WORD, _POINT = "WordDocument", "PowerPoint Document"
_STREAMS = (_WORD, "Data", "0Table", "1Table", _POINT, "Pictures")

_WORD_MAGIC, _WORD_97 = 0xA5EC, 0xC1
_ENCRYPTED, _TABLE_1 = 0x0100, 0x0200
_CLX = 0x01A2
"""Offset in a Word file's information block of the position of its text (FibRgFcLcb97.fcClx)."""
_PRC, _PCDT = 0x01, 0x02
_COMPRESSED = 0x40000000

_FIELD_TABLES = tuple(0x9A + 8 * index for index in (16, 17, 18, 19, 20, 48, 57, 59))
"""Offsets of the positions of the field tables: of the text, headers, notes, comments, macros and text boxes."""
_LOADING_FIELDS = frozenset(
    (0x0B, 0x24, 0x28, 0x2D, 0x2E, 0x2F, 0x30, 0x37, 0x38, 0x3A, 0x43, 0x44, 0x4E, 0x4F, 0x57, 0x59, 0x5B)
)
"""RD, INCLUDE, DATA, DDE, DDEAUTO, GLOSSARY, PRINT, IMPORT, LINK, EMBED, INCLUDEPICTURE, INCLUDETEXT, DATABASE,
AUTOTEXT, CONTROL, AUTOTEXTLIST, HTMLCONTROL. LibreOffice uses the kind in the table, not the field's text."""
_LAST_FIELD, _UNKNOWN_FIELD = 0x5F, 0x01

_FIELD_BEGIN, _FIELD_SEPARATE, _FIELD_END = 0x13, 0x14, 0x15

_LINKED_PICTURE, _SHAPE = re.compile(rb"(?=\x44\x00[\x5e\x62\x63\x66]\x00)"), 0x64
"""PICF: the length of its header and a kind of linked picture. MM_SHAPE is the kind of an embedded picture."""

_PROPERTY_TABLES = (b"\x0b\xf0", b"\x21\xf1", b"\x22\xf1")
_PROPERTY_FLAGS = 0x0106
"""pibFlags, which says whether a picture is linked."""

_BLIP = re.compile(rb"(?=[\x18-\xff]\xf0|[\x00-\x17]\xf1)")
"""Record types of embedded pictures; other bytes can match by chance."""
_PLAIN_OFFSETS, _DEFLATED_OFFSETS = (16, 17, 32, 33), (50, 66)
"""Offsets in the record of plain or deflated picture bytes, after one or two checksums."""
_XML = re.compile(rb"(?:\xef\xbb\xbf)?\s*+<[A-Za-z?!][\t\n\r -~]{8}|\x1f\x8b\x08")
"""Beginning of an SVG, plain or in gzip, long enough not to match other data by chance."""
_XML_HEAD = 4096

_LINKING_RECORDS = frozenset((0x0FCE, 0x0FD1, 0x1005, 0x1006, 0x1007, 0x100D, 0x100E, 0x1010))
"""RT_ExternalOleLink and its atom; video, movies and sound in other files."""
_CONTAINER = 0xF
_MAX_RECORDS = 2_000_000


@dataclass(frozen=True, slots=True)
class _Piece:
    """A run of characters: the offset of its bytes, its number of characters, and the bytes per character (1 or 2)."""

    start: int
    count: int
    width: int


def sanitize_compound(path: Path, into: Path) -> None:
    """Write the document without links to fields, pictures, objects and media in other files. Raise Unreadable."""
    import olefile

    shutil.copyfile(path, into)
    try:
        with olefile.OleFileIO(str(into), write_mode=True) as file:
            for name in (name for name in _STREAMS if file.exists(name)):
                old = file.openstream(name).read()
                new = bytearray(old)
                unlink_pictures(new)
                disable_svg_pictures(new)
                if name == _WORD:
                    _remove_fields(new, file)
                elif name == _POINT:
                    _disable_linking_records(new)
                if new != old:
                    file.write_stream(name, bytes(new))
    except (OSError, ValueError, IndexError, struct.error, olefile.NotOleFileError) as error:
        raise Unreadable(
            "The document is damaged, or older than Office 97.",
            "Save it as DOCX or PPTX, or export it as a PDF.",
        ) from error


# ---------------------------------------------------------------- Word


def _remove_fields(stream: bytearray, file: Any) -> None:
    """Overwrite the instructions of fields that load something with spaces. Raise ValueError if it isn't Word 97."""
    magic, version = struct.unpack_from("<HH", stream, 0)
    (flags,) = struct.unpack_from("<H", stream, 0x0A)
    if magic != _WORD_MAGIC or version < _WORD_97 or flags & _ENCRYPTED:
        raise ValueError("not a Word file of version 97 or later, or encrypted")
    name = "1Table" if flags & _TABLE_1 else "0Table"
    table = bytearray(file.openstream(name).read())
    before = bytes(table)
    for position in _FIELD_TABLES:
        _clear_field_kinds(table, *struct.unpack_from("<II", stream, position))
    if table != before:
        file.write_stream(name, bytes(table))
    pieces = list(_pieces(before, *struct.unpack_from("<II", stream, _CLX)))
    text = array.array("H")
    for piece in pieces:
        raw = bytes(stream[piece.start : piece.start + piece.count * piece.width])
        text.extend(raw if piece.width == 1 else array.array("H", raw))
    for begin, end in _loading_instructions(text):
        _overwrite_with_spaces(stream, pieces, begin, end)


def _clear_field_kinds(table: bytearray, start: int, length: int) -> None:
    """Set the kind of fields that load something to unknown. Raise ValueError if the table is out of range."""
    if start + length > len(table):
        raise ValueError("the table of fields is out of range")
    count = (length - 4) // 6
    for at in range(start + 4 * (count + 1), start + 4 * (count + 1) + 2 * count, 2):
        is_begin = table[at] & 0x1F == _FIELD_BEGIN
        if is_begin and (table[at + 1] in _LOADING_FIELDS or table[at + 1] > _LAST_FIELD):
            table[at + 1] = _UNKNOWN_FIELD


def _pieces(table: bytes, start: int, length: int) -> Iterator[_Piece]:
    clx = table[start : start + length]
    at = 0
    while clx[at] == _PRC:
        at += 3 + struct.unpack_from("<H", clx, at + 1)[0]
    if clx[at] != _PCDT:
        raise ValueError("there is no piece table")
    (size,) = struct.unpack_from("<I", clx, at + 1)
    count = (size - 4) // 12
    positions = struct.unpack_from(f"<{count + 1}I", clx, at + 5)
    for index in range(count):
        (offset,) = struct.unpack_from("<I", clx, at + 5 + 4 * (count + 1) + 8 * index + 2)
        characters = max(0, positions[index + 1] - positions[index])
        if offset & _COMPRESSED:
            yield _Piece((offset & ~_COMPRESSED) // 2, characters, 1)
        else:
            yield _Piece(offset, characters, 2)


def _loading_instructions(text: array.array[int]) -> Iterator[tuple[int, int]]:
    """Yield begin and end of the instructions that load something, including the fields inside them."""
    open_fields: list[tuple[int, int | None]] = []
    for index, character in enumerate(text):
        if character == _FIELD_BEGIN:
            open_fields.append((index + 1, None))
        elif character == _FIELD_SEPARATE and open_fields and open_fields[-1][1] is None:
            open_fields[-1] = (open_fields[-1][0], index)
        elif character == _FIELD_END and open_fields:
            begin, end = open_fields.pop()
            yield from _if_loading(text, begin, index if end is None else end)
    for begin, end in open_fields:
        yield from _if_loading(text, begin, len(text) if end is None else end)


def _if_loading(text: array.array[int], begin: int, end: int) -> Iterator[tuple[int, int]]:
    instruction = "".join(map(chr, text[begin:end]))
    for mark in (_FIELD_BEGIN, _FIELD_SEPARATE, _FIELD_END):
        instruction = instruction.replace(chr(mark), "")
    if not is_harmless_field(instruction):
        yield begin, end


def _overwrite_with_spaces(stream: bytearray, pieces: list[_Piece], begin: int, end: int) -> None:
    """Overwrite the characters from `begin` to `end` with spaces, except the marks of fields."""
    at = 0
    for piece in pieces:
        for index in range(max(begin, at), min(end, at + piece.count)):
            offset = piece.start + (index - at) * piece.width
            if stream[offset] not in (_FIELD_BEGIN, _FIELD_SEPARATE, _FIELD_END):
                stream[offset : offset + piece.width] = b" " if piece.width == 1 else b" \0"
        at += piece.count


# ---------------------------------------------------------------- drawings and PowerPoint


def unlink_pictures(stream: bytearray) -> None:
    """Mark every linked picture as embedded; the document does not contain it, so it is not found."""
    size = len(stream)
    for at in [found.start() for found in _LINKED_PICTURE.finditer(stream)]:
        if at >= 4 and 0x44 <= struct.unpack_from("<i", stream, at - 4)[0] <= size - at + 4:
            stream[at + 2] = _SHAPE
    for kind in _PROPERTY_TABLES:
        at = stream.find(kind)
        while at >= 0:
            _clear_flags(stream, at)
            at = stream.find(kind, at + 1)


def disable_svg_pictures(stream: bytearray) -> None:
    """Set the type of picture records that contain an SVG, which may refer to other files, to an unknown type."""
    for found in _BLIP.finditer(bytes(stream)):
        begin = found.start() + 6
        if any(_is_svg(stream[begin + offset : begin + offset + _XML_HEAD]) for offset in _PLAIN_OFFSETS) or any(
            _is_svg(_inflated(stream[begin + offset : begin + offset + _XML_HEAD])) for offset in _DEFLATED_OFFSETS
        ):
            stream[found.start() : found.start() + 2] = bytes(2)


def _is_svg(head: bytes | bytearray) -> bool:
    return _XML.match(head) is not None


def _inflated(head: bytearray) -> bytes:
    """Return the first bytes of deflated data; b"" if it is not deflated."""
    try:
        return zlib.decompressobj().decompress(head, _XML_HEAD)
    except zlib.error:
        return b""


def _clear_flags(stream: bytearray, at: int) -> None:
    """Clear the flags for linked pictures if the record type at offset `at` is that of a property table."""
    if at < 2 or at + 6 > len(stream):
        return
    (head,) = struct.unpack_from("<H", stream, at - 2)
    (length,) = struct.unpack_from("<I", stream, at + 2)
    count = head >> 4
    if head & 0xF != 3 or length < 6 * count or at + 6 + length > len(stream):
        return
    for offset in range(at + 6, at + 6 + 6 * count, 6):
        if struct.unpack_from("<H", stream, offset)[0] & 0x3FFF == _PROPERTY_FLAGS:
            stream[offset + 2 : offset + 6] = bytes(4)


def _disable_linking_records(stream: bytearray) -> None:
    """Set the type of records that name other files to an unknown type. Raise ValueError on malformed records."""
    ends, at, seen = [len(stream)], 0, 0
    while at < len(stream):
        while at >= ends[-1] and len(ends) > 1:
            ends.pop()
        seen += 1
        if at + 8 > ends[-1] or seen > _MAX_RECORDS:
            raise ValueError("the records are malformed")
        head, kind, length = struct.unpack_from("<HHI", stream, at)
        if at + 8 + length > ends[-1]:
            raise ValueError("a record is longer than its container")
        if kind in _LINKING_RECORDS:
            struct.pack_into("<H", stream, at + 2, 0)
            at += 8 + length
        elif head & 0xF == _CONTAINER:
            ends.append(at + 8 + length)
            at += 8
        else:
            at += 8 + length
