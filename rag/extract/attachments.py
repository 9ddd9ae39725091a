"""Files inside of files: attachments of mails and PDFs, and portfolios, down to a limited depth, number and size."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from rag.errors import Unreadable
from rag.extract.convert.mail import EML, mail_attachments
from rag.extract.convert.packages import MSG
from rag.extract.file_types import PDF, detect_media_type
from rag.model import ATTACHED_TO, Attachment, Attachments, Note
from rag.settings import ReadSettings

CONTAINERS = frozenset({PDF, EML, MSG})
"""Media types of files that can have attachments."""

MAX_NAME_CHARS = 200
"""Characters of an attachment's name, and of the names of the files around it."""


def attachments_of(path: Path, media_type: str, pymupdf: Any) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of each file that is attached to this one, without those inside of them.

    The name is as the file has it: any text. The content of a damaged attachment is empty.
    """
    if media_type == PDF:
        yield from _pdf_attachments(path, pymupdf)
    elif media_type in CONTAINERS:
        yield from mail_attachments(path, media_type)


def extract_attachments(path: Path, media_type: str, pymupdf: Any, settings: ReadSettings, into: Path) -> Attachments:
    """Write all files inside a file to the folder `into`, the same bytes once. Return their names, and what the
    settings' limits left out."""
    found = _Found(pymupdf, settings, into)
    found.seen.add(sha256(path.read_bytes()).digest())
    found.walk(path, media_type, "", 1)
    return Attachments(tuple(found.files), tuple(Note(text, lost=True) for text in dict.fromkeys(found.left_out)))


class _Found:
    """The attachments found so far, and sentences about those left out."""

    def __init__(self, pymupdf: Any, settings: ReadSettings, into: Path) -> None:
        self._pymupdf = pymupdf
        self._settings = settings
        self._into = into
        self._bytes_left = settings.max_attachments_mb << 20
        self.files: list[Attachment] = []
        self.left_out: list[str] = []
        self.seen: set[bytes] = set()

    def walk(self, path: Path, media_type: str, inside: str, depth: int) -> None:
        """Add the attachments of a file, each before those inside of it."""
        for name, content in attachments_of(path, media_type, self._pymupdf):
            digest = sha256(content).digest()
            if digest in self.seen:
                continue
            if not content:
                self.left_out.append(f"The attached file {clean_name(name)} is empty or damaged.")
                continue
            self.seen.add(digest)
            if problem := self._problem(content, depth):
                self.left_out.append(problem)
                if len(self.files) >= self._settings.max_attachments:
                    return
                continue
            self._add(name, content, inside, depth)

    def _problem(self, content: bytes, depth: int) -> str:
        limits = self._settings
        if len(self.files) >= limits.max_attachments:
            return (
                f"Only the first {limits.max_attachments:,} attached files were read. "
                "To read more, raise `read.max_attachments`."
            )
        if depth > limits.max_attachment_depth:
            return (
                f"Files attached more than {limits.max_attachment_depth} levels deep were not read. "
                "To read them, raise `read.max_attachment_depth`."
            )
        if len(content) > self._bytes_left:
            return (
                f"Attached files of more than {limits.max_attachments_mb:,} MB in all were not read. "
                "Share them as files, or raise `read.max_attachments_mb`."
            )
        return ""

    def _add(self, name: str, content: bytes, inside: str, depth: int) -> None:
        number = len(self.files) + 1
        name = clean_name(name) or f"attachment {number}"
        path = self._into / f"attachment-{number}"
        path.write_bytes(content)
        self._bytes_left -= len(content)
        self.files.append(Attachment(name, path.name, inside))
        try:
            media_type = detect_media_type(path, self._settings)
            if media_type in CONTAINERS:
                chain = f"{name}{ATTACHED_TO}{inside}" if inside else name
                self.walk(path, media_type, chain[:MAX_NAME_CHARS], depth + 1)
        except Unreadable:
            pass  # its own extraction fails with the reason


def clean_name(name: str) -> str:
    """Return the last part of a path as one line of at most MAX_NAME_CHARS characters; "" if nothing is left.

    Invisible characters are removed: some of them turn the rest of a line around.
    """
    last = name.replace("\\", "/").rstrip("/").rpartition("/")[2]
    visible = "".join(
        " " if each.isspace() else each for each in last if unicodedata.category(each)[0] != "C" or each.isspace()
    )
    return " ".join(visible.split())[:MAX_NAME_CHARS]


def _pdf_attachments(path: Path, pymupdf: Any) -> Iterator[tuple[str, bytes]]:
    """Yield the files of the document and of its portfolio, then those pinned to pages."""
    with pymupdf.open(str(path), filetype="pdf") as document:
        if document.needs_pass:
            return
        for index in range(document.embfile_count()):
            info = document.embfile_info(index)
            name = info.get("ufilename") or info.get("filename") or info.get("name") or ""
            yield name, _content(partial(document.embfile_get, index))
        for number in range(document.page_count):
            kinds = {kind for _, kind, _ in document.page_annot_xrefs(number)}
            if pymupdf.PDF_ANNOT_FILE_ATTACHMENT in kinds:
                yield from _pinned_files(document[number], pymupdf)


def _pinned_files(page: Any, pymupdf: Any) -> Iterator[tuple[str, bytes]]:
    for annotation in page.annots(types=(pymupdf.PDF_ANNOT_FILE_ATTACHMENT,)):
        yield annotation.file_info.get("filename") or "", _content(annotation.get_file)


def _content(read: Callable[[], bytes]) -> bytes:
    """Return what `read` returns, or nothing if MuPDF cannot unpack it."""
    try:
        return read()
    except (RuntimeError, ValueError):
        return b""
