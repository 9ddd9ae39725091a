"""Work off what waits: fetch bytes, read them in ranges, write pages, chunks and words.

Each worker thread has a reader of its own and loops over the catalog's states; nothing is queued in
memory, so whatever stops the process is resumed from the last range that was written.
"""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path

from sqlalchemy import exists, or_, select

from rag.catalog import Catalog, documents, sources
from rag.catalog.tables import reading, source
from rag.chunk import chunk_pages
from rag.errors import TryAgain, Unreadable
from rag.model import PageReading, TextSource
from rag.ports import Reader, WordIndex
from rag.settings import ReadSettings

RANGE = 8
"""Pages read and written at a time."""

_COPY_BLOCK = 1 << 20
_IDLE_WAIT = 0.2
_RETRY = 0.5
"""Seconds before the first retry, doubled each time: what stopped a reader is rarely over at once."""


class Ingest:
    """The reading side of an owner. `run_id` marks its claims; set `stop` to end between two ranges."""

    def __init__(
        self,
        catalog: Catalog,
        words: WordIndex,
        data: Path,
        settings: ReadSettings,
        run_id: str,
        version: str,
    ) -> None:
        self._catalog = catalog
        self._words = words
        self._data = data
        self._settings = settings
        self._run = run_id
        self._version = version
        self.stop = threading.Event()
        for folder in (self._data / "files", self._data / "pictures"):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for leftover in (self._data / "files").glob("tmp-*"):  # of a run that died
            leftover.unlink()

    def work(self, reader: Reader) -> None:
        """Fetch and read until nothing can be claimed and nobody is about to make new work."""
        while not self.stop.is_set():
            if self.fetch_one() or self.read_one(reader):
                continue
            if not self.anything_waits(fetching_counts=True):
                return
            self.stop.wait(_IDLE_WAIT)

    def anything_waits(self, *, fetching_counts: bool = False) -> bool:
        """Whether a source or a shared document's reading waits to be claimed, now or after its back-off."""
        states = ["waiting", "fetching"] if fetching_counts else ["waiting"]
        with self._catalog.reading() as connection:
            return bool(
                connection.scalar(
                    select(
                        or_(
                            exists().where(source.c.state.in_(states)),
                            exists().where(reading.c.state == "waiting", documents.shared(reading.c.document_id)),
                        )
                    )
                )
            )

    # ------------------------------------------------------------ bytes

    def fetch_one(self) -> bool:
        """Claim a source and find out its bytes; False when none waits."""
        with self._catalog.writing() as connection:
            claimed = sources.claim_source(connection, self._run)
        if claimed is None:
            return False
        if claimed.attempts > sources.ATTEMPTS:
            self._fail_source(claimed.id, "It could not be fetched in three attempts.", "Share or index it again.")
            return True
        try:
            self._take_in(claimed)
        except Unreadable as error:
            self._fail_source(claimed.id, str(error), error.hint)
            return True
        except OSError as error:
            if error.filename is not None and not Path(claimed.ref).exists():
                self._fail_source(claimed.id, "The file is no longer there.", "Index its new place.")
            elif isinstance(error, PermissionError) or claimed.attempts == sources.ATTEMPTS:
                self._fail_source(
                    claimed.id, f"The file could not be copied: {error.strerror}.", "Mend this, and retry."
                )
            else:
                with self._catalog.writing() as connection:
                    sources.release_source(connection, claimed.id, wait=_RETRY * 2**claimed.attempts)
        return True

    def _fail_source(self, source_id: int, reason: str, hint: str) -> None:
        with self._catalog.writing() as connection:
            sources.fail_source(connection, source_id, reason, hint)

    def _take_in(self, claimed: sources.SourceRow) -> None:
        """Copy a file into the data folder under the name of its hash, and know its document from then on.

        Hashed while it is copied, so that name and content agree even if the file changes meanwhile.
        """
        path = Path(claimed.ref)
        stat = path.stat()
        if stat.st_size == 0:
            raise Unreadable("The file is empty.", "Export or download it again.")
        if stat.st_size > self._settings.max_mb << 20:
            raise Unreadable(
                f"The file has {stat.st_size >> 20} MB; the limit is {self._settings.max_mb} MB.",
                "Split it, or raise read.max_mb.",
            )
        digest = hashlib.sha256()
        copy = self._data / "files" / f"tmp-{threading.get_ident()}"
        try:
            with path.open("rb") as origin, copy.open("wb") as out:
                while block := origin.read(_COPY_BLOCK):
                    digest.update(block)
                    out.write(block)
            size = copy.stat().st_size
            # Inside the transaction, as is the wiping of files: neither can come between the other's steps.
            with self._catalog.writing() as connection:
                os.replace(copy, self._data / "files" / digest.hexdigest())
                document_id = documents.put_document(connection, digest.hexdigest(), size, self._version)
                sources.finish_source(connection, claimed, document_id, mtime_ns=stat.st_mtime_ns, size=size)
        finally:
            copy.unlink(missing_ok=True)

    # ------------------------------------------------------------ pages

    def read_one(self, reader: Reader) -> bool:
        """Claim a reading and take it as far as it goes; False when none waits."""
        with self._catalog.writing() as connection:
            row = documents.claim_reading(connection, self._run)
        if row is None:
            return False
        try:
            self._read(reader, row)
        except Unreadable as error:
            self._fail_reading(row, str(error), error.hint)
        except TryAgain as error:
            if self.stop.is_set():  # stopped from outside, and no fault of the file
                with self._catalog.writing() as connection:
                    documents.release_reading(connection, row.id, wait=0)
            elif row.attempts >= sources.ATTEMPTS:
                self._fail_reading(row, str(error), error.hint or "Share or index it again.")
            else:
                with self._catalog.writing() as connection:
                    documents.release_reading(connection, row.id, wait=_RETRY * 2**row.attempts)
        return True

    def _fail_reading(self, row: documents.ReadingRow, reason: str, hint: str) -> None:
        with self._catalog.writing() as connection:
            documents.fail_reading(connection, row.id, reason, hint)

    def _read(self, reader: Reader, row: documents.ReadingRow) -> None:
        path = self._data / "files" / row.sha256
        inspection = reader.inspect(path)
        with self._catalog.writing() as connection:
            documents.begin_pages(connection, row, inspection.media_type, inspection.title, inspection.page_count)
        with self._catalog.reading() as connection:
            heading = documents.last_heading(connection, row.id)
        into = self._data / "pictures" / str(row.id)
        into.mkdir(parents=True, exist_ok=True, mode=0o700)
        done = row.pages_done
        attempts = row.attempts
        while done < inspection.page_count:
            if self.stop.is_set():
                with self._catalog.writing() as connection:
                    documents.release_reading(connection, row.id, wait=0)
                return
            # Where an earlier run died, go page by page: one page that kills costs one page.
            last = min(done + (RANGE if attempts == 1 else 1), inspection.page_count)
            if attempts > 2 * sources.ATTEMPTS:
                pages = [_given_up(done + 1)]
            else:
                pages = reader.read(path, done + 1, last, into)
            chunks, heading = chunk_pages(pages, heading)
            with self._catalog.writing() as connection:
                title = inspection.title or ""
                if not documents.put_pages(connection, self._words, row, title, pages, chunks):
                    return
            done, attempts = pages[-1].number, 1
        with self._catalog.writing() as connection:
            documents.complete_reading(connection, self._words, row)


def _given_up(number: int) -> PageReading:
    return PageReading(
        number, None, 612, 792, TextSource.NONE, (), None, "This page stopped Magpie several times and was left out."
    )
