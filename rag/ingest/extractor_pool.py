"""A pool of extractors, and of threads that call them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from rag.ports import Extractor


@dataclass(frozen=True)
class ExtractorPool:
    """Extractors and the threads they are called from.

    The threads live as long as the extractors: an extraction process ends with the thread that started it (Linux's
    PR_SET_PDEATHSIG), and a new one would have to load its models again.
    """

    extractors: Sequence[Extractor]
    threads: ThreadPoolExecutor

    def close_extractors(self) -> None:
        """End the extraction processes; a call that is running raises ExtractorStopped."""
        for extractor in self.extractors:
            extractor.close()


@contextmanager
def open_extractor_pool(
    open_extractor: Callable[[], Extractor], count: int, fetch_threads: int
) -> Iterator[ExtractorPool]:
    """Open `count` extractors, each of which starts its process when it is first used.

    `fetch_threads` more threads fetch from third-party servers, so that a slow server does not block an extractor.
    """
    extractors = [open_extractor() for _ in range(count)]
    pool = ExtractorPool(extractors, ThreadPoolExecutor(count + fetch_threads, thread_name_prefix="extractor"))
    try:
        yield pool
    finally:
        pool.close_extractors()
        pool.threads.shutdown()
