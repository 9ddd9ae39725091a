"""Hand out work to threads as it comes: fetching, extraction and follow-up stages, each in threads of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import partial
from time import monotonic

from rag.ingest.extractor_pool import ExtractorPool
from rag.ingest.ingester import Ingester
from rag.ingest.stages import Priority, Stages

_POLL = 0.3
"""Seconds between two checks for new work and of the progress."""


class _Threads:
    """The threads for one kind of work: one for each of `calls`, which return whether they found anything to do."""

    def __init__(
        self, pool: ThreadPoolExecutor, has_work: Callable[[], bool], calls: Sequence[Callable[[], bool]]
    ) -> None:
        self._pool = pool
        self._has_work = has_work
        self._idle = list(calls)
        self._next_look = float("-inf")
        self.running: dict[Future[bool], Callable[[], bool]] = {}

    def start(self) -> None:
        """Start the idle threads if there is work. One that found none is started again after _POLL."""
        if self._idle and monotonic() >= self._next_look and self._has_work():
            self.running |= {self._pool.submit(call): call for call in self._idle}
            self._idle.clear()

    def collect(self) -> bool:
        """Take back the threads that ended; return whether one had found work. Raise the error of one that failed."""
        found = []
        for future in [future for future in self.running if future.done()]:
            self._idle.append(self.running.pop(future))
            found.append(future.result())
        if not all(found):
            self._next_look = monotonic() + _POLL
        return any(found)

    def look_again(self) -> None:
        """Look for work at once: what other threads did may be some."""
        self._next_look = float("-inf")


class Dispatcher:
    """Does what is queued, and what arrives meanwhile, until nothing is due and no follow-up stage has work left.

    Nothing waits for anything of another kind: files are fetched while others are extracted, an extractor that is free
    gets the next file while a long one is being read, and all of this goes on while the stages embed.
    """

    def __init__(self, ingester: Ingester, pool: ExtractorPool, stages: Stages) -> None:
        self._stop = ingester.stop
        self._pool = pool
        self._stages = stages
        fetching, extracting = ingester.fetching, ingester.extracting
        extract = [partial(extracting.extract, extractor) for extractor in pool.extractors]
        self._ingesting = (
            _Threads(pool.threads, fetching.near_waits, [fetching.fetch_near] * pool.near_threads),
            _Threads(pool.threads, fetching.far_waits, [fetching.fetch_far] * pool.far_threads),
            _Threads(pool.threads, extracting.extraction_waits, extract),
        )
        self._batch: Future[bool] | None = None
        self._is_last_batch = self._is_staged = False
        self._next_batch = float("-inf")

    def run(self, report: Callable[[bool], object]) -> None:
        """Work until nothing is left or `stop` is set. `report` is called after each step, with whether only the stages
        work."""
        try:
            while running := self._hand_out():
                report(not self._is_ingesting())
                wait(running, timeout=_POLL, return_when=FIRST_COMPLETED)
                self._collect()
                if self._stop.is_set():
                    self._pool.close_extractors()
        except BaseException:
            self._stop.set()
            self._pool.close_extractors()
            raise

    def _hand_out(self) -> list[Future[bool]]:
        """Start what can be started; return everything that runs."""
        if not self._stop.is_set():
            for threads in self._ingesting:
                threads.start()
        if self._is_ingesting():
            self._is_last_batch = self._is_staged = False
        self._start_batch(is_last=not self._is_ingesting())
        running = [future for threads in self._ingesting for future in threads.running]
        return running if self._batch is None else [*running, self._batch]

    def _start_batch(self, *, is_last: bool) -> None:
        """Start a batch of the stages. They are done when one that was started after everything else found nothing."""
        is_due = not self._is_staged if is_last else monotonic() >= self._next_batch
        if self._batch is None and is_due:
            self._is_last_batch = is_last
            self._batch = self._pool.threads.submit(self._process_stages)

    def _collect(self) -> None:
        found = [threads.collect() for threads in self._ingesting]
        if any(found):
            for threads in self._ingesting:
                threads.look_again()
        if self._batch is not None and self._batch.done():
            batch, self._batch = self._batch, None
            has_more = batch.result()
            self._is_staged = self._is_last_batch and not has_more
            self._next_batch = monotonic() + (0 if has_more else _POLL)

    def _is_ingesting(self) -> bool:
        return any(threads.running for threads in self._ingesting)

    def _process_stages(self) -> bool:
        return self._stages.process_batch(Priority.FOLLOW_UP, self._stop) > 0
