"""One question, from its row to its reply: every step is stored before the next, so that a kill repeats none.

What is posted carries the question in its metadata; what is uploaded has its ids stored before it is shared. After
a restart the thread is read before anything is posted again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from time import monotonic, time
from typing import Any

from slack_sdk import WebClient

from bot.answers import render
from bot.answers.compose import Thinking, Work
from bot.answers.render import Reply
from bot.db import access_log, questions
from bot.db import uploads as uploading
from bot.db.questions import Asked, Cancellation
from bot.slack import message_metadata
from bot.slack.client import Refused, Stopping, Superseded, calling
from bot.slack.events import Question
from bot.slack.status_line import StatusLine
from bot.slack.uploads import Uploads
from rag import MagpieError, OperatorMustAct, Rag, allowed

log = logging.getLogger("magpie")

SEEN = "eyes"

_FRESH = 5.0
"""Seconds after which a question may have been answered by a run whose data is gone: the thread is read first."""

_THINK = 3
"""How often a reply is thought out, when what it was made of changes meanwhile."""

_CHECK = 0.3
"""Seconds between two looks whether a question is still to be answered."""


class Answering:
    """Answers questions of one workspace. Any thread may call it; `stop` ends its waits."""

    def __init__(
        self,
        client: WebClient,
        poster: WebClient,
        rag: Rag,
        thinking: Thinking,
        uploads: Uploads,
        me: str,
        stop: threading.Event,
    ) -> None:
        self._client = client
        self._poster = poster
        self._rag = rag
        self._thinking = thinking
        self._uploads = uploads
        self._status = StatusLine(client)
        self._me = me
        self._stop = stop

    def post_placeholder(self, asked: Asked, before: int) -> Asked:
        """The reaction, and the one message that becomes the answer; `before` questions go before it."""
        self._react(asked.question, "reactions_add")
        if asked.obsolete:
            self._forget_pictures(asked)
        looking = render.waiting(before - self._rag.settings.answer.at_once + 1)
        if asked.placeholder and not asked.reply:
            self._rewrite(asked, render.working_reply(looking))
        if asked.placeholder:
            return asked
        ts = self._posted(asked) or self._post(asked, render.working_reply(looking))
        self._note_placeholder(asked, ts)
        return replace(asked, placeholder=ts)

    def update_position(self, asked: Asked, before: int) -> None:
        """Say how far a question in the line is."""
        self._progress(asked, render.waiting(before - self._rag.settings.answer.at_once + 1))

    def answer(self, asked: Asked) -> None:
        """Take a claimed question to its end. Raises of our tree mean: not now, or not at all. Raise Superseded when it
        is to be answered no longer, or not as it was."""
        with self._thinking.turns.expected((asked.turn, asked.id)), self._status.shown(asked.question):
            asked, reply = self._cleared(asked)
            self._held(asked)
            self._rewrite(asked, reply)
            self._show(asked, reply)
            self._react(asked.question, "reactions_remove")

    def cancel(self, asked: Asked) -> None:
        """End what is to be answered no longer: nothing stays of it, or that it was stopped."""
        ts = asked.placeholder or self._posted(asked)
        self._status.clear(asked.question)  # who works on it may hear of this only when the model says a word
        try:
            if ts and asked.halt == Cancellation.DELETED:
                with calling():
                    self._client.chat_delete(channel=asked.question.channel, ts=ts)
            elif ts:
                self._rewrite(replace(asked, placeholder=ts), render.plain_reply(render.STOPPED))
                self._react(asked.question, "reactions_remove")
        except Refused as error:
            log.info("A question was let go, and its message is not there: %s", error)
        self._forget_pictures(replace(asked, obsolete=[*asked.obsolete, *(asked.uploads or ())]))

    def report_failure(self, asked: Asked) -> None:
        """Say that there will be no answer, where one is awaited."""
        self._rewrite(self.post_placeholder(asked, 0), render.plain_reply(render.BROKEN))
        self._react(asked.question, "reactions_remove")

    # ------------------------------------------------------------ the placeholder

    def _posted(self, asked: Asked) -> str | None:
        """The placeholder that an earlier run posted without living to note it."""
        # An empty placeholder says that one may stand there already, posted by a try that did not live to note it.
        tried = asked.placeholder is not None or asked.attempts > 0 or time() - asked.asked > _FRESH
        if not tried:
            return None
        question, cursor, wanted = asked.question, None, message_metadata.key(asked.question)
        within: dict[str, Any] = {"channel": question.channel, "oldest": question.ts, "include_all_metadata": True}
        while True:
            with calling():
                if question.thread:
                    found = self._client.conversations_replies(ts=question.thread, limit=200, cursor=cursor, **within)
                else:
                    found = self._client.conversations_history(limit=200, cursor=cursor, **within)
            for message in found["messages"]:
                if message.get("user") == self._me and message_metadata.question_of(message) == wanted:
                    return str(message["ts"])
            cursor = (found.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return None

    def _post(self, asked: Asked, reply: Reply) -> str:
        question = asked.question
        self._note_placeholder(asked, "")
        with calling():
            posted = self._poster.chat_postMessage(
                channel=question.channel,
                thread_ts=question.thread or None,
                text=reply.text,
                blocks=reply.blocks,
                metadata=message_metadata.answer_to(question),
                unfurl_links=False,
                unfurl_media=False,
                parse="none",
            )
        return str(posted["ts"])

    def _note_placeholder(self, asked: Asked, ts: str) -> None:
        with self._rag.writing() as connection:
            questions.note_placeholder(connection, asked, ts)

    def _react(self, question: Question, method: str) -> None:
        """A reaction is a courtesy: where it may not be, the answer goes on without."""
        if question.kind != "ask":  # there is no message at a press
            return
        try:
            with calling():
                getattr(self._client, method)(channel=question.channel, timestamp=question.ts, name=SEEN)
        except (Refused, OperatorMustAct) as error:
            if not (isinstance(error, Refused) and error.code in ("already_reacted", "no_reaction")):
                log.info("No reaction on a question: %s", error)

    # ------------------------------------------------------------ what may be shown

    def _cleared(self, asked: Asked) -> tuple[Asked, Reply]:
        """A reply that may be shown now. Between the search and this moment, which a slow model or a restart can make
        long, a source may have gone, or a reader come: then it is thought out anew."""
        for _ in range(_THINK):
            reply = Reply.restored(asked.reply) if asked.reply else self._think(asked)
            if self._may_show(asked, reply):
                return asked, reply
            log.info("A reply is thought out anew: what it was made of may be shown no longer.")
            with self._rag.writing() as connection:
                questions.discard_reply(connection, asked.id)
            asked = replace(asked, reply=None, uploads=None, sharing=None)
        return asked, render.plain_reply(render.CHANGING)

    def _think(self, asked: Asked) -> Reply:
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

        reply = self._thinking.reply(Work(asked, tell, check))
        stored = reply.stored()
        self._note(asked, reply=stored, used=stored["used"])
        return reply

    def _may_show(self, asked: Asked, reply: Reply) -> bool:
        """Whether everything a reply may be made of is in the scope of its readers now; if so, that is logged."""
        if not reply.documents:
            return True
        granted = self._thinking.granted(asked.question)
        with self._rag.writing() as connection:
            found = allowed(connection, reply.documents, granted.scope)
            if {one.document for one in found} != set(reply.documents):
                return False
            if not access_log.still_named(connection, reply.used, granted.scope):
                return False
            access_log.log_access(connection, asked.question, found, granted.why)
        return True

    def _held(self, asked: Asked) -> None:
        with self._rag.reading() as connection:
            if not questions.is_held(connection, asked):
                raise Superseded

    # ------------------------------------------------------------ the message

    def _progress(self, asked: Asked, text: str) -> None:
        """Progress is a courtesy: an update that fails is left out."""
        try:
            self._rewrite(asked, render.working_reply(text))
        except MagpieError as error:
            log.info("No progress shown: %s", error)

    def _rewrite(self, asked: Asked, reply: Reply) -> None:
        with calling():
            self._client.chat_update(
                channel=asked.question.channel,
                ts=str(asked.placeholder),
                text=reply.text,
                blocks=reply.blocks,
                parse="none",
            )

    # ------------------------------------------------------------ the pictures

    def _show(self, asked: Asked, reply: Reply) -> None:
        """All pictures in one message of the thread, exactly once."""
        pictures = [picture for picture in reply.pictures if Path(picture.path).is_file()]
        if not pictures:
            return
        uploads = asked.uploads
        if (
            asked.sharing is not None
            and uploads
            and self._uploads.are_shared(uploads[0], asked.question.channel, asked.sharing)
        ):
            self._note_shared(uploads)
            return
        if uploads is None:
            uploads = [self._uploads.send(picture, lambda file: self._note_upload(asked, file)) for picture in pictures]
            self._note(asked, uploads=list(uploads))
        if not self._may_show(asked, reply):  # a last time: the pictures come after the words
            return
        with self._rag.writing() as connection:
            of = {id: picture.document for id, picture in zip(uploads, pictures, strict=False)}
            access_log.put_evidence(connection, asked.question.channel, of)
        self._note(asked, sharing_since=time())
        # Where the answer stands under no message, its pictures go under the answer.
        under = asked.question.thread or str(asked.placeholder)
        self._uploads.share(uploads, pictures, asked.question.channel, under)
        self._note_shared(uploads)

    def _note_upload(self, asked: Asked, file: str) -> None:
        """From here on a picture that is never shared is deleted at Slack, whatever happens to the answer."""
        with self._rag.writing() as connection:
            uploading.put_upload(connection, asked, file)

    def _note_shared(self, uploads: Sequence[str]) -> None:
        with self._rag.writing() as connection:
            uploading.drop_uploads(connection, uploads)

    def _forget_pictures(self, asked: Asked) -> None:
        """Take out of Slack what an answer before showed."""
        for file in asked.obsolete:
            self._uploads.withdraw(file)
        with self._rag.writing() as connection:
            access_log.drop_evidence(connection, asked.obsolete)
            uploading.drop_uploads(connection, asked.obsolete)
            questions.note_reply(connection, asked, obsolete_uploads=None)

    def _note(self, asked: Asked, **known: Any) -> None:
        with self._rag.writing() as connection:
            if not questions.note_reply(connection, asked, **known):
                raise Superseded
