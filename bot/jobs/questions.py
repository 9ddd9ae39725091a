"""Workers for the two steps of a question: post its placeholder and queue it, then answer it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from time import monotonic, time

from bot.answers.fair_lock import FairLock
from bot.answers.respond import Responder
from bot.db import question_queue, questions, reply_progress
from bot.db.questions import Cancellation, ClaimedQuestion, QuestionState
from bot.jobs.worker import Failure, LoopWorker, retry_delay, seconds_until
from bot.slack.errors import RateLimited, Refused
from bot.slack.messages import answer_texts
from rag import MagpieError, Rag

log = logging.getLogger("magpie")

_POSITION_EVERY = 5.0
"""Seconds between two updates of one question's position in the queue."""


_REPORT_WITHIN = 24 * 3600.0
"""Seconds after a question was given up within which its asker can still get a note."""


class _QuestionWorker(LoopWorker[ClaimedQuestion]):
    """Error handling for both steps."""

    max_age = 24 * 3600.0
    final = frozenset({Failure.REFUSED, Failure.OPERATOR})
    log_level = logging.WARNING
    claim_counts = 0
    """Number of attempts that one claim counts as."""
    step_name = "placeholder"
    """The name of an attempt in traces."""

    def __init__(self, rag: Rag, responder: Responder, clock: Callable[[], float]) -> None:
        super().__init__(responder.telemetry, clock)
        self._rag = rag
        self._responder = responder

    def retry(self, work: ClaimedQuestion, delay: float, *, counted: bool) -> None:
        attempts = work.attempts - self.claim_counts + counted
        with self._rag.write_transaction() as connection:
            reply_progress.delay_question(connection, work, delay, attempts=attempts)

    def give_up(self, work: ClaimedQuestion, failure: Failure) -> None:
        """End a question as failed after a note to its asker. If that fails, it is tried again later, for a day."""
        try:
            self._report(work, failure)
        except Exception as error:  # tried again, so that no question ends without a reply
            if self._clock() - work.created < self.max_age + _REPORT_WITHIN:
                log.exception("Could not say that a question failed, trying again later.")
                wait = error.seconds if isinstance(error, RateLimited) else 0.0
                self.retry(work, max(wait, retry_delay(work.delays, self.max_delay)), counted=False)
                return
            log.exception("Could not say that a question failed.")
        self.telemetry.question_ended(work.asked_at, "refused" if failure is Failure.REFUSED else "failed")
        self._end(work, QuestionState.FAILED)

    def _report(self, work: ClaimedQuestion, failure: Failure) -> None:
        if failure is not Failure.REFUSED:
            sentence = answer_texts.GAVE_UP if failure is Failure.TRY_AGAIN else answer_texts.FAILED
            try:
                self._responder.report_failure(work, sentence)
            except Refused as error:
                log.warning("Could not post the failure notice: %s", error)
            else:
                return
        self._responder.report_refusal(work)

    def discard(self, work: ClaimedQuestion) -> None:
        """Delete the placeholder of a question whose row was deleted; write again that a stopped one was stopped.

        A progress update that was on its way when the person pressed Stop may have replaced that text.
        """
        with self._rag.read_transaction() as connection:
            current = questions.find_claimed(connection, work.question.channel, work.question.ts)
        if current is None:
            current = replace(work, cancellation=Cancellation.DELETED)
        elif current.cancellation != Cancellation.STOPPED:
            return
        try:
            self._responder.cancel(current)
        except MagpieError as error:
            log.warning("Could not update the message of a canceled question: %s", error)

    def idle_seconds(self) -> float:
        with self._rag.read_transaction() as connection:
            return seconds_until(question_queue.next_due(connection))

    def describe(self, work: ClaimedQuestion) -> str:
        return f"a question in {work.question.channel}"

    def kind_of(self, work: ClaimedQuestion) -> str:
        del work
        return "question"

    def marked(self, work: ClaimedQuestion) -> AbstractContextManager[object]:
        return self.telemetry.step(self.step_name, work.question.channel, work.question.ts)

    def _end(self, claimed: ClaimedQuestion, state: QuestionState) -> None:
        with self._rag.write_transaction() as connection:
            reply_progress.end_question(connection, claimed, state)


class PlaceholderWorker(_QuestionWorker):
    """Post placeholders, clean up canceled questions and keep the shown queue positions current."""

    def __init__(
        self, rag: Rag, responder: Responder, wake: Callable[[], None], clock: Callable[[], float] = time
    ) -> None:
        """`wake` is called when a question is queued."""
        super().__init__(rag, responder, clock)
        self._wake = wake
        self._lock = threading.Lock()
        self._shown: dict[int, tuple[int, float]] = {}
        """Question id -> (position shown last, time of showing it)."""

    def claim(self) -> ClaimedQuestion | None:
        with self._rag.read_transaction() as connection:
            due = question_queue.is_new_due(connection)
        if due:
            with self._rag.write_transaction() as connection:
                if claimed := question_queue.claim_new(connection):
                    return claimed
        return self._claim_moved()

    def run(self, work: ClaimedQuestion) -> None:
        if work.cancellation:
            self._responder.cancel(work)
            self._drop(work)
            return
        with self._rag.read_transaction() as connection:
            before = question_queue.count_before(connection, work)
        with self._lock:
            self._shown[work.id] = (before, monotonic())
        if work.state is QuestionState.UPDATING:
            self._responder.update_position(work, before)
        else:
            self._responder.post_placeholder(work, before)
        with self._rag.write_transaction() as connection:
            question_queue.enqueue(connection, work)
        self._wake()

    def _claim_moved(self) -> ClaimedQuestion | None:
        """Claim a queued question whose position changed."""
        with self._rag.read_transaction() as connection:
            queued = question_queue.queued(connection)
        with self._lock:  # several threads call this
            self._shown = {id: self._shown.get(id, (-1, 0.0)) for id, _ in queued}
            late = monotonic() - _POSITION_EVERY
            moved = [id for id, before in queued if self._shown[id][0] != before and self._shown[id][1] <= late]
        for id in moved:
            with self._rag.write_transaction() as connection:
                if claimed := question_queue.claim_for_position(connection, id):
                    return claimed
        return None

    def _drop(self, claimed: ClaimedQuestion) -> None:
        """Drop a canceled question. Keep its row while its message exists: otherwise the sweep would record the message
        again as a missed question."""
        self.telemetry.question_ended(claimed.asked_at, "canceled")
        if claimed.cancellation == Cancellation.DELETED:
            with self._rag.write_transaction() as connection:
                reply_progress.drop_question(connection, claimed)
        else:
            self._end(claimed, QuestionState.DONE)


class AnswerWorker(_QuestionWorker):
    """Answer queued questions."""

    claim_counts = 1
    step_name = "answer"

    def __init__(self, rag: Rag, responder: Responder, fair: FairLock, clock: Callable[[], float] = time) -> None:
        super().__init__(rag, responder, clock)
        self._fair = fair

    def claim(self) -> ClaimedQuestion | None:
        with self._rag.read_transaction() as connection:
            due = question_queue.is_queued(connection)
        if not due:
            return None
        with self._rag.write_transaction() as connection:
            return self._fair.claim(connection)

    def run(self, work: ClaimedQuestion) -> None:
        self._responder.answer(work)
        self._end(work, QuestionState.DONE)
