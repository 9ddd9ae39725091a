"""Extract waiting documents in ranges of pages, and write pages, chunks and words.

Each thread has its own extractor and claims documents from the catalog. Nothing is queued in memory, so after a crash
work resumes after the last range that was written.
"""

from __future__ import annotations

import hashlib
import logging
import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from time import monotonic, time

from rag.catalog import Catalog, extractions, page_labels, sources
from rag.catalog.attachments import NewAttachment, put_attachments
from rag.catalog.states import MAX_ATTEMPTS
from rag.errors import MagpieError, TryAgain, Unreadable
from rag.extract.convert.packages import OFFICE, SLIDES
from rag.fairness import Claimant, FairQueue, IntakePriority
from rag.ingest.chunking import chunk_pages
from rag.ingest.disk_space import DiskSpace
from rag.ingest.earlier_pages import EarlierPages
from rag.model.extraction import ExtractedPage, Inspection, NewChunk, TextSource
from rag.observation import Observer
from rag.ports import Extractor, FullTextIndex

log = logging.getLogger("magpie")

RANGE = extractions.SHORT
"""Pages that are extracted and written together."""

SKIMMED = 32
"""Skimmed pages that are written together."""

_RETRY = 0.5
"""Seconds before the first retry, doubled each time."""


class Extracting:
    """Extracts documents until `stop` is set, between two ranges of pages.

    `extract` works until nothing that it can claim is left, and returns whether there was anything. Several threads may
    be in it, so that long files do not delay the others.
    """

    def __init__(
        self,
        catalog: Catalog,
        words: FullTextIndex,
        data: Path,
        version: str,
        arriving: Sequence[str],
        space: DiskSpace,
        stop: threading.Event,
        observer: Observer,
    ) -> None:
        """`arriving`: kinds of sources for which documents wait that are to be extracted again."""
        self._catalog = catalog
        self._words = words
        self._data = data
        self._version = version
        self._arriving = arriving
        self._space = space
        self._stop = stop
        self._observer = observer
        self._queue = FairQueue()

    def arrive(self, claimant: Claimant) -> None:
        """Note that a document of this claimant may wait now."""
        self._queue.arrive(claimant)

    def extraction_waits(self) -> bool:
        """Return whether an extraction of a shared document waits to be claimed."""
        if self._space.is_full():
            return False
        with self._catalog.read_transaction() as connection:
            return extractions.has_waiting_extraction(connection, time())

    def extract(self, extractor: Extractor) -> bool:
        """Extract documents with this extractor."""
        extracted = 0
        while not self._stop.is_set() and not self._space.is_full() and self._extract_one(extractor):
            extracted += 1
        return extracted > 0

    def _extract_one(self, extractor: Extractor) -> bool:
        """Claim an extraction and continue it as far as possible; return False when none waits."""
        with self._catalog.write_transaction() as connection:
            # Repeated extractions wait for files that are about to arrive, but not for ever: see `rank_of`.
            arriving = sources.is_fetching(connection, self._arriving)
            row, claimant = self._queue.claim(
                lambda: _without_repeated(extractions.list_claimants(connection), arriving=arriving),
                lambda claimant: extractions.claim_extraction(connection, claimant, repeated=not arriving),
            )
        if row is None:
            return False
        try:
            self._extract_for(claimant, extractor, row)
        finally:
            self._queue.done(claimant)
        return True

    def _extract_for(self, claimant: Claimant, extractor: Extractor, row: extractions.ClaimedExtraction) -> None:
        try:
            self._extract(extractor, row, claimant)
        except Unreadable as error:
            self._fail_extraction(row, str(error), error.hint)
        except TryAgain as error:
            self._retry_extraction(row, str(error), error.hint)
        except OSError as error:
            log.warning("Document %d could not be extracted: %r", row.document, error)
            self._retry_extraction(row, f"It could not be saved: {error.strerror or type(error).__name__}.", "")

    def _retry_extraction(self, row: extractions.ClaimedExtraction, reason: str, hint: str) -> None:
        """Let an extraction wait for its next attempt, or fail it after the last one."""
        if self._stop.is_set():  # stopped by Magpie, not by the file
            self._release(row)
        elif row.attempts >= MAX_ATTEMPTS:
            self._fail_extraction(row, reason, hint or "Share or index it again.")
        else:
            self._release(row, wait=_RETRY * 2**row.attempts)

    def _release(self, row: extractions.ClaimedExtraction, wait: float = 0, *, fresh: bool = False) -> None:
        with self._catalog.write_transaction() as connection:
            extractions.release_extraction(connection, row, wait, fresh=fresh)

    def _fail_extraction(self, row: extractions.ClaimedExtraction, reason: str, hint: str) -> None:
        with self._catalog.write_transaction() as connection:
            extractions.fail_extraction(connection, self._words, row, reason, hint)
        self._observer.file_failed("read")

    def _extract(self, extractor: Extractor, row: extractions.ClaimedExtraction, claimant: Claimant) -> None:
        path, began = self._data / "files" / row.sha256, monotonic()
        with _expected(row):
            inspection = extractor.inspect(path)
        with self._catalog.write_transaction() as connection:
            if not extractions.begin_pages(connection, row, inspection):
                return
        with self._catalog.read_transaction() as connection:
            heading = extractions.last_heading(connection, row.id)
            earlier = EarlierPages(extractions.written_chunks(connection, row.id))
        into = self._data / "pictures" / str(row.id)
        into.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self._skim(extractor, row, inspection, path):
            return
        if not row.pages_done and not self._attach(extractor, row, inspection.media_type, into):
            return
        done, attempts = row.pages_done, row.attempts
        while done < inspection.page_count:
            if self._stop.is_set():
                self._release(row)
                return
            # After a crash go page by page, so that a page that crashes the extractor is the only one lost.
            last = min(done + (RANGE if attempts == 1 else 1), inspection.page_count)
            with _expected(row):
                if attempts > 2 * MAX_ATTEMPTS:
                    pages = [_skipped_page(done + 1)]
                else:
                    pages = extractor.extract(path, done + 1, last, into)
                is_show = inspection.media_type in SLIDES
                chunks, heading = chunk_pages(pages, heading, earlier, are_slides=is_show)
            with self._catalog.write_transaction() as connection:
                title = inspection.title or ""
                if not extractions.put_pages(connection, self._words, row, title, pages, chunks):
                    return
            self._observer.pages_read(len(pages))
            done, attempts = pages[-1].number, 1
            if done < inspection.page_count and self._should_yield(claimant, row, inspection.page_count, done):
                self._release(row, fresh=True)
                return
        with self._catalog.read_transaction() as connection:
            printed = page_labels.printed_labels(connection, row.id)
        with self._catalog.write_transaction() as connection:
            if extractions.complete_extraction(connection, self._words, row, monotonic() - began):
                page_labels.put_labels(connection, row.id, printed)

    def _skim(
        self, extractor: Extractor, row: extractions.ClaimedExtraction, inspection: Inspection, path: Path
    ) -> bool:
        """Write the words of a document's pages, so that they can be found until the pages are extracted.

        Return whether the claim has ended: other documents have to be skimmed before any is extracted.
        """
        first, last = max(row.pages_skimmed, row.pages_done) + 1, inspection.page_count
        if not row.is_first or first > last:
            return False
        earlier, heading = EarlierPages(), ""
        with _expected(row), closing(extractor.skim(path, inspection.media_type, first, last)) as pages:
            for skimmed in _batched(pages, SKIMMED):
                found = [page for page in skimmed if page.blocks]
                chunks, heading = chunk_pages(found, heading, earlier)
                first = skimmed[-1].number + 1
                if self._stop.is_set() or not self._put_skim(row, inspection, found, chunks, first - 1):
                    self._release(row)
                    return True
        if first <= last and not self._put_skim(row, inspection, [], [], last):  # the rest can't be skimmed
            return True
        if inspection.media_type in OFFICE:  # converting it once more takes longer than the others wait
            return False
        with self._catalog.read_transaction() as connection:
            is_next = extractions.has_to_yield(connection, row, last, row.pages_done)
        if is_next:
            self._release(row, fresh=True)
        return is_next

    def _put_skim(
        self,
        row: extractions.ClaimedExtraction,
        inspection: Inspection,
        pages: Sequence[ExtractedPage],
        chunks: Sequence[NewChunk],
        last: int,
    ) -> bool:
        with self._catalog.write_transaction() as connection:
            title = inspection.title or ""
            return extractions.put_skim(connection, self._words, row, title, pages, chunks, last)

    def _attach(self, extractor: Extractor, row: extractions.ClaimedExtraction, media_type: str, folder: Path) -> bool:
        """Record the files inside a file as documents, which wait for extractions of their own.

        Return False when the claim has ended. `folder` has their bytes until then; it is deleted with the extraction.
        """
        files = self._data / "files"
        with _expected(row):
            found = extractor.attachments(files / row.sha256, media_type, folder)
        new = []
        for attached in found.files:
            with (folder / attached.file).open("rb") as file:
                digest, size = hashlib.file_digest(file, "sha256").hexdigest(), os.fstat(file.fileno()).st_size
            new.append((folder / attached.file, NewAttachment(digest, size, attached.name, attached.inside)))
        # The files are moved in the transaction, like those of shares.
        with self._catalog.write_transaction() as connection:
            if not put_attachments(connection, row, [each for _, each in new], found.notes, self._version):
                return False
            for path, each in new:
                os.replace(path, files / each.sha256)
        return True

    def _should_yield(self, claimant: Claimant, row: extractions.ClaimedExtraction, pages: int, done: int) -> bool:
        """Return whether another document goes before the rest of this one.

        That is one of a better rank, or of the same rank if it is of a person without a document in progress, short, or
        long and not as far.
        """

        def list_claimants() -> dict[Claimant, int]:
            with self._catalog.read_transaction() as connection:
                return extractions.list_claimants(connection)

        if self._queue.has_to_yield(claimant, list_claimants):
            return True
        with self._catalog.read_transaction() as connection:
            return extractions.has_to_yield(connection, row, pages, done)


@contextmanager
def _expected(row: extractions.ClaimedExtraction) -> Iterator[None]:
    """Log an unexpected error of an extractor, and let it fail only this document."""
    try:
        yield
    except (MagpieError, OSError):
        raise
    except Exception as error:
        log.exception("Unexpected error while extracting document %d.", row.document)
        raise Unreadable(
            "It could not be read because of an unexpected error.",
            "The person who runs Magpie can find the reason in its log.",
        ) from error


def _batched(pages: Iterable[ExtractedPage], size: int) -> Iterator[list[ExtractedPage]]:
    """Yield the pages in lists of this size; the last one may be shorter."""
    iterator = iter(pages)
    while batch := list(islice(iterator, size)):
        yield batch


def _without_repeated(found: dict[Claimant, int], *, arriving: bool) -> dict[Claimant, int]:
    """Return the claimants without those of repeated extractions that have not waited for long, if files arrive."""
    is_patient = found.get(extractions.AGAIN, 0) >= IntakePriority.REREAD
    return {
        claimant: rank
        for claimant, rank in found.items()
        if not (arriving and is_patient and claimant == extractions.AGAIN)
    }


def _skipped_page(number: int) -> ExtractedPage:
    return ExtractedPage(
        number, None, 612, 792, TextSource.NONE, (), None, "Reading this page crashed several times, so it was skipped."
    )
