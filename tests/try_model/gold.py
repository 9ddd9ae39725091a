"""Questions with known answers: about the sample documents, and about the documents of a benchmark.

A line of questions.jsonl is a question of `magpie eval`, with its answer, and for the scripted writer: `true`, one or
two statements in other words than the page's, and `false`, a statement that is wrong. It is cited with `false_page` if
the question has no answer. `wrong` are patterns of statements that would be wrong. All of it was written before the
first run and is not changed to suit the check.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.grounding.mutations import mutate
from tests.bench.grounding.statements import TrueStatement, gold_answers

QUESTIONS = Path(__file__).parent / "questions.jsonl"
ANSWERABLE, UNANSWERABLE = 17, 8
"""Questions that are asked about a benchmark."""


@dataclass(frozen=True)
class GoldQuestion:
    """A question. `pages` is empty if the file does not answer it."""

    id: str
    query: str
    file: str
    pages: tuple[int, ...]
    answer: str = ""
    true: tuple[str, ...] = ()
    false: str = ""
    false_page: int = 0
    wrong: tuple[str, ...] = ()

    @property
    def page(self) -> int:
        """The page that the scripted writer cites."""
        return self.pages[0] if self.pages else self.false_page


def sample_questions() -> list[GoldQuestion]:
    """Return the questions about the sample documents."""
    rows = map(json.loads, QUESTIONS.read_text("utf-8").splitlines())
    return [
        GoldQuestion(**row | {name: tuple(row.get(name, ())) for name in ("pages", "true", "wrong")}) for row in rows
    ]


def benchmark_questions(bench: Path) -> list[GoldQuestion]:
    """Return questions of a benchmark, spread over its documents: with answers in sentences, and without an answer.

    `bench` holds questions.jsonl, unanswerable.jsonl, and pdf/. The false statements are mutations of the answers.
    """
    known = {one.text: one for one in gold_answers(bench)}
    asked = _rows(bench / "questions.jsonl")
    answered = [_with_mutation(row, known[row["answer"]]) for row in asked if row.get("answer") in known]
    nowhere = [GoldQuestion(row["id"], row["query"], row["file"], ()) for row in _rows(bench / "unanswerable.jsonl")]
    return [*_spread(answered, ANSWERABLE), *_spread(nowhere, UNANSWERABLE)]


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def _with_mutation(row: dict[str, Any], answer: TrueStatement) -> GoldQuestion:
    false = next((one.text for one in mutate(answer)), "")
    return GoldQuestion(row["id"], row["query"], row["file"], tuple(row["pages"]), answer.text, (answer.text,), false)


def _spread(questions: Sequence[GoldQuestion], count: int) -> list[GoldQuestion]:
    step = max(1, len(questions) // count)
    return list(questions[::step][:count])
