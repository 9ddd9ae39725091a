"""The command, the shortcuts, and notices about waiting questions and files. Pure."""

from __future__ import annotations

from collections.abc import Sequence

USAGE = (
    "`/magpie find WORDS` lists the best pages, visible only to you; `from:`, `in:`, `since:`, `before:` and `type:` "
    "narrow it. `/magpie status` shows what is indexed here, "
    "what is waiting, what failed and what is set here. `/magpie settings` changes what is set here. `/magpie help` "
    "shows this help."
)
NOT_IN_CONVERSATION = "I'm not in this conversation. Add me with `/invite @magpie`."
NOT_A_MEMBER = "I couldn't confirm that you are in this conversation, so I can't show its files."
NOT_INDEXED = (
    "I couldn't confirm that you are in this conversation, so I indexed nothing. Join it and choose “Index this file” "
    "again, or ask a member to."
)
NO_FILES = "This message has no files to index."
FILE_NOT_READY = "Slack is still checking a file in this message. Choose “Index this file” again in a minute."
FILE_UNREACHABLE = "I can't open a file in this message: it was deleted, or is no longer shared here."
OWN_FILE = "I don't index images that I posted."


def indexing(names: Sequence[str], *, quiet: bool = False) -> str:
    """`quiet`: the settings of the channel say that no reaction appears."""
    reading = f"Reading {', '.join(names)} …"
    return reading if quiet else f"{reading} ✅ appears under the message when it is searchable."


def unsupported_file(name: str) -> str:
    return f"I can't read this file type: {name}."


def too_many_waiting(limit: int) -> str:
    """Shown to a person whose question or command is refused because they already have `limit` waiting."""
    return (
        f"You already have {limit} questions or commands waiting, so I skipped this one. "
        "Wait for an answer, or press Stop under one you no longer need, and ask again."
    )


def too_many_files(limit: int) -> str:
    """Shown to a person who shares another file while they have `limit` files waiting to be read."""
    return (
        f"You already have {limit} files waiting to be read. I'll read the others later; "
        "you don't have to share them again."
    )


def channel_full(limit: int) -> str:
    """Shown once to a person who shares a file in a channel that is at its quota."""
    return (
        f"I index at most {limit:,} files of this channel, so yours waits for space. To index it now, open the "
        "message's three-dot menu and choose “Index this file”, or ask your Magpie admin to raise SLACK_CHANNEL_FILES."
    )


def many_files(count: int) -> str:
    """Shown to the person who added Magpie to a channel with many files."""
    return (
        f"This channel has {count:,} files. I read the newest first, and files that people share now before those. "
        "`/magpie status` shows how far I am."
    )
