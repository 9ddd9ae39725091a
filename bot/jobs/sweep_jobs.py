"""The handlers of the jobs that compare Magpie's data with Slack."""

from __future__ import annotations

from collections.abc import Callable
from time import time

from bot.db.jobs import COMPLETE, JobKind
from bot.inbox.limits import Limits
from bot.jobs.file_checks import FileChecks
from bot.jobs.sweep_files import FileSweep
from bot.jobs.sweep_messages import MessageSweep
from bot.jobs.sweep_plan import SweepPlan
from bot.jobs.worker import Handler
from bot.slack.client import SlackClient
from rag import Rag


def sweep_handlers(
    client: SlackClient,
    rag: Rag,
    checks: FileChecks,
    me: str,
    limits: Limits,
    minutes: float,
    clock: Callable[[], float] = time,
) -> dict[JobKind, Handler]:
    """Return the handlers by kind. The clients should not wait for a rate limit: other jobs can run then."""
    plan = SweepPlan(client, rag, minutes, clock)
    listed = FileSweep(client, rag, me, limits, clock)
    read = MessageSweep(client, rag, checks, clock)
    return {
        JobKind.SWEEP: lambda job: plan.plan(complete=job.key == COMPLETE),
        JobKind.SWEEP_CHANNEL: lambda job: plan.request(job.channel),
        JobKind.CONFIRM_CHANNEL: lambda job: plan.confirm(job.channel),
        JobKind.SWEEP_FILES: lambda job: listed.sweep(job.channel),
        JobKind.SWEEP_MESSAGES: lambda job: read.sweep(job.channel),
        JobKind.CHECK_FILE: lambda job: checks.check(job.key),
        JobKind.LOCATE_FILE: lambda job: checks.locate(job.channel, job.key),
        JobKind.REFETCH_FILE: lambda job: checks.refetch(job.key),
        JobKind.READ_MESSAGE: lambda job: checks.read(job.channel, job.key),
    }
