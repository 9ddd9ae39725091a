"""What a workspace holds: people, spaces, messages, files. No network, no clock but the wall's."""

from __future__ import annotations

import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex, token_urlsafe
from threading import Condition, RLock
from typing import Any, Literal, NamedTuple, TypeVar
from uuid import uuid4

from bot.demo.slack_server.manifest import Granted

Json = dict[str, Any]
Kind = Literal["channel", "group", "im", "mpim"]
Guest = Literal["", "multi", "single"]
Login = Literal["redirect", "page"]
T = TypeVar("T")

MAGIC = {b"%PDF-": ("application/pdf", "pdf"), b"\x89PNG": ("image/png", "png"), b"\xff\xd8\xff": ("image/jpeg", "jpg")}
BY_NAME = {
    "gif": "image/gif",
    "webp": "image/webp",
    "txt": "text/plain",
    "html": "text/html",
    "md": "text/markdown",
    "zip": "application/zip",
    "mp4": "video/mp4",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}


class Call(NamedTuple):
    """One request to the Web API as it was received, the token left out."""

    method: str
    arguments: Json


@dataclass
class Pace:
    """How slow this Slack is, in seconds. May be changed at any time."""

    share_delay: float = 0.05
    """From files.completeUploadExternal to the message that shares the file."""
    fresh_for: float = 0.0
    """How long a new file has no type and no download link, and is refused in image blocks. Slack: about 1 to 5."""
    list_lag: float = 0.0
    """How long files.list does not know a new file."""
    ack_timeout: float = 4.0
    """Until an envelope that nobody acknowledged is sent again (3 times)."""
    hold_events: float = 600.0
    """How long events wait for a connection while there is none; Slack gives up after about 6 minutes."""
    http_retries: tuple[float, ...] = (0.0, 0.2, 0.5)
    """Pauses before the retries to a request URL. Slack: at once, 1 minute, 5 minutes."""
    http_timeout: float = 3.0
    stream_for: float = 300.0
    """How long a streamed message may grow."""
    trigger_for: float = 3.0
    """How long a trigger id opens a modal."""
    response_for: float = 1800.0
    """How long a response_url is good for."""


@dataclass
class Person:
    id: str
    name: str
    team: str
    guest: Guest = ""
    is_bot: bool = False
    bot_id: str = ""
    deleted: bool = False


@dataclass
class Message:
    """One message. `files`: their ids. `ephemeral_to`: the only person who sees it, else empty."""

    ts: str
    channel: str
    user: str
    text: str
    blocks: list[Json] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    thread_ts: str = ""
    metadata: Json = field(default_factory=dict)
    reactions: dict[str, list[str]] = field(default_factory=dict)
    ephemeral_to: str = ""
    subtype: str = ""
    """file_share, thread_broadcast, channel_join, group_join, tombstone, or empty."""
    upload: bool = False
    edited: str = ""
    """ts of the last edit."""


@dataclass(frozen=True)
class Share:
    space: str
    ts: str
    thread_ts: str
    user: str


@dataclass
class SlackFile:
    id: str
    name: str
    title: str
    owner: str
    data: bytes
    mimetype: str
    filetype: str
    created: int
    born: float = 0.0
    """On the monotonic clock."""
    shares: list[Share] = field(default_factory=list)
    deleted: bool = False
    connect: bool = False
    """Came through Slack Connect: pushed events carry a stub of it."""
    mode: str = "hosted"
    external: bool = False

    @property
    def size(self) -> int:
        return len(self.data)


@dataclass
class Space:
    id: str
    kind: Kind
    name: str
    members: list[str]
    shared: bool = False
    """Shared with another workspace (Slack Connect)."""
    pending: bool = False
    """Another workspace was invited and has not come yet."""
    org_shared: bool = False
    """Shared among the workspaces of an Enterprise organisation."""
    archived: bool = False
    created: int = 0
    messages: list[Message] = field(default_factory=list)


def secret_part() -> str:
    """Return a part of an address that whoever was not given it cannot guess; ids are numbered."""
    return token_urlsafe(24)


@dataclass
class Upload:
    """A file between the first and the last step of its upload."""

    name: str
    length: int
    alt_text: str
    data: bytes | None = None
    ticket: str = field(default_factory=secret_part)
    """The part of its address that cannot be guessed."""


@dataclass
class Stream:
    """A message that still grows. `mode`: markdown_text or chunks, once one was used."""

    mode: str
    began: float


@dataclass
class Response:
    """What a response_url may answer to."""

    channel: str
    user: str
    message: Message | None
    until: float
    """On the monotonic clock."""
    used: int = 0


def typed(name: str, data: bytes) -> tuple[str, str]:
    """(mimetype, filetype), from the bytes where they tell, else from the name."""
    for magic, kind in MAGIC.items():
        if data.startswith(magic):
            return kind
    ending = Path(name).suffix.lower().removeprefix(".")
    if ending in BY_NAME:
        return BY_NAME[ending], "text" if ending == "txt" else ending
    return ("application/octet-stream", "binary") if b"\0" in data else ("text/plain", "text")


class Changed(Condition):
    """Counts what it announces, so that one may look without the lock and then wait for what came since."""

    def __init__(self) -> None:
        super().__init__(RLock())
        self.version = 0
        self.heard: list[Callable[[], None]] = []
        """Called at every announcement, under the lock, by whatever thread announces: they must not block."""

    def notify_all(self) -> None:
        self.version += 1
        for listener in list(self.heard):
            listener()
        super().notify_all()

    def since(self, version: int, timeout: float) -> bool:
        """Wait until something came after this version; False: nothing did."""
        return self.wait_for(lambda: self.version != version, timeout)


class World:
    """Everything, behind one lock; every change wakes who waits on `changed`."""

    def __init__(self, granted: Granted, now: Callable[[], float] = time.time) -> None:
        self.granted, self.now = granted, now
        self.scopes, self.subscribed = granted.scopes, granted.subscribed
        self.changed = Changed()
        self.pace = Pace()
        self.host = ""
        self.team, self.app, self.domain = "T0000000001", "A0000000001", "magpie"
        # Others on this machine, and pages in its browsers, can reach the port: they must not know the tokens.
        self.bot_token = f"xoxb-1-0000000001-{token_hex(16)}"
        self.app_token = f"xapp-1-A0000000001-1-{token_hex(16)}"
        self.signing_secret = token_hex(16)
        self.people: dict[str, Person] = {}
        self.spaces: dict[str, Space] = {}
        self.files: dict[str, SlackFile] = {}
        self.uploads: dict[str, Upload] = {}
        self.ephemerals: list[Message] = []
        self.streams: dict[tuple[str, str], Stream] = {}
        """By channel and ts."""
        self.views: dict[str, Json] = {}
        self.viewers: dict[str, str] = {}
        """View id -> the person who sees it."""
        self.homes: dict[str, Json] = {}
        self.statuses: dict[tuple[str, str], str] = {}
        self.prompts: dict[str, list[Json]] = {}
        self.triggers: dict[str, tuple[str, float]] = {}
        """Trigger id -> (user, until when on the monotonic clock); empty user: already used."""
        self.responses: dict[str, Response] = {}
        """By the ticket in their response_url."""
        self.tickets: set[str] = set()
        """Of Socket Mode addresses given out and not yet used."""
        self.login: Login = "redirect"
        self.calls: list[Call] = []
        self._last, self._count, self._salt = 0, 0, uuid4().hex[:6].upper()
        self.bot = self.add_person("magpie", is_bot=True)

    # ------------------------------------------------------------ names

    def next_id(self, prefix: str) -> str:
        """The same in every run, so that a script may name them; for people and conversations."""
        self._count += 1
        return f"{prefix}{self._count:010d}"

    def unique_id(self, prefix: str) -> str:
        """Never the same in two runs: the bot may remember files and events of an earlier one."""
        self._count += 1
        return f"{prefix}{self._salt}{self._count:05d}"

    def next_ts(self) -> str:
        """Slack's clock: never the same twice, never backwards."""
        self._last = max(self._last + 1, int(self.now() * 1_000_000))
        return f"{self._last // 1_000_000}.{self._last % 1_000_000:06d}"

    def add_person(self, name: str, team: str = "", guest: Guest = "", is_bot: bool = False) -> Person:
        person = Person(self.next_id("U"), name, team or self.team, guest, is_bot, self.next_id("B") if is_bot else "")
        self.people[person.id] = person
        return person

    def add_space(self, kind: Kind, name: str, members: list[str], shared: bool = False) -> Space:
        prefix = {"channel": "C", "group": "C", "im": "D", "mpim": "G"}[kind]
        space = Space(self.next_id(prefix), kind, name, members, shared, created=int(self.now()))
        self.spaces[space.id] = space
        return space

    def person_id(self, who: str) -> str:
        """An id stays; a name is looked up."""
        if who in self.people:
            return who
        for person in self.people.values():
            if person.name == who:
                return person.id
        raise LookupError(f"nobody is called {who!r}")

    # ------------------------------------------------------------ lookups

    def bot_in(self, space: Space) -> bool:
        return self.bot.id in space.members

    def space(self, channel: str) -> Space:
        if channel not in self.spaces:
            raise LookupError(f"no conversation {channel!r}")
        return self.spaces[channel]

    def message(self, channel: str, ts: str) -> Message:
        for message in self.space(channel).messages:
            if message.ts == ts:
                return message
        raise LookupError(f"no message {ts} in {channel}")

    def thread(self, space: Space, ts: str) -> list[Message]:
        return [message for message in space.messages if message.ts == ts or message.thread_ts == ts]

    def visible_shares(self, file: SlackFile) -> list[Share]:
        """The shares the bot can see."""
        return [share for share in file.shares if self.bot_in(self.spaces[share.space])]

    def bot_sees(self, file: SlackFile) -> bool:
        return not file.deleted and (file.owner == self.bot.id or bool(self.visible_shares(file)))

    def streaming(self, message: Message) -> bool:
        stream = self.streams.get((message.channel, message.ts))
        return stream is not None and time.monotonic() < stream.began + self.pace.stream_for

    def fresh(self, file: SlackFile) -> bool:
        return time.monotonic() < file.born + self.pace.fresh_for

    def snapshot(self, value: T) -> T:
        with self.changed:
            return deepcopy(value)
