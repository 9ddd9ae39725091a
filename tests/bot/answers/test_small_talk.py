"""Texts that ask nothing, in twelve languages."""

from __future__ import annotations

from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.answers.small_talk import is_small_talk

GREETINGS = {
    "en": ["Hi", "hello!", "Hey Magpie", "Good morning everyone :wave:", "How are you?", "Hi, how's it going?"],
    "de": ["Hallo", "Guten Morgen zusammen!", "Moin", "Wie geht's?", "Hallo Magpie, wie geht es dir?"],
    "fr": ["Bonjour", "Salut à tous !", "Coucou", "Ça va ?", "Bonjour, comment allez-vous ?"],
    "es": ["Hola", "¡Buenos días!", "Hola, ¿qué tal?", "Buenas tardes a todos", "¿Cómo estás?"],
    "it": ["Ciao", "Buongiorno a tutti!", "Salve", "Ciao, come stai?", "Tutto bene?"],
    "pt": ["Olá", "Oi, tudo bem?", "Bom dia, pessoal!", "Boa tarde", "Como vai?"],
    "nl": ["Hallo", "Goedemorgen allemaal!", "Hoi", "Hoe gaat het?", "Dag Magpie"],
    "ru": ["Привет!", "Здравствуйте", "Добрый день", "Привет, как дела?", "Всем привет"],
    "pl": ["Cześć", "Dzień dobry!", "Hej", "Cześć, co słychać?", "Jak się masz?"],
    "ja": [
        "こんにちは",
        "おはようございます!",
        "お疲れ様です。",
        "お元気ですか？",
        "はじめまして、よろしくお願いします。",
    ],
    "zh": ["你好", "大家好！", "早上好", "你好吗？", "您好，在吗？"],
    "ar": ["مرحبا", "السلام عليكم", "صباح الخير!", "كيف حالك؟", "أهلًا وسهلًا"],
}

THANKS = {
    "en": ["Thanks!", "thank you so much :tada:", "ok, thanks", "Great, that helps", "thx", "Got it, thanks a lot!"],
    "de": ["Danke", "Vielen Dank!", "super, danke", "Danke schön", "Alles klar, danke für die Hilfe", "Dankeschön 🙏"],
    "fr": ["Merci", "Merci beaucoup !", "Parfait, merci", "D'accord", "C'est bon, merci pour l'aide", "merci bien"],
    "es": ["Gracias", "¡Muchas gracias!", "Vale, gracias", "Perfecto", "Gracias por tu ayuda", "mil gracias"],
    "it": ["Grazie", "Grazie mille!", "Va bene, grazie", "Perfetto", "Grazie per l'aiuto", "ho capito, grazie"],
    "pt": ["Obrigado", "Muito obrigada!", "Valeu!", "Perfeito, obrigado", "Entendi, obrigado pela ajuda", "tá bom"],
    "nl": ["Bedankt", "Dank je wel!", "Oké, bedankt", "Prima", "Hartelijk dank", "Bedankt voor de hulp"],
    "ru": ["Спасибо", "Большое спасибо!", "Понятно, спасибо", "Отлично", "Спасибо за помощь", "ок"],
    "pl": ["Dziękuję", "Dzięki!", "Super, dzięki", "Rozumiem, dziękuję", "Dziękuję za pomoc", "w porządku"],
    "ja": [
        "ありがとう",
        "ありがとうございます！",
        "了解です、ありがとうございました。",
        "助かりました",
        "なるほど",
        "分かりました",
    ],
    "zh": ["谢谢", "非常感谢！", "好的，谢谢", "明白了", "谢谢你的帮助", "辛苦了"],
    "ar": ["شكرا", "شكرًا جزيلًا!", "حسنا، شكرا", "تمام", "شكرا على المساعدة", "ممتاز"],
}

QUESTIONS = {
    "en": [
        "thanks, and the port?",
        "Hello, which port does the gateway use?",
        "ok, show the table",
        "good morning report",
        "how are you calculating the total?",
        "thanks for 2024",
        "Is it good?",
        "nice crane",
        "ok?",
        "what's up with the crane?",
    ],
    "de": [
        "Danke, und der Port?",
        "Hallo, welcher Port?",
        "Guten Morgen, wo ist der Plan",
        "alles gut mit dem Kran?",
        "Dank",
    ],
    "fr": ["Merci, et le port ?", "Bonjour, quel port ?", "ça va où ?", "merci de chercher le plan"],
    "es": ["Gracias, ¿y el puerto?", "Hola, ¿qué puerto usa?", "gracias por buscar el plan", "¿sí?"],
    "it": ["Grazie, e la porta?", "Ciao, quale porta usa?", "come va montata la gru?", "grazie, cerca il piano"],
    "pt": ["Obrigado, e a porta?", "Oi, qual é a porta?", "como está o guindaste?", "bom dia, mostre o plano"],
    "nl": ["Bedankt, en de poort?", "Hallo, welke poort?", "hoe gaat het met de kraan?", "goed plan"],
    "ru": ["Спасибо, а порт?", "Привет, какой порт?", "как дела с краном?", "хорошо, покажи план"],
    "pl": ["Dzięki, a port?", "Cześć, jaki port?", "co słychać w porcie?", "dobrze, pokaż plan"],
    "ja": [
        "ありがとう、ポートは？",
        "こんにちは、どのポートですか",
        "お元気ですか、計画はどこ？",
        "了解です、表を見せて",
    ],
    "zh": ["谢谢，端口呢？", "你好，用哪个端口", "好的，给我看计划", "你好吗起重机？"],
    "ar": ["شكرا، والمنفذ؟", "مرحبا، ما هو المنفذ؟", "حسنا، أين الخطة", "كيف حال الرافعة؟"],
}


def cases(texts: dict[str, list[str]]) -> list[tuple[str, str]]:
    return [(language, text) for language, said in texts.items() for text in said]


@pytest.mark.parametrize(("language", "text"), cases(GREETINGS))
def test_greeting_is_small_talk(language: str, text: str) -> None:
    assert is_small_talk(text), language


@pytest.mark.parametrize(("language", "text"), cases(THANKS))
def test_thanks_are_small_talk(language: str, text: str) -> None:
    assert is_small_talk(text), language
    assert is_small_talk(f"{text.upper()} 👍"), language


@pytest.mark.parametrize(("language", "text"), cases(QUESTIONS))
def test_question_after_small_talk_is_not(language: str, text: str) -> None:
    assert not is_small_talk(text), language


@pytest.mark.parametrize(
    ("greeting", "question"),
    [(said[0], QUESTIONS[language][1]) for language, said in GREETINGS.items()]
    + [(said[0], QUESTIONS[language][1]) for language, said in THANKS.items()],
)
def test_small_talk_before_a_question_does_not_hide_it(greeting: str, question: str) -> None:
    assert not is_small_talk(f"{greeting} {question}")


@pytest.mark.parametrize(
    "text", ["buenos dias", "ola, tudo bem?", "ca va?", "dziekuje", "اهلا", "dankeschon", "THANK’S"]
)
def test_accents_may_be_left_out(text: str) -> None:
    assert is_small_talk(text)


@pytest.mark.parametrize("text", ["👍", ":+1:", ":tada: :tada:", "🙏🏽", ":)", "<3", "ok 👌"])
def test_smiley_is_small_talk(text: str) -> None:
    assert is_small_talk(text)


@pytest.mark.parametrize(
    "text", ["", " ", "?", "??? 👍", "!", "42", "8080", "magpie", "everyone", "you", "and", "gateway"]
)
def test_text_without_a_phrase_is_not_small_talk(text: str) -> None:
    assert not is_small_talk(text)


@given(st.text(max_size=200))
def test_any_text_is_decided(text: str) -> None:
    assert is_small_talk(text) in (True, False)


@pytest.mark.parametrize("piece", ["thanks ", "so so much ", "好", "!", "👍", ":", "é"])
def test_long_text_is_decided_quickly(piece: str) -> None:
    started = perf_counter()
    is_small_talk(piece * 40_000)
    assert perf_counter() - started < 2
