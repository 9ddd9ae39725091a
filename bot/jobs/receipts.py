"""Receipts: the reaction on a message once all its files are searchable or failed."""

from __future__ import annotations

import logging

from bot.db import jobs, receipts
from bot.db.jobs import Job
from bot.slack.blocks import escape
from bot.slack.client import SlackClient
from bot.slack.errors import Refused
from bot.slack.files import KIND
from bot.slack.messages import answer_texts
from rag import Rag, ShareState, SourceStatus, TryAgain, list_shares, source_statuses

log = logging.getLogger("magpie")

READ, INCOMPLETE, UNREADABLE = "white_check_mark", "large_yellow_circle", "warning"
"""Reactions: the file is searchable; it is searchable, but something in it could not be read; it could not be read."""

THANKED = "raised_hands"
"""The reaction on a message that thanks Magpie."""

RECEIPTS = (READ, INCOMPLETE, UNREADABLE)

_SETTLED = ("ready", "failed")


class Receipts:
    """Handler of the receipt jobs."""

    def __init__(self, client: SlackClient, rag: Rag) -> None:
        self._client = client
        self._rag = rag

    def is_waiting(self) -> bool:
        """Return whether there are messages with files that are not indexed yet."""
        with self._rag.read_transaction() as connection:
            return receipts.is_held(connection)

    def release(self) -> bool:
        """Make the receipts due of messages whose files are all indexed or failed. Return whether there were any."""
        with self._rag.read_transaction() as connection:
            held = [
                (job.id, job.channel, *receipts.message_and_file(job.key)) for job in receipts.held_receipts(connection)
            ]
            unsettled = set()
            for channel in {channel for _, channel, _, _ in held}:
                files = [file for _, shared_in, _, file in held if shared_in == channel]
                statuses = source_statuses(connection, KIND, files, channel)
                unsettled |= {(channel, status.ref) for status in statuses if status.state not in _SETTLED}
                checked = list_shares(connection, KIND, space=channel, states=[ShareState.CHECKING])
                unsettled |= {(channel, share.ref) for share in checked}
        waiting = {(channel, ts) for _, channel, ts, file in held if (channel, file) in unsettled}
        settled = [id for id, channel, ts, _ in held if (channel, ts) not in waiting]
        if settled:
            with self._rag.write_transaction() as connection:
                jobs.release(connection, settled)
        return bool(settled)

    def acknowledge(self, job: Job) -> None:
        """Add the reaction to a message. A file that is no longer shared gets none."""
        ts, file = receipts.message_and_file(job.key)
        with self._rag.read_transaction() as connection:
            statuses = source_statuses(connection, KIND, [file], job.channel)
            is_checked = list_shares(connection, KIND, file, space=job.channel, states=[ShareState.CHECKING])
        if is_checked:
            raise TryAgain("Slack is being asked whether the file is still shared here.")
        for status in statuses:
            if status.state not in _SETTLED:
                raise TryAgain("The file changed and is being read again.")
            self._react(job, ts, status)

    def thank(self, job: Job) -> None:
        """Add a reaction to a message that thanks Magpie."""
        self._client.add_reaction(job.channel, job.key, THANKED)

    def _react(self, job: Job, ts: str, status: SourceStatus) -> None:
        failed = status.state == "failed"
        try:
            self._client.add_reaction(job.channel, ts, UNREADABLE if failed else INCOMPLETE if status.lost else READ)
        except Refused as error:
            log.info("No receipt on a message: %s", error)
        if failed or status.lost:  # the reason is needed even without a reaction
            said = answer_texts.unreadable_file(status) if failed else answer_texts.incomplete_file(status)
            self._client.post_ephemeral(job.channel, job.user, escape(said))
