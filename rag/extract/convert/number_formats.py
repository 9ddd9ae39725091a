"""Numbers and dates as a spreadsheet shows them, by the format codes of its cells (ECMA-376 part 1, 18.8.31)."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cache

GENERAL = "General"
"""The code of cells without a format."""

BUILT_IN = {
    1: "0",
    2: "0.00",
    3: "#,##0",
    4: "#,##0.00",
    9: "0%",
    10: "0.00%",
    11: "0.00E+00",
    14: "yyyy-mm-dd",
    15: "d-mmm-yy",
    16: "d-mmm",
    17: "mmm-yy",
    18: "h:mm AM/PM",
    19: "h:mm:ss AM/PM",
    20: "h:mm",
    21: "h:mm:ss",
    22: "yyyy-mm-dd h:mm",
    37: "#,##0;(#,##0)",
    38: "#,##0;(#,##0)",
    39: "#,##0.00;(#,##0.00)",
    40: "#,##0.00;(#,##0.00)",
    45: "mm:ss",
    46: "[h]:mm:ss",
    47: "mm:ss.0",
    **dict.fromkeys((*range(27, 32), 36, *range(50, 55), 57, 58), "yyyy-mm-dd"),
}
"""Codes by number. Number 14, and from 27 on those of East Asia, are dates in the order of the reader's country, which
a file does not say: ISO here."""

_TOKEN = re.compile(
    r'"(?P<text>[^"]*)"|\\(?P<escaped>.)|_.|\*.|\[\$(?P<currency>[^\[\]-]*)(?:-[^\[\]]*)?\]|\[(?P<elapsed>h+|m+|s+)\]'
    r"|\[[^\[\]]*\]|(?P<ampm>AM/PM|A/P)|(?P<date>y+|m+|d+|h+|s+(?:\.0+)?)|(?P<general>General)"
    r"|(?P<number>[#0?][#0?,.]*(?:E[+-]0+)?|\.[#0?][#0?,]*)|(?P<other>.)",
    re.IGNORECASE | re.DOTALL,
)
_CONDITION = re.compile(r"\[(<=|>=|<>|<|>|=)\s*(-?\d+(?:\.\d+)?(?:E[+-]?\d+)?)\]", re.IGNORECASE)
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "<>": operator.ne,
}
_MAX_CODE_CHARS = 255
_GENERAL_DIGITS, _MAX_DIGITS = 10, 15
"""A spreadsheet stores 15 significant digits."""
_MAX_SERIAL = 2958466
"""The serial number of the day after 9999-12-31."""
_LEAP_BUG = 60
"""Lotus 1-2-3 had a 29 February 1900, and so have all spreadsheets: the days before count from a day later."""

_DATES = {
    "yyyy": "%Y",
    "yy": "%y",
    "mmmmm": "%b",
    "mmmm": "%B",
    "mmm": "%b",
    "mm": "%m",
    "dddd": "%A",
    "ddd": "%a",
    "dd": "%d",
    "hh": "%H",
    "ss": "%S",
}


def format_value(value: float, code: str, *, from_1904: bool = False) -> str:
    """Return a cell's number as it is shown. Raise ValueError or ArithmeticError if the format can't show it."""
    return format_general(value) if code == GENERAL else format_number(value, code, from_1904=from_1904)


def format_number(value: float, code: str, *, from_1904: bool = False) -> str:
    """Return a cell's number as its format code shows it; `from_1904`: days count from 1904."""
    section, is_negative = _section(value, code[:_MAX_CODE_CHARS])
    if section is None:
        return format_general(value)
    tokens = list(_TOKEN.finditer(section))
    if any(token["date"] or token["elapsed"] for token in tokens):
        return _as_date(value, tokens, from_1904=from_1904)
    numbers = [token["number"] for token in tokens if token["number"]]
    if not numbers and not any(token["general"] for token in tokens):
        return _literals(tokens)
    if len(numbers) > 1:  # a fraction, or groups of digits
        return format_general(value)
    percents = sum(token["other"] == "%" for token in tokens)
    size = abs(value)
    shown = _digits(size * 100**percents, numbers[0]) if numbers else format_general(size)
    parts: list[str] = []
    is_placed = False
    for token in tokens:
        if token["number"] or token["general"]:
            parts.append("" if is_placed else shown)
            is_placed = True
        else:
            parts.append(_literals([token]))
    has_sign = value < 0 and not is_negative and bool(shown.strip("0.,"))
    return "-" * has_sign + "".join(parts).strip()


def format_general(value: float) -> str:
    """Return a number without a format as a wide cell shows it: at most ten significant digits, and all of its
    whole part up to 15 digits."""
    if value == int(value) and abs(value) < 10**_MAX_DIGITS:
        return str(int(value))
    whole_digits = len(str(int(abs(value)))) if abs(value) < 10**_MAX_DIGITS else 0
    return f"{value:.{max(_GENERAL_DIGITS, whole_digits)}G}"


def _section(value: float, code: str) -> tuple[str | None, bool]:
    """Return the section of a code that a number takes, or None if it has none, and whether it is for negative ones.

    Such a section shows the number without its sign.
    """
    sections = _sections(code)
    defaults: list[tuple[str, float] | None] = [None] * len(sections)
    if len(sections) > 1:
        defaults[0] = (">", 0) if len(sections) > 2 else (">=", 0)
    if len(sections) > 2:
        defaults[1] = ("<", 0)
    conditions = [_condition(section) or default for section, default in zip(sections, defaults, strict=True)]
    for index, condition in enumerate(conditions):
        if condition is None or _COMPARE[condition[0]](value, condition[1]):
            after_positive = index == 1 and conditions[0] in ((">", 0), (">=", 0))
            return sections[index], after_positive or condition in (("<", 0), ("<=", 0))
    return None, False


def _condition(section: str) -> tuple[str, float] | None:
    """Return the condition of a section, such as `[>=1000]`, as an operator and a number."""
    found = _CONDITION.search(section)
    return (found[1], float(found[2])) if found else None


@cache
def _sections(code: str) -> list[str]:
    """Return the sections of a code for numbers, without the one for text: at most three."""
    sections, quoted, start, at = [], False, 0, 0
    while at < len(code):
        if code[at] == "\\":
            at += 1
        elif code[at] == '"':
            quoted = not quoted
        elif code[at] == ";" and not quoted:
            sections.append(code[start:at])
            start = at + 1
        at += 1
    sections.append(code[start:])
    is_text = any(token["other"] == "@" for token in _TOKEN.finditer(sections[-1]))
    return sections[: min(3, len(sections) - is_text)]


def _literals(tokens: list[re.Match[str]]) -> str:
    return "".join(
        token["text"] or token["escaped"] or token["currency"] or (token["other"] or "").replace("@", "")
        for token in tokens
    )


def _digits(value: float, pattern: str) -> str:
    """Return a number from 0 up with the decimals, thousands separators or exponent of a pattern such as `#,##0.00`."""
    mantissa, _, exponent = pattern.upper().partition("E")
    whole, _, fraction = mantissa.partition(".")
    whole, fraction, commas = whole.rstrip(","), fraction.rstrip(","), len(whole) + len(fraction)
    thousands = commas - len(whole) - len(fraction)  # a comma behind all digits divides by 1,000
    decimals = sum(letter in "#0?" for letter in fraction)
    if exponent:
        return f"{value:.{decimals}E}"
    scaled = Decimal(f"{value:.{_MAX_DIGITS}g}").scaleb(-3 * thousands)
    rounded = scaled.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP) if abs(scaled) < 10**12 else scaled
    text = f"{rounded:,f}" if "," in whole else f"{rounded:f}"
    optional = len(fraction) - len(fraction.rstrip("#?"))
    while optional and text.endswith("0") and "." in text:
        text, optional = text[:-1], optional - 1
    text = text.rstrip(".") if "." in text else text
    digits = sum(letter == "0" for letter in whole)
    return text if "," in text else text.zfill(digits + len(text) - len(text.partition(".")[0]))


def _as_date(value: float, tokens: list[re.Match[str]], *, from_1904: bool) -> str:
    if not 0 <= value < _MAX_SERIAL:
        return format_general(value)
    days = value + 1462 if from_1904 else value + (value < _LEAP_BUG)
    # Rounded to milliseconds: a float of days is not exact.
    moment = datetime(1899, 12, 30) + timedelta(milliseconds=round(days * 86_400_000))
    has_ampm = any(token["ampm"] for token in tokens)
    parts: list[str] = []
    after_hours = False
    for position, token in enumerate(tokens):
        if elapsed := token["elapsed"]:
            seconds = round(value * 86400)
            parts.append(str(seconds // {"h": 3600, "m": 60, "s": 1}[elapsed[0].lower()]))
            after_hours = elapsed[0].lower() == "h"
        elif token["ampm"]:
            parts.append("AM" if moment.hour < 12 else "PM")
        elif date := (token["date"] or "").lower():
            following = next((later["date"] for later in tokens[position + 1 :] if later["date"]), "") or ""
            minutes = date[0] == "m" and len(date) < 3 and (after_hours or following[:1].lower() == "s")
            parts.append(_date_part(moment, date, minutes=minutes, has_ampm=has_ampm))
            after_hours = date[0] == "h"
        else:
            parts.append(_literals([token]))
    return "".join(parts).strip()


def _date_part(moment: datetime, code: str, *, minutes: bool, has_ampm: bool) -> str:
    if minutes:
        return f"{moment.minute:0{len(code)}d}"
    if code[0] == "s":
        return moment.strftime("%S") if len(code) > 1 else str(moment.second)
    if code[0] == "h":
        hour = (moment.hour % 12 or 12) if has_ampm else moment.hour
        return f"{hour:0{min(len(code), 2)}d}"
    if code in ("m", "d"):
        return str(moment.month if code == "m" else moment.day)
    # Four digits also on systems where %Y has no leading zeros.
    return f"{moment.year:04d}" if len(code) > 2 and code[0] == "y" else moment.strftime(_DATES.get(code, "%y"))
