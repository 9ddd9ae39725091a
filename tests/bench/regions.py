"""Measure how many annotated regions are stored as separate chunks.

    python -m tests.bench.regions BENCH [--no-ocr] [--worst DIR] [--workers N]

BENCH has `questions.jsonl` and `pdf/`. Each region of a question with exactly one kind (Table, Chart, Figure) is
compared with the figure and table chunks of its page, at most twelve. It is found if one of them has an IoU
(intersection over union) of at least 0.5. A chunk of the whole page does not count, because it would match whatever
fills a slide. Precision is the share of these chunks that match an annotated region. It cannot reach 1, because only
regions of questions are annotated. `--worst` writes the ten worst of each kind as pictures, with annotated regions in
red and stored ones in blue.
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
from rag.model.extraction import Box, Kind, NewChunk
from rag.setting_groups import ReadSettings

if TYPE_CHECKING:
    from PIL.Image import Image

TARGETS = {"Table": 0.95, "Chart": 0.85, "Figure": 0.70}
FOUND = 0.5
AT_MOST = 12
_WORST = 10


@dataclass(frozen=True, slots=True)
class Annotation:
    """An annotated region."""

    question: str
    file: str
    page: int
    kind: str
    box: Box


@dataclass(frozen=True, slots=True)
class ExtractedRegions:
    """The stored regions of a page, and its picture."""

    chunks: tuple[NewChunk, ...]
    render: Path | None


def read_annotations(questions: Path) -> list[Annotation]:
    """Return the regions of questions with exactly one kind that has a target."""
    found = []
    for line in questions.read_text().splitlines():
        question = json.loads(line)
        kinds = question.get("kinds") or []
        if len(kinds) == 1 and kinds[0] in TARGETS:
            for region in question.get("regions") or []:
                found.append(
                    Annotation(question["id"], question["file"], region["page"], kinds[0], Box(*region["bbox"]))
                )
    return found


def iou(a: Box, b: Box) -> float:
    shared = a.intersection(b)
    union = a.area + b.area - shared
    return shared / union if union else 0.0


def read_pages(
    numbers: Sequence[tuple[str, int]], pdfs: Path, settings: ReadSettings, into: Path
) -> Iterator[ExtractedRegions]:
    """Yield the regions of pages in the order of `numbers`, extracted by one process for each worker."""
    ocr = "rag.adapters.ocr:open_ocr" if settings.ocr else None
    count = settings.workers or 2
    files = sorted({file for file, _ in numbers})

    def read(share: list[str]) -> dict[tuple[str, int], ExtractedRegions]:
        extractor = GuardedExtractor(settings, ocr)
        done = {}
        try:
            for file, number in numbers:
                if file in share:
                    folder = into / Path(file).stem
                    folder.mkdir(exist_ok=True)
                    pages = extractor.extract(pdfs / file, number, number, folder)
                    chunks, _ = chunk_pages(pages)
                    regions = [chunk for chunk in chunks if chunk.kind in (Kind.FIGURE, Kind.TABLE)]
                    render = folder / pages[0].render if pages[0].render else None
                    done[file, number] = ExtractedRegions(tuple(regions[:AT_MOST]), render)
                    print(".", end="", flush=True, file=sys.stderr)  # noqa: T201
        finally:
            extractor.close()
        return done

    with ThreadPoolExecutor(count) as pool:
        parts = list(pool.map(read, [files[start::count] for start in range(count)]))
    print(file=sys.stderr)  # noqa: T201
    everything = {key: page for part in parts for key, page in part.items()}
    return (everything[key] for key in numbers)


def write_worst(
    missed: Sequence[tuple[float, Annotation]], pages: dict[tuple[str, int], ExtractedRegions], folder: Path
) -> None:
    from PIL import Image as pillow

    folder.mkdir(parents=True, exist_ok=True)
    by_kind: dict[str, list[tuple[float, Annotation]]] = defaultdict(list)
    for score, annotation in sorted(missed, key=lambda each: each[0]):
        if score < FOUND and len(by_kind[annotation.kind]) < _WORST:
            by_kind[annotation.kind].append((score, annotation))
    for kind, worst in by_kind.items():
        for rank, (score, annotation) in enumerate(worst, 1):
            page = pages[annotation.file, annotation.page]
            if page.render is not None:
                with pillow.open(page.render) as image:
                    drawn = draw_regions(image, annotation.box, [chunk.box for chunk in page.chunks])
                name = f"{kind.lower()}-{rank:02d}-{score:.2f}-{Path(annotation.file).stem}-p{annotation.page}.png"
                drawn.save(folder / name)


def draw_regions(image: Image, annotation: Box, stored: Sequence[Box]) -> Image:
    """Return the page with the annotated region in red and the stored ones in blue."""
    from PIL import ImageDraw

    image = image.convert("RGB")
    image.thumbnail((1000, 1000))
    draw = ImageDraw.Draw(image)
    for box, color, width in (*((box, "blue", 3) for box in stored), (annotation, "red", 5)):
        x0, x1 = sorted((box.x0 * image.width, box.x1 * image.width))
        y0, y1 = sorted((box.y0 * image.height, box.y1 * image.height))
        draw.rectangle((x0, y0, x1, y1), outline=color, width=width)
    return image


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bench", type=Path)
    parser.add_argument("--no-ocr", action="store_true", help="extract without OCR")
    parser.add_argument("--worst", type=Path, help="write pictures of the worst misses to this folder")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    annotations = read_annotations(options.bench / "questions.jsonl")
    numbers = sorted({(annotation.file, annotation.page) for annotation in annotations})
    settings = ReadSettings(ocr=not options.no_ocr, workers=options.workers)
    with TemporaryDirectory() as scratch:
        pages = dict(zip(numbers, read_pages(numbers, options.bench / "pdf", settings, Path(scratch)), strict=True))
        best = [
            (
                max(
                    (iou(annotation.box, chunk.box) for chunk in pages[annotation.file, annotation.page].chunks),
                    default=0.0,
                ),
                annotation,
            )
            for annotation in annotations
        ]
        if options.worst:
            write_worst(best, pages, options.worst)
    return report(best, pages)


def report(best: Sequence[tuple[float, Annotation]], pages: dict[tuple[str, int], ExtractedRegions]) -> int:
    stored = sum(len(page.chunks) for page in pages.values())
    of_page = defaultdict(list)
    for _, annotation in best:
        of_page[annotation.file, annotation.page].append(annotation.box)
    matching = sum(
        any(iou(chunk.box, box) >= FOUND for box in of_page[key])
        for key, page in pages.items()
        for chunk in page.chunks
    )
    print(f"{len(pages)} pages, {stored / len(pages):.1f} regions a page, precision {matching / max(stored, 1):.1%}")  # noqa: T201
    shares = {}
    for kind in TARGETS:
        scores = [score for score, annotation in best if annotation.kind == kind]
        shares[kind] = sum(score >= FOUND for score in scores) / len(scores)
        mean = sum(scores) / len(scores)
        print(f"{kind}: {sum(score >= FOUND for score in scores)} of {len(scores)}, mean IoU {mean:.2f}")  # noqa: T201
    print(", ".join(f"{kind} {share:.1%} (target {TARGETS[kind]:.0%})" for kind, share in shares.items()))  # noqa: T201
    return 0 if all(share >= TARGETS[kind] for kind, share in shares.items()) else 1


if __name__ == "__main__":
    sys.exit(main())
