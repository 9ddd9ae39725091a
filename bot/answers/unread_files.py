"""Say with a reply that found nothing which files are still being read."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from bot.answers.file_list import mark_of
from bot.answers.render import Reply
from bot.db.used_pages import UsedPage
from bot.slack import buttons
from bot.slack.blocks import break_links, context, escape
from bot.slack.messages import answer_texts
from rag import Rag, Scope, SharedFile, list_unread_files

_NAMED = 3

_BUTTONS = ("actions", "context_actions")
"""Types of blocks above which the files are named."""


@dataclass(frozen=True, slots=True)
class Unread:
    """The files of a scope that are not read yet."""

    files: Sequence[SharedFile] = ()

    @classmethod
    def of(cls, rag: Rag, scope: Scope, first: Collection[str] = ()) -> Unread:
        """Return those that every reader of a reply may see, which is their `scope`. The refs `first` go first."""
        with rag.read_transaction() as connection:
            files = list_unread_files(connection, scope)
        return cls(sorted(files, key=lambda file: file.ref not in first))

    @property
    def names(self) -> Sequence[str]:
        """The names that are shown. Slack has not said the name of some files of other organizations yet."""
        return [file.title for file in self._named]

    @property
    def others(self) -> int:
        """The number of those that are not named."""
        return len(self.files) - len(self._named)

    @property
    def _named(self) -> Sequence[SharedFile]:
        return [file for file in self.files if file.name.strip()][:_NAMED]

    @property
    def used(self) -> Sequence[UsedPage]:
        """What a reply uses that shows the names."""
        return [UsedPage(0, 0, shown=True, post=mark_of(file)) for file in self._named]


def with_unread(reply: Reply, unread: Unread, *, has_button: bool = True) -> Reply:
    """Return a reply that also says which files are not read yet, and offers to answer again when they are."""
    if not unread.files:
        return reply
    said = answer_texts.still_reading(unread.names, unread.others)
    added = [{**context(escape(said)), "block_id": buttons.UNREAD_BLOCK}]
    added += [buttons.again_button()] if has_button else []
    at = next((at for at, block in enumerate(reply.blocks) if block["type"] in _BUTTONS), len(reply.blocks))
    blocks = [*reply.blocks[:at], *added, *reply.blocks[at:]]
    text = f"{reply.text} {break_links(escape(said))}"
    return replace(reply, text=text, blocks=blocks).with_names(unread.used)
