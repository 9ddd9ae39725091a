"""An embedder that is opened when it is first needed, tried again after a failure, and unloaded while unused."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable
from math import inf
from time import monotonic
from typing import Generic, TypeVar

from rag.errors import EmbedderFailed, MagpieError, OperatorMustAct, TryAgain
from rag.ports import Embedder, Offloadable, PageEmbedder, TextEmbedder
from rag.vectors.priority_thread import PriorityThread, Urgency

_E = TypeVar("_E", Embedder, TextEmbedder, PageEmbedder)
_T = TypeVar("_T")
log = logging.getLogger("magpie")

RETRY_DELAY = 30.0
"""Seconds before an embedder that failed, or whose server is down, is tried again."""


class LazyEmbedder(Generic[_E]):
    """An embedder in the thread that owns the models.

    `off` says why it is unavailable, or is empty; `fix` says how to make it available.
    """

    def __init__(
        self,
        thread: PriorityThread,
        open_embedder: Callable[[], _E],
        retry_delay: float = 0.0,
        unload_after: float = inf,
    ) -> None:
        """`retry_delay`: seconds between two attempts to open the embedder; 0 when an attempt costs nothing.
        `unload_after`: seconds without use after which `unload_unused` takes it out of memory."""
        self._thread = thread
        self._open_embedder: Callable[[], _E] = open_embedder
        self._retry_delay = retry_delay
        self._unload_after = unload_after
        self._used = -inf
        self._embedder: _E | None = None
        self._identity: str | None = None
        self._next_try = -inf
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
            self._used = monotonic()
            self.off = ""
        except (OperatorMustAct, TryAgain) as error:
            self.turn_off(error, self._retry_delay)

    def turn_off(self, error: MagpieError, retry_delay: float = RETRY_DELAY) -> None:
        """Make the embedder unavailable for `retry_delay` seconds because of this error."""
        self._identity, self._next_try = None, monotonic() + retry_delay
        self.off, self.fix = str(error).rstrip("."), error.hint

    def require(self) -> _E:
        """Return the embedder, opened again if it was unloaded; call it in the thread that owns the models.

        Raise EmbedderFailed when it is unavailable.
        """
        self._check()
        embedder = self._embedder or self._open_again()
        self._used = monotonic()
        return embedder

    def _check(self) -> None:
        """Raise EmbedderFailed unless the embedder was opened, and not turned off since."""
        if self._identity is None:
            raise EmbedderFailed(f"The embedder is not open: {self.off}.", self.fix)

    def _open_again(self) -> _E:
        known, began = self._identity, monotonic()
        self._open()
        self._check()
        if self._embedder is None or self._identity != known:
            raise EmbedderFailed("The embedder is another one since it was opened again.", "Ask again.")
        log.info("An embedder was loaded again in %.1f s.", monotonic() - began)
        return self._embedder

    def run(self, call: Callable[[_E], _T]) -> _T:
        """Return the result of `call` with the embedder, run after queued questions."""
        self._check()
        return self._thread.run(Urgency.BATCH, lambda: call(self.require()))

    def embed_query(self, call: Callable[[_E], _T]) -> _T:
        """Return the vectors that `call` makes, ahead of queued batches. If it fails, turn the embedder off."""
        self._check()
        try:
            return self._thread.run(Urgency.QUESTION, lambda: call(self.require()))
        except (OperatorMustAct, TryAgain) as error:
            self.turn_off(error)
            raise

    def unload_unused(self) -> None:
        """Take the embedder out of memory if it was not used for a while. It stays available: the next use loads it."""
        if self._embedder is not None and self._is_unused():
            self._thread.run(Urgency.BATCH, self._unload)

    def _is_unused(self) -> bool:
        return monotonic() - self._used >= self._unload_after

    def _unload(self) -> None:
        if self._identity is None or not self._is_unused():  # a question came first
            return
        embedder: object = self._embedder
        if isinstance(embedder, Offloadable):
            embedder.offload()  # the GPU's memory, too
        self._embedder = embedder = None
        gc.collect()  # modules of torch refer to each other
        log.info("An embedder was unloaded, because it was not used for a while.")

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
