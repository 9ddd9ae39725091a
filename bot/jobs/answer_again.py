"""Answer a question again when the files are read that were not read when it was asked."""

from __future__ import annotations

import logging
from time import time

from bot.access.policy import Access
from bot.answers import button_requests
from bot.answers.button_requests import Answered
from bot.answers.unread_files import Unread
from bot.db import answer_again, jobs, questions
from bot.db.jobs import Job
from bot.slack import buttons
from bot.slack.blocks import context, escape
from bot.slack.client import SlackClient
from bot.slack.errors import Refused
from bot.slack.messages import answer_texts
from rag import Rag, has_unread

log = logging.getLogger("magpie")


class AnswerAgain:
    """Handler of the job AGAIN. Which files are read and what the answer may use is decided when it runs."""

    def __init__(self, client: SlackClient, rag: Rag, access: Access) -> None:
        self._client = client
        self._rag = rag
        self._access = access

    def is_waiting(self) -> bool:
        """Return whether any question waits for files."""
        with self._rag.read_transaction() as connection:
            return bool(answer_again.list_held(connection))

    def release(self) -> bool:
        """Make the jobs due whose files are read, or that waited long enough. Return whether there were any."""
        with self._rag.read_transaction() as connection:
            due = [
                held.id
                for held, latest in answer_again.list_held(connection)
                if latest <= time() or not has_unread(connection, [(kind, ref) for kind, ref in held.payload["files"]])
            ]
        if due:
            with self._rag.write_transaction() as connection:
                jobs.release(connection, due)
        return bool(due)

    def handle(self, job: Job) -> None:
        """Wait for the files that are not read yet, once; then ask the question again."""
        with self._rag.read_transaction() as connection:
            asked = questions.find_question(connection, job.channel, job.key)
            about = None if asked is None else button_requests.answered_at(connection, asked)
        if about is None:
            return
        unread = None if "files" in job.payload else self._unread(about)
        if unread is not None and unread.files:
            self._say(about, answer_texts.will_answer_again(unread.names, unread.others))
            with self._rag.write_transaction() as connection:
                answer_again.hold(connection, job, [(file.kind, file.ref) for file in unread.files])
            return
        again = button_requests.press(buttons.AGAIN, about, about.question.user, str(job.payload["press"]))
        with self._rag.write_transaction() as connection:
            if answer_again.is_claimed(connection, job):
                questions.put_question(connection, again, asked_at=time())

    def _unread(self, about: Answered) -> Unread:
        granted = self._access.granted(about.question.channel, about.question.user)
        return Unread.of(self._rag, granted.scope)

    def _say(self, about: Answered, text: str) -> None:
        """Replace the files and the button of an answer by a sentence. One that is gone is left alone."""
        channel, ts = about.question.channel, about.placeholder
        try:
            found = self._client.find_message(channel, ts, about.question.thread)
            blocks = [] if found is None else list(found.get("blocks") or ())
            if found is not None and any(block.get("block_id") == buttons.AGAIN_BLOCK for block in blocks):
                note = {**context(escape(text)), "block_id": buttons.AGAIN_BLOCK}
                kept = [block for block in blocks if block.get("block_id") != buttons.UNREAD_BLOCK]
                changed = [note if block.get("block_id") == buttons.AGAIN_BLOCK else block for block in kept]
                self._client.update_message(channel, ts, str(found.get("text", "")), changed)
        except Refused as error:
            log.info("An answer does not say that it waits for files: %s", error)
