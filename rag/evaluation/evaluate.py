"""Measure the search with a file of questions whose gold pages are known."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from rag.errors import NotFound, UserCanFix
from rag.evaluation.datasets import EvalQuestion, NamedDocument, read_questions
from rag.evaluation.metrics import (
    NamedPage,
    ThresholdPoint,
    auroc,
    best_within,
    declined_curve,
    mean,
    mean_metrics,
    percentile,
    recall_at,
)
from rag.model.search import Hit, Scope, SearchResult
from rag.search.query import STAGES

DEPTH = 50
"""Fused pages requested: as deep as each lane ranks by default, so that their MRRs are comparable."""
MISS_CUTOFF = 5
"""A question is a miss if no gold page is among this many."""
MAX_WRONGLY_DECLINED = 0.03
"""The largest share of questions with an answer that a threshold may decline."""

NOT_RANKED = f"no gold page in the top {MISS_CUTOFF}"
WRONGLY_DECLINED = "declined, although the page was found"
WRONGLY_ANSWERED = "answered, although no searched file has the answer"


class SearchEngine(Protocol):
    """The search that is measured; implemented by `Rag`."""

    def find(self, query: str, scope: Scope, k: int = ...) -> SearchResult: ...
    def find_picture(self, path: Path, scope: Scope, k: int = ...) -> SearchResult: ...
    def documents(self, scope: Scope) -> Sequence[NamedDocument]: ...
    def page_pictures(self, pages: Collection[tuple[int, int]], scope: Scope) -> Mapping[tuple[int, int], Path]: ...


@dataclass(frozen=True, slots=True)
class QuestionResult:
    """A question and its search result. `gold` is empty if the right answer is "not found".

    `hits` are the first pages found. `pictures` has the page images of the gold pages, for a miss only.
    """

    question: EvalQuestion
    gold: frozenset[NamedPage]
    ranked: tuple[NamedPage, ...]
    lanes: Mapping[str, tuple[NamedPage, ...]]
    declined: bool
    confidence: float
    query_ms: float
    stage_ms: Mapping[str, float]
    hits: tuple[Hit, ...] = ()
    pictures: Mapping[NamedPage, Path] = field(default_factory=dict)

    @property
    def missed(self) -> str:
        """What went wrong, in words, or an empty string."""
        if not self.gold:
            return "" if self.declined else WRONGLY_ANSWERED
        if not recall_at(self.ranked, self.gold, MISS_CUTOFF):
            return NOT_RANKED
        return WRONGLY_DECLINED if self.declined else ""


@dataclass(frozen=True, slots=True)
class EvaluationReport:
    """The results of a question file. `left_out` counts the questions about files that are not indexed, by file."""

    results: tuple[QuestionResult, ...]
    left_out: Mapping[str, int]

    def to_json(self) -> dict[str, object]:
        """Return the object of `eval --json`; a mean over no questions is None."""
        present = [result for result in self.results if result.gold]
        absent = [result for result in self.results if not result.gold]
        lanes = dict.fromkeys(lane for result in present for lane in result.lanes)
        shape: dict[str, object] = {
            "questions": len(self.results),
            "fused": mean_metrics((result.ranked, result.gold) for result in present),
            "lanes": {
                lane: mean_metrics((result.lanes[lane], result.gold) for result in present if lane in result.lanes)
                for lane in lanes
            },
            "kinds": _group(present, lambda question: question.kinds),
            "domains": _group(present, lambda question: (question.domain,)),
        }
        looks = _group(present, lambda question: (question.look,))
        if looks:
            shape["looks"] = looks
        times = [result.query_ms for result in self.results]
        shape["declined"] = {
            "absent": mean([float(result.declined) for result in absent]),
            "present": mean([float(result.declined) for result in present]),
        }
        if present and absent:
            shape["auroc"] = self.auroc()
            shape["curve"] = [point._asdict() for point in self.curve()]
        shape["query_ms"] = {"p50": percentile(times, 0.50), "p95": percentile(times, 0.95)}
        shape["stage_ms"] = {
            stage: mean([result.stage_ms.get(stage, 0.0) for result in self.results]) or 0.0 for stage in STAGES
        }
        return shape

    def auroc(self) -> float | None:
        """Return how well the confidence separates questions with and without an answer; None unless there are both."""
        return auroc(*self._confidences())

    def curve(self) -> list[ThresholdPoint]:
        """Return what each confidence threshold would decline; empty unless there are questions of both kinds."""
        return declined_curve(*self._confidences())

    def best_within(self, max_present: float) -> ThresholdPoint | None:
        """Return the best threshold that wrongly declines at most this share; None without a curve."""
        curve = self.curve()
        return best_within(curve, max_present) if curve else None

    def _confidences(self) -> tuple[list[float], list[float]]:
        """Return the confidences of the questions with and without an answer."""
        present = [result.confidence for result in self.results if result.gold]
        return present, [result.confidence for result in self.results if not result.gold]


def _group(
    results: Sequence[QuestionResult], names_of: Callable[[EvalQuestion], Iterable[str]]
) -> dict[str, dict[str, float | None]]:
    """Return the metrics of each group of questions. A question may be in several groups."""
    names = sorted({name for result in results for name in names_of(result.question)} - {""})
    return {
        name: mean_metrics((result.ranked, result.gold) for result in results if name in names_of(result.question))
        for name in names
    }


def evaluate_search(
    rag: SearchEngine,
    questions: Path,
    within: bool = False,
    without_own_file: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
    with_negatives: bool = False,
) -> EvaluationReport:
    """Search for every question of the file. `on_progress` gets (searches done, all searches).

    `within` searches only the question's own file. `without_own_file` excludes it, so that every question should be
    declined. `with_negatives` searches both with and without the question's own file, so that one run measures the
    decision. Questions about files that are not indexed are left out and counted. Raise NotFound if all are left out,
    UserCanFix for more than one of the three options.
    """
    if within + without_own_file + with_negatives > 1:
        raise UserCanFix("--within, --without-own-file and --with-negatives exclude each other.", "Use one of them.")
    documents = rag.documents(Scope.operator())
    kept, left_out = about_indexed(read_questions(questions), documents, questions.name)
    results = []
    report_progress = on_progress or (lambda *_: None)
    searches = [search for question in kept for search in _searches(question, without_own_file, with_negatives)]
    report_progress(0, len(searches))
    for done, (question, is_negative) in enumerate(searches, 1):
        own = question.own_documents(documents)
        scope = Scope.operator()
        if within and own:
            scope = replace(scope, documents=own)
        if is_negative:
            scope = replace(scope, without=own)
        names = _distinct_names(question, documents)
        gold = frozenset() if is_negative else frozenset((names[id_], page) for id_ in own for page in question.pages)
        results.append(_search(rag, question, scope, gold, names))
        report_progress(done, len(searches))
    return EvaluationReport(tuple(results), left_out)


def about_indexed(
    rows: Sequence[EvalQuestion], documents: Sequence[NamedDocument], file: str
) -> tuple[list[EvalQuestion], dict[str, int]]:
    """Return the questions that can be asked, and the number of the others by the file that is not indexed.

    Raise NotFound if none can be asked. `file` is the name of the question file.
    """
    kept: list[EvalQuestion] = []
    left_out: dict[str, int] = {}
    for question in rows:
        if question.pages and not question.own_documents(documents):
            name = question.file or question.sha256
            left_out[name] = left_out.get(name, 0) + 1
        else:
            kept.append(question)
    if not kept:
        raise NotFound(
            f"None of the {len(left_out)} files that {file} asks about is indexed.",
            "Index them first: magpie index FOLDER.",
        )
    return kept, left_out


def _distinct_names(question: EvalQuestion, documents: Sequence[NamedDocument]) -> dict[int, str]:
    """Return the name of each document. For a gold by SHA-256, documents with the same name get different ones."""
    if not question.sha256:
        return {document.id: document.name for document in documents}
    return {document.id: f"{document.name} ({document.sha256[:8]})" for document in documents}


def _searches(
    question: EvalQuestion, without_own_file: bool, with_negatives: bool
) -> Iterator[tuple[EvalQuestion, bool]]:
    """Yield the searches of a question as (question, whether its own file is excluded)."""
    if not without_own_file:
        yield question, False
    if without_own_file or (with_negatives and question.pages):
        yield question, True


def _search(
    rag: SearchEngine, question: EvalQuestion, scope: Scope, gold: frozenset[NamedPage], names: Mapping[int, str]
) -> QuestionResult:
    def named_pages(ranking: Iterable[tuple[int, int]]) -> tuple[NamedPage, ...]:
        return tuple(dict.fromkeys((names.get(document, ""), page) for document, page in ranking))

    start = time.perf_counter()
    if question.image is not None:
        found = rag.find_picture(question.image, scope, DEPTH)
    else:
        found = rag.find(question.query, scope, DEPTH)
    query_ms = (time.perf_counter() - start) * 1000
    used_lanes = [lane for lane, state in found.lanes.items() if state == "on" or lane in found.rankings]
    result = QuestionResult(
        question=question,
        gold=gold,
        ranked=named_pages((hit.document, hit.page) for hit in found.hits),
        lanes={lane: named_pages(found.rankings.get(lane, ())) for lane in used_lanes},
        declined=not found.found,
        confidence=found.confidence,
        query_ms=query_ms,
        stage_ms=found.stage_ms,
        hits=found.hits[:MISS_CUTOFF],
    )
    if not gold or not result.missed:
        return result
    gold_pages = [(id_, page) for file, page in sorted(gold) for id_, name in names.items() if name == file]
    pictures = rag.page_pictures(gold_pages, scope)
    return replace(result, pictures={(names[id_], page): path for (id_, page), path in pictures.items()})
