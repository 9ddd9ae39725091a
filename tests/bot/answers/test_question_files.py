"""Files sent with a question: those that were refused are not waited for, and the answer says why."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.answers.question_files import QuestionFiles
from bot.answers.task import AnswerTask
from bot.db import jobs, tables
from bot.db.questions import ClaimedQuestion, QuestionState
from bot.slack.events import IntakeRefusal, Question, Unusable
from bot.slack.files import KIND
from bot.slack.messages import file_texts
from rag import Rag, Settings, Share, ShareState, put_share
from tests.support.migrated import migrated, open_rag

ASKED = Question("C1", "5.2", "5.2", "U1", "which port?", ("F1",))


@pytest.fixture
def rag(tmp_path: Path) -> Iterator[Rag]:
    settings = Settings(data=migrated(tmp_path, tables.HISTORY), answer={"model": ""})
    with open_rag(settings, histories=[tables.HISTORY]) as rag:
        yield rag


def not_waited() -> None:
    raise AssertionError("it waits for the file")


def wait(rag: Rag) -> tuple[str, ...]:
    """Wait for the file of the question. Return what is said about it, without what Slack says."""
    slack: Any = None
    claimed = ClaimedQuestion(
        2, ASKED, QuestionState.ANSWERING, 0, 0, "", 1, 0, 5.2, None, None, None, None, None, None, ()
    )
    files = QuestionFiles(rag, slack, threading.Event())
    files.wait(AnswerTask(claimed, show=print, check=not_waited), ASKED.files, 60)
    return files.refusals(ASKED, ASKED.files)


def refuse(rag: Rag, reason: str) -> None:
    with rag.write_transaction() as connection:
        put_share(connection, Share(KIND, "F1", "C1", "a.pdf", message="5.2", state=ShareState.REFUSED, reason=reason))


@pytest.mark.parametrize("reason", [*IntakeRefusal, Unusable.OUTSIDE])
def test_refused_file_is_mentioned_and_not_waited_for(rag: Rag, reason: IntakeRefusal | Unusable) -> None:
    refuse(rag, reason)
    said = wait(rag)
    assert said == (file_texts.unused_file(reason),)
    assert file_texts.UNKNOWN_TYPE not in said[0]
    with rag.read_transaction() as connection:
        assert not jobs.is_open(connection, jobs.SWEEPS, "C1")
    slack: Any = None
    follow_up = Question("C1", "6.1", "5.2", "U1", "and which one?")
    assert QuestionFiles(rag, slack, threading.Event()).problem_of_thread(follow_up) == said[0]


def test_file_that_is_not_recorded_yet_is_waited_for(rag: Rag) -> None:
    with pytest.raises(AssertionError, match="it waits"):
        wait(rag)


def test_file_that_another_message_shares_is_not_called_refused(rag: Rag) -> None:
    refuse(rag, IntakeRefusal.TYPE)
    with rag.write_transaction() as connection:
        put_share(connection, Share(KIND, "F1", "C1", "a.pdf", message="4.1"))
    with pytest.raises(AssertionError, match="it waits"):  # until it is read
        wait(rag)
