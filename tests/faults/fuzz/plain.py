"""Damage that knows no format: bytes turned, blocks cut out, doubled, swapped, the end gone, numbers changed."""

from __future__ import annotations

import re
from random import Random

_NUMBER = re.compile(rb"(?<![\w.])-?\d+(?:\.\d+)?(?![\w.])")

EXTREMES = (
    *("0", "-1", "1", "255", "256", "65535", "65536", "2147483647", "2147483648", "-2147483648", "4294967296"),
    *("99999999999999999999", "1e9", "0.0000001", "-0.5", "14400", "1000000", "3.4e38", "-99999999", "nan"),
)
"""Numbers that programs stumble over."""


def turned_bytes(content: bytes, chance: Random) -> bytes:
    """One to thirty bytes changed."""
    made = bytearray(content)
    for _ in range(chance.choice((1, 1, 2, 3, 8, 30))):
        made[chance.randrange(len(made))] = chance.choice((0, 255, chance.randrange(256)))
    return bytes(made)


def lost_block(content: bytes, chance: Random) -> bytes:
    start, end = _block(content, chance)
    return content[:start] + content[end:]


def doubled_block(content: bytes, chance: Random) -> bytes:
    start, end = _block(content, chance)
    return content[:end] + content[start:end] * chance.choice((1, 2, 9)) + content[end:]


def swapped_blocks(content: bytes, chance: Random) -> bytes:
    a, b, c, d = sorted(chance.randrange(len(content) + 1) for _ in range(4))
    return content[:a] + content[c:d] + content[b:c] + content[a:b] + content[d:]


def zeroed_block(content: bytes, chance: Random) -> bytes:
    start, end = _block(content, chance)
    return content[:start] + bytes(end - start) + content[end:]


def cut_off(content: bytes, chance: Random) -> bytes:
    """The end missing, as of a download that broke off: often the last tenth, sometimes nearly all."""
    share = chance.choice((0.02, 0.5, 0.9, 0.99, 0.999, chance.random()))
    return content[: max(1, int(len(content) * share))]


def changed_numbers(content: bytes, chance: Random, most: int = 3) -> bytes:
    """Some of the numbers written in digits replaced by numbers nobody expects."""
    found = list(_NUMBER.finditer(content))
    if not found:
        return turned_bytes(content, chance)
    made = content
    chosen = chance.sample(found, min(len(found), chance.randint(1, most)))
    for match in sorted(chosen, key=lambda one: -one.start()):
        made = made[: match.start()] + chance.choice(EXTREMES).encode() + made[match.end() :]
    return made


PLAIN = (turned_bytes, lost_block, doubled_block, swapped_blocks, zeroed_block, cut_off, changed_numbers)


def _block(content: bytes, chance: Random) -> tuple[int, int]:
    start = chance.randrange(len(content))
    return start, min(len(content), start + chance.choice((1, 4, 16, 64, 512, 4096)))
