"""Actions on conversations and messages. Each pushes the events that Slack would push to the app."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from bot.demo.slack_server import events
from bot.demo.slack_server.delivery import Delivery, Envelope
from bot.demo.slack_server.events import Event
from bot.demo.slack_server.faults import Faults
from bot.demo.slack_server.payloads import message_json
from bot.demo.slack_server.rate_limits import RateLimits
from bot.demo.slack_server.state import (
    Conversation,
    ConversationKind,
    FileShare,
    Forward,
    Json,
    Message,
    SlackFile,
    State,
)
from bot.demo.slack_server.timers import Timers
from bot.demo.slack_server.trace import Trace

TOMBSTONE = "This message was deleted."


@dataclass
class Context:
    """The services of one workspace, passed to every action."""

    state: State
    faults: Faults
    timers: Timers
    delivery: Delivery
    trace: Trace
    limits: RateLimits

    def push_events(self, happened: Iterable[Event], delay: float = 0.0) -> None:
        """Push the events that the app is subscribed to and may receive, after `delay` seconds."""
        payloads = [events.event_payload(self.state, event) for event in happened if events.may_push(self.state, event)]
        self.delivery.push("events_api", payloads, delay)
        with self.state.changed:
            self.state.changed.notify_all()


@contextmanager
def open_context(state: State, on_reply: Callable[[Context, Envelope], None]) -> Iterator[Context]:
    """Construct the services. `on_reply` is called with each envelope that the app acknowledges."""
    faults, timers, trace = Faults(state.changed), Timers(), Trace(now=state.now)
    delivery = Delivery(state, faults, timers, trace, lambda envelope: on_reply(context, envelope))
    context = Context(state, faults, timers, delivery, trace, RateLimits(state.changed))
    try:
        yield context
    finally:
        timers.close()
        delivery.close()


@dataclass
class NewMessage:
    """A message to be posted."""

    text: str = ""
    blocks: list[Json] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    thread_ts: str = ""
    broadcast: bool = False
    metadata: Json = field(default_factory=dict)
    upload: bool = False
    forwards: list[Forward] = field(default_factory=list)


# ---------------------------------------------------------------- conversations


def open_conversation(
    context: Context,
    kind: ConversationKind,
    name: str,
    members: Iterable[str],
    shared: bool = False,
    with_bot: bool = True,
) -> str:
    state = context.state
    with state.changed:
        ids = [state.person_id(each) for each in members]
        if with_bot and state.bot.id not in ids:
            ids.append(state.bot.id)
        return state.add_conversation(kind, name, ids, shared).id


def open_direct(context: Context, users: Sequence[str], *, with_bot: bool = True, group: bool = False) -> str:
    """Return the id of the direct conversation of exactly these people, with the bot unless `with_bot` is false."""
    state = context.state
    with state.changed:
        members = list(dict.fromkeys([state.person_id(each) for each in users] + ([state.bot.id] if with_bot else [])))
        kind: ConversationKind = "mpim" if group or len(members) > 2 else "im"
        for conversation in state.conversations.values():
            if conversation.kind == kind and set(conversation.members) == set(members):
                return conversation.id
        name = "" if kind == "im" else "mpdm-" + "--".join(state.people[each].name for each in members) + "-1"
        return state.add_conversation(kind, name, members).id


def join(context: Context, user: str, channel: str, inviter: str = "") -> None:
    state = context.state
    with state.changed:
        person, conversation = state.person_id(user), state.conversation(channel)
        if person not in conversation.members:
            conversation.members.append(person)
            subtype = "group_join" if conversation.kind == "group" else "channel_join"
            text = f"<@{person}> has joined the channel"
            message = Message(state.next_ts(), channel, person, text, subtype=subtype)
            conversation.messages.append(message)
            joined = events.member_joined(state, conversation, person, inviter and state.person_id(inviter))
            context.push_events([joined, *events.message_posted(state, conversation, message, [])[:1]])


def leave(context: Context, user: str, channel: str, actor: str = "") -> None:
    state = context.state
    with state.changed:
        person, conversation = state.person_id(user), state.conversation(channel)
        conversation.members.remove(person)
        if person == state.bot.id:
            context.push_events(
                [events.bot_removed(state, conversation, state.person_id(actor) if actor else conversation.members[0])]
            )
        else:
            context.push_events([events.member_left(state, conversation, person)])


# ---------------------------------------------------------------- messages


def post(context: Context, user: str, channel: str, draft: NewMessage) -> Message:
    """Post a message. Raise LookupError if the author is not a member or the thread does not exist."""
    state = context.state
    with state.changed:
        conversation, person = state.conversation(channel), state.person_id(user)
        if person not in conversation.members:
            raise LookupError(f"{user} is not in {channel}")
        subtype = "file_share" if draft.files else ""
        if draft.thread_ts:
            parent = state.message(channel, draft.thread_ts)
            if person != state.bot.id:
                # Slack lets a bot reply to a reply, but then does not show the message. People cannot do it.
                draft = replace(draft, thread_ts=parent.thread_ts or parent.ts)
            subtype = "thread_broadcast" if draft.broadcast else subtype
        message = Message(
            ts=state.next_ts(),
            channel=channel,
            user=person,
            text=draft.text,
            blocks=draft.blocks,
            files=list(draft.files),
            thread_ts=draft.thread_ts,
            metadata=draft.metadata,
            subtype=subtype,
            upload=draft.upload,
            forwards=list(draft.forwards),
        )
        if person == state.bot.id:
            state.statuses.pop((channel, message.thread_ts), None)
        publish(context, message)
        return message


def publish(context: Context, message: Message) -> None:
    """Add a message to its conversation, with the shares of its files and the events."""
    state = context.state
    with state.changed:
        conversation = state.conversation(message.channel)
        conversation.messages.append(message)
        for each in message.files:
            file = state.files[each]
            file.shares.append(FileShare(message.channel, message.ts, message.thread_ts, message.user))
            file.connect = file.connect or conversation.shared
        happened = events.message_posted(state, conversation, message, list(message.files))
        if message.files and events.mentions_bot(state, conversation, message) and context.faults.should_lose_mention():
            happened = [each for each in happened if each.body["type"] != "app_mention"]
        first, later = events.arrange_mention(state, happened)
        context.push_events(first)
        context.push_events(later, state.quirks.mention_delay)


def post_ephemeral(context: Context, channel: str, user: str, draft: NewMessage) -> Message:
    """Show one person a message of the bot. It causes no event, and the API does not list it."""
    state = context.state
    with state.changed:
        message = Message(state.next_ts(), channel, state.bot.id, draft.text, draft.blocks, ephemeral_to=user)
        message.thread_ts = draft.thread_ts
        state.ephemerals.append(message)
        state.changed.notify_all()
        return message


def edit(
    context: Context,
    channel: str,
    ts: str,
    *,
    text: str | None = None,
    blocks: list[Json] | None = None,
    files: list[str] | None = None,
    metadata: Json | None = None,
) -> Message:
    """Change the given parts of a message. None keeps a part, but a text without blocks removes the blocks."""
    state = context.state
    with state.changed:
        conversation, message = state.conversation(channel), state.message(channel, ts)
        before = message_json(state, message, pushed=True)
        if text is not None:
            message.text = text
            message.blocks = []
            message.tasks = {}
        if blocks is not None:
            message.blocks = blocks
        if files is not None:
            _replace_files(state, message, files)
        if metadata is not None:
            message.metadata = metadata
        ts_of_edit = state.next_ts()
        if blocks is None:
            # Slack does not mark an update with blocks as edited.
            message.edited = ts_of_edit
        happened = events.message_edited(state, conversation, message, before, ts_of_edit)
        if events.mentions_bot(state, conversation, message):
            happened.append(events.mention(state, conversation, message))
        first, later = events.arrange_mention(state, happened)
        context.push_events(first)
        context.push_events(later, state.quirks.mention_delay)
        return message


def _replace_files(state: State, message: Message, files: list[str]) -> None:
    for each in message.files:
        _remove_share(state.files[each], message)
    message.files = list(files)
    for each in files:
        state.files[each].shares.append(FileShare(message.channel, message.ts, message.thread_ts, message.user))


def _remove_share(file: SlackFile, message: Message) -> None:
    at = (message.channel, message.ts)
    file.shares = [share for share in file.shares if (share.conversation, share.ts) != at]


def delete(context: Context, channel: str, ts: str) -> None:
    state = context.state
    with state.changed:
        conversation, message = state.conversation(channel), state.message(channel, ts)
        before = message_json(state, message, pushed=True)
        for each in message.files:
            _remove_share(state.files[each], message)
        deleted = events.message_deleted(conversation, before, ts, state.next_ts())
        if not any(each.thread_ts == ts for each in conversation.messages):
            conversation.messages.remove(message)
            context.push_events([deleted, *_tombstone_deleted(state, conversation, message.thread_ts)])
            return
        message.subtype, message.text, message.blocks = "tombstone", TOMBSTONE, []
        message.files, message.forwards = [], []
        if state.quirks.tombstone_change:
            context.push_events([events.message_became_tombstone(state, conversation, message, before)])
        else:
            context.push_events([deleted])


def _tombstone_deleted(state: State, conversation: Conversation, thread_ts: str) -> list[Event]:
    """Remove the tombstone of a thread whose last reply is gone. Return its event."""
    found = state.thread(conversation, thread_ts) if state.quirks.tombstone_change and thread_ts else []
    if len(found) != 1 or found[0].subtype != "tombstone":
        return []
    conversation.messages.remove(found[0])
    before = message_json(state, found[0], pushed=True)
    return [events.message_deleted(conversation, before, thread_ts, state.next_ts())]


def react(context: Context, user: str, channel: str, ts: str, name: str) -> bool:
    """Add a reaction. Return False if this person had already added it."""
    state = context.state
    with state.changed:
        person, message = state.person_id(user), state.message(channel, ts)
        users = message.reactions.setdefault(name, [])
        if person in users:
            return False
        users.append(person)
        context.push_events(
            [events.reaction(state, state.conversation(channel), message, person, name, "reaction_added")]
        )
        return True


def unreact(context: Context, user: str, channel: str, ts: str, name: str) -> bool:
    """Remove a reaction. Return False if this person had not added it."""
    state = context.state
    with state.changed:
        person, message = state.person_id(user), state.message(channel, ts)
        if person not in message.reactions.get(name, []):
            return False
        message.reactions[name].remove(person)
        if not message.reactions[name]:
            del message.reactions[name]
        context.push_events(
            [events.reaction(state, state.conversation(channel), message, person, name, "reaction_removed")]
        )
        return True
