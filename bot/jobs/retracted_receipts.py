"""Retract receipts: a message whose files are no longer searchable loses its reaction."""

from __future__ import annotations

from bot.db import jobs, receipts
from bot.db.jobs import Job, JobKind
from bot.jobs.receipts import RECEIPTS
from bot.slack.client import SlackClient
from bot.slack.files import KIND
from rag import EXPIRED, Rag, ShareState, list_shares, shared_messages

EXPIRED_MARK = "wastebasket"
"""Reaction: the file was deleted because of its age, as `keep.files_days` says."""


class RetractedReceipts:
    """Handler of the job RETRACT_RECEIPT."""

    def __init__(self, client: SlackClient, rag: Rag) -> None:
        self._client = client
        self._rag = rag

    def find(self) -> None:
        """Request the jobs for messages of which no file is shared any more."""
        with self._rag.read_transaction() as connection:
            given = receipts.list_receipts(connection)
            shared = shared_messages(connection, KIND)
        gone, kept = [], set()
        for id, channel, key, is_done in given:
            ts, file = receipts.message_and_file(key)
            if not is_done or {(channel, ts, file), (channel, "", file)} & shared:
                kept.add((channel, ts))
            else:
                gone.append((id, channel, ts))
        if not gone:
            return
        with self._rag.write_transaction() as connection:
            receipts.drop(connection, [id for id, _, _ in gone])
            for channel, ts in sorted({(channel, ts) for _, channel, ts in gone} - kept):
                jobs.request(connection, JobKind.RETRACT_RECEIPT, channel, ts)

    def retract(self, job: Job) -> None:
        """Remove the reaction of a message; if its files were deleted because of their age, show that instead."""
        with self._rag.read_transaction() as connection:
            if list_shares(connection, KIND, space=job.channel, message=job.key):
                return  # shared again meanwhile
            forgotten = list_shares(connection, KIND, space=job.channel, message=job.key, states=[ShareState.FORGOTTEN])
        for name in RECEIPTS:
            self._client.remove_reaction(job.channel, job.key, name)
        if any(share.reason == EXPIRED for share in forgotten):
            self._client.add_reaction(job.channel, job.key, EXPIRED_MARK)
