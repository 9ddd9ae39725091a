"""Measure the speed and memory of indexing a folder: `python -m tests.bench.speed DIR [--long 1000]`.

Three runs, each in its own process with an empty data folder: one reading process on one core, two on two cores, and
a generated document of 1000 pages, for which memory is measured at pages 100, 500 and 1000. Exit code 1 if memory
grew by more than 15 % between the first and the last of these.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rag import Settings, open_rag
from rag.errors import WeightsMissing
from rag.extract.guarded import GuardedExtractor
from rag.ports import Embedder
from rag.setting_groups import ReadSettings
from tests.bench.stopwatch import TimedEmbedder, TimedExtractor, Times, overlap, total_length
from tests.support.tiny_clip import TINY

STAGES = ("parse", "layout", "render", "ocr", "store", "embed")
_FLAT = 1.15
_OCR = "rag.adapters.ocr:open_ocr"


@dataclass(frozen=True, slots=True)
class Measured:
    """One run. Stages are in seconds, summed over processes. Memory is in MB."""

    workers: int
    cores: int
    embedder: str
    files: int
    pages: int
    failed: int
    wall: float
    stages: dict[str, float]
    reading: float
    embedding: float
    both: float
    vectors: dict[str, int]
    main_peak: int
    child_peaks: list[int]
    memory: list[tuple[int, int, int]]


def measure(folder: Path, data: Path, workers: int, cores: int, *, ocr: bool) -> Measured:
    """Index the folder in this process, which stays bound to this number of cores."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    times = Times()
    settings = Settings(data=data, read=ReadSettings(workers=workers, ocr=ocr), answer={"model": ""})
    name, embedder = _embedder(settings, max(1, cores // workers))
    embedder.embed_texts(["warm"])  # load the model before the clock starts

    def open_extractor() -> TimedExtractor:
        return TimedExtractor(GuardedExtractor(settings.read, _OCR if ocr else None, max(1, cores // workers)), times)

    with open_rag(settings, extractor=open_extractor, embedder=TimedEmbedder(embedder, times)) as rag:
        began = time.perf_counter()
        outcomes = rag.index([folder])
        wall = time.perf_counter() - began
    stages = {stage: times.stages[stage] for stage in STAGES} | {"embed": total_length(times.embedding)}
    return Measured(
        workers=workers,
        cores=cores,
        embedder=name,
        files=len(outcomes),
        pages=times.pages,
        failed=times.failed,
        wall=wall,
        stages=stages,
        reading=total_length(times.reading),
        embedding=total_length(times.embedding),
        both=overlap(times.reading, times.embedding),
        vectors=dict(times.embedded),
        main_peak=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10,
        child_peaks=sorted(times.peaks.values(), reverse=True),
        memory=times.memory,
    )


def _embedder(settings: Settings, threads: int) -> tuple[str, Embedder]:
    """Return the identity and the embedder of the settings, or the tiny CLIP if its weights are missing."""
    from rag.adapters.openclip import open_embedder

    try:
        found = open_embedder(settings.embed, threads)
    except WeightsMissing:
        found = open_embedder(TINY, threads)
    return found.identity, found


def in_a_process(folder: Path, workers: int, cores: int, *, ocr: bool) -> Measured:
    """Measure in a separate process, so that memory and the binding to cores do not affect other runs."""
    command = [sys.executable, "-m", "tests.bench.speed", str(folder), "--alone", str(workers), str(cores)]
    with tempfile.TemporaryDirectory() as data:
        run = subprocess.run(
            [*command, "--data", data, *([] if ocr else ["--no-ocr"])], stdout=subprocess.PIPE, text=True, check=True
        )
    return Measured(**json.loads(run.stdout.splitlines()[-1]))


def report(run: Measured) -> Iterator[str]:
    """Yield the lines of a report."""
    pages = max(1, run.pages)
    yield f"{run.workers} reading, {run.cores} core(s): {run.pages} pages of {run.files} files in {run.wall:.1f} s"
    yield f"  {run.pages / run.wall:.2f} pages/s; {run.failed} pages failed; embedder {run.embedder}"
    total = sum(run.stages.values()) or 1.0
    for stage, took in run.stages.items():
        yield f"  {stage:<8}{1000 * took / pages:8.1f} ms/page {took / total:6.1%}"
    least = min(run.reading, run.embedding) or 1.0
    vectors = ", ".join(f"{number} {what}" for what, number in run.vectors.items())
    yield f"  reading {run.reading:.1f} s, embedding {run.embedding:.1f} s ({vectors})"
    yield f"  both at once {run.both:.1f} s: {run.both / least:.0%} of the shorter was hidden behind the other"
    yield f"  peak memory: main {run.main_peak} MB, reading processes {', '.join(map(str, run.child_peaks))} MB"


def growth(run: Measured, marks: tuple[int, ...]) -> Iterator[tuple[str, list[int]]]:
    """Yield the memory of the main and the reading process after the first range that reaches each of these pages."""
    for index, process in ((1, "main"), (2, "reading")):
        at = [next((row[index] for row in run.memory if row[0] >= mark), run.memory[-1][index]) for mark in marks]
        yield process, at


def draw_long(path: Path, pages: int) -> None:
    """Write a document with text and a labeled drawing on each page. Every 25th page has no text layer."""
    import pymupdf
    from PIL import Image, ImageDraw, ImageFont

    scan = Image.new("RGB", (900, 1200), "white")
    ImageDraw.Draw(scan).text((80, 80), "Scanned ledger of the quay", "black", ImageFont.load_default(size=48))
    with pymupdf.open() as document:
        for number in range(1, pages + 1):
            page = document.new_page()
            if number % 25 == 0:
                page.insert_image(page.rect, pixmap=pymupdf.Pixmap(pymupdf.csRGB, *scan.size, scan.tobytes(), False))
                continue
            page.insert_text((60, 80), f"Chapter {number}", fontsize=20, fontname="hebo")
            words = f"Entry {number}: the crane lifted {number * 7 % 91} crates before the tide turned. " * 12
            page.insert_textbox((60, 110, 530, 420), words, fontsize=11)
            shape = page.new_shape()
            for bar in range(8):
                left, high = 80 + 50 * bar, 40 + (number * (bar + 3)) % 160
                shape.draw_rect((left, 700 - high, left + 30, 700))
                shape.draw_line((left, 700), (left + 30, 690 - high))
                page.insert_text((left, 715), f"bar {bar}", fontsize=8)
            shape.finish(fill=(0.3, 0.5, 0.7), color=(0, 0, 0))
            shape.commit()
        document.save(path, deflate=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--long", type=int, default=1000, help="pages of the long document; 0 skips it")
    parser.add_argument("--no-ocr", dest="ocr", action="store_false")
    parser.add_argument("--json", type=Path, help="write all figures here")
    parser.add_argument("--alone", type=int, nargs=2, metavar=("WORKERS", "CORES"), help="one run, its JSON to stdout")
    parser.add_argument("--data", type=Path, help="an empty data folder, with --alone")
    options = parser.parse_args()
    if options.alone:
        workers, cores = options.alone
        print(json.dumps(asdict(measure(options.folder, options.data, workers, cores, ocr=options.ocr))))  # noqa: T201
        return 0
    runs = []
    for workers in (1, 2):
        runs.append(in_a_process(options.folder, workers, workers, ocr=options.ocr))
        print("\n".join(report(runs[-1])), flush=True)  # noqa: T201
    flat = True
    if options.long:
        with tempfile.TemporaryDirectory() as name:
            draw_long(Path(name) / "long.pdf", options.long)
            runs.append(in_a_process(Path(name), 1, 2, ocr=options.ocr))
        marks = (options.long // 10, options.long // 2, options.long)
        print("\n".join(report(runs[-1])))  # noqa: T201
        for process, at in growth(runs[-1], marks):
            flat = flat and at[-1] <= _FLAT * at[0]
            line = ", ".join(f"{memory} MB at page {mark}" for mark, memory in zip(marks, at, strict=True))
            print(f"  {process}: {line} ({at[-1] / at[0] - 1:+.0%})")  # noqa: T201
    if options.json:
        shape: list[dict[str, Any]] = [asdict(run) for run in runs]
        options.json.write_text(json.dumps(shape, indent=1))
    print("memory is flat" if flat else "MEMORY GROWS")  # noqa: T201
    return 0 if flat else 1


if __name__ == "__main__":
    sys.exit(main())
