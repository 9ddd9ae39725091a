"""Measure a search: a file of questions with their gold pages against what is indexed."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from rag.errors import NotFound, UserCanFix
from rag.evaluation.datasets import Question, read_questions
from rag.evaluation.metrics import (
    Page,
    Point,
    auroc,
    best_within,
    declined_curve,
    mean,
    measures,
    percentile,
    recall_at,
)
from rag.model import Found, Hit, Scope

STAGES = ("embed", "words", "vectors", "pixels", "fuse")
DEPTH = 50
"""Fused pages asked for: as deep as each lane ranks by default, so that their MRR compare."""
MISS = 5
"""A question is listed as a miss when no gold page is among this many."""

NOT_RANKED, WRONGLY_DECLINED = f"no gold page among the first {MISS}", "declined, though the page was found"
WRONGLY_ANSWERED = "answered, though the answer is in no file searched"


class Named(Protocol):
    @property
    def id(self) -> int: ...
    @property
    def name(self) -> str: ...


class Searched(Protocol):
    """What is measured; `Rag` is one."""

    def find(self, query: str, scope: Scope, k: int = ...) -> Found: ...
    def find_picture(self, path: Path, scope: Scope, k: int = ...) -> Found: ...
    def documents(self, scope: Scope) -> Sequence[Named]: ...
    def page_pictures(self, pages: Collection[tuple[int, int]], scope: Scope) -> Mapping[tuple[int, int], Path]: ...


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and what came of it. `gold` is empty where the right answer is "not found".

    `hits` are the first pages that were found; `pictures` the gold pages' renders, kept of a miss alone.
    """

    question: Question
    gold: frozenset[Page]
    ranked: tuple[Page, ...]
    lanes: Mapping[str, tuple[Page, ...]]
    declined: bool
    confidence: float
    query_ms: float
    stage_ms: Mapping[str, float]
    hits: tuple[Hit, ...] = ()
    pictures: Mapping[Page, Path] = field(default_factory=dict)

    @property
    def missed(self) -> str:
        """What went wrong, in words; empty when nothing did."""
        if not self.gold:
            return "" if self.declined else WRONGLY_ANSWERED
        if not recall_at(self.ranked, self.gold, MISS):
            return NOT_RANKED
        return WRONGLY_DECLINED if self.declined else ""


@dataclass(frozen=True, slots=True)
class Report:
    """A run over a question file. `left_out` are the files that questions name and nobody indexed."""

    asked: tuple[Asked, ...]
    left_out: Mapping[str, int]

    def to_json(self) -> dict[str, object]:
        """The object of `eval --json`; a mean over no question is None."""
        present = [row for row in self.asked if row.gold]
        absent = [row for row in self.asked if not row.gold]
        lanes = dict.fromkeys(lane for row in present for lane in row.lanes)
        shape: dict[str, object] = {
            "questions": len(self.asked),
            "fused": measures((row.ranked, row.gold) for row in present),
            "lanes": {
                lane: measures((row.lanes[lane], row.gold) for row in present if lane in row.lanes) for lane in lanes
            },
            "kinds": _by(present, lambda row: row.question.kinds),
            "domains": _by(present, lambda row: (row.question.domain,)),
        }
        looks = _by(present, lambda row: (row.question.look,))
        if looks:
            shape["looks"] = looks
        times = [row.query_ms for row in self.asked]
        shape["declined"] = {
            "absent": mean([float(row.declined) for row in absent]),
            "present": mean([float(row.declined) for row in present]),
        }
        if present and absent:
            shape["auroc"] = self.auroc()
            shape["curve"] = [point._asdict() for point in self.curve()]
        shape["query_ms"] = {"p50": percentile(times, 0.50), "p95": percentile(times, 0.95)}
        shape["stage_ms"] = {
            stage: mean([row.stage_ms.get(stage, 0.0) for row in self.asked]) or 0.0 for stage in STAGES
        }
        return shape

    def auroc(self) -> float | None:
        """How well the confidence tells questions with an answer from those without; None unless there are both."""
        return auroc(*self._confidences())

    def curve(self) -> list[Point]:
        """What any threshold on the confidence would decline; empty unless there are questions of both kinds."""
        return declined_curve(*self._confidences())

    def best_within(self, most: float) -> Point | None:
        """The best that a threshold can do while it wrongly declines at most this share; None without a curve."""
        curve = self.curve()
        return best_within(curve, most) if curve else None

    def _confidences(self) -> tuple[list[float], list[float]]:
        present = [row.confidence for row in self.asked if row.gold]
        return present, [row.confidence for row in self.asked if not row.gold]


def _by(rows: Sequence[Asked], groups: Callable[[Asked], Iterable[str]]) -> dict[str, dict[str, float | None]]:
    names = sorted({name for row in rows for name in groups(row)} - {""})
    return {name: measures((row.ranked, row.gold) for row in rows if name in groups(row)) for name in names}


def measure(
    rag: Searched,
    questions: Path,
    within: bool = False,
    without_own_file: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
    with_negatives: bool = False,
) -> Report:
    """Ask every question of the file. `on_progress` is told (asked, all).

    `within` searches only the pages of the question's own file; `without_own_file` takes it out of the
    scope, so that every question is one to decline; `with_negatives` asks each question both as it is and with its
    file taken out, so that the decision is measured in one run. Questions with gold pages in a file that is not
    indexed are left out and counted. Raise NotFound when that is all of them.
    """
    if within + without_own_file + with_negatives > 1:
        raise UserCanFix("--within, --without-own-file and --with-negatives exclude each other.", "Use one of them.")
    rows = read_questions(questions)
    names = {document.id: document.name for document in rag.documents(Scope.operator())}
    stored = set(names.values())
    left_out: dict[str, int] = {}
    kept = []
    for question in rows:
        if question.pages and question.file not in stored:
            left_out[question.file] = left_out.get(question.file, 0) + 1
        else:
            kept.append(question)
    if not kept:
        raise NotFound(
            f"None of the {len(left_out)} files that {questions.name} asks about is indexed.",
            "Index them first: magpie index FOLDER.",
        )
    asked = []
    watch = on_progress or (lambda *_: None)
    todo = [turn for question in kept for turn in _turns(question, without_own_file, with_negatives)]
    watch(0, len(todo))
    for done, (question, negative) in enumerate(todo, 1):
        own = frozenset(id_ for id_, name in names.items() if name == question.file)
        scope = Scope.operator()
        if within and own:
            scope = replace(scope, documents=own)
        if negative:
            scope = replace(scope, without=own)
        gold = frozenset() if negative else frozenset((question.file, page) for page in question.pages)
        asked.append(_ask(rag, question, scope, gold, names))
        watch(done, len(todo))
    return Report(tuple(asked), left_out)


def _turns(question: Question, without_own_file: bool, with_negatives: bool) -> Iterator[tuple[Question, bool]]:
    """The question as it is, with its own file taken out (True), or both; one without gold pages is asked once."""
    if not without_own_file:
        yield question, False
    if without_own_file or (with_negatives and question.pages):
        yield question, True


def _ask(rag: Searched, question: Question, scope: Scope, gold: frozenset[Page], names: Mapping[int, str]) -> Asked:
    def pages(ranking: Iterable[tuple[int, int]]) -> tuple[Page, ...]:
        return tuple(dict.fromkeys((names.get(document, ""), page) for document, page in ranking))

    start = time.perf_counter()
    if question.image is not None:
        found = rag.find_picture(question.image, scope, DEPTH)
    else:
        found = rag.find(question.query, scope, DEPTH)
    query_ms = (time.perf_counter() - start) * 1000
    took_part = [lane for lane, state in found.lanes.items() if state == "on" or lane in found.rankings]
    asked = Asked(
        question=question,
        gold=gold,
        ranked=pages((hit.document, hit.page) for hit in found.hits),
        lanes={lane: pages(found.rankings.get(lane, ())) for lane in took_part},
        declined=not found.found,
        confidence=found.confidence,
        query_ms=query_ms,
        stage_ms=found.stage_ms,
        hits=found.hits[:MISS],
    )
    if not gold or not asked.missed:
        return asked
    wanted = [(id_, page) for file, page in sorted(gold) for id_, name in names.items() if name == file]
    drawn = rag.page_pictures(wanted, scope)
    return replace(asked, pictures={(names[id_], page): path for (id_, page), path in drawn.items()})
