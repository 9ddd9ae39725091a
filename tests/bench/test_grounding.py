"""The generator of false statements."""

from __future__ import annotations

import pytest

from tests.bench.grounding.__main__ import judge, table
from tests.bench.grounding.mutations import mutate
from tests.bench.grounding.statements import TrueStatement, paraphrases

PAGE = (
    "Rope A-12 weighs 40 kg and is 9 m long. Run --coil, not --cut. Ask a@rope.example or b@rope.example. "
    "Tar 2 May 2024."
)


def falsified(text: str, page: str = PAGE, **extra: object) -> set[tuple[str, str, bool]]:
    statement = TrueStatement(text, page, "en", **extra)  # type: ignore[arg-type]
    return {(one.text, one.kind, one.invented) for one in mutate(statement)}


@pytest.mark.parametrize(
    ("text", "kind", "false"),
    [
        ("Its weight is 40 kg.", "number", "Its weight is 9 kg."),
        ("Its weight is 40 kg.", "unit", "Its weight is 40 m."),
        ("--coil is right.", "option", "--cut is right."),
        ("Write to a@rope.example.", "e-mail", "Write to b@rope.example."),
    ],
)
def test_value_is_replaced_by_another_of_its_kind_from_the_page(text: str, kind: str, false: str) -> None:
    made = falsified(text)
    assert (false, kind, False) in made
    assert text not in {one for one, _, _ in made}


def test_invented_value_is_not_on_the_page() -> None:
    invented = {text for text, _, new in falsified("A-12 was tarred on 2 May 2024.") if new}
    assert len(invented) == 2
    assert "A-12 was tarred on 2 May 2024." not in invented


def test_other_spelling_of_a_value_is_not_another_value() -> None:
    assert not [one for one in falsified("It costs 2,000.", "It costs 2000.") if not one[2]]
    assert not [one for one in falsified("On May 2, 2024.", "On 2 May 2024.") if not one[2]]


def test_negation_and_subjects_are_as_listed() -> None:
    made = falsified("Ada rows.", "Ada rows, Bo sleeps.", negated="Ada does not row.", subjects=("Ada", "Bo"))
    assert made == {("Ada does not row.", "negation", False), ("Bo rows.", "subject", False)}


def test_every_page_has_statements_and_mutations_are_repeatable() -> None:
    statements = list(paraphrases())
    assert len(statements) >= 200
    assert {one.language for one in statements} == {"en", "de", "fr", "es", "ru", "ja", "zh"}
    assert [list(mutate(one)) for one in statements] == [list(mutate(one)) for one in statements]
    assert not [one for one in statements if one.text in one.page]


def test_table_counts_by_kind_and_language() -> None:
    lines = list(table(judge([TrueStatement("The rope weighs 40 kg.", "The rope weighs 40 kg.", "en")])))
    assert lines[0].split() == ["flagged", "all", "en"]
    assert lines[1].split() == ["true", "0.0", "%", "of", "1", "0.0", "%", "of", "1"]
