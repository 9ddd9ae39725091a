"""Index and question get the same tokens, whichever way a word is spelled."""

from __future__ import annotations

import unicodedata
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.analysis.analyzer import analyze_word, index_tokens
from rag.analysis.languages import LANGUAGES
from rag.analysis.letters import fold, normalize
from rag.analysis.question import make_term
from rag.ports import Term


def has(text: str, term: Term, language: str) -> bool:
    """Return whether a full-text index finds a term in a text."""
    tokens = index_tokens(text, language)
    everywhere = [f" {' '.join(part)} " for part in (tokens.words, tokens.forms)]
    anywhere = any(f" {' '.join(phrase)} " in part for phrase in term.anywhere for part in everywhere)
    return anywhere or any(f" {' '.join(phrase)} " in everywhere[0] for phrase in term.as_written)


@pytest.mark.parametrize(
    ("language", "written", "asked"),
    [
        ("de", "Gerätedateien ändern", "Geraetedatei aendere"),
        ("de", "Goethestraße", "goethestrasse"),
        ("en", "Ask Frau Müller in Goethestraße", "Mueller"),
        ("en", "Ask Mr. Mueller", "Müller"),
        ("fr", "les questions coupées", "coupees"),
        ("es", "¿Quién dirigió el proyecto?", "dirigio"),
        ("pl", "usuwanie szumów z nagrań", "szumow"),
        ("pl", "łódź", "lodz"),
        ("da", "smørrebrød på Ålborg", "smorrebrod aalborg"),
        ("fr", "le cœur", "coeur"),
        ("tr", "ISPARTA ili ve İzmir", "ısparta izmir"),
        ("tr", "ISPARTA ili", "isparta"),
        ("ru", "ёлки", "елка"),
        ("el", "ο δρόμος", "δρομος"),
        ("ar", "الكِتَاب", "كتاب"),
        ("ar", "والكتاب", "الكتاب"),
        ("ar", "أحمد إلى المدرسة", "احمد مدرسه"),
        ("he", "בבית הספר", "בית"),
        ("he", "שָׁלוֹם", "שלום"),
        ("hi", "किताबें पढ़ो", "किताब पढो"),
        ("ja", "ﾊﾟｯｹｰｼﾞ", "パッケージ"),
        ("en", "ＦＵＬＬ width", "full"),
        ("en", "the ﬁrst oﬃce", "first office"),
        ("en", "H₂O, 20 m² and CO²", "H2O m2 CO2"),
        ("en", "net sales² rose", "sales"),
        ("fa", "می\u200cخواهم", "میخواهم"),
        ("de", "Er\u00adlaubnis", "erlaubnis"),
        ("ar", "١٢٣", "123"),
        ("en", "running gateways", "runs gateway"),
        ("ko", "문장을 읽는다", "문장"),
        ("th", "เรือเฟอร์รี่ลำสุดท้าย", "เฟอร์รี่"),
    ],
)
def test_word_is_found_in_other_spellings_and_inflections(language: str, written: str, asked: str) -> None:
    for word in asked.split():
        assert has(written, make_term(word, [language]), language), word


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("ERR-4711/B", "err-4711/b"),
        ("ERR 4711", "ERR-4711"),
        ("v2.3.1", "v2.3.1"),
        ("10.20.4.7", "10.20.4.7"),
        ("192.168.0.1:8080", "192.168.0.1:8080"),
        ("user@example.org", "user@example.org"),
        ("snake_case", "snake_case"),
        ("snake_case", "snakecase"),
        ("snake_case", "snake"),
        ("camelCase", "camelcase"),
        ("getUserName", "user"),
        ("C++", "c++"),
        ("C#", "C#"),
        (".NET", ".net"),
        ("AT&T", "AT&T"),
        ("R&D", "R&D"),
        ("R & D", "R&D"),
        ("Wi-Fi", "wifi"),
        ("wifi", "Wi-Fi"),
        ("e-mail", "emails"),
        ("KX-200", "KX200"),
        ("KX 200", "KX200"),
        ("U.S.A.", "USA"),
        ("1,250,000 crowns", "1250000"),
        ("1.250.000 crowns", "1250000"),
        ("1'250'000 crowns", "1250000"),
        ("1 250 000 crowns", "1250000"),
        ("1,250,000.50 crowns", "1250000"),
        ("DE89 3704 0044 0532 0130 00", "DE89370400440532013000"),
        ("4111 1111 1111 1111", "4111111111111111"),
        ("+49 30 1234-567", "49301234567"),
    ],
)
def test_code_and_number_are_found_in_other_spellings(written: str, asked: str) -> None:
    assert has(f"It is {written}, as said.", make_term(asked, ["en"]), "en")


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("10.7.20.4", "10.20.4.7"),
        ("the C compiler", "C++"),
        ("R or D", "R&D"),
        ("4711 ERR", "ERR-4711"),
        ("1,250", "1,250,000"),
        ("192.168.0.1", "192168"),
    ],
)
def test_code_is_not_found_by_its_parts_in_another_order(written: str, asked: str) -> None:
    assert not has(f"It is {written}, as said.", make_term(asked, ["en"]), "en")


@pytest.mark.parametrize(
    "written",
    [
        "2026-03-05", "5 March 2026", "5th of March 2026", "March 5, 2026", "March 5th, 2026", "5 Mar. 2026",
        "05.03.2026", "5.3.2026", "5. März 2026", "5 mars 2026", "5 de marzo de 2026", "5 marca 2026",
        "5 марта 2026", "2026年3月5日", "2026/03/05", "05/03/2026", "03/05/2026",
    ],
)  # fmt: skip
def test_date_has_one_form_however_it_is_written(written: str) -> None:
    forms = index_tokens(f"Signed on {written} in Harwich", "en").forms
    assert {"2026-03-05", "2026-03"} <= set(forms)


def test_ambiguous_date_has_both_readings_and_a_sure_one_has_one() -> None:
    assert {"2026-03-05", "2026-05-03"} <= set(index_tokens("03/05/2026", "en").forms)
    assert "2026-05-03" not in index_tokens("05.03.2026", "de").forms
    assert not {form for form in index_tokens("31/12/2026", "en").forms if form == "2026-31-12"}


def test_stem_that_looks_like_a_stop_word_is_another_token() -> None:
    assert analyze_word("ändern", "de")[0] != analyze_word("and", "en")[0]
    assert analyze_word("ändern", "de")[0] == analyze_word("aendern", "de")[0]


def test_word_in_capitals_that_is_a_stop_word_has_a_form_of_its_own() -> None:
    assert "it^" in index_tokens("Ask the IT department", "en").forms
    assert "us^" in index_tokens("Holidays in the U.S. office", "en").forms
    assert "it^" not in index_tokens("ask if it works", "en").forms
    assert "it^" not in index_tokens("ASK IF IT WORKS", "en").forms


def test_threads_share_no_stemmer() -> None:
    words = [f"{stem}{end}" for stem in ("gateway", "listen", "haus", "sprach") for end in ("s", "ing", "er", "en")]
    expected = [index_tokens(word, "en") for word in words]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(20):
            assert list(pool.map(lambda word: index_tokens(word, "en"), words)) == expected


TEXTS = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from(" -./:_@+#&',0123456789"),
        st.sampled_from("aäöüßéñłøåæœıİſﬁ½²₂ＡßΣςёйאבךםابةىﻻकिताबेंत्रがパ한문ที่倉庫\u0301\u0308\u200d\u00ad\u0640"),
    ),
    max_size=80,
)


@given(TEXTS, st.sampled_from(sorted(LANGUAGES)))
def test_text_has_each_of_its_own_words(text: str, language: str) -> None:
    for word in text.split():
        term = make_term(word, [language])
        assert not term.anywhere or has(text, term, language)


@given(TEXTS, st.sampled_from(sorted(LANGUAGES)))
def test_normal_form_of_the_text_makes_no_difference(text: str, language: str) -> None:
    composed = index_tokens(unicodedata.normalize("NFC", text), language)
    assert index_tokens(unicodedata.normalize("NFD", text), language) == composed


@given(TEXTS)
def test_folding_and_normalizing_again_changes_nothing(text: str) -> None:
    assert normalize(normalize(text)) == normalize(text)
    assert fold(fold(text)) == fold(text)


@given(TEXTS, st.sampled_from(sorted(LANGUAGES)))
def test_tokens_have_no_space_and_nothing_that_fts5_splits_at(text: str, language: str) -> None:
    for token in (*index_tokens(text, language).words, *index_tokens(text, language).forms):
        assert token
        assert all(sign.isalnum() or ord(sign) > 127 or sign in "-./_:@+#&^~=\\" for sign in token)
