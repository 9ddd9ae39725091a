"""Measure a search: a file of questions with their gold pages against what is indexed.

A line of the file is a JSON object: `{"id", "query": str | "image": path beside the file, "file": name,
"pages": [1-based]}`, with `kinds` and `look` optional; `pages: []` means the right answer is "not found".
"""

from __future__ import annotations

import html
import json
import math
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, TypeAlias

from rag.errors import NotFound, UserCanFix
from rag.model import Found, Scope

CUTS = (1, 3, 5, 10)
STAGES = ("embed", "words", "vectors", "pixels", "fuse")
DEPTH = 50
"""Fused pages asked for: as deep as each lane ranks by default, so that their MRR compare."""
MISS = 5
"""A question is listed as a miss when no gold page is among this many."""

Page: TypeAlias = tuple[str, int]
"""File name and page, so that two documents of one name count as one."""


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


@dataclass(frozen=True, slots=True)
class Question:
    """One line. `image` is set where the question is a picture; `query` is then the picture's name."""

    id: str
    query: str
    image: Path | None
    file: str
    pages: frozenset[int]
    kinds: tuple[str, ...] = ()
    look: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and what came of it. `gold` is empty where the right answer is "not found"."""

    question: Question
    gold: frozenset[Page]
    ranked: tuple[Page, ...]
    lanes: Mapping[str, tuple[Page, ...]]
    declined: bool
    query_ms: float
    stage_ms: Mapping[str, float]

    @property
    def missed(self) -> str:
        """What went wrong, in words; empty when nothing did."""
        if not self.gold:
            return "" if self.declined else "answered, though the answer is in no file searched"
        if not recall_at(self.ranked, self.gold, MISS):
            return f"no gold page among the first {MISS}"
        return "declined, though the page was found" if self.declined else ""


@dataclass(frozen=True, slots=True)
class Report:
    """A run over a question file. `left_out` are the files that questions name and nobody indexed."""

    asked: tuple[Asked, ...]
    left_out: Mapping[str, int]

    def to_json(self) -> dict[str, object]:
        """The object of `eval --json`; a mean over no question is None."""
        present = [row for row in self.asked if row.gold]
        absent = [row for row in self.asked if not row.gold]
        kinds = sorted({kind for row in present for kind in row.question.kinds})
        looks = sorted({row.question.look for row in present} - {""})
        lanes = dict.fromkeys(lane for row in present for lane in row.lanes)
        shape: dict[str, object] = {
            "questions": len(self.asked),
            "fused": measures((row.ranked, row.gold) for row in present),
            "lanes": {
                lane: measures((row.lanes[lane], row.gold) for row in present if lane in row.lanes) for lane in lanes
            },
            "kinds": {
                kind: measures((row.ranked, row.gold) for row in present if kind in row.question.kinds)
                for kind in kinds
            },
        }
        if looks:
            shape["looks"] = {
                look: measures((row.ranked, row.gold) for row in present if row.question.look == look) for look in looks
            }
        times = [row.query_ms for row in self.asked]
        shape["declined"] = {
            "absent": mean([float(row.declined) for row in absent]),
            "present": mean([float(row.declined) for row in present]),
        }
        shape["query_ms"] = {"p50": percentile(times, 0.50), "p95": percentile(times, 0.95)}
        shape["stage_ms"] = {
            stage: mean([row.stage_ms.get(stage, 0.0) for row in self.asked]) or 0.0 for stage in STAGES
        }
        return shape

    def to_html(self) -> str:
        """A page that lists each miss beside what was found; every text of a file is escaped."""
        return _page(self)


# ---------------------------------------------------------------- measures


def recall_at(ranked: Sequence[Page], gold: Collection[Page], k: int) -> float:
    """Gold pages among the first k, divided by the number of gold pages; 0 to 1. `gold` is not empty."""
    return len(set(ranked[:k]) & set(gold)) / len(gold)


def reciprocal_rank(ranked: Sequence[Page], gold: Collection[Page]) -> float:
    """1 / rank of the first gold page; 0 when there is none."""
    return next((1 / rank for rank, page in enumerate(ranked, 1) if page in gold), 0.0)


def ndcg_at(ranked: Sequence[Page], gold: Collection[Page], k: int) -> float:
    """Normalised discounted cumulative gain with a page being right or not; 0 to 1. `gold` is not empty."""
    gain = sum(1 / math.log2(rank + 1) for rank, page in enumerate(ranked[:k], 1) if page in gold)
    ideal = sum(1 / math.log2(rank + 1) for rank in range(1, min(len(gold), k) + 1))
    return gain / ideal


def measures(rows: Iterable[tuple[Sequence[Page], Collection[Page]]]) -> dict[str, float | None]:
    """Each measure averaged over (ranked, gold) pairs."""
    pairs = list(rows)
    table = {f"recall@{k}": mean([recall_at(ranked, gold, k) for ranked, gold in pairs]) for k in CUTS}
    table["mrr"] = mean([reciprocal_rank(ranked, gold) for ranked, gold in pairs])
    table["ndcg@5"] = mean([ndcg_at(ranked, gold, 5) for ranked, gold in pairs])
    return table


def mean(values: Sequence[float]) -> float | None:
    """None over nothing: no question of that sort was asked, which is not a score of zero."""
    return math.fsum(values) / len(values) if values else None


def percentile(values: Sequence[float], share: float) -> float:
    """Nearest rank: the smallest value that `share` of all values do not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


# ---------------------------------------------------------------- the question file


def read_questions(path: Path) -> list[Question]:
    """Raise NotFound without the file, UserCanFix naming the line that cannot be used."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError as error:
        raise NotFound(f"There is no question file {path}.", "Give its path with --questions.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise UserCanFix(f"The question file {path} cannot be read: {error}.", "Save it as UTF-8 text.") from error
    questions = [_question(line, number, path) for number, line in enumerate(lines, 1) if line.strip()]
    if not questions:
        raise UserCanFix(f"The question file {path} holds no question.", "Write one JSON object on each line.")
    return questions


def _question(line: str, number: int, path: Path) -> Question:
    def wrong(what: str) -> UserCanFix:
        return UserCanFix(
            f"Line {number} of {path.name} {what}.",
            'A line is like {"id": "q1", "query": "...", "file": "a.pdf", "pages": [3]}, with "image" for a picture.',
        )

    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise wrong(f"is not JSON ({error.msg})") from error
    if not isinstance(row, dict):
        raise wrong("is not a JSON object")
    query, image, pages = row.get("query"), row.get("image"), row.get("pages")
    if isinstance(query, str) == isinstance(image, str):
        raise wrong("needs either a query or an image")
    if not isinstance(pages, list) or not all(type(page) is int and page >= 1 for page in pages):
        raise wrong("needs pages, a list of numbers from 1")
    name, kinds = row.get("file", ""), row.get("kinds", [])
    if not isinstance(name, str) or (pages and not name):
        raise wrong("needs the file its pages are of")
    if not isinstance(kinds, list):
        raise wrong("has kinds that are no list")
    picture = path.parent / image if isinstance(image, str) else None
    if picture is not None and not picture.is_file():
        raise wrong(f"names a picture that is not there: {picture}")
    return Question(
        id=str(row.get("id", number)),
        query=query if isinstance(query, str) else str(image),
        image=picture,
        file=name,
        pages=frozenset(pages),
        kinds=tuple(str(kind) for kind in kinds),
        look=str(row.get("look", "")),
    )


# ---------------------------------------------------------------- the run


def measure(
    rag: Searched,
    questions: Path,
    within: bool = False,
    without_own_file: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Ask every question of the file. `on_progress` is told (asked, all).

    `within` searches only the pages of the question's own file; `without_own_file` takes it out of the
    scope, so that every question is one to decline. Questions with gold pages in a file that is not
    indexed are left out and counted. Raise NotFound when that is all of them.
    """
    if within and without_own_file:
        raise UserCanFix("--within and --without-own-file exclude each other.", "Use one of them.")
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
    watch(0, len(kept))
    for done, question in enumerate(kept, 1):
        own = frozenset(id_ for id_, name in names.items() if name == question.file)
        scope = Scope.operator()
        if within and own:
            scope = replace(scope, documents=own)
        if without_own_file:
            scope = replace(scope, without=own)
        gold = frozenset() if without_own_file else frozenset((question.file, page) for page in question.pages)
        asked.append(_ask(rag, question, scope, gold, names))
        watch(done, len(kept))
    return Report(tuple(asked), left_out)


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
    return Asked(
        question=question,
        gold=gold,
        ranked=pages((hit.document, hit.page) for hit in found.hits),
        lanes={lane: pages(found.rankings.get(lane, ())) for lane in took_part},
        declined=not found.found,
        query_ms=query_ms,
        stage_ms=found.stage_ms,
    )


# ---------------------------------------------------------------- the list of misses


def _page(report: Report) -> str:
    misses = [row for row in report.asked if row.missed]
    body = "\n".join(_miss(row) for row in misses) or "<p>Nothing was missed.</p>"
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Magpie: what was missed</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; }}
section {{ border-top: 1px solid #ccc; padding: .8rem 0; }}
h2 {{ font-size: 1rem; margin: 0 0 .3rem; }} p {{ margin: .2rem 0; }} ol {{ margin: .2rem 0; }}
.why {{ color: #a33; }} .gold {{ color: #176; }}
</style></head><body>
<h1>What was missed</h1>
<p>{len(misses)} of {len(report.asked)} questions.</p>
{body}
</body></html>
"""


def _miss(row: Asked) -> str:
    question = row.question
    gold = (
        f"{html.escape(question.file)}, p. {', '.join(str(page) for _, page in sorted(row.gold))}"
        if row.gold
        else "nowhere"
    )
    found = "".join(
        f'<li class="{"gold" if page in row.gold else "other"}">{html.escape(page[0])}, p. {page[1]}</li>'
        for page in row.ranked[:MISS]
    )
    return (
        f"<section><h2>{html.escape(question.query)}</h2><p>{html.escape(question.id)}: "
        f'<span class="why">{row.missed}</span></p><p>The answer is on: <span class="gold">{gold}</span></p>'
        f"<p>Found{' (declined)' if row.declined else ''}:</p><ol>{found or '<li>nothing</li>'}</ol></section>"
    )
