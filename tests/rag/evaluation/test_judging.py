"""The judge of answers: plain string search in the cited pages."""

from __future__ import annotations

import pytest

from rag.evaluation.judging import find_missing_values, has_answer, judge_statements

PAGE = (
    "The relay Crane Nine hangs 14.5 m up and costs 1,250 euros. It keeps readings for forty days. Run magpie-relay "
    "--dry-run and read /etc/relay.conf, or write to quay@skerry.example. Alarm B4 rings at two thousand."
)


@pytest.mark.parametrize(
    ("statement", "missing"),
    [
        ("Crane Nine is at 14.5 m.", ()),
        ("Crane Nine is at 14,5 m.", ()),
        ("It costs 1250, or 1.250, or 1 250.", ()),
        ("They are kept for 40 days.", ()),
        ("They are kept for forty-one days.", ("forty-one",)),
        ("It is 15 m up.", ("15",)),
        ("Then Crane Ten rings.", ("Ten",)),
        ("Use --dry-run in /etc/relay.conf.", ()),
        ("Use --wet-run in /etc/relay.cfg.", ("--wet-run", "/etc/relay.cfg")),
        ("Write to quay@skerry.example about B4.", ()),
        ("Write to pier@skerry.example about B5.", ("pier@skerry.example", "B5")),
        ("Das Relais hängt unter der Decke und misst die Höhe des Wassers.", ()),
    ],
)
def test_every_number_name_and_identifier_has_to_be_on_the_page(statement: str, missing: tuple[str, ...]) -> None:
    assert find_missing_values(statement, PAGE) == missing


def test_each_statement_is_judged_by_its_own_citations() -> None:
    pages = {1: "It is 12 m long.", 2: "It is 30 m wide."}
    text = "It is 12 m long [1]. It is 12 m wide.[2]\n- It is 30 m long. It is red [2]\nIt is 30 m high."
    judged = judge_statements(text, pages)
    assert [(one.text, one.cited, one.holds) for one in judged] == [
        ("It is 12 m long .", (1,), True),
        ("It is 12 m wide.", (2,), False),
        ("It is 30 m long.", (2,), True),
        ("It is red", (2,), True),
        ("It is 30 m high.", (1, 2), True),
    ]


def test_statement_without_any_citation_does_not_hold() -> None:
    assert [one.holds for one in judge_statements("It is long.", {1: "It is long."})] == [False]


def test_notes_are_not_statements() -> None:
    assert [one.text for one in judge_statements("It is long (read from the picture) [1].", {1: ""})] == [
        "It is long ."
    ]


@pytest.mark.parametrize(
    ("text", "right", "expected"),
    [
        ("Crane Nine hangs at 14.5 metres, since 2023.", "14.5 m, fitted in 2023", True),
        ("Crane Nine hangs at 14.5 metres.", "14.5 m, fitted in 2023", False),
        ("It is done by Ines Caldeira.", "the leader is Ines Caldeira", True),
        ("A cracked bolt.", "the bolt was cracked", True),
        ("A broken rope.", "the bolt was cracked", False),
    ],
)
def test_answer_needs_the_values_of_the_right_one(text: str, right: str, expected: bool) -> None:
    assert has_answer(text, right) is expected
