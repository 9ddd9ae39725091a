"""The time of day in a process whose machine's clock may be set while it runs, by days, forward or back."""

from __future__ import annotations

import time
from collections.abc import Callable

_LEAST_STEP = 60.0
"""Seconds by which the clock has to be set at once to count as a step; smaller ones do no harm."""


def passed_seconds() -> float:
    """Return seconds that only grow as time passes, while the machine sleeps too if the system can tell."""
    boot_time = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot_time is None else time.clock_gettime(boot_time)


class SteadyClock:
    """The time of day when this was made, plus the time that passed since, whatever the machine's clock does.

    Times of messages are compared with `now`, and `oldest` decides what is old enough to be deleted. Thread-safe, but
    `take_step` is called from one thread.
    """

    def __init__(
        self,
        begin: float | None = None,
        wall: Callable[[], float] = time.time,
        passed: Callable[[], float] = passed_seconds,
    ) -> None:
        """`begin`: the time now by a better clock, seconds since 1970; None: there is none. It counts if the machine's
        is off by a minute or more: times from before a restart are compared with those after it, to the second."""
        self._wall = wall
        self._passed = passed
        if begin is None or abs(begin - wall()) < _LEAST_STEP:
            begin = wall()
        self._zero = begin - passed()
        self._last_offset = wall() - passed()

    def now(self) -> float:
        """Return the time of day in seconds since 1970."""
        return self._zero + self._passed()

    def oldest(self) -> float:
        """Return the earlier one of this time and the machine's: nothing is too old because of a wrong clock."""
        return min(self.now(), self._wall())

    def error(self) -> float:
        """Return by how many seconds the machine's clock is ahead."""
        return self._wall() - self.now()

    def take_step(self) -> float:
        """Return by how many seconds the machine's clock was set forward (or back: negative) since the last call."""
        offset = self._wall() - self._passed()
        step, self._last_offset = offset - self._last_offset, offset
        return step if abs(step) >= _LEAST_STEP else 0.0
