"""Scripts that the built-in recognizer does not know, and the Tesseract packages that read them."""

from __future__ import annotations

import os
import shutil
import subprocess
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_LIST_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Script:
    """A script with Tesseract's names for it.

    name: for people, and the first word of its letters' Unicode names in upper case. detected: the names that
    Tesseract's script detection uses. models: languages, most common first; `whole` reads every language of the
    script. package: Debian's package of the first language, without `tesseract-ocr-`.
    """

    name: str
    detected: tuple[str, ...]
    whole: str
    models: tuple[str, ...]
    package: str


SCRIPTS = (
    Script("Cyrillic", ("Cyrillic",), "Cyrillic", ("rus", "ukr", "bul", "srp", "bel", "mkd", "kaz"), "script-cyrl"),
    Script("Arabic", ("Arabic",), "Arabic", ("ara", "fas", "urd", "pus", "uig"), "ara"),
    Script("Hebrew", ("Hebrew",), "Hebrew", ("heb", "yid"), "heb"),
    Script("Greek", ("Greek",), "Greek", ("ell", "grc"), "ell"),
    Script("Thai", ("Thai",), "Thai", ("tha",), "tha"),
    Script("Devanagari", ("Devanagari",), "Devanagari", ("hin", "mar", "nep", "san"), "hin"),
    Script("Hangul", ("Hangul", "Korean"), "Hangul", ("kor",), "kor"),
    Script("Armenian", ("Armenian",), "Armenian", ("hye",), "hye"),
    Script("Georgian", ("Georgian",), "Georgian", ("kat",), "kat"),
    Script("Bengali", ("Bengali",), "Bengali", ("ben", "asm"), "ben"),
    Script("Gujarati", ("Gujarati",), "Gujarati", ("guj",), "guj"),
    Script("Gurmukhi", ("Gurmukhi",), "Gurmukhi", ("pan",), "pan"),
    Script("Tamil", ("Tamil",), "Tamil", ("tam",), "tam"),
    Script("Telugu", ("Telugu",), "Telugu", ("tel",), "tel"),
    Script("Kannada", ("Kannada",), "Kannada", ("kan",), "kan"),
    Script("Malayalam", ("Malayalam",), "Malayalam", ("mal",), "mal"),
    Script("Sinhala", ("Sinhala",), "Sinhala", ("sin",), "sin"),
    Script("Ethiopic", ("Ethiopic",), "Ethiopic", ("amh", "tir"), "amh"),
    Script("Khmer", ("Khmer",), "Khmer", ("khm",), "khm"),
    Script("Lao", ("Lao",), "Lao", ("lao",), "lao"),
    Script("Myanmar", ("Myanmar",), "Myanmar", ("mya",), "mya"),
)
"""Names from Tesseract's documentation of its data files. One package covers all languages in Cyrillic letters."""

VIETNAMESE = Script("Vietnamese", (), "Vietnamese", ("vie",), "vie")
"""Latin letters, of which the recognizer lacks those with two marks."""

GREEK = next(script for script in SCRIPTS if script.name == "Greek")

_BY_UNICODE = {script.name.upper(): script.name for script in SCRIPTS}


def tesseract_program() -> str | None:
    """Return the path of Tesseract; None if it is not installed."""
    return shutil.which("tesseract")


def model_folders() -> list[Path]:
    """Return the folder with models that TESSDATA_PREFIX names; [] if it is not set or has none."""
    folder = os.environ.get("TESSDATA_PREFIX")
    return [Path(folder).absolute()] if folder and any(Path(folder).glob("*.traineddata")) else []


@cache
def installed_models(program: str) -> frozenset[str]:
    """Return the names of the installed models, such as `rus`, `osd` and `script/Cyrillic`."""
    try:
        found = subprocess.run(
            [program, "--list-langs"], capture_output=True, text=True, timeout=_LIST_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return frozenset()
    return frozenset(line.strip() for line in found.stdout.splitlines()[1:] if line.strip())


def models_for(script: Script, installed: Collection[str]) -> list[str]:
    """Return the installed models to read a script with: one for all its languages, or those of the languages."""
    for name in (f"script/{script.whole}", script.whole):
        if name in installed:
            return [name]
    return [name for name in script.models if name in installed][:3]


def readable_scripts(installed: Collection[str]) -> list[str]:
    """Return the names of the scripts, and of Vietnamese, that the installed models read."""
    return [script.name for script in (*SCRIPTS, VIETNAMESE) if models_for(script, installed)]


def package_of(script: Script) -> str:
    """Return the name of the Debian package that reads a script."""
    return f"tesseract-ocr-{script.package}"


def count_scripts(text: str) -> Mapping[str, int]:
    """Return how many letters of each of SCRIPTS a text has."""
    counts: dict[str, int] = {}
    for letter in text:
        name = _BY_UNICODE.get(unicodedata.name(letter, "").partition(" ")[0]) if letter.isalpha() else None
        if name is not None:
            counts[name] = counts.get(name, 0) + 1
    return counts
