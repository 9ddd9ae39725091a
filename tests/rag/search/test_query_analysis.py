"""What a question says beside its words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.search.query_analysis import CASH, INCOME, SHEET, Places, matter, names, phrases, places, related


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
def test_how_the_answer_should_look_is_not_searched_for(asked: str, left: str) -> None:
    assert matter(asked) == left


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ("According to the table on page 4", Places((4,))),
        ("the pages 15 and 16, and p. 20", Places((15, 16, 20))),
        ("on page 15 and page 16", Places((15, 16))),
        ("pages 4-6", Places((4, 5, 6))),
        ("pages 4 to 6", Places((4, 5, 6))),
        ("slide no. 3", Places((3,))),
        ("on the second page", Places((2,))),
        ("on the last slide", Places((), (1,))),
        ("on the second-to-last page", Places((), (2,))),
        ("the penultimate page", Places((), (2,))),
        ("in the figure at page at the second last", Places((), (2,))),
        ("the slide is the third-to-last", Places((), (3,))),
        ("page 0, and pages 1-900", Places((1, 900))),
        ("on page vi", Places((), (), ("vi",))),
        ("the page of the harbour", Places()),
        ("homepage 5", Places()),
    ],
)
def test_pages_are_named_by_number_by_order_and_from_the_end(asked: str, named: Places) -> None:
    assert places(asked) == named


@pytest.mark.parametrize(
    ("asked", "contents"),
    [
        ("What are the chapters?", True),
        ("List the names of every section", True),
        ("List the ports. Which section is longest?", False),
        ("Which section has a list?", False),
    ],
)
def test_a_question_for_chapters_looks_for_the_contents(asked: str, contents: bool) -> None:
    assert ("contents" in phrases(asked)) == contents


@pytest.mark.parametrize("word", ["first", "FİRST", "firſt"])
def test_an_ordinal_is_read_whatever_case_its_letters_have(word: str) -> None:
    assert places(f"What is on the page at the {word} last?").from_end == (1,)
    assert places(f"What is on the {word} page?").pages == (1,)


@pytest.mark.parametrize(
    "asked",
    [
        "Who are the authors of the harbour study?",
        "Who is the defendant?",
        "Which company that created this presentation is it?",
        "What is the date of this report?",
        "Which year is in the report title?",
        "When was the annual report published?",
    ],
)
def test_what_a_document_says_of_itself_is_on_its_front(asked: str) -> None:
    assert places(asked).front


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
def test_other_questions_are_not_about_the_front(asked: str) -> None:
    assert not places(asked).front


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ("What is the quick ratio?", (SHEET,)),
        ("What are the payables  turnover days?", (SHEET, INCOME)),
        ("What is the interest expense to average debt ratio?", (SHEET, INCOME)),
        ("What is the cash flow to total debt ratio?", (SHEET, CASH)),
        ("What is the free cash flow?", (CASH,)),
        ("What is the aspect ratio of the screen?", ()),
        ("How high are the assets of the port?", ()),
    ],
)
def test_a_ratio_names_the_statements_it_is_computed_from(asked: str, named: tuple[str, ...]) -> None:
    assert places(asked).statements == named


def test_names_are_what_is_written_like_one() -> None:
    assert names("What did Ada Byron earn at the XYZ port in FY2021?") == ["ada", "byron", "xyz", "fy2021"]
    assert names("What does page 12 of The Harbour say?") == ["harbour"]
    assert names("where is it") == []


def test_chapters_are_asked_of_the_table_of_contents() -> None:
    assert "table of contents" in phrases("How many chapters are in this report?")
    assert "table of contents" in phrases("List the name of each chapter.")
    assert phrases("What does chapter two say?") == []


@given(st.text(max_size=300))
def test_no_question_is_too_odd(asked: str) -> None:
    assert matter(asked).strip() or not asked.strip()
    assert all(page > 0 for page in places(asked).pages)
    assert all(phrase.strip() for phrase in phrases(asked))
    assert isinstance(related(asked), str)
    assert all(name == name.lower() for name in names(asked))


def test_parts_are_searched_for_by_their_name() -> None:
    assert phrases("What does Fig. 2.1 show, and table IV?") == ["fig 2 1", "figure 2 1", "table iv"]
    assert phrases("What does the figure show?") == []


def test_a_ratio_is_looked_for_by_what_it_is_computed_from() -> None:
    assert {"current", "assets", "liabilities"} <= set(related("What is its current ratio in 2021?").split())
    assert related("Which port does the gateway use?") == ""
