"""Compose the reply to a question: read what was sent with it, understand its thread, search what its readers may see.

What a button asks for is in `followups`, which builds on this.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic, time
from typing import Any

from bot.access.policy import Access, Granted
from bot.answers import render
from bot.answers.fair_lock import FairLock, key
from bot.answers.history import turns_before
from bot.answers.render import Reply
from bot.db import file_states, jobs
from bot.db.jobs import JobKind
from bot.db.questions import ClaimedQuestion
from bot.db.used_pages import UsedPage
from bot.slack import messages
from bot.slack.blocks import escape
from bot.slack.client import SlackClient, Stopping
from bot.slack.events import Question
from bot.slack.files import KIND, SlackFiles, is_shared_in, shared_at
from bot.slack.payloads import slack_file
from rag import Answer, NotFound, Rag, Scope, SourceStatus, TryAgain, Unreadable, source_statuses

UPDATE_EVERY = 3.0
"""Seconds between two updates of one message, as Slack asks."""

_LOOK = 0.5

_VISIBLE_AFTER = 20.0
"""Seconds after a question during which Slack may not show its files where they were sent."""

_RECORDED_AFTER = 5.0
"""Seconds to wait for the event or the sweep that records a file sent with a question."""


@dataclass(frozen=True)
class AnswerTask:
    """One question being answered. `tell` shows progress; `check` raises when the work has to end."""

    asked: ClaimedQuestion
    tell: Callable[[str], None]
    check: Callable[[], None]

    @property
    def question(self) -> Question:
        return self.asked.question


class Composer:
    """Composes the replies of one workspace. Any thread may call it; `stop` ends its waits."""

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
    ) -> None:
        """`document_seconds`: the longest wait for documents sent with a question."""
        self._client = client
        self._rag = rag
        self._files = files
        self._access = access
        self._fair = fair
        self._me = me
        self._document_seconds = document_seconds
        self._stop = stop

    @property
    def rag(self) -> Rag:
        return self._rag

    @property
    def files(self) -> SlackFiles:
        return self._files

    def granted(self, question: Question) -> Granted:
        """Return what the readers of a reply may see."""
        return self._access.granted(question.channel, question.user)

    def reply(self, work: AnswerTask) -> Reply:
        """Return the reply to a message. Show it only if everything it is made of may still be shown."""
        question = work.question
        pictures, documents = self._sent_with(work)
        standing = self._await_documents(work, documents)
        remark = messages.unread_documents(standing)
        if not question.text and not pictures:
            return render.plain_reply(remark or messages.HELP)
        granted = self.granted(question)
        remark = join(granted.notice, remark)
        if pictures:
            return self.about_picture(work, pictures[0], granted, remark)
        return self.about_words(work, granted, standing, remark)

    # ------------------------------------------------------------ files sent with it

    def _sent_with(self, work: AnswerTask) -> tuple[list[str], list[str]]:
        """Return (pictures, documents) sent with a question and still shared there. Pictures are the query, documents
        are read first. Shares are recorded by events and the sweep only: a file may be gone already."""
        question = work.question
        pictures, documents = [], []
        for id in question.files:
            raw = self.sent_here(id, question.channel, visible_by=work.asked.asked + _VISIBLE_AFTER)
            file = None if raw is None else slack_file(raw)
            if file is not None and file.picture:
                pictures.append(id)
            elif file is not None and file.readable:
                documents.append(id)
        return pictures, documents

    def sent_here(self, id: str, channel: str, visible_by: float = 0.0) -> Mapping[str, Any] | None:
        """Return the file object of a file sent to a conversation; None unless Slack says that it is still shared
        there and no event said that it left. Until `visible_by`, seconds since 1970, raise TryAgain if Slack does not
        show it there yet."""
        try:
            raw = self._files.ready(id)
        except NotFound:
            return None
        with self._rag.read_transaction() as connection:
            removed = file_states.removed_from(connection, id, channel)
            departed = file_states.has_departed(connection, id, channel, shared_at(raw, channel))
        there = is_shared_in(raw, channel, removed) and not departed
        if not there and not removed and not departed and time() < visible_by:
            raise TryAgain("Slack does not show a file of a question in its conversation yet.")
        return raw if there else None

    def _await_documents(self, work: AnswerTask, documents: Sequence[str]) -> list[SourceStatus]:
        """Wait until the documents sent with a question are read, at most `document_seconds`, and show progress."""
        if not documents:
            return []
        until, tell = monotonic() + self._document_seconds, Throttle(work.tell)
        recorded = min(until, monotonic() + _RECORDED_AFTER)
        looked = False
        while True:
            with self._rag.read_transaction() as connection:
                found = source_statuses(connection, KIND, documents, work.question.channel)
            settled = all(one.state in ("ready", "failed") for one in found)
            if len(found) < len(documents) and not looked:
                # Its event is late or lost, or the file is gone: the sweep finds out which.
                with self._rag.write_transaction() as connection:
                    jobs.request(connection, JobKind.SWEEP_CHANNEL, work.question.channel)
                looked = True
            if (settled and (len(found) == len(documents) or monotonic() > recorded)) or monotonic() > until:
                return found
            tell(escape(messages.reading_documents(found)))
            work.check()
            if self._stop.wait(_LOOK):
                raise Stopping

    # ------------------------------------------------------------ the answer

    def about_words(self, work: AnswerTask, granted: Granted, standing: Sequence[SourceStatus], remark: str) -> Reply:
        """Answer from what was sent with the question first, then from everything its readers may see."""
        scope = granted.scope
        watch = self._watch(scope)  # from now on: the model may take a while to rewrite the question
        query, remark, before, names = self.rewrite_question(work, scope, remark)
        sent = frozenset(one.document for one in standing if one.document is not None and one.state != "failed")
        if sent:
            answer = self._ask(work, query, replace(scope, documents=sent), watch=watch)
            if not answer.abstained:
                return render.answer_reply(answer, remark).also_of(before).also_named(names)
        answer = self._ask(work, query, scope, watch=watch)
        return render.answer_reply(answer, remark).also_of(before).also_named(names)

    def rewrite_question(
        self, work: AnswerTask, scope: Scope, remark: str
    ) -> tuple[str, str, Collection[int], Sequence[UsedPage]]:
        """Return the question as it reads without its thread, the remark that shows it if it was rewritten, and the
        documents and names that its words may then come from. The scope is not changed: the thread only words the
        question."""
        question = work.question
        history, documents, names = turns_before(self._client, self._rag, question, scope, self._me)
        if not history:
            return question.text, remark, (), ()
        with self._fair.held(key(work.asked), work.check):
            query = self._rag.rewrite_question(question.text, history)
        if query == question.text:
            return query, remark, (), ()
        return query, join(remark, messages.rewritten_question(query)), documents, names

    def _ask(
        self, work: AnswerTask, query: str, scope: Scope, picture: Path | None = None, watch: _Watch | None = None
    ) -> Answer:
        """Return an answer in words, shown as it is written."""
        watch = watch or self._watch(scope)

        def show(text: str) -> None:
            if self._unchanged(work.question, watch):
                work.tell(text)

        tell = Throttle(show)
        pieces: list[str] = []

        def on_text(piece: str) -> None:
            work.check()
            pieces.append(piece)
            tell(render.unfinished("".join(pieces)))

        with self._fair.held(key(work.asked), work.check):
            return self._rag.ask(query, scope, picture, on_text)

    def _watch(self, scope: Scope) -> _Watch:
        return _Watch(scope, self._inside(scope), self._access.changes)

    def _inside(self, scope: Scope) -> frozenset[tuple[int, str]]:
        return frozenset((row.id, row.name) for row in self._rag.documents(scope))

    def _unchanged(self, question: Question, watch: _Watch) -> bool:
        """Return whether the words of an unfinished reply may be shown. It is not known yet which documents they come
        from, so no reader may have joined and no document may have gone."""
        changes = self._access.changes
        if watch.changes != changes:
            if self.granted(question).scope.spaces != watch.scope.spaces:
                return False
            watch.changes = changes
        return watch.documents <= self._inside(watch.scope)

    def about_picture(self, work: AnswerTask, file: str, granted: Granted, remark: str) -> Reply:
        """Return which page a screenshot shows; with a question beside it, the answer about that page."""
        scope, question = granted.scope, work.question
        try:
            with self.sent_picture(file) as path:
                if question.text:
                    return render.answer_reply(self._ask(work, question.text, scope, path), remark)
                found = self._rag.find_picture(path, scope)
        except Unreadable as error:
            return render.plain_reply(messages.unreadable_image(str(error), error.hint))
        if not found.found or not found.hits:
            return render.no_match_reply(found.hits, remark)
        first = found.hits[0]
        return render.page_reply(first, self._rag.draw_page(first) if first.why else first.page_image, remark)

    @contextmanager
    def sent_picture(self, file: str) -> Iterator[Path]:
        """Keep a picture on this disk while the `with` lasts. Raise NotFound, or Unreadable if it is too large."""
        with self._rag.scratch() as name:
            raw = self._files.ready(file)
            path = Path(name) / f"picture.{slack_file(raw).ending}"
            self._files.download(raw, path)
            yield path


@dataclass
class _Watch:
    """What the words of an unfinished reply depend on."""

    scope: Scope
    documents: frozenset[tuple[int, str]]
    """With their names: a share that goes takes its name along, though the document is shared elsewhere too."""
    changes: int


class Throttle:
    """Passes on the first text, then at most one every UPDATE_EVERY seconds, and no text twice in a row."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._last = ""
        self._next = monotonic()

    def __call__(self, text: str) -> None:
        if text != self._last and monotonic() >= self._next:
            self._last, self._next = text, monotonic() + UPDATE_EVERY
            self._tell(text)


def join(*sentences: str) -> str:
    """Return the sentences that are not empty as one text."""
    return " ".join(sentence for sentence in sentences if sentence)
