"""Make false statements of true ones.

Each mutation replaces one value by another of its kind from the same page, or by one that is not on the page; negates
the statement or removes its negation; or exchanges its subject. Values are found by the patterns below and by nothing
of the product, so that the check is not measured by its own idea of a value.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.bench.grounding.statements import TrueStatement

_A = "A-Za-z0-9"
_MONTHS = (
    "January|February|March|April|May|June|July|August|September|October|November|December|Januar|Februar|März|Mai|Juni|"
    "Juli|Oktober|Dezember|janvier|février|mars|avril|mai|juin|juillet|août|septembre|octobre|novembre|décembre|enero|"
    "febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|octubre|noviembre|diciembre|января|февраля|марта|апреля|мая|"
    "июня|июля|августа|сентября|октября|ноября|декабря"
)
_FILE_TYPES = "pdf|docx?|odt|ods|txt|csv|toml|yaml|yml|json|log|conf|key|gpx|kml|sqlite|sh|py|tex|deb|cfg|ini|xml|html"

_UNIT_GROUPS = (
    "kg|kilograms|кг",
    "g|grams|г",
    "mg",
    "km|kilometres|км",
    "m|metres|meters|Metern?|mètres|metros|метров|метра|メートル|米",
    "cm",
    "mm",
    "hectares",
    "litres|liters|Liter|литров|литра|リットル|升",
    "kW",
    "W|Вт",
    "V",
    "MB",
    "GB",
    "°C",
    "h|hours|hour|Stunden|heures|horas|часов|часа|時間|小时",
    "minutes|Minuten|минут",
    "seconds|Sekunden|secondes|segundos",
    "days|Tagen?|jours|días|дней|день|日間|天",
    "weeks|Wochen",
    "months|meses",
    "years|Jahren?|года|лет|年間?",
    "euros|Euro|€",
    "рублей",
    "円",
    "元",
    "%",
    "toneladas|tonnes",
    "pixels",
)


def _spellings(group: str) -> Iterator[str]:
    for unit in group.split("|"):
        if unit.endswith("?"):
            yield unit[:-2]
            yield unit[:-1]
        else:
            yield unit


_UNIT = {unit: number for number, group in enumerate(_UNIT_GROUPS) for unit in _spellings(group)}
_UNITS = "|".join(sorted(map(re.escape, _UNIT), key=len, reverse=True))

KINDS = {
    "URL": re.compile(r"https?://[\w./-]*[\w/]", re.ASCII),
    "e-mail": re.compile(rf"[{_A}._-]+@[{_A}-]+(?:\.[{_A}-]+)+"),
    "option": re.compile(rf"(?<![{_A}-])--[a-z][a-z-]*[a-z]|(?<=[（(\s])-[a-zA-Z](?=[\s),.。])"),
    "path": re.compile(rf"(?<![{_A}./])~?/[a-z][{_A}_-]*(?:/[{_A}._-]*[{_A}_])+"),
    "file": re.compile(rf"(?<![{_A}./_-])[{_A}_-]+(?:\.[{_A}_-]+)?\.(?:{_FILE_TYPES})(?![{_A}])"),
    "code word": re.compile(rf"(?<![{_A}._-])[a-z]+(?:[._][a-z]+)+(?![{_A}_-])"),
    "identifier": re.compile(rf"(?<![{_A}-])(?=[A-Z0-9-]*\d)[A-Z]+[A-Z0-9]*(?:-[A-Z0-9]+)+(?![{_A}-])"),
    "date": re.compile(
        rf"\d{{1,2}}\.? (?:de )?(?:{_MONTHS})(?: de)? \d{{4}}|(?:{_MONTHS}) \d{{1,2}}, \d{{4}}"
        r"|(?<![\d.])\d{1,2}[./]\d{1,2}[./]\d{4}|\d{4}年\d{1,2}月\d{1,2}日"
    ),
    "number": re.compile(rf"(?<![{_A}._/-])\d+(?:[.,:]\d+)*(?![{_A}_/-]|\.\d)|(?<=[ (])-\d+(?= °)"),
    "unit": re.compile(rf"(?<=\d) ?(?P<unit>{_UNITS})(?![A-Za-zÀ-ÿа-яё])"),
}
"""The kinds of values, in the order in which they are looked for; a later kind finds nothing inside an earlier one.
Units are looked for behind numbers."""


_MAX_OTHERS = 3
"""Values of the page by which one value is replaced, each in a statement of its own."""


@dataclass(frozen=True)
class FalseStatement:
    """A false statement and what was changed in its `origin`. `invented`: the new value is not on the page."""

    text: str
    origin: TrueStatement
    kind: str
    invented: bool = False


def mutate(statement: TrueStatement) -> Iterator[FalseStatement]:
    """Yield the false statements of a true one, the same ones in each run."""
    chance = random.Random(statement.text)
    on_page = _values(statement.page)
    keys = {kind: {_key(kind, value) for found, _, value in on_page if found == kind} for kind in KINDS}
    for kind, start, value in _values(statement.text):
        others = {_key(kind, other): other for found, _, other in on_page if found == kind}
        others.pop(_key(kind, value), None)
        for other in chance.sample(sorted(others.values()), min(len(others), _MAX_OTHERS)):
            yield _replaced(statement, kind, start, value, other)
        if kind != "unit" and (invented := _invent(kind, value, chance)) and _key(kind, invented) not in keys[kind]:
            yield _replaced(statement, kind, start, value, invented, invented=True)
    if statement.negated:
        yield FalseStatement(statement.negated, statement, "negation")
    for subject in statement.subjects:
        at = re.search(
            rf"(?<!\w){re.escape(subject)}(?!\w)" if subject.isascii() else re.escape(subject), statement.text
        )
        if at:
            other = chance.choice([one for one in statement.subjects if one != subject])
            yield _replaced(statement, "subject", at.start(), subject, other)


def _replaced(
    statement: TrueStatement, kind: str, start: int, old: str, new: str, *, invented: bool = False
) -> FalseStatement:
    text = statement.text[:start] + new + statement.text[start + len(old) :]
    return FalseStatement(text, statement, kind, invented)


def _values(text: str) -> list[tuple[str, int, str]]:
    """Return (kind, index, value) of the values of a text."""
    taken: set[int] = set()
    found: list[tuple[str, int, str]] = []
    for kind, pattern in KINDS.items():
        for match in pattern.finditer(text):
            start, end = match.span("unit") if kind == "unit" else match.span()
            if not taken & set(range(start, end)):
                taken |= set(range(start, end))
                found.append((kind, start, text[start:end]))
    return found


def _key(kind: str, value: str) -> object:
    """Return the same key for two spellings of a value."""
    if kind == "unit":
        return _UNIT[value]
    if kind == "number":
        return re.sub(r"[.,]0+$", "", re.sub(r"[.,](?=\d{3}(?!\d))", "", value))
    if kind == "date":
        digits = [int(part) for part in re.findall(r"\d+", value)]
        return max(digits), next(part for part in digits if part < 32), "年" in value and digits[1]
    return value


def _invent(kind: str, value: str, chance: random.Random) -> str:
    """Return a value with one letter or digit changed; of a date, that of the year."""
    if kind == "date":
        return re.sub(
            r"(\d{3})(\d)(?!\d)", lambda year: year[1] + str((int(year[2]) + chance.randint(1, 9)) % 10), value
        )
    places = [at for at, sign in enumerate(value) if sign.isascii() and sign.isalnum()]
    if value.startswith("http"):
        places = [at for at in places if at > len("https://")]
    digits = [at for at in places if value[at].isdigit()]
    if digits and len(digits) > len(places) / 3:
        at = digits[0]
        return value[:at] + str((int(value[at]) + chance.choice([1, 2, 3])) % 9 + 1) + value[at + 1 :]
    at = places[len(places) // 3]
    return value[:at] + chance.choice([sign for sign in "bdgklnprt" if sign != value[at].lower()]) + value[at + 1 :]
