"""Measure how soon a shared file can be asked about: `python -m tests.bench.first_answer`.

Each file is generated and shared with an engine that waits for work; extraction processes have not been started. A
question is about the last page. Reported are the seconds until it has an answer, the processor time of all processes
until then, and, up to `--wait` seconds, the time until the file is fully read.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rag import Rag, Scope, Settings, Share, open_rag, put_share, source_statuses
from tests.support.absent import NoEmbedder

_SPACE = "C1"
_POLL = 0.05
_LINES, _WORDS = 40, 11
_LIMIT = 600
"""Seconds after which a file that has no answer yet is given up."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds from the share of a file to its answer, processor time until then, and seconds until it was fully read.

    `read`: None if it took too long. `notice` is the remark above the answer.
    """

    kind: str
    pages: int
    answer: float
    processor: float
    read: float | None
    notice: str


def draw(path: Path, pages: int, *, scanned: bool) -> str:
    """Write a document with a full text on each page, as a picture if `scanned`. Return a question about the last."""
    import pymupdf

    chance = random.Random(pages)
    syllables = [a + b + c for a in "bdfglmnprst" for b in "aeiou" for c in ("", "n", "r", "s")]
    known = ["".join(chance.choices(syllables, k=chance.choice((1, 2, 2, 3)))) for _ in range(5000)]
    with pymupdf.open() as document:
        for number in range(1, pages + 1):
            page = document.new_page()
            for line in range(_LINES):
                text = " ".join(chance.choices(known, k=_WORDS))
                page.insert_text((60, 100 + 16 * line), text, fontsize=10.5)
            page.insert_text((60, 60), f"The berth fee of harbor {_name(number)} is {number} euros.", fontsize=12)
            if scanned:
                pixmap = page.get_pixmap(dpi=150)
                document.delete_page(-1)
                picture = document.new_page()
                picture.insert_image(picture.rect, pixmap=pixmap)
        document.save(path, deflate=True)
    return f"What is the berth fee of harbor {_name(pages)}?"


def _name(number: int) -> str:
    """Return a name of letters for a number, so that no word of the text is like it."""
    return "Quay" + "".join(chr(ord("a") + int(digit)) for digit in f"{number:04}")


def measure(path: Path, kind: str, pages: int, question: str, data: Path, wait: float) -> Measured:
    """Share the file with an engine on this data folder, and ask until the answer cites its last page."""
    settings = Settings(data=data, answer={"model": ""}, text={"model": ""})
    stop = threading.Event()
    with open_rag(settings, embedder=NoEmbedder()) as rag:
        rag.ask(question, Scope.of(_SPACE))  # as in an engine that has been used
        serving = threading.Thread(target=rag.serve, args=(stop,))
        serving.start()
        try:
            stop.wait(2)
            before, began = processor_time(os.getpid()), time.monotonic()
            with rag.write_transaction() as connection:
                put_share(connection, Share("path", str(path), _SPACE, path.name))
            notice = _await_answer(rag, question, pages, stop)
            answered, used = time.monotonic() - began, processor_time(os.getpid()) - before
            while not _is_read(rag, path) and time.monotonic() - began < wait:
                stop.wait(_POLL)
            read = time.monotonic() - began if _is_read(rag, path) else None
        finally:
            stop.set()
            serving.join()
    return Measured(kind, pages, answered, used, read, notice)


def _is_read(rag: Rag, path: Path) -> bool:
    with rag.read_transaction() as connection:
        return [status.state for status in source_statuses(connection, "path", [str(path)], _SPACE)] == ["ready"]


def _await_answer(rag: Rag, question: str, pages: int, stop: threading.Event) -> str:
    """Ask until the answer cites this page; return the remark above it."""
    for _ in range(int(_LIMIT / _POLL)):
        with rag.read_transaction() as connection:  # cheaper than an answer: asking must not delay the reading
            is_there = connection.exec_driver_sql("SELECT 1 FROM chunk WHERE page = ? AND text <> ''", (pages,)).first()
        if is_there:
            answer = rag.ask(question, Scope.of(_SPACE))
            if answer.cited and answer.cited[0].hit.page == pages:
                return answer.notice
        stop.wait(_POLL)
    raise TimeoutError("The file could not be asked about.")


def processor_time(pid: int) -> float:
    """Return the processor time in seconds of a process and of those that it started, and that still run."""
    used = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    children = " ".join(task.read_text() for task in Path(f"/proc/{pid}/task").glob("*/children"))
    ticks = sum(map(int, used[11:15])) / os.sysconf("SC_CLK_TCK")
    return ticks + sum(processor_time(int(child)) for child in children.split())


def in_a_process(kind: str, pages: int, wait: float) -> Measured:
    """Measure in a separate process with an empty data folder."""
    command = [sys.executable, "-m", "tests.bench.first_answer", "--alone", kind, str(pages), "--wait", str(wait)]
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return Measured(**json.loads(run.stdout.splitlines()[-1]))


def _alone(kind: str, pages: int, wait: float) -> Measured:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / f"{kind}.pdf"
        question = draw(path, pages, scanned=kind == "scan")
        return measure(path, kind, pages, question, Path(name) / "data", wait)


def report(run: Measured) -> str:
    """Return a measurement as a line."""
    read = "later" if run.read is None else f"after {run.read:.1f} s"
    return (
        f"{run.pages:>5} pages, {run.kind}: answer after {run.answer:.1f} s, {run.processor:.1f} s of processor time; "
        f"fully read {read}. {run.notice}"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, nargs="*", default=[10, 1000], help="pages of each text")
    parser.add_argument("--scans", type=int, nargs="*", default=[10], help="pages of each scan")
    parser.add_argument("--wait", type=float, default=60, help="seconds to wait until a file is fully read")
    parser.add_argument("--alone", nargs=2, metavar=("KIND", "PAGES"), help="one run, its JSON to stdout")
    options = parser.parse_args(arguments)
    if options.alone:
        run = _alone(options.alone[0], int(options.alone[1]), options.wait)
        print(json.dumps(asdict(run)))  # noqa: T201
        return 0
    for kind, counts in (("text", options.pages), ("scan", options.scans)):
        for pages in counts:
            print(report(in_a_process(kind, pages, options.wait)), flush=True)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
