"""What the converters of web pages, mails, books and notebooks return: HTML with pictures and notes."""

from __future__ import annotations

import html
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from rag.errors import Unreadable
from rag.extract.convert.encodings import XML_ENCODING, decode_declared, decode_text
from rag.extract.convert.file_pictures import FilePictures, data_address
from rag.extract.convert.plain_text import normalize_text
from rag.extract.convert.simple_html import PictureFinder, SimpleHtml, simplify
from rag.model.extraction import Note

_CHARSET = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?([\w-]{1,40})", re.IGNORECASE)
_CHARSET_RANGE = 4096


@dataclass(frozen=True, slots=True)
class RichText:
    """HTML in consecutive parts, made by `simple_html` only, and the pictures it refers to."""

    parts: list[str]
    pictures: FilePictures
    title: str = ""
    notes: tuple[Note, ...] = ()


def read_page(path: Path, max_megapixels: int) -> RichText:
    """Return a saved web page, with the pictures inside its file. Raise Unreadable if it has no words."""
    pictures = FilePictures(data_address, max_megapixels)
    simple = page_parts(decode_page(path.read_bytes()), pictures.tag)
    if not any(simple.parts):
        raise Unreadable("The web page has no words.", "Share its address, or print it as a PDF.")
    return RichText(simple.parts, pictures, simple.title, missing_pictures(simple.missing_pictures))


def page_parts(source: str, find_picture: PictureFinder) -> SimpleHtml:
    """Return a web page as parts of HTML, with those of its pictures that the file has."""
    return simplify(normalize_text(source), find_picture)


def decode_page(data: bytes) -> str:
    """Return the bytes of a web page as text, in the encoding it declares, or in the detected one."""
    head = data[:_CHARSET_RANGE]
    declared = XML_ENCODING.search(head) or _CHARSET.search(head)
    charset = declared[1].decode("ascii").lower() if declared else ""
    # A declaration that is found as ASCII is not in UTF-16.
    return decode_markup(data, "" if charset.startswith(("utf-16", "utf-32")) else charset)


def decode_markup(data: bytes, charset: str) -> str:
    """Return the bytes as text in a declared encoding, or in the detected one if that is missing or wrong."""
    text = decode_declared(data, charset)
    if text is None:
        with suppress(Unreadable):  # a part of a mail must not hide the other parts
            text = decode_text(data)
    return data.decode("cp1252", "replace") if text is None else text


def paragraphs(text: str) -> str:
    """Return plain text as HTML: paragraphs with their line breaks."""
    blocks = re.split(r"\n[ \t]*\n", normalize_text(text))
    return "".join(
        f"<p>{html.escape(block.strip(chr(10)), quote=False).replace(chr(10), '<br>')}</p>"
        for block in blocks
        if block.strip()
    )


def missing_pictures(count: int) -> tuple[Note, ...]:
    """Return the note about pictures that a file shows but does not contain."""
    if not count:
        return ()
    what = (
        "One picture isn't part of the file and wasn't"
        if count == 1
        else f"{count} pictures aren't part of the file and weren't"
    )
    return (Note(f"{what} read. Share the page as a PDF to have everything found.", lost=True),)
