"""The table of the runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from tests.try_model.asking import DECLINED, MODEL, PASSAGES, Reply
from tests.try_model.faults import FaultsTried

_COLUMNS = (
    ("model", 6),
    ("passages", 9),
    ("declined", 9),
    ("held", 10),
    ("wrong", 6),
    ("true shown", 11),
    ("answered", 9),
    ("not found: precision", 21),
    ("recall", 7),
    ("first s", 8),
    ("end s", 7),
    ("ours", 7),
)


@dataclass(frozen=True)
class Run:
    """The replies of a model. `scripted`: it knows what is true, and takes no time."""

    title: str
    replies: tuple[Reply, ...]
    scripted: bool = False

    @property
    def statements(self) -> int:
        return sum(len(reply.statements) for reply in self.replies)

    @property
    def wrong(self) -> int:
        return sum(len(reply.wrong) for reply in self.replies)


def table(runs: Sequence[Run]) -> Iterator[str]:
    """Yield a line for each run.

    held: statements whose numbers, names and identifiers are on the cited pages, of those shown. true shown: statements
    of the scripted writer; of a real model, those shown that are not wrong. answered: written answers that have the
    right values, of the questions with an answer. ours: share of the time in which the model was not waited for.
    """
    width = max(len(run.title) for run in runs) + 2
    yield " " * width + "".join(f"{name:>{size}}" for name, size in _COLUMNS)
    for run in runs:
        yield f"{run.title:{width}}" + "".join(
            f"{cell:>{size}}" for cell, (_, size) in zip(_cells(run), _COLUMNS, strict=True)
        )


def _cells(run: Run) -> list[str]:
    replies = run.replies
    shown = [reply.shown for reply in replies]
    answerable = [reply for reply in replies if reply.question.pages]
    absent = [reply for reply in replies if not reply.question.pages]
    rightly = sum(reply.shown == DECLINED for reply in absent)
    waited, took = sum(reply.waited for reply in replies), sum(reply.end for reply in replies)
    true = f"{sum(reply.true_shown for reply in replies)}/{sum(reply.true_written for reply in replies)}"
    return [
        str(shown.count(MODEL)),
        str(shown.count(PASSAGES)),
        str(shown.count(DECLINED)),
        f"{sum(one.holds for reply in replies for one in reply.statements)}/{run.statements}",
        str(run.wrong),
        true if run.scripted else str(run.statements - run.wrong),
        f"{sum(reply.has_answer for reply in answerable)}/{len(answerable)}",
        f"{rightly}/{shown.count(DECLINED)}",
        f"{rightly}/{len(absent)}",
        f"{median(reply.first for reply in replies):.2f}",
        f"{median(reply.end for reply in replies):.2f}",
        "–" if run.scripted else f"{100 * (1 - waited / took):.1f} %",
    ]


def faults_line(faults: FaultsTried) -> str:
    """Return how many faults of a model server ended in passages."""
    line = f"faults, {faults.api}: {len(faults.tried) - len(faults.failed)} of {len(faults.tried)} ended in passages"
    return f"{line} (not: {', '.join(faults.failed)})" if faults.failed else line


def last_line(runs: Sequence[Run]) -> str:
    """Return how many of the shown statements are wrong."""
    return f"wrong statements shown: {sum(run.wrong for run in runs)} of {sum(run.statements for run in runs)}"
