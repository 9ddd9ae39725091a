"""A fake reranker that counts words, and can be slow or fail."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import Event

from rag.errors import MagpieError


def word_overlap(question: str, passages: Sequence[str]) -> list[float]:
    """Return for each passage the share of the question's words that it has."""
    asked = _words(question)
    return [len(asked & _words(passage)) / max(1, len(asked)) for passage in passages]


def _words(text: str) -> set[str]:
    return {word.strip(".,?!").lower() for word in text.split()}


@dataclass
class FakeReranker:
    """Satisfies Reranker. `gate`: scores come once it is set. `failure` is raised instead of them."""

    scoring: Callable[[str, Sequence[str]], list[float]] = word_overlap
    gives_probabilities: bool = True
    gate: Event | None = None
    failure: MagpieError | None = None
    cannot_open: MagpieError | None = None
    calls: list[tuple[str, list[str]]] = field(default_factory=list)

    def open(self) -> None:
        if self.cannot_open is not None:
            raise self.cannot_open

    def score(self, question: str, passages: Sequence[str]) -> list[float]:
        self.calls.append((question, list(passages)))
        if self.gate is not None:
            self.gate.wait(30)
        if self.failure is not None:
            raise self.failure
        return self.scoring(question, passages)

    def close(self) -> None:
        if self.gate is not None:
            self.gate.set()
