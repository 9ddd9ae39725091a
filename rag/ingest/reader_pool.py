"""Reading processes, and the threads that call them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from rag.ports import Reader


@dataclass(frozen=True)
class ReaderPool:
    """Readers and the threads they are called from.

    The threads live as long as the readers: a reading process ends with the thread that started it (Linux's
    PR_SET_PDEATHSIG), and a new one would have to load its models again.
    """

    readers: Sequence[Reader]
    threads: ThreadPoolExecutor

    def close_readers(self) -> None:
        """End the reading processes; a call that is running gets ReaderStopped."""
        for reader in self.readers:
            reader.close()


@contextmanager
def open_reader_pool(open_reader: Callable[[], Reader], count: int, fetch_threads: int) -> Iterator[ReaderPool]:
    """Open `count` readers, each of which starts its process when it is first used.

    `fetch_threads` more threads fetch from third-party servers, so that a slow server does not block a reader.
    """
    readers = [open_reader() for _ in range(count)]
    pool = ReaderPool(readers, ThreadPoolExecutor(count + fetch_threads, thread_name_prefix="reader"))
    try:
        yield pool
    finally:
        pool.close_readers()
        pool.threads.shutdown()
