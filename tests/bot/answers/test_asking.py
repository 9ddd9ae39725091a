"""Asking the engine: what waits for the model, and what does not."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import pytest

from bot.answers.asking import Asking
from bot.answers.fair_lock import FairLock
from bot.answers.task import AnswerTask
from bot.db.questions import ClaimedQuestion, QuestionState
from bot.slack.errors import Superseded
from bot.slack.events import Question
from bot.telemetry.telemetry import Telemetry
from rag import AnswerOptions, Scope


def nothing() -> None:
    pass


def unsettled() -> None:
    raise Superseded


class Engine:
    """Has searched when it asks for the model."""

    def __init__(self) -> None:
        self.has_searched = False

    def ask(
        self, _question: str, _scope: Scope, _pictures: Any, _on_text: Any, model: Any, _options: AnswerOptions
    ) -> None:
        self.has_searched = True
        waiting: AbstractContextManager[None] = model()
        with waiting:
            pass


def test_question_is_searched_for_while_another_one_uses_the_model() -> None:
    engine: Any = Engine()
    unused: Any = None
    fair = FairLock(at_once=1)
    asked = Question("C1", "5.2", "5.2", "U1", "which port?")
    claimed = ClaimedQuestion(
        2, asked, QuestionState.ANSWERING, 0, 0, "", 1, 0, 5.2, None, None, None, None, None, None, ()
    )
    asking = Asking(engine, unused, unused, fair, Telemetry())
    with fair.acquire((0, 1, 0), nothing), pytest.raises(Superseded):
        asking.ask(
            AnswerTask(claimed, show=print, check=unsettled), "which port?", Scope.of("C1"), unused, AnswerOptions()
        )
    assert engine.has_searched
