"""How many of the regions people marked are stored as chunks of their own.

    python -m tests.bench.regions BENCH [--no-ocr] [--worst DIR] [--files N]

BENCH holds `questions.jsonl` and `pdf/`. Each region of a question with exactly one kind (Table, Chart, Figure) is
compared with the figure and table chunks of its page, at most twelve; it is found when one of them has an IoU
(intersection over union) of at least 0.5. The page itself is no region: it would match whatever fills a slide.
Precision is the share of those chunks that match a marked region, so it cannot reach 1: people marked only what
they asked about. `--worst` writes the ten worst of each kind as pictures: marked in red, stored in blue.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from rag.extract.guarded import GuardedExtractor
from rag.ingest.chunking import chunk_pages
from rag.model import Box, Kind, NewChunk
from rag.settings import ReadSettings

if TYPE_CHECKING:
    from PIL.Image import Image

AIMS = {"Table": 0.95, "Chart": 0.85, "Figure": 0.70}
FOUND = 0.5
AT_MOST = 12
_WORST = 10


@dataclass(frozen=True, slots=True)
class Gold:
    """A marked region, and how well the best chunk of its page meets it."""

    question: str
    file: str
    page: int
    kind: str
    box: Box


@dataclass(frozen=True, slots=True)
class Read:
    """A page's stored regions, and its render."""

    chunks: tuple[NewChunk, ...]
    render: Path | None


def golds(questions: Path) -> list[Gold]:
    """The regions of questions with exactly one kind we aim at."""
    found = []
    for line in questions.read_text().splitlines():
        question = json.loads(line)
        kinds = question.get("kinds") or []
        if len(kinds) == 1 and kinds[0] in AIMS:
            for region in question.get("regions") or []:
                found.append(Gold(question["id"], question["file"], region["page"], kinds[0], Box(*region["bbox"])))
    return found


def iou(a: Box, b: Box) -> float:
    shared = a.intersection(b)
    union = a.area + b.area - shared
    return shared / union if union else 0.0


def read_pages(wanted: Sequence[tuple[str, int]], pdfs: Path, settings: ReadSettings, into: Path) -> Iterator[Read]:
    """The pages as ingest would store them, in the order asked for, on as many readers as workers are set."""
    ocr = "rag.adapters.rapidocr:open_ocr" if settings.ocr else None
    count = settings.workers or 2
    files = sorted({file for file, _ in wanted})

    def read(share: list[str]) -> dict[tuple[str, int], Read]:
        reader = GuardedExtractor(settings, ocr)
        done = {}
        try:
            for file, number in wanted:
                if file in share:
                    folder = into / Path(file).stem
                    folder.mkdir(exist_ok=True)
                    pages = reader.extract(pdfs / file, number, number, folder)
                    chunks, _ = chunk_pages(pages)
                    regions = [chunk for chunk in chunks if chunk.kind in (Kind.FIGURE, Kind.TABLE)]
                    render = folder / pages[0].render if pages[0].render else None
                    done[file, number] = Read(tuple(regions[:AT_MOST]), render)
                    print(".", end="", flush=True, file=sys.stderr)  # noqa: T201
        finally:
            reader.close()
        return done

    with ThreadPoolExecutor(count) as pool:
        parts = list(pool.map(read, [files[start::count] for start in range(count)]))
    print(file=sys.stderr)  # noqa: T201
    everything = {key: page for part in parts for key, page in part.items()}
    return (everything[key] for key in wanted)


def write_worst(missed: Sequence[tuple[float, Gold]], pages: dict[tuple[str, int], Read], folder: Path) -> None:
    from PIL import Image as pillow

    folder.mkdir(parents=True, exist_ok=True)
    by_kind: dict[str, list[tuple[float, Gold]]] = defaultdict(list)
    for score, gold in sorted(missed, key=lambda each: each[0]):
        if score < FOUND and len(by_kind[gold.kind]) < _WORST:
            by_kind[gold.kind].append((score, gold))
    for kind, worst in by_kind.items():
        for rank, (score, gold) in enumerate(worst, 1):
            page = pages[gold.file, gold.page]
            if page.render is not None:
                with pillow.open(page.render) as image:
                    drawn = marked(image, gold.box, [chunk.box for chunk in page.chunks])
                name = f"{kind.lower()}-{rank:02d}-{score:.2f}-{Path(gold.file).stem}-p{gold.page}.png"
                drawn.save(folder / name)


def marked(image: Image, gold: Box, stored: Sequence[Box]) -> Image:
    """The page with the marked region in red and the stored ones in blue."""
    from PIL import ImageDraw

    image = image.convert("RGB")
    image.thumbnail((1000, 1000))
    draw = ImageDraw.Draw(image)
    for box, colour, width in (*((box, "blue", 3) for box in stored), (gold, "red", 5)):
        x0, x1 = sorted((box.x0 * image.width, box.x1 * image.width))
        y0, y1 = sorted((box.y0 * image.height, box.y1 * image.height))
        draw.rectangle((x0, y0, x1, y1), outline=colour, width=width)
    return image


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bench", type=Path)
    parser.add_argument("--no-ocr", action="store_true", help="read without recognition")
    parser.add_argument("--worst", type=Path, help="a folder for pictures of the worst misses")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    marks = golds(options.bench / "questions.jsonl")
    wanted = sorted({(gold.file, gold.page) for gold in marks})
    settings = ReadSettings(ocr=not options.no_ocr, workers=options.workers)
    with TemporaryDirectory() as scratch:
        pages = dict(zip(wanted, read_pages(wanted, options.bench / "pdf", settings, Path(scratch)), strict=True))
        best = [
            (max((iou(gold.box, chunk.box) for chunk in pages[gold.file, gold.page].chunks), default=0.0), gold)
            for gold in marks
        ]
        if options.worst:
            write_worst(best, pages, options.worst)
    return report(best, pages)


def report(best: Sequence[tuple[float, Gold]], pages: dict[tuple[str, int], Read]) -> int:
    stored = sum(len(page.chunks) for page in pages.values())
    of_page = defaultdict(list)
    for _, gold in best:
        of_page[gold.file, gold.page].append(gold.box)
    right = sum(
        any(iou(chunk.box, box) >= FOUND for box in of_page[key])
        for key, page in pages.items()
        for chunk in page.chunks
    )
    print(f"{len(pages)} pages, {stored / len(pages):.1f} regions a page, precision {right / max(stored, 1):.1%}")  # noqa: T201
    shares = {}
    for kind in AIMS:
        scores = [score for score, gold in best if gold.kind == kind]
        shares[kind] = sum(score >= FOUND for score in scores) / len(scores)
        mean = sum(scores) / len(scores)
        print(f"{kind}: {sum(score >= FOUND for score in scores)} of {len(scores)}, mean IoU {mean:.2f}")  # noqa: T201
    print(", ".join(f"{kind} {share:.1%} (aim {AIMS[kind]:.0%})" for kind, share in shares.items()))  # noqa: T201
    return 0 if all(share >= AIMS[kind] for kind, share in shares.items()) else 1


if __name__ == "__main__":
    sys.exit(main())
