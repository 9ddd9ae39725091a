"""Share one GPU between CLIP and a generator: move CLIP's weights off it while answers are written.

    ON_GPU -> LEAVING -> OFF_GPU -> RETURNING -> ON_GPU

An answer that starts while CLIP is leaving waits until the move is done, because it needs the memory. One that starts
while CLIP is returning waits too, and then sends it away again. If CLIP cannot leave, it stays, and the answer
continues without the memory. If it cannot return, it stays away, and the next caller that needs it tries again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from enum import StrEnum
from time import monotonic, perf_counter

from rag.errors import MagpieError
from rag.ports import Generator, ModelInfo, Prompt, TokenStream

log = logging.getLogger("magpie")

Notice = Callable[[str], None]

RETRY_DELAY = 30.0
"""Seconds before CLIP tries again to return to a full GPU: a generator keeps its weights there for a while."""

_STOP_POLL = 0.3
"""Seconds between two looks at `stop` while an answer is being written."""


def log_move(to: str, seconds: float) -> None:
    """Log a move. Passed to Offload as `watch`."""
    log.info("CLIP moved to the %s in %.2f s.", "GPU" if to == "card" else "main memory", seconds)


class GpuState(StrEnum):
    """The location of CLIP's weights."""

    ON_GPU = "on_gpu"
    LEAVING = "leaving"
    OFF_GPU = "off_gpu"
    RETURNING = "returning"


class Offload:
    """Moves CLIP off the GPU and back. Any thread may call it; the moves run one at a time."""

    def __init__(
        self,
        offload: Callable[[], object],
        reload: Callable[[], object],
        notice: Notice,
        watch: Callable[[str, float], None] = lambda *_: None,
    ) -> None:
        """`offload` and `reload` move the weights. `watch` gets each move (`card` or `memory`) and its seconds."""
        self._offload = offload
        self._reload = reload
        self._notice = notice
        self._watch = watch
        self._changed = threading.Condition()
        self._moving = threading.Lock()
        self._answers = 0
        self._next_try = float("-inf")
        self.state = GpuState.ON_GPU

    def acquire(self) -> None:
        """Start an answer: move CLIP off the GPU. Call `release` when the answer ends."""
        with self._changed:
            self._answers += 1
        with self._moving:
            if self.state is GpuState.ON_GPU and self._answers > 0:
                self._move(GpuState.LEAVING, self._offload, GpuState.OFF_GPU)

    def release(self) -> None:
        """End an answer: move CLIP back if it was the last one."""
        with self._changed:
            self._answers -= 1
            self._next_try = float("-inf")
        self._return()

    def wait_for_gpu(self, stop: threading.Event) -> bool:
        """Wait until no answer is being written; return whether CLIP is on the GPU then. False once `stop` is set."""
        with self._changed:
            while self._answers and not stop.is_set():
                self._changed.wait(_STOP_POLL)
            if stop.is_set():
                return False
            due = monotonic() >= self._next_try
        if due:
            self._return()
        return self.state is GpuState.ON_GPU

    def _return(self) -> None:
        with self._moving:
            with self._changed:
                should_return = not self._answers and self.state is GpuState.OFF_GPU
            if should_return and not self._move(GpuState.RETURNING, self._reload, GpuState.ON_GPU):
                self._next_try = monotonic() + RETRY_DELAY
        with self._changed:
            self._changed.notify_all()

    def _move(self, through: GpuState, call: Callable[[], object], to: GpuState) -> bool:
        before, self.state = self.state, through
        started = perf_counter()
        try:
            call()
        except MagpieError as error:
            self.state = before
            where = "off" if to is GpuState.OFF_GPU else "back to"
            self._notice(f"CLIP could not be moved {where} the GPU: {error} {error.hint}".rstrip())
            return False
        except BaseException:
            self.state = before
            raise
        self.state = to
        self._watch("memory" if to is GpuState.OFF_GPU else "card", perf_counter() - started)
        return True


class SharingGenerator:
    """A Generator that has the GPU to itself from the first piece of an answer to the last."""

    def __init__(self, generator: Generator, offload: Offload) -> None:
        self._generator = generator
        self._offload = offload

    def model_info(self) -> ModelInfo:
        return self._generator.model_info()

    def stream(self, prompt: Prompt) -> TokenStream:
        return _SharingStream(self._generator.stream(prompt), self._offload)

    def close(self) -> None:
        self._generator.close()


class _SharingStream:
    """A TokenStream that holds the GPU. It is released exactly once, however the answer ends."""

    def __init__(self, stream: TokenStream, offload: Offload) -> None:
        self._stream = stream
        self._offload = offload
        self._lock = threading.Lock()
        self._started = self._ended = False

    def __iter__(self) -> _SharingStream:
        return self

    def __next__(self) -> str:
        with self._lock:
            first = not self._started and not self._ended
            self._started = True
        if first:
            self._offload.acquire()
        try:
            return next(self._stream)
        except BaseException:
            self._end()
            raise

    def close(self) -> None:
        try:
            self._stream.close()
        finally:
            self._end()

    def _end(self) -> None:
        with self._lock:
            is_acquired = self._started and not self._ended
            self._ended = True
        if is_acquired:
            self._offload.release()
