"""Reader and embedder with a stopwatch: they enter by the doors of the real ones and hand everything on."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rag.extract.guarded import GuardedExtractor
from rag.model import ExtractedPage, Inspection
from rag.ports import Embedder, Vector

Span = tuple[float, float]


@dataclass
class Times:
    """What the watches saw. Seconds; spans are moments of one clock, memory is in MB."""

    stages: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    pages: int = 0
    failed: int = 0
    reading: list[Span] = field(default_factory=list)
    embedding: list[Span] = field(default_factory=list)
    embedded: Counter[str] = field(default_factory=Counter)
    memory: list[tuple[int, int, int]] = field(default_factory=list)
    """After each range: its last page, the main process, the reading process."""

    peaks: dict[int, int] = field(default_factory=dict)
    """The most that each reading process ever had."""

    def __post_init__(self) -> None:
        self.lock = threading.Lock()


def memory_of(pid: int | str, line: str = "VmRSS") -> int:
    """MB of a process now, or at most so far with VmHWM; 0 when it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    found = [row.split()[1] for row in status.splitlines() if row.startswith(f"{line}:")]
    return int(found[0]) >> 10 if found else 0


def covered(spans: Sequence[Span]) -> list[Span]:
    """The same time in spans that do not touch each other."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def length(spans: Sequence[Span]) -> float:
    return sum(end - start for start, end in covered(spans))


def at_once(one: Sequence[Span], other: Sequence[Span]) -> float:
    """How long both went on at the same time."""
    return length(one) + length(other) - length([*one, *other])


def inside_bubblewrap(pid: int | None) -> int | None:
    """The program that bubblewrap runs, by bubblewrap's process; any other process itself."""
    while pid is not None and Path(f"/proc/{pid}/comm").read_text().strip() == "bwrap":
        started = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        pid = int(started[0]) if started else None
    return pid


class TimedReader:
    """Satisfies ports.Reader. The stage `store` is what a thread does between two ranges: chunks, catalog, words."""

    def __init__(self, reader: GuardedExtractor, times: Times) -> None:
        self._reader = reader
        self._times = times
        self._left: float | None = None
        self.version = reader.version

    @contextmanager
    def _watch(self) -> Iterator[None]:
        began = time.perf_counter()
        with self._times.lock:
            if self._left is not None:
                self._times.stages["store"] += began - self._left
        try:
            yield
        finally:
            self._left = time.perf_counter()
            with self._times.lock:
                self._times.reading.append((began, self._left))

    def inspect(self, path: Path) -> Inspection:
        with self._watch():
            found = self._reader.inspect(path)
        self._left = None  # what follows is no range of pages
        return found

    def extract(self, path: Path, first: int, last: int, into: Path) -> list[ExtractedPage]:
        with self._watch():
            pages = self._reader.extract(path, first, last, into)
        times, pid = self._times, inside_bubblewrap(self._reader.pid)
        with times.lock:
            times.pages += len(pages)
            times.failed += sum(page.error is not None for page in pages)
            for page in pages:
                for stage, took in page.stage_ms.items():
                    times.stages[stage] += took / 1000
            if pid is not None:
                times.memory.append((last, memory_of("self"), memory_of(pid)))
                times.peaks[pid] = memory_of(pid, "VmHWM")
        return pages

    def close(self) -> None:
        self._reader.close()


class TimedEmbedder:
    """Satisfies ports.Embedder."""

    def __init__(self, embedder: Embedder, times: Times) -> None:
        self._embedder = embedder
        self._times = times

    @property
    def identity(self) -> str:
        return self._embedder.identity

    @property
    def dim(self) -> int:
        return self._embedder.dim

    def windows(self, text: str) -> list[str]:
        return self._embedder.windows(text)

    def windows_of(self, texts: Sequence[str]) -> list[list[str]]:
        return self._embedder.windows_of(texts)

    @contextmanager
    def _watch(self, what: str, count: int) -> Iterator[None]:
        began = time.perf_counter()
        yield
        with self._times.lock:
            self._times.embedding.append((began, time.perf_counter()))
            self._times.embedded[what] += count

    def embed_texts(self, texts: Sequence[str]) -> list[Vector]:
        with self._watch("texts", len(texts)):
            return self._embedder.embed_texts(texts)

    def embed_pictures(self, pictures: Sequence[Path]) -> list[Vector | None]:
        with self._watch("pictures", len(pictures)):
            return self._embedder.embed_pictures(pictures)
