"""The sweep of messages records what was missed, oldest first, and reads only what has news."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from time import time

import pytest
from sqlalchemy import text

from bot.db import conversations, receipts
from bot.db.jobs import JobKind
from bot.db.questions import put_question
from bot.demo.slack_server import ManualClock, Workspace, open_workspace
from bot.slack.events import Question
from tests.bot.jobs.sweeping import Sweeps, open_sweeps
from tests.flows.team import mention
from tests.support.slack_workspace import MANIFEST, without_proxies, workspace_fixture

ws = workspace_fixture("function", manifest=MANIFEST)
PAGE = "https://example.org/tides"


@pytest.fixture
def sweeps(ws: Workspace, tmp_path: Path) -> Iterator[Sweeps]:
    with open_sweeps(ws, tmp_path) as sweeps:
        yield sweeps


@pytest.fixture
def ada(ws: Workspace) -> str:
    return ws.person("ada")


@pytest.fixture
def channel(ws: Workspace, sweeps: Sweeps, ada: str) -> str:
    """Return a conversation that was swept once."""
    channel = ws.channel("harbor", members=[ada])
    sweeps.everything()
    return channel


def test_missed_questions_are_recorded_oldest_first(ws: Workspace, sweeps: Sweeps, ada: str, channel: str) -> None:
    root = ws.post(ada, channel, mention(ws, "first?"))
    ws.post(ada, channel, mention(ws, "second?"))
    ws.post(ada, channel, mention(ws, "third?"), thread_ts=root)
    sweeps.request(JobKind.SWEEP_MESSAGES, channel)
    assert sweeps.questions() == ["first?", "second?", "third?"]


def test_thread_that_cannot_be_read_is_skipped(ws: Workspace, sweeps: Sweeps, ada: str, channel: str) -> None:
    older, newer = ws.post(ada, channel, "one root"), ws.post(ada, channel, "another root")
    ws.post(ada, channel, mention(ws, "in the older thread?"), thread_ts=older)
    ws.post(ada, channel, mention(ws, "in the newer thread?"), thread_ts=newer)
    ws.faults.fail("conversations.replies", error="thread_not_found")  # the newer one is read first
    sweeps.request(JobKind.SWEEP_MESSAGES, channel)
    assert sweeps.questions() == ["in the older thread?"]
    assert sweeps.state(channel).checked_until > 0


def test_threads_without_news_are_not_read(ws: Workspace, sweeps: Sweeps, ada: str, channel: str) -> None:
    for number in range(5):
        ws.post(ada, channel, "a reply", thread_ts=ws.post(ada, channel, f"root {number}"))
    quiet = ws.channel("quiet", members=[ada])
    ws.post(ada, quiet, "a reply", thread_ts=ws.post(ada, quiet, "a root"))
    sweeps.request(JobKind.SWEEP_MESSAGES, channel)
    assert len(ws.called("conversations.replies")) == 5
    with sweeps.rag.write_transaction() as connection:  # as if that was an hour later than the messages
        connection.execute(text("UPDATE conversation SET checked_until = checked_until + 3600"))
    sweeps.request(JobKind.SWEEP_MESSAGES, channel)
    assert len(ws.called("conversations.replies")) == 5


def test_long_thread_is_read_by_cursor_and_continued_after_a_rate_limit(
    ws: Workspace, sweeps: Sweeps, ada: str, channel: str
) -> None:
    root = ws.post(ada, channel, "a root")
    for number in range(40):
        ws.post(ada, channel, mention(ws, f"question {number}?"), thread_ts=root)
    clock = ManualClock()
    ws.limits.enforce(clock=clock, outside_marketplace=True)
    for _ in range(4):
        sweeps.request(JobKind.SWEEP_MESSAGES, channel)
        clock.advance(61)
    assert sweeps.questions() == [f"question {number}?" for number in range(40)]
    assert ws.limits.refused("conversations.replies") <= 3


def test_links_posted_or_deleted_while_away_are_found(ws: Workspace, sweeps: Sweeps, ada: str, channel: str) -> None:
    first, second = (ws.post(ada, channel, f"see <{PAGE}>") for _ in range(2))
    ws.post(ada, channel, "and <https://example.org/moon>")
    sweeps.everything()
    assert sweeps.links(channel) == [PAGE, PAGE, "https://example.org/moon"]
    ws.delete_message(channel, first)
    sweeps.everything()
    assert sweeps.links(channel) == [PAGE, "https://example.org/moon"]
    ws.delete_message(channel, second)
    sweeps.everything()
    assert sweeps.links(channel) == ["https://example.org/moon"]


def test_link_in_a_deleted_reply_is_dropped_by_a_complete_sweep(
    ws: Workspace, sweeps: Sweeps, ada: str, channel: str
) -> None:
    root = ws.post(ada, channel, "a root")
    reply = ws.post(ada, channel, f"see <{PAGE}>", thread_ts=root)
    ws.post(ada, channel, "a later reply", thread_ts=root)
    sweeps.everything()
    assert sweeps.links(channel) == [PAGE]
    ws.delete_message(channel, reply)
    sweeps.everything()
    assert sweeps.links(channel) == []


def test_reply_whose_thread_is_not_known_is_not_taken_for_deleted(
    ws: Workspace, sweeps: Sweeps, ada: str, channel: str
) -> None:
    reply = ws.post(ada, channel, f"see <{PAGE}>", thread_ts=ws.post(ada, channel, "a root"))
    sweeps.everything()
    with sweeps.rag.write_transaction() as connection:  # as in a folder of an earlier version
        connection.execute(text("UPDATE share SET thread = ''"))
        connection.execute(text("UPDATE conversation SET checked_until = checked_until + 3600"))
    sweeps.everything()
    assert sweeps.links(channel) == [PAGE]
    ws.delete_message(channel, reply)
    sweeps.everything()
    assert sweeps.links(channel) == []


def test_message_that_one_listing_lacks_is_not_taken_for_deleted(
    ws: Workspace, sweeps: Sweeps, ada: str, channel: str
) -> None:
    ts = ws.post(ada, channel, f"see <{PAGE}>")
    sweeps.everything()
    ws.faults.empty_page("conversations.history")
    sweeps.everything()
    assert [share.message for share in sweeps.shared(channel, "slack-link")] == [ts]


def test_missed_edit_changes_the_links(ws: Workspace, sweeps: Sweeps, ada: str, channel: str) -> None:
    ts = ws.post(ada, channel, f"see <{PAGE}>")
    sweeps.everything()
    ws.edit(channel, ts, "see <https://example.org/moon>")
    sweeps.everything()
    assert sweeps.links(channel) == ["https://example.org/moon"]


def test_news_in_an_older_answered_thread_is_found_by_a_complete_sweep(tmp_path: Path) -> None:
    ago = [3 * 24 * 3600.0]
    with (
        without_proxies(),
        open_workspace(manifest=MANIFEST, now=lambda: time() - ago[0]) as ws,
        open_sweeps(ws, tmp_path) as sweeps,
    ):
        channel = ws.channel("harbor", members=[ws.person("ada")])
        root = ws.post("ada", channel, mention(ws, "an old question?"))
        with sweeps.rag.write_transaction() as connection:
            put_question(connection, Question(channel, root, root, "U1", "an old question?"))
            connection.execute(text("UPDATE question SET placeholder = '1.000001'"))
        ago[0] = 0.0
        sweeps.everything()
        ws.post("ada", channel, mention(ws, "and now?"), thread_ts=root)
        sweeps.everything()
        assert sweeps.questions() == ["an old question?", "and now?"]


def test_messages_of_an_outage_of_days_are_found(tmp_path: Path) -> None:
    ago = [3 * 24 * 3600.0]
    with (
        without_proxies(),
        open_workspace(manifest=MANIFEST, now=lambda: time() - ago[0]) as ws,
        open_sweeps(ws, tmp_path) as sweeps,
    ):
        channel = ws.channel("harbor", members=[ws.person("ada")])
        with sweeps.rag.write_transaction() as connection:
            conversations.put(connection, channel, checked_until=time() - ago[0] - 60)
        ws.post("ada", channel, f"see <{PAGE}>")
        ws.post("ada", channel, mention(ws, "too old to answer?"))
        ago[0] = 0.0
        ws.post("ada", channel, mention(ws, "recent?"))
        sweeps.everything()
        assert sweeps.links(channel) == [PAGE]
        assert sweeps.questions() == ["recent?"]


def test_link_in_a_reply_whose_thread_is_gone_is_dropped_by_a_complete_sweep(
    ws: Workspace, sweeps: Sweeps, ada: str, channel: str
) -> None:
    root = ws.post(ada, channel, "a root")
    reply = ws.post(ada, channel, f"see <{PAGE}>", thread_ts=root)
    sweeps.everything()
    assert sweeps.links(channel) == [PAGE]
    ws.delete_message(channel, reply)
    ws.delete_message(channel, root)
    sweeps.everything()
    assert sweeps.links(channel) == []


def test_file_of_a_thread_that_could_not_be_read_gets_a_receipt(
    ws: Workspace, sweeps: Sweeps, ada: str, channel: str
) -> None:
    root = ws.post(ada, channel, "a root")
    shared = ws.post(ada, channel, files=[("tides.txt", b"The tide is high.")], thread_ts=root)
    ws.faults.fail("conversations.replies", error="thread_not_found")
    sweeps.request(JobKind.SWEEP_MESSAGES, channel)
    assert sweeps.names(channel) == []
    sweeps.request(JobKind.SWEEP_FILES, channel)
    assert sweeps.names(channel) == ["tides.txt"]
    with sweeps.rag.write_transaction() as connection:  # as if that was a minute later
        connection.execute(text("UPDATE job SET next_try = 0"))
    sweeps.run()
    assert [share.message for share in sweeps.shared(channel)] == [shared]
    with sweeps.rag.read_transaction() as connection:
        requested = [key.partition(":")[0] for _, _, key, _ in receipts.list_receipts(connection)]
    assert requested == [shared]
