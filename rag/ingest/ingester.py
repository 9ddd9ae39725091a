"""Ingest waiting sources: fetch bytes, extract them in ranges of pages, and write pages, chunks and words.

Each thread has its own extractor and claims work from the catalog. Nothing is queued in memory, so after a crash work
resumes after the last range that was written.
"""

from __future__ import annotations

import hashlib
import logging
import math
import os
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from time import monotonic, time

from sqlalchemy import Connection

from rag.catalog import Catalog, documents, extractions, outages, page_labels, share_ends, shares, sources
from rag.catalog.attachments import NewAttachment, put_attachments
from rag.catalog.share_delay import delay_new_share
from rag.catalog.states import MAX_ATTEMPTS
from rag.errors import MagpieError, NotFound, OperatorMustAct, OriginUnavailable, TryAgain, Unreadable
from rag.extract.convert.packages import OFFICE, SLIDES
from rag.fairness import Claimant, FairQueue, IntakePriority
from rag.ingest.chunking import chunk_pages
from rag.ingest.disk_space import DiskSpace
from rag.ingest.earlier_pages import EarlierPages
from rag.ingest.fetch.budget import FetchBudget
from rag.ingest.fetch.paths import check_size
from rag.model.extraction import ExtractedPage, Inspection, NewChunk, SourceKind, TextSource
from rag.observation import Observer, Unobserved
from rag.ports import Extractor, Fetcher, FetchResult, FullTextIndex, HostFetcher
from rag.settings import ReadSettings

log = logging.getLogger("magpie")

RANGE = extractions.SHORT
"""Pages that are extracted and written together."""

SKIMMED = 32
"""Skimmed pages that are written together."""

_RETRY = 0.5
"""Seconds before the first retry, doubled each time, because most causes of a failure last a while."""

_MAX_WAIT = 60
"""Maximum seconds between retries, except for third-party servers."""

_MAX_FAR_DELAYS = 17
"""Delays of a source on a third-party server before it fails; see `_max_delays`."""

_AFTER_PROBE = 2.0
"""Seconds after a pause in which other sources go first: else one that always fails would be every probe."""

_DAY = 24 * 60 * 60


class Ingester:
    """Fetches and extracts for the owner of the data folder. Set `stop` to end between two ranges of pages.

    `fetch_near`, `fetch_far` and `extract` work until nothing that they can claim is left, and return whether there was
    anything. Several threads may be in each of them, so that slow servers and long files do not delay the others.
    """

    def __init__(
        self,
        catalog: Catalog,
        words: FullTextIndex,
        data: Path,
        settings: ReadSettings,
        version: str,
        fetchers: Mapping[str, Fetcher],
        space: DiskSpace,
        stop: threading.Event,
        budget: FetchBudget | None = None,
        observer: Observer | None = None,
    ) -> None:
        """`budget` limits fetches from third-party servers; None: no limits."""
        self._catalog = catalog
        self._words = words
        self._data = data
        self._settings = settings
        self._version = version
        self._fetchers = fetchers
        self._space = space
        self._far = {kind: fetcher for kind, fetcher in fetchers.items() if isinstance(fetcher, HostFetcher)}
        self._near = [kind for kind in fetchers if kind not in self._far]
        self._busy_hosts: set[str] = set()
        self._budget = budget
        self._observer = observer or Unobserved()
        self._claiming = threading.Lock()
        self._fetching, self._fetching_far, self._extracting = FairQueue(), FairQueue(), FairQueue()
        self.stop = stop
        for folder in (self._data / "files", self._data / "pictures"):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for leftover in (self._data / "files").glob("tmp-*"):  # of a crashed run
            leftover.unlink()

    def anything_waits(self, *, due: bool = False) -> bool:
        """Return whether a source that can be fetched here, or a shared document's extraction, waits to be claimed.

        With `due`, ignore what is delayed until later, or until there is space on the disk.
        """
        if due and self._is_full():
            return False
        now = time() if due else math.inf
        with self._catalog.read_transaction() as connection:
            return sources.has_waiting_source(
                connection, self._fetchers.keys(), now
            ) or extractions.has_waiting_extraction(connection, now)

    # ------------------------------------------------------------ fetching

    def _is_full(self) -> bool:
        return self._space.shortage() is not None

    def near_waits(self) -> bool:
        """Return whether a source that is on this machine or at Slack waits to be claimed."""
        if self._is_full():
            return False
        with self._catalog.read_transaction() as connection:
            return sources.has_waiting_source(connection, self._near, time())

    def fetch_near(self) -> bool:
        """Fetch sources that are on this machine or at Slack."""
        fetched = 0
        while not self.stop.is_set() and not self._is_full() and self._fetch_one():
            fetched += 1
        return fetched > 0

    def _fetch_one(self) -> bool:
        with self._catalog.write_transaction() as connection:
            claimed, claimant = self._fetching.claim(
                lambda: sources.list_claimants(connection, self._near),
                lambda claimant: sources.claim_source(connection, self._near, claimant),
            )
        if claimed is None:
            return False
        self._fetch_for(self._fetching, claimed, claimant)
        return True

    def far_waits(self) -> bool:
        """Return whether a source on a third-party server waits to be claimed."""
        if self._is_full():
            return False
        with self._catalog.read_transaction() as connection:
            return sources.has_waiting_source(connection, self._far.keys(), time())

    def fetch_far(self) -> bool:
        """Fetch from third-party servers until the only sources left are on hosts that other threads fetch from."""
        fetched = 0
        while not self.stop.is_set() and not self._is_full():
            with self._claiming:
                with self._catalog.write_transaction() as connection:
                    claimed, claimant = self._claim_far(connection)
                if claimed is None:
                    break
                host = self._far[claimed.kind].host(claimed.ref)
                if wait := self._seconds_until_allowed(claimed, host):
                    self._postpone(claimed, claimant, wait)
                    continue
                self._busy_hosts.add(host)
            try:
                self._fetch_for(self._fetching_far, claimed, claimant)
            finally:
                with self._claiming:
                    self._busy_hosts.discard(host)
            fetched += 1
        return fetched > 0

    def _seconds_until_allowed(self, claimed: sources.ClaimedSource, host: str) -> float:
        """Count a fetch for its host and for the person who linked to it last. Return 0, or the seconds to wait."""
        if self._budget is None:
            return 0.0
        with self._catalog.read_transaction() as connection:
            person = sources.last_person(connection, claimed.id)
        return self._budget.take(host, person)

    def _postpone(self, claimed: sources.ClaimedSource, claimant: Claimant, wait: float) -> None:
        with self._catalog.write_transaction() as connection:
            sources.postpone_source(connection, claimed.id, wait, "Too many pages were fetched within an hour.")
        self._fetching_far.done(claimant)

    def _claim_far(self, connection: Connection) -> tuple[sources.ClaimedSource | None, Claimant]:
        kinds = list(self._far)
        return self._fetching_far.claim(
            lambda: sources.list_claimants(connection, kinds),
            lambda claimant: sources.claim_source(connection, kinds, claimant, self._is_free),
        )

    def _fetch_for(self, queue: FairQueue, claimed: sources.ClaimedSource, claimant: Claimant) -> None:
        try:
            self._fetch(claimed)
        finally:
            queue.done(claimant)
            self._extracting.arrive(claimant)

    def _is_free(self, kind: str, ref: str) -> bool:
        return self._far[kind].host(ref) not in self._busy_hosts

    def _fetch(self, claimed: sources.ClaimedSource) -> None:
        try:
            if claimed.attempts > MAX_ATTEMPTS:
                raise Unreadable("It could not be fetched in three attempts.", "Share or index it again.")
            self._fetch_document(claimed)
        except (OriginUnavailable, OperatorMustAct) as error:
            if self._has_outages(claimed.kind):
                self._pause(claimed, error)
                return
            self._delay(claimed, str(error), error.hint)
        except NotFound:
            with self._catalog.write_transaction() as connection:
                if sources.is_held(connection, claimed):
                    share_ends.drop_shares(connection, [claimed.id])
        except Unreadable as error:
            self._fail_source(claimed, str(error), error.hint)
        except TryAgain as error:
            self._delay(claimed, str(error), error.hint)
        except OSError as error:
            log.warning("A source of the kind %s could not be fetched: %r", claimed.kind, error)
            self._delay(claimed, f"It could not be saved: {error.strerror or type(error).__name__}.", "Try again.")
        self._end_outage(claimed.kind)

    def _has_outages(self, kind: str) -> bool:
        """Return whether all sources of a kind have one origin, which the caller's fetcher knows."""
        return kind not in self._far and kind not in tuple(SourceKind)

    def _pause(self, claimed: sources.ClaimedSource, error: MagpieError) -> None:
        """Pause all sources of a kind, because their origin cannot be used. That is not held against this source,
        unless the origin served others since this one failed before."""
        with self._catalog.write_transaction() as connection:
            failures = outages.failures_of(connection, claimed.kind)
            wait = retry_wait(0 if failures is None else failures + 1, far=False)
            needs_operator = isinstance(error, OperatorMustAct)
            outages.put_outage(connection, claimed.kind, wait, str(error), error.hint, needs_operator=needs_operator)
            if failures is not None or not claimed.was_delayed:
                # Later than the pause ends: another source is the next probe, if there is one.
                sources.delay_source(connection, claimed, wait + _AFTER_PROBE, str(error), counted=False)
                if failures is None:
                    log.warning("Sources of the kind %s wait: %s %s", claimed.kind, error, error.hint)
                return
        self._delay(claimed, str(error), error.hint)

    def _end_outage(self, kind: str) -> None:
        with self._catalog.read_transaction() as connection:
            failures = outages.failures_of(connection, kind)
        if failures is not None:
            with self._catalog.write_transaction() as connection:
                outages.end_outage(connection, kind)
            log.warning("Sources of the kind %s can be fetched again.", kind)

    def _delay(self, claimed: sources.ClaimedSource, reason: str, hint: str) -> None:
        if claimed.delays >= _max_delays(claimed.kind, far=claimed.kind in self._far):
            self._fail_source(claimed, reason, hint)
            return
        wait = retry_wait(claimed.delays, far=claimed.kind in self._far)
        with self._catalog.write_transaction() as connection:
            sources.delay_source(connection, claimed, wait, reason)

    def _fetch_bytes(self, claimed: sources.ClaimedSource, into: Path) -> FetchResult:
        """Fetch into a file. An unexpected error of a fetcher is logged and fails only this source."""
        try:
            return self._fetchers[claimed.kind](claimed.ref, into)
        except (MagpieError, OSError):
            raise
        except Exception as error:
            log.exception("Unexpected error while fetching a source of the kind %s.", claimed.kind)
            raise Unreadable(
                "It could not be fetched because of an unexpected error.",
                "The person who runs Magpie can find the reason in its log. Share it as a file instead.",
            ) from error

    def _fail_source(self, claimed: sources.ClaimedSource, reason: str, hint: str) -> None:
        with self._catalog.write_transaction() as connection:
            sources.fail_source(connection, claimed, reason, hint)
        self._observer.file_failed("fetch")

    def _fetch_document(self, claimed: sources.ClaimedSource) -> None:
        """Fetch a file into the data folder, rename it to its hash, and record its document.

        What was fetched is deleted if the source changed or lost its last share meanwhile.
        """
        copy = self._data / "files" / f"tmp-{threading.get_ident()}"
        try:
            fetched = self._fetch_bytes(claimed, copy)
            if fetched.unchanged:
                with self._catalog.write_transaction() as connection:
                    sources.keep_document(connection, claimed)
                return
            size = copy.stat().st_size
            check_size(size, self._settings)
            with copy.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            # In the transaction, like the deletion of files, so that the two cannot interleave.
            with self._catalog.write_transaction() as connection:
                if not sources.is_held(connection, claimed):
                    return
                os.replace(copy, self._data / "files" / digest)
                document_id = documents.put_document(connection, digest, size, self._version)
                sources.finish_source(
                    connection,
                    claimed,
                    document_id,
                    mtime_ns=fetched.mtime_ns,
                    size=fetched.size or size,
                    validators=fetched.validators,
                )
                delay_new_share(connection, claimed.id)
                if fetched.name:
                    shares.name_shares(connection, claimed.id, fetched.name, fetched.link)
        finally:
            copy.unlink(missing_ok=True)

    # ------------------------------------------------------------ extracting

    def extraction_waits(self) -> bool:
        """Return whether an extraction of a shared document waits to be claimed."""
        if self._is_full():
            return False
        with self._catalog.read_transaction() as connection:
            return extractions.has_waiting_extraction(connection, time())

    def extract(self, extractor: Extractor) -> bool:
        """Extract documents with this extractor."""
        extracted = 0
        while not self.stop.is_set() and not self._is_full() and self._extract_one(extractor):
            extracted += 1
        return extracted > 0

    def _extract_one(self, extractor: Extractor) -> bool:
        """Claim an extraction and continue it as far as possible; return False when none waits."""
        with self._catalog.write_transaction() as connection:
            # Repeated extractions wait for files that are about to arrive, but not for ever: see `rank_of`.
            arriving = sources.is_fetching(connection, self._near)
            row, claimant = self._extracting.claim(
                lambda: _without_repeated(extractions.list_claimants(connection), arriving=arriving),
                lambda claimant: extractions.claim_extraction(connection, claimant, repeated=not arriving),
            )
        if row is None:
            return False
        try:
            self._extract_for(claimant, extractor, row)
        finally:
            self._extracting.done(claimant)
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
        if self.stop.is_set():  # stopped by Magpie, not by the file
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
            if self.stop.is_set():
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
                if self.stop.is_set() or not self._put_skim(row, inspection, found, chunks, first - 1):
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

        if self._extracting.has_to_yield(claimant, list_claimants):
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


def retry_wait(delays: int, *, far: bool) -> float:
    """Return the seconds before the next attempt to fetch a source that was delayed `delays` times.

    They double each time, up to 18 hours for a third-party server and up to a minute for all others.
    """
    wait: float = _RETRY * 2 ** min(delays, _MAX_FAR_DELAYS)
    return wait if far else min(wait, _MAX_WAIT)


def _max_delays(kind: str, *, far: bool) -> int:
    """Return how often a source may be delayed.

    A failing disk keeps failing; a network may be back within the day. The pauses between requests to a third-party
    server double without limit: 17 of them last 18 hours.
    """
    if kind in tuple(SourceKind):
        return MAX_ATTEMPTS
    return _MAX_FAR_DELAYS if far else _DAY // _MAX_WAIT
