"""`magpie bench`: how near indexing comes to what the machine can do.

Pages are put into a catalog of their own, as reading leaves them, and embedded as indexing does: from JPEG and PNG
files to vectors in the catalog and the vector store. Before and after each round the model alone works on batches of
the same size; the share is between the two.
"""

from __future__ import annotations

import hashlib
import io
import logging
import random
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Connection

from rag.adapters.openclip import OpenClipEmbedder, open_embedder
from rag.adapters.openclip_weights import Choice, choose
from rag.build import open_lanes
from rag.catalog import Catalog, documents, extractions, sources
from rag.catalog.fulltext import Fts5Words
from rag.catalog.shares import Share, record_share
from rag.model import Box, Kind, Modality, NewChunk, PageReading, TextSource
from rag.model_server.server import open_host
from rag.ports import Embedder
from rag.settings import EmbedSettings, Settings
from rag.vectors.lanes import ClipLane
from rag.vectors.sync import BATCH

if TYPE_CHECKING:
    from starlette.applications import Starlette

Serve = Callable[["Starlette", str, int], AbstractContextManager[int]]
"""Serves an app on an address and a port while the `with` lasts; gives the port."""

_Run = Callable[[Callable[[], None]], None]

SIZES = {"jpeg": (1131, 1600), "png": (900, 640)}
"""Pixels: a page as it is stored, and a figure or a screenshot."""

_DISTINCT = 16
_QUALITY = 80
_WORDS = 45
"""Words of a text; with CLIP's tokens it fills most of a window and never two."""

_BESIDE, _PROCESSOR = "beside", "processor"

_SECONDS = 6.0
"""Of the model alone in a round, where no number is given; whole batches, and at least four."""

_BATCHES = 2
"""Batches of the model alone before and after each round."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """How much is embedded in a round (None: what takes the model alone some seconds), how often and how.

    `serve`: through a GPU host on the loopback, served by it.
    """

    pictures: int | None = None
    texts: int | None = None
    rounds: int = 3
    random_weights: bool = False
    serve: Serve | None = None


@dataclass(frozen=True, slots=True)
class Speed:
    """Of one kind. `spent` are shares of the time from file to store; `preparing` is how many cores were at it beside,
    on average, or None where that is not known. `processor_share` compares the processor's time for each instead of the
    clock's, which on a busy machine says more; None where the work is a GPU's."""

    per_second: float
    raw: float
    share: float
    lowest: float
    highest: float
    spent: dict[str, float]
    preparing: float | None
    processor_share: float | None


@dataclass(frozen=True, slots=True)
class Benched:
    model: str
    device: str
    versions: str
    batches: dict[Modality, int]
    weights_bytes: int
    peak_bytes: int | None
    speeds: dict[str, Speed]
    """`pictures` (half JPEG, half PNG), `jpeg`, `png`, `texts`."""


@dataclass
class _Spent:
    """Satisfies ports.Watch."""

    prepare: float = 0.0
    encode: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def prepared(self, _: Modality, seconds: float) -> None:
        with self.lock:
            self.prepare += seconds

    def encoded(self, _: Modality, _count: int, seconds: float) -> None:
        with self.lock:
            self.encode += seconds


class _Timed:
    """Satisfies ports.Embedder; `seconds` are those the lane waited for it."""

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


def measure_embedder(settings: Settings, wanted: Wanted, report: Callable[[str], None] = lambda _: None) -> Benched:
    """Measure. Changes nothing in the data folder; needs some of the disk for temporary files meanwhile.

    Raise WeightsMissing when the weights are not here and none at random are wanted: random ones are as fast.
    """
    import torch

    with ExitStack() as opening:
        folder = Path(opening.enter_context(TemporaryDirectory(prefix="magpie-bench-")))
        embed = settings.embed.model_copy(update={"url": "", "token": None})
        choice = choose(embed)
        if wanted.random_weights:
            report(f"Making random weights for {choice.model} …")
            embed = _with_random_weights(embed, choice, folder)
        local = settings.model_copy(update={"data": folder / "data", "embed": embed})
        spent = _Spent()
        model = open_embedder(embed, torch.get_num_threads(), spent)
        report(f"Loading {choice.model} …")
        weights = model.weights_bytes
        used, between = local, None
        if wanted.serve is not None:
            used, between = opening.enter_context(_served(local, model, wanted.serve))
        track = _Track(used, model, spent, opening, between)
        speeds = track.run(wanted, report)
        cuda = choice.device.startswith("cuda")
        peak = int(torch.cuda.max_memory_allocated()) if cuda else None
        card = torch.cuda.get_device_name(choice.device) if cuda else f"CPU, {torch.get_num_threads()} threads"
        batches = {Modality.PICTURE: embed.picture_batch, Modality.TEXT: embed.text_batch}
        return Benched(choice.model, card, f"torch {torch.__version__}", batches, weights, peak, speeds)


def _with_random_weights(embed: EmbedSettings, choice: Choice, folder: Path) -> EmbedSettings:
    """A weights file of this architecture, so that the model is loaded as any other."""
    import open_clip
    import torch

    if choice.config is not None:
        open_clip.add_model_config(choice.config)
    torch.manual_seed(0)
    precision = "fp32" if choice.device == "cpu" else "fp16"
    path = folder / "random.pt"
    logging.disable(logging.WARNING)  # of open_clip's: that the weights are random
    try:
        model = open_clip.create_model(choice.model, load_weights=False, precision=precision)
    finally:
        logging.disable(logging.NOTSET)
    torch.save(model.state_dict(), path)
    return embed.model_copy(update={"model": choice.model, "weights": str(path), "device": choice.device})


@contextmanager
def _served(settings: Settings, model: OpenClipEmbedder, serve: Serve) -> Iterator[tuple[Settings, _Run]]:
    """Settings of a client of the model, served on the loopback, and what runs a call in the model's thread."""
    with open_host(settings, lambda _: model) as host, serve(host.app, "127.0.0.1", 0) as port:
        url = f"http://127.0.0.1:{port}"
        client = settings.model_copy(update={"embed": settings.embed.model_copy(update={"url": url})})
        yield client, lambda call: host.between(call).result()


class _Track:
    """Rounds of what is measured, on one catalog and one store."""

    def __init__(
        self,
        settings: Settings,
        model: OpenClipEmbedder,
        spent: _Spent,
        opening: ExitStack,
        between: _Run | None,
    ) -> None:
        """`between`: runs a call in the model's thread, where that is a GPU host's; else it is the lanes' own."""
        self._settings = settings
        self._model = model
        self._spent = spent
        settings.data.mkdir(parents=True)
        self._catalog = Catalog(settings.data)
        opening.callback(self._catalog.close)
        embedder: Embedder = model
        if between is not None:
            from rag.adapters.remote_clip import open_remote

            client = open_remote(settings.embed)
            opening.callback(client.close)
            embedder = client
        self._timed = _Timed(embedder)
        lanes = open_lanes(settings, self._catalog, 1, self._timed, None, None)
        opening.callback(lanes.mirror.close)
        lanes.mirror.take_over(unclean=False)
        self._lane: ClipLane = lanes.clip
        self._run_there: _Run = between or (lambda call: lanes.mirror.thread.do(BATCH, call))
        self._words = Fts5Words()
        self._number = 0
        self._drawn = settings.data / "drawn"
        self._drawn.mkdir()
        for kind in SIZES:
            for number in range(_DISTINCT):
                (self._drawn / f"{number}.{kind}").write_bytes(_drawn(kind, number))

    def run(self, wanted: Wanted, report: Callable[[str], None]) -> dict[str, Speed]:
        kinds: dict[str, tuple[Modality, int | None]] = {
            "pictures": (Modality.PICTURE, wanted.pictures),
            "jpeg": (Modality.PICTURE, wanted.pictures),
            "png": (Modality.PICTURE, wanted.pictures),
            "texts": (Modality.TEXT, wanted.texts),
        }
        for name in ("pictures", "texts"):  # compiling, graphs and the store's first write are not measured
            self._round(name, 2 * self._rows(kinds[name][0]))
        speeds: dict[str, Speed] = {}
        for name, (modality, given) in kinds.items():
            rows = self._rows(modality)
            forward = self._model.forward_alone(modality, rows)
            alone = partial(self._run_there, forward)
            alone()
            count = given or rows * max(4, round(_SECONDS * _rate(alone, rows).rows / rows))
            rounds = []
            for number in range(wanted.rounds):
                report(f"{name}: round {number + 1} of {wanted.rounds} …")
                rounds.append(_Round(_rate(alone, rows), self._round(name, count), _rate(alone, rows)))
            speeds[name] = _speed(rounds, count, on_processor=self._model.device == "cpu")
        return speeds

    def _rows(self, modality: Modality) -> int:
        embed = self._settings.embed
        return embed.picture_batch if modality is Modality.PICTURE else embed.text_batch

    def _round(self, name: str, count: int) -> dict[str, float]:
        """Seconds by what they were spent on, and their sum, from files to store."""
        with self._catalog.writing() as connection:
            self._put(connection, name, count)
        self._timed.seconds = self._spent.prepare = self._spent.encode = 0.0
        started, worked = perf_counter(), process_time()
        left = count
        while left > 0:
            done = self._lane.embed_some()
            if not done:
                raise RuntimeError(f"the lane stopped: {self._lane.off}")
            left -= done
        self._lane.embed_some()  # waits for the store
        total = perf_counter() - started
        encode = self._spent.encode or None
        embedder = self._timed.seconds
        spent = {"total": total, _PROCESSOR: process_time() - worked, "catalog and store": total - embedder}
        if encode is None:
            return {**spent, "GPU host": embedder}
        waited = embedder - encode
        return {**spent, "forward": encode, "waiting for pictures or tokens": waited, _BESIDE: self._spent.prepare}

    def _put(self, connection: Connection, name: str, count: int) -> None:
        """A document of `count` pages, read, and without vectors."""
        self._number += 1
        title = f"bench-{self._number}"
        record_share(connection, Share("path", f"/{title}", "local", title, size=1, changed_ns=1))
        claimed = sources.claim_source(connection, "bench", ["path"])
        assert claimed is not None
        digest = hashlib.sha256(title.encode()).hexdigest()
        document = documents.put_document(connection, digest, 1, "bench")
        sources.finish_source(connection, claimed, document, mtime_ns=1, size=1)
        row = extractions.claim_extraction(connection, "bench")
        assert row is not None
        folder = self._settings.data / "pictures" / str(row.id)
        folder.mkdir(parents=True)
        chunks = [self._chunk(name, folder, page) for page in range(1, count + 1)]
        pages = [PageReading(n, None, 595, 842, TextSource.LAYER, (), None) for n in range(1, count + 1)]
        extractions.begin_pages(connection, row, "application/pdf", None, count)
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
    """Rows a second, and a second of the processor."""

    rows: float
    worked: float


class _Round(NamedTuple):
    """The model alone, the seconds of a round by what they were spent on, the model alone again."""

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
    "harbour gate way relay water level report figure table the of and a in on under over stone quay port ship crane "
    "north south east west pressure valve pump tide chart cost year plan total net income page note map signal light"
).split()


def _drawn(kind: str, seed: int) -> bytes:
    """A page of lines with a photograph, drawn in the size that Magpie stores."""
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
