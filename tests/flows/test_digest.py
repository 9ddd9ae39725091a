"""The digest of a channel whose settings ask for one, in a workspace with the real bot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from time import time
from typing import Any

import pytest

from bot.db import channel_settings, jobs
from bot.db.channel_settings import ChannelSettings, Digest
from bot.db.jobs import Job, JobKind
from bot.demo.slack_server import Message, Workspace
from bot.jobs.digest import LISTED, Digests
from bot.main import Bot
from bot.slack.errors import RateLimited
from rag import FileType, OperatorMustAct, Scope, TryAgain
from tests.flows.team import HANDBOOK, READ, pdf, receipts, said, share, until

DAY = 24 * 3600.0

Post = Callable[[float], None]


@pytest.fixture
def digests(bot: Bot, channel: str) -> Post:
    """Return a function that posts the digests that are due at a time; that of the channel is daily."""
    with bot.rag.write_transaction() as connection:
        settings = ChannelSettings(digest=Digest.DAILY, changed_at=time() - 60)
        channel_settings.put(connection, channel, settings)

    def post(at: float) -> None:
        until(lambda: not is_swept(bot, channel))
        handler = Digests(bot.client, bot.rag, lambda: at)
        handler.handle(Job(1, JobKind.DIGEST, channel, "", "", 1, 1, 0, at))

    return post


def is_swept(bot: Bot, channel: str) -> bool:
    with bot.rag.read_transaction() as connection:
        return jobs.is_open(connection, [JobKind.SWEEP], "") or jobs.is_open(connection, jobs.SWEEPS, channel)


def posted(ws: Workspace, channel: str) -> list[Message]:
    return [message for message in ws.messages(channel) if message.user == ws.bot_user]


def test_digest_names_the_files_of_the_channel_once(
    ws: Workspace, digests: Post, ada: str, ben: str, channel: str
) -> None:
    secret = ws.channel("secret", members=[ada], private=True)
    share(ws, ada, secret, "secret.pdf", pdf("Nothing for others."))
    share(ws, ada, channel)
    share(ws, ben, channel, "notes.pdf", HANDBOOK)
    digests(time())  # not due yet
    assert posted(ws, channel) == []
    digests(time() + DAY)
    [message] = posted(ws, channel)
    assert "I indexed 2 files here:" in said(message)
    assert said(message).index("notes.pdf") < said(message).index("handbook.pdf")
    assert "secret.pdf" not in said(message)
    assert f"<{ws.file_link(ws.files('notes.pdf')[0].id)}|notes.pdf>" in said(message)
    digests(time() + 2 * DAY)
    assert len(posted(ws, channel)) == 1  # nothing was indexed since


def test_file_that_is_found_or_taken_in_late_is_named(
    ws: Workspace, bot: Bot, digests: Post, ada: str, channel: str
) -> None:
    with bot.rag.write_transaction() as connection:
        known = channel_settings.find(connection, channel)
        channel_settings.put(connection, channel, replace(known, types=frozenset({FileType.IMAGE})))
    left_out = ws.post(ada, channel, files=[("handbook.pdf", HANDBOOK)])
    ws.settled()
    with bot.rag.write_transaction() as connection:
        channel_settings.put(connection, channel, known)
    share(ws, ada, channel, "found.pdf", pdf("Found by a sweep."))
    with bot.rag.write_transaction() as connection:  # both were shared before the time of this digest
        connection.exec_driver_sql("UPDATE share SET shared_at = shared_at - 864000")
        jobs.request(connection, JobKind.READMIT)
    bot.wake_up.notify()
    receipts(ws, channel, left_out, READ)
    digests(time() + DAY)
    [message] = posted(ws, channel)
    assert "I indexed 2 files here:" in said(message)


def test_deleted_file_is_not_named(ws: Workspace, bot: Bot, digests: Post, ada: str, channel: str) -> None:
    share(ws, ada, channel)
    [file] = ws.files("handbook.pdf")
    ws.delete_file(file.id)
    until(lambda: not bot.rag.documents(Scope.of(channel)))
    digests(time() + DAY)
    assert posted(ws, channel) == []


def test_digest_waits_for_the_sweep_that_finds_what_was_deleted(
    ws: Workspace, bot: Bot, digests: Post, ada: str, channel: str
) -> None:
    share(ws, ada, channel)
    until(lambda: not is_swept(bot, channel))
    with bot.rag.write_transaction() as connection:
        jobs.request(connection, JobKind.SWEEP_FILES, channel, delay=60)
    with pytest.raises(TryAgain):
        Digests(bot.client, bot.rag, lambda: time() + DAY).handle(
            Job(1, JobKind.DIGEST, channel, "", "", 1, 1, 0, time())
        )
    assert posted(ws, channel) == []


def test_long_list_is_cut(ws: Workspace, digests: Post, ada: str, channel: str) -> None:
    data = [(f"page{number}.pdf", pdf(f"Page {number} of the log.")) for number in range(LISTED + 2)]
    receipts(ws, channel, ws.post(ada, channel, files=data), READ)
    digests(time() + DAY)
    [message] = posted(ws, channel)
    assert "… and 2 more." in said(message)


@pytest.mark.parametrize(
    ("fault", "raised"), [({"status": 429}, RateLimited), ({"error": "missing_scope"}, OperatorMustAct)]
)
def test_digest_that_slack_did_not_post_is_due_again(
    ws: Workspace, digests: Post, ada: str, channel: str, fault: dict[str, Any], raised: type[Exception]
) -> None:
    share(ws, ada, channel)
    ws.faults.fail("chat.postMessage", 1, **fault)
    with pytest.raises(raised):
        digests(time() + DAY)
    assert posted(ws, channel) == []
    digests(time() + DAY)
    assert len(posted(ws, channel)) == 1


def test_due_digest_is_requested_for_its_channel(ws: Workspace, bot: Bot, ada: str, channel: str) -> None:
    share(ws, ada, channel)
    with bot.rag.write_transaction() as connection:
        settings = ChannelSettings(digest=Digest.DAILY, changed_at=time() - DAY)
        channel_settings.put(connection, channel, settings)
    with bot.rag.write_transaction() as connection:
        jobs.request(connection, JobKind.DIGEST)
    bot.wake_up.notify()
    ws.wait(lambda: posted(ws, channel), 20, "the digest")
