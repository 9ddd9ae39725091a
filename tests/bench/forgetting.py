"""Measure how long writers wait while a file is removed: `python -m tests.bench.forgetting [--chunks N] [--whole]`.

A full-text index is filled with chunks of random words, and one document of 20 chunks is deleted. While its words are
erased from the index, a second connection begins a write transaction every 20 ms. With --whole, the index is merged in
one transaction, for comparison. Reported are the time and the processor time, the longest transaction, and how long
writers waited.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import Connection, text

from rag.catalog import Catalog
from rag.catalog.fulltext import Fts5Index
from rag.catalog.fulltext_erasure import merge_segments
from rag.catalog.index_versions import searched_version
from rag.evaluation.metrics import percentile

_WORDS, _VOCABULARY, _AT_ONCE = 150, 60_000, 500
_DELETED = 20
_EVERY = 0.02


def fill(catalog: Catalog, chunks: int, seed: int) -> None:
    """Fill the index in transactions as large as those of extraction."""
    draw = random.Random(seed)
    ranks = range(1, _VOCABULARY)
    weights = [1 / rank for rank in ranks]  # Zipf's law
    for start in range(0, chunks, _AT_ONCE):
        with catalog.write_transaction() as connection:
            name = searched_version(connection).chunks
            drawn = iter(draw.choices(ranks, weights, k=_AT_ONCE * _WORDS))
            rows = [
                {"id": start + number + 1, "body": " ".join(f"w{next(drawn)}" for _ in range(_WORDS))}
                for number in range(_AT_ONCE)
            ]
            connection.execute(text(f"INSERT INTO {name}(rowid, body) VALUES (:id, :body)"), rows)


def wait_as_a_writer(path: Path, stop: threading.Event, waits: list[float]) -> None:
    """Begin an empty write transaction again and again, and record how long each waited, in seconds."""
    with closing(sqlite3.connect(path, timeout=60, isolation_level=None)) as connection:
        while not stop.wait(_EVERY):
            began = time.monotonic()
            connection.execute("BEGIN IMMEDIATE")
            waits.append(time.monotonic() - began)
            connection.execute("COMMIT")


def measure(catalog: Catalog, *, whole: bool) -> None:
    waits: list[float] = []
    held: list[float] = []

    @contextmanager
    def timed_transaction() -> Iterator[Connection]:
        with catalog.write_transaction() as connection:
            began = time.monotonic()
            yield connection
            held.append(time.monotonic() - began)

    with catalog.write_transaction() as connection:
        name = searched_version(connection).chunks
        connection.execute(text(f"DELETE FROM {name} WHERE rowid <= {_DELETED}"))
    stop = threading.Event()
    writer = threading.Thread(target=wait_as_a_writer, args=(catalog.path, stop, waits))
    writer.start()
    began, busy = time.monotonic(), time.process_time()
    if whole:
        with timed_transaction() as connection:
            merge_segments(connection, name)
    else:
        Fts5Index().erase_deleted(timed_transaction, stop)
    took, used = time.monotonic() - began, time.process_time() - busy
    catalog.checkpoint()
    stop.set()
    writer.join()
    print(f"{'in one transaction' if whole else 'in steps'}: {took:.1f} s, {used:.1f} s of processor time")  # noqa: T201
    print(f"  {len(held)} transactions, the longest {_ms(held[-1:] if whole else held, 1.0)}")  # noqa: T201
    print(f"  writers waited p50 {_ms(waits, 0.5)}, p95 {_ms(waits, 0.95)}, at most {_ms(waits, 1.0)}")  # noqa: T201


def _ms(values: Sequence[float], share: float) -> str:
    return f"{percentile(values, share) * 1000:.0f} ms"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chunks", type=int, default=100_000)
    parser.add_argument("--whole", action="store_true", help="also merge in one transaction, first")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    for whole in (True, False) if options.whole else (False,):
        with tempfile.TemporaryDirectory() as folder, closing(Catalog(Path(folder))) as catalog:
            fill(catalog, options.chunks, options.seed)
            measure(catalog, whole=whole)
    return 0


if __name__ == "__main__":
    sys.exit(main())
