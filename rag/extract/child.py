"""The reading process: `python -m rag.extract.child START`, requests on standard input, replies on standard output."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO, Protocol

from rag.errors import MagpieError, Unreadable
from rag.extract import limits
from rag.extract.convert.libreoffice import office_files
from rag.extract.file_types import CONVERTED, PICTURES, sniff
from rag.extract.protocol import REPLY, REQUEST, START, Reply, Request, Start, short
from rag.model import Inspection, PageReading, TextSource
from rag.sandbox import Restrictions, confinement_gap, restrict, runtime_files
from rag.sandbox.launch import package_folder


class _Unwritten(Exception):
    """The folder for pictures refuses them: nothing is wrong with the page."""


class Source(Protocol):
    """A kind of file; PdfPages and PicturePages satisfy it."""

    def inspect(self, path: Path, media_type: str, /) -> Inspection: ...

    def opened(
        self, path: Path, media_type: str, into: Path, /
    ) -> AbstractContextManager[Callable[[int], PageReading]]: ...


class Worker:
    """Answers requests with the libraries loaded once. `out` takes the replies."""

    def __init__(self, start: Start, out: BinaryIO) -> None:
        from rag.extract.convert.to_pdf import Converter
        from rag.extract.layout.analysis import Layout, load_pymupdf
        from rag.extract.ocr import Recogniser
        from rag.extract.pdf import PdfPages
        from rag.extract.picture import PicturePages

        self._settings = start.settings
        self._out = out
        ocr = None
        if start.ocr is not None and start.settings.ocr:
            ocr = Recogniser(start.ocr, start.threads, start.work)
            ocr.open()
        pymupdf = load_pymupdf(start.threads)
        layout = Layout(pymupdf, start.threads) if start.settings.layout else None
        self._pdf = PdfPages(pymupdf, start.settings, layout, ocr)
        self._picture = PicturePages(start.settings, layout, ocr)
        self._converter = Converter(pymupdf, start.settings, start.work)
        self._made = start.made

    def answer(self, request: Request) -> None:
        """Reply to one request. MemoryError goes through."""
        limits.alarm(self._settings.page_seconds)
        path = Path(request.path)
        try:
            media_type = sniff(path, self._settings)
            source: Source = self._picture if media_type in PICTURES else self._pdf
            if media_type in CONVERTED:
                path = self._converter.pdf(path, media_type, self._converting)
                limits.alarm(self._settings.page_seconds)
            if request.kind == "inspect":
                send(self._out, Reply("inspection", inspection=source.inspect(path, media_type)))
                return
            with source.opened(path, media_type, self._made) as read:
                for number in range(request.first, request.last + 1):
                    limits.alarm(self._settings.page_seconds)
                    send(self._out, Reply("page", page=_page(read, number)))
                    limits.give_back_memory()
            send(self._out, Reply("done"))
        except _Unwritten as error:
            message = f"A page's picture could not be written: {error}"
            send(self._out, Reply("failed", message=short(message), hint="Check the disk of the temporary folder."))
        except (Unreadable, OSError) as error:
            hint = error.hint if isinstance(error, Unreadable) else "Share it again."
            message = str(error) if isinstance(error, Unreadable) else f"The file cannot be opened: {error.strerror}."
            send(self._out, Reply("unreadable", message=short(message), hint=short(hint)))
        except Exception as error:  # whatever a parser raises over a file that is not what it says
            if limits.out_of_memory(error):
                raise MemoryError from error
            sys.excepthook(type(error), error, error.__traceback__)
            message, hint = "The file is damaged and cannot be opened.", "Save it again with another program."
            send(self._out, Reply("unreadable", message=message, hint=hint))
        finally:
            limits.alarm(0)

    def _converting(self) -> None:
        """Ask for the time that making a PDF may take."""
        limits.alarm(self._settings.convert_seconds)
        send(self._out, Reply("converting"))


def _page(read: Callable[[int], PageReading], number: int) -> PageReading:
    """The page, or a page that says why it could not be read: the others of its file still can."""
    try:
        return read(number)
    except Unreadable as error:
        reason = str(error)
    except Exception as error:  # whatever a parser raises over one page's content
        if limits.out_of_memory(error):
            raise MemoryError from error
        if isinstance(error, OSError) and error.errno is not None:  # decoders raise OSError, too, but without a number
            raise _Unwritten(error.strerror) from error
        sys.excepthook(type(error), error, error.__traceback__)
        reason = "This page could not be read: its content is damaged."
    return failed_page(number, reason)


def failed_page(number: int, reason: str) -> PageReading:
    """A page that counts, and holds nothing but the reason."""
    return PageReading(number, None, 0, 0, TextSource.NONE, (), None, short(reason))


def confine(start: Start) -> None:
    """Keep this process, and all it starts, from the network and from files other than its own.

    Where the system cannot do that, PDFs, pictures and texts are read all the same, in a process that holds no
    secrets; office documents are not (`office_to_pdf`). Raise OSError if the kernel refuses.
    """
    if confinement_gap() is not None:
        return
    if start.ocr is not None:
        # Found now: in a checkout, the folder that holds it may not be searched any more.
        importlib.import_module(_package(start.ocr))
    restrict(reader_walls(start))


def reader_walls(start: Start) -> Restrictions:
    """Return what the reading process may use: programs, the document that is laid before it, and its two folders."""
    packages = [package_folder()]
    if start.ocr is not None and (found := importlib.util.find_spec(_package(start.ocr))) is not None:
        packages += map(Path, found.submodule_search_locations or [found.origin or ""])
    readable = runtime_files([*packages, *office_files(start.settings.office), start.given])
    return Restrictions(readable, (str(start.made), str(start.work)))


def _package(factory: str) -> str:
    """The topmost package or module of a dotted path like `package.module:function`."""
    return factory.partition(":")[0].partition(".")[0]


def send(out: BinaryIO, reply: Reply) -> None:
    out.write(REPLY.dump_json(reply) + b"\n")
    out.flush()


def main() -> None:
    """Serve until standard input ends. Libraries that print do so to standard error."""
    start = START.validate_json(sys.argv[1])
    limits.die_with_parent(start.parent)
    limits.bound_memory(start.settings.memory_mb)
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    requests = os.fdopen(os.dup(0), "rb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    try:
        confine(start)
        worker = Worker(start, out)
    except Exception as error:  # noqa: BLE001 - a library that is missing or broken is told to the operator
        sys.excepthook(type(error), error, error.__traceback__)
        said = str(error) if isinstance(error, MagpieError) else f"{type(error).__name__}: {error}"
        send(out, Reply("failed", message=short(said.rstrip("."))))
        sys.exit(1)
    send(out, Reply("ready"))
    for line in requests:
        try:
            worker.answer(REQUEST.validate_json(line))
        except MemoryError:
            send(out, Reply("memory"))
            os._exit(1)  # what is left of the process is not worth trusting


if __name__ == "__main__":
    main()
