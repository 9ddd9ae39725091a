"""Damage for files of any format: changed bytes and numbers; lost, doubled and swapped blocks; truncation."""

from __future__ import annotations

import re
from random import Random

_NUMBER = re.compile(rb"(?<![\w.])-?\d+(?:\.\d+)?(?![\w.])")

EXTREMES = (
    *("0", "-1", "1", "255", "256", "65535", "65536", "2147483647", "2147483648", "-2147483648", "4294967296"),
    *("99999999999999999999", "1e9", "0.0000001", "-0.5", "14400", "1000000", "3.4e38", "-99999999", "nan"),
)
"""Numbers that often cause errors."""


def changed_bytes(content: bytes, chance: Random) -> bytes:
    """Change one to thirty bytes."""
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


def truncated(content: bytes, chance: Random) -> bytes:
    """Truncate the file like an interrupted download: often by a tenth, sometimes to almost nothing."""
    share = chance.choice((0.02, 0.5, 0.9, 0.99, 0.999, chance.random()))
    return content[: max(1, int(len(content) * share))]


def changed_numbers(content: bytes, chance: Random, max_numbers: int = 3) -> bytes:
    """Replace some numbers written in digits with extreme ones."""
    found = list(_NUMBER.finditer(content))
    if not found:
        return changed_bytes(content, chance)
    made = content
    chosen = chance.sample(found, min(len(found), chance.randint(1, max_numbers)))
    for match in sorted(chosen, key=lambda match: -match.start()):
        made = made[: match.start()] + chance.choice(EXTREMES).encode() + made[match.end() :]
    return made


GENERIC_DAMAGES = (changed_bytes, lost_block, doubled_block, swapped_blocks, zeroed_block, truncated, changed_numbers)


def _block(content: bytes, chance: Random) -> tuple[int, int]:
    start = chance.randrange(len(content))
    return start, min(len(content), start + chance.choice((1, 4, 16, 64, 512, 4096)))
