"""Measure large models on a GPU, with random weights: `make bench-gpu`.

SigLIP 2 and ViT-g-14 are measured as `magpie bench --random` does, and a ColQwen2 of its published size from JPEG files
to vectors in the catalog and the store. Each is compared with the model alone, on the same batches. Random weights are
as fast as trained ones. Without a GPU it takes hours; --tiny measures models of the tests instead.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter

from rag import BenchmarkOptions, BenchmarkResult, MagpieError, Settings, measure_embedder
from rag.adapters.late_interaction import LateInteractionModel
from rag.build import open_indexes
from rag.catalog import Catalog
from rag.setting_groups import EmbedSettings, PageImageSettings
from tests.bench.page_files import draw_page, put_pages
from tests.support.absent import NoEmbedder
from tests.support.tiny_clip import TINY as TINY_CLIP
from tests.support.tiny_page_model.build import COLQWEN2, TINY, Sizes, build_model, save_model

CLIP_MODELS = (("ViT-SO400M-16-SigLIP2-512", "webli"), ("ViT-g-14", "laion2b_s34b_b88k"))
_DISTINCT = 8


@dataclass(frozen=True)
class Measured:
    """Pages per second, from files to store and of the model `alone`; and bytes: of the weights, at most on a GPU, and
    of the vectors of the largest `page`."""

    device: str
    per_second: float
    alone: float
    weights: int
    peak: int | None
    page: int

    @property
    def share(self) -> float:
        return self.per_second / self.alone


def measure_pages(sizes: Sizes, settings: PageImageSettings, pages: int, rounds: int, folder: Path) -> Measured:
    """Measure a ColQwen2 of these sizes with random weights, which are written to `folder`."""
    import torch

    weights = folder / "colqwen2"
    model, processor = build_model(sizes)
    save_model(model.to(torch.bfloat16), processor, weights)
    del model
    embedder = LateInteractionModel(settings.model_copy(update={"model": f"st:{weights}"}))
    pictures = [draw_page(number) for number in range(_DISTINCT)]
    batch = [pictures[number % _DISTINCT] for number in range(settings.batch)]
    forward = embedder.forward_alone(batch)
    forward()  # the first one compiles kernels
    data = folder / "data"
    data.mkdir(mode=0o700)
    never = threading.Event()
    rates, alone = [], [_rate(forward, len(batch))]
    with closing(Catalog(data)) as catalog:
        local = Settings(data=data, text={"model": ""}, page_images=settings)
        with closing(open_indexes(local, catalog, 1, NoEmbedder(), None, None, embedder)) as indexes:
            index = indexes.pages
            assert index is not None
            indexes.sync.take_over(unclean=False)
            for number in range(rounds + 1):  # the first one warms up
                put_pages(catalog, data, number, pages, pictures)
                started, left = perf_counter(), pages
                while left > 0:
                    done = index.process_batch(never)
                    if not done:
                        raise RuntimeError(f"indexing stopped: {index.off}")
                    left -= done
                index.process_batch(never)  # waits for the store
                rates.append(pages / (perf_counter() - started))
                alone.append(_rate(forward, len(batch)))
            size = index.bytes_of_largest_page()
    peak = int(torch.cuda.max_memory_allocated()) if embedder.device.startswith("cuda") else None
    return Measured(embedder.device, median(rates[1:]), median(alone[1:]), embedder.weights_bytes, peak, size)


def _rate(forward: Callable[[], None], count: int) -> float:
    started = perf_counter()
    for _ in range(2):
        forward()
    return 2 * count / (perf_counter() - started)


def describe_pages(name: str, found: Measured) -> Iterator[str]:
    yield f"{name} on {found.device}, random weights: {_memory(found.weights, found.peak)}"
    yield (
        f"  pages: {found.per_second:.2f} a second, {found.share:.0%} of the model alone ({found.alone:.2f}); "
        f"{found.page / 1024:.0f} KB a page"
    )


def describe_clip(found: BenchmarkResult) -> Iterator[str]:
    yield f"{found.model} on {found.device}, random weights: {_memory(found.weights_bytes, found.peak_bytes)}"
    for name, speed in found.speeds.items():
        yield f"  {name}: {speed.per_second:.1f} a second, {speed.share:.0%} of the model alone ({speed.raw:.1f})"


def _memory(weights: int, peak: int | None) -> str:
    return f"weights {weights / 1e9:.2f} GB" + (f", GPU memory at most {peak / 1e9:.1f} GB" if peak else "")


def report(
    clips: Sequence[EmbedSettings],
    items: int | None,
    sizes: Sizes,
    pages: PageImageSettings,
    count: int,
    rounds: int,
) -> Iterator[str]:
    """Yield the lines of the report. A model that cannot be measured is named with the reason.

    `items`: pictures and texts a round for CLIP models, None for as many as take some seconds. `count`: pages a round.
    """
    for embed in clips:
        with tempfile.TemporaryDirectory() as folder:
            settings = Settings(data=Path(folder) / "unused", embed=embed)
            options = BenchmarkOptions(items, items, rounds, random_weights=True)
            try:
                yield from describe_clip(measure_embedder(settings, options))
            except MagpieError as error:
                yield f"{embed.model}: not measured: {error} {error.hint}".rstrip()
    with tempfile.TemporaryDirectory() as folder:
        yield from describe_pages("ColQwen2", measure_pages(sizes, pages, count, rounds, Path(folder)))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--pages", type=int, default=256, help="page images a round")
    parser.add_argument("--batch", type=int, default=8, help="page images per forward pass of ColQwen2")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--tiny", action="store_true", help="tiny models on the CPU, to try the command")
    options = parser.parse_args()
    if options.tiny:
        pages = PageImageSettings(device="cpu", batch=4)
        lines = report([TINY_CLIP], 8, TINY, pages, min(options.pages, 8), 1)
    else:
        clips = [EmbedSettings(device=options.device, model=model, weights=tag) for model, tag in CLIP_MODELS]
        pages = PageImageSettings(device=options.device, batch=options.batch)
        lines = report(clips, None, COLQWEN2, pages, options.pages, options.rounds)
    for line in lines:
        print(line, flush=True)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
