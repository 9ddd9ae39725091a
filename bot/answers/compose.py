"""Compose the reply to a question: gather what it refers to, understand it, and search what its readers may see.

Files are asked in this order, until they hold an answer: those sent with the question, forwarded or linked to; those of
its thread; those of the channel that the asker looks at beside their direct message; all others. Replies to buttons and
shortcuts are composed in `followups`, which builds on this module.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from bot.access.names import NO_NAMES, Names
from bot.access.policy import Access, Granted
from bot.answers import render
from bot.answers.asking import Asking
from bot.answers.fair_lock import FairLock
from bot.answers.file_list import LISTED, files_reply, mark_of
from bot.answers.limits import apply_limits
from bot.answers.pointers import asks_for_page
from bot.answers.question_files import MAX_PICTURES, QuestionFiles
from bot.answers.references import References, Referred
from bot.answers.render import Reply
from bot.answers.scope_watch import ScopeWatch
from bot.answers.small_talk import is_small_talk
from bot.answers.task import AnswerTask, join
from bot.answers.understanding import Understanding, Understood
from bot.answers.unread_files import Unread, with_unread
from bot.db import channel_settings, viewed_channels
from bot.db.used_pages import UsedPage, post_mark
from bot.slack.client import SlackClient
from bot.slack.events import Question, is_direct
from bot.slack.files import SlackFiles
from bot.slack.messages import answer_texts
from bot.telemetry.telemetry import Telemetry
from rag import (
    Answer,
    AnswerOptions,
    Rag,
    Scope,
    ShareState,
    SourceStatus,
    StoredShare,
    Unreadable,
    documents_in_thread,
    documents_of_source,
    is_standalone,
    list_shared_files,
    list_shares,
)

_BRIEFLY = 20.0
"""Longest time in seconds to wait for files that were not sent with the question: those of its thread, or linked."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What to search for, and where: words, and the ids of screenshots. `own`: they were sent with the question.

    `scope`: what the question's limits leave of what its readers may see. `wants_list`: a list of files is the answer.
    """

    understood: Understood
    pictures: tuple[str, ...]
    own: bool
    scope: Scope
    remark: str = ""
    wants_list: bool = False
    names: Names = NO_NAMES

    @property
    def query(self) -> str:
        return self.understood.query

    @property
    def asks_for_page(self) -> bool:
        """Whether the answer is the page that a screenshot shows."""
        return bool(self.pictures) and (not self.query or asks_for_page(self.query))


@dataclass(frozen=True, slots=True)
class _Search:
    """One search for an answer. `channel`: the only channel it searches, because the asker looks at it."""

    scope: Scope
    pictures: tuple[str, ...] = ()
    channel: str = ""


@dataclass(frozen=True, slots=True)
class _ThisThread:
    """What a question is about first: the documents `first`.

    `waited_for`: the refs of its files and its thread's. `late`: a sentence about those that are not read.
    """

    first: frozenset[int]
    waited_for: frozenset[str]
    late: str


class Composer:
    """Compose the replies of one workspace. Thread-safe; `stop` ends its waits."""

    def __init__(
        self,
        client: SlackClient,
        rag: Rag,
        files: SlackFiles,
        access: Access,
        fair: FairLock,
        me: str,
        document_seconds: float,
        stop: threading.Event,
        telemetry: Telemetry,
    ) -> None:
        """`document_seconds`: the longest time to wait for documents sent with a question."""
        self._rag = rag
        self._files = files
        self._access = access
        self._telemetry = telemetry
        self._question_files = QuestionFiles(rag, files, stop)
        self._references = References(client, rag, self._question_files, me)
        self._understanding = Understanding(client, rag, access, fair, me)
        self._asking = Asking(rag, files, access, fair, self._telemetry)
        self._document_seconds = document_seconds

    @property
    def rag(self) -> Rag:
        return self._rag

    @property
    def files(self) -> SlackFiles:
        return self._files

    @property
    def asking(self) -> Asking:
        return self._asking

    def readable(self, text: str, scope: Scope) -> str:
        """Return a text with the names of the people that it mentions, and of the channels that are in a scope."""
        return self._understanding.readable([text], scope)[0]

    def granted(self, question: Question) -> Granted:
        """Return what the readers of a reply may see."""
        return self._access.granted(question.channel, question.user)

    # ------------------------------------------------------------ the reply

    def reply(self, work: AnswerTask, said: str = "") -> Reply:
        """Return the reply to a message. Show it only if everything it uses may still be shown.

        `said`: what is said above an answer.
        """
        question = work.question
        if is_small_talk(question.text) and not question.files and not question.references:
            return render.plain_reply(answer_texts.HELP)
        self._question_files.wait_for_sweep(question)
        self._question_files.wait_for_root(work)
        granted = self.granted(question)
        watch = self._asking.watch(granted)
        sent = self._question_files.sent_with(question, work.claimed.asked_at)
        referred = self._references.look_up(question, granted.scope)
        with self._telemetry.stage("files"):
            own = [*sent.documents, *referred.sent]
            statuses = self._question_files.wait(work, own, self._document_seconds)
            refused = self._question_files.refusals(question, own)
            nearby = self._question_files.shares_of_thread(question)
            unread, hidden = self._wait_briefly(work, [*referred.shares, *nearby])
        if statuses or nearby or referred.shares:  # waiting took time
            granted = self.granted(question)
        failed = answer_texts.failed_documents([*statuses, *unread])
        problems = join(*sent.problems, *refused, *referred.problems, failed)
        late = join(answer_texts.late_documents([*statuses, *unread]), hidden)
        asked = self._asked(work, granted.scope, sent.pictures, referred)
        named = self._named_in_remark(question, [*statuses, *unread])
        if asked.wants_list:
            return self.list_files(work, asked, join(granted.notice, problems, late)).with_names(named)
        if not asked.query and not asked.pictures:
            text = join(problems, late, self._question_files.problem_of_thread(question)) or answer_texts.HELP
            return render.plain_reply(text).with_names(named)
        remark = join(said, granted.notice, problems, asked.remark, asked.understood.remark)
        first = self._documents_of(statuses, referred.shares, asked.scope)
        waited_for = frozenset(share.ref for share in (*referred.shares, *nearby)) | {*sent.documents, *referred.sent}
        more = _ThisThread(first, waited_for, late)
        return self._answer(work, asked, remark, watch, more).with_names(named)

    def _named_in_remark(self, question: Question, statuses: Sequence[SourceStatus]) -> list[UsedPage]:
        """Return the messages that share what the remark names: it must not name a file that left meanwhile."""
        marks: list[str] = []
        with self._rag.read_transaction() as connection:
            for status in statuses:
                if status.state == "ready":
                    continue
                shares = list_shares(connection, ref=status.ref, space=question.channel, states=[ShareState.SHARED])
                named = [share for share in shares if (share.name or share.ref) == status.name]
                marks += [post_mark(one.space, one.message, one.name, one.shared_by, one.words) for one in named[-1:]]
                if not named:  # it left while the question was understood: a mark that no message has
                    marks.append(post_mark(question.channel, "", status.name, None, f"{status.ref} left"))
        return [UsedPage(0, 0, shown=True, post=mark) for mark in marks]

    def reply_within(self, work: AnswerTask, granted: Granted, remark: str) -> Reply:
        """Return the reply to a question from a part of what its readers may see, for example from one file."""
        watch = self._asking.watch(granted)
        asked = self.asked(work, granted)
        if not asked.query and not asked.pictures:
            return render.plain_reply(join(remark, answer_texts.QUESTION_EXPIRED))
        remark = join(remark, asked.remark, asked.understood.remark)
        return self._answer(work, asked, remark, watch)

    def reply_to_words(self, work: AnswerTask, words: str, granted: Granted, remark: str) -> Reply:
        """Return the reply to words that can be understood alone, whatever stands in the thread."""
        watch = self._asking.watch(granted)
        names = self._access.names(work.question.user, granted.scope)
        asked = Asked(Understood(words), (), False, granted.scope, names=names)
        return self._answer(work, asked, remark, watch)

    def asked(self, work: AnswerTask, granted: Granted) -> Asked:
        """Return what an earlier question asked, as its thread reads now."""
        sent = self._question_files.sent_with(work.question, work.claimed.asked_at)
        return self._asked(work, granted.scope, sent.pictures, self._references.look_up(work.question, granted.scope))

    def _asked(self, work: AnswerTask, scope: Scope, sent: tuple[str, ...], referred: Referred) -> Asked:
        if sent and not work.question.text.strip():
            understood = Understood("")
        else:
            understood = self._understanding.understand(work, scope, referred.words)
        pictures = sent or self._pictures_meant(work.question, understood.query, referred)
        remark = answer_texts.too_many_pictures(MAX_PICTURES, len(pictures)) if len(pictures) > MAX_PICTURES else ""
        names = self._access.names(work.question.user, scope) if understood.query else NO_NAMES
        limited = apply_limits(work.question, understood.query, scope, names, work.claimed.asked_at)
        if limited.wants_list and limited.scope == scope:  # of all files, unless "which document?" means a picture
            limited = replace(limited, wants_list=False) if pictures else replace(limited, text="")
        return Asked(
            replace(understood, query=limited.text, remark=join(understood.remark, limited.remark)),
            pictures[:MAX_PICTURES],
            bool(sent),
            limited.scope,
            remark,
            limited.wants_list,
            names,
        )

    def list_files(self, work: AnswerTask, asked: Asked, remark: str, listed: Collection[str] | None = None) -> Reply:
        """Return a list of the files within the limits of a question; if it has a topic too, of those about it.

        `listed`: the marks of the files that earlier replies have, if it goes on from there.
        """
        scope = asked.scope
        if asked.query:
            found = self._rag.find(asked.query, scope, LISTED)
            scope = replace(scope, documents=frozenset(hit.document for hit in found.hits if found.found))
        with self._rag.read_transaction() as connection:
            files = list_shared_files(connection, scope, len(listed or ()) + LISTED + 1)
        files = [file for file in files if mark_of(file) not in (listed or ())]
        remark = join(remark, asked.remark, asked.understood.remark)
        at, goes_on = work.claimed.asked_at, listed is not None
        reply = files_reply(files, remark, asked.names, at, goes_on=goes_on)
        if not files and not goes_on:
            reply = with_unread(reply, Unread.of(self._rag, asked.scope))
        return _with_origin(reply, asked.understood)

    def _pictures_meant(self, question: Question, query: str, referred: Referred) -> tuple[str, ...]:
        """Return the pictures that a question without pictures may mean: forwarded ones, or those of its thread."""
        if query and not asks_for_page(query) and is_standalone(question.text):
            return ()
        return tuple(referred.pictures) or self._question_files.pictures_of_thread(question)

    def _wait_briefly(self, work: AnswerTask, shares: Sequence[StoredShare]) -> tuple[Sequence[SourceStatus], str]:
        """Wait for files that were not sent with a question. Return (those of this conversation that are not read, a
        sentence if others are not)."""
        seconds = min(self._document_seconds, _BRIEFLY)
        here = [share for share in shares if share.space == work.question.channel]
        elsewhere = [share for share in shares if share.space != work.question.channel]
        late = self._question_files.wait_for_shares(work, here, seconds)
        # Names are shown only of files of this conversation; they are checked again before the reply is shown.
        hidden = self._question_files.wait_for_shares(work, elsewhere, seconds)
        is_unread = any(not status.is_searchable for status in hidden)
        return late, answer_texts.LINKED_FILE_NOT_READ if is_unread else ""

    def _documents_of(
        self, statuses: Sequence[SourceStatus], shares: Sequence[StoredShare], scope: Scope
    ) -> frozenset[int]:
        """Return the documents sent with a question, forwarded or linked to."""
        sent = {status.document for status in statuses if status.state != "failed"}
        with self._rag.read_transaction() as connection:
            linked = [documents_of_source(connection, share.kind, share.ref, scope) for share in shares]
        return frozenset(document for document in sent if document is not None).union(*linked)

    # ------------------------------------------------------------ the answer

    def _answer(
        self,
        work: AnswerTask,
        asked: Asked,
        remark: str,
        watch: ScopeWatch,
        thread: _ThisThread | None = None,
    ) -> Reply:
        """Answer from the documents meant first, then from those of the thread, and then from all in scope.

        Without a `thread`, from all in scope at once.
        """
        understood, scope = asked.understood, asked.scope
        first, late = (thread.first, thread.late) if thread else (frozenset[int](), "")
        if asked.asks_for_page:
            pages = self._asking.find_pages(work, asked.pictures, self._asking.without_pictures(scope, asked.pictures))
            unread = self._unread(scope, thread, is_answered=any(one.page for one in pages))
            reply = render.screenshots_reply(pages, join(remark, "" if unread.files else late))
            return _with_origin(with_unread(reply, unread, has_button=thread is not None), understood)
        nearby = self._documents_nearby(work.question, scope) - first if thread else frozenset[int]()
        viewed = self._viewed_channel(work.question, scope) if thread else ""
        options = self._options(work)
        try:
            for search in self._searches(scope, asked, first, nearby, viewed):
                answer = self._asking.ask(work, asked.query, search.scope, watch, options, search.pictures)
                if not answer.abstained:
                    break
        except Unreadable as error:
            return render.plain_reply(answer_texts.unreadable_image(str(error), error.hint))
        if search.channel and not answer.abstained:
            heading = answer_texts.in_viewed_channel(asked.names.label(search.channel))
        else:
            heading = _where_found(answer, nearby)
        unread = self._unread(scope, thread, is_answered=not answer.abstained)
        remark = join(remark, "" if unread.files else late)
        if answer.abstained and thread and not first:
            remark = join(remark, self._question_files.problem_of_thread(work.question))
        reply = render.answer_reply(answer, remark, asked.names, work.claimed.asked_at, heading)
        return _with_origin(with_unread(reply, unread, has_button=thread is not None), understood)

    def _options(self, work: AnswerTask) -> AnswerOptions:
        """Return the options for answering a question: those of its button, and the language set for the
        conversation."""
        with self._rag.read_transaction() as connection:
            language = channel_settings.find(connection, work.question.channel).language
        return replace(work.options, language=language)

    def _unread(self, scope: Scope, thread: _ThisThread | None, *, is_answered: bool) -> Unread:
        """Return the files of a scope in which the answer may be that was not found; those of the question first."""
        return Unread() if is_answered else Unread.of(self._rag, scope, thread.waited_for if thread else ())

    def _documents_nearby(self, question: Question, scope: Scope) -> frozenset[int]:
        with self._rag.read_transaction() as connection:
            return documents_in_thread(connection, question.channel, question.thread, scope)

    def _viewed_channel(self, question: Question, scope: Scope) -> str:
        """Return the channel that the asker looks at beside their direct message, if the scope has it; else empty."""
        if not is_direct(question.channel):
            return ""
        with self._rag.read_transaction() as connection:
            channel = viewed_channels.find_viewed_channel(connection, question.user)
        return channel if channel in (scope.spaces or ()) else ""

    def _searches(
        self, scope: Scope, asked: Asked, first: frozenset[int], nearby: frozenset[int], viewed: str
    ) -> Iterator[_Search]:
        """Yield the searches for an answer, until one has it. `viewed`: a channel of the scope to search before all
        others; empty: none."""
        if asked.pictures and not asked.own:
            yield _Search(self._asking.without_pictures(scope, asked.pictures), asked.pictures)
        pictures = asked.pictures if asked.own else ()
        for documents in (first, nearby):
            if documents:
                yield _Search(replace(scope, documents=documents), pictures)
        if viewed:
            yield _Search(replace(scope, spaces=frozenset([viewed])), pictures, viewed)
        yield _Search(scope, pictures)


def _with_origin(reply: Reply, understood: Understood) -> Reply:
    """Return a reply, marked as possibly containing what the remark about its question comes from."""
    return reply.with_documents(understood.documents).with_names(understood.names)


def _where_found(answer: Answer, nearby: frozenset[int]) -> str:
    """Return whether an answer comes from the files of its thread, if it has any."""
    cited = {passage.hit.document for passage in answer.cited}
    if answer.abstained or not nearby or not cited:
        return ""
    if cited <= nearby:
        return answer_texts.IN_THREAD
    return "" if cited & nearby else answer_texts.NOT_IN_THREAD
