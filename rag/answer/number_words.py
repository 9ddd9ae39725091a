"""Number words from zero to ninety-nine in English, German, French, Spanish and Italian."""

from __future__ import annotations

import re
from collections.abc import Iterator

_SMALL = {
    "en": "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen",
    "de": "null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn "
    "siebzehn achtzehn neunzehn",
    "fr": "zéro - deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize dix-sept "
    "dix-huit dix-neuf",
    "es": "cero - dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis diecisiete "
    "dieciocho diecinueve",
    "it": "zero - due tre quattro cinque sei sette otto nove dieci undici dodici tredici quattordici quindici sedici "
    "diciassette diciotto diciannove",
}
"""Articles (un, una, uno) are left out, because every page has them."""

_TENS = {
    "en": "twenty thirty forty fifty sixty seventy eighty ninety",
    "de": "zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig",
    "fr": "vingt trente quarante cinquante soixante soixante-dix quatre-vingts quatre-vingt-dix",
    "es": "veinte treinta cuarenta cincuenta sesenta setenta ochenta noventa",
    "it": "venti trenta quaranta cinquanta sessanta settanta ottanta novanta",
}
_ORDINALS = "first second third fourth fifth sixth seventh eighth ninth".split()


_WITH_ACCENT = {"dos": "dós", "tres": "trés", "seis": "séis"}


def _words() -> Iterator[tuple[str, int]]:
    for language, listed in _SMALL.items():
        small, tens = listed.split(), _TENS[language].split()
        yield from ((word, value) for value, word in enumerate(small) if word != "-")
        yield from ((word, value) for value, word in zip(range(20, 100, 10), tens, strict=True))
        for base, ten in zip(range(20, 100, 10), tens, strict=True):
            for unit in range(1, 10):
                yield from ((word, base + unit) for word in _compounds(language, ten, unit, small))


def _compounds(language: str, ten: str, unit: int, small: list[str]) -> Iterator[str]:
    """Yield the spellings of a number between two tens, with hyphens where there may be spaces."""
    one = small[unit]
    match language:
        case "en":
            yield from (f"{ten}-{one}", f"{ten}-{_ORDINALS[unit - 1]}")
        case "de":
            yield f"{'ein' if unit == 1 else one}und{ten}"
        case "fr":
            base = ten.removesuffix("-dix").rstrip("s")
            last = small[10 + unit] if ten.endswith("-dix") else "un" if unit == 1 else one
            yield from (f"{base}-{last}", f"{base}-et-{last}")
        case "es":
            last = "uno" if unit == 1 else one
            yield f"{ten}-y-{last}"
            if ten == "veinte":
                yield from (f"veinti{last}", f"veinti{_WITH_ACCENT.get(last, last)}")
        case _:
            yield ten[:-1] + "uno" if unit == 1 else ten[:-1] + "otto" if unit == 8 else ten + one


NUMBER_WORDS = {word: str(value) for word, value in _words()}
"""Word -> number in digits. Words in several parts have hyphens: `sixty-three`, `treinta-y-uno`."""

_IN_PARTS = sorted((word for word in NUMBER_WORDS if "-" in word), key=lambda word: (-len(word), word))
NUMBER_WORD = re.compile(
    rf"\b(?:{'|'.join(word.replace('-', '[ -]') for word in _IN_PARTS)})\b|[^\W\d_]+", re.IGNORECASE
)
"""A number word in several parts, or any word."""


def number_of(word: str) -> str | None:
    """Return the number that a match of NUMBER_WORD stands for, in digits, or None."""
    return NUMBER_WORDS.get(word.casefold().replace(" ", "-"))
