"""The child process that opens untrusted files: `python -m rag.extract.child CONFIG`.

It reads requests from standard input and writes replies to standard output (`protocol`).
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

from rag.errors import MagpieError, Unreadable
from rag.extract import limits
from rag.extract.attachments import extract_attachments
from rag.extract.convert.details import NO_DETAILS, with_notes, with_texts
from rag.extract.convert.libreoffice import office_files
from rag.extract.file_types import CONVERTED, PICTURES, SHEETS, detect_media_type
from rag.extract.protocol import CHILD_CONFIG, REPLY, REQUEST, ChildConfig, ExtractionReply, Request, shorten
from rag.model.extraction import ExtractedPage, Inspection, TextSource
from rag.sandbox import Restrictions, confinement_gap, restrict, runtime_files
from rag.sandbox.launch import package_folder
from rag.scripts import model_folders

if TYPE_CHECKING:
    from rag.extract.layout.analysis import Layout
    from rag.extract.ocr import TextRecognizer


class _PictureNotWritten(Exception):
    """A picture could not be written to the output folder; the page itself may be fine."""


class FormatExtractor(Protocol):
    """Extracts the pages of one kind of file; implemented by PdfExtractor, PictureExtractor and SheetExtractor."""

    def inspect(self, path: Path, media_type: str, /) -> Inspection: ...

    def open_pages(
        self, path: Path, media_type: str, into: Path, /
    ) -> AbstractContextManager[Callable[[int], ExtractedPage]]: ...

    def text_layer(self, path: Path, media_type: str, number: int, /) -> ExtractedPage: ...

    def draw_region(self, path: Path, media_type: str, request: Request, into: Path, /) -> ExtractedPage: ...


class RequestHandler:
    """Handles requests with libraries that are loaded once; writes replies to `out`.

    The models for layout and OCR take seconds to load; pages can be extracted after `load_models`.
    """

    def __init__(self, config: ChildConfig, out: BinaryIO) -> None:
        from rag.extract.convert.to_pdf import PdfConverter
        from rag.extract.mupdf import load_pymupdf
        from rag.extract.sheet import SheetExtractor

        self._config = config
        self._settings = config.settings
        self._out = out
        self._pymupdf = load_pymupdf()
        self._set_models(None, None)
        self._sheet = SheetExtractor(self._pymupdf, config.settings)
        self._converter = PdfConverter(self._pymupdf, config.settings, config.work_folder)
        self._pictures = config.picture_folder

    def _set_models(self, layout: Layout | None, ocr: TextRecognizer | None) -> None:
        from rag.extract.pdf import PdfExtractor
        from rag.extract.picture import PictureExtractor

        self._pdf = PdfExtractor(self._pymupdf, self._settings, layout, ocr)
        self._picture = PictureExtractor(self._settings, layout, ocr)

    def load_models(self) -> str:
        """Load the models for layout and OCR; return why layout analysis does not work. Raise whatever they raise."""
        from rag.extract.layout.analysis import open_layout
        from rag.extract.ocr import TextRecognizer

        ocr = None
        if self._config.ocr is not None and self._settings.ocr:
            ocr = TextRecognizer(self._config.ocr, self._config.threads, self._config.work_folder)
            ocr.open()
        layout, problem = None, ""
        if self._settings.layout:
            layout, problem = open_layout(self._pymupdf, self._config.threads)
        self._set_models(layout, ocr)
        return problem

    def handle(self, request: Request) -> None:
        """Send the replies to one request. Raise MemoryError if memory runs out."""
        limits.set_alarm(self._settings.page_seconds)
        path = Path(request.path)
        try:
            media_type = detect_media_type(path, self._settings)
            if request.kind == "attachments":
                found = extract_attachments(path, media_type, self._pymupdf, self._settings, self._pictures)
                send(self._out, ExtractionReply("attachments", attachments=found))
                return
            extractor = self._extractor(media_type)
            details = NO_DETAILS
            if media_type in CONVERTED:
                path, details = self._converter.to_pdf(path, media_type, self._announce_conversion)
                limits.set_alarm(self._settings.page_seconds)
            if request.kind == "inspect":
                inspection = with_notes(extractor.inspect(path, media_type), details)
                send(self._out, ExtractionReply("inspection", inspection=inspection))
                return
            if request.kind == "text":
                send(self._out, ExtractionReply("page", page=extractor.text_layer(path, media_type, request.first)))
                return
            if request.kind == "region":
                page = extractor.draw_region(path, media_type, request, self._pictures)
                send(self._out, ExtractionReply("page", page=page))
                return
            if request.kind == "skim":
                self._skim(path, request)
                return
            with extractor.open_pages(path, media_type, self._pictures) as extract:
                for number in range(request.first, request.last + 1):
                    limits.set_alarm(self._settings.page_seconds)
                    page = with_texts(_extract_page(extract, number), details)
                    send(self._out, ExtractionReply("page", page=page))
                    limits.release_memory()
            send(self._out, ExtractionReply("done"))
        except _PictureNotWritten as error:
            message = f"A page's picture could not be written: {error}"
            hint = "Check the free space of the temporary folder."
            send(self._out, ExtractionReply("failed", message=shorten(message), hint=hint))
        except (Unreadable, OSError) as error:
            hint = error.hint if isinstance(error, Unreadable) else "Share it again."
            message = str(error) if isinstance(error, Unreadable) else f"The file can't be opened: {error.strerror}."
            send(self._out, ExtractionReply("unreadable", message=shorten(message), hint=shorten(hint)))
        except Exception as error:  # parsers raise anything on malformed files
            if limits.is_out_of_memory(error):
                raise MemoryError from error
            sys.excepthook(type(error), error, error.__traceback__)
            message, hint = "The file is damaged and can't be opened.", "Save it again with another program."
            send(self._out, ExtractionReply("unreadable", message=message, hint=hint))
        finally:
            limits.set_alarm(0)

    def _skim(self, path: Path, request: Request) -> None:
        with self._pdf.open_skim(path) as skim:
            for number in range(request.first, request.last + 1):
                limits.set_alarm(self._settings.page_seconds)
                send(self._out, ExtractionReply("page", page=_extract_page(skim, number)))
        limits.release_memory()
        send(self._out, ExtractionReply("done"))

    def _extractor(self, media_type: str) -> FormatExtractor:
        if media_type in PICTURES:
            return self._picture
        return self._sheet if media_type in SHEETS else self._pdf

    def _announce_conversion(self) -> None:
        """Tell the parent that the file is being converted to PDF, which has its own time limit."""
        limits.set_alarm(self._settings.convert_seconds)
        send(self._out, ExtractionReply("converting"))


def _extract_page(extract: Callable[[int], ExtractedPage], number: int) -> ExtractedPage:
    """Return the page, or a failed page with the reason, so that the file's other pages are still extracted."""
    try:
        return extract(number)
    except Unreadable as error:
        reason = str(error)
    except Exception as error:  # parsers raise anything on malformed pages
        if limits.is_out_of_memory(error):
            raise MemoryError from error
        if isinstance(error, OSError) and error.errno is not None:  # image decoders raise OSError without errno
            raise _PictureNotWritten(error.strerror) from error
        sys.excepthook(type(error), error, error.__traceback__)
        reason = "This page couldn't be read: its content is damaged."
    return failed_page(number, reason)


def failed_page(number: int, reason: str) -> ExtractedPage:
    """Return an empty page that states why its extraction failed."""
    return ExtractedPage(number, None, 0, 0, TextSource.NONE, (), None, shorten(reason))


def confine(config: ChildConfig) -> None:
    """Restrict this process and its future children: no network, and only the files they need.

    On systems without support for this, files are still extracted, in a process that holds no secrets; LibreOffice is
    not used (`libreoffice_gap`). Raise OSError if the kernel refuses.
    """
    if confinement_gap() is not None:
        return
    if config.ocr is not None:
        # Imported now: in a checkout, its parent folder can't be listed after the restrictions apply.
        importlib.import_module(_package(config.ocr))
    restrict(child_restrictions(config))


def child_restrictions(config: ChildConfig) -> Restrictions:
    """Return the child's restrictions: it reads programs and the input folder, and writes to two folders of its own."""
    packages = [package_folder()]
    if config.ocr is not None and (found := importlib.util.find_spec(_package(config.ocr))) is not None:
        packages += map(Path, found.submodule_search_locations or [found.origin or ""])
    programs = [*office_files(config.settings.office), *model_folders()]
    readable = runtime_files([*packages, *programs, config.input_folder])
    return Restrictions(readable, (str(config.picture_folder), str(config.work_folder)))


def _package(factory: str) -> str:
    """Return the top-level package of a path like `package.module:function`."""
    return factory.partition(":")[0].partition(".")[0]


def send(out: BinaryIO, reply: ExtractionReply) -> None:
    out.write(REPLY.dump_json(reply) + b"\n")
    out.flush()


def _load_models(handler: RequestHandler) -> ExtractionReply:
    try:
        return ExtractionReply("ready", message=shorten(handler.load_models()))
    except Exception as error:  # noqa: BLE001 - report any missing or broken library to the operator
        return _failure(error)


def _failure(error: Exception) -> ExtractionReply:
    """Return the reply that the child can't work on this machine, and print the traceback for the log."""
    sys.excepthook(type(error), error, error.__traceback__)
    reason = str(error) if isinstance(error, MagpieError) else f"{type(error).__name__}: {error}"
    return ExtractionReply("failed", message=shorten(reason.rstrip(".")))


def main() -> None:
    """Handle requests until standard input ends. Output that libraries print goes to standard error."""
    config = CHILD_CONFIG.validate_json(sys.argv[1])
    limits.die_with_parent(config.parent)
    limits.limit_memory(config.settings.memory_mb)
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    requests = os.fdopen(os.dup(0), "rb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    try:
        confine(config)
        handler = RequestHandler(config, out)
    except Exception as error:  # noqa: BLE001 - report any missing or broken library to the operator
        send(out, _failure(error))
        sys.exit(1)
    send(out, ExtractionReply("ready"))
    for line in requests:
        try:
            request = REQUEST.validate_json(line)
            if request.kind == "load":
                send(out, _load_models(handler))
            else:
                handler.handle(request)
        except MemoryError:
            send(out, ExtractionReply("memory"))
            os._exit(1)  # the process may be in an inconsistent state


if __name__ == "__main__":
    main()
