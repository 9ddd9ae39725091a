"""What the parts of the bot report to. One object is made for a bot and passed to all of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter, time

from bot.telemetry.metrics import Metrics
from bot.telemetry.requests import working_on
from bot.telemetry.tracing import NoTracing, Tracing
from rag import Step


class Telemetry:
    """Implements rag.Observer for the engine, and the same for the bot. Thread-safe."""

    def __init__(self, tracing: Tracing | None = None) -> None:
        self.metrics = Metrics()
        self._tracing = tracing or NoTracing()

    @contextmanager
    def step(self, name: str, channel: str, ts: str) -> Iterator[None]:
        """Mark one attempt at a question: its log lines and its trace."""
        with working_on(channel, ts), self._tracing.step(name):
            yield

    @contextmanager
    def stage(self, name: str, /) -> Iterator[None]:
        """Measure one stage of a question, whether it succeeds or not."""
        started = perf_counter()
        try:
            with self._tracing.stage(name):
                yield
        finally:
            self.metrics.stage_ended(name, perf_counter() - started)

    def question_ended(self, asked_at: float, outcome: str) -> float:
        """Record the end of the question that this thread works on. Return its age in seconds."""
        now = time()
        self.metrics.question_ended(outcome)
        self._tracing.question_ended(asked_at, now, outcome)
        return max(0.0, now - asked_at)

    def generated(self, prompt_tokens: int, answer_tokens: int, /) -> None:
        self.metrics.tokens(prompt_tokens, answer_tokens)

    def pages_read(self, count: int, /) -> None:
        self.metrics.pages_read(count)

    def file_failed(self, step: Step, /) -> None:
        self.metrics.file_failed(step)

    def close(self) -> None:
        self._tracing.close()
