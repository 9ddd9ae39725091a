"""Files that cannot be used, or are too large. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from bot.slack.events import IntakeRefusal, Unusable

_UNUSABLE: Mapping[Unusable | IntakeRefusal, str] = {
    Unusable.EXTERNAL: "It is stored outside Slack, for example in Google Drive, and I only read what is in Slack. "
    "Export it as a PDF and upload it here.",
    Unusable.CANVAS: "Slack doesn't give me the text of this canvas. Export it as a PDF and upload it here.",
    Unusable.POST: "Slack doesn't give me the text of this post. Copy it into a text file and upload that.",
    Unusable.EMAIL: "Slack doesn't give me the text of this e-mail. Print it as a PDF and upload it here.",
    Unusable.LIST: "I don't read Slack's lists. Copy what should be found into a canvas or a text file.",
    Unusable.AUDIO: "I don't listen to audio. Upload a transcript as a text file. Clips recorded in Slack can be found "
    "once Slack has transcribed them.",
    Unusable.VIDEO: "I don't watch videos. Upload a transcript as a text file. Clips recorded in Slack can be found "
    "once Slack has transcribed them.",
    Unusable.ARCHIVE: "I don't open archives. Upload the files that are in it.",
    Unusable.SPREADSHEET: "I can't read spreadsheets of this kind. Export it as an Excel file and upload it here.",
    Unusable.WEB_PAGE: "I can't read web archives of this kind. Print the page as a PDF and upload it here.",
    Unusable.NO_ACCESS: "Slack doesn't let me open it. Upload a copy here.",
    Unusable.OUTSIDE: "It belongs to another organization, and I only index files of ours.",
    Unusable.HIDDEN: "Slack hides it because of the limits of your plan. Upload it again.",
}
"""What to do about files that cannot be indexed. No one expects the others, such as fonts, to be read."""

_READ_NOW = "To have it read, choose “Index this file” in the three-dot menu of its message."

_UNUSED: Mapping[Unusable | IntakeRefusal, str] = {
    **_UNUSABLE,
    Unusable.TRANSCRIBING: "Slack is still transcribing it. Ask again in a few minutes.",
    Unusable.DELETED: "It was deleted.",
    IntakeRefusal.TOO_MANY_FILES: "Its person has many files waiting to be read, so I read it later. Ask again then.",
    IntakeRefusal.CHANNEL_FULL: f"I can't index more files of this channel. {_READ_NOW}",
    IntakeRefusal.TOO_OLD: f"I don't index files this old. {_READ_NOW}",
    IntakeRefusal.CHANNEL: f"I don't index the files of this channel. {_READ_NOW}",
    IntakeRefusal.TYPE: f"I don't read files of this type here: see /magpie settings. {_READ_NOW}",
}

UNKNOWN_TYPE = "I don't read files of this type. Share it as a PDF, an image or text."


def unused_file(reason: Unusable | IntakeRefusal) -> str:
    """Shown before an answer that could not use a file of the question or its thread."""
    return f"I couldn't use a file. {_UNUSED.get(reason, UNKNOWN_TYPE)}"


def unusable_file(name: str, reason: Unusable) -> str:
    """Shown once to each person who shares a file of this kind; empty if nothing is said about it."""
    what = _UNUSABLE.get(reason)
    return f"I can't index {name or 'this file'}. {what} (I say this once for each kind of file.)" if what else ""


SPLIT_FILE = "Split it."
SPLIT_FILE_OR_RAISE_LIMIT = "Split it, or ask your Magpie admin to raise MAGPIE_READ__MAX_MB."


def file_too_large(megabytes: int, limit: int) -> str:
    return f"The file has {megabytes} MB; the limit is {limit} MB."


def file_over_limit(limit: int) -> str:
    """Like `file_too_large`, if the size is unknown."""
    return f"The file has more than {limit} MB."
