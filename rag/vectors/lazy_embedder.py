"""An embedder that is opened when it is first needed, and tried again after a failure."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Generic, TypeVar

from rag.errors import EmbedderFailed, MagpieError, OperatorMustAct, TryAgain
from rag.ports import Embedder, Offloadable, PageEmbedder, TextEmbedder
from rag.vectors.priority_thread import PriorityThread, Urgency

_E = TypeVar("_E", Embedder, TextEmbedder, PageEmbedder)
_T = TypeVar("_T")

RETRY_DELAY = 30.0
"""Seconds before an embedder that failed, or whose server is down, is tried again."""


class LazyEmbedder(Generic[_E]):
    """An embedder in the thread that owns the models.

    `off` says why it is unavailable, or is empty; `fix` says how to make it available.
    """

    def __init__(self, thread: PriorityThread, open_embedder: Callable[[], _E], retry_delay: float = 0.0) -> None:
        """`retry_delay`: seconds between two attempts to open the embedder; 0 when an attempt costs nothing."""
        self._thread = thread
        self._open_embedder: Callable[[], _E] = open_embedder
        self._retry_delay = retry_delay
        self._embedder: _E | None = None
        self._identity: str | None = None
        self._next_try = float("-inf")
        self.off = self.fix = ""

    @property
    def known_identity(self) -> str | None:
        """Return the embedder's identity, or None while it is unavailable or not open. Does not open it."""
        return self._identity

    def identity(self, *, at_once: bool = False) -> str | None:
        """Open the embedder if necessary and return its identity, or None with `off` set.

        After a failure, try again once the retry delay is over, or immediately with `at_once`.
        """
        if self._identity is None and (at_once or monotonic() >= self._next_try):
            self._thread.run(Urgency.QUESTION, self._open)
        return self._identity

    def _open(self) -> None:
        try:
            self._embedder = self._embedder or self._open_embedder()
            self._identity = self._embedder.identity
            self.off = ""
        except (OperatorMustAct, TryAgain) as error:
            self.turn_off(error, self._retry_delay)

    def turn_off(self, error: MagpieError, retry_delay: float = RETRY_DELAY) -> None:
        """Make the embedder unavailable for `retry_delay` seconds because of this error."""
        self._identity, self._next_try = None, monotonic() + retry_delay
        self.off, self.fix = str(error).rstrip("."), error.hint

    def require(self) -> _E:
        """Return the opened embedder. Raise EmbedderFailed when it is unavailable."""
        if self._embedder is None or self._identity is None:
            raise EmbedderFailed(f"The embedder is not open: {self.off}.", self.fix)
        return self._embedder

    def run(self, call: Callable[[_E], _T]) -> _T:
        """Return the result of `call` with the embedder, run after queued questions."""
        embedder = self.require()
        return self._thread.run(Urgency.BATCH, lambda: call(embedder))

    def embed_query(self, call: Callable[[_E], _T]) -> _T:
        """Return the vectors that `call` makes, ahead of queued batches. If it fails, turn the embedder off."""
        embedder = self.require()
        try:
            return self._thread.run(Urgency.QUESTION, lambda: call(embedder))
        except (OperatorMustAct, TryAgain) as error:
            self.turn_off(error)
            raise

    def move_off_gpu(self) -> None:
        """Move the weights off the GPU, between two batches. Do nothing if no model is open or it cannot move."""
        self._move(lambda embedder: embedder.offload())

    def move_to_gpu(self) -> None:
        """Move the weights back to the GPU. Raise EmbedderFailed when the GPU's memory is full."""
        self._move(lambda embedder: embedder.reload())

    def _move(self, call: Callable[[Offloadable], None]) -> None:
        embedder: object = self._embedder
        if isinstance(embedder, Offloadable):
            self._thread.run(Urgency.QUESTION, lambda: call(embedder))
