"""What people and the bot do with conversations and messages; each act tells the app what Slack would tell it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from bot.demo.slack_server import events
from bot.demo.slack_server.delivery import Delivery
from bot.demo.slack_server.events import Event
from bot.demo.slack_server.faults import Faults
from bot.demo.slack_server.payloads import message_json
from bot.demo.slack_server.state import Json, Kind, Message, Share, World
from bot.demo.slack_server.timers import Clock
from bot.demo.slack_server.trace import Trace

TOMBSTONE = "This message was deleted."


@dataclass
class Stage:
    """The state with what makes it move."""

    world: World
    faults: Faults
    clock: Clock
    delivery: Delivery
    trace: Trace

    def tell(self, happened: Iterable[Event]) -> None:
        """Push what the app is subscribed to and allowed to know."""
        told = [events.wrapped(self.world, event) for event in happened if events.told(self.world, event)]
        self.delivery.push("events_api", told)
        with self.world.changed:
            self.world.changed.notify_all()


@contextmanager
def staged(world: World) -> Iterator[Stage]:
    faults, clock, trace = Faults(world.changed), Clock(), Trace(now=world.now)
    delivery = Delivery(world, faults, clock, trace)
    try:
        yield Stage(world, faults, clock, delivery, trace)
    finally:
        clock.close()
        delivery.close()


@dataclass
class Draft:
    """A message before it is written."""

    text: str = ""
    blocks: list[Json] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    thread_ts: str = ""
    broadcast: bool = False
    metadata: Json = field(default_factory=dict)
    upload: bool = False


# ---------------------------------------------------------------- conversations


def open_space(
    stage: Stage, kind: Kind, name: str, members: Iterable[str], shared: bool = False, with_bot: bool = True
) -> str:
    world = stage.world
    with world.changed:
        there = [world.person_id(each) for each in members]
        if with_bot and world.bot.id not in there:
            there.append(world.bot.id)
        return world.add_space(kind, name, there, shared).id


def direct(stage: Stage, users: Sequence[str], *, with_bot: bool = True, group: bool = False) -> str:
    """The conversation of exactly these people and the bot."""
    world = stage.world
    with world.changed:
        members = list(dict.fromkeys([world.person_id(each) for each in users] + ([world.bot.id] if with_bot else [])))
        kind: Kind = "mpim" if group or len(members) > 2 else "im"
        for space in world.spaces.values():
            if space.kind == kind and set(space.members) == set(members):
                return space.id
        name = "" if kind == "im" else "mpdm-" + "--".join(world.people[each].name for each in members) + "-1"
        return world.add_space(kind, name, members).id


def join(stage: Stage, user: str, channel: str, inviter: str = "") -> None:
    world = stage.world
    with world.changed:
        person, space = world.person_id(user), world.space(channel)
        if person not in space.members:
            space.members.append(person)
            subtype = "group_join" if space.kind == "group" else "channel_join"
            text = f"<@{person}> has joined the channel"
            message = Message(world.next_ts(), channel, person, text, subtype=subtype)
            space.messages.append(message)
            told = events.posted(world, space, message, [])[:1]
            stage.tell([events.joined(world, space, person, inviter and world.person_id(inviter)), *told])


def leave(stage: Stage, user: str, channel: str, actor: str = "") -> None:
    world = stage.world
    with world.changed:
        person, space = world.person_id(user), world.space(channel)
        space.members.remove(person)
        if person == world.bot.id:
            stage.tell([events.bot_removed(world, space, world.person_id(actor) if actor else space.members[0])])
        else:
            stage.tell([events.left(world, space, person)])


# ---------------------------------------------------------------- messages


def post(stage: Stage, user: str, channel: str, draft: Draft) -> Message:
    """LookupError when the writer is not there or the thread does not exist."""
    world = stage.world
    with world.changed:
        space, person = world.space(channel), world.person_id(user)
        if person not in space.members:
            raise LookupError(f"{user} is not in {channel}")
        subtype = "file_share" if draft.files else ""
        if draft.thread_ts:
            parent = world.message(channel, draft.thread_ts)
            if person != world.bot.id:
                # A person cannot reply to a reply. A bot can, and its message is then seen nowhere.
                draft = replace(draft, thread_ts=parent.thread_ts or parent.ts)
            subtype = "thread_broadcast" if draft.broadcast else subtype
        message = Message(
            ts=world.next_ts(),
            channel=channel,
            user=person,
            text=draft.text,
            blocks=draft.blocks,
            files=list(draft.files),
            thread_ts=draft.thread_ts,
            metadata=draft.metadata,
            subtype=subtype,
            upload=draft.upload,
        )
        space.messages.append(message)
        if person == world.bot.id:
            world.statuses.pop((channel, message.thread_ts), None)
        for each in draft.files:
            file = world.files[each]
            file.shares.append(Share(channel, message.ts, message.thread_ts, person))
            file.connect = file.connect or space.shared
        told = events.posted(world, space, message, list(draft.files))
        if draft.files and events.mentions_bot(world, space, message) and stage.faults.of_mention():
            told = [each for each in told if each.body["type"] != "app_mention"]
        stage.tell(told)
        return message


def whisper(stage: Stage, channel: str, user: str, draft: Draft) -> Message:
    """A message of the bot that one person sees; no event, and nobody can read it back."""
    world = stage.world
    with world.changed:
        message = Message(world.next_ts(), channel, world.bot.id, draft.text, draft.blocks, ephemeral_to=user)
        message.thread_ts = draft.thread_ts
        world.ephemerals.append(message)
        world.changed.notify_all()
        return message


def edit(
    stage: Stage,
    channel: str,
    ts: str,
    *,
    text: str | None = None,
    blocks: list[Json] | None = None,
    files: list[str] | None = None,
    metadata: Json | None = None,
) -> Message:
    """None leaves a part as it is, but a text without blocks takes the blocks away."""
    world = stage.world
    with world.changed:
        space, message = world.space(channel), world.message(channel, ts)
        before = message_json(world, message, pushed=True)
        if text is not None:
            message.text = text
            message.blocks = []
        if blocks is not None:
            message.blocks = blocks
        if files is not None:
            message.files = files
        if metadata is not None:
            message.metadata = metadata
        ts_of_edit = world.next_ts()
        if blocks is None:
            # An update that brings blocks is not marked as edited.
            message.edited = ts_of_edit
        happened = events.edited(world, space, message, before, ts_of_edit)
        if events.mentions_bot(world, space, message):
            happened.append(events.mention(world, space, message))
        stage.tell(happened)
        return message


def delete(stage: Stage, channel: str, ts: str) -> None:
    world = stage.world
    with world.changed:
        space, message = world.space(channel), world.message(channel, ts)
        before = message_json(world, message, pushed=True)
        for each in message.files:
            file = world.files[each]
            file.shares = [share for share in file.shares if (share.space, share.ts) != (channel, ts)]
        if any(each.thread_ts == ts for each in space.messages):
            message.subtype, message.text, message.blocks, message.files = "tombstone", TOMBSTONE, [], []
        else:
            space.messages.remove(message)
        stage.tell([events.deleted(space, before, ts, world.next_ts())])


def react(stage: Stage, user: str, channel: str, ts: str, name: str) -> bool:
    """False: this person had reacted so already."""
    world = stage.world
    with world.changed:
        person, message = world.person_id(user), world.message(channel, ts)
        users = message.reactions.setdefault(name, [])
        if person in users:
            return False
        users.append(person)
        stage.tell([events.reacted(world, world.space(channel), message, person, name, "reaction_added")])
        return True


def unreact(stage: Stage, user: str, channel: str, ts: str, name: str) -> bool:
    """False: there was no such reaction of this person."""
    world = stage.world
    with world.changed:
        person, message = world.person_id(user), world.message(channel, ts)
        if person not in message.reactions.get(name, []):
            return False
        message.reactions[name].remove(person)
        if not message.reactions[name]:
            del message.reactions[name]
        stage.tell([events.reacted(world, world.space(channel), message, person, name, "reaction_removed")])
        return True
