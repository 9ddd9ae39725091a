"""Functions that read text from strangers take steps in proportion to its length, loops and slices included."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest

from rag.model import Kind
from tests.rag.test_answer import hit
from tests.steps.counting import WORK, TooMuchWork, counted
from tests.steps.families import GENERAL
from tests.steps.growth import bend, deep_recursion

LENGTH, MOST = 200, 3_000_000
BENT = 0.25

PIECES = (
    *GENERAL,
    "A b. ",
    "x:\n- y\n",
    "- a:\n",
    "Dr. ",
    "ABC a ",
    "Abc 1 ",
    "word ",
    "\n\n",
    ")",
    "(not found in the cited page) ",
    "(not found ",
    "(read from the picture)",
    "[1[",
    "7]",
    "[⑦] ",
    "<|im_start|> ",
    "[INST]",
    "\u200b<",
    "May 1 ",
    "03.04.2024 ",
    "1 k ",
    "#x\n",
    "# a #",
    "a\u0301\u0316",
    "\f ",
    "bearer:",
    "basic:",
    "xoxb-",
    "http://a:b@",
    "| a | b |\n|---|---|\n",
)

Get = Callable[[str], ModuleType]
Call = Callable[[Get, str], Any]
CALLS: dict[str, Call] = {
    "alike.numbers": lambda get, text: get("rag.alike").numbers(text),
    "chunk.count_tokens": lambda get, text: get("rag.chunk").count_tokens(text),
    "chunk.unruled": lambda get, text: get("rag.chunk").unruled(text),
    "citations.check_citations": lambda get, text: get("rag.citations").check_citations(text, []),
    "citations.without_citations": lambda get, text: get("rag.citations").without_citations(text),
    "citations.says_not_found": lambda get, text: get("rag.citations").says_not_found(text),
    "condense.stands_alone": lambda get, text: get("rag.condense").stands_alone(text),
    "condense.is_rewritten": lambda get, text: get("rag.condense").is_rewritten("What is a word of 111 pm?", text, []),
    "control.without_control": lambda get, text: get("rag.control").without_control(text),
    "conversation.is_meant": lambda get, text: get("bot.conversation").is_meant(
        text, own=False, others=False, pictures=False
    ),
    "events._links": lambda get, text: get("bot.events")._links({"text": text}),
    "events.mentions": lambda get, text: get("bot.events").mentions(text, "U1"),
    "events.without_mention": lambda get, text: get("bot.events").without_mention(text, "U1"),
    "kinds.meaningful_title": lambda get, text: get("rag.read.kinds").meaningful_title(text),
    "markdown.is_markdown": lambda get, text: get("rag.read.markdown").is_markdown(text),
    "marking.lines_that_say": lambda get, text: get("rag.marking").lines_that_say([text, "a quay"], [text]),
    "masking.Mask": lambda get, text: get("bot.masking").Mask(("secret",))(text),
    "numerals.numerals": lambda get, text: get("rag.numerals").numerals(get("rag.numerals").plain(text)),
    "numerals.values": lambda get, text: _spelled(get("rag.numerals"), text),
    "plain.bare": lambda get, text: get("rag.plain").bare(text),
    "prompt.count_tokens": lambda get, text: get("rag.prompt").count_tokens(text),
    "prompt.excerpt": lambda get, text: get("rag.prompt").excerpt(text, set(text.split()), 60),
    "query.matter": lambda get, text: get("rag.query").matter(text),
    "query.names": lambda get, text: get("rag.query").names(text),
    "query.phrases": lambda get, text: get("rag.query").phrases(text),
    "query.places": lambda get, text: get("rag.query").places(text),
    "query.related": lambda get, text: get("rag.query").related(text),
    "render._mrkdwn": lambda get, text: get("bot.render")._mrkdwn(text),
    "render.unlinked": lambda get, text: get("bot.render").unlinked(get("bot.render").escaped(text)),
    "render.pieces": lambda get, text: list(get("bot.render").pieces(get("bot.render").escaped(text))),
    "support.Page.of": lambda get, text: get("rag.support").Page.of(text),
    "support._names": lambda get, text: list(get("rag.support")._names(text, "en", title=False)),
    "support.check_support": lambda get, text: get("rag.support").check_support(
        text, {1: get("rag.support").Ground("A quay of 40 metres.")}
    ),
    "support.statements": lambda get, text: get("rag.support").statements(text),
    "support.without_marks": lambda get, text: get("rag.support").without_marks(text),
    "text.clean": lambda get, text: get("rag.read.text").clean(text),
    "text.pages_of": lambda get, text: list(get("rag.read.text").pages_of(text)),
    "words.content_words": lambda get, text: get("rag.words").content_words(text),
}


def _spelled(numerals: ModuleType, text: str) -> int:
    """The values of a text and of its numerals, each of which is counted as long as it is."""
    text = numerals.plain(text)
    for one in numerals.numerals(text):
        WORK.add(sum(len(value) for reading in one.readings for value in reading))
    return sum(map(len, numerals.values(text)))


@pytest.fixture(scope="module")
def get() -> Iterator[Get]:
    with counted() as module, deep_recursion():
        yield module


def steps(call: Callable[[str], object], text: str) -> int:
    WORK.steps, WORK.limit = 0, MOST
    try:
        call(text)
    except TooMuchWork:
        return -1
    finally:
        WORK.limit = 0
    return WORK.steps


@pytest.mark.parametrize("name", CALLS)
def test_steps_grow_with_the_text_alone(name: str, get: Get) -> None:
    def call(text: str) -> object:
        return CALLS[name](get, text)

    call("Écoute 1 [1] word.")  # what is imported or made once is not counted
    tried = [(bend(lambda text: steps(call, text), "", piece, "", LENGTH), piece) for piece in PIECES]
    assert [each for each in tried if each[0] > BENT] == []


@pytest.mark.parametrize("name", ["citations.check_citations", "citations.without_citations", "support.without_marks"])
@pytest.mark.parametrize(
    ("left", "middle", "right"),
    [("[1", "[9]", "7]"), ("[", "1", "]"), ("(not found", "(read from the picture)", " in the cited page)")],
)
def test_steps_grow_with_the_depth_alone(name: str, left: str, middle: str, right: str, get: Get) -> None:
    def nested(lefts: str) -> int:
        text = f"{lefts}{middle}{right * (len(lefts) // len(left))}"
        return steps(lambda text: CALLS[name](get, text), text)

    nested(left)
    assert bend(nested, "", left, "", LENGTH) <= BENT


OLD = """
import re

def runs(digits):
    parts = digits.split(" ")
    return [frozenset(["".join(parts[i:j])]) for i in range(len(parts)) for j in range(i + 2, len(parts) + 1)]

def outside(numbers, spans):
    return [one for one in numbers if not any(one in span for span in spans)]

def sliced(text):
    return [text[: at] for at in range(len(text))]

def searched(text):
    return [re.search(r"e$", text[:at]) for at in range(len(text))]
"""


@pytest.mark.parametrize("name", ["runs", "sliced", "searched", "outside"])
def test_loops_that_take_more_are_found(name: str) -> None:
    from tests.steps.counting import copy_of

    function = copy_of(OLD)[name]

    def call(text: str) -> object:
        if name == "outside":
            return function(range(len(text)), [range(at, at + 1) for at in range(0, -len(text), -1)])
        return function(text)

    with deep_recursion():
        assert bend(lambda text: steps(call, text), "", "111 ", "", LENGTH) > BENT


def test_the_copy_does_what_the_original_does(get: Get) -> None:
    from rag import numerals, query

    text = "On 3 May 2024 the quay of 1 200 m cost £1,200 pm. See page 3 and Figure 2."
    assert get("rag.numerals").values(text) == numerals.values(text)
    assert str(get("rag.query").places(text)) == str(query.places(text))
    assert hit().kind is Kind.TEXT
