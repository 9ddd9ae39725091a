"""When the bot requests jobs by itself: complete sweeps at its start, and sweeps and deletions at intervals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from apscheduler.schedulers.background import BackgroundScheduler

from bot.db.jobs import JobKind


@contextmanager
def scheduled(
    request: Callable[[JobKind], None], sweep_minutes: int, folder_minutes: int
) -> Iterator[Callable[[], None]]:
    """Request due sweeps every `sweep_minutes`, walks of watched folders every `folder_minutes` and the deletion of old
    rows daily, all now for the first time.

    Yield a function that plans the next requests anew: they are planned for times of the machine's clock.
    """
    scheduler = BackgroundScheduler(timezone="UTC")
    sweeps = timedelta(minutes=sweep_minutes)
    every = {
        JobKind.SWEEP: sweeps,
        JobKind.READMIT: sweeps,
        JobKind.WALK: timedelta(minutes=folder_minutes),
        JobKind.EXPIRE: timedelta(days=1),
    }

    def plan() -> None:
        scheduler.remove_all_jobs()
        for kind, interval in every.items():
            scheduler.add_job(request, "interval", [kind], seconds=interval.total_seconds(), coalesce=True)

    plan()
    scheduler.start()
    request(JobKind.READMIT)
    request(JobKind.WALK)
    request(JobKind.EXPIRE)
    try:
        yield plan
    finally:
        scheduler.shutdown(wait=False)
