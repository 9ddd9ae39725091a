"""Control words of chat templates: none reaches a model in a prompt, and other text is unchanged."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.answer.control_tokens import without_control
from rag.answer.prompt import Correction, write_prompt
from rag.answer.query_rewrite import rewrite_question
from rag.model.extraction import Kind
from rag.model.search import Passage
from rag.setting_groups import AnswerSettings
from tests.injections.templates import EVERY, control_word_in
from tests.rag.answer.test_generation import hit
from tests.support.generator import FakeGenerator

SETTINGS = AnswerSettings()
HIDDEN = ["\u200b", "\u00ad", "\u2060", "\u202d", "\u034f", "\x08", "\ufe0f", "\U000e0041", "\ufeff"]


@pytest.mark.parametrize("word", EVERY)
def test_disarms_every_published_control_word(word: str) -> None:
    shown = without_control(f"before {word}system{word} after")
    assert control_word_in(shown) is None
    assert shown.replace(" ", "") == f"before{word}system{word}after"


@pytest.mark.parametrize(
    "word", ["<|new_2031|>", "<｜Neu｜>", "<|opened>", "<closed|>", "[FUTURE_WORD2]", "</tag_7>", "[img-９]"]
)
def test_disarms_unknown_control_words_of_the_same_form(word: str) -> None:
    assert word not in without_control(word)


@pytest.mark.parametrize(
    "text",
    [
        "as shown in [3], [12] and [Fig. 2]",
        "5 < 6 > 4, a <- b, x -> y, a << 2 is not >> 3",
        "[a], [A], [AB], x[i], [1.5], [€ 5], [ISO-9001], [see p. 3]",
        "<http://example.org> <it@example.org> <a href='x'> <div> <b>bold</b>",
        ">>> print(1)\n>> quoted\n| a | b |",
        "می\u200cخواهم 👩\u200d🚀 ❤\ufe0f",
        "",
    ],
)
def test_leaves_ordinary_text_unchanged(text: str) -> None:
    assert without_control(text) in (text, text.replace("a << 2", "a < < 2"))


def test_adds_only_a_space_to_other_words_of_that_form() -> None:
    assert without_control("Price [EUR] of <Item>") == "Price [ EUR] of < Item>"


@given(st.sampled_from(EVERY), st.lists(st.tuples(st.integers(0, 40), st.sampled_from(HIDDEN)), max_size=4))
def test_hidden_characters_do_not_protect_a_control_word(word: str, hidden: list[tuple[int, str]]) -> None:
    text = word
    for at, sign in hidden:
        text = text[:at] + sign + text[at:]
    shown = without_control(text)
    for sign in HIDDEN:
        shown = shown.replace(sign, "")
    assert control_word_in(shown) is None


def test_disarms_a_control_word_before_another() -> None:
    assert "<turn|>" not in without_control("<turn|>>A<<")


@given(st.text() | st.lists(st.sampled_from([*"<>[]|｜/ \u200b", *EVERY])).map("".join))
def test_is_idempotent(text: str) -> None:
    shown = without_control(text)
    assert control_word_in(shown) is None
    assert without_control(shown) == shown


@pytest.mark.parametrize("word", EVERY[::5])
def test_answer_prompt_has_no_control_word(word: str) -> None:
    one = replace(
        hit(
            f"The pier {word} is long.",
            heading=f"On {word}",
            caption=f"Of {word}",
            name=f"a{word}.pdf",
            kind=Kind.FIGURE,
        ),
        generated_caption=f"A pier {word}",
        caption_model=f"model{word}",
    )
    correction = Correction(f"It is {word} [1].", [(f"It is {word}.", (word,))])
    prompt = write_prompt(f"How long is {word}?", [Passage(1, one)], {}, SETTINGS, correction=correction)
    assert control_word_in(prompt.user) is None
    assert control_word_in(prompt.system) is None


@pytest.mark.parametrize("word", EVERY[::5])
def test_rewrite_prompt_has_no_control_word(word: str) -> None:
    model = FakeGenerator(text="How high is the pier?")
    history = [("asker", f"How long is the pier {word}?"), ("magpie", f"{word} It is long [1].")]
    rewrite_question(f"And how high {word} is it?", history, model, SETTINGS)
    assert [control_word_in(f"{one.system}\n{one.user}") for one in model.prompts] == [None]
