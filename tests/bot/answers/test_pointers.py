"""Questions that only point at what stands in their thread, in twelve languages."""

from __future__ import annotations

import pytest

from bot.answers.pointers import asks_for_page, points_at_thread
from bot.answers.understanding import questions_in


@pytest.mark.parametrize(
    "text",
    [
        "can you answer this?",
        "Hi Magpie, could you answer the question, please?",
        "any idea?",
        "kannst du das bitte beantworten?",
        "weißt du das?",
        "peux-tu y répondre, s'il te plaît ?",
        "¿puedes responder esto?",
        "puoi rispondere a questa domanda?",
        "você pode responder essa pergunta?",
        "podes responder à pergunta?",
        "kun je deze vraag beantwoorden?",
        "можешь ответить на этот вопрос?",
        "czy możesz na to odpowiedzieć?",
        "この質問に答えてくれますか？",
        "你能回答这个问题吗？",
        "هل يمكنك الإجابة على هذا السؤال؟",
    ],
)
def test_points_at_the_thread(text: str) -> None:
    assert points_at_thread(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "thanks!",
        "which port is it?",
        "what about the crane?",
        "can you answer which port it is?",
        "do you know the port of the gateway?",
        "kannst du die Frage nach dem Port beantworten?",
        "peux-tu répondre à Ada que le port est ouvert ?",
        "能回答港口在哪里吗？",
        "can you answer this? " * 20,
    ],
)
def test_question_of_its_own_points_at_nothing(text: str) -> None:
    assert not points_at_thread(text)


@pytest.mark.parametrize(
    "text",
    [
        "which page is this?",
        "what document is this from?",
        "can you tell me which document these screenshots come from?",
        "wie heißt dieses Dokument?",
        "welche Seite ist das?",
        "de quelle page vient cette capture ?",
        "quelle page est-ce ?",
        "¿qué página es esta?",
        "che pagina è questa?",
        "que página é esta?",
        "welke pagina is dit?",
        "какая это страница?",
        "która to strona?",
        "これはどのページですか？",
        "这是哪一页？",
        "ما هذه الصفحة؟",
    ],
)
def test_question_for_the_page_of_a_screenshot(text: str) -> None:
    assert asks_for_page(text)


@pytest.mark.parametrize(
    "text",
    [
        "which page explains this error?",
        "what page describes how to fix this?",
        "which document tells me what this message means?",
        "welche Seite erklärt diesen Fehler?",
        "auf welcher Seite steht, wie man das behebt?",
        "quelle page explique cette erreur ?",
        "¿qué página explica este error?",
        "quale pagina spiega questo errore?",
        "que página explica este erro?",
        "welke pagina legt deze fout uit?",
        "на какой странице объясняется эта ошибка?",
        "która strona wyjaśnia ten błąd?",
        "このエラーを説明しているページはどれですか？",
        "哪一页解释了这个错误？",
        "أي صفحة تشرح هذا الخطأ؟",
    ],
)
def test_question_about_what_a_screenshot_shows_does_not_ask_for_its_page(text: str) -> None:
    assert not asks_for_page(text)


@pytest.mark.parametrize("text", ["", "which port is this?", "what is the total due in this invoice?", "page 7"])
def test_other_question_does_not_ask_for_a_page(text: str) -> None:
    assert not asks_for_page(text)


@pytest.mark.parametrize(
    ("message", "meant"),
    [
        ("Which port does the gateway use? I need it for the firewall.", "Which port does the gateway use?"),
        ("Is v1.2 the version of the gateway? Thanks.", "Is v1.2 the version of the gateway?"),
        ("The crane relay stopped at code 17. Why?", "The crane relay stopped at code 17. Why?"),
        ("the gateway's port please", "the gateway's port please"),
    ],
)
def test_sentences_that_ask_are_what_is_meant(message: str, meant: str) -> None:
    assert questions_in(message) == meant
