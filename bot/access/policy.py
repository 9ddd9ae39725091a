"""Decide which conversations a reply may use. Everything that shows content asks this module.

A source is used only if every reader of the reply can already open it in Slack. If Slack does not answer in time,
access is denied: a failed lookup narrows a scope and never widens one.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.access.directory import Conversation, Directory, Person
from bot.access.names import NO_NAMES, Names, names_of
from bot.folders import EVERYONE
from bot.slack.errors import Refused
from bot.slack.events import Event, Joined, Left, Message, Moved, PersonChanged, ReadersChanged
from bot.slack.messages import answer_texts
from bot.slack.payloads import as_app
from rag import MagpieError, NotFound, Scope, TryAgain

log = logging.getLogger("magpie")

_UNKNOWN_PERSON = frozenset({"user_not_found", "users_not_found", "user_not_visible"})
"""Slack's errors for a person who is not in the workspace."""


@dataclass(frozen=True, slots=True)
class Granted:
    """What a reply may use.

    `why`: the reason in words, for the access log. `notice`: shown with the reply if Slack did not answer and fewer
    files than possible were searched. `readers`: the people who can read a reply; None: everyone that `why` names, or
    not known. `changes`: the value of `Access.changes` before this was decided.
    """

    scope: Scope
    why: str
    notice: str = ""
    readers: frozenset[str] | None = None
    changes: int = 0


@dataclass(frozen=True, slots=True)
class MayChange:
    """Whether a person may change the settings of a conversation, and whether it is a direct message, of two people or
    of more."""

    is_allowed: bool
    is_direct: bool


class Access:
    """The access policy of one workspace. Thread-safe."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    def granted(self, channel: str, user: str) -> Granted:
        """Return what a reply to `user` in a conversation may use, given who can read it. Never raises."""
        changes = self.changes
        return replace(self._granted_or_narrow(channel, user), changes=changes)

    def _granted_or_narrow(self, channel: str, user: str) -> Granted:
        try:
            return self._granted(channel, user)
        except MagpieError as error:
            log.info("Searching only the conversation itself: %s", error)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            # The response had an unexpected shape. Its text is not logged: it may name people.
            log.warning("Searching only the conversation itself: malformed response (%s).", type(error).__name__)
        return Granted(Scope.of(channel), "this conversation only: Slack did not list its members", answer_texts.UNSURE)

    def granted_to(self, user: str) -> Granted:
        """Return what a reply that only this person reads may use, outside of Slack's conversations.

        It is what a reply in their direct message with Magpie may use. Raise NotFound if the person is deactivated or
        does not belong to the workspace, and TryAgain if Slack does not say what they may open.
        """
        changes, until = self.changes, self._directory.deadline()
        try:
            person = self._directory.person(user, until)
            if not (person.is_active and person.is_of_workspace):
                raise NotFound("This person is deactivated, or does not belong to the workspace any more.")
            ours = self._directory.conversations(until)
            own = {one.id for one in ours.values() if one.direct and one.partner == user and not one.outside}
            granted = self._granted_to_person(person, own, ours, until)
        except Refused as error:
            if error.code in _UNKNOWN_PERSON:
                raise NotFound("Slack does not know this person any more.") from error
            raise TryAgain(f"It is not known what this person may see: {error}") from error
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            # The response had an unexpected shape. Its text is not shown: it may name people.
            raise TryAgain(f"Slack's response is malformed ({type(error).__name__}).") from error
        return replace(granted, readers=frozenset({user}), changes=changes)

    def is_member(self, channel: str, user: str) -> bool:
        """Return whether a person is in a conversation; False if Slack does not answer. Never raises."""
        try:
            return user in self._directory.members(channel, self._directory.deadline())
        except MagpieError as error:
            log.info("The members of a conversation are unknown: %s", error)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            log.warning("Slack's list of members is malformed (%s).", type(error).__name__)
        return False

    def channels_of_admin(self, user: str) -> frozenset[str]:
        """Return the channels that an admin of the workspace is in, without direct messages of any kind; none for other
        people, or if Slack does not answer. Never raises."""
        try:
            until = self._directory.deadline()
            if not self._directory.person(user, until).is_admin:
                return frozenset()
            ours, theirs = self._directory.conversations(until), self._directory.conversations_of(user, until)
            return frozenset(id for id in theirs if id in ours and not ours[id].direct and not ours[id].group)
        except MagpieError as error:
            log.info("The channels of an admin are unknown: %s", error)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            log.warning("Slack's list of conversations is malformed (%s).", type(error).__name__)
        return frozenset()

    def may_change_settings(self, channel: str, user: str) -> MayChange:
        """Return whether a person may change the settings of a conversation: its creator and admins of the workspace,
        if they are in it; in a direct message, everyone in it. Nothing is taken from the cache.

        Raise a MagpieError if Slack does not answer, and Refused if Magpie is not in the conversation.
        """
        self._directory.invalidate(channel)
        until = self._directory.deadline()
        here = self._directory.conversation(channel, until)
        is_direct = here.direct or here.group
        if user not in self._directory.members(channel, until):
            return MayChange(False, is_direct)
        if is_direct:
            return MayChange(True, is_direct)
        person = self._directory.person(user, until)
        is_creator = bool(here.creator) and here.creator == user and person.is_active and person.is_of_workspace
        return MayChange(person.is_admin or is_creator, is_direct)

    def names(self, user: str, scope: Scope) -> Names:
        """Return the names that a question of this person may use: of all people, and of the channels in a scope.

        Never raises: without an answer of Slack, only its own mentions are understood.
        """
        try:
            until = self._directory.deadline()
            people = self._directory.people(until)
            channels = self._directory.conversations(until).values()
        except MagpieError as error:
            log.info("The names of people and channels are unknown: %s", error)
            return NO_NAMES
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            log.warning("Slack's list of people or channels is malformed (%s).", type(error).__name__)
            return NO_NAMES
        zone = _zone(people[user].zone if user in people else "")
        spaces = scope.spaces or frozenset()
        return names_of(people.values(), [channel for channel in channels if channel.id in spaces], zone)

    def labels(self, ids: Collection[str], scope: Scope) -> Mapping[str, str]:
        """Return {id: name} of people and of the channels in a scope; those with an unknown name are missing.

        Never raises.
        """
        if not ids:
            return {}
        try:
            until = self._directory.deadline()
            people, conversations = self._directory.people(until), self._directory.conversations(until)
        except MagpieError as error:
            log.info("The names of people are unknown: %s", error)
            return {}
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            log.warning("Slack's list of people is malformed (%s).", type(error).__name__)
            return {}
        spaces = scope.spaces or frozenset()
        named = {id: people[id].names[0] for id in ids if id in people and people[id].names}
        named |= {id: conversations[id].name for id in ids if id in conversations and id in spaces}
        return {id: name for id, name in named.items() if name}

    def name_author(self, event: Event) -> Event:
        """Return an event with the author of its message: a person, even through an app, or else the app.

        If Slack does not answer, the author is the app. Never raises.
        """
        if not isinstance(event, Message) or not event.via:
            return event
        try:
            is_app = self._directory.is_app(event.user, self._directory.deadline())
        except MagpieError as error:
            log.info("A message through an app counts as the app's: %s", error)
            is_app = True
        return as_app(event) if is_app else replace(event, via="")

    def invalidate_members(self, channel: str) -> None:
        """Drop a conversation's members from the cache: an event about a change may be late."""
        self._directory.invalidate(channel)

    def invalidate(self, event: Event) -> None:
        """Drop everything from the cache that an event may have changed. Call it before acknowledging the event."""
        match event:
            case ReadersChanged(channel) | Joined(channel) | Left(channel):
                self._directory.invalidate(channel)
            case Moved(old, new):
                self._directory.invalidate(old)
                self._directory.invalidate(new)
            case PersonChanged(user):
                self._directory.invalidate_person(user)

    def invalidate_all(self) -> None:
        """Drop the whole cache, because events may have been lost."""
        self._directory.invalidate_all()

    @property
    def changes(self) -> int:
        """A number that grows whenever a scope may have changed."""
        return self._directory.changes

    def _granted(self, channel: str, user: str) -> Granted:
        until = self._directory.deadline()
        ours = self._directory.conversations(until)
        if channel not in ours:  # Magpie may have joined a moment ago
            self._directory.invalidate(channel)
            ours = self._directory.conversations(until)
        here = ours.get(channel)
        if here is None:
            return Granted(Scope.of(channel), "this conversation only: Magpie is not listed in it", answer_texts.UNSURE)
        if here.outside:
            return Granted(Scope.of(channel), "this conversation only: it is shared with another organization")
        if here.direct:
            granted = self._granted_in_direct_message(here, user, ours, until)
            return replace(granted, readers=frozenset({here.partner}))
        # Everyone in the workspace can read a public channel, so its members would not say who read the reply.
        readers = None if here.public else self._directory.members(channel, until)
        if not self._directory.are_all_full_members(channel, until):
            why = "this conversation only: guests or people of other workspaces read it"
            return Granted(Scope.of(channel), why, readers=readers)
        public = _public(ours)
        return Granted(
            Scope.of(channel, EVERYONE, *public),
            f"this conversation and {len(public)} public channels: only full members read it",
            readers=readers,
        )

    def _granted_in_direct_message(
        self, here: Conversation, user: str, ours: Mapping[str, Conversation], until: float
    ) -> Granted:
        """Return what the person in a direct message may open."""
        own = Scope.of(here.id)
        if here.partner != user:
            return Granted(own, "this conversation only: the asker is not its partner", answer_texts.UNSURE)
        person = self._directory.person(user, until)
        if not person.is_active:
            return Granted(own, "this conversation only: its partner is an app or deactivated")
        return self._granted_to_person(person, {here.id}, ours, until)

    def _granted_to_person(
        self, person: Person, own: set[str], ours: Mapping[str, Conversation], until: float
    ) -> Granted:
        """Return what an active person may open. `own`: their direct messages with Magpie."""
        theirs = self._directory.conversations_of(person.id, until)
        joined = {id for id in theirs if id in ours and not ours[id].direct}
        if not person.is_full_member:
            # Public channels are not added: a guest can open only those that they are in.
            return Granted(Scope.of(*own, *joined), f"what one guest may open: {len(joined)} conversations")
        public = _public(ours)
        spaces = joined | public
        why = f"what one full member may open: {len(spaces)} conversations"
        return Granted(Scope.of(*own, EVERYONE, *spaces), why)


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError):  # this machine does not know the zone
        return UTC


def _public(ours: Mapping[str, Conversation]) -> set[str]:
    """Return the channels that every full member can open."""
    return {channel.id for channel in ours.values() if channel.public and not channel.outside}
