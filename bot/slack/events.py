"""What may happen in Slack, in our words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

PICTURES = frozenset("png jpg jpeg webp gif tif tiff bmp".split())
OFFICE = frozenset("docx pptx odt odp doc ppt rtf".split())
TEXTS = frozenset("txt text md markdown log".split())
READABLE = PICTURES | OFFICE | TEXTS | {"pdf"}
"""Endings of what the reader can read; everything else shared in a channel is left alone, without a word."""

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
    """Somebody asks. `text` is without the mention; `thread` is the ts that replies go under, empty: under none.

    `kind` is `ask` for a message; what a button or a shortcut asks for has a name of its own, and `about` says of what.
    Its `ts` is the time of the press, at which there is no message.
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
    """Something said in a thread without a mention: a question, if Magpie answered there and it is meant.

    `others`: it speaks to somebody by name. `pictures` are those of the question's files that are pictures.
    """

    question: Question
    others: bool
    pictures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Edited:
    """The words of a message changed, which may have been a question; `at`: when, seconds since 1970."""

    channel: str
    ts: str
    text: str
    at: float = field(default=0.0, compare=False)


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
    ts: str = field(default="", compare=False)
    """Of the message that no longer shares it; empty: not told."""


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
    ts: str


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """A message was deleted; a question in it that is not answered yet is dropped."""

    channel: str
    ts: str


@dataclass(frozen=True, slots=True)
class Changed:
    """Some property of a file changed; which one, Slack does not say."""

    file: str


@dataclass(frozen=True, slots=True)
class HomeOpened:
    """Somebody looks at Magpie's Home; `channel` is their direct message."""

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
    """Who can read a conversation may have changed, or what kind of conversation it is."""

    channel: str


@dataclass(frozen=True, slots=True)
class PersonChanged:
    """Somebody came, became a guest or a member, or was deactivated (`gone`)."""

    user: str
    gone: bool


Happening: TypeAlias = (
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
