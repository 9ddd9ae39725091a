"""What happens to people and to conversations themselves, and what the app hears of it: guests, archives, sharing.

`told`: false loses the event, as a network may.
"""

from __future__ import annotations

from dataclasses import replace

from bot.demo.slack_server import events
from bot.demo.slack_server.actions import Stage
from bot.demo.slack_server.events import Event
from bot.demo.slack_server.state import Guest, Message, Person, Space


def set_guest(stage: Stage, user: str, guest: Guest, *, told: bool) -> None:
    person = _person(stage, user)
    with stage.world.changed:
        person.guest = guest
        _tell(stage, events.changed_person(stage.world, person, "user_change"), told)


def deactivate(stage: Stage, user: str, *, told: bool) -> None:
    """Whether Slack sends member_left_channel for each channel then is not known; this one does not."""
    world = stage.world
    person = _person(stage, user)
    with world.changed:
        person.deleted = True
        for space in world.spaces.values():
            if space.kind != "im" and person.id in space.members:
                space.members.remove(person.id)
        _tell(stage, events.changed_person(world, person, "user_change"), told)


def hire(stage: Stage, name: str) -> str:
    with stage.world.changed:
        person = stage.world.add_person(name)
        _tell(stage, events.changed_person(stage.world, person, "team_join"), True)
        return person.id


def set_shared(stage: Stage, channel: str, shared: bool, *, told: bool) -> None:
    with stage.world.changed:
        space = stage.world.space(channel)
        space.shared, space.pending = shared, False
        _tell(stage, events.sharing_changed(stage.world, space), told)


def archive(stage: Stage, channel: str, *, archived: bool, told: bool) -> None:
    with stage.world.changed:
        space = stage.world.space(channel)
        space.archived = archived
        what = "archive" if archived else "unarchive"
        _tell(stage, events.of_channel(stage.world, space, what, _anybody(space)), told)


def make_private(stage: Stage, channel: str, *, told: bool) -> None:
    world = stage.world
    with world.changed:
        space = world.space(channel)
        if space.kind != "channel":
            raise LookupError(f"{channel} is no public channel")
        space.kind = "group"
        text = "made this channel private"
        said = Message(world.next_ts(), channel, _anybody(space), text, subtype="channel_convert_to_private")
        space.messages.append(said)
        for event in events.posted(world, space, said, [])[:1]:
            _tell(stage, event, told)


def change_id(stage: Stage, channel: str, *, told: bool) -> str:
    world = stage.world
    with world.changed:
        space = world.spaces.pop(channel)
        space.id = world.unique_id(channel[0])
        world.spaces[space.id] = space
        for message in (*space.messages, *world.ephemerals):
            if message.channel == channel:
                message.channel = space.id
        for file in world.files.values():
            file.shares = [replace(each, space=space.id) if each.space == channel else each for each in file.shares]
        _tell(stage, events.id_changed(world, space, channel), told)
        return space.id


def delete(stage: Stage, channel: str, *, told: bool) -> None:
    world = stage.world
    with world.changed:
        space = world.space(channel)
        event = events.of_channel(world, space, "deleted", _anybody(space))
        _tell(stage, event, told)
        for file in world.files.values():
            file.shares = [share for share in file.shares if share.space != channel]
        del world.spaces[channel]


def _person(stage: Stage, user: str) -> Person:
    return stage.world.people[stage.world.person_id(user)]


def _anybody(space: Space) -> str:
    return next(iter(space.members), "")


def _tell(stage: Stage, event: Event, told: bool) -> None:
    stage.tell([event] if told else [])
