"""Read the times that people write, as periods of the asker's calendar. Weeks start on Monday."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from rag.search.limit_lexicon import Entry, Lexicon, Tag
from rag.search.limit_tokens import Token

_YEARS = range(1970, 2200)
_MAX_NUMBER = 4
"""Digits of a number in "the last 30 days"."""

NAMED = {
    "today": ("day", 0),
    "yesterday": ("day", 1),
    "day_before": ("day", 2),
    "this_week": ("week", 0),
    "last_week": ("week", 1),
    "this_month": ("month", 0),
    "last_month": ("month", 1),
    "this_year": ("year", 0),
    "last_year": ("year", 1),
}
"""The periods of LimitWords.periods: a unit, and how many of it ago."""


@dataclass(frozen=True, slots=True)
class Period:
    """A time from `since` until before `before`; None is open. Timezone-aware, in the asker's zone."""

    since: datetime | None = None
    before: datetime | None = None

    def __and__(self, other: Period) -> Period:
        since = [moment for moment in (self.since, other.since) if moment is not None]
        before = [moment for moment in (self.before, other.before) if moment is not None]
        return Period(max(since, key=_instant, default=None), min(before, key=_instant, default=None))

    @property
    def is_empty(self) -> bool:
        """Return whether no moment is in it."""
        return self.since is not None and self.before is not None and _instant(self.since) >= _instant(self.before)


@dataclass(frozen=True, slots=True)
class FoundPeriod:
    """A period that a number of tokens say.

    `is_relative`: it depends on today. `is_bare`: a month or year alone, which is a time only after a preposition.
    """

    length: int
    period: Period
    is_relative: bool = False
    is_bare: bool = False


def read_period(tokens: Sequence[Token], at: int, words: Lexicon, now: datetime) -> FoundPeriod | None:
    """Return the period that starts at a token, or None."""
    if not tokens[at].text[0].isdecimal() and tokens[at].text not in words.dates:
        return None
    candidates = (
        _read_iso(tokens, at, now),
        _read_named(tokens, at, words, now),
        _read_date(tokens, at, words, now),
        _read_cjk_date(tokens, at, now),
    )
    found = [candidate for candidate in candidates if candidate is not None]
    return max(found, key=lambda candidate: candidate.length, default=None)


def _read_iso(tokens: Sequence[Token], at: int, now: datetime) -> FoundPeriod | None:
    """Read 2026-05-03 and 3.5.2026."""
    text = tokens[at].text
    parts = text.split("-") if "-" in text else text.split(".")[::-1]
    if len(parts) != 3 or not all(part.isdecimal() for part in parts):
        return None
    year, month, day = (int(part) for part in parts)
    return _found(1, _days(year, month, day, now))


def _read_named(tokens: Sequence[Token], at: int, words: Lexicon, now: datetime) -> FoundPeriod | None:
    """Read "yesterday", "last week", "Monday", "the last 3 days" and "3 days ago"."""
    for entry in words.find(tokens, at):
        period = _named(entry, tokens[at : at + len(entry.words)], now)
        if period is not None:
            return FoundPeriod(len(entry.words), period, is_relative=True)
    return None


def _named(entry: Entry, tokens: Sequence[Token], now: datetime) -> Period | None:
    if entry.tag is Tag.PERIOD:
        return _whole(*NAMED[entry.value], now)
    if entry.tag is Tag.WEEKDAY:
        back = (now.weekday() - int(entry.value) - 1) % 7 + 1
        return _whole("day", back, now)
    if entry.tag not in (Tag.RECENT, Tag.AGO):
        return None
    number = next((token.text for token in tokens if token.is_number), "")
    if not 0 < len(number) <= _MAX_NUMBER or int(number) == 0:
        return None
    if entry.tag is Tag.AGO:
        return _whole(entry.value, int(number), now)
    return _recent(entry.value, int(number), now)


def _read_date(tokens: Sequence[Token], at: int, words: Lexicon, now: datetime) -> FoundPeriod | None:
    """Read "3 May", "May 3rd, 2026", "May 2026", "May" and "2026", with the joiners of the language."""
    parts: list[tuple[str, int]] = []
    end = at
    for kind, value, stop in _date_parts(tokens, at, words):
        if kind in (known for known, _ in parts):
            break
        parts.append((kind, value))
        end = stop
    fields = dict(parts)
    if "month" not in fields and "day" in fields:
        return None
    if "month" not in fields:
        return _found(end - at, _year(fields["year"], now), is_bare=True) if "year" in fields else None
    month, day = fields["month"], fields.get("day")
    if day is None:
        is_bare = "year" not in fields
        return _found(end - at, _month(fields.get("year") or _latest_year(month, 1, now), month, now), is_bare=is_bare)
    year = fields.get("year") or _latest_year(month, day, now)
    return _found(end - at, _days(year, month, day, now), is_relative="year" not in fields)


def _date_parts(tokens: Sequence[Token], at: int, words: Lexicon) -> Iterator[tuple[str, int, int]]:
    """Yield (day, month or year, its number, end) as long as only joiners are between them."""
    here = at
    for _ in range(3):
        token = tokens[here] if here < len(tokens) else None
        if token is None:
            return
        month = next((entry for entry in words.find(tokens, here) if entry.tag is Tag.MONTH), None)
        if month is not None:
            here += len(month.words)
            yield "month", int(month.value), here
        elif token.is_number and len(token.text) <= 2 and 1 <= int(token.text) <= 31:
            here += 1
            yield "day", int(token.text), here
        elif token.is_number and len(token.text) == 4 and int(token.text) in _YEARS:
            here += 1
            yield "year", int(token.text), here
        else:
            return
        here = _after_joiners(tokens, here, words)


def _after_joiners(tokens: Sequence[Token], here: int, words: Lexicon) -> int:
    for _ in range(2):
        if here < len(tokens) and (
            tokens[here].text in (",", "،") or any(entry.tag is Tag.JOINER for entry in words.find(tokens, here))
        ):
            here += 1
    return here


def _read_cjk_date(tokens: Sequence[Token], at: int, now: datetime) -> FoundPeriod | None:
    """Read 2026年5月3日, 5月3日, 2026年5月, 5月 and 2026年."""
    fields: dict[str, int] = {}
    here = at
    for unit, signs in (("year", "年"), ("month", "月"), ("day", "日号")):
        if here + 1 < len(tokens) and tokens[here].is_number and tokens[here + 1].text in signs:
            if len(tokens[here].text) > _MAX_NUMBER:
                return None
            fields[unit] = int(tokens[here].text)
            here += 2
    if not fields or set(fields) in ({"day"}, {"year", "day"}):
        return None
    month, day = fields.get("month"), fields.get("day")
    if month is None:
        return _found(here - at, _year(fields["year"], now))
    if not 1 <= month <= 12:
        return None
    year = fields.get("year") or _latest_year(month, day or 1, now)
    is_relative = "year" not in fields
    if day is None:
        return _found(here - at, _month(year, month, now), is_relative=is_relative)
    return _found(here - at, _days(year, month, day, now), is_relative=is_relative)


def _found(
    length: int, period: Period | None, *, is_relative: bool = False, is_bare: bool = False
) -> FoundPeriod | None:
    return None if period is None else FoundPeriod(length, period, is_relative, is_bare)


# ---------------------------------------------------------------- calendar


def _instant(moment: datetime) -> datetime:
    """Return a time in UTC: times of one zone compare by their clock, which is wrong when it is set back."""
    return moment.astimezone(UTC)


def _midnight(day: date, now: datetime) -> datetime:
    """Return the start of a day in the asker's zone. If the clock is set forward then, it is the first moment after."""
    start = datetime.combine(day, time.min, tzinfo=now.tzinfo)
    return start.astimezone(UTC).astimezone(now.tzinfo)


def _days(year: int, month: int, day: int, now: datetime) -> Period | None:
    if year not in _YEARS or not 1 <= month <= 12 or not 1 <= day <= monthrange(year, month)[1]:
        return None
    first = date(year, month, day)
    return Period(_midnight(first, now), _midnight(first + timedelta(days=1), now))


def _month(year: int, month: int, now: datetime) -> Period | None:
    if year not in _YEARS:
        return None
    following = date(year + month // 12, month % 12 + 1, 1)
    return Period(_midnight(date(year, month, 1), now), _midnight(following, now))


def _year(year: int, now: datetime) -> Period | None:
    if year not in _YEARS:
        return None
    return Period(_midnight(date(year, 1, 1), now), _midnight(date(year + 1, 1, 1), now))


def _latest_year(month: int, day: int, now: datetime) -> int:
    """Return the year of the latest such day that is not in the future; February 29 needs a leap year."""
    for year in range(now.year, now.year - 9, -1):
        if day <= monthrange(year, month)[1] and date(year, month, day) <= now.date():
            return year
    return now.year


def _whole(unit: str, back: int, now: datetime) -> Period | None:
    """Return the whole day, week, month or year that was `back` units ago; 0 is the current one."""
    if unit == "day":
        first = now.date() - timedelta(days=back)
        return Period(_midnight(first, now), _midnight(first + timedelta(days=1), now))
    if unit == "week":
        first = now.date() - timedelta(days=now.weekday(), weeks=back)
        return Period(_midnight(first, now), _midnight(first + timedelta(weeks=1), now))
    if unit == "month":
        months = now.year * 12 + now.month - 1 - back
        return _month(months // 12, months % 12 + 1, now)
    return _year(now.year - back, now)


def _recent(unit: str, number: int, now: datetime) -> Period | None:
    """Return the time from `number` units ago on: hours to the second, other units from the start of that day."""
    if unit == "hour":
        return Period((now.astimezone(UTC) - timedelta(hours=number)).astimezone(now.tzinfo))
    if unit in ("day", "week"):
        back = timedelta(days=number) if unit == "day" else timedelta(weeks=number)
        return Period(_midnight(now.date() - back, now))
    months = now.year * 12 + now.month - 1 - number * (12 if unit == "year" else 1)
    year, month = months // 12, months % 12 + 1
    if year not in _YEARS:
        return None
    return Period(_midnight(date(year, month, min(now.day, monthrange(year, month)[1])), now))
