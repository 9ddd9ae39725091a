"""The terminal: results to stdout, progress and notes to stderr, colour only where a person looks."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TaskID, TextColumn
from rich.progress import Progress as Bars
from rich.text import Text

if TYPE_CHECKING:
    from rag import Progress

PAUSE = 5.0
"""Seconds between two lines about the same work where no bar can be drawn."""

_CONTROL = {code: None for code in (*range(32), *range(127, 160)) if code not in (9, 10)}


def printable(text: str) -> str:
    """Without control characters: a document's text must not steer the terminal it is shown in."""
    return text.translate(_CONTROL)


class Screen:
    """Where a command writes. With `json` stdout gets one JSON object and nothing else."""

    def __init__(self, json: bool = False) -> None:
        self.json = json
        self.out = Console(highlight=False, markup=False, emoji=False)
        self.err = Console(stderr=True, highlight=False, markup=False, emoji=False)

    def say(self, text: str = "", style: str = "", indent: int = 0) -> None:
        """A paragraph of the result, wrapped at the terminal's width; nothing with --json."""
        if self.json:
            return
        for line in printable(text).split("\n"):
            room = max(20, self.out.width - indent)
            for piece in Text(line, style=style).wrap(self.out, room) or [Text()]:
                piece.rstrip()
                self.out.print(Text(" " * indent).append_text(piece), soft_wrap=True)

    def rule(self, title: str) -> None:
        """A line across, with a title, between two parts of the result."""
        if not self.json:
            self.out.rule(Text(title, style="bold"), align="left", style="dim")

    def path(self, path: Path, indent: int = 2) -> None:
        """A path on a line of its own, never broken, so that it can be copied."""
        if not self.json:
            self.out.print(Text(" " * indent + printable(str(path)), style="underline"), soft_wrap=True)

    def address(self, url: str, indent: int = 2) -> None:
        """An address on a line of its own, never broken, so that a terminal can open it."""
        if not self.json:
            self.out.print(Text(" " * indent + printable(url), style="underline"), soft_wrap=True)

    def piece(self, text: str) -> None:
        """A piece of an answer as it comes."""
        if not self.json:
            self.out.file.write(printable(text))
            self.out.file.flush()

    def note(self, text: str, style: str = "dim") -> None:
        """Something beside the result, on stderr."""
        self.err.print(Text(printable(text), style=style))

    def waiting(self, text: str) -> None:
        """A line for a person who waits; a spinner would run into an answer that streams."""
        if self.err.is_terminal:
            self.note(text)

    @contextmanager
    def busy(self, text: str) -> Iterator[None]:
        """A spinner for a person who waits; gone when the wait is over."""
        if not self.err.is_terminal:
            yield
            return
        with self.err.status(Text(text, style="dim")):
            yield

    def data(self, shape: object) -> None:
        """The JSON object of --json."""
        if self.json:
            self.out.file.write(json.dumps(shape, ensure_ascii=False, indent=2, allow_nan=False) + "\n")

    @contextmanager
    def progress(self, title: str) -> Iterator[Callable[[Progress], None]]:
        """A function to tell progress to. Something is on the screen before this returns."""
        if not self.err.is_terminal:
            self.err.print(Text(f"{title} …"))
            yield _Lines(self.err)
            return
        bars = Bars(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}", markup=False),
            console=self.err,
            transient=True,
        )
        with bars:
            yield _Bars(bars, title)

    @contextmanager
    def counting(self, title: str, unit: str) -> Iterator[Callable[[int, int], None]]:
        """A function to tell (done, total) to."""
        if not self.err.is_terminal:
            self.err.print(Text(f"{title} …"))
            last = time.monotonic()

            def tell(done: int, total: int) -> None:
                nonlocal last
                if time.monotonic() - last >= PAUSE:
                    last = time.monotonic()
                    self.err.print(Text(f"  {done} of {total} {unit}"))

            yield tell
            return
        with Bars(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            console=self.err,
            transient=True,
        ) as bars:
            task = bars.add_task(title, total=None)
            yield lambda done, total: bars.update(task, completed=done, total=total)


def _ended(progress: Progress) -> Text:
    if progress.state == "failed":
        return Text(printable(f"  ✗ {progress.file}: {progress.note}"), style="red")
    return Text(printable(f"  ✓ {progress.file}, {count(progress.pages, 'page')}"))


class _Lines:
    """Progress without a terminal: a line for each file that ends, and one now and then in between."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last = time.monotonic()
        self._ended: set[str] = set()

    def __call__(self, progress: Progress) -> None:
        if progress.state in ("done", "failed"):
            if progress.file not in self._ended:
                self._ended.add(progress.file)
                self._console.print(_ended(progress))
                self._last = time.monotonic()
        elif time.monotonic() - self._last >= PAUSE:
            self._last = time.monotonic()
            where = f", page {progress.page} of {progress.pages}" if progress.pages else ""
            note = f" ({progress.note})" if progress.note else ""
            files = f"{progress.done} of {count(progress.total, 'file')}"
            self._console.print(Text(printable(f"  {files}; {progress.state} {progress.file}{where}{note}")))


class _Bars:
    """Progress on a terminal: one bar for all files, one for each that is being worked on."""

    def __init__(self, bars: Bars, title: str) -> None:
        self._bars = bars
        self._all = bars.add_task(title, total=None, unit="files")
        self._tasks: dict[str, TaskID] = {}
        self._ended: set[str] = set()

    def __call__(self, progress: Progress) -> None:
        self._bars.update(self._all, completed=progress.done, total=progress.total)
        task = self._tasks.get(progress.file)
        if progress.state in ("done", "failed"):
            if task is not None:
                self._bars.remove_task(self._tasks.pop(progress.file))
            if progress.file not in self._ended:
                self._ended.add(progress.file)
                self._bars.console.print(_ended(progress))
        elif progress.state != "waiting":
            said = printable(f"  {progress.state} {progress.file}"[:44])
            if task is None:
                task = self._tasks[progress.file] = self._bars.add_task(said, total=None, unit="pages")
            self._bars.update(task, description=said, completed=progress.page, total=progress.pages or None)


def count(number: int, noun: str) -> str:
    """`1 page`, `12 pages`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
