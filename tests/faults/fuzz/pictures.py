"""Damage to pictures that passes the decoders' first checks: changed headers with corrected checksums."""

from __future__ import annotations

import struct
import zlib
from random import Random

from tests.faults.fuzz.plain import GENERIC_DAMAGES

_SIDES = (0, 1, 7, 1000, 9000, 16000, 32768, 65535)
_LONG_SIDES = (*_SIDES, 100_000, 2**31 - 1, 2**31, 2**32 - 1)


def damaged_picture(content: bytes, suffix: str, chance: Random) -> tuple[bytes, str]:
    """Return the damaged bytes and the kind of damage."""
    special = {"png": _png, "jpg": _jpeg, "gif": _gif, "bmp": _bmp, "tif": _tiff, "webp": _webp}[suffix]
    if chance.random() < 0.55:
        return special(content, chance), "header"
    how = chance.choice(GENERIC_DAMAGES)
    # Keep the first bytes, which identify the format; otherwise most files would not be pictures.
    keep = 26 if len(content) > 200 else 8
    return content[:keep] + how(content[keep:], chance), how.__name__


def _png(content: bytes, chance: Random) -> bytes:
    chunks = []
    at = 8
    while at < len(content):
        (length,) = struct.unpack_from(">I", content, at)
        chunks.append((content[at + 4 : at + 8], content[at + 8 : at + 8 + length]))
        at += 12 + length
    how = chance.randrange(4)
    which = chance.randrange(len(chunks))
    name, body = chunks[which]
    if how == 0:
        sides = struct.pack(">II", chance.choice(_LONG_SIDES), chance.choice((1, 20, *_LONG_SIDES)))
        chunks[0] = (b"IHDR", sides + chunks[0][1][8:])
    elif how == 1:
        depth, color, interlace = (
            chance.choice((1, 2, 8, 16, 3)),
            chance.choice((0, 2, 3, 4, 6, 1)),
            chance.randrange(3),
        )
        chunks[0] = (b"IHDR", chunks[0][1][:8] + bytes((depth, color, 0, 0, interlace)))
    elif how == 2:
        chunks[which] = (name, chance.choice(GENERIC_DAMAGES)(body, chance) if body else b"x")
    else:
        text = zlib.compress(bytes(chance.choice((1000, 50_000_000))))
        kind = chance.choice((b"iCCP", b"zTXt", b"tRNS", b"PLTE", b"IDAT", b"eXIf", b"acTL", b"fcTL"))
        chunks.insert(chance.randint(1, len(chunks)), (kind, b"x\0\0" + text))
    made = content[:8]
    for name, body in chunks:
        made += struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
    return made


def _jpeg(content: bytes, chance: Random) -> bytes:
    """Change size, components or tables of the frame, or a segment."""
    at = 2
    segments = []
    while content[at] == 0xFF and content[at + 1] != 0xDA:
        (length,) = struct.unpack_from(">H", content, at + 2)
        segments.append((content[at + 1], at, length))
        at += 2 + length
    made = bytearray(content)
    _, start, length = chance.choice(segments)
    frame = next(start for marker, start, _ in segments if marker in (0xC0, 0xC1, 0xC2))
    how = chance.randrange(4)
    if how == 0:
        struct.pack_into(">HH", made, frame + 5, chance.choice(_SIDES), chance.choice(_SIDES))
    elif how == 1:
        made[frame + 9] = chance.choice((0, 1, 2, 3, 4, 255))
    elif how == 2:
        made[start + 4 + chance.randrange(max(1, length - 2))] = chance.randrange(256)
    else:
        struct.pack_into(">H", made, start + 2, chance.choice((0, 2, length - 1, length + 9, 65535)))
    return bytes(made)


def _gif(content: bytes, chance: Random) -> bytes:
    made = bytearray(content)
    frames = [at for at in range(13, len(content) - 10) if content[at] == 0x2C]
    if chance.random() < 0.5 or not frames:
        struct.pack_into("<HH", made, 6, chance.choice(_SIDES), chance.choice(_SIDES))
    else:
        sides = [chance.choice(_SIDES) for _ in range(4)]
        struct.pack_into("<HHHH", made, chance.choice(frames) + 1, *sides)
    return bytes(made)


def _bmp(content: bytes, chance: Random) -> bytes:
    made = bytearray(content)
    field, values = chance.choice(
        (
            ((10, "<I"), (0, 14, 54, 2**31, len(content))),
            ((14, "<I"), (12, 40, 64, 108, 124, 2**31)),
            ((18, "<I"), _LONG_SIDES),
            ((22, "<I"), _LONG_SIDES),
            ((28, "<H"), (1, 4, 8, 16, 32, 33, 0)),
            ((30, "<I"), (1, 2, 3, 4, 99)),
            ((46, "<I"), (1, 256, 2**31)),
        )
    )
    struct.pack_into(field[1], made, field[0], chance.choice(values))
    return bytes(made)


def _tiff(content: bytes, chance: Random) -> bytes:
    """Change values, counts and types of a directory's entries, or the offset of the next directory."""
    made = bytearray(content)
    (at,) = struct.unpack_from("<I", content, 4)
    for _ in range(chance.randrange(3)):
        (count,) = struct.unpack_from("<H", content, at)
        (after,) = struct.unpack_from("<I", content, at + 2 + 12 * count)
        at = after or at
    (count,) = struct.unpack_from("<H", content, at)
    how = chance.randrange(4)
    entry = at + 2 + 12 * chance.randrange(count)
    if how == 0:
        struct.pack_into("<I", made, entry + 8, chance.choice((*_LONG_SIDES, len(content) - 3)))
    elif how == 1:
        struct.pack_into("<I", made, entry + 4, chance.choice((0, 2, 1000, 2**31)))
    elif how == 2:
        struct.pack_into("<H", made, entry + chance.choice((0, 2)), chance.choice((1, 3, 5, 12, 99, 273, 322, 339)))
    else:
        target = chance.choice((at, 8, 0, len(content) - 4, 2**31))
        struct.pack_into("<I", made, at + 2 + 12 * count, target)
    return bytes(made)


def _webp(content: bytes, chance: Random) -> bytes:
    made = bytearray(content)
    how = chance.randrange(3)
    if how == 0:
        struct.pack_into("<I", made, 4, chance.choice((0, 8, len(content) * 2, 2**32 - 1)))
    elif how == 1:
        struct.pack_into("<I", made, 16, chance.choice((0, 1, len(content), 2**32 - 1)))
    else:
        for _ in range(chance.choice((1, 3))):
            made[20 + chance.randrange(12)] = chance.choice((0, 255, chance.randrange(256)))
    return bytes(made)
