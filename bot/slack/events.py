"""Slack's events as value types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

PICTURES = frozenset("png jpg jpeg webp gif tif tiff bmp heic heif avif".split())
DOCUMENTS = frozenset("docx docm dotx dotm doc dot odt ott fodt odg otg fodg rtf".split())
SLIDES = frozenset("pptx pptm ppsx ppsm potx potm ppt pps pot odp otp fodp".split())
SPREADSHEETS = frozenset("xlsx xlsm xltx xlsb xls ods csv tsv".split())
TEXTS = frozenset("txt text md markdown log".split())
PAGES = frozenset("html htm xhtml mhtml mht eml msg ipynb".split())
"""Saved web pages, mails and notebooks."""
READABLE = PICTURES | DOCUMENTS | SLIDES | SPREADSHEETS | TEXTS | PAGES | {"pdf", "epub", "svg"}
"""Extensions of files that can be indexed."""


# ---------------------------------------------------------------- files


class FileKind(StrEnum):
    """What a file is in Slack."""

    HOSTED = "hosted"
    """Uploaded to Slack."""
    SNIPPET = "snippet"
    """Pasted text, or a small text file."""
    EXTERNAL = "external"
    """Stored elsewhere, such as in Google Drive."""
    CANVAS = "canvas"
    POST = "post"
    EMAIL = "email"
    LIST = "list"
    AUDIO = "audio"
    VIDEO = "video"
    UNKNOWN = "unknown"


EDITABLE = frozenset({FileKind.SNIPPET, FileKind.CANVAS, FileKind.POST, FileKind.LIST})
"""Kinds of files whose contents people can change in Slack."""


class Unusable(StrEnum):
    """Why a file cannot be indexed."""

    EXTERNAL = "external"
    CANVAS = "canvas"
    POST = "post"
    EMAIL = "email"
    LIST = "list"
    AUDIO = "audio"
    VIDEO = "video"
    TRANSCRIBING = "transcribing"
    """A clip whose transcript Slack has not finished."""
    ARCHIVE = "archive"
    SPREADSHEET = "spreadsheet"
    WEB_PAGE = "web page"
    NO_ACCESS = "no access"
    """Slack does not show it to Magpie."""
    HIDDEN = "hidden"
    """Hidden by the limits of the workspace's plan."""
    DELETED = "deleted"
    OUTSIDE = "of another organization"
    """The settings leave out files of other organizations."""
    OTHER = "other"


class IntakeRefusal(StrEnum):
    """Why a file or link is not indexed, or not yet, although it can be read: what limits it."""

    TOO_MANY_FILES = "too many files"
    """Its person has too many files waiting."""
    CHANNEL_FULL = "channel full"
    """Its channel has as many files as the quota allows."""
    TOO_OLD = "too old"
    """It is from before `IntakeRules.since`."""
    CHANNEL = "channel left out"
    """The operator leaves out its channel."""
    TYPE = "type left out"
    """The settings of its channel leave out its type."""


@dataclass(frozen=True, slots=True)
class SlackFile:
    """A file object.

    `name`: as people see it, with an extension of its type. `ending`: its type as an extension; empty if only its bytes
    can tell. `stub`: Slack sent only the id; call files.info before using the other fields. `unusable`: why it cannot
    be indexed; None if it can. `team`: the workspace or organization of the person who uploaded it; empty if Slack does
    not say.
    """

    id: str
    name: str = ""
    link: str | None = None
    ending: str = ""
    size: int | None = None
    created: int | None = None
    user: str = ""
    stub: bool = True
    kind: FileKind = FileKind.UNKNOWN
    unusable: Unusable | None = None
    team: str = ""

    @property
    def picture(self) -> bool:
        return self.ending in PICTURES

    @property
    def readable(self) -> bool:
        """Whether it can be indexed. If `ending` is empty, that is only known once its bytes are read."""
        return not self.stub and self.unusable is None


# ---------------------------------------------------------------- what a message refers to


@dataclass(frozen=True, slots=True)
class Forwarded:
    """A message that another message forwards or shows. `text`: as people see it."""

    channel: str
    ts: str
    user: str
    text: str
    files: tuple[SlackFile, ...] = ()


@dataclass(frozen=True, slots=True)
class FileLink:
    """A link to a file in Slack. `name`: as the address says; empty if it does not."""

    file: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class MessageLink:
    """A link to a message in Slack. `thread`: ts of its thread's root; empty if the address does not say."""

    channel: str
    ts: str
    thread: str = ""


Reference: TypeAlias = Forwarded | FileLink | MessageLink


def without_words(reference: Reference) -> Reference:
    """Return a reference with ids only: the words and names may be those of another conversation."""
    match reference:
        case Forwarded():
            files = tuple(SlackFile(file.id) for file in reference.files)
            return Forwarded(reference.channel, reference.ts, "", "", files)
        case FileLink():
            return FileLink(reference.file)
        case MessageLink():
            return reference


def reference_to_json(reference: Reference) -> dict[str, Any]:
    return {"type": type(reference).__name__, **asdict(reference)}


def reference_from_json(raw: Mapping[str, Any]) -> Reference:
    """Return what `reference_to_json` wrote, after a round trip through JSON."""
    values = {name: value for name, value in raw.items() if name != "type"}
    match raw["type"]:
        case "FileLink":
            return FileLink(**values)
        case "MessageLink":
            return MessageLink(**values)
        case _:
            files = tuple(_file_from_json(file) for file in values.pop("files"))
            return Forwarded(**values, files=files)


def _file_from_json(raw: Mapping[str, Any]) -> SlackFile:
    unusable = raw["unusable"]
    return SlackFile(
        **{**raw, "kind": FileKind(raw["kind"]), "unusable": None if unusable is None else Unusable(unusable)}
    )


# ---------------------------------------------------------------- events


@dataclass(frozen=True, slots=True)
class Message:
    """The state of a message as of a revision.

    `ts` identifies it in its channel; `thread` is the ts of its thread's root, empty for a root and outside threads.
    `text`: as people see it, without the mention of Magpie; see `payloads.resolve` for mentions of others. `links`: web
    addresses to index, without Slack's own; empty if the message is addressed to Magpie. `revision`: when this state
    began, in seconds: its last edit, or its own ts. `complete`: False if Slack may have left out files; then it only
    adds. `addressed`: a direct message, or `mentioned`: a mention of Magpie outside quotes and code. `mentions_others`:
    a mention of other people, a group or everyone. `mention_added`: this state is an edit that added the mention of
    Magpie. `removed`: ids of the files that this edit took out, if Slack says.

    `app`: bot id of the app or workflow that wrote it; empty: a person, unless `via` is set. `via`: bot id of the app
    that posted it under the name of `user`, who may be a person or the app's own bot user: look the user up, and call
    `payloads.as_app` if it is a bot.
    """

    channel: str
    ts: str
    thread: str
    user: str
    text: str
    files: tuple[SlackFile, ...]
    links: tuple[str, ...]
    revision: float
    complete: bool
    addressed: bool
    mentions_others: bool
    forwarded: tuple[Forwarded, ...] = ()
    references: tuple[FileLink | MessageLink, ...] = ()
    app: str = ""
    via: str = ""
    mentioned: bool = False
    mention_added: bool = False
    removed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """A question.

    `text`: without the mention of Magpie. `thread`: ts of the thread to reply in; empty: no thread. `kind`: `ask` for a
    message, or the action of a button or shortcut; then `about` says what it refers to, and `ts` is the time of the
    click, which has no message. `references`: messages it forwards, and files and messages it links to.
    """

    channel: str
    ts: str
    thread: str
    user: str
    text: str
    files: tuple[str, ...] = ()
    kind: str = "ask"
    about: Mapping[str, Any] = field(default_factory=dict)
    references: tuple[Reference, ...] = ()


def is_direct(channel: str) -> bool:
    """Return whether a conversation is a direct message of one person with Magpie, by its id."""
    return channel.startswith("D")


@dataclass(frozen=True, slots=True)
class MessageDeleted:
    """A message was deleted. `at`: seconds since 1970; 0 if unknown. `files`: ids of those it had, if Slack says."""

    channel: str
    ts: str
    at: float = 0.0
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FileShared:
    """A file was shared in a conversation, in a message that Slack does not name. `at`: seconds since 1970."""

    file: str
    channel: str
    user: str
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class FileUnshared:
    """A file is no longer shared in a conversation, or in one of its messages. `at`: seconds since 1970."""

    file: str
    channel: str
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class FileDeleted:
    """A file was deleted. `at`: seconds since 1970."""

    file: str
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class FileChanged:
    """A file changed. Slack does not say what."""

    file: str


@dataclass(frozen=True, slots=True)
class HomeOpened:
    """A person opened Magpie's Home; `channel` is their direct message."""

    user: str
    channel: str


@dataclass(frozen=True, slots=True)
class SessionStopped:
    """A person pressed Slack's own Stop button in a thread."""

    channel: str
    thread: str
    user: str


@dataclass(frozen=True, slots=True)
class ChannelViewed:
    """A person looks at a channel beside their direct message with Magpie; `channel` is empty if at none."""

    user: str
    channel: str


@dataclass(frozen=True, slots=True)
class Joined:
    """Magpie joined a conversation. `inviter`: the person who added it; empty if unknown."""

    channel: str
    inviter: str = ""


@dataclass(frozen=True, slots=True)
class Left:
    channel: str


@dataclass(frozen=True, slots=True)
class Moved:
    """A conversation changed its id."""

    old: str
    new: str


@dataclass(frozen=True, slots=True)
class ReadersChanged:
    """The members of a conversation, or its kind, may have changed."""

    channel: str


@dataclass(frozen=True, slots=True)
class PersonChanged:
    """A person joined, became a guest or a member, or was deactivated."""

    user: str
    deactivated: bool


@dataclass(frozen=True, slots=True)
class AppUninstalled:
    """The app was uninstalled, or its bot token revoked."""


Event: TypeAlias = (
    Message
    | MessageDeleted
    | FileShared
    | FileUnshared
    | FileDeleted
    | FileChanged
    | HomeOpened
    | SessionStopped
    | ChannelViewed
    | Joined
    | Left
    | Moved
    | ReadersChanged
    | PersonChanged
    | AppUninstalled
)
