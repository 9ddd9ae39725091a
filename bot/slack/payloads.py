"""Parse Slack's event payloads. Pure. All rules about what to ignore are here.

Slack reports the same message in several payloads, in any order: `message` and `app_mention` when it is written, then
one for each change. Each yields the state of the message, with the revision that orders them.
"""

from __future__ import annotations

import re
from dataclasses import replace

from bot.slack.events import (
    AppUninstalled,
    ChannelViewed,
    Event,
    FileChanged,
    FileDeleted,
    FileShared,
    FileUnshared,
    Forwarded,
    HomeOpened,
    Joined,
    Left,
    Message,
    MessageDeleted,
    MessageLink,
    Moved,
    PersonChanged,
    ReadersChanged,
    SessionStopped,
    SlackFile,
)
from bot.slack.file_objects import slack_file
from bot.slack.message_text import Raw, as_list, as_map, as_text, quotes_mention, said, without_mention, words
from bot.slack.slack_links import references, web_links

SUBSCRIBED = (
    "app_home_opened",
    "app_mention",
    "message",
    "file_shared",
    "file_unshared",
    "file_change",
    "file_deleted",
    "member_joined_channel",
    "member_left_channel",
    "channel_left",
    "group_left",
    "channel_deleted",
    "group_deleted",
    "channel_archive",
    "channel_unarchive",
    "group_archive",
    "group_unarchive",
    "channel_shared",
    "channel_unshared",
    "channel_id_changed",
    "team_join",
    "user_change",
    "app_uninstalled",
    "tokens_revoked",
)
"""Types of events that the manifest subscribes to, as Bolt names them."""

SUBSCRIBED_BY_AGENTS = ("agent_session_stopped", "app_context_changed")
"""The events that only the manifest of an agent subscribes to."""

_CHANNEL_ENTITY = "slack#/types/channel_id"

_OF_CONVERSATIONS = ("member_", "channel_", "group_")
"""Prefixes of events and message subtypes that report changes of a conversation or of its members."""

_WRITTEN = (None, "file_share", "thread_broadcast", "me_message", "bot_message", "slackbot_response")
"""Subtypes of messages that people and apps write. Slack writes the others, such as "joined the channel"."""

_SLACKBOT = "USLACKBOT"


def parse(event: Raw, me: str) -> list[Event]:
    """Return the events of an inner event payload. `me`: Magpie's user id."""
    kind, channel = event.get("type"), as_text(event.get("channel_id") or event.get("channel"))
    file = as_text(event.get("file_id"))
    match kind:
        case "app_mention" | "message":
            return _any_message(event, channel, me)
        case "file_shared" if event.get("user_id") != me and channel:
            return [FileShared(file, channel, as_text(event.get("user_id")), _at(event))]
        case "file_unshared" if channel:
            return [FileUnshared(file, channel, _at(event))]
        case "file_deleted":
            return [FileDeleted(file, _at(event))]
        case "file_change":
            return [FileChanged(file)]
        case "app_home_opened" | "agent_session_stopped" | "app_context_changed":
            return _in_view(event, channel, as_text(event.get("user")))
        case "member_joined_channel" if event.get("user") == me:
            return [Joined(channel, as_text(event.get("inviter")))]
        case "channel_left" | "group_left" | "channel_deleted" | "group_deleted":
            return [Left(channel)]
        case "channel_id_changed":
            return [Moved(as_text(event.get("old_channel_id")), as_text(event.get("new_channel_id")))]
        case "user_change" | "team_join":
            person = as_map(event.get("user"))
            return [PersonChanged(as_text(person.get("id")), person.get("deleted") is True)] if person else []
        case str() if kind.startswith(_OF_CONVERSATIONS) and channel:
            return [ReadersChanged(channel)]
    return [AppUninstalled()] if _is_uninstalled(event, me) else []


def _in_view(event: Raw, channel: str, user: str) -> list[Event]:
    """Return what a person did in Magpie's own views."""
    match event.get("type"):
        case "app_home_opened" if event.get("tab") == "home":
            return [HomeOpened(user, channel)]
        case "agent_session_stopped" if channel and user:
            return [SessionStopped(channel, as_text(event.get("thread_ts")), user)]
        case "app_context_changed" if user:
            entities = as_list(as_map(event.get("context")).get("entities"))
            channels = (as_text(each.get("value")) for each in entities if each.get("type") == _CHANNEL_ENTITY)
            return [ChannelViewed(user, next(channels, ""))]
    return []


def _is_uninstalled(event: Raw, me: str) -> bool:
    """Return whether Slack takes back the bot's token."""
    bots = as_map(event.get("tokens")).get("bot")
    is_revoked = event.get("type") == "tokens_revoked" and isinstance(bots, list) and me in bots
    return is_revoked or event.get("type") == "app_uninstalled"


def as_app(message: Message) -> Message:
    """Return a message posted under the name of `user`, who is not a person: only a mention addresses Magpie."""
    return replace(message, app=message.via, via="", addressed=message.mentioned)


def _any_message(event: Raw, channel: str, me: str) -> list[Event]:
    match event.get("subtype"):
        case "message_changed":
            changed, before = as_map(event.get("message")), as_map(event.get("previous_message"))
            if changed.get("subtype") == "tombstone":  # a deleted message whose thread has replies
                return _deleted(channel, changed.get("ts"), event)
            parsed = _message(event, changed, channel, me, _revision_of_change(event, changed, before))
            return [_compared(message, before, me) for message in parsed]
        case "message_deleted":
            return _deleted(channel, event.get("deleted_ts"), event)
        case "tombstone":  # as the history lists it
            return _deleted(channel, event.get("ts"), event)
        case str(subtype) if subtype.startswith(_OF_CONVERSATIONS):  # the only event when a channel becomes private
            return [ReadersChanged(channel)]
    return _message(event, event, channel, me, _revision(event))


def _compared(event: Event, before: Raw, me: str) -> Event:
    """Return the state of a message after an edit, with what the edit added and took out."""
    if not isinstance(event, Message) or not before:
        return event
    removed = {file.id for file in _files(before)} - {file.id for file in event.files}
    added = event.mentioned and me not in said(before).people
    return replace(event, mention_added=added, removed=tuple(sorted(removed)))


def _deleted(channel: str, ts: object, event: Raw) -> list[Event]:
    files = tuple(file.id for file in _files(as_map(event.get("previous_message"))))
    return [MessageDeleted(channel, as_text(ts), _at(event), files)] if as_text(ts) else []


def _message(event: Raw, message: Raw, channel: str, me: str, revision: float) -> list[Event]:
    """Return the state of a message; [] if it is Magpie's own, or not written by a person or an app."""
    user, ts = as_text(message.get("user")), as_text(message.get("ts"))
    app, via = _author(message)
    is_written = message.get("subtype") in _WRITTEN and message.get("is_ephemeral") is not True
    if not ts or not is_written or user == me or not (user or app):
        return []
    spoken = said(message)
    is_mention = event.get("type") == "app_mention"
    mentioned = me in spoken.people or (is_mention and not quotes_mention(message, me))
    direct = event.get("channel_type") == "im" or channel.startswith("D")
    addressed = mentioned or (direct and not app)
    thread = as_text(message.get("thread_ts"))
    return [
        Message(
            channel,
            ts,
            "" if thread == ts else thread,
            user,
            without_mention(words(message), me),
            _files(message),
            () if addressed else web_links(spoken.links),
            revision,
            complete=not is_mention,
            addressed=addressed,
            mentions_others=spoken.groups or bool(spoken.people - {me}),
            forwarded=_forwarded(message, me),
            references=references(spoken.links),
            app=app,
            via=via,
            mentioned=mentioned,
        )
    ]


def _author(message: Raw) -> tuple[str, str]:
    """Return (app, via) of a message.

    A message with both a user and a bot id may be a person's, posted by an app with that person's token, or an app's,
    posted as its own bot user. Slack sends the same fields in both cases.
    """
    user, bot = as_text(message.get("user")), as_text(message.get("bot_id"))
    if user == _SLACKBOT:
        return _SLACKBOT, ""
    if user and message.get("subtype") != "bot_message":
        return "", bot
    return bot or as_text(message.get("app_id")), ""


def _forwarded(message: Raw, me: str) -> tuple[Forwarded, ...]:
    """Return the messages that a message forwards or shows. The preview of a web page is not one."""
    found = []
    for raw in as_list(message.get("attachments")):
        channel, ts = as_text(raw.get("channel_id")), as_text(raw.get("ts"))
        link = next((one for one in references([as_text(raw.get("from_url"))]) if isinstance(one, MessageLink)), None)
        if link and not (channel and ts):
            channel, ts = link.channel, link.ts
        if raw.get("is_share") is True or (raw.get("is_msg_unfurl") is True and channel):
            words = without_mention(as_text(raw.get("text")), me)
            found.append(Forwarded(channel, ts, as_text(raw.get("author_id")), words, _files(raw)))
    return tuple(found)


def _files(message: Raw) -> tuple[SlackFile, ...]:
    """Return the files of a message, without those that were deleted."""
    found = (raw for raw in as_list(message.get("files")) if raw.get("mode") != "tombstone" and as_text(raw.get("id")))
    return tuple({raw["id"]: slack_file(raw) for raw in found}.values())


# ---------------------------------------------------------------- revisions


def _revision(message: Raw) -> float:
    """Return when a message got its state: at its last edit, or when it was written."""
    return max(_seconds(message.get("ts")), _seconds(as_map(message.get("edited")).get("ts")))


def _revision_of_change(event: Raw, message: Raw, before: Raw) -> float:
    """Return when a change was made. Slack gives edits in whole seconds and the event in microseconds.

    Slack reports a change as well when it adds the preview of a link. That is not a revision.
    """
    is_same = bool(before) and _content(message) == _content(before)
    return _revision(message) if is_same else max(_revision(message), _at(event))


def _content(message: Raw) -> tuple[object, ...]:
    files = tuple(as_text(raw.get("id")) for raw in as_list(message.get("files")) if raw.get("mode") != "tombstone")
    return message.get("text"), files, as_map(message.get("edited")).get("ts")


def _at(event: Raw) -> float:
    """Return when an event happened, in seconds since 1970; 0 if unknown."""
    return _seconds(event.get("ts") or event.get("event_ts"))


def _seconds(stamp: object) -> float:
    return float(stamp) if isinstance(stamp, str) and re.fullmatch(r"\d{1,12}(\.\d{1,9})?", stamp) else 0.0
