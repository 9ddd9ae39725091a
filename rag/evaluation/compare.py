"""Compare searches with other settings: other lanes, rerankers or embedders, on the questions of one file.

Nothing is indexed. Each variant is measured by itself, and against the first one by a paired bootstrap over documents:
the questions about one document succeed or fail together, so documents are drawn, not questions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from rag.errors import UserCanFix
from rag.evaluation.evaluate import EvaluationReport
from rag.evaluation.metrics import mean, ndcg_at, percentile, recall_at, reciprocal_rank
from rag.settings import Settings

METRICS: Mapping[str, Callable[..., float]] = {
    "recall@1": lambda ranked, gold: recall_at(ranked, gold, 1),
    "recall@5": lambda ranked, gold: recall_at(ranked, gold, 5),
    "recall@10": lambda ranked, gold: recall_at(ranked, gold, 10),
    "mrr": reciprocal_rank,
    "ndcg@5": lambda ranked, gold: ndcg_at(ranked, gold, 5),
    "ndcg@10": lambda ranked, gold: ndcg_at(ranked, gold, 10),
}
"""The metrics of one question, from its ranked and its gold pages."""

SAMPLES, SEED = 2000, 20
"""Samples of the bootstrap, and its seed: the same questions give the same intervals."""

LONGEST_MS = 120_000
"""The budget of a reranker that is compared."""

_OFF = "off: "


@dataclass(frozen=True, slots=True)
class Variant:
    """A way to search. Without `embedder`, a name of a text embedder, the lanes rank as the settings say; with it, the
    first pages are ordered by the cosines of this embedder."""

    name: str
    settings: Settings
    embedder: str = ""


@dataclass(frozen=True, slots=True)
class Measured:
    """What one variant did for each question: its id, its file, its metrics, and the milliseconds of the search.

    `memory_mb` is the most memory that its process used, `gpu_mb` the same of a GPU, 0 without one. `off` says which
    lanes were off, and why. `left_out` counts the questions about files that are not indexed.
    """

    ids: tuple[str, ...]
    files: tuple[str, ...]
    scores: Mapping[str, tuple[float, ...]]
    query_ms: tuple[float, ...]
    memory_mb: float
    gpu_mb: float = 0.0
    off: Mapping[str, str] = field(default_factory=dict)
    left_out: int = 0


Measure = Callable[[Variant], Measured]
"""Measures one variant."""


@dataclass(frozen=True, slots=True)
class Difference:
    """How much more a metric is than that of the first variant, with the bounds of 95 % of the bootstrap's samples."""

    mean: float
    low: float
    high: float

    @property
    def is_clear(self) -> bool:
        """Return whether the interval leaves out zero."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, slots=True)
class ComparedVariant:
    """A variant with its means, times and memory. `differences` are empty for the first one."""

    name: str
    metrics: Mapping[str, float]
    differences: Mapping[str, Difference]
    p50_ms: float
    p95_ms: float
    memory_mb: float
    gpu_mb: float
    off: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The compared variants; all others are compared with the first."""

    questions: int
    documents: int
    left_out: int
    variants: tuple[ComparedVariant, ...]

    def to_json(self) -> dict[str, object]:
        """Return the object of `compare --json`."""
        return {
            "questions": self.questions,
            "documents": self.documents,
            "left_out": self.left_out,
            "variants": [
                {
                    "name": row.name,
                    "metrics": dict(row.metrics),
                    "differences": {
                        name: {"mean": one.mean, "low": one.low, "high": one.high}
                        for name, one in row.differences.items()
                    },
                    "query_ms": {"p50": row.p50_ms, "p95": row.p95_ms},
                    "memory_mb": row.memory_mb,
                    "gpu_mb": row.gpu_mb,
                    "off": dict(row.off),
                }
                for row in self.variants
            ],
        }


def compare_searches(
    variants: Sequence[Variant], measure: Measure, on_progress: Callable[[int, int], None] = lambda *_: None
) -> Comparison:
    """Measure each variant and compare it with the first. `on_progress` gets (variants done, all variants).

    Raise UserCanFix if no question has a gold page.
    """
    on_progress(0, len(variants))
    measured: list[Measured] = []
    for done, variant in enumerate(variants, 1):
        measured.append(measure(variant))
        if not measured[-1].ids:
            raise UserCanFix(
                "None of the questions has a page that answers it.", 'Add "pages" to them: see docs/search-quality.md.'
            )
        on_progress(done, len(variants))
    first = measured[0]
    rows = [
        ComparedVariant(
            variant.name,
            {name: mean(scores) or 0.0 for name, scores in found.scores.items()},
            {} if found is first else paired_differences(found, first),
            percentile(found.query_ms, 0.50),
            percentile(found.query_ms, 0.95),
            found.memory_mb,
            found.gpu_mb,
            found.off,
        )
        for variant, found in zip(variants, measured, strict=True)
    ]
    return Comparison(len(first.ids), len(set(first.files)), first.left_out, tuple(rows))


def summarize(report: EvaluationReport, memory_mb: float, gpu_mb: float, lanes: Mapping[str, str]) -> Measured:
    """Return the metrics of each question that has a gold page. `lanes` are those of the engine, with their states."""
    asked = [result for result in report.results if result.gold]
    return Measured(
        ids=tuple(result.question.id for result in asked),
        files=tuple(result.question.sha256 or result.question.file for result in asked),
        scores={name: tuple(metric(one.ranked, one.gold) for one in asked) for name, metric in METRICS.items()},
        query_ms=tuple(result.query_ms for result in asked),
        memory_mb=memory_mb,
        gpu_mb=gpu_mb,
        off={lane: state.removeprefix(_OFF) for lane, state in lanes.items() if state.startswith(_OFF)},
        left_out=sum(report.left_out.values()),
    )


def paired_differences(found: Measured, first: Measured) -> dict[str, Difference]:
    """Return how much each metric differs on the same questions, by a bootstrap over documents."""
    files = sorted(set(first.files))
    number = {file: index for index, file in enumerate(files)}
    owners = np.array([number[file] for file in first.files])
    drawn = np.random.default_rng(SEED).integers(0, len(files), (SAMPLES, len(files)))
    times = np.stack([np.bincount(sample, minlength=len(files)) for sample in drawn]).astype(np.float64)
    counts = times @ np.bincount(owners, minlength=len(files))
    differences: dict[str, Difference] = {}
    for name in METRICS:
        each = np.array(found.scores[name]) - np.array(first.scores[name])
        sums = times @ np.bincount(owners, weights=each, minlength=len(files))
        low, high = np.percentile(sums / counts, [2.5, 97.5])
        differences[name] = Difference(float(each.mean()), float(low), float(high))
    return differences


def write_comparison(comparison: Comparison, path: Path) -> None:
    """Write a comparison as one HTML file that loads nothing from elsewhere."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    page = environment.get_template("compare.html.j2").render(comparison=comparison, metrics=tuple(METRICS))
    path.write_text(page, encoding="utf-8")


def compared_variants(
    settings: Settings, *, lanes: bool, rerankers: Sequence[str] = (), embedders: Sequence[str] = ()
) -> list[Variant]:
    """Return the settings as they are, and with one thing changed at a time.

    `lanes`: without each lane. `rerankers` and `embedders` are names as in `rerank.model` and `text.model`. A reranker
    that is compared has two minutes for each search, so that slow ones are measured, too.
    """
    found = [Variant("as set", settings)]
    if lanes:
        for lane in settings.search.lanes:
            if lane == "page-images" and not settings.page_images.model:
                continue  # it is off in all variants
            rest = tuple(other for other in settings.search.lanes if other != lane)
            search = settings.search.model_copy(update={"lanes": rest})
            found.append(Variant(f"without {lane}", settings.model_copy(update={"search": search})))
    for model in rerankers:
        found.append(Variant(f"reranker {model}", _with_reranker(settings, model)))
    for model in embedders:
        found.append(Variant(f"embedder {model}", _with_reranker(settings, ""), model))
    return found


def _with_reranker(settings: Settings, model: str) -> Settings:
    rerank = settings.rerank.model_copy(update={"model": model, "budget_ms": LONGEST_MS})
    return settings.model_copy(update={"rerank": rerank})
