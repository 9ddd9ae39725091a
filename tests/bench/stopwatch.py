"""Extractor and embedder that measure time and memory and delegate to the real ones."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rag.extract.guarded import GuardedExtractor
from rag.model.extraction import Attachments, Box, ExtractedPage, Inspection
from rag.ports import Embedder, Vector

Span = tuple[float, float]


@dataclass
class Times:
    """Measurements: durations in seconds, spans as moments of one clock, memory in MB."""

    stages: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    pages: int = 0
    failed: int = 0
    reading: list[Span] = field(default_factory=list)
    embedding: list[Span] = field(default_factory=list)
    embedded: Counter[str] = field(default_factory=Counter)
    memory: list[tuple[int, int, int]] = field(default_factory=list)
    """(last page, memory of the main process, memory of the reading process) after each range."""

    peaks: dict[int, int] = field(default_factory=dict)
    """Peak memory of each reading process, by its ID."""

    def __post_init__(self) -> None:
        self.lock = threading.Lock()


def memory_of(pid: int | str, line: str = "VmRSS") -> int:
    """Return the memory of a process in MB: the current one, or the peak with VmHWM. 0 if the process has ended."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    found = [row.split()[1] for row in status.splitlines() if row.startswith(f"{line}:")]
    return int(found[0]) >> 10 if found else 0


def merge_spans(spans: Sequence[Span]) -> list[Span]:
    """Return spans that cover the same time without overlapping."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def total_length(spans: Sequence[Span]) -> float:
    return sum(end - start for start, end in merge_spans(spans))


def overlap(first: Sequence[Span], second: Sequence[Span]) -> float:
    """Return the seconds that are in both."""
    return total_length(first) + total_length(second) - total_length([*first, *second])


def inside_bubblewrap(pid: int | None) -> int | None:
    """Return the process that bubblewrap runs, or the process itself if it is not bubblewrap."""
    while pid is not None and Path(f"/proc/{pid}/comm").read_text().strip() == "bwrap":
        started = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        pid = int(started[0]) if started else None
    return pid


class TimedExtractor:
    """Satisfies ports.Extractor. The stage `store` is the time between two ranges: chunks, catalog, full-text index."""

    def __init__(self, extractor: GuardedExtractor, times: Times) -> None:
        self._extractor = extractor
        self._times = times
        self._left: float | None = None
        self.version = extractor.version

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
            found = self._extractor.inspect(path)
        self._left = None  # another file or nothing follows
        return found

    def attachments(self, path: Path, media_type: str, into: Path) -> Attachments:
        with self._watch():
            found = self._extractor.attachments(path, media_type, into)
        self._left = None
        return found

    def skim(self, path: Path, media_type: str, first: int, last: int) -> Generator[ExtractedPage, None, None]:
        with self._watch():
            yield from self._extractor.skim(path, media_type, first, last)

    def extract(self, path: Path, first: int, last: int, into: Path) -> list[ExtractedPage]:
        with self._watch():
            pages = self._extractor.extract(path, first, last, into)
        times, pid = self._times, inside_bubblewrap(self._extractor.pid)
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

    def draw_region(self, path: Path, number: int, region: Box, width: int, turn: int, into: Path) -> Path:
        return self._extractor.draw_region(path, number, region, width, turn, into)

    def load_models(self) -> str:
        return self._extractor.load_models()

    def close(self) -> None:
        self._extractor.close()


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
    def _watch(self, kind: str, count: int) -> Iterator[None]:
        began = time.perf_counter()
        yield
        with self._times.lock:
            self._times.embedding.append((began, time.perf_counter()))
            self._times.embedded[kind] += count

    def embed_texts(self, texts: Sequence[str]) -> list[Vector]:
        with self._watch("texts", len(texts)):
            return self._embedder.embed_texts(texts)

    def embed_pictures(self, pictures: Sequence[Path]) -> list[Vector | None]:
        with self._watch("pictures", len(pictures)):
            return self._embedder.embed_pictures(pictures)
