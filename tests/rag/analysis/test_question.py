"""The terms of a question: its words without stop words, codes, names in capitals."""

from __future__ import annotations

import pytest

from rag.analysis.question import question_terms


def words(question: str, *languages: str) -> list[str]:
    return [term.text for term in question_terms(question, languages or ("en",)).terms]


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What is the port of the gateway?", ["port", "gateway"]),
        ("Who is it?", ["who", "is", "it"]),
        ("Who runs IT?", ["runs", "it"]),
        ("US holidays", ["us", "holidays"]),
        ("WHO guidelines", ["who", "guidelines"]),
        ("the band The Who", ["band", "the", "who"]),
        ("WHO RUNS THE GATEWAY", ["runs", "gateway"]),
        ("What Is The Port Of The Gateway?", ["port", "gateway"]),
        ("Is Wi-Fi on?", ["wi-fi"]),
        ("What's the company's port?", ["company", "port"]),
        ("Why doesn’t it work, and who'll mend it? I can't.", ["work", "mend"]),
        ("the d'Or label, O'Brien's", ["d", "or", "label", "o", "brien"]),
        ("C++ compiler", ["c++", "compiler"]),
        ("I/O error of the S&P 500", ["i/o", "error", "s&p", "500"]),
        ("he/she and/or to-do port", ["port"]),
        ("ERR-4711/B in v2.3.1", ["err-4711/b", "v2.3.1"]),
        ("1 250 000 crowns", ["1 250 000", "crowns"]),
        ("the letter of March 5th, 2026", ["march 5th, 2026", "letter"]),
        ("Wie ändere ich die Gerätedatei?", ["andere", "geratedatei"]),
        ("¿Quién dirigió el proyecto?", ["dirigio", "proyecto"]),
        ("Peut-on retirer des points ?", ["retirer", "points"]),
        ("Где нарисован штамп?", ["нарисован", "штамп"]),
        ("灯台守の猫", ["灯台", "台守", "守の", "の猫"]),
        ("猫", ["猫"]),
        ("API猫v2", ["api", "猫", "v2"]),
        ("한국어 문장", ["한국", "국어", "문장"]),
        ("ที่อยู่", ["ที่อ", "อยู่"]),
        ("怎么办理签证?", ["办理", "理签", "签证"]),
        ("", []),
        ("?!", []),
    ],
)
def test_terms_are_the_words_that_are_not_stop_words(question: str, expected: list[str]) -> None:
    assert words(question) == expected


def test_word_is_analyzed_in_every_language_of_the_scope() -> None:
    [term] = question_terms("gateways", ["de", "en"]).terms
    assert set(term.anywhere) == {("gateways",), ("gateway",)}
    [only] = question_terms("gateways", ["ja"]).terms
    assert only.anywhere == (("gateway",),)


def test_neighbors_are_searched_as_one_word_too() -> None:
    assert "filename" in [term.text for term in question_terms("the file name", ["en"]).more]
    assert [term.text for term in question_terms("net sales of the net sales", ["en"]).pairs] == ["net sales"]


def test_parts_of_a_code_are_searched_by_themselves_if_they_are_long() -> None:
    found = question_terms("ERR-4711/B on the file server", ["en"])
    assert [term.text for term in found.parts] == ["err", "4711"]
    assert [term.text for term in found.more] == ["err", "4711", "fileserver"]
    assert not question_terms("10.20.4.7", ["en"]).more


def test_word_begins_longer_ones_in_languages_with_compounds() -> None:
    assert question_terms("Wo wird das Papierformat festgelegt?", ["de"]).terms[0].prefixes
    assert not question_terms("Where is the paper format?", ["en"]).terms[0].prefixes
