"""Parse Slack's event payloads. Pure. All rules about what to ignore are here.

A payload yields any number of events. If Slack reports the same event in several payloads, they yield equal values, of
which one row is stored.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from bot.slack.blocks import unescape
from bot.slack.events import (
    READABLE,
    Edited,
    Event,
    FileChanged,
    FollowUp,
    HomeOpened,
    Joined,
    Left,
    Linked,
    MessageDeleted,
    Moved,
    PersonChanged,
    Queried,
    Question,
    ReadersChanged,
    Shared,
    SlackFile,
    Unlinked,
    Unshared,
)

Raw: TypeAlias = Mapping[str, Any]

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
)
"""Types of events that the manifest subscribes to, as Bolt names them."""

# Slack escapes every "<" that a person types, so none is inside a mention or link. That bounds the length of a match.
_MENTION = re.compile(r"<@(\w+)(?:\|[^<>]*)?>")
_LINK = re.compile(r"<(https?://[^<|>\s]+)(?:\|[^<>]*)?>")
_LABELED = re.compile(r"<(?:https?|mailto):[^<|>]+\|([^<>]+)>")
_BARE = re.compile(r"<((?:https?|mailto):[^<>]+)>")
_CHANNEL = re.compile(r"<#\w+\|([^<>]+)>")
_SLACKS_OWN = re.compile(r"https?://(?:[\w-]+\.)*slack\.com(?:[/:?]|$)", re.IGNORECASE)
_MAX_LINKS = 5
"""Maximum web addresses indexed from one message: people who post long lists do not mean to share each page."""

_MENTIONS_OTHERS = re.compile(r"<(?:@|!subteam|!here|!channel|!everyone)")
"""A mention of a person, a group or everyone."""

_OF_CONVERSATIONS = ("member_", "channel_", "group_")
"""Prefixes of events and message subtypes that report changes of a conversation or of its members."""


def parse(event: Raw, me: str) -> list[Event]:  # noqa: C901 - one case for each kind of event
    """Return the events of an inner event payload. `me`: Magpie's user id."""
    kind, channel = event.get("type"), _text(event.get("channel_id") or event.get("channel"))
    match kind:
        case "app_mention":
            return _message(event, event, channel, me, direct=False)
        case "message":
            return _any_message(event, channel, me)
        case "file_shared" if event.get("user_id") != me and channel:
            user = _text(event.get("user_id"))
            return [Shared(SlackFile(_text(event.get("file_id"))), channel, user, at=_at(event))]
        case "file_unshared" if channel:
            return [Unshared(_text(event.get("file_id")), channel, _at(event))]
        case "file_deleted":
            return [Unshared(_text(event.get("file_id")), at=_at(event))]
        case "file_change":
            return [FileChanged(_text(event.get("file_id")))]
        case "app_home_opened" if event.get("tab") == "home":
            return [HomeOpened(_text(event.get("user")), channel)]
        case "member_joined_channel" if event.get("user") == me:
            return [Joined(channel)]
        case "channel_left" | "group_left" | "channel_deleted" | "group_deleted":
            return [Left(channel)]
        case "channel_id_changed":
            return [Moved(_text(event.get("old_channel_id")), _text(event.get("new_channel_id")))]
        case "user_change" | "team_join":
            person = event.get("user")
            if isinstance(person, Mapping):
                return [PersonChanged(_text(person.get("id")), person.get("deleted") is True)]
        case str() if kind.startswith(_OF_CONVERSATIONS) and channel:
            return [ReadersChanged(channel)]
    return []


def slack_file(raw: Raw) -> SlackFile:
    """Parse a file object, complete or a stub."""
    mode = raw.get("mode", "")
    if mode in ("", "file_access") or raw.get("file_access") == "check_file_info":
        return SlackFile(_text(raw.get("id")))
    name = _text(raw.get("name") or raw.get("title"))
    ending = name.rpartition(".")[2].lower() if "." in name else ""
    filetype = _text(raw.get("filetype")).lower()
    return SlackFile(
        _text(raw.get("id")),
        _text(raw.get("title")) if raw.get("title") and "." in _text(raw.get("title")) else name,
        raw.get("permalink"),
        ending if ending in READABLE else filetype,
        raw.get("size"),
        raw.get("timestamp") or raw.get("created"),
        _text(raw.get("user")),
        stub=False,
        usable=mode in ("hosted", "snippet") and not raw.get("is_external"),
        snippet=mode == "snippet",
    )


def mentions(text: str, me: str) -> bool:
    """Return whether a message mentions Magpie."""
    return any(match[1] == me for match in _MENTION.finditer(text))


def without_mention(text: str, me: str) -> str:
    """Return a message's text as people see it, without the mention of Magpie and with entities resolved."""
    bare = _MENTION.sub(lambda match: " " if match[1] == me else match[0], text)
    bare = _LABELED.sub(r"\1", bare)
    bare = _BARE.sub(r"\1", bare)
    bare = _CHANNEL.sub(r"#\1", bare)
    return " ".join(unescape(bare).split())


def _any_message(event: Raw, channel: str, me: str) -> list[Event]:
    direct = event.get("channel_type") == "im"
    match event.get("subtype"):
        case None | "file_share" | "thread_broadcast":
            return _message(event, event, channel, me, direct=direct)
        case "message_changed":
            return _edited(event, channel, me, direct=direct)
        case "message_deleted":
            before = event.get("previous_message") or {}
            deleted = _text(event.get("deleted_ts"))
            unshared = [
                Unshared(_text(raw.get("id")), channel, _at(event), deleted) for raw in before.get("files") or ()
            ]
            links = [Unlinked(url, channel, deleted) for url in _links(before)]
            return [*unshared, *links, MessageDeleted(channel, deleted)]
        case str(subtype) if subtype.startswith(_OF_CONVERSATIONS):  # the only event when a channel becomes private
            return [ReadersChanged(channel)]
    return []


def _message(event: Raw, message: Raw, channel: str, me: str, *, direct: bool) -> list[Event]:
    """Return the events of a person's message: its files and links, and a question if it is addressed to Magpie."""
    user = _text(message.get("user"))
    if not user or user == me or message.get("bot_id"):
        return []
    text, ts = _text(message.get("text")), _text(message.get("ts"))
    files = [slack_file(raw) for raw in message.get("files") or ()]
    addressed = direct or event.get("type") == "app_mention" or mentions(text, me)
    found: list[Event] = []
    for file in files:
        if addressed and file.picture:
            found.append(Queried(file.id, channel))
        elif (file.stub and not addressed) or file.readable:
            found.append(Shared(file, channel, user, ts, _at(message)))
    if not addressed:
        found += [Linked(url, channel, user, ts) for url in _links(message)]
    question = without_mention(text, me)
    about_files = any(file.picture or file.stub for file in files)
    if addressed and (question or about_files or not files):
        thread = _text(message.get("thread_ts")) or ts
        found.append(Question(channel, ts, thread, user, question, tuple(file.id for file in files)))
    thread = _text(message.get("thread_ts"))
    if not addressed and thread not in ("", ts) and (question or about_files):
        possible = Question(channel, ts, thread, user, question, tuple(file.id for file in files))
        pictures = tuple(file.id for file in files if file.picture)
        found.append(FollowUp(possible, _MENTIONS_OTHERS.search(text) is not None, pictures))
    return found


def _edited(event: Raw, channel: str, me: str, *, direct: bool) -> list[Event]:
    """Return the events of an edit: added and removed files and links, changed text, an added mention."""
    message, before = event.get("message") or {}, event.get("previous_message") or {}
    ts, files_before, files_now = _text(message.get("ts")), _ids(before), _ids(message)
    links_before, links_now = _links(before), _links(message)
    found: list[Event] = [Unshared(file, channel, _at(event), ts) for file in files_before if file not in files_now]
    found += [Unlinked(url, channel, ts) for url in links_before if url not in links_now]
    added = [raw for raw in message.get("files") or () if raw.get("id") not in files_before]
    mention_added = mentions(_text(message.get("text")), me) and not mentions(_text(before.get("text")), me)
    if added or mention_added:
        parsed = _message(event, {**message, "files": added}, channel, me, direct=direct and bool(added))
        ignored = (Linked, FollowUp) if mention_added else (Linked, FollowUp, Question)
        found += [item for item in parsed if not isinstance(item, ignored)]
    if set(links_now) - set(links_before):
        parsed = _message(event, {**message, "files": ()}, channel, me, direct=direct)
        found += [item for item in parsed if isinstance(item, Linked) and item.url not in links_before]
    text = without_mention(_text(message.get("text")), me)
    if not mention_added and message.get("user") != me and text != without_mention(_text(before.get("text")), me):
        found.append(Edited(channel, ts, text, _at(event)))
    return found


def _links(message: Raw) -> list[str]:
    """Return the first _MAX_LINKS web addresses of a message, without fragments. Slack's own need a login and are left
    out."""
    found = (url.replace("&amp;", "&").partition("#")[0] for url in _LINK.findall(_text(message.get("text"))))
    return [url for url in dict.fromkeys(found) if not _SLACKS_OWN.match(url)][:_MAX_LINKS]


def _ids(message: Raw) -> Sequence[str]:
    return [_text(raw.get("id")) for raw in message.get("files") or () if raw.get("mode") != "tombstone"]


def _at(event: Raw) -> float:
    """Return when a message was written or an event happened, in seconds since 1970; 0 if unknown."""
    stamp = _text(event.get("ts") or event.get("event_ts"))
    return float(stamp) if re.fullmatch(r"\d{1,12}(\.\d{1,9})?", stamp) else 0.0


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
