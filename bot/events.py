"""What Slack says, in our words: raw events to questions, shared files and what went away. Pure; all ignore rules.

An event yields any number of happenings; what is nobody's business yields none. The same thing told twice, or by
two kinds of event, yields equal happenings, and the ledger keeps one row of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Raw: TypeAlias = Mapping[str, Any]

SUBSCRIBED = (
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
"""Events the manifest subscribes to, as Bolt names them."""

PICTURES = frozenset("png jpg jpeg webp gif tif tiff bmp".split())
OFFICE = frozenset("docx pptx odt odp doc ppt rtf".split())
TEXTS = frozenset("txt text md markdown log".split())
READABLE = PICTURES | OFFICE | TEXTS | {"pdf"}
"""Endings of what the reader can read; everything else shared in a channel is left alone, without a word."""

_LINK = re.compile(r"<(https?://[^|>\s]+)(?:\|[^>]*)?>")
_SLACKS_OWN = re.compile(r"https?://(?:[\w-]+\.)*slack\.com(?:[/:?]|$)", re.IGNORECASE)
_MOST_LINKS = 5
"""Web addresses taken from one message: a list of thirty is no document that somebody shares."""

_OF_CONVERSATIONS = ("member_", "channel_", "group_")
"""What events and subtypes of messages begin with that tell of a conversation itself and of who is in it."""

WEB_PAGES = frozenset("html htm xhtml".split())


@dataclass(frozen=True, slots=True)
class SlackFile:
    """A file object. `stub`: Slack told no more than the id; ask files.info before anything is decided.

    `snippet`: text that was pasted, or a small file of text.
    """

    id: str
    name: str = ""
    link: str | None = None
    ending: str = ""
    size: int | None = None
    created: int | None = None
    user: str = ""
    stub: bool = True
    usable: bool = True
    snippet: bool = False

    @property
    def picture(self) -> bool:
        return self.ending in PICTURES

    @property
    def readable(self) -> bool:
        """Whether it is worth fetching: hosted by Slack, and of a type the reader knows.

        A snippet is text whatever its ending: somebody's code, or the end of a log.
        """
        return self.usable and (self.ending in READABLE or (self.snippet and self.ending not in WEB_PAGES))


@dataclass(frozen=True, slots=True)
class Question:
    """Somebody asks. `text` is without the mention; `thread` is the ts that replies go under."""

    channel: str
    ts: str
    thread: str
    user: str
    text: str
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Shared:
    """A file was put where Magpie is. `ts` is empty when the event does not say in which message."""

    file: SlackFile
    channel: str
    user: str
    ts: str = ""
    at: float = field(default=0.0, compare=False)
    """When, seconds since 1970; 0: not told."""


@dataclass(frozen=True, slots=True)
class Queried:
    """A picture sent to Magpie: a query, and not to be indexed."""

    file: str
    channel: str


@dataclass(frozen=True, slots=True)
class Unshared:
    """A file left a channel, or every channel when `channel` is None."""

    file: str
    channel: str | None = None
    at: float = field(default=0.0, compare=False)
    """When, seconds since 1970; 0: not told."""


@dataclass(frozen=True, slots=True)
class Linked:
    """A web address was written where Magpie is, to others than Magpie."""

    url: str
    channel: str
    user: str
    ts: str


@dataclass(frozen=True, slots=True)
class Unlinked:
    """The message with a web address went, or the address in it."""

    url: str
    channel: str


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """A message was deleted; a question in it that was not begun is dropped."""

    channel: str
    ts: str


@dataclass(frozen=True, slots=True)
class Changed:
    """Some property of a file changed; which one, Slack does not say."""

    file: str


@dataclass(frozen=True, slots=True)
class Joined:
    channel: str


@dataclass(frozen=True, slots=True)
class Left:
    channel: str


@dataclass(frozen=True, slots=True)
class Moved:
    """A conversation changed its id."""

    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Readers:
    """Who can read a conversation may have changed, or what kind of conversation it is."""

    channel: str


@dataclass(frozen=True, slots=True)
class PersonChanged:
    """Somebody came, became a guest or a member, or was deactivated (`gone`)."""

    user: str
    gone: bool


Happening: TypeAlias = (
    Question
    | Shared
    | Queried
    | Unshared
    | Linked
    | Unlinked
    | Withdrawn
    | Changed
    | Joined
    | Left
    | Moved
    | Readers
    | PersonChanged
)


def parse(event: Raw, me: str) -> list[Happening]:
    """What an inner event means to Magpie, whose user id is `me`."""
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
            return [Changed(_text(event.get("file_id")))]
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
            return [Readers(channel)]
    return []


def slack_file(raw: Raw) -> SlackFile:
    """A file object as Slack sends it, whole or as a stub."""
    mode = raw.get("mode", "")
    if mode in ("", "file_access") or raw.get("file_access") == "check_file_info":
        return SlackFile(_text(raw.get("id")))
    name = _text(raw.get("name") or raw.get("title"))
    ending = name.rpartition(".")[2].lower() if "." in name else ""
    told = _text(raw.get("filetype")).lower()
    return SlackFile(
        _text(raw.get("id")),
        _text(raw.get("title")) if raw.get("title") and "." in _text(raw.get("title")) else name,
        raw.get("permalink"),
        ending if ending in READABLE else told,
        raw.get("size"),
        raw.get("timestamp") or raw.get("created"),
        _text(raw.get("user")),
        stub=False,
        usable=mode in ("hosted", "snippet") and not raw.get("is_external"),
        snippet=mode == "snippet",
    )


def mentions(text: str, me: str) -> bool:
    return re.search(rf"<@{re.escape(me)}(\|[^>]*)?>", text) is not None


def without_mention(text: str, me: str) -> str:
    """The text as a person reads it: without the mention of Magpie, entities resolved."""
    bare = re.sub(rf"<@{re.escape(me)}(\|[^>]*)?>", " ", text)
    bare = re.sub(r"<(?:https?|mailto):[^|>]+\|([^>]+)>", r"\1", bare)
    bare = re.sub(r"<((?:https?|mailto):[^>]+)>", r"\1", bare)
    bare = re.sub(r"<#\w+\|([^>]+)>", r"#\1", bare)
    for entity, sign in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        bare = bare.replace(entity, sign)
    return " ".join(bare.split())


def _any_message(event: Raw, channel: str, me: str) -> list[Happening]:
    direct = event.get("channel_type") == "im"
    match event.get("subtype"):
        case None | "file_share" | "thread_broadcast":
            return _message(event, event, channel, me, direct=direct)
        case "message_changed":
            return _edited(event, channel, me, direct=direct)
        case "message_deleted":
            before = event.get("previous_message") or {}
            gone = [Unshared(_text(raw.get("id")), channel, _at(event)) for raw in before.get("files") or ()]
            links = [Unlinked(url, channel) for url in _links(before)]
            return [*gone, *links, Withdrawn(channel, _text(event.get("deleted_ts")))]
        case str(subtype) if subtype.startswith(_OF_CONVERSATIONS):  # a channel made private has no event but this
            return [Readers(channel)]
    return []


def _message(event: Raw, message: Raw, channel: str, me: str, *, direct: bool) -> list[Happening]:
    """A message of a person: its files, and a question when it is meant for Magpie."""
    user = _text(message.get("user"))
    if not user or user == me or message.get("bot_id"):
        return []
    text, ts = _text(message.get("text")), _text(message.get("ts"))
    files = [slack_file(raw) for raw in message.get("files") or ()]
    addressed = direct or event.get("type") == "app_mention" or mentions(text, me)
    found: list[Happening] = []
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
    return found


def _edited(event: Raw, channel: str, me: str, *, direct: bool) -> list[Happening]:
    """Files that came and went; and a mention that was put in afterwards. Other edits change nothing."""
    message, before = event.get("message") or {}, event.get("previous_message") or {}
    had, has = _ids(before), _ids(message)
    found: list[Happening] = [Unshared(file, channel, _at(event)) for file in had if file not in has]
    found += [Unlinked(url, channel) for url in _links(before) if url not in _links(message)]
    fresh = [raw for raw in message.get("files") or () if raw.get("id") not in had]
    asked = mentions(_text(message.get("text")), me) and not mentions(_text(before.get("text")), me)
    if fresh or asked:
        again = _message(event, {**message, "files": fresh}, channel, me, direct=direct and bool(fresh))
        found += [one for one in again if not isinstance(one, Linked) and (asked or not isinstance(one, Question))]
    known = _links(before)
    if set(_links(message)) - set(known):
        again = _message(event, {**message, "files": ()}, channel, me, direct=direct)
        found += [one for one in again if isinstance(one, Linked) and one.url not in known]
    return found


def _links(message: Raw) -> list[str]:
    """The first web addresses of a message's text, without their fragments; Slack's own lead to no page."""
    found = (url.replace("&amp;", "&").partition("#")[0] for url in _LINK.findall(_text(message.get("text"))))
    return [url for url in dict.fromkeys(found) if not _SLACKS_OWN.match(url)][:_MOST_LINKS]


def _ids(message: Raw) -> Sequence[str]:
    return [_text(raw.get("id")) for raw in message.get("files") or () if raw.get("mode") != "tombstone"]


def _at(event: Raw) -> float:
    """When a message was written, or when what an event tells of happened."""
    told = _text(event.get("ts") or event.get("event_ts"))
    return float(told) if re.fullmatch(r"\d{1,12}(\.\d{1,9})?", told) else 0.0


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
