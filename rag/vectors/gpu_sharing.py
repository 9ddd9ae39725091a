"""CLIP and a generator on one card: CLIP leaves while answers are written, and comes back when the last one is.

    here -> leaving -> away -> returning -> here

An answer that begins while CLIP leaves waits for it, for it needs the room. One that begins while CLIP returns waits
and sends it away again. What cannot leave stays, and the answer goes on without the room; what cannot return stays
away, and the next who needs it here tries again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from enum import StrEnum
from time import monotonic, perf_counter

from rag.errors import MagpieError
from rag.ports import Ability, Generator, Pieces, Prompt

log = logging.getLogger("magpie")

Notice = Callable[[str], None]

REST = 30.0
"""Seconds between two tries to return to a card that has no room: a generator keeps its weights there for a while."""


def told_move(to: str, seconds: float) -> None:
    """An Offload's `watch` that logs."""
    log.info("CLIP moved to the %s in %.2f s.", "card" if to == "card" else "machine's memory", seconds)


class Place(StrEnum):
    HERE = "here"
    LEAVING = "leaving"
    AWAY = "away"
    RETURNING = "returning"


class Offload:
    """Where CLIP is. Any thread may ask; the moves themselves are the caller's, one at a time."""

    def __init__(
        self,
        leave: Callable[[], None],
        back: Callable[[], None],
        notice: Notice,
        watch: Callable[[str, float], None] = lambda *_: None,
    ) -> None:
        """`watch` is told of each move: `card` or `memory`, and the seconds it took."""
        self._leave = leave
        self._back = back
        self._notice = notice
        self._watch = watch
        self._changed = threading.Condition()
        self._moving = threading.Lock()
        self._answers = 0
        self._again = float("-inf")
        self.place = Place.HERE

    def lend(self) -> None:
        """An answer begins; each `lend` has its `take_back`."""
        with self._changed:
            self._answers += 1
        with self._moving:
            if self.place is Place.HERE and self._answers > 0:
                self._move(Place.LEAVING, self._leave, Place.AWAY)

    def take_back(self) -> None:
        """An answer has ended."""
        with self._changed:
            self._answers -= 1
            self._again = float("-inf")
        self._return()

    def wait_here(self) -> bool:
        """Wait until no answer is being written; whether CLIP is here then."""
        with self._changed:
            self._changed.wait_for(lambda: not self._answers)
            due = monotonic() >= self._again
        if due:
            self._return()
        return self.place is Place.HERE

    def _return(self) -> None:
        with self._moving:
            with self._changed:
                wanted = not self._answers and self.place is Place.AWAY
            if wanted and not self._move(Place.RETURNING, self._back, Place.HERE):
                self._again = monotonic() + REST
        with self._changed:
            self._changed.notify_all()

    def _move(self, through: Place, call: Callable[[], None], to: Place) -> bool:
        before, self.place = self.place, through
        started = perf_counter()
        try:
            call()
        except MagpieError as error:
            self.place = before
            where = "off" if to is Place.AWAY else "back on"
            self._notice(f"CLIP did not get {where} the card: {error} {error.hint}".rstrip())
            return False
        except BaseException:
            self.place = before
            raise
        self.place = to
        self._watch("memory" if to is Place.AWAY else "card", perf_counter() - started)
        return True


class SharingGenerator:
    """A Generator that has the card from the first piece of an answer to the last."""

    def __init__(self, generator: Generator, offload: Offload) -> None:
        self._generator = generator
        self._offload = offload

    def ability(self) -> Ability:
        return self._generator.ability()

    def stream(self, prompt: Prompt) -> Pieces:
        return _Shared(self._generator.stream(prompt), self._offload)

    def close(self) -> None:
        self._generator.close()


class _Shared:
    """Satisfies ports.Pieces. What was lent is taken back once, whichever way the answer ends."""

    def __init__(self, pieces: Pieces, offload: Offload) -> None:
        self._pieces = pieces
        self._offload = offload
        self._lock = threading.Lock()
        self._begun = self._ended = False

    def __iter__(self) -> _Shared:
        return self

    def __next__(self) -> str:
        with self._lock:
            first = not self._begun and not self._ended
            self._begun = True
        if first:
            self._offload.lend()
        try:
            return next(self._pieces)
        except BaseException:
            self._end()
            raise

    def close(self) -> None:
        try:
            self._pieces.close()
        finally:
            self._end()

    def _end(self) -> None:
        with self._lock:
            lent = self._begun and not self._ended
            self._ended = True
        if lent:
            self._offload.take_back()
