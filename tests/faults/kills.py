"""Kill `magpie index` with SIGKILL at random moments, then check that nothing is missing.

    python -m tests.faults.kills FOLDER [--kills 30] [--seed 1] [--data DIR]

Prints one line of counts. Exit code 1 if a document is incomplete or a vector does not find itself.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select

from rag.adapters.chroma import ChromaStore
from rag.catalog import Catalog, statuses, vectors
from rag.catalog.tables import chunk, chunk_vector, document, extraction, page
from rag.ports import StoredVector
from tests.support.tiny_clip import ENVIRONMENT as TINY_CLIP


@dataclass(frozen=True)
class Verdict:
    """Counts of the catalog and the vector store after the kills."""

    kills: int
    documents: int
    unsettled: int
    missing_pages: int
    pages: int
    without_vector: int
    vectors: int
    lost: int

    @property
    def is_sound(self) -> bool:
        return not (self.unsettled or self.missing_pages or self.without_vector or self.lost) and self.vectors > 0


def index(folder: Path, data: Path) -> subprocess.Popen[bytes]:
    """Start `magpie index FOLDER` with the tiny CLIP in its own process group."""
    return subprocess.Popen(
        [sys.executable, "-m", "bot.cli.main", "--data", str(data), "index", str(folder)],
        env=os.environ | TINY_CLIP,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def kill_at_random(folder: Path, data: Path, kills: int, shortest: float, longest: float, rng: random.Random) -> int:
    """Start and kill indexing repeatedly, each time after a random number of seconds. Return the number of kills."""
    killed = 0
    for _ in range(kills):
        process = index(folder, data)
        deadline = time.monotonic() + rng.uniform(shortest, longest)
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
            killed += 1
        process.wait()
    return killed


def verify(data: Path, kills: int) -> Verdict:
    """Count unfinished sources, missing pages, chunks without a vector, and vectors that are not found by a search."""
    catalog = Catalog(data)
    store = ChromaStore(data / "chroma", "split")
    try:
        with catalog.read_transaction() as connection:
            rows = statuses.list_statuses(connection)
            expected = connection.scalar(
                select(func.sum(extraction.c.pages)).join(document, document.c.extraction_id == extraction.c.id)
            )
            pages = connection.scalar(
                select(func.count()).select_from(page).join(document, document.c.extraction_id == page.c.extraction_id)
            )
            chunks = connection.scalar(select(func.count()).select_from(chunk)) or 0
            embedded = connection.scalar(select(func.count(func.distinct(chunk_vector.c.chunk_id)))) or 0
            identity = connection.scalar(select(chunk_vector.c.embedder).limit(1)) or ""
            lost = total = 0
            for batch in vectors.stored_vectors(connection, identity):
                for row in batch:
                    total += 1
                    lost += not _finds_itself(store, identity, row)
        return Verdict(
            kills,
            len(rows),
            sum(row.state != "ready" for row in rows),
            (expected or 0) - (pages or 0),
            pages or 0,
            chunks - embedded,
            total,
            lost,
        )
    finally:
        store.close()
        catalog.close()


def _finds_itself(store: ChromaStore, identity: str, row: StoredVector) -> bool:
    """Return whether a vector is found by its ID, and by a search among all as the nearest or tied with it."""
    own = store.query(identity, row.modality, row.vector, 1, [(row.chunk, row.window)])
    near = store.query(identity, row.modality, row.vector, 10)
    mine = [(one.chunk, one.window) for one in near if one.similarity > 0.999]
    return bool(own) and own[0].similarity > 0.999 and ((row.chunk, row.window) in mine or len(mine) == len(near))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--shortest", type=float, default=2.0, help="minimum seconds before a kill")
    parser.add_argument("--longest", type=float, default=12.0, help="maximum seconds before a kill")
    parser.add_argument("--data", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        data = options.data or Path(temporary)
        rng = random.Random(options.seed)
        killed = kill_at_random(options.folder, data, options.kills, options.shortest, options.longest, rng)
        code = index(options.folder, data).wait()
        verdict = verify(data, killed)
    print(f"{verdict} last run's exit code {code}")  # noqa: T201
    return 0 if verdict.is_sound and code == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
