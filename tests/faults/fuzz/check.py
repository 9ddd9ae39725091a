"""Damaged files through `Rag.index`, batch by batch, and what must hold after each."""

from __future__ import annotations

import gc
import hashlib
import logging
import os
import re
import shutil
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pymupdf
from sqlalchemy import text

from rag import MagpieError, Rag, Scope, Settings, open_rag
from rag.extract.guarded import GuardedReader
from rag.model import Inspection, PageReading
from rag.settings import ReadSettings
from tests.faults.fuzz.mutants import Mutant
from tests.support.absent import NoEmbedder

BATCH = 20
_PATH = re.compile(r"(?:^|[\s'\"(])/\w[\w.-]*/\w|[A-Z]:\\|\.py\b")
_TRACE = re.compile(r"Traceback|File \"|line \d+|0x[0-9a-f]{6}|\bcode=\d|\bNone\b|<class")


@dataclass
class Tally:
    """What came of all of them. `wrong` says what broke a rule, with the damaged files it may be due to."""

    outcomes: Counter[str] = field(default_factory=Counter)
    page_errors: Counter[str] = field(default_factory=Counter)
    last_words: Counter[str] = field(default_factory=Counter)
    opened: int = 0
    count: int = 0
    pages: int = 0
    slowest: tuple[float, str] = (0.0, "")
    memory: list[int] = field(default_factory=list)
    wrong: list[tuple[str, Sequence[Mutant]]] = field(default_factory=list)

    def growth(self) -> float | None:
        """Memory at the end over memory after the first batches; None when there were too few of these."""
        early, late = self.memory[2:5], self.memory[-3:]
        return max(late) / max(early) if len(self.memory) >= 8 else None


class _Timed:
    """The real reader with a watch; satisfies ports.Reader."""

    def __init__(self, reader: GuardedReader, seconds: dict[str, float]) -> None:
        self._reader = reader
        self._seconds = seconds
        self.version = reader.version

    @contextmanager
    def _watch(self, path: Path) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        finally:
            self._seconds[path.name] = self._seconds.get(path.name, 0.0) + time.monotonic() - began

    def inspect(self, path: Path) -> Inspection:
        with self._watch(path):
            return self._reader.inspect(path)

    def read(self, path: Path, first: int, last: int, into: Path) -> list[PageReading]:
        with self._watch(path):
            return self._reader.read(path, first, last, into)

    def close(self) -> None:
        self._reader.close()


class _LastWords(logging.Handler):
    """Counts the reading processes that died, by the last line each of them wrote."""

    def __init__(self, counter: Counter[str]) -> None:
        super().__init__(logging.DEBUG)
        self._counter = counter

    def emit(self, record: logging.LogRecord) -> None:
        if isinstance(record.args, tuple) and len(record.args) == 2 and record.levelno == logging.DEBUG:
            status, tail = record.args
            lines = str(tail).strip().splitlines() or [""]
            self._counter[f"exit {status}: {lines[-1][:90]}"] += 1


@contextmanager
def _counted(counter: Counter[str]) -> Iterator[None]:
    log, handler = logging.getLogger("magpie.read"), _LastWords(counter)
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)


def run(folder: Path, mutants: Sequence[Mutant], root: Path, read: ReadSettings) -> Tally:
    """Index all of them beside healthy documents. `root` is an empty folder; temporary files go below it."""
    tally = Tally()
    seconds: dict[str, float] = {}
    scratch, healthy = root / "tmp", root / "healthy"
    scratch.mkdir()
    healthy.mkdir()
    before, tempfile.tempdir = tempfile.tempdir, str(scratch)
    settings = Settings(data=root / "data", read=read, answer={"model": ""})
    opener = _opener(read, seconds)
    try:
        with _counted(tally.last_words), open_rag(settings, reader=opener, embedder=NoEmbedder()) as rag:
            batch = _Batches(rag, root, tally, seconds)
            batch.begin([_healthy(healthy, number) for number in range(4)])
            for start in range(0, len(mutants), BATCH):
                some = mutants[start : start + BATCH]
                batch.index(folder, some, _healthy(healthy, 4 + start))
    finally:
        tempfile.tempdir = before
    return tally


def _opener(read: ReadSettings, seconds: dict[str, float]) -> Callable[[], _Timed]:
    ocr = "rag.adapters.rapidocr:open_ocr" if read.ocr else None
    return lambda: _Timed(GuardedReader(read, ocr), seconds)


def _healthy(folder: Path, number: int) -> Path:
    """Two pages with a word of their own. A lone line would count as the page's header, which is not indexed."""
    path = folder / f"healthy{number}.pdf"
    with pymupdf.open() as document:
        for page in (1, 2):
            words = f"Leaf {page} of the chronicle tells how the {_word(number)} came up the river in the spring. " * 6
            document.new_page().insert_textbox((60, 200, 500, 600), words, fontsize=12)
        document.save(path)
    return path


def _word(number: int) -> str:
    """Of letters alone, with an end that no stemming takes off."""
    return "quay" + "".join(chr(ord("a") + int(digit)) for digit in str(number)) + "x"


class _Batches:
    """Indexes and checks. What healthy documents have in the catalog is compared as a digest of all its rows."""

    def __init__(self, rag: Rag, root: Path, tally: Tally, seconds: dict[str, float]) -> None:
        self._rag = rag
        self._root = root
        self._tally = tally
        self._seconds = seconds
        self._healthy: list[Path] = []
        self._rows = ""

    def begin(self, paths: list[Path]) -> None:
        states = [outcome.state for outcome in self._rag.index(paths)]
        assert states == ["new"] * len(paths), states
        self._healthy = paths
        self._rows = self._digest()

    def index(self, folder: Path, mutants: Sequence[Mutant], healthy: Path) -> None:
        paths = [folder / mutant.file for mutant in mutants]
        outcomes = {outcome.file: outcome for outcome in self._rag.index([*paths, healthy])}
        for mutant in mutants:
            outcome = outcomes[mutant.file]
            sentence = f"{outcome.reason} | {outcome.hint}" if outcome.state == "failed" else "ready"
            self._tally.outcomes[sentence] += 1
            if outcome.state not in ("new", "known", "failed"):
                self._say(f"{mutant.file} was left {outcome.state}", [mutant])
            elif outcome.state == "failed":
                self._judge(outcome.reason, mutant)
                self._judge(outcome.hint, mutant)
            self._pages(mutant, folder)
        self._tally.count += len(mutants)
        if outcomes[healthy.name].state != "new":
            self._say(f"the healthy file failed: {outcomes[healthy.name]}", mutants)
        hits = self._rag.find(_word(int(healthy.stem.removeprefix("healthy"))), Scope.operator()).hits
        if {(hit.name, hit.page) for hit in hits} != {(healthy.name, 1), (healthy.name, 2)}:
            self._say(f"{healthy.name} is not found by its word, but {[hit.place for hit in hits]}", mutants)
        if self._digest() != self._rows:
            self._say("rows of healthy documents changed", mutants)
        self._forget(paths, mutants)
        self._healthy.append(healthy)
        self._rows = self._digest()
        self._outside(mutants)

    def _forget(self, paths: Sequence[Path], mutants: Sequence[Mutant]) -> None:
        try:
            self._rag.forget([str(path) for path in paths])
        except MagpieError as error:
            self._say(f"they could not be forgotten: {error}", mutants)
        if self._digest() != self._rows:
            self._say("forgetting them changed healthy documents", mutants)

    def _say(self, what: str, mutants: Sequence[Mutant]) -> None:
        self._tally.wrong.append((what, mutants))

    def _judge(self, sentence: str, mutant: Mutant) -> None:
        if not is_for_people(sentence):
            self._say(f"{mutant.file}: {sentence!r} is no sentence for people", [mutant])

    def _pages(self, mutant: Mutant, folder: Path) -> None:
        """Count pages and their errors; a reading knows its pages once the file was opened."""
        digest = hashlib.sha256((folder / mutant.file).read_bytes()).hexdigest()
        rows = text(
            "SELECT extraction.pages, page.number, page.error FROM document "
            "JOIN extraction ON extraction.document_id = document.id "
            "LEFT JOIN page ON page.extraction_id = extraction.id WHERE document.sha256 = :digest"
        )
        with self._rag.reading() as connection:
            found = connection.execute(rows, {"digest": digest}).all()
        self._tally.opened += any(row.pages for row in found)
        for row in found:
            self._tally.pages += row.number is not None and row.error is None
            if row.error is not None:
                self._tally.page_errors[row.error] += 1
                self._judge(row.error, mutant)
        self._tally.slowest = max(self._tally.slowest, (self._seconds.get(digest, 0.0), f"{mutant.file} ({mutant})"))

    def _outside(self, mutants: Sequence[Mutant]) -> None:
        """Nothing is left of them on disk, in processes, or in memory."""
        data = self._root / "data"
        with self._rag.reading() as connection:
            files = set(connection.scalars(text("SELECT sha256 FROM document")))
            pictures = {str(number) for number in connection.scalars(text("SELECT id FROM extraction"))}
        if {path.name for path in (data / "files").iterdir()} != files:
            self._say("files are left in the data folder", mutants)
        if {path.name for path in (data / "pictures").iterdir()} != pictures:
            self._say("pictures are left in the data folder", mutants)
        if left := [path.name for path in (self._root / "tmp").iterdir()]:
            self._say(f"temporary files are left: {left}", mutants)
        if left := _children():
            self._say(f"processes are left: {left}", mutants)
        if threading.active_count() > 3:  # main, embedder, and whatever watches the test
            self._say(f"threads are left: {threading.enumerate()}", mutants)
        gc.collect()
        resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        self._tally.memory.append(resident >> 20)

    def _digest(self) -> str:
        """All rows that healthy documents have, in every table."""
        made = hashlib.sha256()
        names = {str(path) for path in self._healthy}
        tables = {
            "source": "SELECT * FROM source ORDER BY id",
            "share": "SELECT source.ref, share.* FROM share JOIN source ON source.id = share.source_id ORDER BY 2, 3",
            "document": _of("document.*", "document", "document.id = source.document_id"),
            "extraction": _of("extraction.*", "extraction", "extraction.document_id = source.document_id"),
            "page": _of("page.*", "extraction", "extraction.document_id = source.document_id", "page"),
            "chunk": _of("chunk.*", "chunk", "chunk.document_id = source.document_id"),
            "fulltext": _of("fulltext.rowid, fulltext.*", "fulltext", "fulltext.document = source.document_id"),
        }
        with self._rag.reading() as connection:
            for rows in tables.values():
                for row in connection.execute(text(rows)).mappings():
                    if row["ref"] in names:
                        made.update(repr(tuple(row.values())).encode())
        return made.hexdigest()


def _of(columns: str, table: str, condition: str, inner: str = "") -> str:
    join = f" JOIN {inner} ON {inner}.extraction_id = {table}.id" if inner else ""
    return f"SELECT source.ref, {columns} FROM source JOIN {table} ON {condition}{join} ORDER BY 1, 2, 3"


def _children() -> list[str]:
    """Processes whose parent is this one, dead ones nobody asked after included, and readers it started."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
            command = stat.with_name("cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[1]) == os.getpid() or b'"parent":%d,' % os.getpid() in command:
            found.append(f"{stat.parent.name} {fields[0]} {command[:80]!r}")
    return found


def is_for_people(sentence: str) -> bool:
    """Whether this is a sentence, without a path or a piece of a traceback."""
    whole = sentence.endswith((".", "…")) and (sentence[0].isupper() or sentence[0].isdigit())
    return whole and not _PATH.search(sentence) and not _TRACE.search(sentence)


def keep(tally: Tally, folder: Path, into: Path) -> None:
    """Copy the damaged files that something wrong may be due to."""
    for _, mutants in tally.wrong:
        into.mkdir(parents=True, exist_ok=True)
        for mutant in mutants:
            shutil.copy(folder / mutant.file, into)
