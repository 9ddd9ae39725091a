"""Numbers and dates of a text, however they are written: 1,000 = 1000 = 1.000, 5 % = 5%, three = 3, 12 March 2024.

What a text says is compared with what a page says, in any of five languages. Where a spelling has several readings
(1.000 is a thousand, or one), each of them counts.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from rag.text import normalized

Value = str
"""A number in plain digits, `date:2024-03-12`, `month:3` or `weekday:1`."""

_WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve",
    "null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf",
    "zéro - deux trois quatre cinq six sept huit neuf dix onze douze",
    "cero - dos tres cuatro cinco seis siete ocho nueve diez once doce",
    "zero - due tre quattro cinque sei sette otto nove dieci undici dodici",
)
_NUMBER_WORDS = {word: str(value) for words in _WORDS for value, word in enumerate(words.split()) if word != "-"}
_NO_CLAIM = frozenset("zero null zéro cero one eins once due sei sept neuf dos elf acht".split())
"""Number words that are other words too: a page may mean the number, a sentence makes no claim by them. Articles (ein,
un, una) are none, for every page has them."""

_MONTHS = [
    "january jan januar jänner janvier janv enero ene gennaio gen",
    "february feb februar février fevrier févr febrero febbraio febb",
    "march mar märz maerz mär mrz mars marzo",
    "april apr avril avr abril abr aprile",
    "may mai mayo maggio mag",
    "june jun juni juin junio giugno giu",
    "july jul juli juillet juil julio luglio lug",
    "august aug août aout agosto ago",
    "september sep sept septembre septiembre settembre sett",
    "october oct oktober okt octobre octubre ottobre ott",
    "november nov novembre noviembre",
    "december dec dezember dez décembre decembre déc diciembre dic dicembre",
]
_MONTH = {name: number for number, names in enumerate(_MONTHS, 1) for name in names.split()}
_MONTH_OR_WORD = frozenset("may mai mar march mars mag gen sept ago".split())

_WEEKDAYS = [
    "monday montag lundi lunes lunedì",
    "tuesday dienstag mardi martes martedì",
    "wednesday mittwoch mercredi miércoles mercoledì",
    "thursday donnerstag jeudi jueves giovedì",
    "friday freitag vendredi viernes venerdì",
    "saturday samstag samedi sábado sabato",
    "sunday sonntag dimanche domingo domenica",
]
_SHORT_DAYS = (
    "mon mo lun|tue tues di mar|wed mi mer mié|thu thur thurs do jeu jue gio|fri fr ven vie|sat sa sam|sun so dim dom"
)
_WEEKDAY = {name: number for number, names in enumerate(_WEEKDAYS, 1) for name in names.split()}
_SHORT_DAY = {name: number for number, names in enumerate(_SHORT_DAYS.split("|"), 1) for name in names.split()}

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
    re.compile(r"(?<![\w.])(?P<y>\d{4})-(?P<m>\d{1,2})-(?P<d>\d{1,2})(?![\w-])"),
    re.compile(r"(?<![\w.])(?P<d>\d{1,2})(?P<s>[./-])(?P<m>\d{1,2})(?P=s)(?P<y>\d{4})(?![\w-])"),
)
_NUMERAL = re.compile(
    r"(?<!\w)(?P<digits>\d+(?:[.,'’]\d+|\x20\d{3}(?!\d))*)"
    r"(?:\x20?(?P<half>[ap])\.?m\b\.?|[\x20-]?(?P<scale>[^\W\d_]{1,12})\b)?",
    re.IGNORECASE,
)
_TOKEN = re.compile(r"[^\W\d_]+")
_SEPARATOR = re.compile(r"[.,'’]")
_HOUR = re.compile(r"0?([1-9]|1[0-2])(?:\.\d\d)?")
"""An hour before am or pm: "9", "09", "2.30". "1,200 pm" is an amount a month."""

_MAX_GROUPS = 7
"""The longest number written in groups of three digits. A longer run is a row of cells, and each short run of it is
tried as a number, so the work grows with the length of the text alone."""


_SCRIPTS = r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
_UNSPACED = re.compile(rf"(?<={_SCRIPTS})(?=\d)|(?<=\d)(?={_SCRIPTS})")


@dataclass(frozen=True, slots=True)
class Numeral:
    """A number, date, month or weekday of a text. It is found where one of the `readings` is found whole."""

    written: str
    start: int
    end: int
    readings: tuple[frozenset[Value], ...]


def plain(text: str) -> str:
    """A text in which equal signs are equal: compatibility forms resolved, every digit one of 0 to 9, one space, and
    numbers apart from scripts that use no spaces."""
    text = normalized("NFKC", text.replace("\u00ad", ""))
    digits = {ord(sign): str(unicodedata.decimal(sign)) for sign in set(text) if sign.isdecimal() and sign > "9"}
    return _UNSPACED.sub(" ", re.sub(r"\s", " ", text.translate(digits)))


def numerals(text: str) -> list[Numeral]:
    """What a text claims in numbers, in order; `text` as `plain` makes it."""
    return [one for one in _all(text) if _claims(one, text)]


def values(text: str) -> frozenset[Value]:
    """Every value that something in a text may stand for; `text` as `plain` makes it."""
    found: set[Value] = set()
    for one in _all(text):
        for reading in one.readings:
            found |= reading
    for match in _TOKEN.finditer(text):
        if (day := _SHORT_DAY.get(match.group().casefold())) is not None:
            found.add(f"weekday:{day}")
    return frozenset(found)


def _all(text: str) -> Iterator[Numeral]:
    dates = list(_dates(text))
    inside = {at for date in dates for at in range(date.start, date.end)}
    yield from dates
    for match in _NUMERAL.finditer(text):
        if match.start() not in inside:
            yield Numeral(match["digits"], match.start(), match.end("digits"), _readings(match))
    for match in _TOKEN.finditer(text):
        word = match.group().casefold()
        if match.start() in inside:
            continue
        value = _NUMBER_WORDS.get(word)
        day, month = _WEEKDAY.get(word), _MONTH.get(word)
        for named in (value, day and f"weekday:{day}", month and f"month:{month}"):
            if named is not None and named:
                yield Numeral(match.group(), match.start(), match.end(), (frozenset({named}),))


def _claims(one: Numeral, text: str) -> bool:
    """Whether a sentence says something by this: `a`, `one` and `may` are words, until they stand by a number."""
    word = one.written.casefold()
    if word in _MONTH and one.readings == (frozenset({f"month:{_MONTH[word]}"}),):
        beside = text[max(0, one.start - 4) : one.start] + text[one.end : one.end + 4]
        return bool(re.search(r"\d", beside)) or (one.written[0].isupper() and word not in _MONTH_OR_WORD)
    return word not in _NO_CLAIM and not (len(word) < 4 and one.written.isupper() and word in _NUMBER_WORDS)


def _dates(text: str) -> Iterator[Numeral]:
    for pattern in _DATES:
        for match in pattern.finditer(text):
            parts = match.groupdict()
            # IGNORECASE also matches "Aprİl", whose casefolded form has a combining dot.
            month = int(parts["m"]) if parts.get("m") else _MONTH[parts["n"].replace("İ", "i").casefold()]
            day, year = int(parts["d"]), int(parts["y"])
            orders = [(day, month)]
            if parts.get("s") == "/":  # America's order
                orders.append((month, day))
            readings: list[frozenset[Value]] = []
            for d, m in orders:
                if 1 <= m <= 12 and 1 <= d <= 31:
                    readings.append(frozenset({f"date:{year:04}-{m:02}-{d:02}"}))
                    readings.append(frozenset({str(year), str(d), f"month:{m}"}))
            if readings:
                yield Numeral(match.group(), match.start(), match.end(), tuple(readings))


def _readings(match: re.Match[str]) -> tuple[frozenset[Value], ...]:
    found = _of_digits(match["digits"])
    if match["half"] and (hour := _HOUR.fullmatch(match["digits"])):
        found.append(frozenset({str(int(hour[1]) % 12 + 12)}))
    scale = _SCALES.get((match["scale"] or "").casefold())
    if scale is not None:
        for reading in list(found):
            if len(reading) == 1 and (value := _decimal(next(iter(reading)))) is not None:
                found.append(frozenset({_written(value.scaleb(scale))}))
    return tuple(dict.fromkeys(found))


def _of_digits(digits: str) -> list[frozenset[Value]]:
    """The values that digits with separators may mean, the likeliest first."""
    if " " in digits:
        return _of_groups(digits.split(" "))
    groups, signs = _SEPARATOR.split(digits), _SEPARATOR.findall(digits)
    if not signs:
        return [_one(digits)]
    whole = "".join(groups)
    thousands = len(groups[0]) <= 3 and all(len(group) == 3 for group in groups[1:])
    if len(set(signs)) == 1:
        if len(signs) == 1 and signs[0] in ".,":
            fraction = _one(f"{groups[0]}.{groups[1]}")
            if not thousands or groups[0] == "0":
                return [fraction]
            if groups[1] == "000":
                return [_one(whole)]
            return [_one(whole), fraction] if signs[0] == "," else [fraction, _one(whole)]
        indian = signs[0] == "," and len(groups[-1]) == 3 and all(len(group) == 2 for group in groups[1:-1])
        return [_one(whole)] if thousands or indian else [frozenset({digits})]  # 1.2.3: a section, a version
    if signs[-1] in ".," and signs[-1] not in signs[:-1] and len(set(signs[:-1])) == 1:
        return [_one("".join(groups[:-1]) + "." + groups[-1])]
    return [frozenset({digits})]


def _of_groups(parts: list[str]) -> list[frozenset[Value]]:
    """The values of digits with spaces: one number, several numbers side by side, or a row of both."""
    short = len(parts) <= _MAX_GROUPS
    joined = _of_digits("".join(parts)) if short and len(_SEPARATOR.split(parts[0])[0]) <= 3 else []
    if short and any(part.startswith("0") for part in parts[1:]):
        return joined or [_one(part) for part in parts]
    apart = frozenset(value for part in parts for reading in _of_digits(part) for value in reading)
    runs = [
        _of_digits("".join(parts[start:end]))
        for start in range(len(parts))
        for end in range(start + 2, min(start + _MAX_GROUPS, len(parts)) + 1)
    ]
    return [*joined, apart, *(reading for run in runs for reading in run)]


def _one(digits: str) -> frozenset[Value]:
    value = _decimal(digits)
    return frozenset({digits if value is None else _written(value)})


def _decimal(digits: str) -> Decimal | None:
    return Decimal(digits) if len(digits) <= 40 and re.fullmatch(r"\d+(?:\.\d+)?", digits) else None


def _written(value: Decimal) -> str:
    text = f"{value:f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text.lstrip("0")) or "0"
