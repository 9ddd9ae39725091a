"""Slack's events as value types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

PICTURES = frozenset("png jpg jpeg webp gif tif tiff bmp".split())
OFFICE = frozenset("docx pptx odt odp doc ppt rtf".split())
TEXTS = frozenset("txt text md markdown log".split())
READABLE = PICTURES | OFFICE | TEXTS | {"pdf"}
"""Extensions of files that can be indexed. Other files are ignored."""

WEB_PAGES = frozenset("html htm xhtml".split())


@dataclass(frozen=True, slots=True)
class SlackFile:
    """A file object.

    `stub`: Slack sent only the id; call files.info before using the other fields. `snippet`: pasted text, or a small
    text file.
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
        """Whether it can be indexed: hosted by Slack, and of a supported type.

        A snippet is text with any extension, such as code or part of a log.
        """
        return self.usable and (self.ending in READABLE or (self.snippet and self.ending not in WEB_PAGES))


@dataclass(frozen=True, slots=True)
class Question:
    """A question.

    `text`: without the mention of Magpie. `thread`: ts of the thread to reply in; empty: no thread. `kind`: `ask` for a
    message, or the action of a button or shortcut; then `about` says what it refers to, and `ts` is the time of the
    click, which has no message.
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

    `others`: it mentions another person. `pictures`: ids of the question's files that are pictures.
    """

    question: Question
    others: bool
    pictures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Edited:
    """The text of a message, possibly a question, changed. `at`: seconds since 1970."""

    channel: str
    ts: str
    text: str
    at: float = field(default=0.0, compare=False)


@dataclass(frozen=True, slots=True)
class Shared:
    """A file was shared in a conversation that Magpie is in. `ts`: of the message; empty if it is unknown."""

    file: SlackFile
    channel: str
    user: str
    ts: str = ""
    at: float = field(default=0.0, compare=False)
    """Seconds since 1970; 0 if unknown."""


@dataclass(frozen=True, slots=True)
class Queried:
    """A picture was sent to Magpie as a question. It is not indexed."""

    file: str
    channel: str


@dataclass(frozen=True, slots=True)
class Unshared:
    """A file is no longer shared in a channel, or in any channel if `channel` is None."""

    file: str
    channel: str | None = None
    at: float = field(default=0.0, compare=False)
    """Seconds since 1970; 0 if unknown."""
    ts: str = field(default="", compare=False)
    """ts of the message that no longer shares it; empty if unknown."""


@dataclass(frozen=True, slots=True)
class Linked:
    """A message that is not addressed to Magpie contains a web address."""

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
class MessageDeleted:
    """A message was deleted. If it is a question that is not answered yet, the question is canceled."""

    channel: str
    ts: str


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
class ReadersChanged:
    """The members of a conversation, or its kind, may have changed."""

    channel: str


@dataclass(frozen=True, slots=True)
class PersonChanged:
    """A person joined, became a guest or a member, or was deactivated."""

    user: str
    deactivated: bool


Event: TypeAlias = (
    Question
    | FollowUp
    | Edited
    | Shared
    | Queried
    | Unshared
    | Linked
    | Unlinked
    | MessageDeleted
    | FileChanged
    | HomeOpened
    | Joined
    | Left
    | Moved
    | ReadersChanged
    | PersonChanged
)
