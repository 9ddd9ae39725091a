"""Handlers of the jobs that apply the limits on what is indexed."""

from __future__ import annotations

import logging

from bot.db import ephemeral_messages, notices
from bot.db.ephemeral_messages import EphemeralRequest
from bot.db.jobs import Job, JobKind
from bot.intake import IntakeRules, readmit
from bot.slack.client import SlackClient
from bot.slack.messages import command_texts
from rag import Rag

log = logging.getLogger("magpie")

MANY_FILES = 20
"""Files in a channel from which the person who adds Magpie is notified of their number."""


class Intake:
    """Takes up files that a limit refused, and notifies the person who adds Magpie to a channel of its files."""

    def __init__(self, client: SlackClient, rag: Rag, rules: IntakeRules) -> None:
        self._client = client
        self._rag = rag
        self._rules = rules

    def readmit(self) -> None:
        """Take up the files that the limits allow now. Names of channels may have changed, so they are read first."""
        self.learn_channels()
        with self._rag.write_transaction() as connection:
            count = readmit(connection, self._rules)
        if count:
            log.info("Indexing %d files that a limit had refused.", count)

    def learn_channels(self) -> None:
        """Ask Slack for the names of channels, if a rule has names."""
        if self._rules.channels.need_names:
            self._rules.channels.learn(self._client.list_conversations())

    def welcome(self, job: Job) -> None:
        """Notify the person who added Magpie to a channel of the number of its files, if there are many."""
        self.learn_channels()
        if not self._rules.channels.allow(job.channel):
            return
        count = self._client.count_files(job.channel)
        with self._rag.write_transaction() as connection:
            if count >= MANY_FILES and notices.put_notice(connection, job.user, f"files:{job.channel}"):
                request = EphemeralRequest(JobKind.SAY, job.channel, job.user, command_texts.many_files(count))
                ephemeral_messages.put_ephemeral_request(connection, request)
