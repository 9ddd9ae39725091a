"""Replies that are no answer: loops, copied prompts, thoughts, refusals, another language, nothing at all."""

from __future__ import annotations

from collections.abc import Generator as Generating
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.answer import messages
from rag.answer.generation import answer_question
from rag.answer.grounding import GroundingSource, check_grounding
from rag.answer.prompt import INSTRUCTIONS
from rag.answer.reply_faults import is_other_language, is_refusal, is_thought
from rag.model.search import Answer, Mode
from rag.ports import Prompt
from rag.setting_groups import AnswerSettings
from tests.rag.answer.test_draft import Drafts
from tests.rag.answer.test_generation import CRANE, LAMP, PIER, QUESTION, found
from tests.support.generator import FakeGenerator, pieces_of

RIGHT = "The pier is 40 metres long [1]."
DOCS = Path(__file__).parents[3] / "docs" / "answers.md"


def ask(*texts: str, correct: bool = False, question: str = QUESTION) -> tuple[Answer, Drafts]:
    generator = Drafts(texts=list(texts))
    return answer_question(question, found(PIER, CRANE, LAMP), generator, AnswerSettings(correct=correct)), generator


@dataclass
class Endless(FakeGenerator):
    """Writes a beginning, and then the same text until it is closed. `count` is the number of copies it wrote."""

    begin: str = ""
    again: str = ""
    count: int = 0

    def stream(self, prompt: Prompt) -> Generating[str, None, None]:
        fence = prompt.system.partition("<passage N ")[2].partition(">")[0]
        yield from pieces_of(self.begin.replace("FENCE", fence))
        for self.count in range(1, 1000):
            yield from pieces_of(self.again)


CASES = {
    "every statement is supported": (RIGHT, "the answer"),
    "some statements are supported": (f"{RIGHT} It has 9 lamps [3].", "the sentences that hold"),
    "no statement is supported": ("It is 50 metres long [1].", "the passages"),
    "no citation, and no passage supports it": ("It is rather long.", "the passages"),
    "a supported statement without a citation, or with a wrong one": ("The pier is 40 metres long.", "the answer"),
    "NOT FOUND": ("NOT FOUND", "that nothing was found"),
    "nothing": (" ", "the passages"),
    "a refusal": ("I'm sorry, but I can't help with that.", "the passages"),
    "thoughts and no answer": ("<think>The user asks about a pier.", "the passages"),
    "a copy of the prompt": (f"{QUESTION} Answer from the passages, in the language of the question.", "the passages"),
    "the same again and again": (f"{RIGHT} " * 9, "the answer"),
    "another language than the question's": (
        "Der Pier ist 40 Meter lang und das ist für die Boote gut [1].",
        "the passages",
    ),
}


def shown(answer: Answer) -> str:
    if answer.abstained:
        return "that nothing was found"
    if answer.mode is Mode.PASSAGES:
        return "the passages"
    return "the sentences that hold" if answer.notice == messages.left_out(1) else "the answer"


@pytest.mark.parametrize("case", CASES)
def test_what_is_shown(case: str) -> None:
    text, expected = CASES[case]
    answer, _ = ask(text)
    assert shown(answer) == expected
    if expected in ("the answer", "the sentences that hold"):
        assert answer.text == RIGHT
    if expected == "the passages":
        assert answer.notice.startswith("Best passages (no written answer: ")


def test_table_of_the_documentation_has_these_cases() -> None:
    section = DOCS.read_text(encoding="utf-8").partition("## What is shown\n")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")][1:]
    assert {row[0]: row[1].partition(",")[0].partition(":")[0].strip() for row in rows} == {
        case: expected for case, (_, expected) in CASES.items()
    }


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("...", messages.EMPTY),
        ("Es tut mir leid, das weiß ich nicht.", messages.REFUSED),
        ("The passages do not mention a pier.", messages.REFUSED),
        ("Okay, let me look at the passages first.", messages.THINKING),
        ("<think>Forty metres.</think>", messages.THINKING),
        (QUESTION, messages.PROMPT_COPIED),
        (
            "You answer questions from numbered passages of a team's own files, and from nothing else.",
            messages.PROMPT_COPIED,
        ),
        ("ropes and " * 30, messages.REPEATED),
        ("塔は四十メートルです。", messages.OTHER_LANGUAGE),
    ],
)
def test_reason_is_given_and_the_model_is_asked_once_more(text: str, reason: str) -> None:
    answer, _ = ask(text)
    assert answer.notice == messages.best_passages(reason)
    again, generator = ask(text, text, "never asked", correct=True)
    assert again.notice == messages.best_passages(reason)
    assert len(generator.prompts) == 2
    assert "was not an answer in the language of the question" in generator.prompts[1].user
    better, _ = ask(text, RIGHT, correct=True)
    assert better.text == RIGHT


@pytest.mark.parametrize(
    "text",
    [
        f"Okay, let me look at the passages first. {RIGHT}",
        f"<think>The pier is 50 metres long.</think>{RIGHT}",
        f"The pier is 50 metres long.</think>\n{RIGHT}",
        f"{QUESTION} {RIGHT}",
        f"{RIGHT}\n\nUser: And how high is it?\nIt is 9 metres high [1].",
        f"{RIGHT}<|im_end|><|im_start|>user It is 9 metres high [1].",
        f"{RIGHT}\nCite only numbers that are shown. Write no links and no list of sources.",
        f"File: handbook.pdf, p. 12\n{RIGHT}",
        f"{RIGHT} {RIGHT}",
        f"{RIGHT}\n\nSources: [1]",
        f"{RIGHT}\nThe pier is 40 metres long.",
    ],
)
def test_only_the_answer_in_a_reply_is_shown(text: str) -> None:
    answer, _ = ask(text)
    assert answer.text == RIGHT


@pytest.mark.parametrize(
    ("begin", "again", "copies"),
    [
        (RIGHT, " Ropes of hemp hold boats, barges, buoys and gates.", 3),
        (f"{RIGHT}\n\n", "ropes, hemp, tar, ", 3),
        (f"{RIGHT} <passage 1 FENCE>", "\nThe pier", 1),
        ("NOT FOUND", " indeed", 1),
        ("I cannot answer this question.", " It is forbidden to say more of it.", 1),
    ],
)
def test_generation_ends_when_the_outcome_is_decided(begin: str, again: str, copies: int) -> None:
    generator = Endless(begin=begin, again=again)
    answer = answer_question(QUESTION, found(PIER, CRANE, LAMP), generator, AnswerSettings(correct=False))
    assert generator.count <= copies
    assert (answer.text == RIGHT) == (begin.startswith(RIGHT))


def test_list_that_repeats_its_words_is_no_loop() -> None:
    rows = "\n".join(f"| Pier {number} | 40 metres | yes |" for number in range(1, 9))
    text = f"| Pier | Length | Open |\n|---|---|---|\n{rows}"
    generator = FakeGenerator(text=f"{text}\n\n{RIGHT}")
    answer = answer_question(QUESTION, found(PIER), generator, AnswerSettings(correct=False))
    assert RIGHT in answer.text


@pytest.mark.parametrize(
    ("question", "reply", "other"),
    [
        ("How long is the pier?", "The pier is forty metres long.", False),
        ("How long is the pier?", "Der Pier ist vierzig Meter lang und er ist aus Holz.", True),
        ("Wie lang ist der Pier?", "The pier is forty metres long and it is made of wood.", True),
        ("Wie lang ist der Pier?", "40 Meter.", False),
        ("桟橋の長さは？", "The pier is 40 metres long and it is made of wood.", True),
        ("How long is the pier?", "桟橋は40メートルです。", True),
        ("桟橋全長?", "桟橋は40メートルです。", False),
        ("How long is the pier? Answer in German.", "Der Pier ist vierzig Meter lang und er ist aus Holz.", False),
        ("pier", "The pier is forty metres long.", False),
        ("¿Qué longitud tiene el muelle?", "El muelle tiene 40 metros de longitud.", False),
    ],
)
def test_other_language(question: str, reply: str, other: bool) -> None:
    assert is_other_language(question, reply) == other


def test_language_that_is_set_counts_instead_of_that_of_the_question() -> None:
    question, german = "How long is the pier?", "Der Pier ist vierzig Meter lang und er ist aus Holz."
    assert not is_other_language(question, german, "de")
    assert is_other_language(question, "The pier is forty metres long and it is made of wood.", "de")
    assert is_other_language(question, german, "fr")


def test_language_without_known_stop_words_is_taken_for_no_neighbor() -> None:
    indonesian = "Dermaga itu panjangnya empat puluh meter dan terbuat dari kayu yang ada di sini."
    assert is_other_language("How long is the pier?", indonesian, "de")
    assert not is_other_language("How long is the pier?", indonesian, "ms")
    assert is_other_language("How long is the pier?", "桟橋の長さは40メートルです。", "ms")


@pytest.mark.parametrize(
    "sentence",
    [
        "The crane lifts 40 kg.",
        "So the pier is long.",
        "First, open the gate.",
        "No, it is closed.",
        "I is a beam.",
        "File: /etc/lamp.conf",
        "Leider gibt es montags kein Essen.",
        "Leider 9.",
        "The passage that leads to the pier is closed.",
        "Passage 3 is closed.",
        "The answer is 9.",
        "This is what it is about.",
    ],
)
def test_statement_is_neither_refusal_nor_thought(sentence: str) -> None:
    assert not is_refusal(sentence)
    assert not is_thought(sentence)


@pytest.mark.parametrize(
    "sentence",
    [
        "The passage 1 is about the passage 2.",
        "Passage 4 mentions the pier.",
        "The passage that starts with the number 1 is not mentioned.",
        "The passage says:",
        "The answer is:",
        "The passage is:",
        "The password of the gateway is .",
    ],
)
def test_sentence_about_passages_is_a_thought(sentence: str) -> None:
    assert is_thought(sentence)


PARTS = st.sampled_from(
    [
        *(
            RIGHT,
            "It is 50 metres long [1].",
            "It has 9 lamps.",
            "A crane lifts two tonnes",
            "[2]",
            "[9]",
            "\n",
            "\n\n",
        ),
        *("- ", "# ", "NOT", "FOUND", "I'm sorry, but", "<think>", "</think>", "Answer from the passages", "User:"),
        *("| a |", "Yes.", "«", *INSTRUCTIONS.split("\n")[:3]),
    ]
)


@given(st.lists(PARTS, max_size=12))
def test_whatever_a_model_writes_every_shown_sentence_passes_its_check(parts: list[str]) -> None:
    answer, _ = ask(" ".join(parts))
    if answer.mode is Mode.PASSAGES or answer.abstained:
        return
    sources = {
        passage.number: GroundingSource(f"{passage.hit.region_label}\n{passage.hit.text}")
        for passage in answer.passages
    }
    checked = check_grounding(answer.text, sources)
    assert checked.held > 0
    assert checked.not_found == []
    assert "50" not in answer.text
    assert "9 lamps" not in answer.text
    assert "Answer from the passages" not in answer.text
