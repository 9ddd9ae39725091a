"""Ask questions and judge what is shown, independently of the product's check."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import TypeVar

from rag import AnswerProgress, Mode, Rag, Scope
from rag.evaluation.answers import cited_pages
from rag.evaluation.judging import JudgedStatement, has_answer, judge_statements
from rag.ports import Generator, ModelInfo, Prompt, TokenStream
from tests.try_model.gold import GoldQuestion

_T = TypeVar("_T")

MODEL, PASSAGES, DECLINED = "model", "passages", "declined"


@dataclass
class TimedGenerator:
    """A generator that counts the seconds in which its model is waited for, and keeps what it wrote."""

    inner: Generator
    seconds: float = 0.0
    wrote: list[str] = field(default_factory=list)

    def model_info(self) -> ModelInfo:
        return self.timed(self.inner.model_info)

    def stream(self, prompt: Prompt) -> TokenStream:
        return _TimedStream(self, self.inner.stream(prompt))

    def close(self) -> None:
        self.inner.close()

    def timed(self, call: Callable[[], _T]) -> _T:
        started = perf_counter()
        try:
            return call()
        finally:
            self.seconds += perf_counter() - started


class _TimedStream:
    def __init__(self, owner: TimedGenerator, pieces: TokenStream) -> None:
        self._owner, self._pieces = owner, pieces
        owner.wrote.append("")

    def __iter__(self) -> _TimedStream:
        return self

    def __next__(self) -> str:
        piece = self._owner.timed(lambda: next(self._pieces))
        self._owner.wrote[-1] += piece
        return piece

    def close(self) -> None:
        self._owner.timed(self._pieces.close)


@dataclass(frozen=True)
class Reply:
    """What was shown for a question. `true_written` and `true_shown` count statements of the scripted writer.

    `found`: the search did not decline. `first` and `end` are seconds to the first words and to the end; `waited` those
    in which the model was waited for.
    """

    question: GoldQuestion
    shown: str
    text: str
    notice: str
    found: bool
    wrote: tuple[str, ...]
    statements: tuple[JudgedStatement, ...]
    wrong: tuple[str, ...]
    true_written: int
    true_shown: int
    first: float
    end: float
    waited: float

    @property
    def has_answer(self) -> bool:
        """Whether a written answer has the values of the right one."""
        return self.shown == MODEL and has_answer(self.text, self.question.answer)


def ask(rag: Rag, timed: TimedGenerator | None, question: GoldQuestion, scripted: bool) -> Reply:
    """Ask a question and judge the reply. For the scripted writer, its own words say what is true.

    `timed` is the engine's generator, if it has one.
    """
    if timed is not None:
        timed.seconds, timed.wrote = 0.0, []
    started, first = perf_counter(), 0.0

    def on_progress(progress: AnswerProgress) -> None:
        nonlocal first
        first = first or (perf_counter() - started if progress.text.strip() else 0.0)

    answer = rag.ask(question.query, Scope.operator(), on_progress=on_progress)
    end = perf_counter() - started
    shown = DECLINED if answer.abstained else PASSAGES if answer.mode is Mode.PASSAGES else MODEL
    statements = judge_statements(answer.text, cited_pages(rag, answer, Scope.operator())) if shown == MODEL else ()
    true = [_plain(one) for one in question.true] if scripted else []
    wrote = tuple(timed.wrote) if timed is not None else ()
    written = _plain(" ".join(wrote[:1]))
    said = _plain(" ".join(one.text for one in statements))
    return Reply(
        question=question,
        shown=shown,
        text=answer.text,
        notice=answer.notice,
        found=answer.found.found,
        wrote=wrote,
        statements=statements,
        wrong=tuple(one.text for one in statements if _is_wrong(one, question, true)),
        true_written=sum(one in written for one in true),
        true_shown=sum(one in said for one in true if one in written),
        first=first or end,
        end=end,
        waited=timed.seconds if timed is not None else 0.0,
    )


def _is_wrong(one: JudgedStatement, question: GoldQuestion, true: Sequence[str]) -> bool:
    said = _plain(one.text)
    if question.false and _plain(question.false) in said:
        return True
    if any(statement in said for statement in true):
        return False
    return bool(one.missing) or any(re.search(pattern, one.text) for pattern in question.wrong)


def _plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", re.sub(r"\[\d+\]", " ", text).casefold()))
