"""Glossaries: the built-in finance terms, and a team's own in the data folder."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import BadSetting, Rag, Scope, Settings
from rag.search import glossary_file
from rag.search.glossary import Expansion
from rag.search.glossary_file import BUILT_IN, FILE_NAME, load_glossary
from tests.support.absent import NoEmbedder
from tests.support.extractor import TextExtractor
from tests.support.migrated import open_rag

BUILT_IN_GLOSSARY = load_glossary(BUILT_IN)

SHEET, INCOME, CASH = "balance sheet", "income statement", "cash flow statement"


@pytest.mark.parametrize(
    ("question", "kinds"),
    [
        ("What is the quick ratio?", [SHEET]),
        ("What are the payables  turnover days?", [SHEET, INCOME]),
        ("What is the interest expense to average debt ratio?", [SHEET, INCOME]),
        ("What is the cash flow to total debt ratio?", [SHEET, CASH]),
        ("What is the free cash flow?", [CASH]),
        ("What is the aspect ratio of the screen?", []),
        ("How high are the assets of the port?", []),
    ],
)
def test_ratio_looks_for_the_statements_it_is_computed_from(question: str, kinds: list[str]) -> None:
    assert [kind.name for kind in BUILT_IN_GLOSSARY.expand(question).kinds] == kinds


def test_ratio_is_searched_for_by_the_lines_it_is_computed_from() -> None:
    words = BUILT_IN_GLOSSARY.expand("What is its current ratio in 2021?").words
    assert {"current", "assets", "liabilities"} <= set(words)
    assert BUILT_IN_GLOSSARY.expand("Which port does the gateway use?") == Expansion()


@given(st.text(max_size=300))
def test_any_text_can_be_expanded(question: str) -> None:
    assert all(word == word.lower() for word in BUILT_IN_GLOSSARY.expand(question).words)


def glossary(tmp_path: Path, text: str) -> Path:
    path = tmp_path / FILE_NAME
    path.write_text(text, encoding="utf-8")
    return path


def test_team_terms_are_added_to_the_built_in_ones(tmp_path: Path) -> None:
    glossary(
        tmp_path,
        """
        [terms]
        PTO = "paid time off"
        "P&L" = "profit and loss statement"
        "works agreement" = { search = "employer employees", pages = ["agreement"] }

        [[patterns]]
        match = ['\\bIT\\b', 'ticket']
        search = "helpdesk"

        [pages.agreement]
        lines = ["entry into force", "signed   on behalf of"]
        """,
    )
    found = load_glossary(tmp_path)
    expansion = found.expand("How much pto does the works\n agreement grant?")
    assert expansion.words == ("paid", "time", "employer", "employees")
    assert [(kind.name, kind.lines, kind.min_share) for kind in expansion.kinds] == [
        ("agreement", ("entry into force", "signed on behalf of"), 0.5)
    ]
    assert expansion.equivalents == {"pto": ("paid", "time")}
    assert found.expand("Is PTOs a word, or optometry?") == Expansion()
    assert found.expand("Where is the P&L of 2021?").words == ("profit", "loss", "statement")
    assert found.expand("Who answers an IT ticket?").words == ("helpdesk",)
    assert found.expand("Who wrote it?") == Expansion()
    assert found.expand("What is the quick ratio?") == BUILT_IN_GLOSSARY.expand("What is the quick ratio?")


def test_a_page_kind_replaces_the_built_in_one_of_its_name(tmp_path: Path) -> None:
    glossary(tmp_path, '[pages."balance sheet"]\nlines = ["Summe der Aktiva", "Summe der Passiva"]\nmin_share = 1\n')
    kinds = load_glossary(tmp_path).expand("What is the quick ratio?").kinds
    assert [(kind.lines, kind.min_share) for kind in kinds] == [(("Summe der Aktiva", "Summe der Passiva"), 1.0)]


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("[terms]\nPTO = paid\n", 2, "Invalid value"),
        ('[terms]\nPTO = "a"\nPTO = "b"\n', 3, "Cannot overwrite"),
        ('\n[synonyms]\nPTO = "paid time off"\n', 2, "unknown name"),
        ('[terms]\nWFH = "work from home"\nPTO = 3\n', 3, "terms.PTO"),
        ('[terms]\nPTO = "?!"\n', 2, "needs words"),
        ('[terms]\n"?!" = "question"\n', 1, "no letter or digit"),
        ('[terms.PTO]\npages = ["policy"]\n', 1, "unknown page kind 'policy'; known: balance sheet"),
        ('[[patterns]]\nmatch = "a"\nsearch = "b"\n[[patterns]]\nmatch = "("\nsearch = "b"\n', 4, "not a regular"),
        ('[[patterns]]\nsearch = "b"\n', 1, "patterns.1.match"),
        ("[pages.policy]\nlines = []\n", 1, "pages.policy.lines"),
        ('[pages.policy]\nlines = ["..."]\n', 1, "every line needs a word"),
        ('[pages."my policy"]\nlines = ["a b"]\nmin_share = 0\n', 1, "min_share"),
        ('[pages.policy]\nlines = ["a b"]\nshare = 0.5\n', 1, "unknown name"),
    ],
)
def test_broken_glossary_is_named_with_its_line_and_a_remedy(tmp_path: Path, text: str, line: int, reason: str) -> None:
    path = glossary(tmp_path, text)
    with pytest.raises(BadSetting) as error:
        load_glossary(tmp_path)
    assert str(path) in str(error.value)
    assert f"line {line}" in str(error.value)
    assert reason in str(error.value)
    assert error.value.hint


def test_glossary_that_is_not_text_is_named(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadSetting, match=FILE_NAME) as error:
        load_glossary(tmp_path)
    assert "UTF-8" in error.value.hint


def example_in_docstring() -> str:
    lines = (glossary_file.__doc__ or "").splitlines()
    return "\n".join(line.removeprefix("    ") for line in lines if line.startswith("    "))


def example_in_docs() -> str:
    page = Path(__file__).parents[3] / "docs" / "search-quality.md"
    return page.read_text(encoding="utf-8").partition("```toml\n")[2].partition("```")[0]


@pytest.mark.parametrize("example", [example_in_docstring(), example_in_docs()], ids=["docstring", "docs"])
def test_documented_example_is_a_glossary(tmp_path: Path, example: str) -> None:
    glossary(tmp_path, example)
    assert set(tomllib.loads(example)) == {"terms", "patterns", "pages"}
    assert load_glossary(tmp_path).expand("Is there PTO?").words == ("paid", "time")


# ---------------------------------------------------------------- searching with a team's own terms

HANDBOOK = (
    "Welcome to the harbor office.\fEvery employee gets 25 days of paid time off a year.\fThe canteen opens at noon."
    "\fDays of rain are logged. Days of fog are logged."
)


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    (tmp_path / "handbook.pdf").write_text(HANDBOOK)
    (tmp_path / "tides.pdf").write_text("Tides of many days.\fThe pilot boards at the outer buoy.")
    return tmp_path


def opened(shared: Path, **search: object) -> Rag:
    settings = Settings(data=shared / "data", answer={"model": ""}, read={"workers": 1}, search=search)
    return open_rag(settings, extractor=TextExtractor, embedder=NoEmbedder())


def test_question_with_an_abbreviation_finds_the_page_that_spells_it_out(shared: Path) -> None:
    question = "How much PTO is there?"
    with opened(shared) as rag:
        rag.index([shared])
        assert not rag.find(question, Scope.operator()).hits
    glossary(shared / "data", '[terms]\nPTO = "paid time off"\n')
    with opened(shared) as rag:
        found = rag.find(question, Scope.operator())
        assert (found.hits[0].name, found.hits[0].page) == ("handbook.pdf", 2)
        assert found.found
        assert found.signals["names"] == 1
    with opened(shared, query_features="form,parts") as rag:
        assert not rag.find(question, Scope.operator()).hits


def test_page_kind_of_a_team_is_found_by_its_lines(shared: Path) -> None:
    (shared / "rules.pdf").write_text(
        "Rules of the harbor. Rules for ships. Rules for cranes.\fEntry into force. Notice period. Signed on behalf of."
    )
    glossary(
        shared,
        """
        [terms]
        rules = { pages = ["agreement"] }
        [pages.agreement]
        lines = ["entry into force", "notice period", "signed on behalf of"]
        """,
    )
    (shared / "data").mkdir()
    (shared / FILE_NAME).rename(shared / "data" / FILE_NAME)
    with opened(shared) as rag:
        rag.index([shared])
        found = rag.find("Where are the rules signed?", Scope.operator())
        assert found.hits[0].place == "rules.pdf, p. 2 (printed p2)"
        assert "place" in found.hits[0].lanes


def test_broken_glossary_is_reported_when_the_engine_opens(shared: Path) -> None:
    (shared / "data").mkdir()
    glossary(shared / "data", "[terms]\nPTO: paid time off\n")
    with pytest.raises(BadSetting, match="line 2"):
        opened(shared)
