"""What is deleted from the bot's tables and from Slack: by age, and with the documents it shows."""

from __future__ import annotations

import logging
from time import time

from bot.db import access_log, deliveries, file_states, links, questions, retention
from bot.db import uploads as uploaded
from bot.slack.client import Refused
from bot.slack.files import LINK
from bot.slack.uploads import Uploads
from rag import Rag, TryAgain, shared_in

log = logging.getLogger("magpie")

_DAY = 24 * 3600.0
_EVENTS = 2 * _DAY
"""Seconds for which delivered events, departures and removals are kept."""

_AT_ONCE = 20
"""Pictures deleted in Slack between two queries for the next ones."""


class Maintenance:
    """Handlers of the jobs that delete."""

    def __init__(self, rag: Rag, uploads: Uploads, *, withdraw: bool, keep_days: int) -> None:
        """`withdraw`: delete pictures in Slack with the document they show. `keep_days`: of questions and the log."""
        self._rag = rag
        self._uploads = uploads
        self._withdraws = withdraw
        self._keep = keep_days * _DAY

    def expire(self) -> None:
        """Delete what is too old."""
        with self._rag.write_transaction() as connection:
            deliveries.expire_deliveries(connection, _EVENTS)
            file_states.expire_departures(connection, _EVENTS)
            retention.expire(connection, time() - self._keep)
        self._rag.checkpoint()

    def purge_unshared(self) -> None:
        """Delete from the bot's tables, and from Slack if that is set, what shows documents that nobody shares."""
        with self._rag.write_transaction() as connection:
            for id in questions.list_outdated_replies(connection):
                questions.discard_reply(connection, id)
            access_log.scrub(connection)
            for channel in links.channels_with_links(connection):
                links.drop_links(connection, channel, shared_in(connection, LINK, channel))
        while self._withdraws:
            with self._rag.read_transaction() as connection:
                stale = access_log.stale_evidence(connection, _AT_ONCE)
            for file in stale:
                self._uploads.withdraw(file)
                with self._rag.write_transaction() as connection:
                    access_log.drop_evidence(connection, [file])
            if not stale:
                break
        self._rag.checkpoint()

    def delete_abandoned_uploads(self) -> None:
        """Delete pictures in Slack that were uploaded and will not be shared, after a crash too.

        Raise TryAgain while others are being uploaded or shared.
        """
        with self._rag.read_transaction() as connection:
            abandoned, coming = uploaded.abandoned_uploads(connection)
        for file in abandoned:
            try:
                self._uploads.withdraw(file)
            except Refused as error:
                log.warning("Could not delete an uploaded picture: %s", error)
            with self._rag.write_transaction() as connection:
                access_log.drop_evidence(connection, [file])
                uploaded.drop_uploads(connection, [file])
        if coming:
            raise TryAgain(f"{coming} pictures are being uploaded or shared.")
