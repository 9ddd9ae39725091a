"""What stands in answers beside the answer itself. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bot.slack.messages.numbers import counted
from bot.slack.read_notes import joined_sentences

if TYPE_CHECKING:
    from rag import SourceStatus  # needs SQL, which --help does not

HELP = (
    "Ask about files shared here, or send a screenshot and I'll find its page. "
    "I read PDFs, Word and PowerPoint files, text files and images as they are shared."
)
UNSURE = "I couldn't confirm who can read this conversation, so I searched only files shared here."
CHANGED_MEANWHILE = "Files or members changed while I was answering. Please ask again."
FAILED = "Something went wrong. Try again; if it persists, ask your Magpie admin."
GAVE_UP = "I couldn't reach Slack, a file or the model for a day, so this question has no answer. Please ask it again."
CANNOT_POST = (
    "Slack doesn't let me post in this conversation, so your question has no answer there. "
    "Ask me in a direct message, or ask an admin to let me post there."
)
ANSWERED_AGAIN = "Here is a new answer, as you asked:"
PICTURES_MISSING = "The pictures of these pages are missing: Slack didn't accept them. The page numbers still apply."
APPS_NOT_ANSWERED = (
    "I answer people only, so this app's question has no answer. "
    "To have apps and workflows answered, ask your Magpie admin to set SLACK_ANSWER_APPS=true."
)
NO_MATCHING_PAGE = "I couldn't match this screenshot to a page I can search here."
NOTHING_FOUND = "I couldn't find this in the files I can search here."
NO_MORE_FILES = "There are no more files that I can list here."
NO_MORE_PAGES = "There are no more matching pages that I can show here."
QUESTION_EXPIRED = "I no longer have the question behind this answer. Please ask it again."
FILES_NOT_READY = "I left out a file that Slack hasn't made available yet. Ask again in a minute."
IN_THREAD = "From this thread's files:"
NOT_IN_THREAD = "This thread's files don't say. From other files:"


def marked_page(title: str) -> str:
    """Return what a picture shows, for those who cannot see it. `title` is the page's, as in the list of sources."""
    return f"{title}, with the cited place marked"


def in_viewed_channel(channel: str) -> str:
    """Shown before an answer from the files of the channel that the asker looks at, such as "#ops"."""
    return f"From the files of {channel or 'the channel'} that you are looking at:"


FORWARDED_FILE_UNAVAILABLE = "I can't open a file of the forwarded message here."
LINKED_FILE_UNAVAILABLE = "I can't open the linked file here."
LINKED_FILE_NOT_READ = "A file that you referred to can't be searched yet. Ask again in a minute."
LINKED_MESSAGE_UNAVAILABLE = "The linked message has no files that I can search here."
FILE_UNAVAILABLE = "I can no longer search this file here."
IMAGE_UNAVAILABLE = "I can't open an image in that message: I'm not in that conversation, or the image was deleted."
NOTHING_TO_SEARCH = "This message has no text or image to search with."

BEST_PAGES = "Best pages:"
MORE_PAGES = "More pages:"


def rewritten_question(query: str) -> str:
    """Shown before an answer if the question was rewritten from its thread."""
    return f"Understood as: {query}"


_MAX_SHOWN = 200
"""Characters shown of a translated question."""


def also_searched(language: str, text: str) -> str:
    """Shown with an answer if the question was also searched for in another language. `text` is from a model."""
    shown = text if len(text) <= _MAX_SHOWN else f"{text[: _MAX_SHOWN - 1]}…"
    return f"Also searched in {language}: {shown}"


def newer_version(place: str) -> str:
    """Shown with a page of an older version of a document."""
    return f"A newer version is {place}."


def unreadable_image(reason: str, hint: str = "") -> str:
    return f"I couldn't read this image: {reason} {hint}".strip()


def unreadable_image_in_message(reason: str) -> str:
    return f"I couldn't read an image in that message: {reason}"


def unreadable_file(status: SourceStatus) -> str:
    """Shown to the person who shared a file that could not be read."""
    return f"I couldn't read {status.title}: {status.reason} {status.hint}".strip()


def incomplete_file(status: SourceStatus) -> str:
    """Shown to the person who shared a file of which something could not be read."""
    return f"I read {status.title}, but not all of it. {joined_sentences(status.lost)}"


def too_many_pictures(used: int, sent: int) -> str:
    """Shown before an answer that uses only the first screenshots."""
    return f"I used the first {used} of {sent} screenshots. Send the others in another message."


def screenshot(number: int) -> str:
    """mrkdwn: the heading of one of several screenshots."""
    return f"*Screenshot {number}:*"


def failed_documents(statuses: Sequence[SourceStatus]) -> str:
    """Shown before an answer to a question whose documents could not all be read; empty if none failed."""
    return " ".join(f"I couldn't read {one.title}: {one.reason}" for one in statuses if one.state == "failed")


def late_documents(statuses: Sequence[SourceStatus]) -> str:
    """Shown before an answer that does not wait any longer for a document; empty if it waits for none."""
    reading = [status for status in statuses if status.state in ("waiting", "reading")]
    unread = [status.title for status in reading if not status.is_searchable]
    return f"I'm still reading {', '.join(unread)}. Ask again in a minute." if unread else ""


def still_reading(names: Sequence[str], others: int) -> str:
    """Shown with an answer that found nothing while files are not read yet. `others`: the number of those not named."""
    return f"I'm still reading {_listed(names, others)}. The answer may be there."


def will_answer_again(names: Sequence[str], others: int) -> str:
    """Shown instead of the button that `still_reading` offers."""
    is_one = len(names) + others == 1
    return f"I'll answer here when {_listed(names, others)} {'is' if is_one else 'are'} read."


def _listed(names: Sequence[str], others: int) -> str:
    if not names:
        return counted(others, "file")
    parts = [*names, f"{others:,} more"] if others else list(names)
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else parts[0]


def found_page(source: str, page: str) -> str:
    """mrkdwn. `source`: the linked title; `page`: the page's number."""
    return f"This is *{source}*, {page}."


def found_place(place: str) -> str:
    """Like `found_page`, without a link."""
    return f"This is {place}."


def no_matching_page(nearest: Sequence[str]) -> str:
    """mrkdwn. `nearest`: pages with their links."""
    listed = "; ".join(nearest)
    return f"{NO_MATCHING_PAGE} Nearest: {listed}." if listed else NO_MATCHING_PAGE


def nothing_found(*, nearest: bool) -> str:
    """`nearest`: the nearest pages are listed below."""
    return f"{NOTHING_FOUND}{' Nearest pages:' if nearest else ''}"


def more_passages(count: int) -> str:
    """The title above passages that are shown after a click."""
    return f"{counted(count, 'more passage')}"


TOPIC_UNAVAILABLE = "I can no longer search this part of the file here. Ask in your own words."


MODEL_UNAVAILABLE = "That model is not set up any more. Ask your Magpie admin, or choose another one."


def asked_again_with(model: str) -> str:
    """Shown before the reply to a question that was given to another model; empty: with more pages. The model may have
    written none of it."""
    return f"Asked again with {model or 'more pages'}:"


def topic_in_file(heading: str, title: str) -> str:
    """Shown before an answer to a heading that a person chose."""
    return f"“{heading}” in {title}:"


def only_in_file(title: str) -> str:
    """Shown before an answer from one file."""
    return f"Only in {title}:"


def similar_pages(link: str) -> str:
    """mrkdwn. `link`: the address of the message; empty if it is unknown."""
    return f"Pages like {_message(link)}:"


def no_similar_pages(link: str, *, nearest: bool) -> str:
    """mrkdwn. `nearest`: the nearest pages are listed below."""
    return f"I found no pages like {_message(link)}.{' Nearest pages:' if nearest else ''}"


def _message(link: str) -> str:
    return f"<{link}|this message>" if link else "the message"
