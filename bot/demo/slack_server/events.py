"""Event objects that Slack sends after a change: pure functions of the state.

An event belongs to a conversation, or to none if it concerns only a person or the bot. The app receives an event of a
conversation only while the bot is a member.
"""

from __future__ import annotations

from typing import NamedTuple

from bot.demo.slack_server.manifest import EVENT_SCOPES
from bot.demo.slack_server.payloads import message_json, parent_json, person_json
from bot.demo.slack_server.state import Conversation, Json, Message, Person, SlackFile, State

CHANNEL_TYPES = {"channel": "channel", "group": "group", "im": "im", "mpim": "mpim"}
SUBSCRIPTIONS = {"channel": "message.channels", "group": "message.groups", "im": "message.im", "mpim": "message.mpim"}


class Event(NamedTuple):
    body: Json
    conversation: Conversation | None


def message_posted(state: State, conversation: Conversation, message: Message, shared: list[str]) -> list[Event]:
    """Return the events of a new message. `shared` holds the ids of the files it shared."""
    body = message_json(state, message, pushed=True)
    where = {"channel": conversation.id, "event_ts": message.ts, "channel_type": CHANNEL_TYPES[conversation.kind]}
    happened = [Event(body | _source(state, conversation, message) | where, conversation)]
    if mentions_bot(state, conversation, message):
        happened.append(mention(state, conversation, message))
    happened += [file_event(state, "file_shared", state.files[each], message.user, conversation) for each in shared]
    return happened


def mentions_bot(state: State, conversation: Conversation, message: Message) -> bool:
    """Return whether Slack sends app_mention. It does not in direct messages."""
    return (
        conversation.kind in ("channel", "group")
        and f"<@{state.bot.id}>" in message.text
        and message.user != state.bot.id
    )


def mention(state: State, conversation: Conversation, message: Message) -> Event:
    left_out = {"subtype", "parent_user_id", "root", "reactions"}
    if not state.quirks.mention_files:
        left_out |= {"files", "upload", "display_as_bot"}
    body = {key: value for key, value in message_json(state, message, pushed=True).items() if key not in left_out}
    event = body | {"type": "app_mention", "channel": conversation.id, "event_ts": message.edited or message.ts}
    return Event(event | _source(state, conversation, message), conversation)


def arrange_mention(state: State, happened: list[Event]) -> tuple[list[Event], list[Event]]:
    """Return the events of a message that come first and those that follow, after `Quirks.mention_delay`."""
    mentions = [each for each in happened if each.body["type"] == "app_mention"]
    order = state.quirks.mention_order
    if not mentions or (order == "after" and not state.quirks.mention_delay):
        return happened, []
    rest = [each for each in happened if each not in mentions]
    if order == "instead":
        return mentions + [each for each in rest if each.body["type"] != "message"], []
    return (mentions, rest) if order == "before" else (rest, mentions)


def _source(state: State, conversation: Conversation, message: Message) -> Json:
    person = state.people.get(message.user)
    if not conversation.shared or person is None:
        return {}
    profile = {"is_restricted": person.guest != "", "is_ultra_restricted": person.guest == "single"}
    return {"user_team": person.team, "source_team": person.team, "user_profile": profile}


def message_edited(state: State, conversation: Conversation, message: Message, before: Json, ts: str) -> list[Event]:
    """Return the events of an edit. `before` is the message as it was, `ts` the timestamp of the edit."""
    event = {
        "type": "message",
        "subtype": "message_changed",
        "hidden": True,
        "channel": conversation.id,
        "ts": ts,
        "event_ts": ts,
        "channel_type": CHANNEL_TYPES[conversation.kind],
        "message": message_json(state, message, pushed=True),
        "previous_message": before,
    }
    return [Event(event, conversation)]


def message_became_tombstone(state: State, conversation: Conversation, message: Message, before: Json) -> Event:
    """Return the event for a deleted message that has replies."""
    (event,) = message_edited(state, conversation, message, before, state.next_ts())
    return Event(event.body | {"message": parent_json(state, message)}, conversation)


def message_deleted(conversation: Conversation, before: Json, deleted_ts: str, ts: str) -> Event:
    event = {
        "type": "message",
        "subtype": "message_deleted",
        "hidden": True,
        "channel": conversation.id,
        "ts": ts,
        "event_ts": ts,
        "deleted_ts": deleted_ts,
        "channel_type": CHANNEL_TYPES[conversation.kind],
        "previous_message": before,
    }
    return Event(event, conversation)


def file_event(state: State, kind: str, file: SlackFile, user: str, conversation: Conversation) -> Event:
    """Return file_shared or file_unshared, which carry ids only."""
    event = {"type": kind, "file_id": file.id, "user_id": user, "file": {"id": file.id}, "channel_id": conversation.id}
    return Event(event | {"event_ts": state.next_ts()}, conversation)


def file_changed(state: State, file: SlackFile) -> list[Event]:
    conversations = [state.conversations[share.conversation] for share in state.visible_shares(file)]
    event = {"type": "file_change", "file_id": file.id, "file": {"id": file.id}, "event_ts": state.next_ts()}
    return [Event(event, conversation) for conversation in conversations[:1]]


def file_deleted(state: State, file: SlackFile) -> list[Event]:
    conversations = list(dict.fromkeys(share.conversation for share in state.visible_shares(file)))
    event = {"type": "file_deleted", "file_id": file.id, "channel_ids": conversations, "event_ts": state.next_ts()}
    return [Event(event, state.conversations[each]) for each in conversations[:1]]


def member_joined(state: State, conversation: Conversation, user: str, inviter: str) -> Event:
    event = {
        "type": "member_joined_channel",
        "user": user,
        "channel": conversation.id,
        "channel_type": conversation.id[0],
    }
    event |= {"team": state.team, "event_ts": state.next_ts()}
    return Event(event | ({"inviter": inviter} if inviter else {}), conversation)


def member_left(state: State, conversation: Conversation, user: str) -> Event:
    event = {
        "type": "member_left_channel",
        "user": user,
        "channel": conversation.id,
        "channel_type": conversation.id[0],
    }
    return Event(event | {"team": state.team, "event_ts": state.next_ts()}, conversation)


def bot_removed(state: State, conversation: Conversation, actor: str) -> Event:
    """Return channel_left or group_left. It belongs to no conversation: the bot receives it although it has left."""
    kind = "group_left" if conversation.kind == "group" else "channel_left"
    return Event({"type": kind, "channel": conversation.id, "actor_id": actor, "event_ts": state.next_ts()}, None)


def person_event(state: State, person: Person, kind: str) -> Event:
    """Return user_change or team_join."""
    now = state.next_ts()
    event = {"type": kind, "user": person_json(state, person), "event_ts": now}
    return Event(event | ({"cache_ts": int(float(now))} if kind == "user_change" else {}), None)


def sharing_changed(state: State, conversation: Conversation) -> Event:
    """Return channel_shared or channel_unshared; both also exist for private channels."""
    if conversation.shared:
        event: Json = {"type": "channel_shared", "connected_team_id": "T0OTHER0001"}
    else:
        event = {"type": "channel_unshared", "previously_connected_team_id": "T0OTHER0001", "is_ext_shared": False}
    return Event(event | {"channel": conversation.id, "event_ts": state.next_ts()}, conversation)


def id_changed(state: State, conversation: Conversation, old: str) -> Event:
    event = {"type": "channel_id_changed", "old_channel_id": old, "new_channel_id": conversation.id}
    return Event(event | {"event_ts": state.next_ts()}, conversation)


def conversation_event(state: State, conversation: Conversation, action: str, user: str) -> Event:
    """Return channel_archive, group_deleted and the like."""
    kind = "group" if conversation.kind in ("group", "mpim") else "channel"
    event = {"type": f"{kind}_{action}", "channel": conversation.id, "user": user, "event_ts": state.next_ts()}
    return Event(event, conversation)


def reaction(state: State, conversation: Conversation, message: Message, user: str, name: str, kind: str) -> Event:
    at = {"type": "message", "channel": conversation.id, "ts": message.ts}
    event = {"type": kind, "user": user, "reaction": name, "item_user": message.user, "item": at}
    return Event(event | {"event_ts": state.next_ts()}, conversation)


def home_opened(state: State, user: str, direct: Conversation, tab: str) -> Event:
    event: Json = {"type": "app_home_opened", "user": user, "channel": direct.id, "tab": tab}
    if tab == "home" and user in state.homes:
        event["view"] = state.homes[user]
    return Event(event | {"event_ts": state.next_ts()}, None)


def session_stopped(state: State, conversation: Conversation, thread: str, user: str, streams: list[str]) -> Event:
    """Return the event of the Stop button of a session. `streams`: ts of the messages whose stream Slack stopped."""
    event: Json = {"type": "agent_session_stopped", "channel": conversation.id, "thread_ts": thread, "user": user}
    return Event(event | {"streaming_message_ts": streams, "event_ts": state.next_ts()}, conversation)


def session_renamed(state: State, conversation: Conversation, thread: str, user: str, before: str) -> Event:
    title = state.sessions[conversation.id, thread].title
    event: Json = {"type": "agent_session_title_changed", "channel": conversation.id, "thread_ts": thread}
    named = {"title": title, "previous_title": before, "user": user}
    return Event(event | named | {"event_ts": state.next_ts()}, conversation)


def context_changed(state: State, user: str, direct: Conversation, channel: str) -> Event:
    """Return the event of a person who looks at a channel beside the agent; "": at none."""
    entity = {"type": "slack#/types/channel_id", "value": channel, "team_id": state.team}
    event: Json = {"type": "app_context_changed", "user": user, "channel": direct.id}
    return Event(event | {"context": {"entities": [entity]} if channel else {}, "event_ts": state.next_ts()}, None)


AGENT_EVENTS = frozenset({"agent_session_stopped", "agent_session_title_changed", "app_context_changed"})


def may_push(state: State, event: Event) -> bool:
    """Return whether the app is subscribed and has the scope, and the bot is in the conversation."""
    kind = str(event.body["type"])
    if kind in AGENT_EVENTS and not state.app_config.is_agent:
        return False
    if kind == "message" and event.conversation is not None:
        kind = SUBSCRIPTIONS[event.conversation.kind]
    scopes = EVENT_SCOPES.get(kind, ())
    allowed = not scopes or any(scope in state.scopes for scope in scopes)
    return kind in state.subscribed and allowed and (event.conversation is None or state.has_bot(event.conversation))


def event_payload(state: State, event: Event) -> Json:
    """Return the event with its outer fields: the body of a request, or the payload of a Socket Mode frame."""
    event_id = state.unique_id("Ev")
    return {
        "token": "unused",
        "team_id": state.team,
        "context_team_id": state.team,
        "context_enterprise_id": None,
        "api_app_id": state.app,
        "event": event.body,
        "type": "event_callback",
        "event_id": event_id,
        "event_time": int(float(event.body["event_ts"])),
        "authorizations": [authorization(state)],
        "is_ext_shared_channel": event.conversation is not None and event.conversation.shared,
        "event_context": f"4-{event_id}",
    }


def authorization(state: State) -> Json:
    return {
        "enterprise_id": None,
        "team_id": state.team,
        "user_id": state.bot.id,
        "is_bot": True,
        "is_enterprise_install": False,
    }
