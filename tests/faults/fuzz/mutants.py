"""Damaged files by number: the same seed, number and originals give the same bytes.

They are generated in a separate process (`python -m tests.faults.fuzz.mutants`), because damaging a file can disturb
the state of the PDF library in the process.
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

from tests.faults.fuzz.kinds import kind_mutants, kind_originals
from tests.faults.fuzz.originals import Original, originals
from tests.faults.fuzz.pdfs import PDF_DAMAGES, damaged_pdf
from tests.faults.fuzz.pictures import damaged_picture
from tests.faults.fuzz.plain import GENERIC_DAMAGES

_PICTURE_SHARE = 0.22
_INSIDE_SHARE = 0.75
"""Share of pictures candidates all files, and of damage inside PDFs: PDFs with random changes often can't be opened."""

LIST = "mutants.jsonl"


@dataclass(frozen=True, slots=True)
class Mutant:
    """A damaged file, its original and its kind of damage."""

    file: str
    original: str
    damage: str


def mutant(number: int, seed: int, candidates: Sequence[Original]) -> tuple[Mutant, bytes]:
    """Return damaged file number `number` and its bytes."""
    chance = Random(f"{seed}/{number}")
    pictures = [original for original in candidates if original.suffix != "pdf"]
    pdfs = [original for original in candidates if original.suffix == "pdf"]
    if chance.random() < _PICTURE_SHARE:
        original = chance.choice(pictures)
        content, damage = damaged_picture(original.content, original.suffix, chance)
    elif chance.random() < _INSIDE_SHARE:
        original = chance.choice(pdfs)
        inside = chance.choices([how for how, _ in PDF_DAMAGES], [weight for _, weight in PDF_DAMAGES])[0]
        content, damage = damaged_pdf(original.content, inside, chance), inside.__name__
    else:
        original = chance.choice(pdfs)
        plain = chance.choice(GENERIC_DAMAGES)
        content, damage = plain(original.content, chance), plain.__name__
    return Mutant(f"m{number:05d}.{original.suffix}", original.name, damage), content


def draw(into: Path, count: int, seed: int, folder: Path | None, *, kinds: bool = False) -> list[Mutant]:
    """Generate damaged files in a separate process and write them to `into`. `kinds`: of all kinds but PDF."""
    command = [sys.executable, "-m", "tests.faults.fuzz.mutants", str(into), str(count), str(seed)]
    subprocess.run([*command, *([str(folder)] if folder else []), *(["--kinds"] if kinds else [])], check=True)
    return [Mutant(**json.loads(line)) for line in (into / LIST).read_text().splitlines()]


def _mutants(count: int, seed: int, folder: Path | None, *, kinds: bool) -> Iterator[tuple[Mutant, bytes]]:
    if kinds:
        with tempfile.TemporaryDirectory() as scratch:
            of_kinds = kind_originals(Path(scratch))
        for number, (original, content, damage) in enumerate(kind_mutants(count, seed, of_kinds)):
            yield Mutant(f"m{number:05d}.{original.suffix}", original.name, damage), content
        return
    with tempfile.TemporaryDirectory() as scratch:
        candidates = originals(Path(scratch), folder)
    for number in range(count):
        yield mutant(number, seed, candidates)


def main() -> None:
    import pymupdf

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("into", type=Path)
    parser.add_argument("count", type=int)
    parser.add_argument("seed", type=int)
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--kinds", action="store_true")
    options = parser.parse_args()
    pymupdf.TOOLS.mupdf_display_errors(False)
    pymupdf.TOOLS.mupdf_display_warnings(False)
    with (options.into / LIST).open("w") as listed:
        for generated, content in _mutants(options.count, options.seed, options.folder, kinds=options.kinds):
            (options.into / generated.file).write_bytes(content)
            print(json.dumps(asdict(generated)), file=listed)


if __name__ == "__main__":
    main()
