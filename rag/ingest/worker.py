"""Work off states as the owner, or follow the owner there is.

Reading runs in threads, each with a reading process of its own; embedding runs meanwhile, so the next
range is parsed while the last is embedded.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic, time

from rag.catalog import Catalog, extractions, shares, sources
from rag.data_dir import sweep_scratch
from rag.ingest.captions import Captions
from rag.ingest.deletion import sweep
from rag.ingest.intake import Ingest
from rag.ingest.ownership import Ownership, try_own
from rag.ports import Fetcher, Reader, WordIndex
from rag.settings import Settings
from rag.vectors.fingerprinting import Fingerprinting
from rag.vectors.lanes import Lanes

_FOLLOW = 0.3
"""Seconds between two looks at the progress."""

_LOOK = 30
"""Seconds between two looks for what other processes left to do: files forgotten, weights pulled."""

_DAY = 24 * 60 * 60

_IDLE = 60
"""Seconds without work after which the reading processes are ended: each keeps hundreds of MB."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where the work on one file stands, and how many of the files asked for are settled."""

    file: str
    state: str
    page: int
    pages: int
    done: int
    total: int
    note: str = ""


Report = Callable[[Progress], None]


def silent(_: Progress) -> None:
    """Report to nobody."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Sources somebody waits for, and whom to tell. With `newest` a reading that replaces one is waited for too."""

    sources: Sequence[int]
    report: Report = silent
    newest: bool = False


def workers(wanted: int) -> int:
    """Reading processes: as set, or one per core, at most four (each may take hundreds of MB)."""
    return wanted or min(os.cpu_count() or 1, 4)


@dataclass(frozen=True)
class _Crew:
    """Readers and the threads they are called from.

    The threads outlive a burst of work: a reading process ends with the thread that started it (Linux's
    PR_SET_PDEATHSIG), and would load its models again for every file.
    """

    readers: Sequence[Reader]
    pool: ThreadPoolExecutor

    def dismiss(self) -> None:
        for reader in self.readers:
            reader.close()


class Work:
    """The loop over everything that waits in one data folder."""

    def __init__(
        self,
        settings: Settings,
        catalog: Catalog,
        words: WordIndex,
        lanes: Lanes,
        fingerprinting: Fingerprinting,
        captions: Captions,
        open_reader: Callable[[], Reader],
        fetchers: Mapping[str, Fetcher],
    ) -> None:
        self._settings = settings
        self._catalog = catalog
        self._words = words
        self._lanes = lanes
        self._fingerprinting = fingerprinting
        self._captions = captions
        self._open_reader = open_reader
        self._fetchers = fetchers
        self._clean = True
        self._told: dict[int, tuple[sources.Standing, str]] = {}

    def settle(self, asked: Asked) -> None:
        """Work as the owner, or follow the one there is, until these sources are settled and embedded."""
        while True:
            with try_own(self._catalog, self._settings.data) as ownership:
                if ownership is not None:
                    self._own(ownership, asked)
                    return
            settled = self._report(asked, "another Magpie is at work here")
            if settled and self._lanes.settled() and self._fingerprinting.settled() and self._captions.settled():
                return
            threading.Event().wait(_FOLLOW)

    def serve(self, stop: threading.Event) -> None:
        """Own the data folder and work off whatever comes, until `stop` is set. Waits for another owner to end."""
        while not stop.is_set():
            with try_own(self._catalog, self._settings.data) as ownership:
                if ownership is not None:
                    self._take_over(ownership)
                    self._serve(ownership, stop)
            stop.wait(_FOLLOW)

    def _serve(self, ownership: Ownership, stop: threading.Event) -> None:
        """Reading processes are started when something waits, and ended when nothing did for a while."""
        looked = float("-inf")
        while not stop.is_set():
            with self._crew() as crew:
                ingest = self._ingest(ownership, crew, stop)
                worked = monotonic()
                while not stop.is_set() and monotonic() - worked < _IDLE:
                    if ingest.anything_waits(due=True):
                        self._read_and_embed(ingest, crew, Asked(()))
                        worked, looked = monotonic(), float("-inf")
                    elif monotonic() - looked > _LOOK:
                        while not stop.is_set() and self._follow_up():
                            worked = monotonic()
                        # Bytes that go here and are just coming there keep their reading.
                        if not ingest.anything_waits(due=True):
                            self._tidy()
                            looked = monotonic()
                    else:  # one at a time, for it takes a model seconds: what comes meanwhile is read first
                        self._captions.caption_one(stop)
                    stop.wait(_FOLLOW)

    def _own(self, ownership: Ownership, asked: Asked) -> None:
        self._take_over(ownership)
        with self._crew() as crew:
            ingest = self._ingest(ownership, crew)
            with self._catalog.reading() as connection:
                if again := extractions.list_outdated(connection):
                    asked = Asked([*asked.sources, *again], asked.report, newest=True)
            while True:
                self._read_and_embed(ingest, crew, asked)
                if not ingest.anything_waits():
                    break
                ingest.stop.wait(_FOLLOW)  # only what failed for the moment is left: its time comes
        while self._captions.caption_one():
            self._report(asked, self._left())
        self._tidy()
        self._report(asked, "")

    def _take_over(self, ownership: Ownership) -> None:
        """The owner's first steps: the store is made a copy of the catalog, and what a killed run left lying goes."""
        self._lanes.mirror.take_over(unclean=ownership.unclean)
        sweep_scratch(self._settings.data)

    @contextmanager
    def _crew(self) -> Iterator[_Crew]:
        """As many readers as there are workers; each starts its process when it is first used.

        Threads that fetch from strangers' servers come on top: a slow server keeps no reader waiting.
        """
        readers = [self._open_reader() for _ in range(workers(self._settings.read.workers))]
        pool = ThreadPoolExecutor(len(readers) + self._settings.web.at_once, thread_name_prefix="reader")
        crew = _Crew(readers, pool)
        try:
            yield crew
        finally:
            crew.dismiss()
            pool.shutdown()

    def _ingest(self, ownership: Ownership, crew: _Crew, stop: threading.Event | None = None) -> Ingest:
        run_id, version = ownership.run_id, crew.readers[0].version
        data, settings = self._settings.data, self._settings.read
        with self._catalog.writing() as connection:
            extractions.request_outdated(connection, version)
        return Ingest(self._catalog, self._words, data, settings, run_id, version, self._fetchers, stop)

    def _tidy(self) -> None:
        if days := self._settings.keep.files_days:
            with self._catalog.writing() as connection:
                shares.expire_shares(connection, time() - days * _DAY)
        swept = sweep(self._catalog, self._words, self._settings.data)
        self._clean = swept if self._clean else self._catalog.tidy()
        self._lanes.forget_dropped()

    def _read_and_embed(self, ingest: Ingest, crew: _Crew, asked: Asked) -> None:
        """Read in threads; embed here meanwhile, so that the next range is parsed while the last is embedded."""
        reading = {crew.pool.submit(ingest.work, reader) for reader in crew.readers}
        fetching: set[Future[None]] = set()
        try:
            while reading or fetching:
                if ingest.far_waits() and not ingest.stop.is_set():
                    free = self._settings.web.at_once - len(fetching)
                    fetching |= {crew.pool.submit(ingest.fetch_far) for _ in range(free)}
                followed = self._follow_up()
                self._report(asked, "")
                ended, _ = wait(reading | fetching, timeout=0 if followed else _FOLLOW, return_when=FIRST_COMPLETED)
                reading, fetching = reading - ended, fetching - ended
                for future in ended:
                    future.result()
                if ingest.stop.is_set():
                    crew.dismiss()
            while not ingest.stop.is_set() and self._follow_up():
                self._report(asked, self._left())
        except BaseException:
            ingest.stop.set()
            crew.dismiss()
            raise

    def _follow_up(self) -> int:
        """The next of what follows reading, vectors and fingerprints; returns how much there was."""
        return self._lanes.embed_some() + self._fingerprinting.print_some()

    def _left(self) -> str:
        """What has still to follow, for whoever waits."""
        if not self._lanes.settled():
            return f"{self._lanes.waiting()} chunks wait for their vectors"
        if not self._fingerprinting.settled():
            return f"{self._fingerprinting.waiting()} pages wait for their fingerprints"
        return f"{self._captions.waiting()} pictures wait for their captions"

    def _report(self, asked: Asked, note: str) -> bool:
        """Tell what changed since the last look; True when all these sources are settled."""
        rows: list[sources.Standing] = []
        with self._catalog.reading() as connection:
            for start in range(0, len(asked.sources), 5000):  # SQLite takes at most 32,766 bound values
                rows += sources.list_statuses(connection, asked.sources[start : start + 5000], newest=asked.newest)
        done = sum(row.state in ("ready", "failed") for row in rows)
        for row in rows:
            if self._told.get(row.source) != (row, note):
                self._told[row.source] = (row, note)
                state = "done" if row.state == "ready" else row.state
                asked.report(Progress(row.name, state, row.page, row.pages, done, len(rows), note or row.reason))
        return done == len(rows)

    def sweep(self) -> None:
        """Take away what nobody shares any more; a running owner does it in its own time."""
        with try_own(self._catalog, self._settings.data) as ownership:
            if ownership is None:
                return
            self._take_over(ownership)
            self._tidy()
            if ownership.unclean:
                self._lanes.embed_some()  # looks at the store first, and this run must not end before it did
