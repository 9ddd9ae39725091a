"""Decoding the bytes of a text: byte order marks, UTF-8, UTF-16 without a mark, and the encodings of older programs."""

from __future__ import annotations

import codecs
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from rag.errors import Unreadable

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""Byte order marks. Those of UTF-32 come first because they begin with those of UTF-16."""

_CHARS_PER_ERROR = 20
"""Text is still UTF-8 with one broken character per this many valid non-ASCII ones (a truncated log, a bad disk)."""

_CONTROLS = re.compile(r"[\x00-\x07\x0e-\x1a\x1c-\x1f\x7f]")
_NOT_PRINTABLE = re.compile(rb"[^\0\t-\r -~]")
_MAX_CONTROL_SHARE = 0.005

_SAMPLE_BYTES = 1 << 16
"""Bytes of the lines with other characters than ASCII by which the encoding is detected."""

_MIN_UTF16_ZEROS = 0.02
"""UTF-16 without a mark has at least this share of zero bytes, from spaces and line breaks in any script."""
_MIN_ASCII_UTF16_ZEROS = 0.4
_MAX_WRONG_ZEROS = 0.02
"""Of the zero bytes of UTF-16, at most this share are not the high bytes of characters."""
_HOLE = bytes(64)
_MIN_TEXT_SHARE = 0.01
"""A log with zero bytes, from a crash or a sparse file, has at least this share of other bytes."""

_WESTERN = (
    "àâæçéèêëîïôœùûüÿ",  # French
    "äöüß",
    "àèéìíîòóùú",  # Italian
    "áéíñóúü",  # Spanish
    "áàâãçéêíóôõúü",  # Portuguese
    "åäöæøéü",  # Danish, Norwegian, Swedish, Finnish
    "áéëèïíóöüúêçñ",  # Dutch, Catalan
    "äõöüšž",  # Estonian, and foreign names in Finnish
)
_CENTRAL = (
    "ąćęłńóśźż",
    "áčďéěíňóřšťúůýž",
    "áäčďéíĺľňóôŕšťúýž",
    "áéíóöőúüű",
    "ăâîşţșț",
    "čćđšž",
)
_ICELANDIC, _ICELANDIC_VOWELS = "áéíóúýðþæö", "áéíóúæ"
"""Icelandic has vowels with accents, and hardly any other letters beyond ASCII: otherwise, ð, þ and ý are letters of
Turkish or Lithuanian in the wrong encoding."""
_LATIN = {
    "cp1252": (*_WESTERN, _ICELANDIC),
    "iso8859_15": _WESTERN,
    "mac_roman": _WESTERN,
    "cp1250": _CENTRAL,
    "iso8859_2": _CENTRAL,
    "cp1254": ("çğıöşüâîû",),
    "cp1257": ("ąčęėįšųūž", "āčēģīķļņšūž", "äõöüšž"),
    "mac_latin2": _CENTRAL,
    "mac_turkish": ("çğıöşüâîû",),
    "cp850": _WESTERN,
    "cp852": _CENTRAL,
    "cp857": ("çğıöşüâîû",),
}
"""Encodings of Latin letters, the most common first, with the letters of the languages that are written in them."""

_MIN_COVERED = 0.8
_MAX_ACCENT_SHARE = 0.6
"""At most this share of the letters of a Latin text has accents; a larger one is another script."""

_MIN_MARGIN = 0.02
"""By how much an encoding has to fit better than Windows-1252, by far the most common one."""
_MAX_RUN = 1.5
"""Mean number of adjacent characters beyond ASCII in a Western text; those of other scripts form whole words."""
_MIN_FOREIGN_WORD = 3
"""A word of at least this many letters, all of them beyond ASCII, is not in Latin script."""
_WORD = re.compile(r"[^\W\d_µªº¹²³¼½¾]+")
"""A word, without the characters in it that are symbols: of units, ordinal numbers, powers and fractions."""
_ORDINALS = frozenset("ªº")
_RUN = re.compile(r"[^\x00-\x7f]+")

_BETWEEN_LETTERS = frozenset("’‘´`·ʼ–—-/²…×™\u00ad\u00a0")
_AFTER_LETTERS = frozenset("¿¡¸¨¦¬¤¶¯„‚∫∂∑∏√∞≈∆◊∩≤≥≠")
"""Symbols that text has hardly ever directly behind a letter, but letters of other encodings have their bytes."""
_BEFORE_NO_LETTERS = frozenset("∫∂∏√∞≈◊∩¸¨")
"""Likewise directly before a letter."""

_MARKUP = re.compile(rb"<[^<>]{0,1000}>")
_KANA = re.compile("[\u3041-\u30ff]")
_MIN_KANA_SHARE = 0.15
"""The smallest share of kana among the characters beyond ASCII of a Japanese text."""

_FIRST = ("ascii", "iso8859-1", "cp1252")
"""Encodings that programs also declare for UTF-8, and for Windows-1252."""
_SUPERSETS = {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "iso8859-9": "cp1254",
    "tis-620": "cp874",
}
"""Encodings that browsers decode as a larger one (WHATWG Encoding Standard)."""

XML_ENCODING = re.compile(rb"<\?xml[^>]{0,200}encoding\s*=\s*[\"']([\w-]{1,40})")
"""The declaration at the beginning of an XML file."""

_CYRILLIC = ("cp1251", "koi8_u", "cp866", "mac_cyrillic", "iso8859_5")
_FREQUENT_CYRILLIC, _MIN_FREQUENT_SHARE = frozenset("оеаинтсрвл"), 0.5
"""The letters that are two thirds of texts in Russian, Ukrainian and Bulgarian."""

_MIXED_SCRIPTS = re.compile("[a-zA-Z][\u0400-\u04ff]|[\u0400-\u04ff][a-zA-Z]")

_OTHER_SCRIPTS = ("cp1253 iso8859_7 cp1255 iso8859_8 cp1256 iso8859_6 cp874 gb18030 big5 cp949").split()


class _Fit(NamedTuple):
    """How well an encoding fits: the share of the characters beyond ASCII that are letters of one language."""

    share: float
    encoding: str


def decode_text(data: bytes, *, whole: bool = True) -> str | None:
    """Return the bytes as text, or None if they are not text. Raise Unreadable if the encoding is unknown.

    `whole`: the bytes are the whole file, not only its beginning.
    """
    for mark, name in _MARKS:
        if data.startswith(mark):
            return _if_text(data[len(mark) :].decode(name, "replace"))
    if data.startswith(_HOLE):  # a log that was emptied while a program was writing to it
        data = data.lstrip(b"\0")
    if b"\0" in data:
        if (wide := _utf16(data)) is not None:
            return wide
        size = len(data)
        data = re.sub(rb"\0+", b"\n", data).strip(b"\n")
        if len(data) < _MIN_TEXT_SHARE * size:
            return None
    if data.startswith(b"\x1b$") or b"\x1b$B" in data or b"\x1b$@" in data:
        return _if_text(data.decode("iso2022_jp", "replace"))
    unicode = _decode(data, "utf-8")  # without a last character that is cut off
    if unicode is not None and (not whole or data.isascii() or not unicode.isascii()):
        return _if_text(unicode)
    repaired = data.decode("utf-8", "replace")
    errors = repaired.count("\ufffd")
    if errors * _CHARS_PER_ERROR <= sum(not letter.isascii() for letter in repaired) - errors:
        return _if_text(repaired)
    if _if_text(data.decode("latin-1")) is None:
        return None
    return _if_text(_decode_legacy(data))


def _decode_legacy(data: bytes) -> str:
    """Return the text in an encoding of older programs. Raise Unreadable if it is unknown."""
    xml = XML_ENCODING.match(data)
    if xml is not None and (declared := decode_declared(data, xml[1].decode("ascii"))) is not None:
        return declared
    sample = _sample(data)
    encoding = (
        _japanese(sample) or _latin(sample) or _cyrillic(sample) or _isolated_western(sample) or _other_script(sample)
    )
    if encoding is None:
        raise Unreadable("The text has an encoding that Magpie doesn't know.", "Save it as UTF-8.")
    return data.decode(encoding, "replace")


def decode_declared(data: bytes, charset: str) -> str | None:
    """Return the bytes in a declared encoding; None if it is unknown, or they are not valid in it."""
    try:
        name = codecs.lookup(charset).name
        names = ("utf-8", "cp1252") if name in _FIRST else (_SUPERSETS.get(name, name),)
        return next((text for name in names if (text := _decode_whole(data, name)) is not None), None)
    except (LookupError, ValueError):
        return None


def _decode_whole(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except UnicodeError:
        return None


def _if_text(text: str) -> str | None:
    return None if len(_CONTROLS.findall(text)) > _MAX_CONTROL_SHARE * len(text) else text


def _utf16(data: bytes) -> str | None:
    """Return the text of UTF-16 without a byte order mark, or None if the zero bytes have another cause."""
    even, odd = data[::2].count(0), data[1::2].count(0)
    zeros = even + odd
    # ASCII in UTF-16 is half zeros; with fewer, printable bytes are a list whose entries end with zeros.
    min_share = _MIN_UTF16_ZEROS if _NOT_PRINTABLE.search(data) else _MIN_ASCII_UTF16_ZEROS
    if zeros < min_share * len(data) or min(even, odd) > _MAX_WRONG_ZEROS * zeros:
        return None
    text = data[: len(data) // 2 * 2].decode("utf-16-be" if even > odd else "utf-16-le", "replace")
    odd_characters = sum(unicodedata.category(letter) in ("Cn", "Co", "Cs") or letter == "\ufffd" for letter in text)
    return None if odd_characters > _MAX_CONTROL_SHARE * len(text) else _if_text(text)


def _sample(data: bytes) -> bytes:
    """Return the first lines that are not ASCII only, at most _SAMPLE_BYTES."""
    if len(data) <= _SAMPLE_BYTES:
        return data
    lines: list[bytes] = []
    size = 0
    for line in data.splitlines(keepends=True):
        if not line.isascii():
            lines.append(line[: _SAMPLE_BYTES - size])
            size += len(line)
            if size >= _SAMPLE_BYTES:
                break
    return b"".join(lines)


def _japanese(data: bytes) -> str | None:
    """Return Shift-JIS or EUC-JP if the text then has kana: its bytes are also valid Chinese and Korean ones."""
    for encoding in ("cp932", "euc_jp"):
        text = _decode(data, encoding)
        if text is not None:
            beyond_ascii = [letter for letter in text if not letter.isascii()]
            if len(_KANA.findall(text)) > _MIN_KANA_SHARE * len(beyond_ascii):
                return encoding
    return None


def _decode(data: bytes, encoding: str) -> str | None:
    """Return the text, without a last character that is cut off, or None if the bytes are invalid."""
    try:
        return codecs.getincrementaldecoder(encoding)().decode(data)
    except UnicodeDecodeError:
        return None


def _cyrillic(data: bytes) -> str | None:
    """Return the encoding in which the letters are Cyrillic, and those that are frequent in such languages."""
    best, best_share = None, _MIN_FREQUENT_SHARE
    for encoding in _CYRILLIC:
        text = _decode(data, encoding)
        if text is None:
            continue
        beyond_ascii = [letter for letter in text.lower() if not letter.isascii() and not letter.isspace()]
        frequent = sum(letter in _FREQUENT_CYRILLIC for letter in beyond_ascii)
        frequent -= _misplaced(text) + len(_MIXED_SCRIPTS.findall(text))
        if beyond_ascii and frequent > best_share * len(beyond_ascii):
            best, best_share = encoding, frequent / len(beyond_ascii)
    return best


def _latin(data: bytes) -> str | None:
    """Return the encoding in which the letters with accents are those of one language, and stand where letters do.

    It is Windows-1252 unless another one fits clearly better.
    """
    fits = list(_fits(data))
    best = max(fits, key=lambda fit: fit.share, default=_Fit(0, ""))
    western = next((fit for fit in fits if fit.encoding == "cp1252"), None)
    if western is not None and best.share <= western.share + _MIN_MARGIN:
        best = western
    return best.encoding if best.share >= _MIN_COVERED else None


def _fits(data: bytes) -> Iterator[_Fit]:
    for encoding, alphabets in _LATIN.items():
        text = _decode(data, encoding)
        if text is None or any("\x80" <= letter <= "\x9f" for letter in text):
            continue
        words = Counter(word.lower() for word in _WORD.findall(text))
        accents = {word: [letter for letter in word if not letter.isascii()] for word in words}
        used = Counter(letter for word, count in words.items() for letter in accents[word] * count)
        if used.total() > _MAX_ACCENT_SHARE * sum(len(word) * count for word, count in words.items()):
            continue
        if not _is_icelandic(used):
            alphabets = tuple(alphabet for alphabet in alphabets if alphabet != _ICELANDIC)
        # A single letter can be a symbol, such as Ø for a diameter.
        accents = {word: letters for word, letters in accents.items() if letters and len(word) > 1}
        covered = max(
            sum(_covered(word, letters, alphabet) * words[word] for word, letters in accents.items())
            for alphabet in alphabets
        )
        total = sum(len(letters) * words[word] for word, letters in accents.items()) + _misplaced(text)
        yield _Fit(covered / total if total else 1, encoding)


def _is_icelandic(used: Counter[str]) -> bool:
    covered = sum(count for letter, count in used.items() if letter in _ICELANDIC)
    return covered >= _MIN_COVERED * used.total() and any(letter in _ICELANDIC_VOWELS for letter in used)


def _covered(word: str, accents: list[str], alphabet: str) -> int:
    """Return how many of a word's letters with accents are those of a language."""
    if len(accents) == len(word) >= _MIN_FOREIGN_WORD:
        return 0
    # "İ" in lower case is two characters; the second, a dot, is not a letter of any alphabet.
    return sum(letter in alphabet or letter == "\u0307" for letter in accents)


def _isolated_western(data: bytes) -> str | None:
    """Return Windows-1252 if the characters beyond ASCII are mostly single ones between those of ASCII, else None."""
    text = _decode(data, "cp1252")
    runs = _RUN.findall(text) if text is not None else []
    return "cp1252" if runs and sum(map(len, runs)) <= _MAX_RUN * len(runs) else None


def _misplaced(text: str) -> int:
    """Count the characters beyond ASCII where text has none: symbols inside words, capitals behind small letters."""
    count = 0
    for before, letter, after in zip(" " + text, text, text[1:] + " ", strict=False):
        if letter.isascii():
            continue
        if letter in _ORDINALS:
            count += after.isalpha()
        elif letter.isalpha():
            count += letter.isupper() and before.islower()
        elif before.isalpha():
            count += letter in _AFTER_LETTERS or (after.isalpha() and letter not in _BETWEEN_LETTERS)
        else:
            count += (after.isalpha() and (letter.isnumeric() or letter in _BEFORE_NO_LETTERS)) or (
                unicodedata.category(letter) == "Co"
            )
    return count


def _other_script(data: bytes) -> str | None:
    """Return the encoding of a text in another script than the Latin one, or None."""
    from charset_normalizer import from_bytes

    words = [word for word in _MARKUP.sub(b" ", data).split() if not word.isascii()]
    sample = b" ".join(words)
    for cut in range(4):  # the sample can end inside a character
        found = from_bytes(sample[: len(sample) - cut], cp_isolation=_OTHER_SCRIPTS, preemptive_behaviour=False).best()
        if found is not None:
            return found.encoding
    return None
