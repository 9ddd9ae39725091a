"""The settings of one channel: the modal, what is said about it, and the digest. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

from rag import FileType

TITLE = "Magpie in this channel"
TITLE_OF_DIRECT_MESSAGE = "Magpie here"
SAVE_BUTTON, CANCEL_BUTTON, CLOSE_BUTTON = "Save", "Cancel", "Close"
LOADING = "Looking up what is set here …"

QUIET = "Quiet"
QUIET_CHOICE = "No reactions and no notes about files"
QUIET_HINT = "Answers are posted as before. /magpie status says which files could not be read."
LANGUAGE = "Language of answers"
LANGUAGE_OF_QUESTION = "The language of the question"
LANGUAGE_HINT = "Quotations stay as they stand in the file."
TYPES = "Only these files"
TYPES_PLACEHOLDER = "All files"
TYPES_HINT = "Counts for files that are shared from now on. “Index this file” indexes any file."
ASKERS = "Who may ask"
ASKERS_PLACEHOLDER = "Everyone"
ASKERS_HINT = "If no one is chosen, everyone may ask. Everyone sees the answers."
NO_ASKERS_PLACEHOLDER = "No one"
NO_ASKERS_HINT = "No one may ask now: those who could were removed from Magpie. Choose people, or everyone below."
EVERYONE = "Or everyone"
EVERYONE_CHOICE = "Everyone may ask"
EVERYONE_HINT = "Counts if no one is chosen above."
DIGEST = "List of new files"
DIGEST_HINT = "Posted here at about this time of the day. Nothing is posted if nothing was indexed."

TYPE_NAMES = MappingProxyType(
    {
        FileType.PDF: "PDF",
        FileType.IMAGE: "Images",
        FileType.DOCUMENT: "Documents",
        FileType.SLIDES: "Slides",
        FileType.SPREADSHEET: "Spreadsheets",
        FileType.TEXT: "Text, web pages, mails",
        FileType.LINK: "Links",
    }
)
DIGEST_NAMES = MappingProxyType({"off": "Never", "daily": "Every day", "weekly": "Every week"})

MAY_NOT_CHANGE = (
    "Only the person who created this channel and admins of the workspace can change what is set here, if they are in "
    "the channel."
)
MAY_NOT_CHANGE_DIRECT = "Only the people in this conversation can change what is set here."
NOT_OPENED = "Slack did not let me open the settings. Type /magpie settings again."
CHANGED_MEANWHILE = (
    "Another person changed these settings meanwhile, so I saved nothing. Type /magpie settings to see them."
)
MAY_NOT_ASK = (
    "Only some people may ask me in this channel. Ask me in a direct message, or ask the person who created the "
    "channel or an admin to add you in /magpie settings."
)
UNKNOWN_CHOICE = "Choose one of the options."


def too_many_askers(limit: int) -> str:
    return f"Choose at most {limit} people."


def saved(lines: Sequence[str]) -> str:
    return "Saved. " + (" ".join(lines) if lines else "Everything here is as usual.")


def last_change(user: str, date: str) -> str:
    return f"Last changed by {user} on {date}." if user else f"Last changed on {date}."


# ---------------------------------------------------------------- what holds, as /magpie status says it

IS_QUIET = "I'm quiet here: no reactions and no notes about files."


def answers_in(language: str) -> str:
    return f"I answer in {language} here."


def only_types(names: Sequence[str]) -> str:
    return f"I only index these files here: {', '.join(names)}."


def only_askers(people: int) -> str:
    if not people:
        return "No one may ask here."
    return "Only one person may ask here." if people == 1 else f"Only {people} people may ask here."


def has_digest(name: str) -> str:
    return f"I post here what was indexed: {name.lower()}."


# ---------------------------------------------------------------- the digest


def digest_heading(count: int) -> str:
    return "I indexed 1 file here:" if count == 1 else f"I indexed {count:,} files here:"


def more_in_digest(count: int) -> str:
    return f"… and {count:,} more. `/magpie status` shows how many there are."
