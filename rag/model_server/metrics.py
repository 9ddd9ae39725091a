"""The model server's Prometheus metrics. No label contains anything that a client sent."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from rag.model.extraction import Modality

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """Implements ports.Watch; `text` returns the page that Prometheus reads."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        labels = ("modality",)
        self._requests = Counter(
            "magpie_embedder_requests", "Requests by path and status.", ("path", "status"), registry=registry
        )
        self._vectors = Counter("magpie_embedder_vectors", "Vectors computed.", labels, registry=registry)
        self._refused = Counter("magpie_embedder_pictures_refused", "Pictures without a vector.", registry=registry)
        self._batches = Histogram(
            "magpie_embedder_batch_size", "Items encoded in one batch.", labels, registry=registry, buckets=_SIZES
        )
        self._encoding = Histogram(
            "magpie_embedder_encode_seconds",
            "Seconds to encode one batch.",
            labels,
            registry=registry,
            buckets=_SECONDS,
        )
        self._preparing = Histogram(
            "magpie_embedder_prepare_seconds",
            "Seconds to preprocess one picture, or the texts of one request.",
            labels,
            registry=registry,
            buckets=_SECONDS,
        )
        self._waiting = Gauge("magpie_embedder_waiting", "Items in the queue.", labels, registry=registry)
        self._moves = Histogram(
            "magpie_embedder_move_seconds",
            "Seconds to move the weights off the GPU, or back.",
            ("to",),
            registry=registry,
        )

    def watch_queue(self, queue_sizes: Callable[[], dict[Modality, int]]) -> None:
        def count(modality: Modality) -> float:
            return queue_sizes()[modality]

        for modality in Modality:
            self._waiting.labels(modality.value).set_function(partial(count, modality))

    def answered(self, path: str, status: int) -> None:
        self._requests.labels(path, str(status)).inc()

    def refused(self, count: int) -> None:
        self._refused.inc(count)

    def prepared(self, modality: Modality, seconds: float) -> None:
        self._preparing.labels(modality.value).observe(seconds)

    def encoded(self, modality: Modality, count: int, seconds: float) -> None:
        self._vectors.labels(modality.value).inc(count)
        self._batches.labels(modality.value).observe(count)
        self._encoding.labels(modality.value).observe(seconds)

    def moved(self, to: str, seconds: float) -> None:
        self._moves.labels(to).observe(seconds)

    def text(self) -> bytes:
        return generate_latest(self._registry)
