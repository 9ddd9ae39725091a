"""Questions in another language than the documents: translated by a model, or carried by vectors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rag import Rag, Scope, Settings
from rag.errors import GeneratorDown
from rag.ports import TextEmbedder, Translator
from tests.support.absent import NoEmbedder
from tests.support.extractor import TextExtractor
from tests.support.migrated import open_rag
from tests.support.store import FakeStore
from tests.support.translator import BilingualEmbedder, FakeTranslator

EVERYTHING = Scope.operator()
ASKED = "How many tons does the crane lift at the quay?"
TRANSLATED = "Wie viele Tonnen hebt der Kran am Kai?"

_GERMAN_PAGES = (
    "Die Verwaltung des Hafens ist werktags von acht bis sechzehn Uhr für alle Besucher und Mitarbeiter geöffnet.",
    "Der große Kran am Kai hebt vierzig Tonnen. Bei starkem Wind darf der Kran nicht benutzt werden.",
    "Alle Mitarbeiter haben Anspruch auf dreißig Tage Urlaub im Jahr, die rechtzeitig zu beantragen sind.",
)
_ENGLISH_PAGES = (
    "The harbor office is open on weekdays between eight and four for all visitors and for the people who work here.",
    "Every employee may take thirty days of holiday in a year, and has to ask for them in good time before that.",
    "The roof of the old warehouse leaks in autumn, so that nothing that must stay dry should be stored there.",
)
GERMAN, ENGLISH = "\f".join(_GERMAN_PAGES), "\f".join(_ENGLISH_PAGES)
FRENCH = "Le bureau du port est ouvert tous les jours de la semaine pour les visiteurs et pour les employés du quai."

Opening = Callable[..., Rag]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opening]:
    made: list[Rag] = []

    def open_one(
        translator: Translator | None, text: TextEmbedder | None = None, lanes: str = "words,translations", **files: str
    ) -> Rag:
        settings = Settings.model_validate(
            {"data": tmp_path / "data", "answer": {"model": ""}, "search": {"lanes": lanes}}
        )
        made.append(
            open_rag(
                settings,
                extractor=TextExtractor,
                embedder=NoEmbedder(),
                text_embedder=text,
                store=FakeStore(),
                translator=translator,
            )
        )
        for name, content in files.items():
            (tmp_path / f"{name}.pdf").write_text(content)
            made[-1].index([tmp_path / f"{name}.pdf"], space=name)
        return made[-1]

    yield open_one
    for rag in made:
        rag.close()


def test_translation_finds_the_page_and_the_result_says_so(opened: Opening) -> None:
    rag = opened(FakeTranslator({"de": TRANSLATED}), hafen=GERMAN, harbor=ENGLISH)
    found = rag.find(ASKED, EVERYTHING)
    assert found.found
    assert (found.hits[0].name, found.hits[0].page) == ("hafen.pdf", 2)
    assert found.hits[0].lanes["translations"] == 1
    assert found.translations == {"German": TRANSLATED}
    assert found.lanes["translations"] == "on"


def test_without_a_translator_the_question_is_searched_for_as_asked(opened: Opening) -> None:
    rag = opened(None, hafen=GERMAN, harbor=ENGLISH)
    found = rag.find(ASKED, EVERYTHING)
    assert not found.found
    assert found.translations == {}
    assert found.lanes["translations"].startswith("off: no model is set that translates questions")


def test_question_is_translated_once_into_all_languages_of_its_scope_and_no_others(opened: Opening) -> None:
    translator = FakeTranslator({"de": TRANSLATED, "fr": "Combien de tonnes la grue soulève-t-elle ?"})
    rag = opened(translator, hafen=GERMAN, harbor=ENGLISH, port=FRENCH)
    rag.find(ASKED, EVERYTHING)
    rag.find(f"  {ASKED}\n", EVERYTHING)
    assert [(question, sorted(languages)) for question, languages in translator.asked] == [(ASKED, ["de", "fr"])]
    found = rag.find(ASKED, Scope.of("harbor", "hafen"))
    assert (len(translator.asked), list(found.translations)) == (1, ["German"])


def test_languages_that_another_scope_adds_are_translated_alone(opened: Opening) -> None:
    translator = FakeTranslator({"de": TRANSLATED, "fr": "Combien de tonnes la grue soulève-t-elle ?"})
    rag = opened(translator, hafen=GERMAN, harbor=ENGLISH, port=FRENCH)
    assert list(rag.find(ASKED, Scope.of("harbor", "hafen")).translations) == ["German"]
    assert len(rag.find(ASKED, EVERYTHING).translations) == 2
    assert translator.asked == [(ASKED, ("de",)), (ASKED, ("fr",))]


def test_question_in_the_language_of_all_documents_is_not_translated(opened: Opening) -> None:
    translator = FakeTranslator({"de": TRANSLATED})
    rag = opened(translator, hafen=GERMAN, harbor=ENGLISH)
    found = rag.find("How many days of holiday may every employee take in a year?", Scope.of("harbor"))
    assert (found.found, found.translations, translator.asked) == (True, {}, [])


def test_translation_without_an_answer_does_not_displace_the_page_by_the_words_asked(opened: Opening) -> None:
    translator = FakeTranslator({"de": "Wie ist der Kran bei Wind zu benutzen?"})
    rag = opened(translator, hafen=GERMAN, harbor=ENGLISH)
    found = rag.find("How many days of holiday may every employee take in a year?", EVERYTHING)
    assert (found.hits[0].name, found.hits[0].page) == ("harbor.pdf", 2)


def test_translation_that_finds_nothing_leaves_the_question_declined(opened: Opening) -> None:
    rag = opened(FakeTranslator({"de": "Welche Quartette spielen Xylophon?"}), hafen=GERMAN, harbor=ENGLISH)
    found = rag.find("Which quartets play the xylophone and the violin?", EVERYTHING)
    assert not found.found
    assert found.why


def test_failure_only_means_that_the_question_is_not_translated(opened: Opening) -> None:
    translator = FakeTranslator({}, breaks=GeneratorDown("Ollama does not answer.", "start it"))
    rag = opened(translator, hafen=GERMAN, harbor=ENGLISH)
    found = rag.find("How many days of holiday may every employee take in a year?", EVERYTHING)
    assert (found.found, found.hits[0].name, found.translations) == (True, "harbor.pdf", {})
    assert rag.lanes()["translations"] == "off: Ollama does not answer (fix: start it)"
    rag.find(ASKED, EVERYTHING)
    assert len(translator.asked) == 1, "a server that is down is not asked for each question"


def test_translation_equal_to_the_question_is_not_searched_for(opened: Opening) -> None:
    rag = opened(FakeTranslator({"de": ASKED.upper()}), hafen=GERMAN, harbor=ENGLISH)
    assert rag.find(ASKED, EVERYTHING).translations == {}


def test_pasted_text_is_not_translated(opened: Opening) -> None:
    translator = FakeTranslator({"de": TRANSLATED})
    rag = opened(translator, hafen=GERMAN, harbor=ENGLISH)
    rag.find(f"{ASKED} " * 20, EVERYTHING)
    assert translator.asked == []


def test_vectors_of_two_languages_find_the_page_without_a_translator(opened: Opening) -> None:
    rag = opened(None, BilingualEmbedder(), "words,text-vectors", hafen=GERMAN, harbor=ENGLISH)
    found = rag.find("crane lift tons", EVERYTHING)
    assert (found.hits[0].name, found.hits[0].page) == ("hafen.pdf", 2)
    found = rag.find("Urlaub Tage", Scope.of("harbor"))
    assert (found.hits[0].name, found.hits[0].page) == ("harbor.pdf", 2)
