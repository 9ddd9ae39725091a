"""Measure how long screenshots take: `python -m tests.bench.screenshots DATA [--queries FILE] [--count 60] [--cold]`.

DATA is a data folder with indexed files, which is only read. Each screenshot is searched for with `Rag.find_picture`
after the engine was told to expect one, and once its process is ready; with --cold, without that. Times are by the
clock and in processor time of this process and of all it started. With --pages, they are searched for among that many
pages, in a copy of the folder.

FILE is a `queries.jsonl` of screenshots, in the format of `magpie eval`. Without it, parts are cut from the stored
pictures of random pages and changed like screenshots: those say how fast it is, not how exact.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from PIL import Image, ImageOps

from rag import Rag, Scope, Settings, open_rag
from rag.evaluation.metrics import percentile
from tests.bench.many_pages import add_pages, copy_data
from tests.support.absent import NoEmbedder

LOOKS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "clean": lambda image: image,
    "dark": ImageOps.invert,
    "small": lambda image: image.resize((image.width // 2, image.height // 2), Image.Resampling.LANCZOS),
    "half": lambda image: image.crop((0, 0, image.width, image.height // 2)),
}
_READY_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Query:
    """A screenshot and the pages that it shows, each as (file, number); none if it must not be found."""

    image: Path
    pages: frozenset[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Timed:
    """The time of one screenshot in seconds, and whether the first page is right (or nothing found, if it must not)."""

    clock: float
    processor: float
    is_right: bool


def read_queries(path: Path) -> list[Query]:
    rows = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
    return [Query(path.parent / row["image"], frozenset((row["file"], page) for page in row["pages"])) for row in rows]


def cut_queries(rag: Rag, count: int, seed: int, into: Path) -> Iterator[Query]:
    """Yield screenshots of random pages."""
    draw = random.Random(seed)
    pages = [(row.id, row.name, page) for row in rag.documents(Scope.operator()) for page in range(1, row.pages + 1)]
    for number, (document, name, page) in enumerate(draw.sample(pages, min(count, len(pages)))):
        stored = rag.page_pictures([(document, page)], Scope.operator())
        if not stored:
            continue
        with Image.open(stored[document, page]) as image:
            width, height = image.size
            left, top = draw.uniform(0, 0.2) * width, draw.uniform(0, 0.4) * height
            shown = image.crop((int(left), int(top), width, int(top + draw.uniform(0.4, 0.6) * height)))
        path = into / f"shot{number}.png"
        LOOKS[draw.choice(list(LOOKS))](shown).save(path)
        yield Query(path, frozenset({(name, page)}))


def timed(rag: Rag, query: Query, *, is_expected: bool) -> Timed:
    if is_expected:
        _make_ready(rag)
    began, busy = time.monotonic(), _processor_time()
    found = rag.find_picture(query.image, Scope.operator())
    took = time.monotonic() - began
    first = {(hit.name, hit.page) for hit in found.hits[:1]} if found.found else set()
    is_right = bool(first & query.pages) if query.pages else not found.found
    return Timed(took, _processor_time() - busy, is_right)


def _make_ready(rag: Rag) -> None:
    """Wait for a process that is ready; its start is not part of the answer, because the download takes as long."""
    rag.expect_picture()
    until, never = time.monotonic() + _READY_SECONDS, Event()
    while not rag.is_ready_for_picture() and time.monotonic() < until:
        never.wait(0.02)


def _processor_time() -> float:
    """Return the processor time of this process and of those that it started and that have ended."""
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def report(runs: Sequence[Timed]) -> str:
    def of(values: Sequence[float]) -> str:
        return f"p50 {percentile(values, 0.5):.2f} s, p95 {percentile(values, 0.95):.2f} s, at most {max(values):.2f} s"

    right = sum(run.is_right for run in runs)
    return "\n".join(
        [
            f"{len(runs)} screenshots, right {right} ({right / len(runs):.1%})",
            f"  clock:     {of([run.clock for run in runs])}",
            f"  processor: {of([run.processor for run in runs])}",
        ]
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--queries", type=Path)
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pages", type=int, default=0, help="add made-up pages until there are so many")
    parser.add_argument("--cold", action="store_true", help="do not announce the screenshots")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as opened:
        data = options.data
        if options.pages:
            data = copy_data(options.data, Path(folder) / "data")
            add_pages(data, options.pages, options.seed, lambda message: print(message, file=sys.stderr))  # noqa: T201
        settings = Settings(data=data, answer={"model": ""}, text={"model": ""})
        rag = opened.enter_context(open_rag(settings, embedder=NoEmbedder(), upgrade=False))
        queries = (
            read_queries(options.queries)[: options.count]
            if options.queries
            else list(cut_queries(rag, options.count, options.seed, Path(folder)))
        )
        runs = [timed(rag, query, is_expected=not options.cold) for query in queries]
    print(report(runs))  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
