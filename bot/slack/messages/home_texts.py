"""Home and the status of a conversation. Pure."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from bot.slack.messages.numbers import counted
from bot.slack.read_notes import joined_sentences

if TYPE_CHECKING:
    from rag import SourceStatus  # needs SQL, which --help does not

HOW_TO_HEADER = "How to use Magpie"
HOW_TO = (
    "*Ask* with `@Magpie` in a channel, or without it here under *Messages*. I answer in the thread and cite pages.\n"
    "*Send a screenshot* and I'll find its page.\n"
    "*Say who, where, when or what type*: “the PDF I posted last week in #ops”, or `from:` `in:` `since:` `before:` "
    "`type:`. Without other words I list the files: “what was shared here yesterday?”.\n"
    "*Share* PDFs, Word and PowerPoint files, text files and images where I'm a member (`/invite @Magpie`). "
    "✅ means that a file is searchable, 🟡 that parts of it are.\n"
    "*Under an answer*, ask for more pages, search one file only, or rate the answer. While I'm working, *Stop* "
    "cancels.\n"
    "*On any message*, open the three-dot menu for “Find similar pages” and “Index this file”.\n"
    "`/magpie find WORDS`, `/magpie status` and `/magpie help` work in any conversation."
)


def source_offer(version: str, url: str) -> str:
    """Return the license and the offer of the source code, in mrkdwn. `url`: empty if the operator set none."""
    where = f"Its source code: {url}" if url else "To get its source code, ask your Magpie admin."
    return f"Magpie {version} is free software under the AGPL-3.0-or-later. {where}"


INDEXED_HEADER = "What is indexed"
UNAVAILABLE_HEADER = "Not available"
FAILED_HEADER = "Files I couldn't read completely"
UNKNOWN_ACCESS = "I couldn't confirm which files you can see, so I list none. Open this page again in a minute."
NOTHING_INDEXED = "Nothing is indexed yet in the conversations we share."
ONLY_YOURS = "You only see conversations that you can open."
COULD_NOT_READ = "I couldn't read:"
OUR_DIRECT_MESSAGES = "our direct messages"
SHARED_FOLDERS = "folders for everyone"
NO_MODEL = "No model is set up: answers are the best matching passages."

ADMIN_CAN_TURN_ON = "Your Magpie admin can change this: `magpie status` says how."

_WITHOUT = {
    "text-vectors": "Pages are found by their words, not by their meaning. Ask with the words that the files use.",
    "clip-picture": "Images are found by the words in them or beside them, not by what they show.",
    "clip-text": "Images are found by the words in them or beside them, not by what they show.",
    "pixels": "Screenshots are found by the words in them, not by how they look.",
    "page-images": "Pages are found by their words, not by what their tables and drawings look like.",
}
"""What it means for people that a lane is off."""

OTHER_LANGUAGES = "A question doesn't find files in another language."

_LANES = {
    "words": "words",
    "messages": "words of messages",
    "file-names": "file name",
    "overview": "overview",
    "place": "page number",
}


UNANSWERED_HEADER = "Questions I couldn't answer"
ONLY_ADMINS = (
    "Only admins see this: questions in channels that you are in, without names, never from direct messages. "
    "`magpie unanswered` lists all of them for the person who runs Magpie."
)


def unanswered(text: str, count: int, day: str, channel: str) -> str:
    """mrkdwn: one line of a list. `text` and `channel` are mrkdwn."""
    times = f"{counted(count, 'time')}, last on" if count > 1 else "on"
    return f"• “{text}” ({times} {day} in {channel})"


def indexed_files(files: int, pages: int, waiting: int, failed: int) -> str:
    """Files and pages indexed in one conversation."""
    parts = [f"{counted(files, 'file')} ({counted(pages, 'page')})"]
    if waiting:
        parts.append(f"reading {counted(waiting, 'file')}")
    if failed:
        parts.append(f"{failed:,} couldn't be read")
    return ", ".join(parts)


def indexed_here(amount: str) -> str:
    return f"Here: {amount}."


def more_conversations(count: int) -> str:
    return f"… and {counted(count, 'more conversation')}."


def more_failures(count: int) -> str:
    return f"… and {count:,} more."


def read_in_part(status: SourceStatus) -> str:
    """Return the reason shown behind the name of a file of which something could not be read."""
    return f"read, but not all of it. {joined_sentences(status.lost)}"


def failure(title: str, reason: str) -> str:
    """mrkdwn: one line of a list."""
    return f"• {title}: {reason}"


def searches_off(lanes: Collection[str]) -> list[str]:
    """What it means for people that these lanes are off, in sentences."""
    found = [_WITHOUT[lane] for lane in lanes if lane in _WITHOUT]
    if {"translations", "text-vectors"}.issubset(lanes):  # each of them finds files in other languages
        found.append(OTHER_LANGUAGES)
    others = [_LANES[lane] for lane in lanes if lane in _LANES]
    found += [f"Unavailable: search by {', '.join(others)}."] if others else []
    return list(dict.fromkeys(found))
