"""When the bot requests jobs by itself: complete sweeps at its start, and sweeps and deletions at intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from apscheduler.schedulers.background import BackgroundScheduler

from bot.db.jobs import JobKind

_DIGESTS = timedelta(minutes=5)
"""Time between two looks for digests that are due."""


@contextmanager
def scheduled(request: Callable[[JobKind], None], *, sweep: timedelta, walk: timedelta) -> Iterator[Callable[[], None]]:
    """Request walks of watched folders, files that a limit refused and the deletion of old rows now and at intervals,
    and due sweeps and digests at intervals: `walk`, `sweep`, one day, `sweep` and `_DIGESTS`.

    Yield a function that plans the next requests anew: they are planned for times of the machine's clock.
    """
    scheduler = BackgroundScheduler(timezone="UTC")
    every = {
        JobKind.SWEEP: sweep,
        JobKind.READMIT: sweep,
        JobKind.WALK: walk,
        JobKind.EXPIRE: timedelta(days=1),
        JobKind.DIGEST: _DIGESTS,
    }

    def plan() -> None:
        scheduler.remove_all_jobs()
        for kind, interval in every.items():
            seconds = interval.total_seconds()
            # No limit of lateness: a busy or sleeping machine must not lose a request.
            scheduler.add_job(request, "interval", [kind], seconds=seconds, coalesce=True, misfire_grace_time=None)

    plan()
    scheduler.start()
    request(JobKind.READMIT)
    request(JobKind.WALK)
    request(JobKind.EXPIRE)
    try:
        yield plan
    finally:
        scheduler.shutdown(wait=False)
