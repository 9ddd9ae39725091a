"""Wait until Slack can be reached."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from bot.slack.errors import RateLimited
from bot.slack.transport import map_errors
from rag import TryAgain

log = logging.getLogger("magpie")

_TRY_AGAIN = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds between attempts to reach Slack; the last one is repeated."""


def wait_for_slack(call: Callable[[], Any], stop: threading.Event) -> Any:
    """Repeat a call until Slack can be reached, and return its result. Raise TryAgain once `stop` is set."""
    tries = 0
    while True:
        try:
            with map_errors():
                return call()
        except TryAgain as error:
            asked = error.seconds if isinstance(error, RateLimited) else 0.0
            if stop.wait(max(asked, _TRY_AGAIN[min(tries, len(_TRY_AGAIN) - 1)])):
                raise
            if not tries:
                log.warning("%s Trying again.", error)
            tries += 1
