"""Query analysis: terms, names, labels and page references of a question."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.search.glossary import Glossary
from rag.search.query import PageReferences
from rag.search.query_analysis import (
    analyze_question,
    find_names,
    find_part_labels,
    strip_answer_format,
)
from rag.setting_groups import QUERY_FEATURES


def references(asked: str) -> PageReferences:
    return analyze_question(asked, QUERY_FEATURES, Glossary()).references


@pytest.mark.parametrize(
    ("asked", "left"),
    [
        ("What is the longest pier? Round your answer to two decimal places.", "What is the longest pier?"),
        ("Which piers are closed? Please write the answer as a list, e.g. [1, 2].", "Which piers are closed?"),
        ("When was it built? The answer should be a year.", "When was it built?"),
        ("Which piers are closed? Answer in list format, e.g., [1, 2]", "Which piers are closed?"),
        ("How many piers are there?Round your answer to one decimal", "How many piers are there?"),
        ("Give me the answer as a list.", "Give me the answer as a list."),
        ("How long is it? Answer as an integer. Also name its builder.", "How long is it?  Also name its builder."),
        ("The gateway failed. Give the string that it logs.", "The gateway failed. Give the string that it logs."),
        ("Consider seniors only. Give the percent that sail.", "Consider seniors only. Give the percent that sail."),
        ("List the ports with a crane", "List the ports with a crane"),
        ("Which file format does the gateway write?", "Which file format does the gateway write?"),
    ],
)
def test_instructions_about_the_answer_are_stripped(asked: str, left: str) -> None:
    assert strip_answer_format(asked) == left


@pytest.mark.parametrize(
    ("asked", "contents"),
    [
        ("What are the chapters?", True),
        ("List the names of every section", True),
        ("List the ports. Which section is longest?", False),
        ("Which section has a list?", False),
    ],
)
def test_question_about_chapters_looks_for_the_table_of_contents(asked: str, contents: bool) -> None:
    assert ("contents" in find_part_labels(asked)) == contents


@pytest.mark.parametrize(
    "asked",
    [
        "Who are the authors of the harbor study?",
        "Who is the defendant?",
        "Which company that created this presentation is it?",
        "What is the date of this report?",
        "Which year is in the report title?",
        "When was the annual report published?",
    ],
)
def test_question_about_the_document_refers_to_the_front_page(asked: str) -> None:
    assert references(asked).front


@pytest.mark.parametrize(
    "asked",
    [
        "Which port does the gateway use?",
        "How long is the authors' survey?",
        "What did the report find?",
        "Which payments made by members does the insurance cover?",
        "How many papers were published in 2019?",
    ],
)
def test_other_questions_do_not_refer_to_the_front_page(asked: str) -> None:
    assert not references(asked).front


def test_finds_names_numbers_and_abbreviations() -> None:
    assert find_names("What did Ada Byron earn at the XYZ port in FY2021?") == ["ada", "byron", "xyz", "fy2021"]
    assert find_names("What does page 12 of The Harbor say?") == ["harbor"]
    assert find_names("where is it") == []


def test_chapters_are_searched_for_in_the_table_of_contents() -> None:
    assert "table of contents" in find_part_labels("How many chapters are in this report?")
    assert "table of contents" in find_part_labels("List the name of each chapter.")
    assert find_part_labels("What does chapter two say?") == []


@given(st.text(max_size=300))
def test_any_text_can_be_analyzed(asked: str) -> None:
    assert strip_answer_format(asked).strip() or not asked.strip()
    assert all(phrase.strip() for phrase in find_part_labels(asked))
    assert all(name == name.lower() for name in find_names(asked))


def test_part_labels_are_searched_for_as_phrases() -> None:
    assert find_part_labels("What does Fig. 2.1 show, and table IV?") == ["fig 2 1", "figure 2 1", "table iv"]
    assert find_part_labels("What does the figure show?") == []


def test_labels_of_parts_are_searched_for_and_each_feature_can_be_off() -> None:
    question = "What does Fig. 2 of the Harwich report show? Answer as a list."
    query = analyze_question(question, QUERY_FEATURES, Glossary())
    assert query.text == "What does Fig. 2 of the Harwich report show?"
    assert [term.text for term in query.terms] == ["fig", "2", "harwich", "report"]
    searched = ["fig", "2", "harwich", "report", "fig 2", "figure 2", "harwichreport"]
    assert [term.text for term in query.search_terms] == searched
    plain = analyze_question(question, (), Glossary())
    assert plain.text == question
    assert plain.search_terms[: len(plain.terms)] == plain.terms
    assert len({term.text for term in plain.search_terms}) == len(plain.search_terms)
    assert plain.names == query.names
