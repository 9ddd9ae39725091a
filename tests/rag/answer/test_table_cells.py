"""The cells of a table as phrases."""

from __future__ import annotations

import pytest

from rag.answer.grounding import GroundingSource, Verdict, check_grounding
from rag.answer.table_cells import with_cells

TABLE = """\
| Boat | Length (m) | Mast (m) | Built |
| --- | --- | --- | --- |
| Dab | 14 | 19.5 | 1950 |
| Ling | 11 | 12.5 | 1972 |"""


def test_each_cell_stands_beside_the_names_of_its_row_and_column() -> None:
    assert with_cells(f"Two boats\n{TABLE}").split("\n")[-3:] == [
        "Ling Length 11 m.",
        "Ling Mast 12.5 m.",
        "Ling Built 1972.",
    ]


def test_text_without_a_table_is_unchanged() -> None:
    assert with_cells("Dab | 14\nLing") == "Dab | 14\nLing"


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("The mast of the Ling is 12.5 metres high.", True),
        ("The Ling has been sailing since 1972.", True),
        ("The mast of the Ling is 19.5 metres high.", False),
        ("The Ling was built in 1950.", False),
        ("The Dab is 11 m long.", False),
    ],
)
def test_value_belongs_to_its_row_and_column(text: str, holds: bool) -> None:
    (one,) = check_grounding(f"{text} [1]", {1: GroundingSource(TABLE)}).checked
    assert (one.verdict is Verdict.SUPPORTED) is holds


def test_rule_without_a_head_is_not_a_table() -> None:
    assert with_cells("|-|\n|-|") == "|-|\n|-|"
