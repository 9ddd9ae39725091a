"""Compose the reply to a question: wait for its files, rewrite it from its thread, search what its readers may see.

Replies to buttons and shortcuts are composed in `followups`, which builds on this module.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from time import monotonic, time
from typing import Any

from bot.access.policy import Access, Granted
from bot.answers import render
from bot.answers.fair_lock import FairLock, key
from bot.answers.history import thread_history
from bot.answers.render import Reply
from bot.db import jobs
from bot.db.jobs import JobKind
from bot.db.questions import ClaimedQuestion
from bot.db.used_pages import UsedPage, post_mark
from bot.slack import messages
from bot.slack.blocks import escape
from bot.slack.client import SlackClient, Stopping
from bot.slack.events import Question
from bot.slack.file_objects import slack_file
from bot.slack.files import KIND, NotReady, SlackFiles, listings
from rag import (
    Answer,
    NotFound,
    Rag,
    Scope,
    ShareState,
    SourceStatus,
    TryAgain,
    Unreadable,
    list_shares,
    source_statuses,
)

UPDATE_EVERY = 3.0
"""Seconds between two updates of one message, as Slack asks."""

_POLL = 0.5
"""Seconds between two checks of the documents that a question waits for."""

_VISIBLE_WITHIN = 20.0
"""Seconds after a question within which Slack lists its files in the conversation."""

_READY_WITHIN = 10.0
"""Seconds after a question within which Slack checks its files; after that, it is answered without them."""

_RECORDED_WITHIN = 5.0
"""Seconds to wait for the event or the sweep that records a file sent with a question."""


@dataclass(frozen=True)
class AnswerTask:
    """One question being answered. `show` shows progress; `check` raises if the work has to stop."""

    claimed: ClaimedQuestion
    show: Callable[[str], None]
    check: Callable[[], None]

    @property
    def question(self) -> Question:
        return self.claimed.question


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
    ) -> None:
        """`document_seconds`: the longest time to wait for documents sent with a question."""
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
        """Return the reply to a message. Show it only if everything it uses may still be shown."""
        question = work.question
        pictures, documents, unready = self._sent_files(work)
        statuses = self._await_documents(work, documents)
        remark = join(messages.FILES_NOT_READY if unready else "", messages.unread_documents(statuses))
        if not question.text and not pictures:
            return render.plain_reply(remark or messages.HELP)
        granted = self.granted(question)
        remark = join(granted.notice, remark)
        named = self._named_in_remark(question, statuses)
        if pictures:
            return self.answer_picture(work, pictures[0], granted, remark).with_names(named)
        return self.answer_text(work, granted, statuses, remark).with_names(named)

    def _named_in_remark(self, question: Question, statuses: Sequence[SourceStatus]) -> list[UsedPage]:
        """Return the messages that share what the remark names: it must not name a file that left meanwhile."""
        unread = [status.ref for status in statuses if status.state != "ready"]
        with self._rag.read_transaction() as connection:
            shares = [share for ref in unread for share in list_shares(connection, KIND, ref, space=question.channel)]
        return [
            UsedPage(
                0,
                0,
                shown=True,
                post=post_mark(share.space, share.message, share.name, share.shared_by, share.words),
            )
            for share in shares
        ]

    # ------------------------------------------------------------ files sent with it

    def _sent_files(self, work: AnswerTask) -> tuple[list[str], list[str], list[str]]:
        """Return (pictures, documents, files that Slack has not checked in time) of a question, if still shared there.

        Pictures are part of the query, documents are read before it is answered. Their shares are recorded by events
        and the sweep, not here: a file may have been removed already.
        """
        question, asked_at = work.question, work.claimed.asked_at
        pictures, documents, unready = [], [], list[str]()
        for id in question.files:
            try:
                raw = self.find_sent_file(id, question.channel, visible_by=asked_at + _VISIBLE_WITHIN)
            except NotReady:
                if time() < asked_at + _READY_WITHIN:  # tried again later, so that no worker waits for it
                    raise
                unready.append(id)
                continue
            file = None if raw is None else slack_file(raw)
            if file is not None and file.picture:
                pictures.append(id)
            elif file is not None and file.readable:
                documents.append(id)
        return pictures, documents, unready

    def find_sent_file(self, id: str, channel: str, visible_by: float = 0.0) -> Mapping[str, Any] | None:
        """Return the file object of a file that is shared in a conversation, or None.

        Slack must list the file there, and no event may have reported that it left. Before `visible_by`, seconds since
        1970, raise TryAgain if Slack does not list it there yet.
        """
        try:
            raw = self._files.ready(id)
        except NotFound:
            return None
        listing = listings(raw, [channel])[channel]
        with self._rag.read_transaction() as connection:
            ended = list_shares(connection, KIND, id, space=channel, states=[ShareState.DEPARTED])
        standing = listing.threads.keys() - {share.message for share in ended}
        is_shared = bool(standing) or (listing.is_there and not ended)
        if not is_shared and not ended and time() < visible_by:
            raise TryAgain("Slack does not list a question's file in its conversation yet.")
        return raw if is_shared else None

    def _await_documents(self, work: AnswerTask, documents: Sequence[str]) -> list[SourceStatus]:
        """Wait at most `document_seconds` until the documents sent with a question are read, and show progress."""
        if not documents:
            return []
        until, show = monotonic() + self._document_seconds, Throttle(work.show)
        recorded_by = min(until, monotonic() + _RECORDED_WITHIN)
        sweep_requested = False
        while True:
            with self._rag.read_transaction() as connection:
                found = source_statuses(connection, KIND, documents, work.question.channel)
            settled = all(status.state in ("ready", "failed") for status in found)
            if len(found) < len(documents) and not sweep_requested:
                # The event is late or lost, or the file was removed: the sweep finds out which.
                with self._rag.write_transaction() as connection:
                    jobs.request(connection, JobKind.SWEEP_CHANNEL, work.question.channel)
                sweep_requested = True
            if (settled and (len(found) == len(documents) or monotonic() > recorded_by)) or monotonic() > until:
                return found
            show(escape(messages.reading_documents(found)))
            work.check()
            if self._stop.wait(_POLL):
                raise Stopping

    # ------------------------------------------------------------ the answer

    def answer_text(self, work: AnswerTask, granted: Granted, statuses: Sequence[SourceStatus], remark: str) -> Reply:
        """Answer from the documents sent with the question; if that fails, from everything its readers may see."""
        scope = granted.scope
        watch = self._watch(scope)  # before the rewriting, which may take a while
        query, remark, before, names = self.rewrite_question(work, scope, remark)
        sent = frozenset(
            status.document for status in statuses if status.document is not None and status.state != "failed"
        )
        if sent:
            answer = self._ask(work, query, replace(scope, documents=sent), watch=watch)
            if not answer.abstained:
                return render.answer_reply(answer, remark).with_documents(before).with_names(names)
        answer = self._ask(work, query, scope, watch=watch)
        return render.answer_reply(answer, remark).with_documents(before).with_names(names)

    def rewrite_question(
        self, work: AnswerTask, scope: Scope, remark: str
    ) -> tuple[str, str, Collection[int], Sequence[UsedPage]]:
        """Rewrite a question so that it can be understood without its thread.

        Return (query, remark that also shows the rewritten question, documents and file names that its words may come
        from). The thread never changes the scope.
        """
        question = work.question
        history, documents, names = thread_history(self._client, self._rag, question, scope, self._me)
        if not history:
            return question.text, remark, (), ()
        with self._fair.acquire(key(work.claimed), work.check):
            query = self._rag.rewrite_question(question.text, history)
        if query == question.text:
            return query, remark, (), ()
        return query, join(remark, messages.rewritten_question(query)), documents, names

    def _ask(
        self, work: AnswerTask, query: str, scope: Scope, picture: Path | None = None, watch: _Watch | None = None
    ) -> Answer:
        """Return an answer, and show its text while it is written."""
        watch = watch or self._watch(scope)

        def show_if_allowed(text: str) -> None:
            if self._unchanged(work.question, watch):
                work.show(text)

        show = Throttle(show_if_allowed)
        pieces: list[str] = []

        def on_text(piece: str) -> None:
            work.check()
            pieces.append(piece)
            show(render.unfinished("".join(pieces)))

        generating = partial(self._fair.acquire, key(work.claimed), work.check)
        return self._rag.ask(query, scope, picture, on_text, generating)

    def _watch(self, scope: Scope) -> _Watch:
        return _Watch(scope, self._inside(scope), self._access.changes)

    def _inside(self, scope: Scope) -> frozenset[tuple[int, str]]:
        return frozenset((row.id, row.name) for row in self._rag.documents(scope))

    def _unchanged(self, question: Question, watch: _Watch) -> bool:
        """Return whether the text of an unfinished reply may be shown. It is not known yet which documents it comes
        from, so the scope must be the same as before and no document may be missing from it."""
        changes = self._access.changes
        if watch.changes != changes:
            if self.granted(question).scope.spaces != watch.scope.spaces:
                return False
            watch.changes = changes
        return watch.documents <= self._inside(watch.scope)

    def answer_picture(self, work: AnswerTask, file: str, granted: Granted, remark: str) -> Reply:
        """Return the page that a screenshot shows, or the answer to the question that was sent with it."""
        scope, question = granted.scope, work.question
        try:
            with self.download_picture(file) as path:
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
    def download_picture(self, file: str) -> Iterator[Path]:
        """Download a picture to a temporary file. Raise NotFound, or Unreadable if it is too large."""
        with self._rag.scratch() as name:
            raw = self._files.ready(file)
            path = Path(name) / f"picture.{slack_file(raw).ending}"
            self._files.download(raw, path)
            yield path


@dataclass
class _Watch:
    """The state of a scope when a reply was begun, to notice changes."""

    scope: Scope
    documents: frozenset[tuple[int, str]]
    """(document, name): a document keeps its number but loses a name when one of several shares is removed."""
    changes: int
    """`Access.changes` at that time."""


class Throttle:
    """Pass on the first text, then at most one every UPDATE_EVERY seconds, and no text twice in a row."""

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show = show
        self._last = ""
        self._next = monotonic()

    def __call__(self, text: str) -> None:
        if text != self._last and monotonic() >= self._next:
            self._last, self._next = text, monotonic() + UPDATE_EVERY
            self._show(text)


def join(*sentences: str) -> str:
    """Return the sentences that are not empty as one text."""
    return " ".join(sentence for sentence in sentences if sentence)
