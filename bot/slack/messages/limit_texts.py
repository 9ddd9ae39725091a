"""How the limits in a question were understood, and lists of files. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rag import QueryLimits  # needs SQL, which --help does not

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
    first_day, last_day = day_of(since, today), day_of(last, today)
    return f"on {first_day}" if first_day == last_day else f"from {first_day} to {last_day}"


def _moment(moment: datetime, today: date) -> str:
    clock = "" if moment.time() == time.min else f", {moment:%H:%M}"
    return f"{day_of(moment, today)}{clock}"


def day_of(day: datetime, today: date) -> str:
    """Return a day such as "3 May", with the year if it is not this one."""
    months = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
    year = "" if day.year == today.year else f" {day.year}"
    return f"{day.day} {months[day.month - 1]}{year}"


def posted(person: str, channel: str, at: datetime, now: datetime, words: str) -> str:
    """Shown beside a file: "posted by Ada in #harbor on 3 May: “Budget”". Both times are the reader's."""
    who = f" by {person}" if person else ""
    where = f" in {channel}" if channel else ""
    said = f": “{words}”" if words else ""
    return f"posted{who}{where} on {day_of(at, now.date())}{said}"


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
