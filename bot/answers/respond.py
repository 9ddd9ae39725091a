"""Answer one question in Slack. Every step is stored before the next one, so that a crash repeats none.

`posting` writes the message. The ids of uploads are stored before they are shared.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from time import monotonic, time
from typing import Any

from bot.answers import render
from bot.answers.compose import Composer
from bot.answers.fair_lock import FairLock, key
from bot.answers.followups import compose_reply
from bot.answers.posting import Posting
from bot.answers.render import Reply
from bot.answers.task import AnswerTask
from bot.db import access_log, evidence, jobs, reply_progress
from bot.db import uploads as uploading
from bot.db.jobs import JobKind
from bot.db.questions import Cancellation, ClaimedQuestion
from bot.slack.agent_sessions import AgentSessions
from bot.slack.blocks import context
from bot.slack.client import SlackClient
from bot.slack.errors import Refused, Stopping, Superseded
from bot.slack.messages import answer_texts, progress_texts
from bot.slack.uploads import Picture, Uploads
from bot.telemetry.telemetry import Telemetry
from rag import Heading, MagpieError, OperatorMustAct, Rag, Scope, TryAgain, documents_allowed

log = logging.getLogger("magpie")

_MAX_COMPOSED = 3
"""How often a reply is composed if the documents it uses change before it is shown."""

_PICTURE_DELAYS = 3
"""How often a question is delayed for its pictures. After that, its answer says that they are missing."""

MAX_TOPICS = 3
"""Buttons for what can be asked next."""

_CHECK = 0.3
"""Seconds between two checks whether a question was edited or canceled."""


class Responder:
    """Answer the questions of one workspace. Thread-safe; `stop` ends its waits."""

    def __init__(
        self,
        client: SlackClient,
        impatient: SlackClient,
        rag: Rag,
        composer: Composer,
        fair: FairLock,
        uploads: Uploads,
        sessions: AgentSessions,
        me: str,
        stop: threading.Event,
        telemetry: Telemetry,
        *,
        streams: bool = True,
        follow_ups: bool = True,
        carousel: bool = False,
    ) -> None:
        """`impatient`: the client for progress, which an answer does not wait for. `streams`: stream answers in direct
        messages. `follow_ups`: offer what can be asked next. `carousel`: show the pictures side by side in the answer,
        too."""
        self._follow_ups = follow_ups
        self._carousel = carousel
        self._rag = rag
        self._composer = composer
        self._fair = fair
        self._uploads = uploads
        self._sessions = sessions
        self._posting = Posting(client, impatient, rag, me, streams=streams)
        self._stop = stop
        self.telemetry = telemetry

    def post_placeholder(self, claimed: ClaimedQuestion, before: int) -> ClaimedQuestion:
        """Add the reaction and post the message that becomes the answer.

        `before`: the number of questions before it or being answered.
        """
        self._posting.add_reaction(claimed.question)
        if claimed.obsolete_uploads:
            self._delete_obsolete_pictures(claimed)
        return self._posting.post_placeholder(claimed, progress_texts.queue_position(self._fair.count_ahead(before)))

    def update_position(self, claimed: ClaimedQuestion, before: int) -> None:
        """Show how many questions are ahead of a queued one."""
        self._posting.show_progress(claimed, progress_texts.queue_position(self._fair.count_ahead(before)))

    def answer(self, claimed: ClaimedQuestion) -> None:
        """Answer a claimed question.

        Raise Superseded if it was stopped, deleted or edited since it was claimed, and a MagpieError if it cannot be
        answered now, or not at all.
        """
        with self._fair.expected(key(claimed)):
            with self._sessions.processing(claimed.question):
                claimed, reply = self._compose_showable(claimed)
                try:
                    self._check_current(claimed)
                except Superseded:
                    self._posting.withdraw_stream(claimed)  # its row, which names the stream, may be gone
                    raise
                claimed = self._posting.show(claimed, reply)
                self._store(claimed, shown=True)  # from now on, Stop does not take it back
            self._offer_topics(claimed, self._add_pictures(claimed, reply))
            self._posting.remove_reaction(claimed.question)
        seconds = self.telemetry.question_ended(claimed.asked_at, reply.outcome)
        self.telemetry.metrics.answered(seconds)
        log.info("A question was answered after %.1f s: %s.", seconds, reply.outcome.replace("_", " "))

    def cancel(self, claimed: ClaimedQuestion) -> None:
        """Clean up after a canceled question: delete its message, or replace it by a note that it was stopped."""
        self._sessions.end(claimed.question)  # its worker notices the cancellation only at the model's next word
        self._posting.withdraw(claimed, deleted=claimed.cancellation == Cancellation.DELETED)
        obsolete = [*claimed.obsolete_uploads, *(claimed.uploads or ())]
        self._delete_obsolete_pictures(replace(claimed, obsolete_uploads=obsolete))

    def report_failure(self, claimed: ClaimedQuestion, sentence: str) -> None:
        """Replace the placeholder by a sentence about why the question was not answered."""
        self._posting.show(self.post_placeholder(claimed, 0), render.plain_reply(sentence))
        self._posting.remove_reaction(claimed.question)

    def report_refusal(self, claimed: ClaimedQuestion) -> None:
        """Tell the asker in private that Slack accepts no message here."""
        self._posting.remove_reaction(claimed.question)
        self._posting.tell_refused(claimed.question)

    # ------------------------------------------------------------ what may be shown

    def _compose_showable(self, claimed: ClaimedQuestion) -> tuple[ClaimedQuestion, Reply]:
        """Return a reply that may be shown now.

        Since the search, a document may have been removed or a reader may have joined, because a slow model or a
        restart took time. The reply is then composed again.
        """
        for _ in range(_MAX_COMPOSED):
            if claimed.reply:
                reply = Reply.from_json(claimed.reply)
            else:
                claimed, reply = self._compose(claimed)
            if self._may_show(claimed, reply):
                return claimed, reply
            log.info("A reply is composed again: it uses documents that may no longer be shown.")
            with self._rag.write_transaction() as connection:
                reply_progress.discard_reply(connection, claimed.id)
            claimed = self._posting.withdraw_stream(claimed)
            claimed = replace(claimed, reply=None, uploads=None, sharing_since=None)
        return claimed, render.plain_reply(answer_texts.CHANGED_MEANWHILE)

    def _compose(self, claimed: ClaimedQuestion) -> tuple[ClaimedQuestion, Reply]:
        """Return a new reply, and the question with what was streamed of it."""
        checked_at = monotonic()

        def check() -> None:
            nonlocal checked_at
            if self._stop.is_set():
                raise Stopping
            if monotonic() - checked_at > _CHECK:
                checked_at = monotonic()
                self._check_current(claimed)

        def show(text: str) -> None:
            check()
            self._posting.show_progress(claimed, text)

        if claimed.stream is not None:  # of an attempt that ended too early
            claimed = self._posting.withdraw_stream(claimed)
        stream = self._posting.open_stream(claimed)
        try:
            reply = compose_reply(self._composer, AnswerTask(claimed, show, check, stream))
            stored = reply.to_json()
            self._store(claimed, reply=stored, used=stored["used"], outcome=reply.outcome)
        except BaseException:
            if stream is not None:
                stream.withdraw()
            raise
        if stream is None:
            return claimed, reply
        return (replace(claimed, stream=stream.ts) if stream.ts else self._posting.withdraw_stream(claimed)), reply

    def _may_show(self, claimed: ClaimedQuestion, reply: Reply) -> bool:
        """Return whether everything that a reply uses is in the scope of its readers now; if so, log the access.

        Raise TryAgain for a reply of an earlier attempt while a sweep looks for deletions whose events may be lost.
        """
        if not (reply.documents or reply.used):
            return True
        granted = self._composer.granted(claimed.question)
        with self._rag.write_transaction() as connection:
            found = documents_allowed(connection, reply.documents, granted.scope)
            if {row.document for row in found} != set(reply.documents):
                return False
            if not access_log.are_names_current(connection, reply.used, granted.scope):
                return False
            spaces = {"", claimed.question.channel, *(space for row in found for space in row.spaces)}
            if claimed.reply is not None and jobs.is_at_work(connection, (JobKind.SWEEP, *jobs.SWEEPS), spaces):
                raise TryAgain("An earlier reply waits until it is known what was deleted since it was composed.")
            access_log.log_access(connection, claimed.question, found, granted.why, granted.readers)
        return True

    def _check_current(self, claimed: ClaimedQuestion) -> None:
        """Raise Superseded if a question was edited, canceled or deleted since it was claimed."""
        with self._rag.read_transaction() as connection:
            if not reply_progress.is_current(connection, claimed):
                raise Superseded

    # ------------------------------------------------------------ what can be asked next

    def _offer_topics(self, claimed: ClaimedQuestion, reply: Reply) -> None:
        """Add buttons for what can be asked next. They are looked for when the answer is shown, which does not wait for
        them, and in what its readers may see then."""
        if not reply.cited_chunks:
            return
        try:
            scope = self._composer.granted(claimed.question).scope
            topics = self._suggest_topics(claimed, reply, scope)
            offered = render.with_offers(reply, topics, self._rag.settings.answer.other_models)
            # Alone, "more pages" is not worth another update of the message.
            if (topics or self._rag.settings.answer.other_models) and self._may_show(claimed, reply):
                self._check_current(claimed)
                self._posting.show_again(claimed, offered)
        except MagpieError as error:
            log.info("An answer has no follow-ups: %s", error)
        except (Superseded, Stopping):
            raise
        except Exception:  # a fault here must not replace the answer, which is shown already
            log.exception("An answer has no follow-ups.")

    def _suggest_topics(self, claimed: ClaimedQuestion, reply: Reply, scope: Scope) -> Sequence[Heading]:
        if not self._follow_ups:
            return ()
        return self._rag.suggest_topics(claimed.question.text, reply.cited_chunks, scope, MAX_TOPICS)

    # ------------------------------------------------------------ the pictures

    def _add_pictures(self, claimed: ClaimedQuestion, reply: Reply) -> Reply:
        """Share the pictures, or say below the answer that they are missing. Return the reply that is shown. Raise
        TryAgain a few times before."""
        try:
            shared = self._share_pictures(claimed, reply)
        except (MagpieError, OSError) as error:
            if isinstance(error, TryAgain) and claimed.delays < _PICTURE_DELAYS:
                raise
            log.warning("An answer has no pictures: %s %s", error, getattr(error, "hint", ""))
            note = answer_texts.PICTURES_MISSING
            noted = replace(reply, blocks=[*reply.blocks, context(note)], text=f"{reply.text}\n{note}")
            with suppress(Refused):  # the answer is shown already
                self._posting.show(claimed, noted)
            return noted
        try:
            return self._with_carousel(claimed, reply, shared) if self._carousel else reply
        except MagpieError as error:
            log.info("An answer has no carousel: %s", error)
            return reply

    def _share_pictures(self, claimed: ClaimedQuestion, reply: Reply) -> Mapping[str, Picture]:
        """Share all pictures in one message of the thread, exactly once. Return them by their ids in Slack."""
        pictures = [picture for picture in reply.pictures if Path(picture.path).is_file()]
        if not pictures:
            return {}
        uploads = claimed.uploads
        if (
            claimed.sharing_since is not None
            and uploads
            and self._uploads.are_shared(uploads[0], claimed.question.channel, claimed.sharing_since)
        ):
            self._drop_uploads(uploads)
            return dict(zip(uploads, pictures, strict=False))
        if uploads is None:
            uploads = [self._uploads.send(picture, lambda id: self._store_upload(claimed, id)) for picture in pictures]
            self._store(claimed, uploads=list(uploads))
        if not self._may_show(claimed, reply):  # uploading took time
            return {}
        with self._rag.write_transaction() as connection:
            documents = {id: picture.document for id, picture in zip(uploads, pictures, strict=False)}
            evidence.put_evidence(connection, claimed.question.channel, documents)
        self._store(claimed, sharing_since=time())
        # If the answer is not in a thread, the pictures go into the answer's own thread.
        thread = claimed.question.thread or str(claimed.placeholder)
        self._uploads.share(uploads, pictures, claimed.question.channel, thread)
        self._drop_uploads(uploads)
        return dict(zip(uploads, pictures, strict=False))

    def _with_carousel(self, claimed: ClaimedQuestion, reply: Reply, shared: Mapping[str, Picture]) -> Reply:
        """Show pictures that were shared in the thread side by side in the answer, too. Return the reply that is shown.

        The answer waits for nothing else then, and stays as it is if Slack does not accept the carousel.
        """
        channel, since = claimed.question.channel, time()
        if len(shared) < 2 or not all(self._uploads.are_shared(file, channel, since) for file in shared):
            return reply
        extended = render.with_carousel(reply, list(shared), list(shared.values()))
        if not self._may_show(claimed, reply):
            return reply
        self._check_current(claimed)
        return extended if self._posting.is_extended(claimed, extended) else reply

    def _store_upload(self, claimed: ClaimedQuestion, file: str) -> None:
        """Store an upload, so that a picture that is never shared is deleted from Slack even after a crash."""
        with self._rag.write_transaction() as connection:
            uploading.put_upload(connection, claimed, file)

    def _drop_uploads(self, uploads: Sequence[str]) -> None:
        with self._rag.write_transaction() as connection:
            uploading.drop_uploads(connection, uploads)

    def _delete_obsolete_pictures(self, claimed: ClaimedQuestion) -> None:
        """Delete the pictures of an earlier answer to this question from Slack."""
        for file in claimed.obsolete_uploads:
            try:
                self._uploads.withdraw(file)
            except (Refused, OperatorMustAct) as error:
                log.warning("A picture of an earlier answer stays in Slack: %s", error)
        with self._rag.write_transaction() as connection:
            evidence.drop_evidence(connection, claimed.obsolete_uploads)
            uploading.drop_uploads(connection, claimed.obsolete_uploads)
            reply_progress.store_reply(connection, claimed, obsolete_uploads=None)

    def _store(self, claimed: ClaimedQuestion, **known: Any) -> None:
        with self._rag.write_transaction() as connection:
            if not reply_progress.store_reply(connection, claimed, **known):
                raise Superseded
