"""The model server's Prometheus metrics, all declared in METRICS. No label contains anything that a client sent."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from prometheus_client import Counter, Gauge, Histogram

from rag.metrics import DeclaredMetric, MetricSet
from rag.model.extraction import Modality

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)

_MODALITY = {"modality": tuple(modality.value for modality in Modality)}

METRICS = (
    DeclaredMetric(Counter, "magpie_embedder_requests", "Requests by path and status.", {"path": (), "status": ()}),
    DeclaredMetric(Counter, "magpie_embedder_vectors", "Vectors computed.", _MODALITY),
    DeclaredMetric(Counter, "magpie_embedder_pictures_refused", "Pictures without a vector."),
    DeclaredMetric(Histogram, "magpie_embedder_batch_size", "Items encoded in one batch.", _MODALITY, buckets=_SIZES),
    DeclaredMetric(
        Histogram, "magpie_embedder_encode_seconds", "Seconds to encode one batch.", _MODALITY, buckets=_SECONDS
    ),
    DeclaredMetric(
        Histogram,
        "magpie_embedder_prepare_seconds",
        "Seconds to preprocess one picture, or the texts of one request.",
        _MODALITY,
        buckets=_SECONDS,
    ),
    DeclaredMetric(Gauge, "magpie_embedder_waiting", "Items in the queue.", _MODALITY),
    DeclaredMetric(
        Histogram,
        "magpie_embedder_move_seconds",
        "Seconds to move the weights off the GPU, or back.",
        {"to": ("memory", "card")},
    ),
)
"""Every metric of the model server."""


class Metrics:
    """Implements ports.Watch; `text` returns the page that Prometheus reads."""

    def __init__(self) -> None:
        self._set = MetricSet(METRICS)

    def watch_queue(self, queue_sizes: Callable[[], dict[Modality, int]]) -> None:
        def count(modality: Modality) -> float:
            return queue_sizes()[modality]

        for modality in Modality:
            self._set.gauge("magpie_embedder_waiting", modality=modality.value).set_function(partial(count, modality))

    def answered(self, path: str, status: int) -> None:
        self._set.counter("magpie_embedder_requests", path=path, status=str(status)).inc()

    def refused(self, count: int) -> None:
        self._set.counter("magpie_embedder_pictures_refused").inc(count)

    def prepared(self, modality: Modality, seconds: float) -> None:
        self._set.histogram("magpie_embedder_prepare_seconds", modality=modality.value).observe(seconds)

    def encoded(self, modality: Modality, count: int, seconds: float) -> None:
        self._set.counter("magpie_embedder_vectors", modality=modality.value).inc(count)
        self._set.histogram("magpie_embedder_batch_size", modality=modality.value).observe(count)
        self._set.histogram("magpie_embedder_encode_seconds", modality=modality.value).observe(seconds)

    def moved(self, to: str, seconds: float) -> None:
        self._set.histogram("magpie_embedder_move_seconds", to=to).observe(seconds)

    def text(self) -> bytes:
        return self._set.text()
