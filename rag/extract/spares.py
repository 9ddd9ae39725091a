"""Extractors for pictures that come with questions: each reads one picture, and one is made ready in advance."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from rag.errors import ExtractorStopped, MagpieError
from rag.ports import Extractor

log = logging.getLogger("magpie.read")

_IDLE_SECONDS = 600.0
"""Seconds after the last picture for which an extractor is kept ready; its process takes more than 100 MB."""


class SpareExtractors:
    """Lends extractors, each for one picture: what a hostile picture does to its process cannot reach the next one.

    Starting a process and loading its models takes seconds. While pictures are expected, one extractor is kept that has
    done so, and the next one is made ready when it comes back. Otherwise an extractor starts when it is used.
    Thread-safe.
    """

    def __init__(self, open_extractor: Callable[[], Extractor], idle_seconds: float = _IDLE_SECONDS) -> None:
        self._open = open_extractor
        self._idle_seconds = idle_seconds
        self._changed = threading.Condition()
        self._expected_until = 0.0
        self._is_requested = False
        self._waiting = 0
        self._keeper: threading.Thread | None = None
        self._loading: Extractor | None = None
        self._spare: Extractor | None = None
        self._lent: list[Extractor] = []
        self._closed = False

    def expect(self) -> None:
        """Make an extractor ready, if none is, and keep one ready for a while. Returns at once."""
        with self._changed:
            if self._closed:
                return
            self._expected_until = monotonic() + self._idle_seconds
            self._is_requested = self._spare is None and self._loading is None
            if self._keeper is None:
                self._keeper = threading.Thread(target=self._keep, name="spare-extractor", daemon=True)
                self._keeper.start()
            self._changed.notify_all()

    @property
    def is_ready(self) -> bool:
        """Return whether the next picture gets an extractor that has loaded its models."""
        return self._spare is not None

    @contextmanager
    def lend(self) -> Iterator[Extractor]:
        """Yield an extractor for one picture, and end it after that. Wait for one that is being made ready.

        Raise ExtractorStopped after `close`.
        """
        with self._changed:
            self._waiting += 1
            self._changed.wait_for(self._can_lend)
            self._waiting -= 1
            if self._closed:
                raise ExtractorStopped("Extraction was stopped.", "Try again.")
            extractor, self._spare = self._spare or self._open(), None
            self._is_requested = False
            self._lent.append(extractor)
        try:
            yield extractor
        finally:
            extractor.close()
            with self._changed:
                self._lent.remove(extractor)
                self._changed.notify_all()

    def _can_lend(self) -> bool:
        """Return whether waiting longer would not bring an extractor that is ready."""
        is_coming = self._loading is not None or (self._is_requested and not self._lent)
        return self._spare is not None or not is_coming or self._closed

    def close(self) -> None:
        """End all extractors. A call of one that is lent raises ExtractorStopped."""
        with self._changed:
            self._closed = True
            for extractor in filter(None, (self._loading, self._spare, *self._lent)):
                extractor.close()
            keeper = self._keeper
            self._changed.notify_all()
        if keeper is not None:
            keeper.join()

    def _keep(self) -> None:
        """Keep an extractor ready until no picture is expected any more.

        The processes end with the thread that started them (Linux's PR_SET_PDEATHSIG), so this one outlives their use.
        """
        while (extractor := self._wait_for_need()) is not None:
            problem = _load(extractor)
            with self._changed:
                self._loading = None
                if problem:  # the next call that uses an extractor raises it
                    self._expected_until = 0.0
                    log.debug("No extraction process can be made ready: %s", problem)
                elif self._closed:
                    extractor.close()
                else:
                    self._spare = extractor
                self._changed.notify_all()

    def _wait_for_need(self) -> Extractor | None:
        """Wait until an extractor has to be made ready, and return it. Return None once none is needed any more."""
        with self._changed:
            while not self._closed:
                left = self._expected_until - monotonic()
                # While others are lent, it would take the processor from them.
                if self._spare is None and not self._lent and (self._is_requested or left > 0):
                    self._is_requested = False
                    self._loading = self._open()
                    return self._loading
                if left > 0 or self._waiting:
                    self._changed.wait(left if left > 0 else None)
                    continue
                if self._spare is not None:
                    self._spare.close()
                    self._spare = None
                if not self._lent:
                    break
                self._changed.wait()
            self._keeper = None
            return None


def _load(extractor: Extractor) -> str:
    """Load the models of an extractor. Return why that fails, or an empty string; then the extractor is closed."""
    try:
        extractor.load_models()
    except (MagpieError, OSError) as error:
        extractor.close()
        return str(error)
    return ""
