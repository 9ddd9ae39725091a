"""What may happen in Slack, as value types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

PICTURES = frozenset("png jpg jpeg webp gif tif tiff bmp".split())
OFFICE = frozenset("docx pptx odt odp doc ppt rtf".split())
TEXTS = frozenset("txt text md markdown log".split())
READABLE = PICTURES | OFFICE | TEXTS | {"pdf"}
"""Extensions of files that can be read. Other files shared in a channel are ignored."""

WEB_PAGES = frozenset("html htm xhtml".split())


@dataclass(frozen=True, slots=True)
class SlackFile:
    """A file object. `stub`: Slack sent only the id; call files.info before deciding anything.

    `snippet`: pasted text, or a small text file.
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
        """Whether it is worth fetching: hosted by Slack, and of a type that can be read.

        A snippet is text whatever its extension: code, or the end of a log.
        """
        return self.usable and (self.ending in READABLE or (self.snippet and self.ending not in WEB_PAGES))


@dataclass(frozen=True, slots=True)
class Question:
    """A question. `text` is without the mention; `thread` is the ts of the thread for replies, empty: no thread.

    `kind` is `ask` for a message; each button and shortcut has a kind of its own, and `about` says what it is about.
    Its `ts` is the time of the click, at which there is no message.
    """

    channel: str
    ts: str
    thread: str
    user: str
    text: str
    files: tuple[str, ...] = ()
    kind: str = "ask"
    about: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A reply in a thread without a mention: possibly a question, if Magpie answered there.

    `others`: it mentions another person. `pictures` are those of the question's files that are pictures.
    """

    question: Question
    others: bool
    pictures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Edited:
    """The text of a message, possibly a question, changed; `at`: when, in seconds since 1970."""

    channel: str
    ts: str
    text: str
    at: float = field(default=0.0, compare=False)


@dataclass(frozen=True, slots=True)
class Shared:
    """A file was shared in a conversation that Magpie is in. `ts`: of the message, empty if the event does not say."""

    file: SlackFile
    channel: str
    user: str
    ts: str = ""
    at: float = field(default=0.0, compare=False)
    """When, in seconds since 1970; 0 if the event does not say."""


@dataclass(frozen=True, slots=True)
class Queried:
    """A picture sent to Magpie: a query, which is not indexed."""

    file: str
    channel: str


@dataclass(frozen=True, slots=True)
class Unshared:
    """A file left a channel, or every channel when `channel` is None."""

    file: str
    channel: str | None = None
    at: float = field(default=0.0, compare=False)
    """When, in seconds since 1970; 0 if the event does not say."""
    ts: str = field(default="", compare=False)
    """Of the message that no longer shares it; empty if the event does not say."""


@dataclass(frozen=True, slots=True)
class Linked:
    """A web address was written in a conversation that Magpie is in, in a message not addressed to Magpie."""

    url: str
    channel: str
    user: str
    ts: str


@dataclass(frozen=True, slots=True)
class Unlinked:
    """A message with a web address was deleted, or the address was removed from it."""

    url: str
    channel: str
    ts: str


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """A message was deleted; a question in it that is not answered yet is canceled."""

    channel: str
    ts: str


@dataclass(frozen=True, slots=True)
class Changed:
    """A property of a file changed; Slack does not say which."""

    file: str


@dataclass(frozen=True, slots=True)
class HomeOpened:
    """A person opened Magpie's Home; `channel` is their direct message."""

    user: str
    channel: str


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
    """The members of a conversation, or its kind, may have changed."""

    channel: str


@dataclass(frozen=True, slots=True)
class PersonChanged:
    """A person joined, became a guest or a member, or was deactivated (`gone`)."""

    user: str
    gone: bool


Event: TypeAlias = (
    Question
    | FollowUp
    | Edited
    | Shared
    | Queried
    | Unshared
    | Linked
    | Unlinked
    | Withdrawn
    | Changed
    | HomeOpened
    | Joined
    | Left
    | Moved
    | Readers
    | PersonChanged
)
