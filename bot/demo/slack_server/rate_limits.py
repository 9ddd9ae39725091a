"""Slack's limits on the number of calls per method and minute. They are off until they are enforced."""

from __future__ import annotations

import math
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Condition

MINUTE = 60.0
TIER_2 = "chat.startStream chat.stopStream conversations.list users.list"
TIER_3 = (
    "chat.update chat.delete reactions.add reactions.remove files.list conversations.history conversations.replies "
    "conversations.info conversations.open users.conversations bots.info"
)
TIER_4 = (
    "files.info files.getUploadURLExternal files.completeUploadExternal conversations.members users.info "
    "chat.appendStream chat.postEphemeral views.open views.publish views.push views.update"
)
# The tiers of users.list and reactions.remove are unconfirmed.
PER_MINUTE = (
    dict.fromkeys(TIER_2.split(), 20) | dict.fromkeys(TIER_3.split(), 50) | dict.fromkeys(TIER_4.split(), 100)
) | {"chat.postMessage": 60}
PER_CHANNEL = {"chat.postMessage"}
OUTSIDE_MARKETPLACE = {"conversations.history": 1, "conversations.replies": 1}
"""Limits for apps that are sold outside the Marketplace."""
OUTSIDE_MARKETPLACE_PAGE = 15


@dataclass
class ManualClock:
    """A clock that stands still until it is moved, so that a test of many calls need not wait."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


class RateLimits:
    """Count the calls of each method within the last minute, and refuse what is above its limit."""

    def __init__(self, changed: Condition) -> None:
        self._changed = changed
        self._clock: Callable[[], float] = time.monotonic
        self._per_minute: dict[str, int] = {}
        self._recent: dict[tuple[str, str], deque[float]] = {}
        self._allowed, self._refused = Counter[str](), Counter[str]()
        self._outside_marketplace = False

    def enforce(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        outside_marketplace: bool = False,
        per_minute: Mapping[str, int] | None = None,
    ) -> None:
        """Refuse calls above Slack's limits with 429 and Retry-After from now on, and count anew.

        `clock` tells the time in seconds. `outside_marketplace` limits conversations.history and conversations.replies
        to one call a minute and 15 messages a page. `per_minute` replaces the limits of single methods.
        """
        with self._changed:
            self._clock, self._outside_marketplace = clock, outside_marketplace
            self._per_minute = (
                PER_MINUTE | (OUTSIDE_MARKETPLACE if outside_marketplace else {}) | dict(per_minute or {})
            )
            self._recent, self._allowed, self._refused = {}, Counter(), Counter()

    def lift(self) -> None:
        """Refuse nothing any more. The counts stay."""
        with self._changed:
            self._per_minute, self._outside_marketplace = {}, False

    def allowed(self, method: str) -> int:
        """Return how many calls of a method were let through since the limits were enforced."""
        return self._allowed[method]

    def refused(self, method: str) -> int:
        """Return how many calls of a method were answered with 429 since the limits were enforced."""
        return self._refused[method]

    def take(self, method: str, channel: str) -> int:
        """Count a call. Return 0 if it may pass, else the seconds to wait. Call it under the state's lock."""
        limit = self._per_minute.get(method)
        if limit is None:
            return 0
        now = self._clock()
        recent = self._recent.setdefault((method, channel if method in PER_CHANNEL else ""), deque())
        while recent and recent[0] <= now - MINUTE:
            recent.popleft()
        if len(recent) >= limit:
            self._refused[method] += 1
            return max(1, math.ceil(recent[0] + MINUTE - now))
        recent.append(now)
        self._allowed[method] += 1
        return 0

    def largest_page(self, limit: int) -> int:
        """Return how many messages a page of conversations.history or conversations.replies holds."""
        return min(limit, OUTSIDE_MARKETPLACE_PAGE) if self._outside_marketplace else limit
