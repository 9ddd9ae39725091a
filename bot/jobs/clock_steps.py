"""The machine's clock may be set while the bot runs, or between two runs: what waits must not wait for days."""

from __future__ import annotations

import logging
from time import time

from bot.db import delays
from rag import Rag, SteadyClock, cap_delays, move_delays

log = logging.getLogger("magpie")

_LONGEST_DELAY = 24 * 3600.0
"""Seconds; nothing is delayed for longer."""

_TOLERATED = 300.0
"""Seconds by which the machine's clock may differ from Slack's: Slack's signatures are valid for as long."""


def check_clock(rag: Rag, clock: SteadyClock) -> None:
    """Warn of a clock that is wrong, and end delays that a wrong one recorded in an earlier run."""
    if abs(clock.error()) > _TOLERATED:
        log.warning(
            "The clock of this machine is %s Slack's. Set it, for example with NTP: in HTTP mode requests are refused.",
            _described(clock.error(), "ahead of", "behind"),
        )
    now = time()
    with rag.write_transaction() as connection:
        cap_delays(connection, now + _LONGEST_DELAY, now)
        delays.cap(connection, now + _LONGEST_DELAY, now)


def follow_step(rag: Rag, step: float) -> None:
    """Keep what waits and its age as they are after the clock was set by `step` seconds.

    After a step forward, delays end early; moved, one that was recorded after the step would last for as long.
    """
    log.warning("The clock of this machine was set %s.", _described(step, "forward", "back"))
    with rag.write_transaction() as connection:
        delays.move_ages(connection, step)
        if step < 0:
            move_delays(connection, step)
            delays.move(connection, step)


def _described(seconds: float, more: str, less: str) -> str:
    hours, direction = abs(seconds) / 3600, more if seconds > 0 else less
    if hours < 2:
        return f"{hours * 60:.0f} minutes {direction}"
    return f"{hours:.0f} hours {direction}" if hours < 48 else f"{hours / 24:.0f} days {direction}"
