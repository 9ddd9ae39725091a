"""Workers: threads that claim work, run it and store its outcome. All kinds of work share the rules for failures."""

from __future__ import annotations

import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from enum import Enum
from math import inf
from time import time
from typing import Generic, Protocol, TypeVar

from sqlalchemy import Connection

from bot.db import jobs
from bot.db.jobs import Job, JobKind
from bot.slack.errors import RateLimited, Refused, Stopping, Superseded
from bot.telemetry.telemetry import Telemetry
from rag import OperatorMustAct, Rag, RoundRobin, TryAgain

log = logging.getLogger("magpie")

MAX_ATTEMPTS = 5
"""Attempts that end with a fault or with the end of the process, after which work is given up."""

_SHORTEST_IDLE, _LONGEST_IDLE = 0.5, 30.0
"""Seconds between two queries for work when nothing wakes a worker. Every change of the catalog wakes all."""

_FIRST_DELAY, _LONGEST_DELAY = 1.0, 60.0


class Failure(Enum):
    """What an error means for the work that raised it."""

    SUPERSEDED = "superseded"
    """It was edited, canceled or deleted since it was claimed."""
    STOPPING = "shutting down"
    """Magpie is shutting down."""
    TRY_AGAIN = "not possible in time"
    """It may succeed later."""
    OPERATOR = "the operator must act"
    """It may succeed once the operator changed something."""
    REFUSED = "refused by Slack"
    """Slack will not do it, now or later."""
    FAULT = "an error in Magpie"
    """An error in Magpie."""


def classify(error: Exception) -> Failure:
    """Return what an error means for the work that raised it."""
    kinds = {
        Superseded: Failure.SUPERSEDED,
        Stopping: Failure.STOPPING,
        TryAgain: Failure.TRY_AGAIN,
        OperatorMustAct: Failure.OPERATOR,
        Refused: Failure.REFUSED,
    }
    return next((failure for kind, failure in kinds.items() if isinstance(error, kind)), Failure.FAULT)


def retry_delay(delays: int, longest: float = _LONGEST_DELAY) -> float:
    """Return the seconds to wait before the next try of work that was delayed this often."""
    return min(_FIRST_DELAY * 2.0 ** min(delays, 30), longest)


class WakeUp:
    """A notification that wakes every waiting thread."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._count = 0

    def notify(self) -> None:
        with self._condition:
            self._count += 1
            self._condition.notify_all()

    def wait(self, seen: int, seconds: float) -> int:
        """Wait at most `seconds` for a notification after number `seen`. Return the number of the last notification."""
        with self._condition:
            self._condition.wait_for(lambda: self._count != seen, seconds)
            return self._count


def seconds_until(due: float | None) -> float:
    """Return the seconds to wait for work that is due at this time, seconds since 1970; None: not known."""
    return _LONGEST_IDLE if due is None else min(max(due - time(), _SHORTEST_IDLE), _LONGEST_IDLE)


def run_loop(
    step: Callable[[], bool],
    wake_up: WakeUp,
    stop: threading.Event,
    idle_seconds: Callable[[], float] = lambda: _SHORTEST_IDLE,
) -> None:
    """Call `step` until `stop` is set. If it found no work, wait for a notification, at most `idle_seconds`."""
    seen = 0
    while not stop.is_set():
        if step():
            wake_up.notify()  # it may have made other work due
        else:
            seen = wake_up.wait(seen, idle_seconds())


class LoopTask(Protocol):
    """A claimed row. `attempts` counts claims that may have ended with a fault, `delays` counts retries in a row."""

    @property
    def attempts(self) -> int: ...
    @property
    def delays(self) -> int: ...
    @property
    def created(self) -> float: ...


W = TypeVar("W", bound=LoopTask)


class LoopWorker(ABC, Generic[W]):
    """Base of all workers. Several threads may call `step`."""

    max_age = inf
    """Age in seconds at which work that fails is given up."""
    max_delay = _LONGEST_DELAY
    final = frozenset({Failure.REFUSED})
    """Failures after which the work is given up at once."""
    log_level = logging.INFO

    def __init__(self, telemetry: Telemetry | None, clock: Callable[[], float]) -> None:
        """`clock` returns the time from which the age of work is computed, seconds since 1970."""
        self.telemetry = telemetry or Telemetry()
        self._clock = clock

    def step(self) -> bool:
        """Do one piece of work. Return False when there is none."""
        work = self.claim()
        if work is None:
            return False
        with self.marked(work):
            self._attempt(work)
        return True

    def _attempt(self, work: W) -> None:
        try:
            if work.attempts > MAX_ATTEMPTS:  # it may have crashed the process
                self.give_up(work, Failure.FAULT)
            else:
                self.run(work)
        except Exception as error:  # all errors of work are handled here
            failure, task = classify(error), self.describe(work)
            self.telemetry.metrics.failed(self.kind_of(work), failure.name.lower())
            if failure is Failure.FAULT:
                log.exception("Error in %s.", task)
            else:
                log.log(self.log_level, "Could not finish %s: %s %s", task, error, getattr(error, "hint", ""))
            self._fail(work, failure, error.seconds if isinstance(error, RateLimited) else 0.0)

    @abstractmethod
    def claim(self) -> W | None:
        """Claim the next piece of work."""

    @abstractmethod
    def idle_seconds(self) -> float:
        """Return how long to wait for a notification if there is no work. Does not write."""

    @abstractmethod
    def run(self, work: W) -> None:
        """Do the work and store that it is done."""

    @abstractmethod
    def retry(self, work: W, delay: float, *, counted: bool) -> None:
        """Make the work due again after `delay` seconds. `counted`: this attempt counts as a fault."""

    @abstractmethod
    def give_up(self, work: W, failure: Failure) -> None:
        """Store that the work has failed for good."""

    @abstractmethod
    def describe(self, work: W) -> str:
        """Return what the work is, for the log: ids only, no text of people or files."""

    @abstractmethod
    def kind_of(self, work: W) -> str:
        """Return what kind of work it is, for the metrics."""

    def marked(self, work: W) -> AbstractContextManager[object]:
        """Return a context that marks log lines and traces as those of this work."""
        del work
        return nullcontext()

    def postpone(self, work: W, delay: float) -> None:
        """Delay other work that would fail for the same reason, a rate limit or a missing permission."""

    def discard(self, work: W) -> None:
        """Clean up after work that was superseded."""
        self.give_up(work, Failure.SUPERSEDED)

    def _fail(self, work: W, failure: Failure, wait: float) -> None:
        """Give the work up, or make it due again. `wait`: the seconds that Slack asked to wait; no thread does."""
        if failure is Failure.SUPERSEDED:
            self.discard(work)
        elif failure is not Failure.STOPPING and self._is_final(work, failure):
            self.give_up(work, failure)
        else:
            delay = max(wait, retry_delay(work.delays, self.max_delay))
            self.retry(work, delay, counted=failure is Failure.FAULT)
            if wait or failure is Failure.OPERATOR:
                self.postpone(work, delay)

    def _is_final(self, work: W, failure: Failure) -> bool:
        is_last_attempt = failure is Failure.FAULT and work.attempts >= MAX_ATTEMPTS
        return is_last_attempt or failure in self.final or self._clock() - work.created > self.max_age


Handler = Callable[[Job], None]


class Refill(Protocol):
    """Jobs that become due without a notification."""

    def is_waiting(self) -> bool:
        """Return whether there are such jobs."""

    def release(self) -> bool:
        """Make jobs due. Return whether there were any."""


class Refills:
    """Several refills as one."""

    def __init__(self, *refills: Refill) -> None:
        self._refills = refills

    def is_waiting(self) -> bool:
        return any(refill.is_waiting() for refill in self._refills)

    def release(self) -> bool:
        released = [refill.release() for refill in self._refills]
        return any(released)


class JobWorker(LoopWorker[Job]):
    """Run the jobs that have a handler, taking turns between people."""

    def __init__(
        self,
        rag: Rag,
        handlers: Mapping[JobKind, Handler],
        *,
        max_age: float = inf,
        refill: Refill | None = None,
        together: bool = False,
        apologize: Callable[[Connection, Job], None] = lambda _connection, _job: None,
        telemetry: Telemetry | None = None,
    ) -> None:
        """`refill` is called if no job is due. `together`: if Slack refuses one job because of the app's permissions or
        of its rate limit, all other jobs of its kind are delayed too, because they would fail alike. `apologize` is
        called for a job that is given up."""
        super().__init__(telemetry, time)
        self.max_age = max_age
        self._rag = rag
        self._handlers = handlers
        self._refill = refill
        self._together = together
        self._apologize = apologize
        self._rounds = RoundRobin()

    def claim(self) -> Job | None:
        with self._rag.read_transaction() as connection:
            due = jobs.is_due(connection, self._handlers.keys())
        if not due and not (self._refill is not None and self._refill.release()):
            return None
        with self._rag.write_transaction() as connection:
            return jobs.claim(connection, self._handlers.keys(), self._rounds)

    def idle_seconds(self) -> float:
        with self._rag.read_transaction() as connection:
            due = jobs.next_due(connection, self._handlers.keys())
        return _SHORTEST_IDLE if self._refill is not None and self._refill.is_waiting() else seconds_until(due)

    def run(self, work: Job) -> None:
        self._handlers[work.kind](work)
        with self._rag.write_transaction() as connection:
            jobs.finish(connection, work)

    def retry(self, work: Job, delay: float, *, counted: bool) -> None:
        with self._rag.write_transaction() as connection:
            jobs.retry(connection, work, delay, counted=counted)

    def postpone(self, work: Job, delay: float) -> None:
        if self._together:
            with self._rag.write_transaction() as connection:
                jobs.postpone(connection, work.kind, time() + delay)

    def give_up(self, work: Job, failure: Failure) -> None:
        log.info("Dropping %s: %s.", self.describe(work), failure.value)
        with self._rag.write_transaction() as connection:
            self._apologize(connection, work)
            jobs.finish(connection, work)

    def describe(self, work: Job) -> str:
        return f"the job {work.kind} {work.channel or work.key}".strip()

    def kind_of(self, work: Job) -> str:
        return work.kind.name.lower()
