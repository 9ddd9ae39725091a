"""Work off what waits: fetch bytes, read them in ranges, write pages, chunks and words.

Each worker thread has a reader of its own and loops over the catalog's states; nothing is queued in
memory, so whatever stops the process is resumed from the last range that was written.
"""

from __future__ import annotations

import hashlib
import math
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from time import monotonic, time

from sqlalchemy import exists, false, or_, select

from rag.catalog import Catalog, documents, labels, sources
from rag.catalog.holding import hold_new_share
from rag.catalog.tables import reading, source
from rag.chunk import chunk_pages
from rag.errors import NotFound, OperatorMustAct, TryAgain, Unreadable
from rag.fetch import check_size
from rag.model import PageReading, TextSource
from rag.ports import Fetcher, Reader, WordIndex
from rag.settings import ReadSettings

RANGE = 8
"""Pages read and written at a time."""

_IDLE_WAIT = 0.2
_RETRY = 0.5
"""Seconds before the first retry, doubled each time: what stopped a reader is rarely over at once."""

_LONGEST_WAIT = 60
_DAY = 24 * 60 * 60


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
        fetchers: Mapping[str, Fetcher],
        stop: threading.Event | None = None,
    ) -> None:
        self._catalog = catalog
        self._words = words
        self._data = data
        self._settings = settings
        self._run = run_id
        self._version = version
        self._fetchers = fetchers
        self.stop = stop or threading.Event()
        for folder in (self._data / "files", self._data / "pictures"):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for leftover in (self._data / "files").glob("tmp-*"):  # of a run that died
            leftover.unlink()

    def work(self, reader: Reader) -> None:
        """Fetch and read until nothing can be claimed now and nobody is about to make new work."""
        while not self.stop.is_set():
            if self.fetch_one() or self.read_one(reader):
                continue
            if not self.anything_waits(due=True, fetching_counts=True):
                return
            self.stop.wait(_IDLE_WAIT)

    def anything_waits(self, *, due: bool = False, fetching_counts: bool = False) -> bool:
        """Whether a source that can be fetched here or a shared document's reading waits to be claimed.

        `due` leaves out what is put off until later.
        """
        now = time() if due else math.inf
        fetch = exists().where(source.c.state == "waiting", source.c.kind.in_(self._fetchers), source.c.next_try <= now)
        read = exists().where(
            reading.c.state == "waiting", reading.c.next_try <= now, documents.shared(reading.c.document_id)
        )
        fetching = exists().where(source.c.state == "fetching") if fetching_counts else false()
        with self._catalog.reading() as connection:
            return bool(connection.scalar(select(or_(fetch, read, fetching))))

    # ------------------------------------------------------------ bytes

    def fetch_one(self) -> bool:
        """Claim a source and find out its bytes; False when none waits."""
        with self._catalog.writing() as connection:
            claimed = sources.claim_source(connection, self._run, list(self._fetchers))
        if claimed is None:
            return False
        if claimed.attempts > sources.ATTEMPTS:
            self._fail_source(claimed.id, "It could not be fetched in three attempts.", "Share or index it again.")
            return True
        try:
            self._take_in(claimed)
        except NotFound:
            with self._catalog.writing() as connection:
                sources.drop_shares(connection, [claimed.id])
        except Unreadable as error:
            self._fail_source(claimed.id, str(error), error.hint)
        except (TryAgain, OperatorMustAct, OSError) as error:
            if claimed.delays >= _delays(claimed.kind):
                self._fail_source(claimed.id, str(error), getattr(error, "hint", ""))
            else:
                with self._catalog.writing() as connection:
                    wait = min(_RETRY * 2**claimed.delays, _LONGEST_WAIT)
                    sources.delay_source(connection, claimed.id, wait, str(error))
        return True

    def _fail_source(self, source_id: int, reason: str, hint: str) -> None:
        with self._catalog.writing() as connection:
            sources.fail_source(connection, source_id, reason, hint)

    def _take_in(self, claimed: sources.SourceRow) -> None:
        """Fetch a file into the data folder under the name of its hash, and know its document from then on."""
        copy = self._data / "files" / f"tmp-{threading.get_ident()}"
        try:
            fetched = self._fetchers[claimed.kind](claimed.ref, copy)
            size = copy.stat().st_size
            check_size(size, self._settings)
            with copy.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            # Inside the transaction, as is the wiping of files: neither can come between the other's steps.
            with self._catalog.writing() as connection:
                os.replace(copy, self._data / "files" / digest)
                document_id = documents.put_document(connection, digest, size, self._version)
                sources.finish_source(
                    connection, claimed, document_id, mtime_ns=fetched.mtime_ns, size=fetched.size or size
                )
                hold_new_share(connection, claimed.id)
                if fetched.name:
                    sources.name_shares(connection, claimed.id, fetched.name, fetched.link)
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
            documents.fail_reading(connection, self._words, row.id, reason, hint)

    def _read(self, reader: Reader, row: documents.ReadingRow) -> None:
        path, began = self._data / "files" / row.sha256, monotonic()
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
        with self._catalog.reading() as connection:
            printed = labels.printed_labels(connection, row.id)
        with self._catalog.writing() as connection:
            labels.put_labels(connection, row.id, printed)
            documents.complete_reading(connection, self._words, row, monotonic() - began)


def _given_up(number: int) -> PageReading:
    return PageReading(
        number, None, 612, 792, TextSource.NONE, (), None, "This page stopped Magpie several times and was left out."
    )


def _delays(kind: str) -> int:
    """How often a source is put off: a disk that fails goes on failing, a network may be back within the day."""
    return sources.ATTEMPTS if kind in ("path", "url") else _DAY // _LONGEST_WAIT
