"""Who can read a reply decides what may be in it: one function, which everything that shows something asks.

A source is shown only where every reader could open it in Slack already. What is not known, or not known in time,
counts as no: a look-up that fails narrows a scope and never widens one.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from bot.access.directory import Conversation, Directory
from bot.slack.events import Happening, Joined, Left, Moved, PersonChanged, Readers
from rag import MagpieError, Scope

log = logging.getLogger("magpie")

UNSURE = "Slack did not say who can read this conversation, so I looked only at what was shared in it."


@dataclass(frozen=True, slots=True)
class Granted:
    """What a reply may be made of. `why` is for the log of access: in words, which readers were counted.

    `notice` is said with the reply when less was looked at than could have been, for want of an answer from Slack.
    """

    scope: Scope
    why: str
    notice: str = ""


class Access:
    """Decides for one workspace. Any thread may call it."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def granted(self, channel: str, user: str) -> Granted:
        """What may be shown in a conversation to whoever can read it, when `user` asks there. Never raises."""
        try:
            return self._granted(channel, user)
        except MagpieError as error:
            log.info("A scope was narrowed to its own conversation: %s", error)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            # An answer of a shape that nobody foresaw. Its text is not said: it may name people.
            log.warning("A scope was narrowed, for Slack's answer was not understood (%s).", type(error).__name__)
        return Granted(Scope.of(channel), "this conversation alone: Slack did not say who reads it", UNSURE)

    def forget_members(self, channel: str) -> None:
        """Ask Slack anew, the next time, who is in a conversation: events may be late."""
        self._directory.drop(channel)

    def is_member(self, channel: str, user: str) -> bool:
        """Whether somebody is in a conversation, as far as Slack says so now. Never raises."""
        try:
            return user in self._directory.members(channel, self._directory.patience())
        except MagpieError as error:
            log.info("Nobody said who is in a conversation: %s", error)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            log.warning("Slack's list of members was not understood (%s).", type(error).__name__)
        return False

    def heed(self, happening: Happening) -> None:
        """Believe no longer what this may have changed. To be called before the event is acknowledged."""
        match happening:
            case Readers(channel) | Joined(channel) | Left(channel):
                self._directory.drop(channel)
            case Moved(old, new):
                self._directory.drop(old)
                self._directory.drop(new)
            case PersonChanged(user):
                self._directory.drop_person(user)

    @property
    def changes(self) -> int:
        """Grows whenever something may have changed that a scope depends on."""
        return self._directory.changes

    def distrust(self) -> None:
        """Events may have been lost: ask everything anew."""
        self._directory.drop_all()

    def _granted(self, channel: str, user: str) -> Granted:
        until = self._directory.patience()
        ours = self._directory.conversations(until)
        if channel not in ours:  # Magpie came a moment ago
            self._directory.drop(channel)
            ours = self._directory.conversations(until)
        here = ours.get(channel)
        if here is None:
            return Granted(Scope.of(channel), "this conversation alone: Magpie is not listed in it", UNSURE)
        if here.outside:
            return Granted(Scope.of(channel), "this conversation alone: it is shared with another organisation")
        if here.direct:
            return self._of_one(here, user, ours, until)
        if not self._directory.are_all_full(channel, until):
            return Granted(Scope.of(channel), "this conversation alone: guests or outsiders read it")
        public = _public(ours)
        return Granted(
            Scope.of(channel, *public),
            f"this conversation and {len(public)} public channels: full members alone read it",
        )

    def _of_one(self, here: Conversation, user: str, ours: Mapping[str, Conversation], until: float) -> Granted:
        """In a direct message: what its one reader may open."""
        alone = Scope.of(here.id)
        if here.partner != user:
            return Granted(alone, "this conversation alone: who asks is not its partner", UNSURE)
        person = self._directory.person(user, until)
        if not person.reads:
            return Granted(alone, "this conversation alone: its partner is no active person")
        theirs = self._directory.conversations_of(user, until)
        joined = {one for one in theirs if one in ours and not ours[one].direct}
        if not person.full:
            # Of a guest's channels too: Slack lists no others. Somebody from outside is listed by their own workspace.
            return Granted(Scope.of(here.id, *joined), f"what one guest may open: {len(joined)} conversations")
        public = _public(ours)
        spaces = joined | public
        return Granted(Scope.of(here.id, *spaces), f"what one full member may open: {len(spaces)} conversations")


def _public(ours: Mapping[str, Conversation]) -> set[str]:
    """Channels that every full member can open."""
    return {one.id for one in ours.values() if one.public and not one.outside}
