"""What the parts of the bot report to. One object is made for a bot and passed to all of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

from bot.telemetry.metrics import Metrics
from rag import Step


class Telemetry:
    """Implements rag.Observer for the engine, and the same for the bot. Thread-safe."""

    def __init__(self) -> None:
        self.metrics = Metrics()

    @contextmanager
    def stage(self, name: str, /) -> Iterator[None]:
        """Measure one stage of a question, whether it succeeds or not."""
        started = perf_counter()
        try:
            yield
        finally:
            self.metrics.stage_ended(name, perf_counter() - started)

    def generated(self, prompt_tokens: int, answer_tokens: int, /) -> None:
        self.metrics.tokens(prompt_tokens, answer_tokens)

    def pages_read(self, count: int, /) -> None:
        self.metrics.pages_read(count)

    def file_failed(self, step: Step, /) -> None:
        self.metrics.file_failed(step)
