"""What is shown while an answer is made. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from bot.slack.messages.numbers import counted

if TYPE_CHECKING:
    from rag import SourceStatus  # needs SQL, which --help does not

SEARCHING = "Looking …"
STOPPED = "Stopped."


def queue_position(ahead: int) -> str:
    """Shown while a question waits for `ahead` others."""
    return SEARCHING if ahead < 1 else f"Queued: {counted(ahead, 'question')} ahead of yours."


def reading_documents(statuses: Sequence[SourceStatus]) -> str:
    """Shown while a question waits for documents that were sent with it."""
    for status in statuses:
        if status.state == "reading" and status.pages:
            return f"Reading {status.title}, page {min(status.page + 1, status.pages)} of {status.pages} …"
    names = [status.title for status in statuses if status.state in ("waiting", "reading")]
    return f"Reading {names[0]} …" if names else SEARCHING


STAGES: Mapping[str, str] = {
    "searching": SEARCHING,
    "reading": "Reading these pages …",
    "writing": "Writing …",
    "checking": "Checking the answer …",
}
"""What an answer waits for, by its stage."""

TASKS: Mapping[str, str] = {
    "searching": "Search the files",
    "reading": "Read the pages that were found",
    "writing": "Write the answer",
    "checking": "Check each statement",
}
"""What a streamed answer shows as its tasks, by stage."""

WITHDRAWN = "What was shown here was taken back."
"""What replaces a streamed message that Slack does not let Magpie delete."""

STREAMING = "Answering below …"
"""What the placeholder, which has the Stop button, shows meanwhile."""

_PLACES = 3


def found_places(places: Sequence[str]) -> str:
    """Shown while an answer is written and nothing of it was checked yet."""
    listed = "; ".join(places[:_PLACES])
    more = f"; and {len(places) - _PLACES} more" if len(places) > _PLACES else ""
    return f"Found {counted(len(places), 'page')}: {listed}{more}."
