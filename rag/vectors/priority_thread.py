"""A thread that owns an object and runs calls on it, one after another."""

from __future__ import annotations

import itertools
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from enum import IntEnum
from typing import TypeVar

from rag.errors import TryAgain

_T = TypeVar("_T")


class Urgency(IntEnum):
    """A call with a lower value runs first; calls of the same urgency run in the order they were made."""

    QUESTION = 0
    BATCH = 1
    STOP = 2


class PriorityThread:
    """One thread with a priority queue of calls. Any other thread may call `run` and `submit`."""

    def __init__(self, name: str) -> None:
        self._queue: queue.PriorityQueue[tuple[Urgency, int, Callable[[], None]]] = queue.PriorityQueue()
        self._order = itertools.count()
        self._closing = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._loop, name=name, daemon=True)
        self._thread.start()

    def run(self, urgency: Urgency, call: Callable[[], _T]) -> _T:
        """Run `call` in the thread and return its result, or raise the exception that it raised."""
        return self.submit(urgency, call).result()

    def submit(self, urgency: Urgency, call: Callable[[], _T]) -> Future[_T]:
        """Queue `call` and return the future of its result. Raise TryAgain after `close`.

        It runs with the context variables of the thread that calls this.
        """
        future: Future[_T] = Future()
        context = copy_context()

        def resolve() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(context.run(call))
            except BaseException as error:  # noqa: BLE001 - raised again by the future's result()
                future.set_exception(error)

        with self._closing:
            if self._closed:
                raise TryAgain("Magpie is stopping.", "Try again when it runs again.")
            self._queue.put((urgency, next(self._order), resolve))
        return future

    def _loop(self) -> None:
        while True:
            urgency, _, resolve = self._queue.get()
            if urgency is Urgency.STOP:
                return
            resolve()

    def close(self) -> None:
        """Run the calls that are queued, then end the thread. Later calls are refused: they would wait forever."""
        with self._closing:
            if not self._closed:
                self._queue.put((Urgency.STOP, next(self._order), lambda: None))
            self._closed = True
        self._thread.join()
