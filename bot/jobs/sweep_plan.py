"""Decide which conversations are swept when, and which ones Magpie has left.

A sweep makes up for missed events. Files and messages of a conversation are swept by separate jobs, because Slack may
refuse or limit one of the two.
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Callable, Collection, Mapping
from time import time

from sqlalchemy import Connection

from bot.access.directory import conversation
from bot.db import channel_settings, conversations, jobs
from bot.db.conversations import SweepState
from bot.db.jobs import JobKind
from bot.inbox.recording import leave
from bot.slack.client import SlackClient
from bot.slack.errors import Refused
from bot.slack.files import KIND, LINK
from rag import Rag, spaces_of

log = logging.getLogger("magpie")

PER_MINUTE = 45
"""Sweeps of one kind that begin each minute. Slack allows 50 calls of files.list and of conversations.history."""

LONGEST_INTERVAL = 6 * 3600.0
_QUIET_PART = 8
_DAY = 24 * 3600.0

_SWEEPS = (JobKind.SWEEP_FILES, JobKind.SWEEP_MESSAGES)


class SweepPlan:
    """Handlers of the jobs that request sweeps. `minutes`: the shortest interval of a conversation's sweeps."""

    def __init__(self, client: SlackClient, rag: Rag, minutes: float, clock: Callable[[], float] = time) -> None:
        self._client = client
        self._rag = rag
        self._shortest = minutes * 60
        self._clock = clock

    def plan(self, *, complete: bool) -> None:
        """Request the sweeps that are due. `complete`: of every conversation, as events may have been lost.

        A conversation that the list lacks may be missing by mistake: the list is asked again, then each is confirmed.
        """
        listed = self._list_conversations()
        missing = self._known() - set(listed)
        if len(missing) > 1:
            listed |= self._list_conversations()
            missing -= set(listed)
        deserted = {channel for channel, is_deserted in listed.items() if is_deserted}
        here = set(listed) - deserted
        with self._rag.write_transaction() as connection:
            for channel in sorted(deserted & _with_data(connection)):
                leave(connection, channel)
            jobs.request_spaced(connection, JobKind.CONFIRM_CHANNEL, _keys(sorted(missing)), PER_MINUTE)
            if complete:
                conversations.request_complete(connection, sorted(here | missing), self._clock())
            states, now = conversations.list_all(connection), self._clock()
            for kind in _SWEEPS:
                due = due_channels(kind, here, states, now, self._shortest)
                jobs.request_spaced(connection, kind, _keys(due), PER_MINUTE, within=max(self._shortest, 60.0))
            jobs.request(connection, JobKind.PURGE)

    def request(self, channel: str) -> None:
        """Request complete sweeps of one conversation, now."""
        with self._rag.write_transaction() as connection:
            conversations.request_complete(connection, [channel], self._clock())
            for kind in _SWEEPS:
                jobs.request(connection, kind, channel)

    def confirm(self, channel: str) -> None:
        """Drop a conversation if Slack says that Magpie is not in it; else sweep it although lists lack it."""
        try:
            raw = self._client.get_conversation(channel)
        except Refused as error:
            if error.code != "channel_not_found":
                raise
            is_here = False
        else:
            is_here = raw.get("is_member") is not False and not conversation(raw).deserted
        with self._rag.write_transaction() as connection:
            if not is_here:
                log.info("Magpie is not in %s any more.", channel)
                leave(connection, channel)
                return
            states, now = conversations.list_all(connection), self._clock()
            for kind in _SWEEPS:
                due = due_channels(kind, [channel], states, now, self._shortest)
                jobs.request_spaced(connection, kind, _keys(due), PER_MINUTE)

    def _list_conversations(self) -> dict[str, bool]:
        """Return {conversation that Magpie is in: whether its other person is deactivated}."""
        return {found.id: found.deserted for found in map(conversation, self._client.list_conversations())}

    def _known(self) -> set[str]:
        with self._rag.read_transaction() as connection:
            return {*_with_data(connection), *conversations.list_all(connection)}


def _with_data(connection: Connection) -> set[str]:
    """Return the conversations that share anything or have settings."""
    shared = {*spaces_of(connection, KIND), *spaces_of(connection, LINK)} - {""}
    return shared | set(channel_settings.channels(connection))


def _keys(channels: Collection[str]) -> list[tuple[str, str]]:
    return [(channel, "") for channel in channels]


def due_channels(
    kind: JobKind, channels: Collection[str], states: Mapping[str, SweepState], now: float, shortest: float
) -> list[str]:
    """Return the conversations whose sweep of this kind is due, the most overdue first; then the most active."""
    overdue = {
        channel: _overdue(kind, states.get(channel) or SweepState(channel), now, shortest) for channel in channels
    }
    due = [channel for channel in channels if overdue[channel] >= 1]
    return sorted(due, key=lambda channel: (-overdue[channel], -_active(states, channel), channel))


def _active(states: Mapping[str, SweepState], channel: str) -> float:
    return states[channel].active_at if channel in states else 0.0


def _overdue(kind: JobKind, state: SweepState, now: float, shortest: float) -> float:
    """Return the time since the last sweep in intervals; infinite if a complete sweep is due."""
    is_files = kind is JobKind.SWEEP_FILES
    if is_complete_due(state, state.reconciled_at if is_files else state.reviewed_at, now):
        return float("inf")
    swept = state.files_until if is_files else state.checked_until
    # Half a round early: jobs of one round are spread over minutes, and would otherwise miss every second round.
    return (now - swept + shortest / 2) / interval(state, now, shortest)


def interval(state: SweepState, now: float, shortest: float) -> float:
    """Return the seconds between two sweeps: an eighth of the time without activity, up to six hours."""
    return max(shortest, min((now - state.active_at) / _QUIET_PART, LONGEST_INTERVAL))


def is_complete_due(state: SweepState, last: float, now: float) -> bool:
    """Return whether a complete sweep is due, the last one having begun at `last`: after a request, and once a day.

    Each conversation has its own time of day, so that they are spread over the day.
    """
    since_slot = (now - zlib.crc32(state.channel.encode()) % _DAY) % _DAY
    return state.requested_at > last or last < now - since_slot
