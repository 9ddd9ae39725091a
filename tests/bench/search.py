"""How long a search takes in 100,000 chunks: `python -m tests.bench.search DATA [--questions Q.jsonl]`.

DATA is a data folder with something indexed; it is only read. Its chunks are multiplied (30 % of the words of each
copy exchanged for others of the corpus, 20 chunks a document, 500 spaces) into a folder of its own, with a random
512-dimensional vector for each, through the code that indexing uses. Questions then go through `Rag.find` under a
scope with 50 of the spaces and under one with 10 chunks, with all lanes and with the words alone, on at most two
cores. Embedding takes no time here and is taken off. Random vectors are the worst case for a scope: nothing near the
question lies in it more than elsewhere.
Exit code 1 when the 95th percentile of any run reaches 150 ms.
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

from rag import Rag, Scope, Settings, open_rag
from rag.adapters.chroma import ChromaStore
from rag.evaluation.metrics import percentile
from rag.model import Modality
from rag.ports import Neighbor, Vector
from rag.settings import LANES
from tests.bench.multiplied import DIM, IDENTITY, SMALL, SPACES, build, chunks_of, unit_vectors

LIMIT_MS = 150
_STAGES = ("words", "vectors", "fuse")
_WARM = 5


class InstantEmbedder:
    """Satisfies ports.Embedder: a random vector for each text, the same every time."""

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


class CountingStore(ChromaStore):
    """The real store; `asks` counts the queries of each modality since it was last emptied."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.asks: dict[Modality, int] = {}

    def query(
        self,
        identity: str,
        modality: Modality,
        vector: Vector,
        k: int,
        among: Sequence[tuple[int, int]] | None = None,
    ) -> list[Neighbor]:
        self.asks[modality] = self.asks.get(modality, 0) + 1
        return super().query(identity, modality, vector, k, among)


@dataclass(frozen=True, slots=True)
class Spread:
    """Median and 95th percentile of some milliseconds."""

    p50: float
    p95: float

    @staticmethod
    def of(values: Sequence[float]) -> Spread:
        return Spread(percentile(values, 0.5), percentile(values, 0.95))


@dataclass(frozen=True, slots=True)
class Timed:
    """One pass over all questions, in milliseconds a question; `again` is the share that asked the store twice.

    `cpu` is the processor's time, of all threads: on a machine that does other things too, it says more than the
    clock.
    """

    clock: Spread
    cpu: Spread
    stages: dict[str, Spread]
    again: float


def timed(rag: Rag, store: CountingStore, questions: Sequence[str], scope: Scope) -> Timed:
    for question in questions[:_WARM]:
        rag.find(question, scope)
    took, worked, again = [], [], 0
    stages: dict[str, list[float]] = {stage: [] for stage in _STAGES}
    for question in questions:
        store.asks.clear()
        began, busy = time.perf_counter(), time.process_time()
        found = rag.find(question, scope)
        took.append((time.perf_counter() - began) * 1000 - found.stage_ms["embed"])
        worked.append((time.process_time() - busy) * 1000 - found.stage_ms["embed"])
        again += any(asks > 1 for asks in store.asks.values())
        for stage in _STAGES:
            stages[stage].append(found.stage_ms[stage])
    by_stage = {stage: Spread.of(values) for stage, values in stages.items()}
    return Timed(Spread.of(took), Spread.of(worked), by_stage, again / len(questions))


def scopes(seed: int) -> dict[str, Scope]:
    some = random.Random(seed).sample([f"S{number}" for number in range(SPACES)], SPACES // 10)
    return {f"{len(some)} of {SPACES} spaces": Scope.of(*some), "10 chunks": Scope.of(SMALL)}


def read_questions(path: Path | None, data: Path, seed: int, count: int) -> list[str]:
    """Those of a question file, or else six words of a chunk each."""
    if path is not None:
        rows = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
        return [row["query"] for row in rows if row.get("query")]
    chance = random.Random(seed)
    texts = [words for each in chunks_of(data) if len(words := [w for w in each.text.split() if len(w) > 3]) >= 6]
    return [" ".join(chance.sample(chance.choice(texts), 6)) for _ in range(count)]


def report(name: str, runs: Sequence[Timed]) -> Iterator[str]:
    yield f"{name}; median of {len(runs)} runs, and all of them"
    yield f"  the clock:     {_told([run.clock for run in runs])}"
    yield f"  the processor: {_told([run.cpu for run in runs])}"
    for stage in _STAGES:
        yield f"  {stage + ':':<14} {_told([run.stages[stage] for run in runs])}"
    yield f"  asked the vector store a second time: {max(run.again for run in runs):.0%} of the questions"


def _told(runs: Sequence[Spread]) -> str:
    def of(values: Sequence[float]) -> str:
        return f"{median(values):.0f} ms ({min(values):.0f} to {max(values):.0f})"

    return f"p50 {of([run.p50 for run in runs])}, p95 {of([run.p95 for run in runs])}"


def measure(
    made: Path, questions: Sequence[str], seed: int, runs: int, lanes: Sequence[str] = LANES
) -> dict[str, list[Timed]]:
    store = CountingStore(made / "chroma")
    settings = Settings(data=made, answer={"model": ""}, search={"lanes": ",".join(lanes)})
    with open_rag(settings, embedder=InstantEmbedder(), store=store) as rag:
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
    parser.add_argument("--made", type=Path, help="keep the large catalog here, and use it when it is there")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
    questions = read_questions(options.questions, options.data, options.seed, 200)
    with tempfile.TemporaryDirectory() as scratch:
        made = options.made or Path(scratch)
        build(options.data, made, options.chunks, options.seed, _Watch())
        measured = {
            f"{scope}, {said}": timings
            for said, lanes in (("all lanes", LANES), ("the words alone", ("words",)))
            for scope, timings in measure(made, questions, options.seed, options.runs, lanes).items()
        }
    for name, timings in measured.items():
        print("\n".join(report(name, timings)))  # noqa: T201
    slow = [name for name, timings in measured.items() if max(run.clock.p95 for run in timings) >= LIMIT_MS]
    print(f"SLOW: {'; '.join(slow)}" if slow else f"all under {LIMIT_MS} ms")  # noqa: T201
    return 1 if slow else 0


class _Watch:
    """A line now and then while the catalog is made."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def __call__(self, said: str) -> None:
        if time.monotonic() - self._last >= 10:
            self._last = time.monotonic()
            print(said, file=sys.stderr, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
