"""Sweeps are spread within Slack's limits, and a conversation is left only once Slack confirms it."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import select, text

from bot.db import channel_settings, conversations, jobs, tables
from bot.db.channel_settings import ChannelSettings
from bot.db.conversations import SweepState
from bot.db.jobs import COMPLETE, Job, JobKind
from bot.demo.slack_server import ManualClock, Workspace
from bot.inbox.recording import record
from bot.jobs.sweep_plan import due_channels, interval, is_complete_due
from bot.slack.errors import RateLimited
from bot.slack.events import Joined
from rag import Share, put_share, shared_in
from tests.bot.jobs.sweeping import Sweeps, open_sweeps
from tests.support.slack_workspace import MANIFEST, workspace_fixture

ws = workspace_fixture("function", manifest=MANIFEST)
PDF = b"%PDF-1.4"
HOUR, MINUTE = 3600.0, 60.0
NOW = 1_700_000_000.0
SWEPT = (JobKind.SWEEP_FILES, JobKind.SWEEP_MESSAGES)


@pytest.fixture
def sweeps(ws: Workspace, tmp_path: Path) -> Iterator[Sweeps]:
    with open_sweeps(ws, tmp_path) as sweeps:
        yield sweeps


# ---------------------------------------------------------------- which conversations Magpie is in


def shared_channels(ws: Workspace, sweeps: Sweeps, count: int) -> list[str]:
    ada = ws.person("ada")
    channels = [ws.channel(f"room-{number}", members=[ada]) for number in range(count)]
    for channel in channels:
        ws.post(ada, channel, files=[(f"{channel}.pdf", PDF)])
    sweeps.everything()
    return channels


@pytest.mark.parametrize("count", [1, 3])
def test_channels_that_a_list_lacks_keep_their_files(ws: Workspace, sweeps: Sweeps, count: int) -> None:
    channels = shared_channels(ws, sweeps, 3)
    ws.quirks.unlisted |= set(channels[:count])
    asked = len(ws.called("conversations.info"))
    sweeps.everything()
    assert [len(sweeps.names(channel)) for channel in channels] == [1, 1, 1]
    assert len(ws.called("conversations.info")) == asked + count


def test_channel_that_lists_lack_is_swept_all_the_same(ws: Workspace, sweeps: Sweeps) -> None:
    channel = shared_channels(ws, sweeps, 1)[0]
    ws.quirks.unlisted.add(channel)
    ws.unshare(ws.files(f"{channel}.pdf")[0].id, channel)
    sweeps.everything()
    assert sweeps.names(channel) == []


def test_empty_list_of_conversations_deletes_nothing(ws: Workspace, sweeps: Sweeps) -> None:
    channels = shared_channels(ws, sweeps, 3)
    ws.faults.empty_page("users.conversations")
    listed = len(ws.called("users.conversations"))
    sweeps.everything()
    assert [len(sweeps.names(channel)) for channel in channels] == [1, 1, 1]
    assert len(ws.called("users.conversations")) == listed + 2
    assert ws.called("conversations.info") == []


def test_channels_that_magpie_left_are_dropped(ws: Workspace, sweeps: Sweeps) -> None:
    stays, leaves, private = shared_channels(ws, sweeps, 3)
    ws.make_private(private)
    for channel in (leaves, private):
        ws.remove_bot(channel)
    with sweeps.rag.write_transaction() as connection:
        put_share(connection, Share("path", "/notes.pdf", leaves))
    sweeps.everything()
    assert [len(sweeps.names(channel)) for channel in (stays, leaves, private)] == [1, 0, 0]
    with sweeps.rag.read_transaction() as connection:
        assert shared_in(connection, "path", leaves) == ["/notes.pdf"]


def test_settings_go_with_their_conversation_even_if_nothing_is_shared_there(ws: Workspace, sweeps: Sweeps) -> None:
    ada, ben = ws.person("ada"), ws.person("ben")
    stays, leaves, direct = ws.channel("stays", [ben]), ws.channel("leaves", [ben]), ws.direct(ada)
    with sweeps.rag.write_transaction() as connection:
        for channel in (stays, leaves, direct):
            channel_settings.put(connection, channel, ChannelSettings(quiet=True))
    ws.remove_bot(leaves)
    ws.deactivate(ada)
    sweeps.everything()
    with sweeps.rag.read_transaction() as connection:
        assert channel_settings.channels(connection) == [stays]


def test_direct_message_of_a_deactivated_person_is_dropped(ws: Workspace, sweeps: Sweeps) -> None:
    direct = ws.direct(ws.person("ada"))
    ws.post("ada", direct, files=[("a.pdf", PDF)])
    sweeps.everything()
    assert sweeps.names(direct) == ["a.pdf"]
    ws.deactivate("ada")
    sweeps.everything()
    assert sweeps.names(direct) == []


def test_joined_channel_is_swept_at_once(ws: Workspace, sweeps: Sweeps) -> None:
    channel = ws.channel("harbor", members=[ws.person("ada")])
    ws.post("ada", channel, files=[("a.pdf", PDF)])
    with sweeps.rag.write_transaction() as connection:
        record(connection, Joined(channel))
    sweeps.run()
    assert sweeps.names(channel) == ["a.pdf"]


# ---------------------------------------------------------------- when


def test_interval_is_an_eighth_of_the_quiet_time() -> None:
    quiet = [0.0, HOUR, 8 * HOUR, 24 * HOUR, 400 * HOUR]
    intervals = [interval(SweepState("C1", active_at=NOW - each), NOW, 15 * MINUTE) for each in quiet]
    assert intervals == [15 * MINUTE, 15 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR]


def test_complete_sweep_is_due_after_a_request_and_once_a_day() -> None:
    channels = [f"C{number}" for number in range(200)]
    done = [SweepState(channel, requested_at=NOW - 9, reconciled_at=NOW) for channel in channels]
    assert not any(is_complete_due(state, state.reconciled_at, NOW) for state in done)
    by_hour = [sum(is_complete_due(state, NOW, NOW + hour * HOUR) for state in done) for hour in range(25)]
    assert by_hour[24] == 200
    assert all(0 < later - earlier < 30 for earlier, later in pairwise(by_hour))
    assert is_complete_due(SweepState("C1", requested_at=NOW), NOW - 1, NOW)


def test_most_overdue_and_most_active_channels_come_first() -> None:
    def state(channel: str, swept: float, active: float) -> SweepState:
        return SweepState(channel, NOW - swept, NOW - swept, NOW, NOW, 0.0, NOW - active)

    states = [state("new", 20 * MINUTE, 60), state("late", HOUR, 60), state("quiet", HOUR, 48 * HOUR)]
    states.append(state("done", MINUTE, 60))
    known = {each.channel: each for each in states}
    for kind in SWEPT:
        assert due_channels(kind, list(known), known, NOW, 15 * MINUTE) == ["late", "new"]
    asked = {
        "a": SweepState("a", requested_at=1.0, active_at=1.0),
        "b": SweepState("b", requested_at=1.0, active_at=2.0),
    }
    assert due_channels(JobKind.SWEEP_FILES, ["a", "b", "c"], asked, NOW, MINUTE) == ["b", "a", "c"]


def test_quiet_channels_cost_no_call(ws: Workspace, sweeps: Sweeps) -> None:
    ada = ws.person("ada")
    for number in range(20):
        channel = ws.channel(f"quiet-{number}", members=[ada])
        for _ in range(3):
            ws.post(ada, channel, "a reply", thread_ts=ws.post(ada, channel, "a root"))
    sweeps.everything()
    calls = len(ws.calls)
    sweeps.request(JobKind.SWEEP)
    assert len(ws.calls) == calls + 1
    with sweeps.rag.write_transaction() as connection:
        connection.execute(text("UPDATE conversation SET checked_until = checked_until + 3600"))
    sweeps.everything()
    assert len(ws.calls) == calls + 1 + 1 + 20 + 20


# ---------------------------------------------------------------- many conversations


class VirtualWorker:
    """Run the jobs of sweeps on a clock that stands still while a job runs."""

    def __init__(self, sweeps: Sweeps, clock: ManualClock) -> None:
        self._sweeps = sweeps
        self._clock = clock
        self._queue: list[tuple[float, int, Job]] = []

    def plan(self, *, complete: bool = False) -> None:
        """Run the job SWEEP, and take up the jobs that it requested."""
        self._sweeps.handlers[JobKind.SWEEP](Job(0, JobKind.SWEEP, "", COMPLETE if complete else "", "", 1, 1, 0, 0))
        with self._sweeps.rag.write_transaction() as connection:
            rows = connection.execute(select(tables.job).where(tables.job.c.kind.in_(SWEPT))).all()
            for row in rows:
                due = self._clock.now + max(0.0, row.next_try - row.created)
                heapq.heappush(self._queue, (due, row.id, jobs.job_of(row)))
                jobs.finish(connection, jobs.job_of(row))

    def run_until(self, end: float) -> None:
        """Do what is due until this time. After a 429, delay all jobs of its kind, as JobWorker does."""
        while self._queue and self._queue[0][0] <= end:
            due, _, job = heapq.heappop(self._queue)
            self._clock.now = max(self._clock.now, due)
            try:
                self._sweeps.handlers[job.kind](job)
            except RateLimited as error:
                until = self._clock.now + error.seconds
                heapq.heappush(self._queue, (until, 0, job))
                self._queue = [
                    (max(at, until) if other.kind is job.kind else at, id, other) for at, id, other in self._queue
                ]
                heapq.heapify(self._queue)
        self._clock.now = end


def test_2000_channels_are_swept_within_45_minutes(ws: Workspace, tmp_path: Path) -> None:
    ada = ws.person("ada")
    channels = [ws.channel(f"room-{number}", members=[ada]) for number in range(2000)]
    with ws.hold_events():
        for channel in channels[::100]:
            ws.post(ada, channel, files=[("a.pdf", PDF)])
    clock = ManualClock(NOW)
    ws.limits.enforce(clock=clock)
    with open_sweeps(ws, tmp_path, clock=clock) as sweeps:
        worker = VirtualWorker(sweeps, clock)
        for quarter in range(3):
            worker.plan(complete=not quarter)
            worker.run_until(NOW + (quarter + 1) * 15 * MINUTE)
        with sweeps.rag.read_transaction() as connection:
            states = conversations.list_all(connection)
        swept = [state for state in states.values() if state.reconciled_at >= NOW and state.reviewed_at >= NOW]
        assert len(swept) == 2000
    assert ws.limits.refused("files.list") + ws.limits.refused("conversations.history") == 0
    assert {ws.limits.allowed("files.list"), ws.limits.allowed("conversations.history")} <= set(range(2000, 2026))


def test_channels_are_read_at_one_call_a_minute_where_slack_allows_no_more(ws: Workspace, tmp_path: Path) -> None:
    ada = ws.person("ada")
    channels = [ws.channel(f"room-{number}", members=[ada]) for number in range(30)]
    for channel in channels[:2]:
        for number in range(20):
            ws.post(ada, channel, str(number))
    clock = ManualClock(NOW)
    ws.limits.enforce(clock=clock, outside_marketplace=True)
    with open_sweeps(ws, tmp_path, clock=clock) as sweeps:
        worker = VirtualWorker(sweeps, clock)
        worker.plan(complete=True)
        worker.run_until(NOW + MINUTE)
        states = [sweeps.state(channel) for channel in channels]
        assert all(state.reconciled_at for state in states)  # files do not wait for messages
        worker.run_until(NOW + 33 * MINUTE)
        assert all(sweeps.state(channel).reviewed_at for channel in channels)
    assert ws.limits.allowed("conversations.history") <= 32
