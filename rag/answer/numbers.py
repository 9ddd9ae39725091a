"""Find numbers and dates in a text, whatever their format: 1,000 = 1000 = 1.000, 5 % = 5%, three = 3, 12 March 2024.

Understands the formats of English, German, French, Spanish and Italian. A spelling may have several readings: 1.000 is
a thousand or one. Call `normalize_text` first.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from rag.answer.number_words import NUMBER_WORD, number_of
from rag.text import normalize_unicode

Value = str
"""A number in plain digits, `date:2024-03-12`, `time:22:00`, `month:3` or `weekday:1`."""

_AMBIGUOUS_NUMBER_WORDS = frozenset("zero null zéro cero one eins once due sei sept neuf dos elf acht venti".split())
"""Number words that are also other words. On a page they count as numbers; in a statement they are not checked."""

_MONTHS = [
    "january jan januar jänner janvier janv enero ene gennaio gen января январь janeiro januari stycznia",
    "february feb februar février fevrier févr febrero febbraio febb февраля февраль fevereiro februari lutego",
    "march mar märz maerz mär mrz mars marzo марта март março maart marca",
    "april apr avril avr abril abr aprile апреля апрель kwietnia",
    "may mai mayo maggio mag мая май maio mei maja",
    "june jun juni juin junio giugno giu июня июнь junho czerwca",
    "july jul juli juillet juil julio luglio lug июля июль julho lipca",
    "august aug août aout agosto ago августа август augustus sierpnia",
    "september sep sept septembre septiembre settembre sett сентября сентябрь setembro września",
    "october oct oktober okt octobre octubre ottobre ott октября октябрь outubro października",
    "november nov novembre noviembre ноября ноябрь novembro listopada",
    "december dec dezember dez décembre decembre déc diciembre dic dicembre декабря декабрь dezembro grudnia",
]
_MONTH = {name: number for number, names in enumerate(_MONTHS, 1) for name in names.split()}
_AMBIGUOUS_MONTHS = frozenset("may mai mar march mars mag gen sept ago mei maja мая май marca".split())

_WEEKDAYS = [
    "monday montag lundi lunes lunedì",
    "tuesday dienstag mardi martes martedì",
    "wednesday mittwoch mercredi miércoles mercoledì",
    "thursday donnerstag jeudi jueves giovedì",
    "friday freitag vendredi viernes venerdì",
    "saturday samstag samedi sábado sabato",
    "sunday sonntag dimanche domingo domenica",
]
_SHORT_WEEKDAYS = (
    "mon mo lun|tue tues di mar|wed mi mer mié|thu thur thurs do jeu jue gio|fri fr ven vie|sat sa sam|sun so dim dom"
)
_WEEKDAY = {name: number for number, names in enumerate(_WEEKDAYS, 1) for name in names.split()}
_SHORT_WEEKDAY = {name: number for number, names in enumerate(_SHORT_WEEKDAYS.split("|"), 1) for name in names.split()}

_SCALES = {
    **dict.fromkeys(("k", "thousand", "tausend", "mille", "mil", "tsd"), 3),
    **dict.fromkeys(("m", "million", "millions", "mio", "millionen", "millones", "milioni"), 6),
    **dict.fromkeys(("bn", "b", "billion", "billions", "mrd", "milliarden", "milliard", "milliards", "miliardi"), 9),
}

_NAME = "|".join(sorted(map(re.escape, _MONTH), key=len, reverse=True))
_DATES = (
    re.compile(
        rf"\b(?P<d>\d{{1,2}})(?:st|nd|rd|th|\.|er|º)?\s(?:of\s|de\s)?(?P<n>{_NAME})\b\.?,?\s(?:de\s)?(?P<y>\d{{4}})\b",
        re.IGNORECASE,
    ),
    re.compile(rf"\b(?P<n>{_NAME})\b\.?\s(?P<d>\d{{1,2}})(?:st|nd|rd|th)?,?\s(?P<y>\d{{4}})\b", re.IGNORECASE),
    re.compile(r"(?<![\w.])(?P<y>\d{4})\s?年\s?(?P<m>\d{1,2})\s?月\s?(?P<d>\d{1,2})\s?[日号]"),
    re.compile(r"(?<![\w.])(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})(?![\w-])"),
    re.compile(r"(?<![\w.])(?P<d>\d{1,2})(?P<s>[./-])(?P<m>\d{1,2})(?P=s)(?P<y>\d{4})(?![\w-])"),
)
_NUMERAL = re.compile(
    r"(?<!\w)(?P<digits>\d+(?:[.,'’]\d+|\x20\d{3}(?!\d))*)"
    r"(?:\x20?(?P<half>[ap])\.?m\b\.?|[\x20-]?(?P<scale>[^\W\d_]{1,12})\b)?",
    re.IGNORECASE,
)
_TIME = re.compile(
    r"(?<![\w:.])(?P<h>[01]?\d|2[0-4])(?::|\x20?h\x20?(?=\d\d\b))(?P<m>[0-5]\d)(?![\d:])(?:\x20?(?P<half>[ap])\.?m\b)?",
    re.IGNORECASE,
)
_LETTERS = re.compile(r"[^\W\d_]+")
_SEPARATOR = re.compile(r"[.,'’]")
_HOUR = re.compile(r"0?([1-9]|1[0-2])(?:\.\d\d)?")
"""An hour before am or pm: "9", "09", "2.30". In "1,200 pm", "pm" means per month."""

_MAX_GROUPS = 7
"""Most groups of three digits in one number. More groups are a row of table cells. Only runs of up to 7 cells are tried
as one number, so the work stays linear in the length of the text."""


_UNSPACED_SCRIPTS = r"[\u0590-\u08ff\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
"""Scripts that are written without spaces, and those from right to left, whose spaces a text layer may lose."""

_SCRIPT_BOUNDARY = re.compile(rf"(?<={_UNSPACED_SCRIPTS})(?=[0-9A-Za-z])|(?<=[0-9A-Za-z])(?={_UNSPACED_SCRIPTS})")


@dataclass(frozen=True, slots=True)
class Numeral:
    """A number, date, month or weekday in a text. A page has it if the page has all values of one of the `readings`."""

    written: str
    start: int
    end: int
    readings: tuple[frozenset[Value], ...]


def is_month(word: str) -> bool:
    """Return whether a word is the name of a month."""
    return word.casefold() in _MONTH


def normalize_text(text: str) -> str:
    """Return the text in the form that the other functions expect.

    Compatibility characters are resolved, every digit is one of 0 to 9, every white space is a space, and a space
    separates numbers and Latin letters from scripts that are written without spaces.
    """
    text = normalize_unicode("NFKC", text.replace("\u00ad", ""))
    digits = {ord(sign): str(unicodedata.decimal(sign)) for sign in set(text) if sign.isdecimal() and sign > "9"}
    return _SCRIPT_BOUNDARY.sub(" ", re.sub(r"\s", " ", text.translate(digits)))


def find_numerals(text: str) -> list[Numeral]:
    """Return the numbers and dates that a statement claims: dates first, then times, numbers and words."""
    return [numeral for numeral in all_numerals(text) if _is_claim(numeral, text)]


def find_values(text: str) -> frozenset[Value]:
    """Return all values that anything on a page may stand for, in every reading."""
    found: set[Value] = set()
    for numeral in all_numerals(text):
        for reading in numeral.readings:
            found |= reading
    for match in _LETTERS.finditer(text):
        if (day := _SHORT_WEEKDAY.get(match.group().casefold())) is not None:
            found.add(f"weekday:{day}")
    return frozenset(found)


def all_numerals(text: str) -> Iterator[Numeral]:
    """Yield everything that may be a number or date: dates first, then times, numbers and words."""
    dates = list(_dates(text))
    in_dates = {at for date in dates for at in range(date.start, date.end)}
    times = [time for time in _times(text) if time.start not in in_dates]
    in_dates.update(at for time in times for at in range(time.start, time.end))
    yield from dates
    yield from times
    for match in _NUMERAL.finditer(text):
        if match.start() not in in_dates:
            yield Numeral(match["digits"], match.start(), match.end("digits"), _readings(match))
    for match in NUMBER_WORD.finditer(text):
        word = match.group().casefold()
        if match.start() in in_dates:
            continue
        number = number_of(word)
        day, month = _WEEKDAY.get(word) or _WEEKDAY.get(word.removesuffix("s")), _MONTH.get(word)
        for value in (number, day and f"weekday:{day}", month and f"month:{month}"):
            if value:
                yield Numeral(match.group(), match.start(), match.end(), (frozenset({value}),))


def _is_claim(numeral: Numeral, text: str) -> bool:
    """Return whether a statement means the number or date, not another word: "may" is a month only beside a number."""
    word = numeral.written.casefold()
    if word in _MONTH and numeral.readings == (frozenset({f"month:{_MONTH[word]}"}),):
        beside = text[max(0, numeral.start - 4) : numeral.start] + text[numeral.end : numeral.end + 4]
        return bool(re.search(r"\d", beside)) or (numeral.written[0].isupper() and word not in _AMBIGUOUS_MONTHS)
    is_acronym = len(word) < 4 and numeral.written.isupper() and number_of(word) is not None
    return word not in _AMBIGUOUS_NUMBER_WORDS and not is_acronym


def _dates(text: str) -> Iterator[Numeral]:
    for pattern in _DATES:
        for match in pattern.finditer(text):
            parts = match.groupdict()
            # IGNORECASE also matches "Aprİl", whose casefolded form has a combining dot.
            month = int(parts["m"]) if parts.get("m") else _MONTH[parts["n"].replace("İ", "i").casefold()]
            day, year = int(parts["d"]), int(parts["y"])
            orders = [(day, month)]
            if parts.get("s") == "/":  # the American order
                orders.append((month, day))
            readings: list[frozenset[Value]] = []
            for d, m in orders:
                if 1 <= m <= 12 and 1 <= d <= 31:
                    readings.append(frozenset({f"date:{year:04}-{m:02}-{d:02}"}))
                    readings.append(frozenset({str(year), str(d), f"month:{m}"}))
            if readings:
                yield Numeral(match.group(), match.start(), match.end(), tuple(readings))


def _times(text: str) -> Iterator[Numeral]:
    for match in _TIME.finditer(text):
        hour, minute = int(match["h"]), int(match["m"])
        hours = [hour, hour % 12 + 12] if match["half"] and hour <= 12 else [hour]
        readings: list[frozenset[Value]] = []
        for one in hours:
            readings.append(frozenset({f"time:{one}:{minute:02}"}))
            readings.append(frozenset({str(one), str(minute)} if minute else {str(one)}))
        yield Numeral(match.group(), match.start(), match.end(), tuple(readings))


def _readings(match: re.Match[str]) -> tuple[frozenset[Value], ...]:
    """Return what a number with an optional am, pm or scale ("million") may mean."""
    found = _parse_digits(match["digits"])
    if match["half"] and (hour := _HOUR.fullmatch(match["digits"])):
        found.append(frozenset({str(int(hour[1]) % 12 + 12)}))
    scale = _SCALES.get((match["scale"] or "").casefold())
    if scale is not None:
        for reading in list(found):
            if len(reading) == 1 and (value := _decimal(next(iter(reading)))) is not None:
                found.append(frozenset({_to_plain(value.scaleb(scale))}))
    return tuple(dict.fromkeys(found))


def _parse_digits(digits: str) -> list[frozenset[Value]]:
    """Return the values that digits with separators may mean, most likely first."""
    if " " in digits:
        return _parse_groups(digits.split(" "))
    groups, signs = _SEPARATOR.split(digits), _SEPARATOR.findall(digits)
    if not signs:
        return [_value(digits)]
    whole = "".join(groups)
    thousands = len(groups[0]) <= 3 and all(len(group) == 3 for group in groups[1:])
    if len(set(signs)) == 1:
        if len(signs) == 1 and signs[0] in ".,":
            fraction = _value(f"{groups[0]}.{groups[1]}")
            if not thousands or groups[0] == "0":
                return [fraction]
            if groups[1] == "000":
                return [_value(whole)]
            return [_value(whole), fraction] if signs[0] == "," else [fraction, _value(whole)]
        indian = signs[0] == "," and len(groups[-1]) == 3 and all(len(group) == 2 for group in groups[1:-1])
        return [_value(whole)] if thousands or indian else [frozenset({digits})]  # 1.2.3 is a section or version
    if signs[-1] in ".," and signs[-1] not in signs[:-1] and len(set(signs[:-1])) == 1:
        return [_value("".join(groups[:-1]) + "." + groups[-1])]
    return [frozenset({digits})]


def _parse_groups(parts: list[str]) -> list[frozenset[Value]]:
    """Return the values of digits with spaces: one number, several numbers side by side, or a row of both."""
    short = len(parts) <= _MAX_GROUPS
    joined = _parse_digits("".join(parts)) if short and len(_SEPARATOR.split(parts[0])[0]) <= 3 else []
    if short and any(part.startswith("0") for part in parts[1:]):
        return joined or [_value(part) for part in parts]
    separate = frozenset(value for part in parts for reading in _parse_digits(part) for value in reading)
    runs = [
        _parse_digits("".join(parts[start:end]))
        for start in range(len(parts))
        for end in range(start + 2, min(start + _MAX_GROUPS, len(parts)) + 1)
    ]
    return [*joined, separate, *(reading for run in runs for reading in run)]


def _value(digits: str) -> frozenset[Value]:
    value = _decimal(digits)
    return frozenset({digits if value is None else _to_plain(value)})


def _decimal(digits: str) -> Decimal | None:
    """Return the number, or None for anything but up to 40 digits with an optional fraction."""
    return Decimal(digits) if len(digits) <= 40 and re.fullmatch(r"\d+(?:\.\d+)?", digits) else None


def _to_plain(value: Decimal) -> str:
    """Return a number in plain digits without unneeded zeros."""
    text = f"{value:f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text.lstrip("0")) or "0"
