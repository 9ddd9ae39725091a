"""Who may see what, from what the stand-in for Slack knows of itself; nothing here knows how the bot decides it.

A share may be told of to a reader who can open the conversation that it is in: a member of it, or a full member of the
workspace where it is a public channel that nobody from outside shares.
"""

from __future__ import annotations

from dataclasses import dataclass

from bot.demo.slack_server.state import Conversation, Person, State


@dataclass(frozen=True)
class Rights:
    """Of everybody who reads a conversation: the conversations that each of them can open."""

    spaces: frozenset[str]


def can_open(world: State, person: Person, space: Conversation) -> bool:
    if person.id in space.members:
        return True
    outside = space.shared or space.pending or space.org_shared
    full = person.team == world.team and not person.guest and not person.deleted
    return space.kind == "channel" and not outside and full


def readers(world: State, space: Conversation) -> list[Person]:
    """People who can read what is posted there; of a public channel every full member, whether in it or not."""
    people = [each for each in world.people.values() if not each.is_bot and not each.deleted]
    return [each for each in people if can_open(world, each, space)]


def rights_of(world: State, person: Person) -> Rights:
    """Of one person alone."""
    return Rights(frozenset(id for id, each in world.conversations.items() if can_open(world, person, each)))


def rights(world: State, channel: str, only: str = "") -> Rights:
    """`only`: one person sees it, as what is ephemeral."""
    if channel not in world.conversations:
        return Rights(frozenset())
    space = world.conversations[channel]
    if not only and (space.shared or space.pending or space.org_shared):
        return Rights(frozenset([channel]))  # people of elsewhere read it now or soon, and open nothing else here
    who = [world.people[only]] if only else readers(world, space)
    everywhere = frozenset(world.conversations)
    for person in who:
        everywhere &= {id for id, each in world.conversations.items() if can_open(world, person, each)}
    return Rights(everywhere)
