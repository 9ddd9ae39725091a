"""The state of a workspace: people, conversations, messages, files. No network."""

from __future__ import annotations

import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from secrets import token_hex, token_urlsafe
from threading import Condition, RLock
from typing import Any, Literal, NamedTuple, TypeVar
from uuid import uuid4

from bot.demo.slack_server.manifest import AppConfig
from bot.demo.slack_server.quirks import Quirks

Json = dict[str, Any]
ConversationKind = Literal["channel", "group", "im", "mpim"]
Guest = Literal["", "multi", "single"]
Login = Literal["redirect", "page"]
T = TypeVar("T")
SLACKBOT = "USLACKBOT"


class Call(NamedTuple):
    """One request to the Web API as it was received, without the token."""

    method: str
    arguments: Json


@dataclass
class Timing:
    """How slow this Slack is, in seconds. Can be changed at any time."""

    share_delay: float = 0.05
    """From files.completeUploadExternal to the message that shares the file."""
    fresh_for: float = 0.0
    """How long a new file has no type and no download link and is refused in image blocks. Slack: about 1 to 5."""
    list_lag: float = 0.0
    """How long files.list leaves out a new file."""
    ack_timeout: float = 4.0
    """How long an envelope may stay unacknowledged before it is sent again (3 times)."""
    hold_events: float = 600.0
    """How long events wait while no connection is open. Slack gives up after about 6 minutes."""
    http_retries: tuple[float, ...] = (0.0, 0.2, 0.5)
    """Delays before the retries to a request URL. Slack: none, 1 minute, 5 minutes."""
    http_timeout: float = 3.0
    stream_for: float = 300.0
    """How long a streamed message accepts more text."""
    trigger_for: float = 3.0
    """How long a trigger id can open a modal."""
    response_for: float = 1800.0
    """How long a response_url is valid."""


@dataclass
class Person:
    id: str
    name: str
    team: str
    guest: Guest = ""
    admin: bool = False
    is_bot: bool = False
    bot_id: str = ""
    app_id: str = ""
    """The app of a bot."""
    deleted: bool = False
    real_name: str = ""
    """Empty: made from `name`."""
    tz: str = "Europe/Berlin"
    tz_offset: int = 3600
    """Seconds from UTC."""

    @property
    def is_active_person(self) -> bool:
        """Whether this is a person who can use Slack. Slackbot is none, although Slack does not call it a bot."""
        return not self.is_bot and not self.deleted and self.id != SLACKBOT


@dataclass(frozen=True)
class OtherApp:
    """Another app or a workflow, which writes in its own name or for a person."""

    bot_id: str
    app_id: str
    name: str


@dataclass(frozen=True)
class Forward:
    """A message as it was when a person forwarded it (`is_share`), or when Slack showed what a link leads to."""

    channel: str
    ts: str
    thread_ts: str
    user: str
    text: str
    blocks: tuple[Json, ...]
    files: tuple[str, ...]
    is_share: bool


class Task(NamedTuple):
    """One task of a streamed message. `status`: pending, in_progress, complete or error."""

    title: str
    status: str
    details: str = ""


@dataclass
class Message:
    """One message. `files` holds file ids. `ephemeral_to` is the only person who sees it, or empty.

    `user` is empty if another app wrote it in its own name.
    """

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
    """file_share, thread_broadcast, bot_message, channel_join, group_join, tombstone, or empty."""
    upload: bool = False
    edited: str = ""
    """ts of the last edit, or empty."""
    forwards: list[Forward] = field(default_factory=list)
    other_app: OtherApp | None = None
    tasks: dict[str, Task] = field(default_factory=dict)
    """What a streamed message shows of its work, by id."""


@dataclass(frozen=True)
class FileShare:
    conversation: str
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
    """Creation time on the monotonic clock."""
    shares: list[FileShare] = field(default_factory=list)
    deleted: bool = False
    connect: bool = False
    """Shared through Slack Connect: pushed events carry only a stub of it."""
    mode: str = "hosted"
    external: bool = False
    details: Json = field(default_factory=dict)
    """Further fields of the file object; None takes a field away."""
    served_as: str = ""
    """Content type of the download, if it is not `mimetype`."""
    parts: dict[str, bytes] = field(default_factory=dict)
    """What Slack made of the file and serves beside it, by the name of the field: `vtt` holds captions."""

    @property
    def is_canvas(self) -> bool:
        return self.filetype == "quip"

    @property
    def size(self) -> int:
        return len(self.data)


@dataclass
class Conversation:
    id: str
    kind: ConversationKind
    name: str
    members: list[str]
    shared: bool = False
    """Shared with another workspace (Slack Connect)."""
    pending: bool = False
    """Another workspace was invited but has not joined yet."""
    org_shared: bool = False
    """Shared among the workspaces of an Enterprise organization."""
    archived: bool = False
    created: int = 0
    creator: str = ""
    messages: list[Message] = field(default_factory=list)


def random_ticket() -> str:
    """Return a random part for an address. File and conversation ids are numbered and could be guessed."""
    return token_urlsafe(24)


@dataclass
class Upload:
    """A file between the first and the last step of its upload."""

    name: str
    length: int
    alt_text: str
    data: bytes | None = None
    ticket: str = field(default_factory=random_ticket)
    """The random part of its upload address."""


@dataclass
class Stream:
    """A message that is still being streamed. `mode`: "markdown_text" or "chunks", empty until one was used."""

    mode: str
    began: float
    stopped_by_user: bool = False


@dataclass
class Session:
    """An agent's session in a thread. `status`: active, processing, suspended or closed."""

    status: str
    title: str = ""
    initiator: str = ""


@dataclass
class ResponseTarget:
    """What a response_url replies to."""

    channel: str
    user: str
    message: Message | None
    until: float
    """Expiry on the monotonic clock."""
    used: int = 0


class ChangeSignal(Condition):
    """A condition with a version, so that a caller can look without the lock and then wait for later changes."""

    def __init__(self) -> None:
        super().__init__(RLock())
        self.version = 0
        self.listeners: list[Callable[[], None]] = []
        """Called at every change, under the lock, in the thread that made it. Must not block."""

    def notify_all(self) -> None:
        self.version += 1
        for listener in list(self.listeners):
            listener()
        super().notify_all()

    def wait_for_change(self, version: int, timeout: float) -> bool:
        """Wait until `self.version` differs from `version`. Return False after `timeout` seconds."""
        return self.wait_for(lambda: self.version != version, timeout)


class State:
    """Everything in the workspace, behind one lock. Every change notifies `changed`."""

    def __init__(self, app_config: AppConfig, now: Callable[[], float] = time.time) -> None:
        self.app_config, self.now = app_config, now
        self.scopes, self.subscribed = app_config.scopes, app_config.subscribed
        self.changed = ChangeSignal()
        self.timing, self.quirks = Timing(), Quirks()
        self.host = ""
        self.team, self.app, self.domain = "T0000000001", "A0000000001", "magpie"
        # Random, because other users of this machine and web pages in its browsers can reach the port.
        self.is_uninstalled = False
        self.bot_token = f"xoxb-1-0000000001-{token_hex(16)}"
        self.app_token = f"xapp-1-A0000000001-1-{token_hex(16)}"
        self.signing_secret = token_hex(16)
        self.people: dict[str, Person] = {}
        self.other_apps: dict[str, OtherApp] = {}
        """By bot id."""
        self.conversations: dict[str, Conversation] = {}
        self.files: dict[str, SlackFile] = {}
        self.uploads: dict[str, Upload] = {}
        self.ephemerals: list[Message] = []
        self.streams: dict[tuple[str, str], Stream] = {}
        """By channel and ts."""
        self.views: dict[str, Json] = {}
        self.viewers: dict[str, str] = {}
        """View id -> id of the person who sees it."""
        self.homes: dict[str, Json] = {}
        self.statuses: dict[tuple[str, str], str] = {}
        self.sessions: dict[tuple[str, str], Session] = {}
        """By channel and ts of the thread."""
        self.prompts: dict[str, list[Json]] = {}
        self.triggers: dict[str, tuple[str, float]] = {}
        """Trigger id -> (user, expiry on the monotonic clock). The user is empty once the trigger was used."""
        self.responses: dict[str, ResponseTarget] = {}
        """By the random part of their response_url."""
        self.tickets: set[str] = set()
        """Random parts of Socket Mode addresses that were handed out and not used yet."""
        self.login: Login = "redirect"
        self.calls: list[Call] = []
        self._last, self._count, self._salt = 0, 0, uuid4().hex[:6].upper()
        self.bot = self.add_bot("magpie", self.app)

    # ------------------------------------------------------------ ids

    def next_id(self, prefix: str) -> str:
        """Return an id that is the same in every run, for people and conversations, so that scripts can name them."""
        self._count += 1
        return f"{prefix}{self._count:010d}"

    def unique_id(self, prefix: str) -> str:
        """Return an id that never repeats between runs: the bot may remember files and events of an earlier run."""
        self._count += 1
        return f"{prefix}{self._salt}{self._count:05d}"

    def next_ts(self) -> str:
        """Return a message timestamp, always later than the one before."""
        self._last = max(self._last + 1, int(self.now() * 1_000_000))
        return f"{self._last // 1_000_000}.{self._last % 1_000_000:06d}"

    def add_person(self, name: str, team: str = "", guest: Guest = "") -> Person:
        person = Person(self.next_id("U"), name, team or self.team, guest)
        self.people[person.id] = person
        return person

    def add_bot(self, name: str, app_id: str) -> Person:
        user, bot_id = self.next_id("U"), self.next_id("B")
        self.people[user] = Person(user, name, self.team, is_bot=True, bot_id=bot_id, app_id=app_id)
        return self.people[user]

    def slackbot(self) -> Person:
        """Return Slackbot, which Slack does not call a bot."""
        return self.people.setdefault(SLACKBOT, Person(SLACKBOT, "slackbot", self.team))

    def add_conversation(
        self, kind: ConversationKind, name: str, members: list[str], shared: bool = False
    ) -> Conversation:
        """Add a conversation. Its first member created it."""
        prefix = {"channel": "C", "group": "C", "im": "D", "mpim": "G"}[kind]
        conversation = Conversation(
            self.next_id(prefix), kind, name, members, shared, created=int(self.now()), creator="".join(members[:1])
        )
        self.conversations[conversation.id] = conversation
        return conversation

    def person_id(self, who: str) -> str:
        """Return the id of a person given by id or name. Raise LookupError if there is none."""
        if who in self.people:
            return who
        for person in self.people.values():
            if person.name == who:
                return person.id
        raise LookupError(f"no person named {who!r}")

    # ------------------------------------------------------------ lookups

    def has_bot(self, conversation: Conversation) -> bool:
        return self.bot.id in conversation.members

    def conversation(self, channel: str) -> Conversation:
        if channel not in self.conversations:
            raise LookupError(f"no conversation {channel!r}")
        return self.conversations[channel]

    def message(self, channel: str, ts: str) -> Message:
        for message in self.conversation(channel).messages:
            if message.ts == ts:
                return message
        raise LookupError(f"no message {ts} in {channel}")

    def thread(self, conversation: Conversation, ts: str) -> list[Message]:
        return [message for message in conversation.messages if message.ts == ts or message.thread_ts == ts]

    def visible_shares(self, file: SlackFile) -> list[FileShare]:
        """Return the shares in conversations the bot is in."""
        return [share for share in file.shares if self.has_bot(self.conversations[share.conversation])]

    def is_visible_to_bot(self, file: SlackFile) -> bool:
        return not file.deleted and (file.owner == self.bot.id or bool(self.visible_shares(file)))

    def is_streaming(self, message: Message) -> bool:
        stream = self.streams.get((message.channel, message.ts))
        if stream is None or stream.stopped_by_user:
            return False
        return time.monotonic() < stream.began + self.timing.stream_for

    def is_fresh(self, file: SlackFile) -> bool:
        return time.monotonic() < file.born + self.timing.fresh_for

    def snapshot(self, value: T) -> T:
        with self.changed:
            return deepcopy(value)
