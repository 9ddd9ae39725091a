"""The streamed message in which an answer in a direct message grows, beside its placeholder.

A stream begins when pages were found, because Slack ends it after five minutes. It gets only statements that were
checked. Whatever Slack refuses, the stream ends: its message is deleted, and the placeholder shows the progress, as in
channels. The complete answer replaces the text of the stream; `posting` does that.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from time import monotonic

from bot.slack.blocks import cut, stream_text
from bot.slack.client import SlackClient
from bot.slack.events import Question
from bot.slack.messages import progress_texts
from rag import AnswerStage, MagpieError

log = logging.getLogger("magpie")

ENDS_AFTER = 240.0
"""Seconds after which a stream is given up. Slack ends it after about 300."""

_APPEND_EVERY = 1.0
"""Seconds between two calls that append text. Slack accepts 100 a minute, of all streams."""

_MAX_TEXT = 11_000
"""Characters after which no more text is appended. The complete answer follows soon."""

_MAX_DETAILS = 250
"""Characters of the pages found. Slack's own limit is not documented."""

_STAGES = (AnswerStage.SEARCHING, AnswerStage.READING, AnswerStage.WRITING, AnswerStage.CHECKING)


class AnswerStream:
    """The stream of one answer. It belongs to the thread that answers the question.

    `store` is called before a message is created, with "", and with its ts afterwards, so that it is found after a
    crash. `withdraw` deletes what was created; it gets the ts if that is known.
    """

    def __init__(
        self,
        client: SlackClient,
        question: Question,
        store: Callable[[str], None],
        withdraw: Callable[[str | None], object],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        """`client` should be impatient: an answer does not wait for its stream."""
        self._client = client
        self._question = question
        self._store = store
        self._withdraw = withdraw
        self._clock = clock
        self._ts = ""
        self._text = ""
        self._stage = AnswerStage.SEARCHING
        self._started = 0.0
        self._append_from = 0.0
        self._is_over = False

    @property
    def is_on(self) -> bool:
        """Whether the stream shows the progress of the answer, or will."""
        return not self._is_over

    @property
    def ts(self) -> str | None:
        """The ts of its message; None if there is none, or not any more."""
        return self._ts if self._ts and not self._is_over else None

    def show(self, stage: AnswerStage, text: str, places: Sequence[str] = ()) -> None:
        """Show how far the answer is. `text`: all its statements that were checked, in Markdown. `places`: the pages
        that were found. Call it only while all of it may be shown."""
        if not text.startswith(self._text):  # another search began
            self.withdraw()
        elif self._ts and self._clock() > self._started + ENDS_AFTER:
            log.info("An answer takes longer than Slack streams: it goes on with updates.")
            self.withdraw()
        else:
            try:
                self._append(stage, text, places)
            except MagpieError as error:
                log.info("Could not stream an answer: %s", error)
                self.withdraw()

    def withdraw(self) -> None:
        """Delete what was streamed, and stream no more."""
        if not self._is_over:
            self._is_over = True
            self._withdraw(self._ts or None)

    def _append(self, stage: AnswerStage, text: str, places: Sequence[str]) -> None:
        chunks = [] if stage == self._stage else _tasks(stage)
        if not self._ts and chunks:  # the first task is that of the search
            chunks[0]["details"] = cut(stream_text(progress_texts.found_places(places)), _MAX_DETAILS)
        new = text[len(self._text) :] if len(text) <= _MAX_TEXT and self._clock() >= self._append_from else ""
        if new.strip():
            chunks.append({"type": "markdown_text", "text": stream_text(new)})
            self._text, self._append_from = text, self._clock() + _APPEND_EVERY
        if not chunks:
            return
        self._stage = stage
        if self._ts:
            self._client.append_stream(self._question.channel, self._ts, chunks)
            return
        self._store("")
        self._ts = self._client.start_stream(self._question.channel, self._question.thread, chunks)
        self._started = self._clock()
        self._store(self._ts)


def _tasks(stage: AnswerStage) -> list[dict[str, str]]:
    """Return the chunks that show a stage as in progress, and those before it as complete."""
    now = _STAGES.index(stage)
    return [
        {
            "type": "task_update",
            "id": one.value,
            "title": progress_texts.TASKS[one.value],
            "status": "in_progress" if number == now else "complete",
        }
        for number, one in enumerate(_STAGES[: now + 1])
    ]
