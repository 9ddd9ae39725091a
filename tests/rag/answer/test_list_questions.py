"""Questions for a list of everything get more passages, and the answer says if it may be incomplete."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rag.answer.generation import answer_question
from rag.answer.list_questions import asks_for_list
from rag.setting_groups import AnswerSettings
from tests.rag.answer.test_generation import PIER, found
from tests.support.generator import FakeGenerator

PAGES = [
    replace(PIER, rank=page, chunk=page, page=page, text=f"The pier is 40 metres long, says page {page}.")
    for page in range(1, 11)
]


@pytest.mark.parametrize(
    "question",
    [
        "List all invoices",
        "please list every supplier of the harbor",
        "Show me all risks.",
        "What are all the ports?",
        "Liste alle Rechnungen auf",
        "Énumère tous les risques",
        "Muéstrame todos los puertos",
        "Elenca tutti i fornitori",
        "Liste todos os riscos",
        "Noem alle leveranciers",
        "Wypisz wszystkie faktury",
        "Перечисли все риски",
        "列出所有供应商",
        "すべての業者を列挙して",
    ],
)
def test_list_is_asked_for(question: str) -> None:
    assert asks_for_list(question)


@pytest.mark.parametrize(
    "question", ["How long is the pier?", "Who lists the invoices?", "Show me the crane", "Are all invoices paid?", ""]
)
def test_other_question_is_no_list(question: str) -> None:
    assert not asks_for_list(question)


def test_list_quotes_all_passages_and_says_that_there_are_more() -> None:
    answer = answer_question("List all piers", found(*PAGES), None, AnswerSettings())
    assert [passage.hit.page for passage in answer.cited] == [1, 2, 3, 4, 5, 6]
    assert answer.notice.endswith("This list is from the best 6 pages. More pages match.")
    short = answer_question("List all piers", found(*PAGES[:2]), None, AnswerSettings())
    assert "More pages" not in short.notice
    assert len(answer_question("How long is the pier?", found(*PAGES), None, AnswerSettings()).cited) == 3


def test_written_list_says_that_there_are_more() -> None:
    answer = answer_question("List all piers: how long is each?", found(*PAGES), FakeGenerator(), AnswerSettings())
    assert answer.notice == "This list is from the best 6 pages. More pages match."
    other = answer_question("How long is the pier?", found(*PAGES), FakeGenerator(), AnswerSettings())
    assert other.notice == ""
