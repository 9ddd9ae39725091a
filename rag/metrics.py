"""Prometheus metrics that are declared in a list, from which the tables in docs/operations.md are written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics import MetricWrapperBase

_M = TypeVar("_M", bound=MetricWrapperBase)


@dataclass(frozen=True)
class DeclaredMetric:
    """A metric. `values`: the values of each label; none: any value. `buckets`: upper bounds of a histogram.

    If it has one label, each of its values has a series from the start.
    """

    kind: type[Counter | Gauge | Histogram]
    name: str
    help: str
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    buckets: tuple[float, ...] = Histogram.DEFAULT_BUCKETS

    @property
    def shown_name(self) -> str:
        """The name in Prometheus: that of a counter ends with _total, and a histogram has three series."""
        return f"{self.name}_total" if self.kind is Counter else self.name


class MetricSet:
    """The metrics of one program, by their declared names. Thread-safe."""

    def __init__(self, declared: Iterable[DeclaredMetric]) -> None:
        self._registry = CollectorRegistry()
        self._all = {each.name: _open(each, self._registry) for each in declared}

    def counter(self, name: str, **labels: str) -> Counter:
        return self._one(Counter, name, labels)

    def gauge(self, name: str, **labels: str) -> Gauge:
        return self._one(Gauge, name, labels)

    def histogram(self, name: str, **labels: str) -> Histogram:
        return self._one(Histogram, name, labels)

    def text(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return generate_latest(self._registry)

    def _one(self, kind: type[_M], name: str, labels: Mapping[str, str]) -> _M:
        metric = self._all[name]
        assert isinstance(metric, kind)
        return metric.labels(**labels) if labels else metric


def _open(declared: DeclaredMetric, registry: CollectorRegistry) -> MetricWrapperBase:
    labels = tuple(declared.values)
    if declared.kind is Histogram:
        metric: MetricWrapperBase = Histogram(
            declared.name, declared.help, labels, registry=registry, buckets=declared.buckets
        )
    else:
        metric = declared.kind(declared.name, declared.help, labels, registry=registry)
    if len(declared.values) == 1:
        for value in next(iter(declared.values.values())):
            metric.labels(value)
    return metric
