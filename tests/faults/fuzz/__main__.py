"""Damage files, index them, and report: `python -m tests.faults.fuzz --count 1000 --seed 1 [--files DIR] [--ocr]`.

With `--web 2000`, damaged responses of a web server are fetched instead (`web.py`); with `--office 2000`, office
documents that refer to the disk and the network are sanitized (`office.py`). With `--kinds 300`, workbooks, mails, web
pages, books, notebooks, drawings, pictures and texts are damaged (`kinds.py`).

The last line is a summary. The exit code is 1 if a rule was broken (`check.py` lists the rules).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from rag.setting_groups import ReadSettings
from tests.faults.fuzz import office, web
from tests.faults.fuzz.check import Tally, keep, run
from tests.faults.fuzz.mutants import Mutant, draw

_OPENED = 1 / 3
"""Minimum share of damaged files that can be opened; otherwise little beyond opening is tested."""

_MAX_GROWTH = 1.15
"""Maximum ratio of the main process's memory at the end and after the first batches."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--files", type=Path, help="a folder of real PDFs to damage, in addition to generated pictures")
    parser.add_argument("--ocr", action="store_true")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--page-seconds", type=float, default=10)
    parser.add_argument("--memory-mb", type=int, default=2000)
    parser.add_argument("--keep", type=Path, default=Path(tempfile.gettempdir()) / "magpie-fuzz")
    parser.add_argument("--web", type=int, default=0, metavar="COUNT", help="damage responses of a web server instead")
    parser.add_argument("--office", type=int, default=0, metavar="COUNT", help="sanitize office documents instead")
    parser.add_argument("--kinds", type=int, default=0, metavar="COUNT", help="damage files of all other kinds instead")
    options = parser.parse_args()
    if options.office:
        return _office(options.office, options.seed)
    if options.web:
        return _web(options.web, options.seed)
    read = ReadSettings(
        ocr=options.ocr,
        workers=options.workers,
        page_seconds=options.page_seconds,
        memory_mb=options.memory_mb,
        render_px=800,
    )
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        root, folder = Path(name) / "run", Path(name) / "mutants"
        root.mkdir()
        folder.mkdir()
        count = options.kinds or options.count
        mutants = draw(folder, count, options.seed, options.files, kinds=bool(options.kinds))
        tally = run(folder, mutants, root, read)
        lines = list(_report(tally, mutants))
        if tally.wrong:
            keep(tally, folder, options.keep / f"seed-{options.seed}")
            lines.insert(-1, f"kept in {options.keep / f'seed-{options.seed}'}")
    print("\n".join(lines), f"in {time.monotonic() - began:.0f} s, seed {options.seed}")  # noqa: T201
    return 1 if "WRONG" in lines[-1] else 0


def _web(count: int, seed: int) -> int:
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        tally = web.run(count, seed, Path(name))
    fetched = tally.outcomes["fetched"]
    lines = [
        *_table("damage", tally.damage),
        *_table("responses", tally.outcomes),
        f"slowest: {tally.slowest[0]:.1f} s, {tally.slowest[1]}",
        f"memory in MB after each hundred: {' '.join(map(str, tally.memory))}",
        *(f"WRONG: {what}" for what in tally.wrong),
        f"{'WRONG' if tally.wrong else 'sound'}: {tally.count} responses of a web server, {fetched} fetched, "
        f"{tally.count - fetched} refused in {time.monotonic() - began:.0f} s, seed {seed}",
    ]
    print("\n".join(lines))  # noqa: T201
    return 1 if tally.wrong else 0


def _office(count: int, seed: int) -> int:
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        tally = office.run(count, seed, Path(name))
    lines = [
        *_table("formats", tally.formats),
        *_table("documents", tally.outcomes),
        f"slowest to sanitize: {tally.slowest[0]:.2f} s, {tally.slowest[1]}",
        *(f"WRONG: {what}" for what in tally.wrong),
        f"{'WRONG' if tally.wrong else 'sound'}: {tally.count} office documents, "
        f"{tally.outcomes['sanitized']} sanitized, "
        f"{tally.outcomes['refused']} refused, {tally.converted} converted by LibreOffice in "
        f"{time.monotonic() - began:.0f} s, seed {seed}",
    ]
    print("\n".join(lines))  # noqa: T201
    return 1 if tally.wrong else 0


def _report(tally: Tally, mutants: Iterable[Mutant]) -> Iterator[str]:
    yield from _table("damage", Counter(mutant.damage for mutant in mutants))
    yield from _table("files", tally.outcomes)
    yield from _table("pages that failed", tally.page_errors)
    yield from _table("extraction processes that died", tally.exit_statuses)
    yield f"slowest: {tally.slowest[0]:.1f} s, {tally.slowest[1]}"
    growth = tally.growth()
    yield f"memory of the main process in MB after each batch: {' '.join(map(str, tally.memory))}"
    wrong = [what for what, _ in tally.wrong]
    if tally.opened < _OPENED * tally.count:
        wrong.append("fewer than a third could be opened")
    if growth is not None and growth > _MAX_GROWTH:
        wrong.append(f"the main process grew by {growth - 1:.0%}")
    yield from (f"WRONG: {what}" for what in wrong)
    ready = tally.outcomes["ready"]
    yield (
        f"{'WRONG' if wrong else 'sound'}: {tally.count} damaged files, {tally.opened / tally.count:.0%} opened, "
        f"{ready} ready, {tally.count - ready} refused; {tally.pages} pages extracted, "
        f"{sum(tally.page_errors.values())} failed; {sum(tally.exit_statuses.values())} extraction processes died; "
        f"main process {'grew ' + format(growth - 1, '+.0%') if growth else 'too short to measure'};"
    )


def _table(title: str, counter: Counter[str]) -> Iterator[str]:
    yield f"{title}:"
    yield from (f"  {count:5} {what}" for what, count in counter.most_common())


if __name__ == "__main__":
    sys.exit(main())
