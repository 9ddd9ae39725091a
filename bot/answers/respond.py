"""Take one question from its row to its reply. Every step is stored before the next, so that a crash repeats none.

A posted message carries its question in its metadata; the ids of uploads are stored before they are shared. After a
restart the thread is read before anything is posted again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from time import monotonic, time
from typing import Any

from bot.answers import render
from bot.answers.compose import AnswerTask, Composer
from bot.answers.fair_lock import FairLock, key
from bot.answers.followups import compose_reply
from bot.answers.render import Reply
from bot.db import access_log, questions
from bot.db import uploads as uploading
from bot.db.questions import Cancellation, ClaimedQuestion
from bot.slack import message_metadata, messages
from bot.slack.client import Refused, SlackClient, Stopping, Superseded
from bot.slack.events import Question
from bot.slack.status_line import StatusLine
from bot.slack.uploads import Uploads
from rag import MagpieError, OperatorMustAct, Rag, documents_allowed

log = logging.getLogger("magpie")

SEEN = "eyes"
"""The reaction on a question that is being answered."""

_FRESH = 5.0
"""Seconds after which a question may have been answered by a run whose data is lost: the thread is read first."""

_MAX_COMPOSED = 3
"""How often a reply is composed when what it was made of changes meanwhile."""

_CHECK = 0.3
"""Seconds between two checks whether a question is still to be answered."""


class Responder:
    """Answers the questions of one workspace. Any thread may call it; `stop` ends its waits."""

    def __init__(
        self,
        client: SlackClient,
        rag: Rag,
        composer: Composer,
        fair: FairLock,
        uploads: Uploads,
        me: str,
        stop: threading.Event,
    ) -> None:
        self._client = client
        self._rag = rag
        self._composer = composer
        self._fair = fair
        self._uploads = uploads
        self._status = StatusLine(client)
        self._me = me
        self._stop = stop

    def post_placeholder(self, asked: ClaimedQuestion, before: int) -> ClaimedQuestion:
        """Add the reaction and post the one message that becomes the answer. `before` questions are before it."""
        self._mark(asked.question)
        if asked.obsolete_uploads:
            self._forget_pictures(asked)
        position = render.working_reply(messages.queue_position(self._fair.ahead(before)))
        if asked.placeholder and not asked.reply:
            self._rewrite(asked, position)
        if asked.placeholder:
            return asked
        ts = self._posted(asked) or self._post(asked, position)
        self._note_placeholder(asked, ts)
        return replace(asked, placeholder=ts)

    def update_position(self, asked: ClaimedQuestion, before: int) -> None:
        """Update how many questions are before a waiting one."""
        self._progress(asked, messages.queue_position(self._fair.ahead(before)))

    def answer(self, asked: ClaimedQuestion) -> None:
        """Answer a claimed question. Raise Superseded if it was stopped, deleted or changed meanwhile; errors of rag's
        tree mean that it cannot be answered now, or not at all."""
        with self._fair.expected(key(asked)), self._status.shown(asked.question):
            asked, reply = self._cleared(asked)
            self._held(asked)
            self._rewrite(asked, reply)
            self._show(asked, reply)
            self._unmark(asked.question)

    def cancel(self, asked: ClaimedQuestion) -> None:
        """End a question that was deleted or stopped: remove its message, or write there that it was stopped."""
        ts = asked.placeholder or self._posted(asked)
        self._status.clear(asked.question)  # its worker may notice only when the model writes the next word
        try:
            if ts and asked.cancellation == Cancellation.DELETED:
                self._client.delete_message(asked.question.channel, ts)
            elif ts:
                self._rewrite(replace(asked, placeholder=ts), render.plain_reply(messages.STOPPED))
                self._unmark(asked.question)
        except Refused as error:
            log.info("The message of a canceled question does not exist: %s", error)
        self._forget_pictures(replace(asked, obsolete_uploads=[*asked.obsolete_uploads, *(asked.uploads or ())]))

    def report_failure(self, asked: ClaimedQuestion) -> None:
        """Tell the person who asked that there will be no answer."""
        self._rewrite(self.post_placeholder(asked, 0), render.plain_reply(messages.FAILED))
        self._unmark(asked.question)

    # ------------------------------------------------------------ the placeholder

    def _posted(self, asked: ClaimedQuestion) -> str | None:
        """Return the placeholder that an earlier attempt posted and crashed before storing its ts."""
        # An empty placeholder means that a message may exist already: it is stored before the message is posted.
        tried = asked.placeholder is not None or asked.attempts > 0 or time() - asked.asked_at > _FRESH
        if not tried:
            return None
        question, wanted = asked.question, message_metadata.key(asked.question)
        if question.thread:
            posted = self._client.list_replies(question.channel, question.thread, oldest=question.ts)
        else:
            posted = self._client.list_history(question.channel, oldest=question.ts)
        for message in posted:
            if message.get("user") == self._me and message_metadata.question_of(message) == wanted:
                return str(message["ts"])
        return None

    def _post(self, asked: ClaimedQuestion, reply: Reply) -> str:
        question = asked.question
        self._note_placeholder(asked, "")
        return self._client.post_message(
            question.channel,
            reply.text,
            reply.blocks,
            thread=question.thread,
            metadata=message_metadata.answer_to(question),
        )

    def _note_placeholder(self, asked: ClaimedQuestion, ts: str) -> None:
        with self._rag.write_transaction() as connection:
            questions.store_placeholder(connection, asked, ts)

    def _mark(self, question: Question) -> None:
        self._react(question, self._client.add_reaction)

    def _unmark(self, question: Question) -> None:
        self._react(question, self._client.remove_reaction)

    def _react(self, question: Question, call: Callable[[str, str, str], None]) -> None:
        """Add or remove the reaction. If Slack refuses it, the question is answered without."""
        if question.kind != "ask":  # a button's question has no message
            return
        try:
            call(question.channel, question.ts, SEEN)
        except (Refused, OperatorMustAct) as error:
            log.info("No reaction on a question: %s", error)

    # ------------------------------------------------------------ what may be shown

    def _cleared(self, asked: ClaimedQuestion) -> tuple[ClaimedQuestion, Reply]:
        """Return a reply that may be shown now. Between the search and this moment, which a slow model or a restart can
        make long, a source may have gone or a reader joined: the reply is composed again then."""
        for _ in range(_MAX_COMPOSED):
            reply = Reply.restored(asked.reply) if asked.reply else self._compose(asked)
            if self._may_show(asked, reply):
                return asked, reply
            log.info("A reply is composed again: what it was made of may no longer be shown.")
            with self._rag.write_transaction() as connection:
                questions.discard_reply(connection, asked.id)
            asked = replace(asked, reply=None, uploads=None, sharing_since=None)
        return asked, render.plain_reply(messages.CHANGED_MEANWHILE)

    def _compose(self, asked: ClaimedQuestion) -> Reply:
        looked = monotonic()

        def check() -> None:
            nonlocal looked
            if self._stop.is_set():
                raise Stopping
            if monotonic() - looked > _CHECK:
                looked = monotonic()
                self._held(asked)

        def tell(text: str) -> None:
            check()
            self._progress(asked, text)
            self._status.renew(asked.question)

        reply = compose_reply(self._composer, AnswerTask(asked, tell, check))
        stored = reply.stored()
        self._note(asked, reply=stored, used=stored["used"])
        return reply

    def _may_show(self, asked: ClaimedQuestion, reply: Reply) -> bool:
        """Return whether all that a reply may be made of is in the scope of its readers now; if so, log the access."""
        if not reply.documents:
            return True
        granted = self._composer.granted(asked.question)
        with self._rag.write_transaction() as connection:
            found = documents_allowed(connection, reply.documents, granted.scope)
            if {one.document for one in found} != set(reply.documents):
                return False
            if not access_log.are_names_current(connection, reply.used, granted.scope):
                return False
            access_log.log_access(connection, asked.question, found, granted.why)
        return True

    def _held(self, asked: ClaimedQuestion) -> None:
        with self._rag.read_transaction() as connection:
            if not questions.is_current(connection, asked):
                raise Superseded

    # ------------------------------------------------------------ the message

    def _progress(self, asked: ClaimedQuestion, text: str) -> None:
        """Show progress; an update that fails is skipped."""
        try:
            self._rewrite(asked, render.working_reply(text))
        except MagpieError as error:
            log.info("Progress was not shown: %s", error)

    def _rewrite(self, asked: ClaimedQuestion, reply: Reply) -> None:
        self._client.update_message(asked.question.channel, str(asked.placeholder), reply.text, reply.blocks)

    # ------------------------------------------------------------ the pictures

    def _show(self, asked: ClaimedQuestion, reply: Reply) -> None:
        """Share all pictures in one message of the thread, exactly once."""
        pictures = [picture for picture in reply.pictures if Path(picture.path).is_file()]
        if not pictures:
            return
        uploads = asked.uploads
        if (
            asked.sharing_since is not None
            and uploads
            and self._uploads.are_shared(uploads[0], asked.question.channel, asked.sharing_since)
        ):
            self._note_shared(uploads)
            return
        if uploads is None:
            uploads = [self._uploads.send(picture, lambda file: self._note_upload(asked, file)) for picture in pictures]
            self._note(asked, uploads=list(uploads))
        if not self._may_show(asked, reply):  # once more: the pictures come after the words
            return
        with self._rag.write_transaction() as connection:
            of = {id: picture.document for id, picture in zip(uploads, pictures, strict=False)}
            access_log.put_evidence(connection, asked.question.channel, of)
        self._note(asked, sharing_since=time())
        # An answer that is not in a thread has its pictures in its own thread.
        under = asked.question.thread or str(asked.placeholder)
        self._uploads.share(uploads, pictures, asked.question.channel, under)
        self._note_shared(uploads)

    def _note_upload(self, asked: ClaimedQuestion, file: str) -> None:
        """Store an upload, so that a picture that is never shared is deleted at Slack even after a crash."""
        with self._rag.write_transaction() as connection:
            uploading.put_upload(connection, asked, file)

    def _note_shared(self, uploads: Sequence[str]) -> None:
        with self._rag.write_transaction() as connection:
            uploading.drop_uploads(connection, uploads)

    def _forget_pictures(self, asked: ClaimedQuestion) -> None:
        """Delete the pictures of an earlier answer to this question from Slack."""
        for file in asked.obsolete_uploads:
            self._uploads.withdraw(file)
        with self._rag.write_transaction() as connection:
            access_log.drop_evidence(connection, asked.obsolete_uploads)
            uploading.drop_uploads(connection, asked.obsolete_uploads)
            questions.store_reply(connection, asked, obsolete_uploads=None)

    def _note(self, asked: ClaimedQuestion, **known: Any) -> None:
        with self._rag.write_transaction() as connection:
            if not questions.store_reply(connection, asked, **known):
                raise Superseded
