"""The files that a question needs: those sent with it, those of its thread, and waiting until they are read."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from time import monotonic, time
from typing import Any

from sqlalchemy import Connection

from bot.answers.task import AnswerTask, Throttle
from bot.answers.thread_context import is_in_thread
from bot.db import jobs, message_states
from bot.db.jobs import JobKind
from bot.db.questions import FOUND_AT, is_answered, seconds_of
from bot.slack.blocks import escape
from bot.slack.errors import Stopping
from bot.slack.events import IntakeRefusal, Question, Unusable
from bot.slack.file_objects import slack_file
from bot.slack.files import KIND, NotReady, SlackFiles, listings
from bot.slack.messages import answer_texts, command_texts, file_texts, progress_texts
from rag import (
    MagpieError,
    NotFound,
    Rag,
    Scope,
    ShareState,
    SourceStatus,
    StoredShare,
    TryAgain,
    list_shares,
    list_unread_files,
    source_statuses,
)

MAX_PICTURES = 5
"""Screenshots that one question may search with."""

_POLL = 0.5
"""Seconds between two checks of the documents that a question waits for."""

_VISIBLE_WITHIN = 20.0
"""Seconds after a question within which Slack lists its files in the conversation."""

_READY_WITHIN = 10.0
"""Seconds after a question within which Slack checks its files; then it is answered without them."""

_SHOWN_WITHIN = 60.0
"""Seconds after a question within which Slack says something about its files; then it is answered without them."""

_FOUND_WITHIN = 600.0
"""Seconds for which a question whose event was missed waits for the files that were found with it."""

_RECORDED_WITHIN = 5.0
"""Seconds to wait for the event or the sweep that records a file sent with a question, or the root of its thread."""

_DELIVERED_WITHIN = 600.0
"""Seconds within which Slack delivers the event of a message, also if it has to try again."""


@dataclass(frozen=True, slots=True)
class SentFiles:
    """The files sent with a question that are still shared there, by id, in order.

    `pictures` are part of the query, `documents` are read before it is answered. `problems`: sentences about those that
    cannot be used.
    """

    pictures: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


class QuestionFiles:
    """The files that the questions of one workspace need. Thread-safe; `stop` ends its waits."""

    def __init__(self, rag: Rag, files: SlackFiles, stop: threading.Event) -> None:
        self._rag = rag
        self._files = files
        self._stop = stop

    # ------------------------------------------------------------ files sent with it

    def sent_with(self, question: Question, asked_at: float) -> SentFiles:
        """Return the files sent with a question. Raise TryAgain while Slack still works on one of them.

        Their shares are recorded by events and the sweep, not here: a file may have been removed already.
        """
        pictures, documents, problems = list[str](), list[str](), list[str]()
        for id in question.files:
            try:
                raw = self.find(id, question.channel, visible_by=asked_at + _VISIBLE_WITHIN)
            except TryAgain as error:
                # Tried again later, so that no worker waits for it.
                if time() < asked_at + (_READY_WITHIN if isinstance(error, NotReady) else _SHOWN_WITHIN):
                    raise
                problems.append(answer_texts.FILES_NOT_READY)
                continue
            file = None if raw is None else slack_file(raw)
            if file is None or not file.readable:
                problems.append(self._problem(id))
            else:
                (pictures if file.picture else documents).append(id)
        return SentFiles(tuple(pictures), tuple(documents), tuple(dict.fromkeys(problems)))

    def find(self, id: str, channel: str, visible_by: float = 0.0) -> Mapping[str, Any] | None:
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

    def _problem(self, id: str) -> str:
        """Return why a file sent with a question cannot be used, without its name: it may be gone from there."""
        try:
            unusable = slack_file(self._files.info(id)).unusable
        except NotFound:
            unusable = None
        return command_texts.FILE_UNREACHABLE if unusable is None else file_texts.unused_file(unusable)

    def refusals(self, question: Question, sent: Sequence[str]) -> tuple[str, ...]:
        """Return sentences about those of the files sent with a question that were refused, once `wait` ended."""
        with self._rag.read_transaction() as connection:
            reasons = _refused(connection, question, sent).values()
        return tuple(dict.fromkeys(map(file_texts.unused_file, reasons)))

    # ------------------------------------------------------------ waiting

    def wait_for_sweep(self, question: Question) -> None:
        """Raise TryAgain while files are read that were found together with a question whose event was missed.

        These may be all that were shared in its conversation until it was found.
        """
        found_at = float(question.about.get(FOUND_AT) or 0.0)
        if time() > found_at + _FOUND_WITHIN:
            return
        with self._rag.read_transaction() as connection:
            unread = list_unread_files(connection, Scope.of(question.channel))
            is_sweeping = jobs.is_open(connection, jobs.SWEEPS, question.channel)
        if is_sweeping or any(file.shared_at <= found_at for file in unread):
            raise TryAgain("A question waits for the files that were found with it.")

    def wait_for_root(self, work: AnswerTask) -> None:
        """Wait until the root of a question's thread is recorded, whose event may be late or lost.

        Without it, a question in the thread of a file that was shared just before would be answered without the file.
        """
        channel, thread, ts = work.question.channel, work.question.thread, work.question.ts
        if not is_in_thread(work.question) or seconds_of(ts) - seconds_of(thread) > _DELIVERED_WITHIN:
            return
        with self._rag.read_transaction() as connection:
            if message_states.is_known(connection, channel, thread) or is_answered(connection, channel, thread, ts):
                return
        key = f"{thread}:"
        with self._rag.write_transaction() as connection:
            jobs.request(connection, JobKind.READ_MESSAGE, channel, key)
        until, is_read = monotonic() + _RECORDED_WITHIN, False
        while not is_read and monotonic() < until:
            self._pause(work)
            with self._rag.read_transaction() as connection:
                is_read = not jobs.is_open(connection, [JobKind.READ_MESSAGE], channel, key)

    def wait(self, work: AnswerTask, sent: Sequence[str], seconds: float) -> list[SourceStatus]:
        """Wait until documents shared in the question's conversation are read, and show progress.

        Those not recorded there yet are looked for by a sweep, and waited for less long; those that were refused are
        not waited for.
        """
        if not sent:
            return []
        until, show = monotonic() + seconds, Throttle(work.show)
        recorded_by = min(until, monotonic() + _RECORDED_WITHIN)
        sweep_requested = False
        while True:
            with self._rag.read_transaction() as connection:
                found = source_statuses(connection, KIND, sent, work.question.channel)
                refused = _refused(connection, work.question, sent)
            is_recorded = len({status.ref for status in found} | refused.keys()) == len(set(sent))
            if not is_recorded and not sweep_requested:
                # The event is late or lost, or the file was removed: the sweep finds out which.
                with self._rag.write_transaction() as connection:
                    jobs.request(connection, JobKind.SWEEP_CHANNEL, work.question.channel)
                sweep_requested = True
            is_recorded = is_recorded or monotonic() > recorded_by
            if (is_settled(found) and is_recorded) or monotonic() > until:
                return found
            show(escape(progress_texts.reading_documents(found)))
            self._pause(work)

    def wait_for_shares(self, work: AnswerTask, shares: Sequence[StoredShare], seconds: float) -> list[SourceStatus]:
        """Wait until files that messages share are read. Return the status of those that are not, or cannot be.

        Nothing about them is shown meanwhile: they may be shared elsewhere.
        """
        until = monotonic() + seconds
        while True:
            with self._rag.read_transaction() as connection:
                found = _statuses(connection, shares)
            if is_settled(found) or monotonic() > until:
                return [status for status in found if status.state != "ready"]
            self._pause(work)

    def _pause(self, work: AnswerTask) -> None:
        work.check()
        if self._stop.wait(_POLL):
            raise Stopping

    # ------------------------------------------------------------ the files of its thread

    def shares_of_thread(self, question: Question) -> list[StoredShare]:
        """Return what the other messages of a thread share to be indexed."""
        if not question.thread:
            return []
        with self._rag.read_transaction() as connection:
            states = [ShareState.SHARED]
            found = list_shares(connection, space=question.channel, thread=question.thread, states=states)
        return [share for share in found if share.message != question.ts]

    def problem_of_thread(self, question: Question) -> str:
        """Return why the files of a thread cannot be used, if it has such files; empty if it has none."""
        if not is_in_thread(question):
            return ""
        with self._rag.read_transaction() as connection:
            states = [ShareState.REFUSED]
            refused = list_shares(connection, KIND, space=question.channel, thread=question.thread, states=states)
        reasons = [_unused(share.reason) for share in refused]
        return next((file_texts.unused_file(reason) for reason in reasons if reason is not None), "")

    def pictures_of_thread(self, question: Question) -> tuple[str, ...]:
        """Return the pictures of a thread, by id, indexed or not: its root's, or those of the last reply before the
        question that has some."""
        if not is_in_thread(question):
            return ()
        with self._rag.read_transaction() as connection:
            states = (ShareState.SHARED, ShareState.LEFT_OUT)
            shares = list_shares(connection, KIND, space=question.channel, thread=question.thread, states=states)
        before = sorted((share for share in shares if share.message < question.ts), key=lambda share: share.message)
        by_message = [(ts, list(each)) for ts, each in groupby(before, key=lambda share: share.message)]
        for _, each in sorted(by_message, key=lambda one: (one[0] == question.thread, one[0]), reverse=True):
            pictures = [share.ref for share in each if self._is_picture(share.ref, question.channel)]
            if pictures:
                return tuple(dict.fromkeys(pictures))
        return ()

    def _is_picture(self, id: str, channel: str) -> bool:
        try:
            raw = self.find(id, channel)
        except MagpieError:  # Slack does not answer: the question is answered without it
            return False
        return raw is not None and slack_file(raw).picture


def is_settled(statuses: Sequence[SourceStatus]) -> bool:
    """Return whether all of these files are read, or cannot be, or can be searched while they are read."""
    return all(status.state in ("ready", "failed") or status.is_searchable for status in statuses)


def _refused(connection: Connection, question: Question, sent: Sequence[str]) -> dict[str, Unusable | IntakeRefusal]:
    """Return {file: why it is not indexed} of those files sent with a question that were refused and are not shared
    elsewhere in its conversation."""
    found: dict[str, Unusable | IntakeRefusal] = {}
    for share in list_shares(
        connection, KIND, space=question.channel, message=question.ts, states=[ShareState.REFUSED]
    ):
        reason = _unused(share.reason)
        is_shared = list_shares(connection, KIND, share.ref, space=question.channel)
        if share.ref in sent and reason is not None and not is_shared:
            found[share.ref] = reason
    return found


def _unused(reason: str) -> Unusable | IntakeRefusal | None:
    """Return the reason of a refused share as what is said about it."""
    if reason in set(Unusable):
        return Unusable(reason)
    return IntakeRefusal(reason) if reason in set(IntakeRefusal) else None


def _statuses(connection: Connection, shares: Sequence[StoredShare]) -> list[SourceStatus]:
    found: list[SourceStatus] = []
    for kind, space in sorted({(share.kind, share.space) for share in shares}):
        refs = list(dict.fromkeys(share.ref for share in shares if (share.kind, share.space) == (kind, space)))
        found += source_statuses(connection, kind, refs, space)
    return found
