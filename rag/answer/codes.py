"""Find what has to be copied exactly: URLs, e-mail addresses, options, paths, file names, code words, identifiers.

Call `numbers.normalize_text` first: it separates these from scripts that are written without spaces.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

_FILE_TYPES = frozenset(
    """7z avi bak bash bat bin bmp bz2 c cfg cmd conf cpp crt css csv dat db deb dll dmg doc docm docx dot dotx dwg eml
    env epub exe gif go gpx gz h htm html ics ini ipynb iso jar java jpeg jpg js json jsonl key kml kt ldif lock log lua
    m4a md mkv mov mp3 mp4 msg msi ndjson odg odp ods odt ogg otf parquet patch pdf pem php pl png po ppd ppt pptx ps
    ps1 psd py rar rb rpm rs rst rtf sh so sql sqlite srt step stl svg swp tar tex tgz tif tiff toml ts tsv tsx ttf txt
    vcf vsdx wav webm webp woff xls xlsm xlsx xml xz yaml yml zip zsh""".split()
)

_WORD = r"[^\W_]"
_DOMAIN = rf"{_WORD}(?:[\w-]{{0,62}}{_WORD})?(?:\.{_WORD}(?:[\w-]{{0,62}}{_WORD})?){{1,8}}"

_PATTERNS = (
    (
        "url",
        re.compile(r"(?:\b(?:https?|ftp|ssh|git|s3)://|\bwww\.)[^\s<>\"'“”„«»|`{}\[\]（）、。]{1,400}", re.IGNORECASE),
    ),
    ("e-mail", re.compile(rf"(?<![\w.+-])[\w.+-]{{1,64}}@{_DOMAIN}")),
    ("path", re.compile(r"(?<![\w./\\~:])(?:(?:~|\.{1,2})?/|[A-Za-z]:\\)[\w.~@+%-]*[^\W\d][\w.~@+%/\\-]*")),
    ("option", re.compile(r"(?<![\w./-])--?[A-Za-z][\w-]*")),
    ("dotted", re.compile(rf"(?<![\w./@-]){_WORD}[\w-]*(?:\.[\w-]+)+(?:\(\))?")),
    ("word", re.compile(r"(?<![\w./@-])(?:\w+_\w+(?:\(\))?|[A-Za-z_]\w*\(\))")),
    ("identifier", re.compile(r"(?<![\w.])[^\W_]+(?:[-./~+][^\W_]+)*")),
)
_QUANTITY = re.compile(r"\d+(?:[-/.,]\d+)*(?:[-/]?[^\W\d_]+)?")
"""40m, 3-year, 10/12, 4x: these are checked as numbers."""

_MAX_TYPE = 6
"""Letters of the type at the end of a file name."""

_MAX_FOLDERS = 12
"""Folders at the end of a path by which it may be named."""

_TRAILING = ".,;:!?)*_…。，；：！？）'\"-"
_ABBREVIATED = re.compile(r"(?:[^\W\d_]{1,2}\.)+[^\W\d_]{0,2}\.?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Code:
    """Something to copy exactly, at `start` to `end` of the text. `key` is equal for spellings that are the same."""

    kind: str
    written: str
    start: int
    end: int
    key: str

    @property
    def keys(self) -> frozenset[str]:
        """Return the keys by which it may be named: those of a path are its ends, too."""
        if self.kind != "path":
            return frozenset({self.key})
        parts = self.key.split("/")[-_MAX_FOLDERS:]
        return frozenset({self.key, *("/" + "/".join(parts[at:]) for at in range(1, len(parts)))})

    @property
    def name(self) -> Code | None:
        """Return the file name or word at the end of a path or URL; None if there is none."""
        if self.kind not in ("path", "url"):
            return None
        last = self.written.rstrip("/").rpartition("/")[2]
        named = [code for code in find_codes(last) if code.kind in ("file", "word")]
        return named[0] if named else None


def find_codes(text: str) -> list[Code]:
    """Return the codes of a text, in order. None is inside another."""
    found: list[Code] = []
    taken: set[int] = set()
    for kind, pattern in _PATTERNS:
        for match in pattern.finditer(text):
            written = match[0].rstrip(_TRAILING) if kind not in ("word", "dotted") else match[0].rstrip(".-_")
            start, end = match.start(), match.start() + len(written)
            real = _kind(kind, written)
            if real and start not in taken and end - 1 not in taken:
                taken.update(range(start, end))
                found.append(Code(real, written, start, end, _key(real, written)))
    return sorted(found, key=lambda code: code.start)


def _kind(kind: str, written: str) -> str:
    """Return the kind of a match, or an empty string if it is none."""
    if kind == "identifier":
        mixed = any(map(str.isalpha, written)) and any(map(str.isdigit, written))
        return "identifier" if mixed and not _QUANTITY.fullmatch(written) else ""
    if kind == "path":
        return "path" if sum(sign in "/\\" for sign in written) > 1 or written[0] in "/~." else ""
    if kind == "dotted":
        if not _is_dotted(written.removesuffix("()").split(".")) or _ABBREVIATED.fullmatch(written):
            return ""
        return "file" if written.rpartition(".")[2].lower() in _FILE_TYPES else "word"
    return kind


def _is_dotted(parts: Sequence[str]) -> bool:
    """Return whether parts with dots between them are a name: not a number, and not two sentences without a space."""
    if any(one.islower() and other[:1].isupper() for one, other in pairwise(parts)):
        return False
    is_word = parts[0][0].isalpha() and any(any(map(str.isalpha, part)) for part in parts[1:])
    return is_word or (parts[-1][:1].isalpha() and len(parts[-1]) <= _MAX_TYPE)


def _key(kind: str, written: str) -> str:
    if kind == "identifier":
        return re.sub(r"[-./~+]", "", written).casefold()
    if kind == "url":
        return re.sub(r"^(?:https?://)?(?:www\.)?", "", written.casefold()).rstrip("/")
    if kind == "path":
        return re.sub(r"^(?:~|\.{1,2})(?=/)", "", written.casefold()).rstrip("/")
    return written.casefold().removesuffix("()")
