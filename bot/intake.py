"""Which shared files and links are indexed, and which wait until a limit allows them.

`decide` alone knows the limits, for what events, listings and messages in the history share. What
it refuses is recorded with the reason. `readmit` takes it up when the limits allow it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from time import time
from typing import Any

from sqlalchemy import Connection

from bot.db import channel_settings, receipts
from bot.slack.events import IntakeRefusal, SlackFile, Unusable
from bot.slack.file_kinds import type_of_name
from bot.slack.files import KIND, LINK
from rag import (
    FileType,
    IntakePriority,
    Share,
    ShareState,
    StoredShare,
    count_shared_in,
    files_waiting,
    is_shared,
    list_shares,
    put_share,
)

_ID = re.compile("[CG][0-9A-Z]{6,}")
"""The form of the ids of channels. Names of channels are in lower case."""

_DAY = 24 * 3600.0
_SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class ChannelRules:
    """The channels whose files are indexed: ids or names, without #. `only`: no other channels; empty: all of them.

    Conversations that are not channels are always indexed: what people send there is meant for Magpie. The names of
    channels are learned with `learn`. A channel whose name is not known yet is left out if a rule has names.
    """

    only: frozenset[str] = frozenset()
    skip: frozenset[str] = frozenset()
    need_names: bool = False
    _names: dict[str, str] = field(default_factory=dict, compare=False)

    @classmethod
    def of(cls, only: Iterable[str], skip: Iterable[str]) -> ChannelRules:
        """Return rules of ids and names as people write them: `#Ops`, `ops`, `C0123`."""
        only, skip = list(only), list(skip)
        need_names = not all(_ID.fullmatch(rule) for rule in [*only, *skip])
        return cls(frozenset(map(_plain, only)), frozenset(map(_plain, skip)), need_names)

    def learn(self, conversations: Iterable[Mapping[str, Any]]) -> None:
        """Take the names of these conversations, as Slack lists them. Thread-safe."""
        for raw in conversations:
            self._names[str(raw.get("id"))] = _plain(str(raw.get("name") or ""))

    def allow(self, channel: str) -> bool:
        """Return whether the files of this conversation are indexed."""
        if channel.startswith("D") or not (self.only or self.skip):
            return True
        known_as = {channel.lower(), self._names.get(channel, "")}
        if known_as & self.skip or (self.need_names and channel not in self._names):
            return False
        return not self.only or bool(known_as & self.only)


@dataclass(frozen=True, slots=True)
class IntakeRules:
    """Limits on what is indexed; 0: no limit. `since`: time of the oldest messages, in seconds since 1970.
    `days`: their age.

    `channel_files`: files of one channel that are indexed. `person_files`: files of one person that may be waiting.
    `own_teams`: the workspace and organization whose files are indexed; empty: those of others are, too.
    """

    channels: ChannelRules = field(default_factory=ChannelRules)
    since: float = 0.0
    days: int = 0
    channel_files: int = 0
    person_files: int = 0
    own_teams: frozenset[str] = frozenset()

    def unusable(self, file: SlackFile) -> Unusable | None:
        """Return why a file cannot be indexed, or may not be because another organization's person uploaded it."""
        if self.own_teams and file.team and file.team not in self.own_teams:
            return Unusable.OUTSIDE
        return file.unusable

    def is_too_old(self, at: float) -> bool:
        return at < self.since or (self.days > 0 and at < time() - self.days * _DAY)


def decide(connection: Connection, new: Share, rules: IntakeRules, unusable: Unusable | None = None) -> Share:
    """Return a share as one that is indexed, or as refused with the reason.

    What is indexed in its space already stays. Links count apart from files.
    """
    reason = unusable.value if unusable is not None else _limit(connection, new, rules)
    if not reason or (unusable is None and list_shares(connection, new.kind, new.ref, space=new.space)):
        return replace(new, state=ShareState.SHARED, reason="")
    return replace(new, state=ShareState.REFUSED, reason=reason)


def _limit(connection: Connection, new: Share, rules: IntakeRules) -> str:
    """Return the limit that a new share exceeds, if any."""
    user = new.shared_by or ""
    if not rules.channels.allow(new.space):
        return IntakeRefusal.CHANNEL
    if is_type_left_out(connection, new):
        return IntakeRefusal.TYPE
    if rules.is_too_old(new.shared_at or 0.0):
        return IntakeRefusal.TOO_OLD
    if rules.channel_files and count_shared_in(connection, new.kind, new.space) >= rules.channel_files:
        return IntakeRefusal.CHANNEL_FULL
    if not may_queue_file(connection, user, rules.person_files) and not is_shared(connection, new.kind, new.ref):
        return IntakeRefusal.TOO_MANY_FILES
    return ""


def is_type_left_out(connection: Connection, share: Share) -> bool:
    """Return whether the settings of a channel leave out files of this type, which the name says; see `typed_name`. A
    file of another organization has no name until Slack is asked for it; then this is asked again."""
    types = channel_settings.find(connection, share.space).types
    if not types or (share.kind == KIND and not share.name):
        return False
    return (FileType.LINK if share.kind == LINK else type_of_name(share.name)) not in types


def may_queue_file(connection: Connection, user: str, files: int) -> bool:
    """Return whether this person has fewer than `files` files waiting to be indexed; 0: no limit."""
    return not files or not user or files_waiting(connection, user) < files


def readmit(connection: Connection, rules: IntakeRules) -> int:
    """Take up what a limit refused and allows now, the newest first. Return how many sources."""
    refused = [row for row in list_shares(connection, states=[ShareState.REFUSED]) if row.reason in set(IntakeRefusal)]
    full: set[tuple[str, str, str]] = set()
    count = 0
    for row in sorted(refused, key=lambda row: -row.shared_at):
        limited = (
            row.kind,
            row.reason,
            row.shared_by or "" if row.reason == IntakeRefusal.TOO_MANY_FILES else row.space,
        )
        if row.reason in (IntakeRefusal.TOO_MANY_FILES, IntakeRefusal.CHANNEL_FULL) and limited in full:
            continue
        decided = decide(connection, as_new(row), rules)
        if decided.state is ShareState.SHARED:
            accept(connection, row, IntakePriority.FOUND)
            count += 1
        elif decided.reason == row.reason:
            full.add(limited)
    return count


def as_new(row: StoredShare) -> Share:
    """Return a stored share as it would be shared again."""
    return Share(
        row.kind,
        row.ref,
        row.space,
        row.name,
        shared_by=row.shared_by,
        message=row.message,
        shared_at=row.shared_at,
    )


def accept(connection: Connection, refused: StoredShare, priority: IntakePriority) -> None:
    """Index a file or link that was refused, and request the receipt of a file."""
    changed = int(refused.shared_at) * _SECOND  # until its own time is known, so that the newest is fetched first
    share = Share(
        refused.kind,
        refused.ref,
        refused.space,
        changed_ns=changed,
        message=refused.message,
        listed=True,
        priority=priority,
    )
    is_file = refused.kind == KIND
    if put_share(connection, share) is ShareState.SHARED and is_file and refused.message and refused.shared_by:
        receipts.request_receipt(connection, refused.space, refused.message, refused.ref, refused.shared_by)


def _plain(name: str) -> str:
    return name.strip().removeprefix("#").lower()
