"""Decide which conversations a reply may draw on. Everything that shows content asks this module.

A source is shown only where every reader of the reply could open it in Slack already. If Slack does not answer, or not
in time, access is denied: a failed lookup narrows a scope and never widens one.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from bot.access.directory import Conversation, Directory
from bot.slack import messages
from bot.slack.events import Event, Joined, Left, Moved, PersonChanged, Readers
from rag import MagpieError, Scope

log = logging.getLogger("magpie")


@dataclass(frozen=True, slots=True)
class Granted:
    """What a reply may be made of. `why` goes into the access log: in words, which readers were counted.

    `notice` is shown with the reply when less was searched than possible because Slack did not answer.
    """

    scope: Scope
    why: str
    notice: str = ""


class Access:
    """Decides for one workspace. Any thread may call it."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def granted(self, channel: str, user: str) -> Granted:
        """Return what a reply to `user` in a conversation may be made of, given who can read it. Never raises."""
        try:
            return self._granted(channel, user)
        except MagpieError as error:
            log.info("A scope was narrowed to its own conversation: %s", error)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            # A response of an unexpected shape. Its text is not logged: it may name people.
            log.warning("A scope was narrowed because Slack's response was malformed (%s).", type(error).__name__)
        return Granted(Scope.of(channel), "this conversation alone: Slack did not say who reads it", messages.UNSURE)

    def is_member(self, channel: str, user: str) -> bool:
        """Return whether a person is in a conversation; False if Slack does not say. Never raises."""
        try:
            return user in self._directory.members(channel, self._directory.deadline())
        except MagpieError as error:
            log.info("The members of a conversation are unknown: %s", error)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            log.warning("Slack's list of members is malformed (%s).", type(error).__name__)
        return False

    def invalidate_members(self, channel: str) -> None:
        """Ask Slack again, the next time, who is in a conversation: events may be late."""
        self._directory.invalidate(channel)

    def invalidate(self, happening: Event) -> None:
        """Drop what an event may have changed from the cache. Call it before the event is acknowledged."""
        match happening:
            case Readers(channel) | Joined(channel) | Left(channel):
                self._directory.invalidate(channel)
            case Moved(old, new):
                self._directory.invalidate(old)
                self._directory.invalidate(new)
            case PersonChanged(user):
                self._directory.invalidate_person(user)

    def invalidate_all(self) -> None:
        """Drop the whole cache: events may have been lost."""
        self._directory.invalidate_all()

    @property
    def changes(self) -> int:
        """A number that grows whenever something may have changed that a scope depends on."""
        return self._directory.changes

    def _granted(self, channel: str, user: str) -> Granted:
        until = self._directory.deadline()
        ours = self._directory.conversations(until)
        if channel not in ours:  # Magpie may have joined a moment ago
            self._directory.invalidate(channel)
            ours = self._directory.conversations(until)
        here = ours.get(channel)
        if here is None:
            return Granted(Scope.of(channel), "this conversation alone: Magpie is not listed in it", messages.UNSURE)
        if here.outside:
            return Granted(Scope.of(channel), "this conversation alone: it is shared with another organization")
        if here.direct:
            return self._granted_in_direct_message(here, user, ours, until)
        if not self._directory.are_all_full_members(channel, until):
            return Granted(Scope.of(channel), "this conversation alone: guests or outsiders read it")
        public = _public(ours)
        return Granted(
            Scope.of(channel, *public),
            f"this conversation and {len(public)} public channels: full members alone read it",
        )

    def _granted_in_direct_message(
        self, here: Conversation, user: str, ours: Mapping[str, Conversation], until: float
    ) -> Granted:
        """Return what the one reader of a direct message may open."""
        alone = Scope.of(here.id)
        if here.partner != user:
            return Granted(alone, "this conversation alone: who asks is not its partner", messages.UNSURE)
        person = self._directory.person(user, until)
        if not person.is_active:
            return Granted(alone, "this conversation alone: its partner is not an active person")
        theirs = self._directory.conversations_of(user, until)
        joined = {one for one in theirs if one in ours and not ours[one].direct}
        if not person.is_full_member:
            # A guest's public channels too, because Slack lists only those that the guest is in. People of other
            # workspaces are listed by their own workspace.
            return Granted(Scope.of(here.id, *joined), f"what one guest may open: {len(joined)} conversations")
        public = _public(ours)
        spaces = joined | public
        return Granted(Scope.of(here.id, *spaces), f"what one full member may open: {len(spaces)} conversations")


def _public(ours: Mapping[str, Conversation]) -> set[str]:
    """Return the channels that every full member can open."""
    return {one.id for one in ours.values() if one.public and not one.outside}
