"""What an engine reports about its work: times and counts, never text of people or files."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Literal, Protocol, TypeAlias

Stage: TypeAlias = Literal["screenshot", "rewrite", "search", "write", "check"]
"""A step of answering: read the words of a screenshot, have the model rewrite a follow-up question, search, have the
model write, check what it wrote."""

Step: TypeAlias = Literal["fetch", "read"]
"""A step of indexing a file: fetch its bytes, read its pages."""


class Observer(Protocol):
    """Observes an engine. Thread-safe. A stage is entered in the thread of the question."""

    def stage(self, name: Stage, /) -> AbstractContextManager[object]:
        """Return a context that is entered while a stage runs."""
        ...

    def generated(self, prompt_tokens: int, answer_tokens: int, /) -> None:
        """Record a text that a model wrote, in the model's own count; 0 for what it does not say."""
        ...

    def pages_read(self, count: int, /) -> None: ...

    def file_failed(self, step: Step, /) -> None:
        """Record that a file was given up at this step."""
        ...


class Unobserved:
    """Implements Observer without any effect."""

    def stage(self, _name: Stage, /) -> AbstractContextManager[object]:
        return nullcontext()

    def generated(self, _prompt_tokens: int, _answer_tokens: int, /) -> None: ...

    def pages_read(self, _count: int, /) -> None: ...

    def file_failed(self, _step: Step, /) -> None: ...
