"""Letters as people read them: accents on their letters, letterspaced words joined, private codes of known letters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING

from rag.text import normalize_unicode

if TYPE_CHECKING:
    from rag.extract.text_layer import Glyph

_SPACING, _COMBINING = "´`¨ˆ^˜~¯ˉ˘˙˚¸˛˝ˇ", (1, 0, 8, 2, 2, 3, 3, 4, 4, 6, 7, 10, 39, 40, 11, 12)
_ACCENTS = {accent: chr(0x300 + mark) for accent, mark in zip(_SPACING, _COMBINING, strict=True)} | {
    chr(mark): chr(mark) for mark in range(0x300, 0x330)
}
"""Accents that take up space of their own, as in the fonts of TeX, and the marks with which they form one letter."""

_DOTLESS = {"ı": "i", "ȷ": "j"}

_PRIVATE_LIGATURES = {"\uf001": "fi", "\uf002": "fl"}
"""Codes of Apple's and of many old fonts."""

_DINGBATS = ("wingding", "webding", "dingbat", "symbol", "marlett", "icon", "awesome", "bullet", "emoji")
"""Fonts, by a part of their name, whose glyphs are not letters."""

_MAX_GAP, _MAX_WORD_GAP = 1.0, 2.0
"""Maximum gap between the letters of a letterspaced word, and between two such words, as multiples of the font size."""

_TOUCHING = 0.12
"""Letters with a smaller gap, as a multiple of the font size, are in one word."""

_MIN_LETTERS, _MIN_DISTINCT, _MIN_MEAN = 4, 3, 2.5
"""Minimum number of single letters in a row, of different ones, and of letters per letterspaced word on average."""

_MAX_SPACE = 0.5
"""Maximum gap between words, as a multiple of the font size, on a page that has no spaces but positions, as of TeX."""

_FIRST_CHINESE = "\u2e80"
"""The first letter of the Chinese, Japanese and Korean scripts."""

_UNEVEN = 1.5
"""A gap that is this much wider than the median gap separates two letterspaced words."""


def known_private_letter(code: str, font: str) -> str:
    """Return the letters that a private-use code stands for if that is known; any other character unchanged.

    Known are ligatures, small capitals and old-style digits of Adobe's glyph list, and fonts with a symbol encoding,
    whose codes are Latin-1 plus F000.
    """
    if not "\ue000" <= code <= "\uf8ff":
        return code
    if code in _PRIVATE_LIGATURES:
        return _PRIVATE_LIGATURES[code]
    number = ord(code)
    name = font.lower()
    if any(part in name for part in _DINGBATS):
        return code
    if 0xF730 <= number <= 0xF739 or 0xF761 <= number <= 0xF77A:
        return chr(number - 0xF700)
    if 0xF021 <= number <= 0xF07E or 0xF0C0 <= number <= 0xF0FF:
        return chr(number - 0xF000)
    return code


def compose_accents(glyphs: Sequence[Glyph], size: float) -> list[Glyph]:
    """Return a line's glyphs, with each accent that stands over or under a neighboring letter merged with it.

    `size` is the font size in points. Spaces that only the accent's position caused are left out.
    """
    if _ACCENTS.keys().isdisjoint([glyph.text for glyph in glyphs]):
        return list(glyphs)
    composed: list[Glyph] = []
    index, just_merged = 0, False
    while index < len(glyphs):
        glyph = glyphs[index]
        index += 1
        if glyph.text in _ACCENTS:
            after = index + (index < len(glyphs) and glyphs[index].is_synthetic)
            before = len(composed) - 1 - (bool(composed) and composed[-1].is_synthetic)
            if after < len(glyphs) and (merged := _merged(glyph, glyphs[after])) is not None:
                glyph, index, just_merged = merged, after + 1, True
            elif before >= 0 and (merged := _merged(glyph, composed[before])) is not None:
                del composed[before:]
                glyph, just_merged = merged, True
            if just_merged and len(composed) > 1 and composed[-1].is_synthetic and _touch(composed[-2], glyph, size):
                composed.pop()
        elif glyph.is_synthetic and just_merged and index < len(glyphs) and _touch(composed[-1], glyphs[index], size):
            continue
        else:
            just_merged = False
        composed.append(glyph)
    return composed


def _merged(accent: Glyph, letter: Glyph) -> Glyph | None:
    """Return the accented letter if the accent stands over or under the letter and both form one character."""
    a, b = accent.box, letter.box
    if not b[0] <= (a[0] + a[2]) / 2 <= b[2] or min(a[3], b[3]) - max(a[1], b[1]) < (a[3] - a[1]) / 2:
        return None
    text = normalize_unicode("NFC", _DOTLESS.get(letter.text, letter.text) + _ACCENTS[accent.text])
    if len(text) != 1 or not letter.text.isalpha():
        return None
    box = (min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3]))
    return letter._replace(text=text, box=box)


def _touch(before: Glyph, after: Glyph, size: float) -> bool:
    return after.box[0] - before.box[2] < _TOUCHING * size


def join_letterspaced(
    words: Sequence[list[Glyph]], typed: Sequence[bool], size: float, *, page_types_spaces: Callable[[], bool]
) -> list[list[Glyph]]:
    """Return a line's words with letterspaced ones ("I N V O I C E") joined; wider gaps separate two of them.

    `typed`: whether the file has a space before each word. `size` is the font size in points. `page_types_spaces`
    returns whether the file has any space on the page; if not, words have gaps of at most _MAX_SPACE between them.
    """
    joined: list[list[Glyph]] = []
    run: list[list[Glyph]] = []
    run_typed: list[bool] = []

    def close() -> None:
        if len(run) >= _MIN_LETTERS:
            gap = median(_gap(a, b) for a, b in pairwise(run))
            looks_typed = median(run_typed[1:]) if page_types_spaces() else gap <= _MAX_SPACE * size
            joined.extend(_letterspaced(run, gap, size, looks_typed=bool(looks_typed)))
        else:
            joined.extend(run)
        run.clear()
        run_typed.clear()

    for word, is_typed in zip(words, typed, strict=True):
        is_letter = word[0].text.isalnum() and not any(glyph.text.isalnum() for glyph in word[1:])
        if run and not (is_letter and 0 < _gap(run[-1], word) <= _MAX_WORD_GAP * size):
            close()
        if is_letter:
            run.append(word)
            run_typed.append(is_typed)
        else:
            joined.append(word)
    close()
    return joined


def _letterspaced(run: list[list[Glyph]], gap: float, size: float, *, looks_typed: bool) -> list[list[Glyph]]:
    """Return single letters as the words that they form, or unchanged if they form none: too few, A B C D, or A A B.

    `gap` is the median one. `looks_typed`: the letters are as far apart as words are, so they may be a list: "vitamins
    A D E K". They form words only if wider gaps separate several, or if they are written as a word.
    """
    letters = [word[0].text for word in run]
    is_alphabet = all(len(a) == len(b) == 1 and ord(b) - ord(a) == 1 for a, b in pairwise(letters))
    if sum(letter.isalpha() for letter in letters) < _MIN_LETTERS or len(set(letters)) < _MIN_DISTINCT or is_alphabet:
        return run
    words = [list(run[0])]
    for before, word in pairwise(run):
        if _gap(before, word) > _UNEVEN * gap:
            words.append([])
        words[-1] += word
    if looks_typed and len(words) == 1 and not _is_written_as_word("".join(letters)):
        return run
    return words if gap <= _MAX_GAP * size and len(run) >= _MIN_MEAN * len(words) else run


def _is_written_as_word(letters: str) -> bool:
    """Return whether letters are in lowercase after a capital, or of a script without spaces, such as Chinese."""
    return letters.istitle() or min(letters) >= _FIRST_CHINESE


def _gap(before: Sequence[Glyph], after: Sequence[Glyph]) -> float:
    return after[0].box[0] - before[-1].box[2]
