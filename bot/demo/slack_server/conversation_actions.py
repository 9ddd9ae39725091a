"""Actions on people and on conversations themselves: guests, archives, sharing, deletion.

`send_event=False` drops the event, as a lost connection would.
"""

from __future__ import annotations

from dataclasses import replace

from bot.demo.slack_server import events
from bot.demo.slack_server.actions import Context
from bot.demo.slack_server.events import Event
from bot.demo.slack_server.state import Conversation, Guest, Message, Person, State


def set_guest(context: Context, user: str, guest: Guest, *, send_event: bool) -> None:
    person = _person(context, user)
    with context.state.changed:
        person.guest = guest
        _push(context, events.person_event(context.state, person, "user_change"), send_event)


def set_admin(context: Context, user: str, admin: bool, *, send_event: bool) -> None:
    person = _person(context, user)
    with context.state.changed:
        person.admin = admin
        _push(context, events.person_event(context.state, person, "user_change"), send_event)


def deactivate(context: Context, user: str, *, send_event: bool) -> None:
    """Deactivate a person. Whether Slack also sends member_left_channel is unknown; this server does not."""
    state = context.state
    person = _person(context, user)
    with state.changed:
        person.deleted = True
        for conversation in state.conversations.values():
            if conversation.kind != "im" and person.id in conversation.members:
                conversation.members.remove(person.id)
        _push(context, events.person_event(state, person, "user_change"), send_event)


def add_member(context: Context, name: str) -> str:
    with context.state.changed:
        person = context.state.add_person(name)
        _push(context, events.person_event(context.state, person, "team_join"), True)
        return person.id


def uninstall(context: Context, kind: str) -> None:
    """Take back the bot's token, and push the event of this kind: app_uninstalled or tokens_revoked."""
    state = context.state
    with state.changed:
        state.is_uninstalled = True
        tokens = {"tokens": {"oauth": [], "bot": [state.bot.id]}} if kind == "tokens_revoked" else {}
        _push(context, Event({"type": kind, "event_ts": state.next_ts(), **tokens}, None), True)


def set_shared(context: Context, channel: str, shared: bool, *, send_event: bool) -> None:
    with context.state.changed:
        conversation = context.state.conversation(channel)
        conversation.shared, conversation.pending = shared, False
        _push(context, events.sharing_changed(context.state, conversation), send_event)


def archive(context: Context, channel: str, *, archived: bool, send_event: bool) -> None:
    with context.state.changed:
        conversation = context.state.conversation(channel)
        conversation.archived = archived
        action = "archive" if archived else "unarchive"
        _push(
            context,
            events.conversation_event(context.state, conversation, action, _changed_by(context.state, conversation)),
            send_event,
        )


def make_private(context: Context, channel: str, *, send_event: bool) -> None:
    state = context.state
    with state.changed:
        conversation = state.conversation(channel)
        if conversation.kind != "channel":
            raise LookupError(f"{channel} is not a public channel")
        conversation.kind = "group"
        text = "made this channel private"
        notice = Message(
            state.next_ts(), channel, _changed_by(state, conversation), text, subtype="channel_convert_to_private"
        )
        conversation.messages.append(notice)
        for event in events.message_posted(state, conversation, notice, [])[:1]:
            _push(context, event, send_event)


def change_id(context: Context, channel: str, *, send_event: bool) -> str:
    state = context.state
    with state.changed:
        conversation = state.conversations.pop(channel)
        conversation.id = state.unique_id(channel[0])
        state.conversations[conversation.id] = conversation
        for message in (*conversation.messages, *state.ephemerals):
            if message.channel == channel:
                message.channel = conversation.id
        for file in state.files.values():
            file.shares = [
                replace(each, conversation=conversation.id) if each.conversation == channel else each
                for each in file.shares
            ]
        _push(context, events.id_changed(state, conversation, channel), send_event)
        return conversation.id


def delete(context: Context, channel: str, *, send_event: bool) -> None:
    state = context.state
    with state.changed:
        conversation = state.conversation(channel)
        event = events.conversation_event(state, conversation, "deleted", _changed_by(state, conversation))
        _push(context, event, send_event)
        for file in state.files.values():
            file.shares = [share for share in file.shares if share.conversation != channel]
        del state.conversations[channel]


def _person(context: Context, user: str) -> Person:
    return context.state.people[context.state.person_id(user)]


def _changed_by(state: State, conversation: Conversation) -> str:
    """Return a person who may change a conversation: a member, or an admin who is in none of them. Never an app."""
    able = [person.id for person in state.people.values() if person.is_active_person]
    return next((id for id in able if id in conversation.members), next(iter(able), ""))


def _push(context: Context, event: Event, send_event: bool) -> None:
    context.push_events([event] if send_event else [])
