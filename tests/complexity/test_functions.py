"""Functions that read text from strangers take a number of steps linear in its length, loops and slices included."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from types import ModuleType
from typing import Any

import pytest

from rag.model.extraction import Kind
from rag.ports import Prompt
from rag.search.glossary_file import BUILT_IN, load_glossary
from rag.search.limit_lexicon import lexicon
from tests.complexity.counting import WORK, TooMuchWork, counted
from tests.complexity.counting_re import compile
from tests.complexity.families import GENERAL
from tests.complexity.growth import deep_recursion, nonlinearity
from tests.rag.answer.test_generation import hit

LENGTH, MAX_STEPS = 200, 3_000_000
ALLOWED = 0.25

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
    "(not found on the cited page) ",
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


@cache
def _built_in_glossary(glossary: ModuleType) -> Any:
    """Load the built-in glossary into the counted copy of the module."""
    entries = [
        glossary.GlossaryEntry(tuple(compile(one.pattern, one.flags) for one in entry.patterns), entry.search)
        for entry in load_glossary(BUILT_IN).entries
    ]
    return glossary.Glossary(tuple(entries))


Get = Callable[[str], ModuleType]
Call = Callable[[Get, str], Any]
NOW = datetime(2026, 11, 25, tzinfo=UTC)


PROMPT = Prompt("<passage N 0f0f0f0f>", "")


def _watched(reply_faults: ModuleType, text: str) -> object:
    """Return the text of a reply, read until its outcome is decided."""
    watch = reply_faults.ReplyWatch(PROMPT)
    for piece in text.split(" "):
        if watch.add(f"{piece} "):
            break
    return watch.text()


def _find_phrases(get: Get, text: str) -> object:
    """Call find_phrases, which read_limits does not for long texts."""
    phrases, tokens = get("rag.search.limit_phrases"), get("rag.search.limit_tokens").tokenize(text)
    names = phrases.Names(text, tokens, lambda _: True, lambda _: True)
    return phrases.find_phrases(tokens, lexicon("en"), names, NOW)


CALLS: dict[str, Call] = {
    "limits.read_limits": lambda get, text: get("rag.search.limits").read_limits(
        "word " * 300 + text, NOW, is_person=lambda _: True, is_channel=lambda _: True
    ),
    "limit_phrases.find_phrases": lambda get, text: _find_phrases(get, f"files {text}"),
    "near_duplicates.extract_numbers": lambda get, text: get("rag.search.near_duplicates").extract_numbers(text),
    "analyzer.index_tokens": lambda get, text: get("rag.analysis.analyzer").index_tokens(text, "de"),
    "languages.detect_language": lambda get, text: get("rag.analysis.languages").detect_language(text),
    "question.question_terms": lambda get, text: get("rag.analysis.question").question_terms(text, ["de", "ja"]),
    "text.estimate_tokens": lambda get, text: get("rag.text").estimate_tokens(text),
    "markdown_rows.table_as_line": lambda get, text: get("rag.ingest.markdown_rows").table_as_line(text),
    "text.with_broken_words": lambda get, text: get("rag.text").with_broken_words(text),
    "citations.check_citations": lambda get, text: get("rag.answer.citations").check_citations(text, []),
    "citations.without_citations": lambda get, text: get("rag.answer.citations").without_citations(text),
    "citations.says_not_found": lambda get, text: get("rag.answer.citations").says_not_found(text),
    "query_rewrite.is_standalone": lambda get, text: get("rag.answer.query_rewrite").is_standalone(text),
    "query_rewrite.is_rewritten": lambda get, text: get("rag.answer.query_rewrite").is_rewritten(
        "What is a word of 111 pm?", text, []
    ),
    "control_tokens.without_control": lambda get, text: get("rag.answer.control_tokens").without_control(text),
    "conversation.is_question_to_magpie": lambda get, text: get("bot.answers.history").is_question_to_magpie(
        text, own=False, others=False, pictures=False
    ),
    "pointers.points_at_thread": lambda get, text: get("bot.answers.pointers").points_at_thread(text),
    "pointers.asks_for_page": lambda get, text: get("bot.answers.pointers").asks_for_page(text),
    "understanding.questions_in": lambda get, text: get("bot.answers.understanding").questions_in(text),
    "slack_links.without_message_links": lambda get, text: get("bot.slack.slack_links").without_message_links(text),
    "small_talk.is_small_talk": lambda get, text: get("bot.answers.small_talk").is_small_talk(text),
    "payloads.parse": lambda get, text: get("bot.slack.payloads").parse(
        {"type": "message", "user": "U2", "ts": "1.1", "text": text}, "U1"
    ),
    "message_text.said": lambda get, text: get("bot.slack.message_text").said({"text": text}),
    "message_text.without_mention": lambda get, text: get("bot.slack.message_text").without_mention(text, "U1"),
    "message_text.resolve": lambda get, text: get("bot.slack.message_text").resolve(text, {}),
    "slack_links.references": lambda get, text: get("bot.slack.slack_links").references(
        [f"https://x.slack.com/files/{text}"]
    ),
    "text_files.read_html": lambda get, text: get("bot.slack.text_files").read_html(text),
    "text_files.read_vtt": lambda get, text: get("bot.slack.text_files").read_vtt(text),
    "file_types.meaningful_title": lambda get, text: get("rag.extract.file_types").meaningful_title(text),
    "markdown.is_markdown": lambda get, text: get("rag.extract.convert.markdown").is_markdown(text),
    "highlight.match_lines": lambda get, text: get("rag.answer.highlight").match_lines([text, "a quay"], [text]),
    "masking.Mask": lambda get, text: get("bot.cli.redaction").Mask(("secret",))(text),
    "numbers.find_numerals": lambda get, text: get("rag.answer.numbers").find_numerals(
        get("rag.answer.numbers").normalize_text(text)
    ),
    "numbers.find_values": lambda get, text: _spelled(get("rag.answer.numbers"), text),
    "text.normalize_for_comparison": lambda get, text: get("rag.text").normalize_for_comparison(text),
    "text.max_tokens": lambda get, text: get("rag.text").max_tokens(text),
    "query.strip_answer_format": lambda get, text: get("rag.search.query_analysis").strip_answer_format(text),
    "query.find_names": lambda get, text: get("rag.search.query_analysis").find_names(text),
    "query.find_part_labels": lambda get, text: get("rag.search.query_analysis").find_part_labels(text),
    "page_phrases.find_page_references": lambda get, text: get("rag.search.page_phrases").find_page_references(text),
    "page_phrases.without_page_numbers": lambda get, text: get("rag.search.page_phrases").without_page_numbers(text),
    "glossary.expand": lambda get, text: _built_in_glossary(get("rag.search.glossary")).expand(text),
    "excerpt.quote": lambda get, text: get("rag.answer.excerpt").quote(text, text[:500], 10),
    "markdown_rows.table_rows": lambda get, text: get("rag.ingest.markdown_rows").table_rows(text),
    "excerpt.excerpt": lambda get, text: get("rag.answer.excerpt").excerpt(text, text[:500], 10),
    "blocks.markdown_to_mrkdwn": lambda get, text: get("bot.slack.blocks").markdown_to_mrkdwn(text),
    "blocks.break_links": lambda get, text: get("bot.slack.blocks").break_links(get("bot.slack.blocks").escape(text)),
    "blocks.stream_text": lambda get, text: get("bot.slack.blocks").stream_text(text),
    "rich_text.rich_blocks": lambda get, text: get("bot.slack.rich_text").rich_blocks(text, 12_000),
    "simple_blocks.simple_blocks": lambda get, text: get("bot.slack.simple_blocks").simple_blocks(
        get("bot.slack.rich_text").rich_blocks(text, 12_000)
    ),
    "similar_texts.group_similar": lambda get, text: get("rag.analysis.similar_texts").group_similar(text.splitlines()),
    "blocks.split": lambda get, text: list(get("bot.slack.blocks").split(get("bot.slack.blocks").escape(text))),
    "page_text.PageText.of": lambda get, text: get("rag.answer.page_text").PageText.of(text),
    "names.find_names": lambda get, text: list(get("rag.answer.names").find_names(text, "en", title=False)),
    "grounding.check_grounding": lambda get, text: get("rag.answer.grounding").check_grounding(
        text, {1: get("rag.answer.grounding").GroundingSource("A quay of 40 metres.")}
    ),
    "plain_text.normalize_text": lambda get, text: get("rag.extract.convert.plain_text").normalize_text(text),
    "plain_text.text_pages": lambda get, text: get("rag.extract.convert.plain_text").text_pages(text),
    "codes.find_codes": lambda get, text: get("rag.answer.codes").find_codes(text),
    "grounding.shown_text": lambda get, text: (
        get("rag.answer.grounding")
        .check_grounding(text, {1: get("rag.answer.grounding").GroundingSource("A quay of 40 metres.")})
        .shown_text()
    ),
    "negation.polarity": lambda get, text: get("rag.answer.negation").polarity(text, "en"),
    "comparison.find_comparisons": lambda get, text: list(get("rag.answer.comparison").find_comparisons(text)),
    "pronouns.with_subject": lambda get, text: get("rag.answer.pronouns").with_subject(f"It {text}", text, "en"),
    "page_text.lay_out": lambda get, text: get("rag.answer.page_text").lay_out(text, "en"),
    "reply_faults.ReplyWatch": lambda get, text: _watched(get("rag.answer.reply_faults"), text),
    "reply_faults.find_fault": lambda get, text: get("rag.answer.reply_faults").find_fault(
        text, get("rag.answer.reply_faults").ReplyWatch(PROMPT), "How long is the quay?"
    ),
    "reply_faults.without_thoughts": lambda get, text: get("rag.answer.reply_faults").without_thoughts(text),
    "statements.split_statements": lambda get, text: get("rag.answer.statements").split_statements(text),
    "grounding.without_notes": lambda get, text: get("rag.answer.grounding").without_notes(text),
    "table_cells.with_cells": lambda get, text: get("rag.answer.table_cells").with_cells(text),
    "names.find_full_names": lambda get, text: list(get("rag.answer.names").find_full_names(text, "en", title=False)),
    "content.content_tokens": lambda get, text: get("rag.analysis.content").content_tokens(text, "de"),
}


def _spelled(numbers: ModuleType, text: str) -> int:
    """Return the size of the values of a text; the size of its numerals is counted as work."""
    text = numbers.normalize_text(text)
    for numeral in numbers.find_numerals(text):
        WORK.add(sum(len(value) for reading in numeral.readings for value in reading))
    return sum(map(len, numbers.find_values(text)))


@pytest.fixture(scope="module")
def get() -> Iterator[Get]:
    with counted() as module, deep_recursion():
        yield module


def steps(call: Callable[[str], object], text: str) -> int:
    WORK.steps, WORK.limit = 0, MAX_STEPS
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
        # A word that an earlier call analyzed would cost nothing, and the first call would seem to cost too much.
        get("rag.analysis.analyzer").analyze_word.cache_clear()
        return CALLS[name](get, text)

    call("Écoute 1 [1] word.")  # imports and caches are not counted
    results = [(nonlinearity(lambda text: steps(call, text), "", piece, "", LENGTH), piece) for piece in PIECES]
    assert [each for each in results if each[0] > ALLOWED] == []


@pytest.mark.parametrize(
    "name", ["citations.check_citations", "citations.without_citations", "grounding.without_notes"]
)
@pytest.mark.parametrize(
    ("left", "middle", "right"),
    [("[1", "[9]", "7]"), ("[", "1", "]"), ("(not found", "(read from the picture)", " on the cited page)")],
)
def test_steps_grow_linearly_with_nesting(name: str, left: str, middle: str, right: str, get: Get) -> None:
    def nested(lefts: str) -> int:
        text = f"{lefts}{middle}{right * (len(lefts) // len(left))}"
        return steps(lambda text: CALLS[name](get, text), text)

    nested(left)
    assert nonlinearity(nested, "", left, "", LENGTH) <= ALLOWED


SUPERLINEAR = """
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
def test_superlinear_loops_are_detected(name: str) -> None:
    from tests.complexity.counting import copy_of

    function = copy_of(SUPERLINEAR)[name]

    def call(text: str) -> object:
        if name == "outside":
            return function(range(len(text)), [range(at, at + 1) for at in range(0, -len(text), -1)])
        return function(text)

    with deep_recursion():
        assert nonlinearity(lambda text: steps(call, text), "", "111 ", "", LENGTH) > ALLOWED


def test_counted_copy_returns_what_the_original_returns(get: Get) -> None:
    from rag.answer import numbers
    from rag.search import page_phrases

    text = "On 3 May 2024 the quay of 1 200 m cost £1,200 pm. See page 3 and Figure 2."
    assert str(get("rag.search.page_phrases").find_page_references(text)) == str(
        page_phrases.find_page_references(text)
    )
    assert get("rag.answer.numbers").find_values(text) == numbers.find_values(text)
    assert hit().kind is Kind.TEXT
