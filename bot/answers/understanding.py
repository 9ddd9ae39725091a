"""What a question means: with names for mentions, and rewritten from its thread so that it can be searched for alone.

Words of people in a thread are used only for questions of the same thread. They are never evidence and never logged.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.access.policy import Access
from bot.answers.fair_lock import FairLock, key
from bot.answers.history import History, asked_recently, asks, thread_history
from bot.answers.pointers import points_at_thread
from bot.answers.small_talk import is_small_talk
from bot.answers.task import AnswerTask
from bot.answers.thread_context import is_in_thread, read_thread, words_of
from bot.db import questions
from bot.db.used_pages import UsedPage
from bot.slack.client import SlackClient
from bot.slack.events import Question
from bot.slack.message_text import mentioned_channels, mentioned_people, resolve
from bot.slack.messages import answer_texts
from bot.slack.slack_links import without_message_links
from rag import Rag, Scope, is_standalone

_SENTENCE = re.compile(r"[^.!?？！。؟]*(?:\.(?=\S)[^.!?？！。؟]*)*[.!?？！。؟]+|[^.!?？！。؟]+")
_QUESTION_MARKS = ("?", "？", "؟")

_MEANT = 1000
"""Characters of a message that may be searched for instead of the question."""


@dataclass(frozen=True, slots=True)
class Understood:
    """What to search for, and what to say about it.

    `query` has placeholders for the names of people and channels that were mentioned in the question itself.
    `remark` shows the query if it is not what was written. `documents` and `names`: documents and file names that its
    words may come from.
    """

    query: str
    remark: str = ""
    documents: Collection[int] = ()
    names: Sequence[UsedPage] = ()


class Understanding:
    """Understand the questions of one workspace. Thread-safe."""

    def __init__(self, client: SlackClient, rag: Rag, access: Access, fair: FairLock, me: str) -> None:
        self._client = client
        self._rag = rag
        self._access = access
        self._fair = fair
        self._me = me

    def understand(self, work: AnswerTask, scope: Scope, words: Sequence[str]) -> Understood:
        """Return what a question means. `words`: of messages that it forwards or links to. They are what it asks, if it
        asks nothing itself. The thread never changes the scope."""
        question = work.question
        as_written = Understood(without_message_links(question.text))
        [written, *words] = self.readable([question.text, *words], scope)
        is_pointer = not written.strip() or points_at_thread(written)
        if is_pointer and words:
            return _instead(words[0], written)
        thread = self._read_thread(question, is_pointer=is_pointer)
        if is_pointer:
            with self._rag.read_transaction() as connection:
                before = questions.asked_before(connection, question)
            [meant] = self.readable([question_pointed_at(thread, question, before, self._me)], scope)
            if meant:
                return _instead(meant, written)
        history = self._history(question, scope, thread, words)
        if not history.turns or not written.strip():
            return as_written
        with self._fair.acquire(key(work.claimed), work.check):
            query = self._rag.rewrite_question(written, history.turns)
        if query == written:
            return as_written
        return Understood(query, answer_texts.rewritten_question(query), history.documents, history.names)

    def _read_thread(self, question: Question, *, is_pointer: bool) -> Sequence[Mapping[str, Any]]:
        """Return a thread's messages, if they may help to understand a question: reading them takes a request."""
        if not is_in_thread(question):
            return ()
        if not is_pointer and is_standalone(question.text):
            with self._rag.read_transaction() as connection:
                if not questions.asked_before(connection, question):
                    return ()
        return read_thread(self._client, question)

    def _history(
        self, question: Question, scope: Scope, thread: Sequence[Mapping[str, Any]], words: Sequence[str]
    ) -> History:
        if is_in_thread(question):
            found = thread_history(self._rag, question, scope, thread, self._me)
        else:
            found = History(asked_recently(self._rag, question))
        texts = self.readable([text for _, text in found.turns], scope)
        turns = [(role, text) for (role, _), text in zip(found.turns, texts, strict=True) if text.strip()]
        return found._replace(turns=[*turns, *(("person", text) for text in words)])

    def readable(self, texts: Sequence[str], scope: Scope) -> list[str]:
        """Return texts with the names of the people and channels they mention, and without links to messages."""
        return [without_message_links(text) for text in with_names(self._access, texts, scope)]


def with_names(access: Access, texts: Sequence[str], scope: Scope) -> list[str]:
    """Return texts with the names of the people they mention, and of the channels that are in a scope."""
    ids = set().union(*(mentioned_people(text) | mentioned_channels(text) for text in texts))
    names = access.labels(ids, scope)
    return [resolve(text, names) for text in texts]


def question_pointed_at(
    thread: Sequence[Mapping[str, Any]], question: Question, asked: Collection[str], me: str
) -> str:
    """Return what "can you answer this?" means in a thread: the question of its root, or the last one before it.

    `asked`: ts of the messages that asked Magpie; questions that it was not asked yet come first. If nothing in the
    thread is a question, the root's words are, unless it shares files.
    """
    said = {str(message.get("ts", "")): words_of(message, question.channel, me) for message in thread}
    asking = [ts for ts, text in said.items() if asks(text) and not points_at_thread(text) and not is_small_talk(text)]
    for candidates in ([ts for ts in asking if ts not in asked], asking):
        if candidates:
            return said[question.thread if question.thread in candidates else candidates[-1]]
    root = next((message for message in thread if message.get("ts") == question.thread), None)
    words = said.get(question.thread, "")
    return "" if root is None or root.get("files") or is_small_talk(words) or points_at_thread(words) else words


def _instead(meant: str, written: str) -> Understood:
    """Return a question that stands elsewhere as what was meant."""
    text = questions_in(" ".join(meant.split()))[:_MEANT]
    return Understood(text, "" if text == written else answer_texts.rewritten_question(text))


def questions_in(text: str) -> str:
    """Return the sentences of a message that are questions; the whole message if they cannot be understood alone."""
    found = " ".join(match[0].strip() for match in _SENTENCE.finditer(text) if match[0].strip()[-1:] in _QUESTION_MARKS)
    return found if is_standalone(found) else text
