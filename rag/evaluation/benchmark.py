"""`magpie bench`: how close indexing comes to the speed of the model alone.

Pages are put into a catalog of their own, as extraction leaves them, and embedded as indexing does it: from JPEG and
PNG files to vectors in the catalog and the vector store. Before and after each round the model alone works on batches
of the same size; the share compares the two.
"""

from __future__ import annotations

import hashlib
import io
import random
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from sqlalchemy import Connection

from rag.catalog import Catalog, documents, extractions, sources
from rag.catalog.fulltext import Fts5Index
from rag.catalog.shares import Share, record_share
from rag.model.extraction import Box, ExtractedPage, Inspection, Kind, Modality, NewChunk, TextSource
from rag.ports import Embedder, Encoder, EncoderObserver
from rag.setting_groups import EmbedSettings
from rag.settings import Settings
from rag.vectors.all_indexes import VectorIndexes
from rag.vectors.priority_thread import Urgency

if TYPE_CHECKING:
    from starlette.applications import Starlette

Serve = Callable[["Starlette", str, int], AbstractContextManager[int]]
"""Serves an app on an address and a port while the `with` block lasts; yields the port."""

RunInModelThread = Callable[[Callable[[], None]], None]
"""Runs a call in the thread that owns the model, and waits for it."""

SIZES = {"jpeg": (1131, 1600), "png": (900, 640)}
"""Pixels: a page as it is stored, and a figure or a screenshot."""

_DISTINCT = 16
_QUALITY = 80
_WORDS = 45
"""Words per text: they fill most of one of CLIP's windows and never two."""

_BESIDE, _PROCESSOR = "beside", "processor"

_SECONDS = 6.0
"""Length of a round for the model alone when no number of items is given; whole batches, and at least four."""

_BATCHES = 2
"""Batches that the model alone encodes before and after each round."""


@dataclass(frozen=True, slots=True)
class BenchmarkOptions:
    """How many items a round embeds (None: as many as take the model alone some seconds), how often, and how.

    `serve` serves the app: with it, the measurement goes through a model server on the loopback.
    """

    pictures: int | None = None
    texts: int | None = None
    rounds: int = 3
    random_weights: bool = False
    serve: Serve | None = None


@dataclass(frozen=True, slots=True)
class Speed:
    """The speed of one kind of item. `spent` are shares of the time from file to store; `preparing` is the average
    number of cores that prepared items meanwhile, or None where it is unknown. `processor_share` compares CPU time
    instead of wall-clock time, which says more on a busy machine; None where a GPU does the work."""

    per_second: float
    raw: float
    share: float
    lowest: float
    highest: float
    spent: dict[str, float]
    preparing: float | None
    processor_share: float | None


@dataclass(frozen=True, slots=True)
class BenchmarkResult:
    """The result of one benchmark."""

    model: str
    device: str
    versions: str
    batches: dict[Modality, int]
    weights_bytes: int
    peak_bytes: int | None
    speeds: dict[str, Speed]
    """`pictures` (half JPEG, half PNG), `jpeg`, `png`, `texts`."""


class MeasuredEncoder(Encoder, Protocol):
    """An encoder on this machine that can be measured alone."""

    @property
    def device(self) -> str: ...

    @property
    def weights_bytes(self) -> int:
        """Memory that the loaded weights take."""
        ...

    def forward_alone(self, modality: Modality, rows: int) -> Callable[[], None]:
        """Return a forward pass over so many random pictures or full-length texts."""
        ...


@dataclass(frozen=True)
class BenchmarkParts:
    """What the benchmark opens; rag/build.py constructs it."""

    resolve: Callable[[EmbedSettings], EmbedSettings]
    """Replaces every `auto` in the settings."""

    with_random_weights: Callable[[EmbedSettings, Path], EmbedSettings]
    """Writes random weights into a folder and returns settings that name them."""

    open_encoder: Callable[[EmbedSettings, EncoderObserver], MeasuredEncoder]
    open_server: Callable[[Settings, MeasuredEncoder, Serve], AbstractContextManager[tuple[Embedder, RunInModelThread]]]
    """Serves the encoder on the loopback; yields a client of it."""

    open_indexes: Callable[[Settings, Catalog, Embedder], VectorIndexes]


@dataclass
class _Times:
    """Seconds spent on preparing and encoding. Implements ports.Watch."""

    prepare: float = 0.0
    encode: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def prepared(self, _: Modality, seconds: float) -> None:
        with self.lock:
            self.prepare += seconds

    def encoded(self, _: Modality, _count: int, seconds: float) -> None:
        with self.lock:
            self.encode += seconds


class _TimedEmbedder:
    """Implements ports.Embedder; `seconds` is how long the lane waited for vectors."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self.seconds = 0.0

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._embedder, name)
        if name not in ("embed_pictures", "embed_texts"):
            return found

        def timed(given: Sequence[Any]) -> Any:
            started = perf_counter()
            try:
                return found(given)
            finally:
                self.seconds += perf_counter() - started

        return timed


def run_benchmark(
    settings: Settings, wanted: BenchmarkOptions, parts: BenchmarkParts, report: Callable[[str], None] = lambda _: None
) -> BenchmarkResult:
    """Measure the embedder. Leaves the data folder alone and needs some disk space for temporary files.

    Raise WeightsMissing when the weights are not on this machine, unless random ones are wanted: those are as fast.
    """
    with ExitStack() as opening:
        folder = Path(opening.enter_context(TemporaryDirectory(prefix="magpie-bench-")))
        embed = parts.resolve(settings.embed.model_copy(update={"url": "", "token": None}))
        import torch

        if wanted.random_weights:
            report(f"Making random weights for {embed.model} …")
            embed = parts.with_random_weights(embed, folder)
        local = settings.model_copy(update={"data": folder / "data", "embed": embed})
        times = _Times()
        encoder = parts.open_encoder(embed, times)
        report(f"Loading {embed.model} …")
        weights = encoder.weights_bytes
        embedder: Embedder = encoder
        run_in_model_thread: RunInModelThread | None = None
        if wanted.serve is not None:
            embedder, run_in_model_thread = opening.enter_context(parts.open_server(local, encoder, wanted.serve))
        timed = _TimedEmbedder(embedder)
        local.data.mkdir(parents=True)
        catalog = Catalog(local.data)
        opening.callback(catalog.close)
        indexes = parts.open_indexes(local, catalog, timed)
        opening.callback(indexes.close)
        indexes.sync.take_over(unclean=False)
        track = _Track(local, catalog, indexes, encoder, timed, times, run_in_model_thread)
        speeds = track.run(wanted, report)
        cuda = embed.device.startswith("cuda")
        peak = int(torch.cuda.max_memory_allocated()) if cuda else None
        card = torch.cuda.get_device_name(embed.device) if cuda else f"CPU, {torch.get_num_threads()} threads"
        batches = {Modality.PICTURE: embed.picture_batch, Modality.TEXT: embed.text_batch}
        return BenchmarkResult(embed.model, card, f"torch {torch.__version__}", batches, weights, peak, speeds)


class _Track:
    """Measures rounds on one catalog and one store."""

    def __init__(
        self,
        settings: Settings,
        catalog: Catalog,
        indexes: VectorIndexes,
        encoder: MeasuredEncoder,
        timed: _TimedEmbedder,
        times: _Times,
        run_in_model_thread: RunInModelThread | None,
    ) -> None:
        """`run_in_model_thread` is given where a model server owns the model; otherwise the indexes' thread owns it."""
        self._settings = settings
        self._catalog = catalog
        self._clip = indexes.clip
        self._encoder = encoder
        self._timed = timed
        self._times = times
        self._run_there = run_in_model_thread or (lambda call: indexes.sync.thread.run(Urgency.BATCH, call))
        self._words = Fts5Index()
        self._number = 0
        self._drawn = settings.data / "drawn"
        self._drawn.mkdir()
        for kind in SIZES:
            for number in range(_DISTINCT):
                (self._drawn / f"{number}.{kind}").write_bytes(_draw(kind, number))

    def run(self, wanted: BenchmarkOptions, report: Callable[[str], None]) -> dict[str, Speed]:
        kinds: dict[str, tuple[Modality, int | None]] = {
            "pictures": (Modality.PICTURE, wanted.pictures),
            "jpeg": (Modality.PICTURE, wanted.pictures),
            "png": (Modality.PICTURE, wanted.pictures),
            "texts": (Modality.TEXT, wanted.texts),
        }
        for name in ("pictures", "texts"):  # compiling, CUDA graphs and the store's first write are not measured
            self._round(name, 2 * self._rows(kinds[name][0]))
        speeds: dict[str, Speed] = {}
        for name, (modality, given) in kinds.items():
            rows = self._rows(modality)
            forward = self._encoder.forward_alone(modality, rows)
            alone = partial(self._run_there, forward)
            alone()
            count = given or rows * max(4, round(_SECONDS * _rate(alone, rows).rows / rows))
            rounds = []
            for number in range(wanted.rounds):
                report(f"{name}: round {number + 1} of {wanted.rounds} …")
                rounds.append(_Round(_rate(alone, rows), self._round(name, count), _rate(alone, rows)))
            speeds[name] = _speed(rounds, count, on_processor=self._encoder.device == "cpu")
        return speeds

    def _rows(self, modality: Modality) -> int:
        embed = self._settings.embed
        return embed.picture_batch if modality is Modality.PICTURE else embed.text_batch

    def _round(self, name: str, count: int) -> dict[str, float]:
        """Return the seconds from files to store, by what they were spent on, and their total."""
        with self._catalog.write_transaction() as connection:
            self._put(connection, name, count)
        self._timed.seconds = self._times.prepare = self._times.encode = 0.0
        started, worked = perf_counter(), process_time()
        left, never = count, threading.Event()
        while left > 0:
            done = self._clip.process_batch(never)
            if not done:
                raise RuntimeError(f"the lane stopped: {self._clip.off}")
            left -= done
        self._clip.process_batch(never)  # waits for the store
        total = perf_counter() - started
        encode = self._times.encode or None
        embedder = self._timed.seconds
        spent = {"total": total, _PROCESSOR: process_time() - worked, "catalog and store": total - embedder}
        if encode is None:
            return {**spent, "GPU host": embedder}
        waited = embedder - encode
        return {**spent, "forward": encode, "waiting for pictures or tokens": waited, _BESIDE: self._times.prepare}

    def _put(self, connection: Connection, name: str, count: int) -> None:
        """Add a document of `count` pages that is extracted and has no vectors yet."""
        self._number += 1
        title = f"bench-{self._number}"
        record_share(connection, Share("path", f"/{title}", "local", title, size=1, changed_ns=1))
        claimed = sources.claim_source(connection, ["path"])
        assert claimed is not None
        digest = hashlib.sha256(title.encode()).hexdigest()
        document = documents.put_document(connection, digest, 1, "bench")
        sources.finish_source(connection, claimed, document, mtime_ns=1, size=1)
        row = extractions.claim_extraction(connection)
        assert row is not None
        folder = self._settings.data / "pictures" / str(row.id)
        folder.mkdir(parents=True)
        chunks = [self._chunk(name, folder, page) for page in range(1, count + 1)]
        pages = [ExtractedPage(n, None, 595, 842, TextSource.LAYER, (), None) for n in range(1, count + 1)]
        extractions.begin_pages(connection, row, Inspection("application/pdf", count, None))
        extractions.put_pages(connection, self._words, row, title, pages, chunks)
        extractions.complete_extraction(connection, self._words, row)

    def _chunk(self, name: str, folder: Path, page: int) -> NewChunk:
        box = Box(0, 0, 1, 1)
        if name == "texts":
            return NewChunk(page, Kind.TEXT, _text(self._number * 100_000 + page), "", "", box, ())
        kind = name if name in SIZES else ("jpeg", "png")[page % 2]
        file = f"p{page:04d}.{kind}"
        (folder / file).hardlink_to(self._drawn / f"{page // 2 % _DISTINCT}.{kind}")
        return NewChunk(page, Kind.PAGE, "", "", "", box, (), file)


class _Rate(NamedTuple):
    """Rows per second, and per second of CPU time."""

    rows: float
    worked: float


class _Round(NamedTuple):
    """The model alone, the seconds of a round by what they were spent on, and the model alone again."""

    before: _Rate
    spent: dict[str, float]
    after: _Rate


def _rate(alone: Callable[[], None], rows: int) -> _Rate:
    started, worked = perf_counter(), process_time()
    for _ in range(_BATCHES):
        alone()
    done = _BATCHES * rows
    return _Rate(done / (perf_counter() - started), done / (process_time() - worked))


def _speed(rounds: Sequence[_Round], count: int, *, on_processor: bool) -> Speed:
    raws = [(one.before.rows + one.after.rows) / 2 for one in rounds]
    rates = [count / one.spent["total"] for one in rounds]
    shares = [rate / raw for rate, raw in zip(rates, raws, strict=True)]
    worked = [2 * count / one.spent[_PROCESSOR] / (one.before.worked + one.after.worked) for one in rounds]
    parts = {name: median(one.spent[name] / one.spent["total"] for one in rounds) for name in rounds[0].spent}
    beside = parts.pop(_BESIDE, None)
    del parts["total"], parts[_PROCESSOR]
    processor = median(worked) if on_processor else None
    return Speed(median(rates), median(raws), median(shares), min(shares), max(shares), parts, beside, processor)


def _text(seed: int) -> str:
    chance = random.Random(seed)
    return " ".join(chance.choice(_VOCABULARY) for _ in range(_WORDS))


_VOCABULARY = (
    "harbor gate way relay water level report figure table the of and a in on under over stone quay port ship crane "
    "north south east west pressure valve pump tide chart cost year plan total net income page note map signal light"
).split()


def _draw(kind: str, seed: int) -> bytes:
    """Return a page of text with a photograph, in the size that Magpie stores."""
    import numpy as np
    from PIL import Image, ImageDraw

    width, height = SIZES[kind]
    chance = random.Random(seed)
    picture = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(picture)
    for top in range(height // 20, height * 19 // 20, 22):
        pen.text((width // 14, top), _text(chance.randrange(10**6))[: width // 8], fill="black")
    noise = np.random.default_rng(seed).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    photograph = Image.fromarray(noise).resize((width // 2, height // 4), Image.Resampling.BICUBIC)
    picture.paste(photograph, (width // 4, height // 2))
    written = io.BytesIO()
    if kind == "jpeg":
        picture.save(written, "JPEG", quality=_QUALITY)
    else:
        picture.save(written, "PNG")
    return written.getvalue()
