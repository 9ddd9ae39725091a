"""A pool of extractors, and of threads that call them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from rag.ports import Extractor

_MIN_NEAR_THREADS = 2
"""Threads for sources on this machine and at Slack, so that a large file does not delay every other one."""


@dataclass(frozen=True)
class ExtractorPool:
    """Extractors and the threads they are called from.

    The threads live as long as the extractors: an extraction process ends with the thread that started it (Linux's
    PR_SET_PDEATHSIG), and a new one would have to load its models again. There is a thread for each extractor,
    `far_threads` for fetching from third-party servers, `near_threads` for fetching other sources, and one for the
    follow-up stages.
    """

    extractors: Sequence[Extractor]
    near_threads: int
    far_threads: int
    threads: ThreadPoolExecutor

    def close_extractors(self) -> None:
        """End the extraction processes; a call that is running raises ExtractorStopped."""
        for extractor in self.extractors:
            extractor.close()


@contextmanager
def open_extractor_pool(
    open_extractor: Callable[[], Extractor], count: int, far_threads: int
) -> Iterator[ExtractorPool]:
    """Open `count` extractors, each of which starts its process when it is first used.

    There are enough threads for everything at once, so that a slow server does not block an extractor.
    """
    extractors = [open_extractor() for _ in range(count)]
    near_threads = max(count, _MIN_NEAR_THREADS)
    threads = ThreadPoolExecutor(count + near_threads + far_threads + 1, thread_name_prefix="extractor")
    pool = ExtractorPool(extractors, near_threads, far_threads, threads)
    try:
        yield pool
    finally:
        pool.close_extractors()
        pool.threads.shutdown()
