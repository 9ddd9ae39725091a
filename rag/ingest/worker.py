"""Do queued work as the owner of the data folder, or follow the process that owns it."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from time import monotonic

from rag.catalog import Catalog, ChangeWatch, extractions, share_ends, statuses
from rag.clock import SteadyClock
from rag.data_dir import delete_stale_folders
from rag.errors import OperatorMustAct
from rag.ingest.deletion import delete_unshared, evict_evidence
from rag.ingest.disk_space import DiskSpace
from rag.ingest.dispatcher import Dispatcher
from rag.ingest.extractor_pool import ExtractorPool, open_extractor_pool
from rag.ingest.fetch.budget import FetchBudget
from rag.ingest.ingester import Ingester
from rag.ingest.ownership import Ownership, try_own
from rag.ingest.stages import Priority, Stages
from rag.memory import give_back_memory
from rag.observation import Observer
from rag.ports import Extractor, Fetcher, FullTextIndex
from rag.settings import Settings
from rag.vectors.all_indexes import VectorIndexes

log = logging.getLogger("magpie")

_POLL = 0.3
"""Seconds between two checks of the progress."""

_LOOK, _LOOK_AT_REST, _AT_REST_AFTER = 1.5, 6.0, 15.0
"""Seconds between two looks for work if the catalog was not changed, because what was delayed may be due; the same this
many seconds after the last work."""

_MAINTENANCE = 30
"""Seconds between two checks for work from other processes: deleted files, embedders that became available."""

_DAY = 24 * 60 * 60

_EVIDENCE_SECONDS, _EVIDENCE_BYTES = 7 * _DAY, 500 << 20
"""Evidence pictures are deleted this long after their last use, and the oldest when they take more bytes than this."""

_IDLE_LIMIT = 60
"""Seconds without work after which the extraction processes are ended; each uses hundreds of MB."""


@dataclass(frozen=True, slots=True)
class Progress:
    """The state of the work on one file, and how many of the requested files are settled.

    `is_partial`: something in it could not be read. `searchable`: how many of its pages can be found already.
    """

    file: str
    state: str
    page: int
    pages: int
    done: int
    total: int
    note: str = ""
    is_partial: bool = False
    searchable: int = 0


ProgressCallback = Callable[[Progress], None]


def ignore_progress(_: Progress) -> None:
    """Do nothing; the default ProgressCallback."""


@dataclass(frozen=True, slots=True)
class IndexRequest:
    """Sources a caller is waiting for, and the callback to report progress to.

    With `newest`, also wait for an extraction that replaces an older one.
    """

    sources: Sequence[int]
    report: ProgressCallback = ignore_progress
    newest: bool = False


def worker_count(setting: int) -> int:
    """Return the number of extraction processes: the setting, or for 0 one per core and at most four."""
    return setting or min(os.cpu_count() or 1, 4)


class Worker:
    """Runs the queued work of one data folder."""

    def __init__(
        self,
        settings: Settings,
        catalog: Catalog,
        words: FullTextIndex,
        indexes: VectorIndexes,
        stages: Stages,
        open_extractor: Callable[[], Extractor],
        fetchers: Mapping[str, Fetcher],
        space: DiskSpace,
        observer: Observer | None = None,
        clock: SteadyClock | None = None,
    ) -> None:
        """`stages` is all background work, including that of `indexes`. `clock` tells how old shares are."""
        self._settings = settings
        self._budget = FetchBudget(settings.web.host_per_hour, settings.web.person_per_hour)
        self._catalog = catalog
        self._words = words
        self._indexes = indexes
        self._stages = stages
        self._open_extractor = open_extractor
        self._fetchers = fetchers
        self._space = space
        self._observer = observer
        self._clock = clock or SteadyClock()
        self._clean = True
        self._last_run = ""
        self._undeletable: tuple[str, ...] = ()
        self._reported: dict[int, tuple[statuses.SourceStatus, str]] = {}

    def settle(self, request: IndexRequest) -> None:
        """Work as the owner, or follow the owner, until these sources are settled and no stage waits."""
        while True:
            with self._try_own() as ownership:
                if ownership is not None:
                    self._work_off(ownership, request)
                    return
            if (
                self._report(request, "another Magpie process is working on this data folder")
                and self._stages.are_settled()
            ):
                return
            threading.Event().wait(_POLL)

    def serve(self, stop: threading.Event) -> None:
        """Own the data folder and do all work that arrives, until `stop` is set. Wait while another process owns it."""
        while not stop.is_set():
            with self._try_own() as ownership:
                if ownership is not None:
                    self._take_over(ownership)
                    self._serve(stop)
            stop.wait(_POLL)

    def delete_unshared(self) -> None:
        """Delete what is no longer shared; if another process owns the data folder, leave that to it."""
        with self._try_own() as ownership:
            if ownership is None:
                return
            self._take_over(ownership)
            self._delete_unshared()
            if ownership.unclean:
                # This repairs the store before it embeds. A run may only end as clean after the repair.
                self._indexes.process_batch(threading.Event())

    # ------------------------------------------------------------ as owner

    def _try_own(self) -> AbstractContextManager[Ownership | None]:
        return try_own(self._catalog, self._settings.data, self._indexes.sync.hand_over)

    def _take_over(self, ownership: Ownership) -> None:
        """Have the vector store verified against the catalog, and delete leftovers of a crashed run."""
        is_own = bool(self._last_run) and ownership.previous == self._last_run
        self._indexes.sync.take_over(unclean=ownership.unclean, is_own=is_own)
        self._last_run = ownership.run_id
        delete_stale_folders(self._settings.data)

    def _work_off(self, ownership: Ownership, request: IndexRequest) -> None:
        """Do all queued work, then return."""
        self._take_over(ownership)
        with self._open_pool() as pool:
            ingester = self._open_ingester(pool, threading.Event())
            with self._catalog.read_transaction() as connection:
                if again := extractions.list_outdated(connection):
                    request = IndexRequest([*request.sources, *again], request.report, newest=True)
            while True:
                self._ingest(ingester, pool, request)
                if not ingester.anything_waits():
                    break
                if shortage := self._space.shortage():
                    raise OperatorMustAct(*shortage)
                ingester.stop.wait(_POLL)  # only retries are left, and the next one is not due yet
        while self._stages.process_batch(Priority.IDLE, ingester.stop):
            self._report_step(request, is_staged=True)
        self._delete_unshared()
        self._report(request, "")

    def _serve(self, stop: threading.Event) -> None:
        """Start extraction processes when something waits, and end them after _IDLE_LIMIT without work."""
        with closing(self._catalog.watch()) as watch:
            while not stop.is_set():
                with self._open_pool() as pool:
                    self._work_until_idle(self._open_ingester(pool, stop), pool, watch)
                self._indexes.unload_unused()
                give_back_memory()

    def _work_until_idle(self, ingester: Ingester, pool: ExtractorPool, watch: ChangeWatch) -> None:
        stop, last_work, last_maintenance, next_look = ingester.stop, monotonic(), float("-inf"), float("-inf")
        while not stop.is_set() and monotonic() - last_work < _IDLE_LIMIT:
            if not watch.has_changed() and monotonic() < next_look:
                stop.wait(_POLL)
                continue
            next_look = monotonic() + (_LOOK if monotonic() - last_work < _AT_REST_AFTER else _LOOK_AT_REST)
            if ingester.anything_waits(due=True):
                self._ingest(ingester, pool, IndexRequest(()))
                last_work, last_maintenance = monotonic(), float("-inf")
            elif monotonic() - last_maintenance > _MAINTENANCE:
                self._ingest(ingester, pool, IndexRequest(()))  # for the stages that are available again
                # A document moved between spaces keeps its extraction: its new share may be arriving now.
                if not ingester.anything_waits(due=True):
                    self._delete_unshared(stop)
                    last_maintenance = monotonic()
            else:
                self._stages.process_batch(Priority.IDLE, stop)
            stop.wait(_POLL)

    def _open_pool(self) -> AbstractContextManager[ExtractorPool]:
        return open_extractor_pool(
            self._open_extractor, worker_count(self._settings.read.workers), self._settings.web.at_once
        )

    def _open_ingester(self, pool: ExtractorPool, stop: threading.Event) -> Ingester:
        version = pool.extractors[0].version
        data, settings = self._settings.data, self._settings.read
        with self._catalog.write_transaction() as connection:
            extractions.request_outdated(connection, version)
        return Ingester(
            self._catalog,
            self._words,
            data,
            settings,
            version,
            self._fetchers,
            self._space,
            stop,
            self._budget,
            self._observer,
        )

    def _delete_unshared(self, stop: threading.Event | None = None) -> None:
        """Expire old shares, and delete what is no longer shared from the catalog, the disk and the vector store."""
        if days := self._settings.keep.files_days:
            with self._catalog.write_transaction() as connection:
                share_ends.expire_shares(connection, self._clock.oldest() - days * _DAY)
        deleted = delete_unshared(self._catalog, self._words, self._settings.data, stop)
        self._clean = deleted.is_erased if self._clean else self._catalog.checkpoint()
        self._warn_of(deleted.undeletable)
        evict_evidence(self._settings.data / "evidence", self._clock.oldest() - _EVIDENCE_SECONDS, _EVIDENCE_BYTES)
        self._indexes.remove_dropped()

    def _warn_of(self, undeletable: tuple[str, ...]) -> None:
        """Log the files that cannot be deleted, each time when they are others."""
        if undeletable and undeletable != self._undeletable:
            log.warning(
                "%d files of removed documents cannot be deleted and are tried again, the first is %s in %s. "
                "Check who owns them.",
                len(undeletable),
                undeletable[0],
                self._settings.data,
            )
        self._undeletable = undeletable

    def _ingest(self, ingester: Ingester, pool: ExtractorPool, request: IndexRequest) -> None:
        """Fetch, extract and run the follow-up stages until nothing is due."""
        Dispatcher(ingester, pool, self._stages).run(lambda is_staged: self._report_step(request, is_staged=is_staged))

    # ------------------------------------------------------------ progress

    def _report_step(self, request: IndexRequest, *, is_staged: bool) -> None:
        """Report changes, and what the stages wait for if only they work. Nothing is looked up without sources."""
        if request.sources:
            self._report(request, self._stages.describe_waiting() if is_staged else "")

    def _report(self, request: IndexRequest, note: str) -> bool:
        """Report changes since the last call; return whether all requested sources are settled."""
        with self._catalog.read_transaction() as connection:
            rows = statuses.list_statuses(connection, request.sources, newest=request.newest)
        done = sum(row.state in ("ready", "failed") for row in rows)
        for row in rows:
            if self._reported.get(row.source) != (row, note):
                self._reported[row.source] = (row, note)
                state = "done" if row.state == "ready" else row.state
                counts = row.page, row.pages, done, len(rows)
                request.report(Progress(row.name, state, *counts, note or row.reason, bool(row.lost), row.searchable))
        return done == len(rows)
