"""Removes the files of other organizations, when the settings say so."""

from __future__ import annotations

from time import time

from bot.db import jobs
from bot.db.jobs import JobKind
from bot.slack.client import SlackClient
from bot.slack.errors import Refused
from bot.slack.files import KIND
from rag import Rag, list_shares, remove_shares

_DAY = 24 * 3600.0
_WHY = "of another organization"


class ExternalFiles:
    """Removes what people of other organizations shared `days` ago or earlier; 0: all of it, None: nothing.

    A file stays removed until it is shared again.
    """

    def __init__(self, client: SlackClient, rag: Rag, own_teams: frozenset[str], days: int | None) -> None:
        self._client = client
        self._rag = rag
        self._own_teams = own_teams
        self._days = days
        self._outside: dict[str, bool] = {}

    def expire(self) -> None:
        if self._days is None:
            return
        before = time() - self._days * _DAY
        with self._rag.read_transaction() as connection:
            shares = list_shares(connection, KIND)
        # A file without a name was announced by its id alone. Nothing of it is fetched, and once Slack says more about
        # it, it is refused, and its person is notified.
        old = [share for share in shares if share.shared_by and share.name and share.shared_at <= before]
        outside = [share for share in old if self._is_outside(share.shared_by or "")]
        if not outside:
            return
        with self._rag.write_transaction() as connection:
            for share in outside:
                remove_shares(connection, [share.source], share.space, _WHY)
            jobs.request(connection, JobKind.PURGE)

    def _is_outside(self, user: str) -> bool:
        """Return whether a person is of another organization; False if Slack does not show the person any more."""
        if user not in self._outside:
            try:
                team = str(self._client.get_person(user).get("team_id") or "")
            except Refused:
                return False
            self._outside[user] = bool(team) and team not in self._own_teams
        return self._outside[user]
