"""Compose the replies to buttons and shortcuts: more pages, one file only, pages similar to a message.

As for any question, the scope is what the reply's readers may see.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from bot.answers import render
from bot.answers.button_requests import SIMILAR, Origin, origin
from bot.answers.compose import Asked, Composer
from bot.answers.page_list import LISTED, pages_reply
from bot.answers.render import Reply, plain_reply
from bot.answers.task import AnswerTask, join
from bot.answers.unread_files import Unread, with_unread
from bot.db import questions
from bot.db.questions import REFUSED_APP
from bot.db.used_pages import UsedPage, name_mark
from bot.slack.blocks import break_links, escape
from bot.slack.buttons import AGAIN, DEEPER, FILE, MODEL, MORE, TOPIC, WITH
from bot.slack.events import Question
from bot.slack.file_objects import slack_file
from bot.slack.files import NotReady
from bot.slack.messages import answer_texts
from bot.slack.uploads import Picture
from rag import AnswerOptions, Heading, Hit, NotFound, Scope, SearchResult, Unreadable, find_heading, merge_results

_QUERY = 1000
"""Characters of a message that are searched for."""


def compose_reply(composer: Composer, work: AnswerTask) -> Reply:
    """Return the reply to any question: from a message, a button or a shortcut.

    Raise a MagpieError if it cannot be answered now, or not at all.
    """
    kind = work.question.kind
    return composer.reply(work) if kind == "ask" else _FOLLOW_UPS[kind](composer, work)


def _more(composer: Composer, work: AnswerTask) -> Reply:
    """Return the next pages of the search that no answer has shown yet."""
    found = _origin(composer, work)
    if found is None:
        return plain_reply(answer_texts.QUESTION_EXPIRED)
    granted = composer.granted(work.question)
    scope = replace(granted.scope, documents=found.documents)
    original = _asked_by(work, found)
    asked = composer.asked(original, replace(granted, scope=scope))
    if asked.wants_list:
        return composer.list_files(original, asked, granted.notice, found.posts)
    ranked = _ranking(composer, asked, len(found.seen) + LISTED + 1)
    hits = [hit for hit in ranked.hits if (hit.document, hit.page) not in found.seen]
    if not hits:
        return plain_reply(join(answer_texts.NO_MORE_PAGES, granted.notice))
    shown = hits[:LISTED]
    pictures = _pictures(composer, shown)
    more = len(hits) > len(shown)
    return pages_reply(shown, answer_texts.MORE_PAGES, pictures, question=asked.query, remark=granted.notice, more=more)


def _only_file(composer: Composer, work: AnswerTask) -> Reply:
    """Answer the same question from one file. Its number comes from the button, so it must be in the scope."""
    found = _origin(composer, work)
    if found is None:
        return plain_reply(answer_texts.QUESTION_EXPIRED)
    granted = composer.granted(work.question)
    scope = replace(granted.scope, documents=found.documents)
    known = composer.rag.documents(scope)
    if not known:
        return plain_reply(answer_texts.FILE_UNAVAILABLE)
    only = answer_texts.only_in_file(known[0].title)
    within, original = replace(granted, scope=scope), _asked_by(work, found)
    remark = join(only, granted.notice)
    reply = composer.reply_within(original, within, remark)
    file = [UsedPage(row.id, 0, name=name_mark(row.name)) for row in known]
    text = f"{break_links(escape(only))} {reply.text}"
    return replace(reply, text=text, used=[*reply.used, *file]).with_documents(row.id for row in known)


def _topic(composer: Composer, work: AnswerTask) -> Reply:
    """Answer what a heading says, from its file. The number of its chunk comes from the button, so it must be in the
    scope."""
    granted = composer.granted(work.question)
    heading = _heading(composer, work.question, granted.scope)
    if heading is None:
        return plain_reply(answer_texts.TOPIC_UNAVAILABLE)
    within = replace(granted, scope=replace(granted.scope, documents=frozenset([heading.document])))
    known = composer.rag.documents(within.scope)
    if not known:
        return plain_reply(answer_texts.TOPIC_UNAVAILABLE)
    asked = answer_texts.topic_in_file(heading.text, known[0].title)
    reply = composer.reply_to_words(work, heading.text, within, join(asked, granted.notice))
    file = [UsedPage(row.id, 0, name=name_mark(row.name)) for row in known]
    text = f"{break_links(escape(asked))} {reply.text}"
    return replace(reply, text=text, used=[*reply.used, *file]).with_documents([heading.document])


def _heading(composer: Composer, pressed: Question, scope: Scope) -> Heading | None:
    with composer.rag.read_transaction() as connection:
        return find_heading(connection, int(pressed.about.get("chunk", 0)), scope)


def _with(composer: Composer, work: AnswerTask) -> Reply:
    """Answer the same question by another model, or from more pages. What the button says must still be set."""
    found, chosen = _origin(composer, work), str(work.question.about.get("with", ""))
    if found is None:
        return plain_reply(answer_texts.QUESTION_EXPIRED)
    model = chosen.removeprefix(MODEL) if chosen.startswith(MODEL) else ""
    if chosen != DEEPER and model not in composer.rag.settings.answer.other_models:
        return plain_reply(answer_texts.MODEL_UNAVAILABLE)
    original = replace(_first_asked(composer, work, found), options=AnswerOptions(model=model, deeper=chosen == DEEPER))
    said = answer_texts.asked_again_with(model)
    if found.documents is None:
        reply = composer.reply(original, said)
    else:  # the answer was from one file
        granted = composer.granted(work.question)
        within = replace(granted, scope=replace(granted.scope, documents=found.documents))
        reply = composer.reply_within(original, within, join(said, granted.notice))
    return replace(reply, text=f"{break_links(escape(said))} {reply.text}", asked_with=chosen)


def _again(composer: Composer, work: AnswerTask) -> Reply:
    """Answer the same question anew. What its readers may see is decided now; "yesterday" is that of its first time."""
    found = _origin(composer, work)
    if found is None:
        return plain_reply(answer_texts.QUESTION_EXPIRED)
    reply = composer.reply(_first_asked(composer, work, found))
    return render.addressed(reply, work.question.user)


def _similar(composer: Composer, work: AnswerTask) -> Reply:
    """Return pages similar to a message: first those that its pictures show, then those that match its text."""
    question = work.question
    link = str(question.about.get("link", ""))
    granted = composer.granted(question)
    text = composer.readable(str(question.about.get("text", "")), granted.scope)[:_QUERY]
    remarks, found = [granted.notice], []
    for file in question.files:
        work.check()
        try:
            if slack_file(composer.files.ready(file)).picture:
                found.append(composer.asking.find_picture(file, granted.scope))
        except NotReady:
            remarks.append(answer_texts.FILES_NOT_READY)
        except NotFound:
            remarks.append(answer_texts.IMAGE_UNAVAILABLE)
        except Unreadable as error:
            remarks.append(answer_texts.unreadable_image_in_message(str(error)))
    if text:
        found.append(composer.rag.find(text, granted.scope))
    remark = join(*dict.fromkeys(remarks))
    if not found:
        return plain_reply(join(answer_texts.NOTHING_TO_SEARCH, remark))
    hits = _without_duplicates(result for result in found if result.found)[:LISTED]
    if hits:
        return pages_reply(
            hits, answer_texts.similar_pages(link), _pictures(composer, hits), question=text, remark=remark
        )
    near = _without_duplicates(found)[: render.NEAREST]
    reply = pages_reply(near, answer_texts.no_similar_pages(link, nearest=bool(near)), question=text, remark=remark)
    nothing = replace(reply, outcome="not_found")
    return with_unread(nothing, Unread.of(composer.rag, granted.scope), has_button=False)


def _refuse_app(_composer: Composer, _work: AnswerTask) -> Reply:
    return plain_reply(answer_texts.APPS_NOT_ANSWERED)


_FOLLOW_UPS: Mapping[str, Callable[[Composer, AnswerTask], Reply]] = {
    MORE: _more,
    FILE: _only_file,
    AGAIN: _again,
    TOPIC: _topic,
    WITH: _with,
    SIMILAR: _similar,
    REFUSED_APP: _refuse_app,
}


def _origin(composer: Composer, work: AnswerTask) -> Origin | None:
    with composer.rag.read_transaction() as connection:
        found = origin(connection, work.question)
    if found is None or found.question.kind != TOPIC:
        return found
    heading = _heading(composer, found.question, composer.granted(work.question).scope)
    if heading is None:
        return None
    question = replace(found.question, kind="ask", text=heading.text, about={})
    return replace(found, question=question, documents=found.documents or frozenset([heading.document]))


def _asked_by(work: AnswerTask, found: Origin) -> AnswerTask:
    """Return the original question as a task, asked by the person who pressed the button."""
    return work.asking(replace(found.question, user=work.question.user))


def _first_asked(composer: Composer, work: AnswerTask, found: Origin) -> AnswerTask:
    """Return the original question as `_asked_by` does, with "yesterday" as it was when it was asked first."""
    with composer.rag.read_transaction() as connection:
        first = questions.find_claimed(connection, found.question.channel, found.question.ts)
    original = _asked_by(work, found)
    return original if first is None else original.asked_at(first.asked_at)


def _ranking(composer: Composer, asked: Asked, k: int) -> SearchResult:
    if asked.pictures and (asked.own or asked.asks_for_page):
        scope = composer.asking.without_pictures(asked.scope, asked.pictures)
        found = merge_results([composer.asking.find_picture(picture, scope, k) for picture in asked.pictures])
        if found.found or not asked.query:
            return found
    return composer.rag.find(asked.query, asked.scope, k)


def _pictures(composer: Composer, hits: list[Hit]) -> list[Picture]:
    drawn = [(hit, composer.rag.draw_page(hit)) for hit in hits[: render.PICTURES]]
    return [Picture(str(path), hit.place, hit.document) for hit, path in drawn if path is not None]


def _without_duplicates(found: Iterable[SearchResult]) -> list[Hit]:
    """Return every page once, at its first position."""
    hits: dict[tuple[int, int], Hit] = {}
    for result in found:
        for hit in result.hits:
            hits.setdefault((hit.document, hit.page), hit)
    return list(hits.values())
