"""Ways of the real Slack that a workspace spares its users until they are switched on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

MentionOrder = Literal["after", "before", "instead"]


@dataclass
class Quirks:
    """Can be changed at any time. The defaults suit `magpie demo`."""

    mention_files: bool = True
    """Whether app_mention carries the files of its message. Slack often leaves them out."""
    mention_order: MentionOrder = "after"
    """Whether app_mention comes after the message event, before it, or instead of it."""
    mention_delay: float = 0.0
    """Seconds between the two events; file_shared comes with the message event."""
    tombstone_change: bool = False
    """Whether the deletion of a message with replies is pushed as message_changed to a tombstone, as Slack does.

    The tombstone itself goes with the last reply, as message_deleted.
    """
    list_shares: bool = True
    """Whether files.list carries `shares`. Slack gives them in files.info only."""
    max_shares: int = 0
    """How many shares a file object names, the newest; with more it has `has_more_shares`. 0: all."""
    unlisted: set[str] = field(default_factory=set)
    """Ids of conversations that listings leave out, although conversations.info knows them."""
