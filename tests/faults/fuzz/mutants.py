"""Damaged files by number: the same seed, number and originals make the same bytes.

A process of its own draws them (`python -m tests.faults.fuzz.mutants`), so that nothing a damaged file does to the
library that damages it reaches the one under test.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random

from tests.faults.fuzz.originals import Original, originals
from tests.faults.fuzz.pdfs import INSIDE, damaged_pdf
from tests.faults.fuzz.pictures import damaged_picture
from tests.faults.fuzz.plain import PLAIN

_PICTURES = 0.22
_INSIDE = 0.75
"""Shares of pictures among all, and of damage inside among the PDFs: most bytes changed at random open to nothing."""

LIST = "mutants.jsonl"


@dataclass(frozen=True, slots=True)
class Mutant:
    """A damaged file: what it was, and what was done to it."""

    file: str
    original: str
    damage: str


def mutant(number: int, seed: int, among: Sequence[Original]) -> tuple[Mutant, bytes]:
    chance = Random(f"{seed}/{number}")
    pictures = [one for one in among if one.suffix != "pdf"]
    pdfs = [one for one in among if one.suffix == "pdf"]
    if chance.random() < _PICTURES:
        original = chance.choice(pictures)
        content, damage = damaged_picture(original.content, original.suffix, chance)
    elif chance.random() < _INSIDE:
        original = chance.choice(pdfs)
        inside = chance.choices([how for how, _ in INSIDE], [weight for _, weight in INSIDE])[0]
        content, damage = damaged_pdf(original.content, inside, chance), inside.__name__
    else:
        original = chance.choice(pdfs)
        plain = chance.choice(PLAIN)
        content, damage = plain(original.content, chance), plain.__name__
    return Mutant(f"m{number:05d}.{original.suffix}", original.name, damage), content


def draw(into: Path, count: int, seed: int, folder: Path | None) -> list[Mutant]:
    """Write them, drawn in a process of their own."""
    command = [sys.executable, "-m", "tests.faults.fuzz.mutants", str(into), str(count), str(seed)]
    subprocess.run([*command, *([str(folder)] if folder else [])], check=True)
    return [Mutant(**json.loads(line)) for line in (into / LIST).read_text().splitlines()]


def _drawn(count: int, seed: int, folder: Path | None) -> Iterator[tuple[Mutant, bytes]]:
    with tempfile.TemporaryDirectory() as scratch:
        among = originals(Path(scratch), folder)
    for number in range(count):
        yield mutant(number, seed, among)


def main() -> None:
    import pymupdf

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("into", type=Path)
    parser.add_argument("count", type=int)
    parser.add_argument("seed", type=int)
    parser.add_argument("folder", type=Path, nargs="?")
    options = parser.parse_args()
    pymupdf.TOOLS.mupdf_display_errors(False)
    pymupdf.TOOLS.mupdf_display_warnings(False)
    with (options.into / LIST).open("w") as listed:
        for made, content in _drawn(options.count, options.seed, options.folder):
            (options.into / made.file).write_bytes(content)
            print(json.dumps(asdict(made)), file=listed)


if __name__ == "__main__":
    main()
