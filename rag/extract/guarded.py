"""The port Reader: pages read in a child process that may hang, starve or die without taking anything with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rag.errors import ReaderStopped, Unreadable
from rag.extract.child import failed_page
from rag.extract.child_process import Child, ChildStopped, Why
from rag.extract.protocol import Reply, Request, checked_inspection, checked_page, short
from rag.model import Inspection, PageReading
from rag.settings import ReadSettings

_VERSION = "2"
"""Raised when the same bytes would be read differently by other code."""


class GuardedReader:
    """Satisfies ports.Reader with one child process, started when first needed and kept.

    `ocr` is the dotted path of a function from a number of threads to an Ocr, `package.module:function`, imported
    by the child; None reads without recognition.
    """

    def __init__(self, settings: ReadSettings, ocr: str | None, threads: int = 1) -> None:
        recognises = settings.ocr and ocr is not None
        parts = [_VERSION, *(["ocr"] if recognises else []), *(["layout"] if settings.layout else [])]
        self.version = "-".join([*parts, f"{settings.render_px}px"])
        self._settings = settings
        self._ocr = ocr if recognises else None
        self._threads = threads
        self._child: Child | None = None
        self._closed = False

    @property
    def pid(self) -> int | None:
        """The child's process, while there is one."""
        return self._child.pid if self._child else None

    def inspect(self, path: Path) -> Inspection:
        """As the port; a file that kills the child is Unreadable too."""
        try:
            with self._asking(), self._laid_before(path) as (child, given):
                child.send(Request("inspect", given))
                return checked_inspection(self._first(child), self._settings)
        except (ChildStopped, ValueError, OSError) as error:
            if self._closed:
                raise _closed() from None
            why = error.why if isinstance(error, ChildStopped) else Why.CRASH
            raise Unreadable(
                f"The file could not be opened: {self._sentence(why)}.", "Save it again with another program."
            ) from error

    def read(self, path: Path, first: int, last: int, into: Path) -> list[PageReading]:
        """As the port. A page that kills the child is tried once more in a new one, unless it ran out of time."""
        pages: list[PageReading] = []
        tried = 0
        while (number := first + len(pages)) <= last:
            try:
                with self._asking(), self._laid_before(path) as (child, given):
                    for page in self._stream(child, Request("read", given, number, last), into):
                        pages.append(page)
            except (ChildStopped, ValueError, OSError) as error:
                if self._closed:  # ended from outside, and no fault of the page
                    raise _closed() from None
                why = error.why if isinstance(error, ChildStopped) else Why.CRASH
                number = first + len(pages)
                if why is Why.TIME or tried == number:
                    pages.append(failed_page(number, f"This page could not be read: {self._sentence(why)}."))
                tried = number
        return pages

    def close(self) -> None:
        """End the child for good, also while another thread waits for it: that one gets ReaderStopped."""
        self._closed = True
        self._end()

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.kill()

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """End the child when the talk breaks off, whatever the reason: its next reply would be to the last request."""
        try:
            yield
        except (Unreadable, ReaderStopped):
            raise
        except BaseException:
            self._end()
            raise

    def _stream(self, child: Child, request: Request, into: Path) -> Iterator[PageReading]:
        child.send(request)
        for number in range(request.first, request.last + 1):
            first = number == request.first
            reply = self._first(child) if first else _refused(child.receive(self._settings.page_seconds))
            page = checked_page(reply, number, child.made)
            for name in filter(None, (page.render, *(block.picture for block in page.blocks))):
                _take(child, name, into)
            yield page
        child.receive(self._settings.page_seconds)  # done

    def _first(self, child: Child) -> Reply:
        """The first reply that matters; a file that is made into a PDF before gets the time for it.

        Whatever ends the child meanwhile is the file's fault as a whole, and no page's.
        """
        reply = _refused(child.receive(self._settings.page_seconds))
        if reply.kind != "converting":
            return reply
        seconds = self._settings.convert_seconds + self._settings.page_seconds
        try:
            return _refused(child.receive(seconds))
        except ChildStopped as stopped:
            self._end()
            if self._closed:
                raise _closed() from None
            said = f"it ran past {seconds:g} s" if stopped.why is Why.TIME else self._sentence(stopped.why)
            raise Unreadable(f"The file could not be made into pages: {said}.", "Export it as a PDF.") from stopped

    @contextmanager
    def _laid_before(self, path: Path) -> Iterator[tuple[Child, str]]:
        """The child, a new one if the old died meanwhile, and the file under the name it has for the child."""
        if self._closed:
            raise _closed()
        if self._child is not None and not self._child.alive:
            self._end()
        if self._child is None:
            self._child = Child(self._settings, self._ocr, self._threads)
        child = self._child
        with ExitStack() as stack:
            try:
                given = stack.enter_context(child.given(path))
            except OSError as error:
                raise Unreadable(
                    f"The file cannot be opened: {error.strerror}.", "Check that it is still there and may be read."
                ) from error
            yield child, given

    def _sentence(self, why: Why) -> str:
        return {
            Why.TIME: f"it ran past {self._settings.page_seconds:g} s",
            Why.MEMORY: f"it needed more than {self._settings.memory_mb} MB of memory",
            Why.CRASH: "it stopped the reader",
        }[why]


def _take(child: Child, name: str, into: Path) -> None:
    try:
        child.take(name, into)
    except OSError as error:
        raise ReaderStopped(
            f"A page's picture could not be written: {error.strerror}.", "Check the disk of the data folder."
        ) from error


def _closed() -> ReaderStopped:
    return ReaderStopped("The reader was closed.", "Ask again: reading goes on where it stopped.")


def _refused(reply: Reply) -> Reply:
    """The reply, unless it refuses the file. Raise Unreadable or ReaderStopped."""
    if reply.kind == "unreadable":
        raise Unreadable(short(reply.message), short(reply.hint))
    if reply.kind == "failed":
        raise ReaderStopped(f"{short(reply.message)}.", short(reply.hint))
    return reply
