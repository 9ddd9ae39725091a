"""Delete data from the bot's tables and from Slack: when it is too old, or when its document is no longer shared."""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import time

from bot.db import access_log, deliveries, evidence, message_states, reply_progress, retention
from bot.db import uploads as uploaded
from bot.jobs.retracted_receipts import RetractedReceipts
from bot.slack.errors import Refused
from bot.slack.uploads import Uploads
from rag import Rag, TryAgain, expire_departures

log = logging.getLogger("magpie")

_DAY = 24 * 3600.0
_EVENTS = 2 * _DAY
"""Seconds for which delivered events, revisions of messages and departures are kept."""

_AWAY = 7 * _DAY
"""Seconds for which Magpie's pictures stay in a conversation that it left."""

_AT_ONCE = 20
"""Pictures deleted in Slack between two queries for the next ones."""


class Maintenance:
    """Handlers of the jobs that delete data."""

    def __init__(
        self,
        rag: Rag,
        uploads: Uploads,
        retracted: RetractedReceipts,
        *,
        withdraw: bool,
        keep_days: int,
        clock: Callable[[], float] = time,
    ) -> None:
        """`withdraw`: delete Magpie's pictures from Slack when their document is no longer shared. `keep_days`: days to
        keep questions and the access log. `clock` returns the time from which the age of rows is computed."""
        self._rag = rag
        self._uploads = uploads
        self._retracted = retracted
        self._withdraws = withdraw
        self._keep = keep_days * _DAY
        self._clock = clock

    def expire(self) -> None:
        """Delete rows that are older than the settings allow."""
        now = self._clock()
        with self._rag.write_transaction() as connection:
            deliveries.expire_deliveries(connection, now - _EVENTS)
            message_states.expire(connection, now - _EVENTS)
            expire_departures(connection, now - _EVENTS)
            retention.expire(connection, now - self._keep)
        self._rag.checkpoint()
        self._rag.give_back_space()

    def purge_unshared(self) -> None:
        """Delete everything that shows documents that are no longer shared: from the bot's tables and, if `withdraw` is
        set, from Slack. Have the receipts retracted of messages whose files are not shared."""
        self._retracted.find()
        with self._rag.write_transaction() as connection:
            for id in reply_progress.list_outdated_replies(connection):
                reply_progress.discard_reply(connection, id)
            access_log.scrub(connection)
        if self._withdraws:
            self._withdraw_stale()
        self._rag.checkpoint()

    def _withdraw_stale(self) -> None:
        """Delete pictures in Slack. One that Slack refuses to delete is kept for the next purge and delays no other."""
        refused: set[str] = set()
        while True:
            with self._rag.read_transaction() as connection:
                stale = evidence.stale_evidence(connection, _AT_ONCE + len(refused), self._clock() - _AWAY)
            left = [file for file in stale if file not in refused]
            for file in left:
                try:
                    self._uploads.withdraw(file)
                except Refused as error:
                    log.warning("A picture stays in Slack until the next attempt: %s", error)
                    refused.add(file)
                    continue
                with self._rag.write_transaction() as connection:
                    evidence.drop_evidence(connection, [file])
            if not left:
                return

    def delete_abandoned_uploads(self) -> None:
        """Delete uploaded pictures that will not be shared from Slack, for example after a crash.

        Raise TryAgain while other pictures are being uploaded or shared.
        """
        with self._rag.read_transaction() as connection:
            abandoned, in_progress = uploaded.abandoned_uploads(connection)
        for file in abandoned:
            try:
                self._uploads.withdraw(file)
            except Refused as error:
                log.warning("Could not delete an uploaded picture: %s", error)
            with self._rag.write_transaction() as connection:
                evidence.drop_evidence(connection, [file])
                uploaded.drop_uploads(connection, [file])
        if in_progress:
            raise TryAgain(f"{in_progress} pictures are being uploaded or shared.")
