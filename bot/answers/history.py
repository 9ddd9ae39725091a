"""What was said before in a thread, which may be used to rewrite the next question; and whether a reply is one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from bot.db import access_log, questions
from bot.db.used_pages import UsedPage
from bot.slack.blocks import restore_links
from bot.slack.buttons import is_working
from bot.slack.client import SlackClient
from bot.slack.events import Question
from bot.slack.message_metadata import question_of
from bot.slack.payloads import without_mention
from rag import MagpieError, Rag, Scope, Turn, documents_allowed, is_standalone

_MESSAGES = 200
"""Messages of a thread that are read."""

_QUESTIONS = 4
"""The last questions of a thread that are used to rewrite the next one."""

_RECENT = 600.0
"""Seconds for which a question asked beside a thread is used, in a direct message."""

_TURN = 1000
"""Characters of one turn: rewriting needs what was asked, not all that was answered."""

_NODS = frozenset(
    """ok okay k thank thanks you so much a lot very thx ty great perfect nice cool got it i see lol yes no yep nope
    done good super danke schön sehr alles klar passt prima merci beaucoup gracias muchas grazie mille""".split()
)
"""Words with which people end a conversation, or agree."""

_EMOJI = re.compile(r":[\w+-]+:")

_ASKS = re.compile(
    r"\?|^(?:and|or|who|whom|whose|what|which|when|where|why|how|is|are|was|were|does|do|did|can|could|will|would|should"
    r"|show|find|list|explain|give|tell|compare|und|oder|wer|wen|wem|wessen|was|welche\w*|wann|wo|woher|wohin|warum|wieso"
    r"|wie|ist|sind|war|kann|zeig\w*|finde|erkläre?|et|qui|quel\w*|quand|où|pourquoi|comment|est-ce|combien|y|quién|qué"
    r"|cuál\w*|cuándo|dónde|cómo|cuánto\w*|chi|che|quale|quando|dove|perché|come|quanto)\b",
    re.IGNORECASE,
)


def is_question_to_magpie(text: str, *, own: bool, others: bool, pictures: bool) -> bool:
    """Return whether a reply without a mention, in a thread where Magpie answered, is a question to Magpie.

    `own`: its writer asked there before. Their replies are questions, except thanks and replies that mention another
    person (`others`). Replies of other people are questions only if they read as one.
    """
    said = text.strip()
    if others:
        return False
    if not said:
        return own and pictures
    words = re.findall(r"[^\W\d_]+", _EMOJI.sub(" ", said).lower())
    if "?" not in said and all(word in _NODS for word in words):
        return False
    return own or _ASKS.search(said) is not None


class History(NamedTuple):
    """What was said before, the documents that any of it may come from, and the names of files in it."""

    turns: Sequence[Turn]
    documents: frozenset[int]
    names: Sequence[UsedPage]


_NONE = History((), frozenset(), ())


def thread_history(client: SlackClient, rag: Rag, question: Question, scope: Scope, me: str) -> History:
    """Return what was asked in the question's thread and what Magpie answered, oldest first, as it reads there now.

    An answer counts only while everything it was made of is in the scope of the next one's readers, under the names
    that it gives. So words of a document that is gone or that fewer people may read, and the name of a share that is
    gone, do not come back in another question. Never raises: without its thread a question is taken by itself.
    """
    if question.thread in ("", question.ts):
        return History(_asked_recently(rag, question), frozenset(), ())
    with rag.read_transaction() as connection:
        before = questions.asked_before(connection, question)[-_QUESTIONS:]
        made_of = access_log.documents_of_replies(connection, question.channel, before)
        seen = {
            one.document for one in documents_allowed(connection, sorted(set().union(*made_of.values(), ())), scope)
        }
        used = questions.used_by_replies(connection, question.channel, before)
        open_ = {
            ts
            for ts, documents in made_of.items()
            if documents <= seen and access_log.are_names_current(connection, used.get(ts, ()), scope)
        }
    if not before:
        return _NONE
    try:
        said = _thread(client, question, before[0])
    except MagpieError:
        return _NONE
    mine = {f"{question.channel}:{one}" for one in open_}
    turns: list[Turn] = []
    for message in said:
        ts, text = str(message.get("ts", "")), str(message.get("text", ""))
        if message.get("user") != me and ts in before:
            turns.append(("asker", without_mention(text, me)[:_TURN]))
        elif message.get("user") == me and question_of(message) in mine and not is_working(message.get("blocks") or ()):
            turns.append(("magpie", restore_links(without_mention(text, me))[:_TURN]))
    names = dict.fromkeys(
        UsedPage(one.document, 0, name=one.name) for ts in open_ for one in used.get(ts, ()) if one.name
    )
    return History(turns, frozenset().union(*(made_of[ts] for ts in open_)), list(names))


def _asked_recently(rag: Rag, question: Question) -> list[Turn]:
    """Return recent questions of a direct message, where people often ask beside the thread, if the question does not
    stand alone."""
    if not question.channel.startswith("D") or is_standalone(question.text):
        return []
    with rag.read_transaction() as connection:
        return [
            ("asker", text[:_TURN]) for text in questions.asked_recently(connection, question, _RECENT)[-_QUESTIONS:]
        ]


def _thread(client: SlackClient, question: Question, since: str) -> list[Mapping[str, Any]]:
    found = client.list_replies(question.channel, question.thread, oldest=since, latest=question.ts)
    return [one for one in islice(found, _MESSAGES) if str(one.get("ts", "")) < question.ts]
