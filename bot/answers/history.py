"""Earlier turns of a thread, used to rewrite the next question; and the rule which replies are questions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from bot.answers.small_talk import is_small_talk
from bot.answers.thread_context import words_of
from bot.db import access_log, questions
from bot.db.used_pages import UsedPage
from bot.slack.blocks import restore_links
from bot.slack.buttons import is_working
from bot.slack.events import Question
from bot.slack.message_metadata import question_of
from bot.slack.message_text import without_mention
from rag import Rag, Scope, Turn, documents_allowed, is_standalone

_QUESTIONS = 4
"""The last questions of a thread that are used to rewrite the next one."""

_RECENT = 600.0
"""Seconds for which a direct message's earlier questions are used, outside threads."""

_TURN = 1000
"""Characters of one turn: rewriting needs the question, not the whole answer."""

_EMOJI = re.compile(r":[\w+-]+:")

_ASKS = re.compile(
    r"[?？؟]|^(?:and|or|who(?:m|se)?|what|which|when|where|why|how|is|are|was|were|does|do|did|can|could|will|would|should"
    r"|show|find|list|explain|give|tell|compare|und|oder|wer|wen|wem|wessen|was|welche\w*|wann|wo|woher|wohin|warum|wieso"
    r"|wie|ist|sind|war|kann|zeig\w*|finde|erkläre?|et|qui|quel\w*|quand|où|pourquoi|comment|est-ce|combien|y|quién|qué"
    r"|cuál\w*|cuándo|dónde|cómo|cuánto\w*|chi|che|quale|quando|dove|perché|come|quanto"
    r"|quem|o que|qual|quais|onde|por que|quant[oa]s?|wat|welke?|wanneer|waar\w*|waarom|hoe\w*|laat zien"
    r"|кто|что|как\w*|когда|где|куда|откуда|почему|зачем|сколько|можно|покажи\w*|найди\w*"
    r"|kto|co|jak\w*|któr\w+|kiedy|gdzie|skąd|dlaczego|ile|czy|pokaż|znajdź"
    r"|هل|ما|ماذا|من|متى|أين|اين|كيف|لماذا|كم|أي)\b"
    r"|(?:です|ます|でした|ました|でしょう)か[。\s]*$|[吗嗎呢][。\s]*$|什么|什麼|怎么|怎麼|哪[里裡个個些]|为什么|為什麼|多少|どこ|いつ|なぜ|どう|いくら|誰",
    re.IGNORECASE,
)


def is_question_to_magpie(text: str, *, own: bool, others: bool, pictures: bool) -> bool:
    """Return whether a reply without a mention, in a thread where Magpie answered, is a question to Magpie.

    `own`: its author asked Magpie in this thread before. Their replies are questions, except thanks and replies that
    mention another person (`others`). Replies of other people are questions only if they begin like one or contain a
    question mark. `pictures`: the reply has pictures.
    """
    stripped = text.strip()
    if others:
        return False
    if not stripped:
        return own and pictures
    has_words = re.search(r"[^\W\d_]", _EMOJI.sub(" ", stripped)) is not None
    if is_small_talk(stripped) or not (has_words or "?" in stripped):
        return False
    return own or asks(stripped)


def asks(text: str) -> bool:
    """Return whether a text begins like a question, or contains a question mark."""
    return _ASKS.search(text.strip()) is not None


class History(NamedTuple):
    """Earlier turns, the documents that their text may come from, and the file names that they mention."""

    turns: Sequence[Turn]
    documents: frozenset[int] = frozenset()
    names: Sequence[UsedPage] = ()


def thread_history(rag: Rag, question: Question, scope: Scope, thread: Sequence[Mapping[str, Any]], me: str) -> History:
    """Return what was said in a thread, oldest first: questions, Magpie's answers, and other words of people.

    `thread`: its messages before the question, as they read now. An answer is included only if everything it uses is in
    `scope` under the names that it gives. So text of a document that was removed or that fewer people may read, and the
    name of a removed share, do not return in another question.
    """
    with rag.read_transaction() as connection:
        before = questions.asked_before(connection, question)[-_QUESTIONS:]
        documents_of = access_log.documents_of_replies(connection, question.channel, before)
        named = sorted(set().union(*documents_of.values(), ()))
        allowed = {row.document for row in documents_allowed(connection, named, scope)}
        used = questions.used_by_replies(connection, question.channel, before)
        usable = {
            ts
            for ts, documents in documents_of.items()
            if documents <= allowed and access_log.are_names_current(connection, used.get(ts, ()), scope)
        }
    answers = {f"{question.channel}:{ts}" for ts in usable}
    turns: list[Turn] = []
    for message in thread:
        if message.get("user") == me:
            if question_of(message) in answers and not is_working(message.get("blocks") or ()):
                turns.append(("magpie", restore_links(without_mention(str(message.get("text", "")), me))[:_TURN]))
        elif words := words_of(message, question.channel, me):
            is_asked = message.get("ts") in before
            if is_asked or not message.get("files") or asks(words):  # else they describe a file, which is asked first
                turns.append(("asker" if is_asked else "person", words[:_TURN]))
    if not any(role == "magpie" for role, _ in turns):
        return History(turns)
    names = dict.fromkeys(
        UsedPage(page.document, 0, name=page.name) for ts in usable for page in used.get(ts, ()) if page.name
    )
    return History(turns, frozenset().union(*(documents_of[ts] for ts in usable)), list(names))


def asked_recently(rag: Rag, question: Question) -> list[Turn]:
    """Return recent questions of a direct message, where people often ask outside threads; [] if the question can be
    understood without them."""
    if not question.channel.startswith("D") or is_standalone(question.text):
        return []
    with rag.read_transaction() as connection:
        return [
            ("asker", text[:_TURN]) for text in questions.asked_recently(connection, question, _RECENT)[-_QUESTIONS:]
        ]
