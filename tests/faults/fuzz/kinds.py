"""Damage to workbooks, mails, web pages, books, notebooks, drawings, newer pictures and texts in many encodings."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from tests.faults.fuzz.originals import Original
from tests.faults.fuzz.pictures import damaged_picture
from tests.faults.fuzz.plain import EXTREMES, GENERIC_DAMAGES
from tests.support.every_kind import Outside, write_every_kind

_CONVERTED = ("docm", "pptm", "fodt", "odg")
"""Left out: LibreOffice takes seconds for each, and `--office` damages office documents."""

_PACKAGES = ("xlsx", "xlsb", "ods", "epub")
_PICTURES = ("gif", "webp", "heic", "avif")
_INSIDE_SHARE = 0.7
"""Share of the damage to packages that is inside of a part, so that the package can be unpacked."""

_KEPT = {"heic": 32, "avif": 32, "xls": 512, "msg": 512}
"""First bytes that are kept, because they identify the format, by the kind of the file."""

_PROSE = {
    "utf_16_le": "Der Fährmann schließt das Tor um sechs, und der Schlüssel hängt an der Tür.\n",
    "utf_16": "Przewoźnik zamyka bramę o szóstej.\n",
    "utf_32": "The ferryman closes the gate.\n",
    "cp1250": "Przewoźnik zamyka bramę o szóstej, a klucz wisi obok drzwi. Žluťoučký kůň.\n",
    "cp1254": "Vapurcu kapıyı saat altıda kapatır, anahtar kapının yanında asılı durur.\n",
    "mac_roman": "Le passeur ferme la barrière à six heures, la clé est près de l’entrée.\n",
    "shift_jis": "渡し守は六時に門を閉めます。鍵は扉のそばに掛かっています。\n",
    "gb18030": "渡船的船夫六点关门，钥匙挂在门边。\n",
    "euc_kr": "나룻배 기사는 여섯 시에 문을 닫는다. 열쇠는 문 옆에 걸려 있다.\n",
    "koi8_r": "Водитель парома закрывает ворота в шесть часов. Ключ висит у двери.\n",
}


def kind_originals(scratch: Path) -> list[Original]:
    """Return a valid file of each kind in a fixed order. `scratch` is an existing temporary folder."""
    found = []
    for kind, path in write_every_kind(scratch, Outside()).items():
        if kind not in _CONVERTED:
            content = path.read_bytes()
            found.append(Original(kind, kind, _zipped(_parts(content)) if kind in _PACKAGES else content))
    found += [Original(f"text in {name}", "txt", (text * 9).encode(name)) for name, text in _PROSE.items()]
    log = "".join(f"2026-03-0{day} 09:00:00 gate {day} closed\n" for day in range(1, 9))
    return [*found, Original("log", "log", bytes(5000) + log.encode() * 40)]


def damaged_kind(original: Original, chance: Random) -> tuple[bytes, str]:
    """Return the damaged bytes and the kind of damage."""
    kind, content = original.suffix, original.content
    if kind in ("gif", "webp"):
        return damaged_picture(content, kind, chance)
    if kind in _PACKAGES and chance.random() < _INSIDE_SHARE:
        return _damaged_part(content, chance)
    text_damages = () if kind in (*_PACKAGES, *_PICTURES) else _TEXT_DAMAGES
    how = chance.choice((*GENERIC_DAMAGES, *text_damages))
    keep = min(_KEPT.get(kind, 4), len(content) // 2)
    return content[:keep] + how(content[keep:], chance), how.__name__


def _parts(content: bytes) -> list[tuple[str, bytes]]:
    with ZipFile(io.BytesIO(content)) as archive:
        return [(name, archive.read(name)) for name in archive.namelist()]


def _zipped(parts: Sequence[tuple[str, bytes]]) -> bytes:
    """Return a package whose bytes depend on its parts only, without the time."""
    stream = io.BytesIO()
    with ZipFile(stream, "w") as archive:
        for name, content in parts:
            archive.writestr(ZipInfo(name), content, ZIP_DEFLATED)
    return stream.getvalue()


def _damaged_part(content: bytes, chance: Random) -> tuple[bytes, str]:
    parts = _parts(content)
    at = chance.randrange(len(parts))
    name, part = parts[at]
    how = chance.choice((*GENERIC_DAMAGES, *_TEXT_DAMAGES, _lost, _empty))
    if how is _lost:
        del parts[at]
    else:
        parts[at] = (name, how(part, chance) if part else b"<a>")
    return _zipped(parts), f"{how.__name__.strip('_')} of a part"


def _lost(_content: bytes, _chance: Random) -> bytes:
    return b""


def _empty(_content: bytes, _chance: Random) -> bytes:
    return b""


def _nested(content: bytes, chance: Random) -> bytes:
    """Repeat an opening element, bracket or boundary many times."""
    piece = chance.choice(
        (b"<div>", b"<table><tr><td>", b"<a ", b"<g>", b"[", b'{"a":', b"<!--", b"--x\r\n", b"(", b"&lt;", b"> ", b'"')
    )
    at = chance.randrange(len(content))
    return content[:at] + piece * chance.choice((9, 900, 900, 30_000)) + content[at:]


def _odd_characters(content: bytes, chance: Random) -> bytes:
    pieces = (b"\0", b"\xff\xfe", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\x1b[31m", "\u202e".encode(), b"\r", b"\x85")
    made = content
    for _ in range(chance.choice((1, 5, 40))):
        at = chance.randrange(len(made))
        made = made[:at] + chance.choice(pieces) + made[at:]
    return made


def _odd_attribute(content: bytes, chance: Random) -> bytes:
    """Replace the value of an attribute or of a key by an extreme one."""
    places = [at for at in range(len(content)) if content[at : at + 1] == b'"']
    if len(places) < 2:
        return _odd_characters(content, chance)
    at = chance.randrange(len(places) - 1)
    value = chance.choice((*EXTREMES, "", "x" * 70_000, "data:image/png;base64,AAAA", "A1:XFD1048576", "utf-7"))
    return content[: places[at] + 1] + value.encode() + content[places[at + 1] :]


def _other_encoding(content: bytes, chance: Random) -> bytes:
    text = content.decode("utf-8", "replace")
    return text.encode(chance.choice(("utf-16", "utf-16-be", "utf-7", "utf-32", "cp037")), "replace")


def _compressed(content: bytes, chance: Random) -> bytes:
    return zlib.compress(content, chance.randrange(10))


_TEXT_DAMAGES: Sequence[Callable[[bytes, Random], bytes]] = (
    _nested,
    _nested,
    _odd_characters,
    _odd_attribute,
    _odd_attribute,
    _other_encoding,
    _compressed,
)


def kind_mutants(count: int, seed: int, candidates: Sequence[Original]) -> Iterator[tuple[Original, bytes, str]]:
    """Yield damaged files; the same numbers give the same bytes."""
    for number in range(count):
        chance = Random(f"{seed}/kinds/{number}")
        original = candidates[number % len(candidates)]
        content, damage = damaged_kind(original, chance)
        yield original, content or b"x", f"{original.suffix}: {damage.strip('_')}"
