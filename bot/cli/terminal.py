"""The terminal: results go to stdout, progress and notes to stderr; color only on a terminal."""

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

PROGRESS_SECONDS = 5.0
"""Seconds between two lines of progress if stderr is not a terminal."""

_CONTROL_CHARACTERS = {code: None for code in (*range(32), *range(127, 160)) if code not in (9, 10)}


def printable(text: str) -> str:
    """Return the text without control characters, so that a document cannot steer the terminal."""
    return text.translate(_CONTROL_CHARACTERS)


class Screen:
    """The output of a command. With `json`, stdout gets one JSON object and nothing else."""

    def __init__(self, json: bool = False) -> None:
        self.json = json
        self.out = Console(highlight=False, markup=False, emoji=False)
        self.err = Console(stderr=True, highlight=False, markup=False, emoji=False)

    def say(self, text: str = "", style: str = "", indent: int = 0) -> None:
        """Print a paragraph of the result, wrapped at the terminal's width; nothing with --json."""
        if self.json:
            return
        for line in printable(text).split("\n"):
            width = max(20, self.out.width - indent)
            for piece in Text(line, style=style).wrap(self.out, width) or [Text()]:
                piece.rstrip()
                self.out.print(Text(" " * indent).append_text(piece), soft_wrap=True)

    def rule(self, title: str) -> None:
        """Print a horizontal line with a title."""
        if not self.json:
            self.out.rule(Text(title, style="bold"), align="left", style="dim")

    def path(self, path: Path, indent: int = 2) -> None:
        """Print a path on a line of its own, unwrapped, so that it can be copied."""
        self._print_unwrapped(str(path), indent)

    def address(self, url: str, indent: int = 2) -> None:
        """Print a URL on a line of its own, unwrapped, so that the terminal can open it."""
        self._print_unwrapped(url, indent)

    def _print_unwrapped(self, text: str, indent: int) -> None:
        if not self.json:
            self.out.print(Text(" " * indent + printable(text), style="underline"), soft_wrap=True)

    def stream(self, piece: str) -> None:
        """Print a piece of an answer as it arrives."""
        if not self.json:
            self.out.file.write(printable(piece))
            self.out.file.flush()

    def write_json(self, value: object) -> None:
        """Print the JSON object of --json; nothing without it."""
        if self.json:
            self.out.file.write(json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False) + "\n")

    def note(self, text: str, style: str = "dim") -> None:
        """Print a note to stderr."""
        self.err.print(Text(printable(text), style=style))

    def write_line(self, text: str) -> None:
        """Print a line to stderr as it is, for programs."""
        self.err.file.write(f"{text}\n")
        self.err.file.flush()

    def note_if_terminal(self, text: str) -> None:
        """Print a note to stderr if it is a terminal. Used where a spinner would disturb a streamed answer."""
        if self.err.is_terminal:
            self.note(text)

    @contextmanager
    def busy(self, text: str) -> Iterator[None]:
        """Show a spinner on a terminal until the block ends."""
        if not self.err.is_terminal:
            yield
            return
        with self.err.status(Text(text, style="dim")):
            yield

    @contextmanager
    def progress(self, title: str) -> Iterator[Callable[[Progress], None]]:
        """Yield a function that shows the progress of files. The title is printed at once."""
        if not self.err.is_terminal:
            self.err.print(Text(f"{title} …"))
            yield _ProgressLines(self.err)
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
            yield _ProgressBars(bars, title)

    @contextmanager
    def counting(self, title: str, unit: str) -> Iterator[Callable[[int, int], None]]:
        """Yield a function that shows the progress of a count, called with (done, total)."""
        if not self.err.is_terminal:
            self.err.print(Text(f"{title} …"))
            last = time.monotonic()

            def report(done: int, total: int) -> None:
                nonlocal last
                if time.monotonic() - last >= PROGRESS_SECONDS:
                    last = time.monotonic()
                    self.err.print(Text(f"  {done} of {total} {unit}"))

            yield report
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


def _result_line(progress: Progress) -> Text:
    if progress.state == "failed":
        return Text(printable(f"  ✗ {progress.file}: {progress.note}"), style="red")
    result = f"{progress.file}, {count(progress.pages, 'page')}"
    if progress.is_partial:
        return Text(printable(f"  ! {result}, read in part only"), style="yellow")
    return Text(printable(f"  ✓ {result}"))


class _ProgressLines:
    """Progress without a terminal: a line for each finished file, and one every PROGRESS_SECONDS in between."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._last = time.monotonic()
        self._finished: set[str] = set()

    def __call__(self, progress: Progress) -> None:
        if progress.state in ("done", "failed"):
            if progress.file not in self._finished:
                self._finished.add(progress.file)
                self._console.print(_result_line(progress))
                self._last = time.monotonic()
        elif time.monotonic() - self._last >= PROGRESS_SECONDS:
            self._last = time.monotonic()
            page = f", page {progress.page} of {progress.pages}" if progress.pages else ""
            if progress.searchable:
                page = f", searchable, {progress.page} of {count(progress.pages, 'page')} fully read"
            note = f" ({progress.note})" if progress.note else ""
            files = f"{progress.done} of {count(progress.total, 'file')}"
            self._console.print(Text(printable(f"  {files}; {progress.state} {progress.file}{page}{note}")))


class _ProgressBars:
    """Progress on a terminal: one bar for all files, and one for each file in work."""

    def __init__(self, bars: Bars, title: str) -> None:
        self._bars = bars
        self._all = bars.add_task(title, total=None, unit="files")
        self._tasks: dict[str, TaskID] = {}
        self._finished: set[str] = set()

    def __call__(self, progress: Progress) -> None:
        self._bars.update(self._all, completed=progress.done, total=progress.total)
        task = self._tasks.get(progress.file)
        if progress.state in ("done", "failed"):
            if task is not None:
                self._bars.remove_task(self._tasks.pop(progress.file))
            if progress.file not in self._finished:
                self._finished.add(progress.file)
                self._bars.console.print(_result_line(progress))
        elif progress.state != "waiting":
            state = "searchable" if progress.searchable else progress.state
            description = printable(f"  {state} {progress.file}"[:44])
            if task is None:
                task = self._tasks[progress.file] = self._bars.add_task(description, total=None, unit="pages")
            self._bars.update(task, description=description, completed=progress.page, total=progress.pages or None)


def count(number: int, noun: str) -> str:
    """Return a number with its noun: `1 page`, `12 pages`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
