"""Page extraction in a child process, which may hang, run out of memory or crash without other damage."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from rag.errors import ExtractorStopped, Unreadable
from rag.extract.attachments import CONTAINERS
from rag.extract.child import failed_page
from rag.extract.child_process import ChildProcess, ChildStopped, StopReason
from rag.extract.file_types import PICTURES, SHEETS
from rag.extract.protocol import (
    ExtractionReply,
    Request,
    shorten,
    validate_attachments,
    validate_inspection,
    validate_page,
)
from rag.model.extraction import Attachments, Box, ExtractedPage, Inspection, Note
from rag.setting_groups import ReadSettings

_VERSION = "4"
"""Incremented when changed code extracts different pages from the same bytes."""


class GuardedExtractor:
    """Implements ports.Reader with one child process, which is started on first use and kept.

    `ocr` is the path (`package.module:function`) of a function that takes a number of threads and returns an Ocr; the
    child imports it. With None, no OCR is done.
    """

    def __init__(self, settings: ReadSettings, ocr: str | None, threads: int = 1) -> None:
        uses_ocr = settings.ocr and ocr is not None
        parts = [_VERSION, *(["ocr"] if uses_ocr else []), *(["layout"] if settings.layout else [])]
        self.version = "-".join([*parts, f"{settings.render_px}px"])
        self._settings = settings
        self._ocr = ocr if uses_ocr else None
        self._threads = threads
        self._child: ChildProcess | None = None
        self._closed = False

    @property
    def pid(self) -> int | None:
        """The child's PID; None while no child is running."""
        return self._child.pid if self._child else None

    def inspect(self, path: Path) -> Inspection:
        """Inspect a file as the port describes; raise Unreadable also if the file crashes the child."""
        try:
            with self._kill_on_error(), self._child_with_input(path) as (child, copy):
                child.send(Request("inspect", copy))
                return validate_inspection(self._receive_first(child), self._settings)
        except (ChildStopped, ValueError, OSError) as error:
            if self._closed:
                raise _closed() from None
            reason = error.reason if isinstance(error, ChildStopped) else StopReason.CRASH
            raise Unreadable(
                f"The file couldn't be opened: {self._describe(reason)}.", "Save it again with another program."
            ) from error

    def attachments(self, path: Path, media_type: str, into: Path) -> Attachments:
        """Extract the files inside a file as the port describes. If that fails, return a note that says why."""
        if media_type not in CONTAINERS or not self._settings.max_attachments:
            return Attachments()
        bytes_left = self._settings.max_attachments_mb << 20
        try:
            with self._kill_on_error(), self._child_with_input(path) as (child, copy):
                child.send(Request("attachments", copy))
                found = validate_attachments(self._receive_first(child), self._settings)
                for attached in found.files:
                    bytes_left -= child.move_attachment(attached.file, into, bytes_left)
            return found
        except (ChildStopped, ValueError, Unreadable) as error:
            if self._closed:
                raise _closed() from None
            text = f"The files inside of it couldn't be read{self._cause(error)} Share them as files."
            return Attachments((), (Note(shorten(text), lost=True),))

    def skim(self, path: Path, media_type: str, first: int, last: int) -> Generator[ExtractedPage, None, None]:
        """Skim pages as the port describes. If the file crashes or hangs the child, skim no further pages."""
        if media_type in PICTURES or media_type in SHEETS:
            return
        try:
            with self._kill_on_error(), self._child_with_input(path) as (child, copy):
                yield from self._stream_pages(child, Request("skim", copy, first, last))
        except (ChildStopped, ValueError, OSError):
            if self._closed:
                raise _closed() from None

    def extract(self, path: Path, first: int, last: int, into: Path) -> list[ExtractedPage]:
        """Extract pages as the port describes. Retry a page that crashes the child once, except after a timeout.

        A page that fails keeps its text layer, if that can be read without drawing the page.
        """
        pages = self._extract_pages(path, first, last, into)
        return [page if page.error is None else self._with_text_layer(path, page) for page in pages]

    def _extract_pages(self, path: Path, first: int, last: int, into: Path) -> list[ExtractedPage]:
        pages: list[ExtractedPage] = []
        retried = 0
        while (number := first + len(pages)) <= last:
            try:
                with self._kill_on_error(), self._child_with_input(path) as (child, copy):
                    self._load_models(child)
                    for page in self._stream_pages(child, Request("extract", copy, number, last)):
                        for name in filter(None, (page.render, *(block.picture for block in page.blocks))):
                            _move_picture(child, name, into)
                        pages.append(page)
            except (ChildStopped, ValueError, OSError) as error:
                if self._closed:  # killed by close(), not by the page
                    raise _closed() from None
                reason = error.reason if isinstance(error, ChildStopped) else StopReason.CRASH
                number = first + len(pages)
                if reason is StopReason.TIME or retried == number:
                    pages.append(failed_page(number, f"This page couldn't be read: {self._describe(reason)}."))
                retried = number
        return pages

    def _with_text_layer(self, path: Path, failed: ExtractedPage) -> ExtractedPage:
        """Return a page that failed with the words of its text layer; unchanged if it has none or fails once more."""
        try:
            with self._kill_on_error(), self._child_with_input(path) as (child, copy):
                child.send(Request("text", copy, failed.number, failed.number))
                page = validate_page(self._receive_first(child), failed.number, child.picture_folder)
        except (ChildStopped, ValueError, OSError, Unreadable):
            if self._closed:
                raise _closed() from None
            return failed
        if not page.blocks:
            return failed
        return replace(page, error=shorten(f"{failed.error} Only the words of its text layer can be found."))

    def draw_region(self, path: Path, number: int, region: Box, width: int, turn: int, into: Path) -> Path:
        """Draw a part of a page as the port describes."""
        try:
            with self._kill_on_error(), self._child_with_input(path) as (child, copy):
                child.send(Request("region", copy, number, number, region, width, turn))
                page = validate_page(self._receive_first(child), number, child.picture_folder)
                if page.render is None:
                    raise ValueError("the reply has no picture")
                _move_picture(child, page.render, into)
                return into / page.render
        except (ChildStopped, ValueError, OSError) as error:
            if self._closed:
                raise _closed() from None
            raise Unreadable("The page couldn't be drawn again.") from error

    def close(self) -> None:
        """Kill the child permanently. A thread that is waiting for it gets ExtractorStopped."""
        self._closed = True
        self._kill()

    def _kill(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.kill()

    @contextmanager
    def _kill_on_error(self) -> Iterator[None]:
        """Kill the child if a request is interrupted: its next reply would belong to that request."""
        try:
            yield
        except (Unreadable, ExtractorStopped):
            raise
        except BaseException:
            self._kill()
            raise

    def _stream_pages(self, child: ChildProcess, request: Request) -> Iterator[ExtractedPage]:
        child.send(request)
        for number in range(request.first, request.last + 1):
            is_first = number == request.first
            reply = self._receive_first(child) if is_first else _accepted(child.receive(self._settings.page_seconds))
            yield validate_page(reply, number, child.picture_folder)
        child.receive(self._settings.page_seconds)  # the reply "done"

    def _receive_first(self, child: ChildProcess) -> ExtractionReply:
        """Return the first reply after "converting", if that is sent; a conversion gets its own time limit.

        If the child ends during a conversion, the whole file is Unreadable, not only a page.
        """
        reply = _accepted(child.receive(self._settings.page_seconds))
        if reply.kind != "converting":
            return reply
        seconds = self._settings.convert_seconds + self._settings.page_seconds
        try:
            return _accepted(child.receive(seconds))
        except ChildStopped as stopped:
            self._kill()
            if self._closed:
                raise _closed() from None
            timed_out = stopped.reason is StopReason.TIME
            cause = f"it took longer than {seconds:g} s" if timed_out else self._describe(stopped.reason)
            raise Unreadable(f"The file couldn't be converted to PDF: {cause}.", "Export it as a PDF.") from stopped

    def load_models(self) -> str:
        """Start the process and load its models as the port describes."""
        child = self._running_child()
        self._load_models(child)
        return child.layout_problem

    def _load_models(self, child: ChildProcess) -> None:
        try:
            child.load_models()
        except ExtractorStopped:  # it was killed
            self._child = None
            raise

    def _running_child(self) -> ChildProcess:
        if self._closed:
            raise _closed()
        if self._child is not None and not self._child.is_alive:
            self._kill()
        if self._child is None:
            self._child = ChildProcess(self._settings, self._ocr, self._threads)
        return self._child

    @contextmanager
    def _child_with_input(self, path: Path) -> Iterator[tuple[ChildProcess, str]]:
        """Yield a running child and the path of the file's copy in the child's input folder."""
        child = self._running_child()
        with ExitStack() as stack:
            try:
                copy = stack.enter_context(child.input_copy(path))
            except OSError as error:
                raise Unreadable(
                    f"The file can't be opened: {error.strerror}.", "Check that it still exists and can be read."
                ) from error
            yield child, copy

    def _cause(self, error: ChildStopped | ValueError | Unreadable) -> str:
        """Return why a request failed, as the end of a sentence that is about what failed."""
        if isinstance(error, Unreadable):
            return f". {error}"
        return f": {self._describe(error.reason if isinstance(error, ChildStopped) else StopReason.CRASH)}."

    def _describe(self, reason: StopReason) -> str:
        return {
            StopReason.TIME: f"it took longer than {self._settings.page_seconds:g} s",
            StopReason.MEMORY: f"it needed more than {self._settings.memory_mb} MB of memory",
            StopReason.CRASH: "it crashed the extraction process",
        }[reason]


def _move_picture(child: ChildProcess, name: str, into: Path) -> None:
    try:
        child.move_picture(name, into)
    except OSError as error:
        raise ExtractorStopped(
            f"A page's picture could not be written: {error.strerror}.", "Check the free space of the data folder."
        ) from error


def _closed() -> ExtractorStopped:
    return ExtractorStopped("Extraction was stopped.", "Try again: it continues where it stopped.")


def _accepted(reply: ExtractionReply) -> ExtractionReply:
    """Return the reply. Raise Unreadable or ExtractorStopped if it is a refusal."""
    if reply.kind == "unreadable":
        raise Unreadable(shorten(reply.message), shorten(reply.hint))
    if reply.kind == "failed":
        raise ExtractorStopped(f"{shorten(reply.message)}.", shorten(reply.hint))
    return reply
