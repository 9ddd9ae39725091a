"""Measure the time of a search in 100,000 chunks: `python -m tests.bench.search DATA [--questions Q.jsonl]`.

DATA is a data folder with indexed files, which is only read. Its chunks are multiplied into another folder by the
indexing code: 30 % of the words of each copy are exchanged for others of the corpus, with 20 chunks a document, 500
spaces, and a random 512-dimensional vector for each chunk. The questions are searched with `Rag.find` in a scope
of 50 spaces and in one of 10 chunks, with all lanes and with the lane of words only, on at most two cores. The time
of embedding is subtracted. With --learned, there are also late interaction over random token vectors of 50 KB a
page, and reranking by the tiny cross-encoder of the tests. Random vectors are the worst case for a scope, because
the nearest neighbors are not more frequent in it than elsewhere. Exit code 1 if the 95th percentile of any run
reaches 150 ms.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from rag import Rag, Scope, Settings, open_rag
from rag.adapters.chroma import ChromaStore
from rag.evaluation.metrics import percentile
from rag.model.extraction import Modality
from rag.ports import Neighbor, PageTokens, Vector
from rag.setting_groups import LANES
from tests.bench.multiplied import (
    DIM,
    IDENTITY,
    PAGE_DIM,
    PAGES_IDENTITY,
    SMALL,
    SPACES,
    build,
    chunks_of,
    unit_vectors,
)
from tests.support.tiny_cross_encoder import TINY

LIMIT_MS = 150
STAGES = ("words", "vectors", "page-images", "rerank", "fuse")
_QUESTION_TOKENS = 20
_WARM = 5


class InstantEmbedder:
    """Satisfies ports.Embedder with a deterministic random vector for each text."""

    identity = IDENTITY
    dim = DIM

    def windows(self, text: str) -> list[str]:
        return [text]

    def windows_of(self, texts: Sequence[str]) -> list[list[str]]:
        return [self.windows(text) for text in texts]

    def embed_texts(self, texts: Sequence[str]) -> list[Vector]:
        return [unit_vectors(1, crc32(text.encode()))[0] for text in texts]

    def embed_pictures(self, pictures: Sequence[Path]) -> list[Vector | None]:
        return [unit_vectors(1, crc32(picture.read_bytes()))[0] for picture in pictures]


class InstantPageEmbedder:
    """Satisfies ports.PageEmbedder with deterministic random vectors for each question."""

    identity = PAGES_IDENTITY

    def embed_pages(self, pictures: Sequence[bytes]) -> list[PageTokens | None]:
        return [None for _ in pictures]

    def embed_question(self, text: str) -> NDArray[np.float32]:
        rows = np.random.default_rng(crc32(text.encode())).standard_normal((_QUESTION_TOKENS, PAGE_DIM))
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


class CountingStore(ChromaStore):
    """The real store, which counts the queries of each modality in `queries`."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.queries: dict[Modality, int] = {}

    def query(
        self,
        identity: str,
        modality: Modality,
        vector: Vector,
        k: int,
        among: Sequence[tuple[int, int]] | None = None,
    ) -> list[Neighbor]:
        self.queries[modality] = self.queries.get(modality, 0) + 1
        return super().query(identity, modality, vector, k, among)


@dataclass(frozen=True, slots=True)
class Spread:
    """Median and 95th percentile, in milliseconds."""

    p50: float
    p95: float

    @staticmethod
    def of(values: Sequence[float]) -> Spread:
        return Spread(percentile(values, 0.5), percentile(values, 0.95))


@dataclass(frozen=True, slots=True)
class Timed:
    """One pass over all questions, in milliseconds per question.

    `cpu` is the processor time of all threads, which is more reliable than the clock on a busy machine. `again` is
    the share of questions that queried the store twice.
    """

    clock: Spread
    cpu: Spread
    stages: dict[str, Spread]
    again: float


def timed(rag: Rag, store: CountingStore, questions: Sequence[str], scope: Scope) -> Timed:
    for question in questions[:_WARM]:
        rag.find(question, scope)
    elapsed, cpu_times, again = [], [], 0
    stages: dict[str, list[float]] = {stage: [] for stage in STAGES}
    for question in questions:
        store.queries.clear()
        began, busy = time.perf_counter(), time.process_time()
        found = rag.find(question, scope)
        elapsed.append((time.perf_counter() - began) * 1000 - found.stage_ms["embed"])
        cpu_times.append((time.process_time() - busy) * 1000 - found.stage_ms["embed"])
        again += any(count > 1 for count in store.queries.values())
        for stage in STAGES:
            stages[stage].append(found.stage_ms[stage])
    by_stage = {stage: Spread.of(values) for stage, values in stages.items()}
    return Timed(Spread.of(elapsed), Spread.of(cpu_times), by_stage, again / len(questions))


def scopes(seed: int) -> dict[str, Scope]:
    names = random.Random(seed).sample([f"S{number}" for number in range(SPACES)], SPACES // 10)
    return {f"{len(names)} of {SPACES} spaces": Scope.of(*names), "10 chunks": Scope.of(SMALL)}


def read_questions(path: Path | None, data: Path, seed: int, count: int) -> list[str]:
    """Return the questions of a file, or without one, six random words of a random chunk each."""
    if path is not None:
        rows = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
        return [row["query"] for row in rows if row.get("query")]
    rng = random.Random(seed)
    texts = [words for each in chunks_of(data) if len(words := [w for w in each.text.split() if len(w) > 3]) >= 6]
    return [" ".join(rng.sample(rng.choice(texts), 6)) for _ in range(count)]


def report(name: str, runs: Sequence[Timed]) -> Iterator[str]:
    yield f"{name}; median of {len(runs)} runs (and their range)"
    yield f"  clock:         {_spread([run.clock for run in runs])}"
    yield f"  processor:     {_spread([run.cpu for run in runs])}"
    for stage in STAGES:
        yield f"  {stage + ':':<14} {_spread([run.stages[stage] for run in runs])}"
    yield f"  queried the vector store a second time: {max(run.again for run in runs):.0%} of the questions"


def _spread(runs: Sequence[Spread]) -> str:
    def of(values: Sequence[float]) -> str:
        return f"{median(values):.0f} ms ({min(values):.0f} to {max(values):.0f})"

    return f"p50 {of([run.p50 for run in runs])}, p95 {of([run.p95 for run in runs])}"


def measure(
    made: Path,
    questions: Sequence[str],
    seed: int,
    runs: int,
    lanes: Sequence[str] = LANES,
    *,
    learned: bool = False,
) -> dict[str, list[Timed]]:
    store = CountingStore(made / "chroma")
    rerank = TINY.model_dump() if learned else {}
    settings = Settings(data=made, answer={"model": ""}, search={"lanes": ",".join(lanes)}, rerank=rerank)
    pages = InstantPageEmbedder() if learned else None
    with open_rag(settings, embedder=InstantEmbedder(), store=store, page_embedder=pages) as rag:
        rag.load_reranker()
        return {
            name: [timed(rag, store, questions, scope) for _ in range(runs)] for name, scope in scopes(seed).items()
        }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--questions", type=Path, help="a question file of `magpie eval`")
    parser.add_argument("--chunks", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--learned", action="store_true", help="measure late interaction and a reranker, too")
    parser.add_argument("--made", type=Path, help="keep the large catalog here and reuse it")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
    questions = read_questions(options.questions, options.data, options.seed, 200)
    with tempfile.TemporaryDirectory() as scratch:
        made = options.made or Path(scratch)
        build(options.data, made, options.chunks, options.seed, _Watch(), page_images=options.learned)
        variants = [("all lanes", LANES, False), ("words only", ("words",), False)]
        variants += [("all lanes, page images and reranker", LANES, True)] if options.learned else []
        measured = {
            f"{scope}, {label}": timings
            for label, lanes, learned in variants
            for scope, timings in measure(made, questions, options.seed, options.runs, lanes, learned=learned).items()
        }
    for name, timings in measured.items():
        print("\n".join(report(name, timings)))  # noqa: T201
    slow = [name for name, timings in measured.items() if max(run.clock.p95 for run in timings) >= LIMIT_MS]
    print(f"SLOW: {'; '.join(slow)}" if slow else f"all under {LIMIT_MS} ms")  # noqa: T201
    return 1 if slow else 0


class _Watch:
    """Prints the progress of creating the catalog at most every 10 seconds."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def __call__(self, message: str) -> None:
        if time.monotonic() - self._last >= 10:
            self._last = time.monotonic()
            print(message, file=sys.stderr, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
