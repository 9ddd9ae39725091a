"""What is thought out at a press: more pages, one file alone, pages like a message.

As for any question, in the scope of whoever reads the reply.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from bot.access.policy import Granted
from bot.answers import render
from bot.answers.button_requests import SIMILAR, Origin, origin
from bot.answers.page_list import LISTED, NO_MORE, pages_reply
from bot.answers.render import Picture, Reply, escaped, plain_reply, unlinked
from bot.db.used_pages import Used, name_mark
from bot.slack.buttons import FILE, MORE
from bot.slack.events import Question
from bot.slack.payloads import slack_file
from rag import Found, Hit, NotFound, Scope, Unreadable

if TYPE_CHECKING:
    from bot.answers.compose import Thinking, Work

FORGOTTEN = "I no longer have this question. Please ask it again."
GONE = "This file is not among those I may use here any more."
OUT_OF_REACH = "A picture in it is out of my reach: I am not in that conversation, or it is there no longer."
WORDLESS = "There are no words and no pictures in this message that I could look for."

_QUERY = 1000
"""Characters of a message that are looked for."""


def reply_to_press(thinking: Thinking, work: Work) -> Reply:
    """The reply to a question that is no message."""
    return _KINDS[work.question.kind](thinking, work)


def _more(thinking: Thinking, work: Work) -> Reply:
    """The next pages, in the order of the search, of those that no answer showed yet."""
    found = _origin(thinking, work)
    if found is None:
        return plain_reply(FORGOTTEN)
    granted = thinking.granted(work.question)
    scope = replace(granted.scope, documents=found.documents)
    on = _asked_by(work, found)
    ranked = _ranking(thinking, on, scope, len(found.seen) + LISTED + 1)
    hits = [hit for hit in ranked.hits if (hit.document, hit.page) not in found.seen]
    if not hits:
        return plain_reply(" ".join(part for part in (NO_MORE, granted.notice) if part))
    shown = hits[:LISTED]
    return pages_reply(
        shown, "More pages:", _pictures(thinking, shown), remark=granted.notice, more=len(hits) > len(shown)
    )


def _only_file(thinking: Thinking, work: Work) -> Reply:
    """The same question within one file, whose number is believed only as far as it is in the scope."""
    found = _origin(thinking, work)
    if found is None:
        return plain_reply(FORGOTTEN)
    granted = thinking.granted(work.question)
    scope = replace(granted.scope, documents=found.documents)
    known = thinking.rag.documents(scope)
    if not known:
        return plain_reply(GONE)
    only = f"Only in {known[0].title}:"
    within, on = Granted(scope, granted.why, granted.notice), _asked_by(work, found)
    remark = " ".join(part for part in (only, granted.notice) if part)
    picture = _picture_of(thinking, on.question)
    if picture:
        reply = thinking.about_picture(on, picture, within, remark)
    else:
        reply = thinking.about_words(on, within, (), remark)
    file = [Used(row.id, 0, name=name_mark(row.name)) for row in known]
    told = f"{unlinked(escaped(only))} {reply.text}"
    return replace(reply, text=told, used=[*reply.used, *file]).also_of(row.id for row in known)


def _similar(thinking: Thinking, work: Work) -> Reply:
    """Pages like a message: what its pictures show first, then what its words find."""
    question = work.question
    text, link = str(question.about.get("text", ""))[:_QUERY], str(question.about.get("link", ""))
    granted = thinking.granted(question)
    remarks, found = [granted.notice], []
    for file in question.files:
        work.check()
        try:
            if slack_file(thinking.files.ready(file)).picture:
                with thinking.sent_picture(file) as path:
                    found.append(thinking.rag.find_picture(path, granted.scope))
        except NotFound:
            remarks.append(OUT_OF_REACH)
        except Unreadable as error:
            remarks.append(f"A picture in it could not be read: {error}")
    if text:
        found.append(thinking.rag.find(text, granted.scope))
    remark = " ".join(dict.fromkeys(part for part in remarks if part))
    if not found:
        return plain_reply(" ".join(part for part in (WORDLESS, remark) if part))
    message = f"<{link}|this message>" if link else "the message"
    hits = _each_once(one for one in found if one.found)[:LISTED]
    if hits:
        return pages_reply(hits, f"Pages like {message}:", _pictures(thinking, hits), remark=remark)
    near = _each_once(found)[: render.NEAREST]
    return pages_reply(near, f"I found no page like {message}.{' The nearest:' if near else ''}", remark=remark)


_KINDS: Mapping[str, Callable[[Thinking, Work], Reply]] = {MORE: _more, FILE: _only_file, SIMILAR: _similar}


def _origin(thinking: Thinking, work: Work) -> Origin | None:
    with thinking.rag.reading() as connection:
        return origin(connection, work.question)


def _asked_by(work: Work, found: Origin) -> Work:
    """The work on what was asked once, now asked by whoever pressed."""
    asked = replace(found.question, user=work.question.user)
    return replace(work, asked=replace(work.asked, question=asked))


def _ranking(thinking: Thinking, on: Work, scope: Scope, k: int) -> Found:
    picture = _picture_of(thinking, on.question)
    if picture:
        with thinking.sent_picture(picture) as path:
            found = thinking.rag.find_picture(path, scope, k)
        if found.found or not on.question.text:
            return found
    query, *_ = thinking.standalone(on, scope, "")
    return thinking.rag.find(query, scope, k)


def _picture_of(thinking: Thinking, question: Question) -> str:
    """The first picture sent with a question, if it is there still."""
    for file in question.files:
        raw = thinking.sent_here(file, question.channel)
        if raw is not None and slack_file(raw).picture:
            return file
    return ""


def _pictures(thinking: Thinking, hits: list[Hit]) -> list[Picture]:
    drawn = [(hit, thinking.rag.draw_place(hit)) for hit in hits[: render.PICTURES]]
    return [Picture(str(path), hit.place, hit.document) for hit, path in drawn if path is not None]


def _each_once(found: Iterable[Found]) -> list[Hit]:
    """Every page once, where it comes first."""
    hits: dict[tuple[int, int], Hit] = {}
    for one in found:
        for hit in one.hits:
            hits.setdefault((hit.document, hit.page), hit)
    return list(hits.values())
