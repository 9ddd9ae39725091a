"""Write the message of one question in Slack. Where Slack refuses a message, the next form of it is tried.

In a direct message, the answer grows in a streamed message beside the placeholder, and takes its place in the end.

A posted message names its question in its metadata. After a restart, the conversation is searched for the message
before it is posted again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from time import monotonic, time

from bot.answers.render import Reply, plain_reply, working_reply
from bot.answers.streaming import AnswerStream
from bot.db import channel_settings, message_states, questions, reply_progress, streams
from bot.db.questions import ClaimedQuestion
from bot.slack import message_metadata
from bot.slack.blocks import NOTIFICATION, cut
from bot.slack.buttons import AGAIN
from bot.slack.client import SlackClient
from bot.slack.errors import RateLimited, Refused, ThreadGone
from bot.slack.events import Question, is_direct
from bot.slack.messages import answer_texts, progress_texts
from bot.slack.simple_blocks import has_new_blocks, simple_blocks
from rag import MagpieError, OperatorMustAct, Rag, TryAgain

log = logging.getLogger("magpie")

SEEN = "eyes"
"""The reaction on a question that is being answered."""

_FRESH = 5.0
"""Age in seconds above which a question may have been answered by an earlier process whose data was lost."""


class Posting:
    """The messages and reactions with which questions of one workspace are answered. Thread-safe."""

    def __init__(self, client: SlackClient, impatient: SlackClient, rag: Rag, me: str, *, streams: bool = True) -> None:
        """`impatient` shows progress: it repeats nothing. `streams`: answers in direct messages are streamed."""
        self._client = client
        self._impatient = impatient
        self._rag = rag
        self._me = me
        self._streams = streams
        self._progress_from = 0.0

    # ------------------------------------------------------------ the placeholder

    def post_placeholder(self, claimed: ClaimedQuestion, text: str) -> ClaimedQuestion:
        """Post the message that becomes the answer, unless it exists. Until the answer is composed, it shows `text`."""
        if claimed.placeholder and not claimed.reply:
            self.show_progress(claimed, text)
        if claimed.placeholder:
            return claimed
        ts = self.find_placeholder(claimed) or self._post(claimed, _working(claimed, text))
        return self._store(claimed, ts)

    def find_placeholder(self, claimed: ClaimedQuestion) -> str | None:
        """Return the ts of the last message that an earlier attempt posted but did not store, or None."""
        # An empty placeholder is stored before posting, so it means that a message may exist.
        may_exist = claimed.placeholder is not None or claimed.attempts > 0 or time() - claimed.asked_at > _FRESH
        if not may_exist:
            return None
        question, question_key = claimed.question, message_metadata.key(claimed.question)
        if question.thread:
            posted = self._client.list_replies(question.channel, question.thread, oldest=question.ts)
        else:
            posted = self._client.list_history(question.channel, oldest=question.ts)
        try:
            own = [message for message in posted if message.get("user") == self._me]
        except Refused as error:
            log.info("The messages after a question cannot be read: %s", error)
            return None
        found = [str(message["ts"]) for message in own if message_metadata.question_of(message) == question_key]
        return max(found, default=None)

    def _post(self, claimed: ClaimedQuestion, reply: Reply) -> str:
        question = claimed.question
        self._store(claimed, "")
        try:
            return self._client.post_message(
                question.channel,
                reply.text,
                reply.blocks,
                thread=question.thread,
                metadata=message_metadata.answer_to(question),
            )
        except ThreadGone:
            self._drop(claimed)
            raise

    def _drop(self, claimed: ClaimedQuestion) -> None:
        """Drop a question that was deleted with its thread."""
        with self._rag.write_transaction() as connection:
            message_states.put_deletion(connection, claimed.question.channel, claimed.question.ts)
            reply_progress.drop_question(connection, claimed)

    def _store(self, claimed: ClaimedQuestion, ts: str) -> ClaimedQuestion:
        with self._rag.write_transaction() as connection:
            reply_progress.store_placeholder(connection, claimed, ts)
        return replace(claimed, placeholder=ts)

    # ------------------------------------------------------------ the stream

    def open_stream(self, claimed: ClaimedQuestion) -> AnswerStream | None:
        """Return a stream for an answer; None where answers are not streamed: in channels, where Slack shows a stream
        to one person only."""
        if not self._streams or not is_direct(claimed.question.channel) or not claimed.question.thread:
            return None

        def store(ts: str) -> None:
            with self._rag.write_transaction() as connection:
                streams.store_stream(connection, claimed, ts)
            if ts:
                self.show_progress(claimed, progress_texts.STREAMING)

        def withdraw(ts: str | None) -> None:
            self.withdraw_stream(replace(claimed, stream=ts))

        return AnswerStream(self._impatient, claimed.question, store, withdraw)

    def withdraw_stream(self, claimed: ClaimedQuestion) -> ClaimedQuestion:
        """Delete what was streamed of an answer, if anything was. Return the question with what is left of it: if Slack
        cannot be reached now, that is deleted before the next step."""
        with self._rag.read_transaction() as connection:
            current = questions.find_claimed(connection, claimed.question.channel, claimed.question.ts)
        stream = claimed.stream if current is None else current.stream  # without a row, only the caller knows it
        if stream is None:
            return replace(claimed, stream=None)
        try:
            for ts in [stream] if stream else self._find_streams(claimed.question):
                self._erase(claimed.question.channel, ts)
        except MagpieError as error:
            log.info("A streamed message stays for now: %s", error)
            return replace(claimed, stream=stream)
        with self._rag.write_transaction() as connection:
            streams.store_stream(connection, claimed, None)
        return replace(claimed, stream=None)

    def _erase(self, channel: str, ts: str) -> None:
        """Delete a streamed message; where Slack refuses that, replace its text, which may not be shown any more."""
        self._stop(self._impatient, channel, ts)
        try:
            self._impatient.delete_message(channel, ts)
        except Refused as error:
            log.info("A streamed message cannot be deleted: %s", error)
            with _ignoring_refusal("A streamed message cannot be replaced"):
                self._impatient.update_message(channel, ts, progress_texts.WITHDRAWN, [])

    def _find_streams(self, question: Question) -> list[str]:
        """Return the streamed messages of a thread that no question knows: a process ended before it stored one."""
        posted = self._impatient.list_replies(question.channel, question.thread, oldest=question.ts)
        own = [message for message in posted if message.get("user") == self._me and not message.get("files")]
        unnamed = [str(message["ts"]) for message in own if not message_metadata.question_of(message)]
        with self._rag.read_transaction() as connection:
            return [ts for ts in unnamed if not streams.is_answer(connection, question.channel, ts)]

    def _finish_stream(self, claimed: ClaimedQuestion) -> ClaimedQuestion:
        """Return the question with its streamed message, whose stream ends, in place of the placeholder."""
        self._stop(self._client, claimed.question.channel, str(claimed.stream))
        with self._rag.write_transaction() as connection:
            streams.finish_stream(connection, claimed, str(claimed.stream))
        self._delete(claimed)
        return replace(claimed, placeholder=claimed.stream, stream=None)

    def _stop(self, client: SlackClient, channel: str, ts: str) -> None:
        with _ignoring_refusal("A stream has ended before"):
            client.stop_stream(channel, ts)

    # ------------------------------------------------------------ its text

    def show_progress(self, claimed: ClaimedQuestion, text: str) -> None:
        """Show progress. A failed update is skipped, and so are all updates while Slack asks to wait."""
        if monotonic() < self._progress_from:
            return
        try:
            self._update(self._impatient, claimed, _working(claimed, text))
        except RateLimited as error:
            self._progress_from = monotonic() + error.seconds
        except MagpieError as error:
            log.info("Could not show progress: %s", error)

    def show(self, claimed: ClaimedQuestion, reply: Reply) -> ClaimedQuestion:
        """Show a reply in the question's message, else in a new message; each in simpler forms if Slack refuses it.

        Return the question with the message that shows it. Raise Refused if Slack accepts none of them.
        """
        if claimed.stream:
            claimed = self._finish_stream(claimed)
        *forms, plain = _forms(reply)
        if claimed.placeholder and any(self._is_updated(claimed, form) for form in (*forms, plain)):
            return claimed
        for form in forms:
            try:
                ts = self._post(claimed, form)
                break
            except Refused as error:
                log.info("An answer cannot be posted with its blocks: %s", error)
        else:
            ts = self._post(claimed, plain)
        if claimed.placeholder:
            self._delete(claimed)
        return self._store(claimed, ts)

    def show_again(self, claimed: ClaimedQuestion, reply: Reply) -> None:
        """Show a reply, which adds to the one that is shown, in the question's message, if Slack accepts that."""
        forms = _forms(reply)[:-1]
        any(self._is_updated(claimed, form) for form in forms)

    def is_extended(self, claimed: ClaimedQuestion, reply: Reply) -> bool:
        """Show a reply, which adds to the one that is shown. Return False if Slack refuses what was added."""
        return self._is_updated(claimed, reply)

    def _update(self, client: SlackClient, claimed: ClaimedQuestion, reply: Reply) -> None:
        metadata = message_metadata.answer_to(claimed.question)  # a streamed message has none
        client.update_message(
            claimed.question.channel, str(claimed.placeholder), reply.text, reply.blocks, metadata=metadata
        )

    def _is_updated(self, claimed: ClaimedQuestion, reply: Reply) -> bool:
        """Show a reply in the question's message. Return False if Slack refuses it."""
        try:
            self._update(self._client, claimed, reply)
        except Refused as error:
            log.info("The message of a question cannot be updated: %s", error)
            return False
        return True

    def _delete(self, claimed: ClaimedQuestion) -> None:
        with _ignoring_refusal("The message of a question cannot be deleted"):
            self._client.delete_message(claimed.question.channel, str(claimed.placeholder))

    def withdraw(self, claimed: ClaimedQuestion, *, deleted: bool) -> None:
        """Replace the message of a canceled question by a note, or delete it if the question was `deleted`."""
        if self.withdraw_stream(claimed).stream is not None:
            raise TryAgain("Slack could not delete what was streamed of a canceled answer.")
        ts = claimed.placeholder or self.find_placeholder(claimed)
        if not ts:
            return
        found = replace(claimed, placeholder=ts)
        if deleted:
            self._delete(found)
            return
        self._is_updated(found, plain_reply(progress_texts.STOPPED))
        self.remove_reaction(claimed.question)

    # ------------------------------------------------------------ reactions and private messages

    def add_reaction(self, question: Question) -> None:
        """Add the reaction. If that fails, the question is answered without one."""
        if question.kind != "ask":  # a button press has no message to react to
            return
        with self._rag.read_transaction() as connection:
            if channel_settings.find(connection, question.channel).quiet:
                return
        try:
            self._impatient.add_reaction(question.channel, question.ts, SEEN)
        except MagpieError as error:
            log.info("No reaction on a question: %s", error)

    def remove_reaction(self, question: Question) -> None:
        """Remove the reaction, unless Slack refuses it. Raise TryAgain if it may be removed later."""
        if question.kind != "ask":
            return
        try:
            self._client.remove_reaction(question.channel, question.ts, SEEN)
        except (Refused, OperatorMustAct) as error:
            log.info("The reaction on a question stays: %s", error)

    def tell_refused(self, question: Question) -> None:
        """Tell the asker, in private, that Magpie may not post in the conversation."""
        reply = plain_reply(answer_texts.CANNOT_POST)
        try:
            self._client.post_ephemeral(
                question.channel, question.user, reply.text, reply.blocks, thread=question.thread
            )
        except (Refused, OperatorMustAct) as error:
            log.info("The asker gets a direct message instead: %s", error)
            try:
                direct = self._client.open_direct_message(question.user)
                self._client.post_message(direct, reply.text, reply.blocks)
            except (Refused, OperatorMustAct) as final:
                log.warning("The asker gets no message about a refused answer: %s", final)


def _forms(reply: Reply) -> list[Reply]:
    """Return a reply as it is, without blocks that Slack may not know, and without any."""
    simple = [replace(reply, blocks=simple_blocks(reply.blocks))] if has_new_blocks(reply.blocks) else []
    return [reply, *simple, replace(reply, text=cut(reply.text, NOTIFICATION), blocks=[])]


def _working(claimed: ClaimedQuestion, text: str) -> Reply:
    """Return progress. A question that is asked again later mentions its asker: Slack notifies only of new messages."""
    return working_reply(text, claimed.question.user if claimed.question.kind == AGAIN else "")


@contextmanager
def _ignoring_refusal(said: str) -> Iterator[None]:
    """Log a refusal of Slack instead of raising it."""
    try:
        yield
    except Refused as error:
        log.info("%s: %s", said, error)
