"""Every text that Magpie shows in Slack. Pure.

Texts are plain: escape them before they go into a block. Functions whose docstring says mrkdwn take parts that are
already mrkdwn. The texts of the command line are in bot/cli.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

from bot.slack.events import Unusable
from bot.slack.read_notes import joined_sentences

if TYPE_CHECKING:
    from rag import QueryLimits, SourceStatus  # needs SQL, which --help does not

# ---------------------------------------------------------------- progress

SEARCHING = "Looking …"
STOPPED = "Stopped."


def queue_position(ahead: int) -> str:
    """Shown while a question waits for `ahead` others."""
    return SEARCHING if ahead < 1 else f"Queued: {_count(ahead, 'question')} ahead of yours."


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

STREAMING = "Answering below …"
"""What the placeholder, which has the Stop button, shows meanwhile."""

_PLACES = 3


def found_places(places: Sequence[str]) -> str:
    """Shown while an answer is written and nothing of it was checked yet."""
    listed = "; ".join(places[:_PLACES])
    more = f"; and {len(places) - _PLACES} more" if len(places) > _PLACES else ""
    return f"Found {_count(len(places), 'page')}: {listed}{more}."


# ---------------------------------------------------------------- answers

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


_FILE_TYPES = {
    "pdf": "PDF",
    "image": "image",
    "document": "Word document",
    "slides": "slides",
    "spreadsheet": "spreadsheet",
    "text": "text file",
    "link": "link",
}


def understood_limits(limits: QueryLimits, names: Mapping[str, str], today: date) -> str:
    """Shown before an answer from a part of the files; empty without limits.

    `names`: what to call the people and channels in `limits`, such as "Ada" and "#ops". `today`: the date in the
    time zone of `limits`.
    """
    parts = []
    if limits.people:
        people = ["you" if person == "me" else names.get(person, person) for person in limits.people]
        parts.append(f"posted by {' or '.join(people)}")
    if limits.channels:
        channels = ["here" if it == "here" else f"in {names.get(it, it)}" for it in limits.channels]
        parts.append(" or ".join(channels))
    if when := _time_limit(limits.since, limits.before, today):
        parts.append(when)
    if limits.types:
        parts.append(" or ".join(label for name, label in _FILE_TYPES.items() if name in limits.types))
    return f"Understood as: {', '.join(parts)}" if parts else ""


def _time_limit(since: datetime | None, before: datetime | None, today: date) -> str:
    """Return "on 3 May", "from 16 Nov to 22 Nov", "since 23 Nov" or "before 20 Nov"."""
    if since is None:
        return f"before {_moment(before, today)}" if before else ""
    if before is None:
        return f"since {_moment(since, today)}"
    last = (before.astimezone(UTC) - timedelta(seconds=1)).astimezone(before.tzinfo)
    if since.time() != time.min or before.time() != time.min or since.date() > last.date():
        return f"since {_moment(since, today)}, before {_moment(before, today)}"
    first_day, last_day = _day(since, today), _day(last, today)
    return f"on {first_day}" if first_day == last_day else f"from {first_day} to {last_day}"


def _moment(moment: datetime, today: date) -> str:
    clock = "" if moment.time() == time.min else f", {moment:%H:%M}"
    return f"{_day(moment, today)}{clock}"


def _day(day: datetime, today: date) -> str:
    months = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
    year = "" if day.year == today.year else f" {day.year}"
    return f"{day.day} {months[day.month - 1]}{year}"


def posted(person: str, channel: str, at: datetime, now: datetime, words: str) -> str:
    """Shown beside a file: "posted by Ada in #harbor on 3 May: “Budget”". Both times are the reader's."""
    who = f" by {person}" if person else ""
    where = f" in {channel}" if channel else ""
    said = f": “{words}”" if words else ""
    return f"posted{who}{where} on {_day(at, now.date())}{said}"


FILES = "Files:"
NO_FILES_WITHIN = "No file that I can search here fits this."
"""Shown if a question asks for a list of files, and there is none."""


MORE_FILES = "More files:"
NARROW_FILES = "There are more files. Narrow the list with `from:`, `in:`, `since:`, `before:` or `type:`."


FILE_STILL_READ = "still being read"
FILE_NOT_READ = "could not be read"


def unknown_limit(operator: str, value: str) -> str:
    """Shown before an answer if the value of an operator such as `from:` is not known."""
    if operator == "from":
        return f"I don't know a person named “{value}”, so I searched for these words too. Mention them: `from:@NAME`."
    if operator == "in":
        return f"I don't know a channel named “{value}”, so I searched for these words too. Mention it: `in:#CHANNEL`."
    if operator == "type":
        return f"I don't know the file type “{value}”. Use one of {', '.join(_FILE_TYPES)}."
    return f"I don't know when “{value}” is. Write a date such as 2026-05-03, yesterday or “last week”."


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
        return _count(others, "file")
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


# ---------------------------------------------------------------- buttons

STOP_BUTTON = "Stop"
MORE_FILES_BUTTON = "Show more files"
MORE_PAGES_BUTTON = "Show more pages"
ONLY_IN_LIST = "Only in …"
GOOD_ANSWER_BUTTON = "Good answer"
BAD_ANSWER_BUTTON = "Bad answer"
AGAIN_BUTTON = "Answer again when they are read"


def only_in_button(title: str) -> str:
    return f"Only in {title}"


NOT_YOUR_ANSWER = "Only the person who asked can stop this answer."
NOT_YOUR_QUESTION = "Only the person who asked can use this button. Ask the question yourself and I'll answer it."
ALREADY_WAITING = "I'll answer here when the files are read."
ALREADY_ANSWERED = "This question is already answered."
ALREADY_SEARCHING = "I'm already working on this."
THANKS_GOOD = "Thanks for the feedback."
THANKS_BAD = "Thanks. Your admin can see the question, answer and cited pages."

# ---------------------------------------------------------------- the command and shortcuts

USAGE = (
    "`/magpie find WORDS` lists the best pages, visible only to you; `from:`, `in:`, `since:`, `before:` and `type:` "
    "narrow it. `/magpie status` shows what is indexed here, "
    "what is waiting and what failed. `/magpie help` shows this help."
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


def indexing(names: Sequence[str]) -> str:
    return f"Reading {', '.join(names)} … ✅ appears under the message when it is searchable."


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


_UNUSABLE: Mapping[Unusable, str] = {
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

_UNUSED = {
    Unusable.TRANSCRIBING: "Slack is still transcribing it. Ask again in a few minutes.",
    Unusable.DELETED: "It was deleted.",
}

UNKNOWN_TYPE = "I don't read files of this type. Share it as a PDF, an image or text."


def unused_file(reason: Unusable) -> str:
    """Shown before an answer that could not use a file of the question or its thread."""
    return f"I couldn't use a file. {_UNUSABLE.get(reason) or _UNUSED.get(reason) or UNKNOWN_TYPE}"


def unusable_file(name: str, reason: Unusable) -> str:
    """Shown once to each person who shares a file of this kind; empty if nothing is said about it."""
    what = _UNUSABLE.get(reason)
    return f"I can't index {name or 'this file'}. {what} (I say this once for each kind of file.)" if what else ""


# ---------------------------------------------------------------- files

SPLIT_FILE = "Split it."
SPLIT_FILE_OR_RAISE_LIMIT = "Split it, or ask your Magpie admin to raise MAGPIE_READ__MAX_MB."


def file_too_large(megabytes: int, limit: int) -> str:
    return f"The file has {megabytes} MB; the limit is {limit} MB."


def file_over_limit(limit: int) -> str:
    """Like `file_too_large`, if the size is unknown."""
    return f"The file has more than {limit} MB."


# ---------------------------------------------------------------- Home and status

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


def indexed_files(files: int, pages: int, waiting: int, failed: int) -> str:
    """Files and pages indexed in one conversation."""
    parts = [f"{_count(files, 'file')} ({_count(pages, 'page')})"]
    if waiting:
        parts.append(f"reading {_count(waiting, 'file')}")
    if failed:
        parts.append(f"{failed:,} couldn't be read")
    return ", ".join(parts)


def indexed_here(amount: str) -> str:
    return f"Here: {amount}."


def more_conversations(count: int) -> str:
    return f"… and {_count(count, 'more conversation')}."


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


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
