"""Files inside of files: attachments of mails and PDFs, and portfolios, down to a limited depth, number and size."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from rag.errors import Unreadable
from rag.extract.convert.mail import EML, mail_attachments
from rag.extract.convert.packages import MSG
from rag.extract.file_types import PDF, detect_media_type
from rag.extract.limits import is_out_of_memory
from rag.model.extraction import ATTACHED_TO, Attachment, Attachments, Note
from rag.setting_groups import ReadSettings

CONTAINERS = frozenset({PDF, EML, MSG})
"""Media types of files that can have attachments."""

MAX_NAME_CHARS = 200
"""Characters of an attachment's name, and of the names of the files around it."""

_MAX_DAMAGED_NOTES = 20
"""Damaged attachments that have a note of their own."""

_BOMB = "compression bomb"
"""What MuPDF says about a stream that grows too much when it is unpacked."""

_TOO_LARGE = "An attached file was not read: unpacked, it is far too large. Share what is in it as files of their own."

_T = TypeVar("_T")


def attachments_of(path: Path, media_type: str, pymupdf: Any) -> Iterator[tuple[str, bytes | None]]:
    """Yield name and content of each file that is attached to this one, without those inside of them.

    The name is as the file has it: any text. A damaged attachment has no content, and a name only if that can be read;
    None stands for content that is far too large. Raise Unreadable if the file can't be opened.
    """
    try:
        if media_type == PDF:
            yield from _pdf_attachments(path, pymupdf)
        elif media_type in CONTAINERS:
            yield from mail_attachments(path, media_type)
    except (Unreadable, OSError):
        raise
    except Exception as error:  # parsers raise anything on malformed files
        if is_out_of_memory(error):
            raise
        yield "", b""


def extract_attachments(path: Path, media_type: str, pymupdf: Any, settings: ReadSettings, into: Path) -> Attachments:
    """Write all files inside a file to the folder `into`, the same bytes once for each name. Return their names, and
    what the settings' limits left out."""
    found = _Found(pymupdf, settings, into)
    found.names[sha256(path.read_bytes()).digest()] = None
    found.walk(path, media_type, "", 1)
    return Attachments(tuple(found.files), tuple(Note(text, lost=True) for text in found.problems()))


class _Found:
    """The attachments found so far, sentences about those left out, and the names of those that are damaged."""

    def __init__(self, pymupdf: Any, settings: ReadSettings, into: Path) -> None:
        self._pymupdf = pymupdf
        self._settings = settings
        self._into = into
        self._bytes_left = settings.max_attachments_mb << 20
        self.files: list[Attachment] = []
        self.left_out: list[str] = []
        self._damaged: list[str] = []
        self.names: dict[bytes, set[str] | None] = {}
        """The names of the files by digest; None for those that are not attachments."""

    def problems(self) -> list[str]:
        """Return a sentence about each kind of file that was left out, and about the first damaged ones."""
        named = [f"The attached file {name}" if name else "An attached file" for name in self._damaged]
        sentences = [f"{name} is empty or damaged." for name in named[:_MAX_DAMAGED_NOTES]]
        if more := len(named[_MAX_DAMAGED_NOTES:]):
            sentences.append(f"{more:,} more attached files are empty or damaged.")
        return list(dict.fromkeys([*sentences, *self.left_out]))

    def walk(self, path: Path, media_type: str, inside: str, depth: int) -> None:
        """Add the attachments of a file, each before those inside of it."""
        for name, content in attachments_of(path, media_type, self._pymupdf):
            if content is None:
                self.left_out.append(_TOO_LARGE)
                continue
            digest = sha256(content).digest()
            if digest in self.names:
                self._add_name(name, digest, content, inside, depth)
                continue
            if not content:
                self._damaged.append(clean_name(name))
                continue
            self.names[digest] = None
            if problem := self._problem(content, depth):
                self.left_out.append(problem)
                if len(self.files) >= self._settings.max_attachments:
                    return
                continue
            self._add(name, content, inside, depth, digest)

    def _add_name(self, name: str, digest: bytes, content: bytes, inside: str, depth: int) -> None:
        """Add another name of known bytes, as far as the limits allow."""
        names, name = self.names[digest], clean_name(name)
        if names is not None and name and name not in names and not self._problem(content, depth):
            names.add(name)
            self._write(name, content, inside)

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

    def _write(self, name: str, content: bytes, inside: str) -> Path:
        path = self._into / f"attachment-{len(self.files) + 1}"
        path.write_bytes(content)
        self._bytes_left -= len(content)
        self.files.append(Attachment(name, path.name, inside))
        return path

    def _add(self, name: str, content: bytes, inside: str, depth: int, digest: bytes) -> None:
        name = clean_name(name) or f"attachment {len(self.files) + 1}"
        path = self._write(name, content, inside)
        self.names[digest] = {name}
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
    return " ".join(visible.split())[:MAX_NAME_CHARS].rstrip()


def _pdf_attachments(path: Path, pymupdf: Any) -> Iterator[tuple[str, bytes | None]]:
    """Yield the files of the document and of its portfolio, then those pinned to pages."""
    try:
        document = pymupdf.open(str(path), filetype="pdf")
    except pymupdf.FileDataError as error:
        raise Unreadable("The PDF is damaged and can't be opened.", "Save it again with another program.") from error
    with document:
        if document.needs_pass:
            return
        for index in range(document.embfile_count()):
            name = _attempt(partial(_embedded_name, document, index), "")
            yield name, _content(partial(document.embfile_get, index))
        for number in range(document.page_count):
            yield from _pinned_files(document, number, pymupdf)


def _embedded_name(document: Any, index: int) -> str:
    info: Mapping[str, str] = document.embfile_info(index)
    return info.get("ufilename") or info.get("filename") or info.get("name") or ""


def _pinned_files(document: Any, number: int, pymupdf: Any) -> Iterator[tuple[str, bytes | None]]:
    kind = pymupdf.PDF_ANNOT_FILE_ATTACHMENT
    kinds = _attempt(lambda: {found for _, found, _ in document.page_annot_xrefs(number)}, set[int]())
    if kind not in kinds:
        return
    page = document[number]
    for annotation in page.annots(types=(kind,)):
        name = _attempt(partial(_pinned_name, annotation), "")
        yield name, _content(annotation.get_file)


def _pinned_name(annotation: Any) -> str:
    return annotation.file_info.get("filename") or ""


def _content(read: Callable[[], bytes]) -> bytes | None:
    """Return the content of a file: empty if it is damaged, None if MuPDF says that it is far too large."""

    def unpacked() -> bytes | None:
        try:
            return read()
        except Exception as error:
            if _BOMB in str(error):
                return None
            raise

    damaged: bytes | None = b""
    return _attempt(unpacked, damaged)


def _attempt(read: Callable[[], _T], otherwise: _T) -> _T:
    """Return what `read` returns, or `otherwise` if the PDF is damaged there: MuPDF raises several kinds of errors."""
    try:
        return read()
    except Exception as error:
        if is_out_of_memory(error):
            raise
        return otherwise
