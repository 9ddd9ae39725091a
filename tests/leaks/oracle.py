"""Who may see what, computed from the state of the Slack server, independently of the bot's own access rules.

A reader may know of a share if they can open its conversation: as a member, or as a full member of the workspace if
it is a public channel that is not shared with another company.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.demo.slack_server.state import Conversation, Person, State
from bot.folders import EVERYONE


@dataclass(frozen=True)
class Rights:
    """The conversations that every reader can open."""

    spaces: frozenset[str]


def can_open(state: State, person: Person, space: Conversation) -> bool:
    if person.id in space.members:
        return True
    outside = space.shared or space.pending or space.org_shared
    return space.kind == "channel" and not outside and is_full_member(state, person)


def is_full_member(state: State, person: Person) -> bool:
    return person.team == state.team and not person.guest and not person.deleted


def readers(state: State, space: Conversation) -> list[Person]:
    """Return the people who can read a conversation. Every full member can read a public channel."""
    people = [each for each in state.people.values() if each.is_active_person]
    return [each for each in people if can_open(state, each, space)]


def rights_of(state: State, person: Person) -> Rights:
    """Return the rights of one person."""
    return Rights(_open_to(state, person))


def rights(state: State, channel: str, only: str = "") -> Rights:
    """Return the rights of all readers of a channel, or of the person `only`, who gets an ephemeral message there."""
    if channel not in state.conversations:
        return Rights(frozenset())
    space = state.conversations[channel]
    if not only and (space.shared or space.pending or space.org_shared):
        return Rights(frozenset([channel]))  # people of the other company can open nothing else
    audience = [state.people[only]] if only else readers(state, space)
    common = frozenset({*state.conversations, EVERYONE})
    for person in audience:
        common &= _open_to(state, person)
    return Rights(common)


def _open_to(state: State, person: Person) -> frozenset[str]:
    """Return the conversations that a person can open; and the folders of everyone, as if they were one."""
    spaces = {id for id, each in state.conversations.items() if can_open(state, person, each)}
    return frozenset({*spaces, EVERYONE} if is_full_member(state, person) else spaces)
