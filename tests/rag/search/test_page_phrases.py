"""Pages that questions name, in many languages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.search.page_phrases import find_page_references, without_page_numbers
from rag.search.page_words import LANGUAGES, PageWords
from rag.search.query import PageReferences


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ("According to the table on page 4", PageReferences((4,))),
        ("the pages 15 and 16, and p. 20", PageReferences((15, 16, 20))),
        ("on page 15 and page 16", PageReferences((15, 16))),
        ("pages 4-6", PageReferences((4, 5, 6))),
        ("pages 4 to 6", PageReferences((4, 5, 6))),
        ("slide no. 3", PageReferences((3,))),
        ("on the second page", PageReferences((2,))),
        ("on the last slide", PageReferences((), (1,))),
        ("on the second-to-last page", PageReferences((), (2,))),
        ("the penultimate page", PageReferences((), (2,))),
        ("in the figure at page at the second last", PageReferences((), (2,))),
        ("the slide is the third-to-last", PageReferences((), (3,))),
        ("page 0, and pages 1-900", PageReferences((1, 900))),
        ("on page vi", PageReferences((), (), ("vi",))),
        ("What stands on page A-2?", PageReferences((), (), ("a-2",))),
        ("pages B\u20113 and Annex-4", PageReferences((), (), ("b-3",))),
        ("on page 12b", PageReferences((), (), ("12b",))),
        ("the page of the harbor", PageReferences()),
        ("homepage 5", PageReferences()),
    ],
)
def test_finds_pages_by_number_by_order_and_from_the_end(asked: str, named: PageReferences) -> None:
    assert find_page_references(asked) == named


@pytest.mark.parametrize("word", ["first", "FİRST", "firſt"])
def test_ordinal_is_found_in_any_case(word: str) -> None:
    assert find_page_references(f"What is on the page at the {word} last?").from_end == (1,)
    assert find_page_references(f"What is on the {word} page?").pages == (1,)


@pytest.mark.parametrize(
    ("asked", "page"),
    [
        ("What is on p7?", 7),
        ("what does page seven say", 7),
        ("the 7th page", 7),
        ("Was steht auf Seite 7?", 7),
        ("siehe S. 7", 7),
        ("auf der 7. Seite", 7),
        ("auf der siebten Seite", 7),
        ("Folie sieben", 7),
        ("Que dit la page 7 ?", 7),
        ("à la septième page", 7),
        ("la 7e page", 7),
        ("diapositive n° 7", 7),
        ("¿Qué pone en la página 7?", 7),
        ("pagina siete", 7),
        ("la séptima página", 7),
        ("pág. 7", 7),
        ("Cosa dice la pagina 7?", 7),
        ("nella settima pagina", 7),
        ("O que está na página 7?", 7),
        ("na sétima página", 7),
        ("página sete", 7),
        ("Wat staat er op bladzijde 7?", 7),
        ("op blz. 7", 7),
        ("de zevende pagina", 7),
        ("Co jest na stronie 7?", 7),
        ("str. 7", 7),
        ("na siódmej stronie", 7),
        ("Что на странице 7?", 7),
        ("на 7 странице", 7),
        ("на 7-й странице", 7),
        ("стр. 7", 7),
        ("на седьмой странице", 7),
        ("7ページには何がありますか", 7),
        ("第７ページ", 7),
        ("七ページ", 7),
        ("7頁", 7),
        ("第7页写了什么", 7),
        ("第十二页", 12),
        ("7페이지", 7),
        ("Vad står på sida 7?", 7),
        ("sayfa 7", 7),
        ("Що на сторінці 7?", 7),
        ("الصفحة 7", 7),
        ("หน้า 7", 7),
    ],
)
def test_page_is_named_in_many_languages(asked: str, page: int) -> None:
    assert find_page_references(asked).pages == (page,)


@pytest.mark.parametrize(
    "asked",
    [
        "the last page",
        "auf der letzten Seite",
        "la dernière page",
        "la última página",
        "nell'ultima pagina",
        "na última página",
        "op de laatste pagina",
        "na ostatniej stronie",
        "на последней странице",
        "最後のページ",
        "最后一页",
        "마지막 페이지",
    ],
)
def test_last_page_is_named_in_many_languages(asked: str) -> None:
    assert find_page_references(asked) == PageReferences((), (1,))


@pytest.mark.parametrize("asked", ["auf der vorletzten Seite", "l'avant-dernière page", "na przedostatniej stronie"])
def test_last_page_but_one_is_not_the_last(asked: str) -> None:
    assert find_page_references(asked).from_end == (2,)


@pytest.mark.parametrize(
    "asked",
    [
        "Which page first mentions the crane?",
        "How many pages does it have, 7 pages or more?",
        "Is the P100 faster than the V100?",
        "Sur quelle page un schéma montre la grue ?",
        "Welche Seiten 2024 wurden geändert, 12 Seiten?",
        "El día 7 de mayo",
        "page 3.5 mm",
        "共7页的文件",
    ],
)
def test_other_numbers_name_no_page(asked: str) -> None:
    named = find_page_references(asked)
    assert not [page for page in named.pages if page < 1000]
    assert not named.from_end


def test_numbers_of_pages_are_not_words_to_search_for() -> None:
    assert without_page_numbers("What does page 12 of The Harbor say in 2024?").split() == (
        "What does of The Harbor say in 2024?".split()
    )
    assert "7" not in without_page_numbers("Was steht auf Seite 7?")


@given(st.sampled_from(LANGUAGES), st.integers(1, 9999), st.data())
def test_number_after_any_word_for_a_page_is_found(words: PageWords, number: int, data: st.DataObject) -> None:
    page = data.draw(st.sampled_from([*words.pages.split(), *words.short.split()]))
    assert number in find_page_references(f"{page} {number}").pages


@given(st.text())
def test_any_text_can_be_asked(text: str) -> None:
    assert all(page > 0 for page in find_page_references(text).pages)
    without_page_numbers(text)
