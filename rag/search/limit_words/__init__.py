"""The words by which questions in one language limit a search. One module for each language has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class LimitWords:
    """Words and phrases, separated by commas. Case and accents do not matter. "0" stands for a number.

    - `files`: nouns for files: "file" for any, "picture" for an image that may show the person who is named, and
      the values of FileType
    - `shared`: verbs of sharing that are rarely about anything else; `sent`: those that often are
    - `i_shared`: verbs that include the speaker ("compartí"); `infinitives`: verbs of sharing after one of the
      `auxiliaries` ("did post")
    - `by`: before the person who shared it; `genitive`: the same, which may also mean a topic; `possessive`: after the
      person
    - `at`: before a channel or a time; `here`; `this_channel`: the same, which can only mean the conversation
    - `since`, `before`, `after`: before a time; `bounds_follow`: after it
    - `me`: the speaker as the one who shares; `me_after_by`: the same after `by` only
    - `linking`: words between the parts of a phrase; `asking`: words that ask for a list; `empty`: other words without
      a topic of their own; `counting`: before a noun, ask for a number
    - `periods`: "today", "yesterday", "last_week" and so on, see limit_dates.NAMED
    - `weekdays`: seven from Monday, `months`: twelve from January, variants separated by "/"
    - `weekday_phrases`: phrases around a weekday, which stands as "0"
    - `recent`: "the last 0 days", `ago`: "0 days ago", by "hour", "day", "week", "month" or "year"
    - `date_joiners`: between day, month and year
    """

    files: Mapping[str, str]
    shared: str
    sent: str = ""
    i_shared: str = ""
    infinitives: str = ""
    auxiliaries: str = ""
    by: str = ""
    genitive: str = ""
    possessive: str = ""
    at: str = ""
    here: str = ""
    this_channel: str = ""
    since: str = ""
    before: str = ""
    after: str = ""
    bounds_follow: bool = False
    me: str = ""
    me_after_by: str = ""
    linking: str = ""
    asking: str = ""
    empty: str = ""
    counting: str = ""
    periods: Mapping[str, str] = field(default_factory=dict)
    weekdays: str = ""
    months: str = ""
    weekday_phrases: str = ""
    recent: Mapping[str, str] = field(default_factory=dict)
    ago: Mapping[str, str] = field(default_factory=dict)
    date_joiners: str = ""


LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "nl", "pl", "ru", "ar", "zh", "ja")

COMMON_FILES: Mapping[str, str] = {
    "pdf": "pdf, pdfs",
    "image": "screenshot, screenshots, png, jpg, jpeg",
    "document": "docx, odt, rtf",
    "slides": "pptx, odp",
    "spreadsheet": "xlsx, csv, ods",
    "text": "txt",
}
"""Names of file types that are the same in every language."""
