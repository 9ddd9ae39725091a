"""Index damaged files in batches, and check the rules that must hold after each batch."""

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
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pymupdf
from sqlalchemy import text

from rag import MagpieError, Rag, Scope, Settings, open_rag
from rag.extract.guarded import GuardedExtractor
from rag.model.extraction import Attachments, Box, ExtractedPage, Inspection
from rag.setting_groups import ReadSettings
from tests.faults.fuzz.mutants import Mutant
from tests.support.absent import NoEmbedder

BATCH = 20
_PATH = re.compile(r"(?:^|[\s'\"(])/\w[\w.-]*/\w|[A-Z]:\\|\.py\b")
_TRACE = re.compile(r"Traceback|File \"|line \d+|0x[0-9a-f]{6}|\bcode=\d|\bNone\b|<class")


@dataclass
class Tally:
    """Results of all files. `wrong` lists broken rules with the damaged files that may be the cause."""

    outcomes: Counter[str] = field(default_factory=Counter)
    page_errors: Counter[str] = field(default_factory=Counter)
    exit_statuses: Counter[str] = field(default_factory=Counter)
    opened: int = 0
    count: int = 0
    pages: int = 0
    slowest: tuple[float, str] = (0.0, "")
    memory: list[int] = field(default_factory=list)
    wrong: list[tuple[str, Sequence[Mutant]]] = field(default_factory=list)

    def growth(self) -> float | None:
        """Return the ratio of the memory at the end and after the first batches; None with too few batches."""
        early, late = self.memory[2:5], self.memory[-3:]
        return max(late) / max(early) if len(self.memory) >= 8 else None


class _TimedReader:
    """The real extractor, measuring the time per file; implements ports.Reader."""

    def __init__(self, reader: GuardedExtractor, seconds: dict[str, float]) -> None:
        self._reader = reader
        self._seconds = seconds
        self.version = reader.version

    @contextmanager
    def _measure(self, path: Path) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        finally:
            self._seconds[path.name] = self._seconds.get(path.name, 0.0) + time.monotonic() - began

    def inspect(self, path: Path) -> Inspection:
        with self._measure(path):
            return self._reader.inspect(path)

    def attachments(self, path: Path, media_type: str, into: Path) -> Attachments:
        with self._measure(path):
            return self._reader.attachments(path, media_type, into)

    def skim(self, path: Path, media_type: str, first: int, last: int) -> Generator[ExtractedPage, None, None]:
        with self._measure(path):
            yield from self._reader.skim(path, media_type, first, last)

    def extract(self, path: Path, first: int, last: int, into: Path) -> list[ExtractedPage]:
        with self._measure(path):
            return self._reader.extract(path, first, last, into)

    def draw_region(self, path: Path, number: int, region: Box, width: int, turn: int, into: Path) -> Path:
        return self._reader.draw_region(path, number, region, width, turn, into)

    def load_models(self) -> str:
        return self._reader.load_models()

    def close(self) -> None:
        self._reader.close()


class _ExitCounter(logging.Handler):
    """Counts the extraction processes that died, by their exit status."""

    def __init__(self, counter: Counter[str]) -> None:
        super().__init__(logging.DEBUG)
        self._counter = counter

    def emit(self, record: logging.LogRecord) -> None:
        if isinstance(record.args, tuple) and len(record.args) == 1 and record.levelno == logging.DEBUG:
            self._counter[f"exit status {record.args[0]}"] += 1


@contextmanager
def _count_exits(counter: Counter[str]) -> Iterator[None]:
    log, handler = logging.getLogger("magpie.read"), _ExitCounter(counter)
    level = log.level
    log.addHandler(handler)
    log.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)


def run(folder: Path, mutants: Sequence[Mutant], root: Path, read: ReadSettings) -> Tally:
    """Index all mutants together with valid documents. `root` is an empty folder, also for temporary files."""
    tally = Tally()
    seconds: dict[str, float] = {}
    scratch, healthy = root / "tmp", root / "healthy"
    scratch.mkdir()
    healthy.mkdir()
    before, tempfile.tempdir = tempfile.tempdir, str(scratch)
    settings = Settings(data=root / "data", read=read, answer={"model": ""})
    opener = _opener(read, seconds)
    try:
        with _count_exits(tally.exit_statuses), open_rag(settings, extractor=opener, embedder=NoEmbedder()) as rag:
            batch = _Batches(rag, root, tally, seconds)
            batch.begin([_healthy(healthy, number) for number in range(4)])
            for start in range(0, len(mutants), BATCH):
                batch.index(folder, mutants[start : start + BATCH], _healthy(healthy, 4 + start))
    finally:
        tempfile.tempdir = before
    return tally


def _opener(read: ReadSettings, seconds: dict[str, float]) -> Callable[[], _TimedReader]:
    ocr = "rag.adapters.ocr:open_ocr" if read.ocr else None
    return lambda: _TimedReader(GuardedExtractor(read, ocr), seconds)


def _healthy(folder: Path, number: int) -> Path:
    """Write a PDF of two pages with a unique word; more than a line, because a line would count as the header."""
    path = folder / f"healthy{number}.pdf"
    with pymupdf.open() as document:
        for page in (1, 2):
            content = (
                f"Leaf {page} of the chronicle tells how the {_word(number)} came up the river in the spring. " * 6
            )
            document.new_page().insert_textbox((60, 200, 500, 600), content, fontsize=12)
        document.save(path)
    return path


def _word(number: int) -> str:
    """Return a word of letters only, which stemming does not change."""
    return "quay" + "".join(chr(ord("a") + int(digit)) for digit in str(number)) + "x"


class _Batches:
    """Indexes batches and checks the rules. Rows of healthy documents in the catalog are compared by a digest."""

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
                self._report(f"{mutant.file} was left {outcome.state}", [mutant])
            elif outcome.state == "failed":
                self._check_sentence(outcome.reason, mutant)
                self._check_sentence(outcome.hint, mutant)
            self._count_pages(mutant, folder)
        self._tally.count += len(mutants)
        if outcomes[healthy.name].state != "new":
            self._report(f"the healthy file failed: {outcomes[healthy.name]}", mutants)
        hits = self._rag.find(_word(int(healthy.stem.removeprefix("healthy"))), Scope.operator()).hits
        if {(hit.name, hit.page) for hit in hits} != {(healthy.name, 1), (healthy.name, 2)}:
            self._report(f"{healthy.name} is not found by its word, but {[hit.place for hit in hits]}", mutants)
        if self._digest() != self._rows:
            self._report("rows of healthy documents changed", mutants)
        self._forget(paths, mutants)
        self._healthy.append(healthy)
        self._rows = self._digest()
        self._check_leftovers(mutants)

    def _forget(self, paths: Sequence[Path], mutants: Sequence[Mutant]) -> None:
        try:
            self._rag.forget([str(path) for path in paths])
        except MagpieError as error:
            self._report(f"they could not be forgotten: {error}", mutants)
        if self._digest() != self._rows:
            self._report("forgetting them changed healthy documents", mutants)

    def _report(self, what: str, mutants: Sequence[Mutant]) -> None:
        self._tally.wrong.append((what, mutants))

    def _check_sentence(self, sentence: str, mutant: Mutant) -> None:
        if not is_readable(sentence):
            self._report(f"{mutant.file}: {sentence!r} is not a readable sentence", [mutant])

    def _count_pages(self, mutant: Mutant, folder: Path) -> None:
        """Count pages and their errors. An extraction has a page count if the file could be opened."""
        digest = hashlib.sha256((folder / mutant.file).read_bytes()).hexdigest()
        rows = text(
            "SELECT extraction.pages, page.number, page.error FROM document "
            "JOIN extraction ON extraction.document_id = document.id "
            "LEFT JOIN page ON page.extraction_id = extraction.id WHERE document.sha256 = :digest"
        )
        with self._rag.read_transaction() as connection:
            found = connection.execute(rows, {"digest": digest}).all()
        self._tally.opened += any(row.pages for row in found)
        for row in found:
            self._tally.pages += row.number is not None and row.error is None
            if row.error is not None:
                self._tally.page_errors[row.error] += 1
                self._check_sentence(row.error, mutant)
        self._tally.slowest = max(self._tally.slowest, (self._seconds.get(digest, 0.0), f"{mutant.file} ({mutant})"))

    def _check_leftovers(self, mutants: Sequence[Mutant]) -> None:
        """Check that no files, processes, threads or memory are left of the mutants."""
        data = self._root / "data"
        with self._rag.read_transaction() as connection:
            files = set(connection.scalars(text("SELECT sha256 FROM document")))
            pictures = {str(number) for number in connection.scalars(text("SELECT id FROM extraction"))}
        if {path.name for path in (data / "files").iterdir()} != files:
            self._report("files are left in the data folder", mutants)
        if {path.name for path in (data / "pictures").iterdir()} != pictures:
            self._report("pictures are left in the data folder", mutants)
        if left := [path.name for path in (self._root / "tmp").iterdir()]:
            self._report(f"temporary files are left: {left}", mutants)
        if left := _children():
            self._report(f"processes are left: {left}", mutants)
        if threading.active_count() > 3:  # main, embedder, and the test's timeout
            self._report(f"threads are left: {threading.enumerate()}", mutants)
        gc.collect()
        resident = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        self._tally.memory.append(resident >> 20)

    def _digest(self) -> str:
        """Return a digest of all rows of healthy documents in all tables."""
        made = hashlib.sha256()
        names = {str(path) for path in self._healthy}
        tables = {
            "source": "SELECT * FROM source ORDER BY id",
            "share": "SELECT source.ref, share.* FROM share JOIN source ON source.id = share.source_id ORDER BY 2, 3",
            "document": _of("document.*", "document", "document.id = source.document_id"),
            "extraction": _of("extraction.*", "extraction", "extraction.document_id = source.document_id"),
            "page": _of("page.*", "extraction", "extraction.document_id = source.document_id", "page"),
            "chunk": _of("chunk.*", "chunk", "chunk.document_id = source.document_id"),
            "fulltext": "SELECT source.ref, chunk.id, fulltext_1.* FROM source JOIN chunk USING (document_id) "
            "JOIN fulltext_1 ON fulltext_1.rowid = chunk.id ORDER BY 1, 2",
        }
        with self._rag.read_transaction() as connection:
            for rows in tables.values():
                for row in connection.execute(text(rows)).mappings():
                    if row["ref"] in names:
                        made.update(repr(tuple(row.values())).encode())
        return made.hexdigest()


def _of(columns: str, table: str, condition: str, inner: str = "") -> str:
    join = f" JOIN {inner} ON {inner}.extraction_id = {table}.id" if inner else ""
    return f"SELECT source.ref, {columns} FROM source JOIN {table} ON {condition}{join} ORDER BY 1, 2, 3"


def _children() -> list[str]:
    """Return the child processes of this process, including zombies, and its extraction processes."""
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


def is_readable(sentence: str) -> bool:
    """Return whether this is a complete sentence without paths or parts of a traceback."""
    is_complete = sentence.endswith((".", "…")) and (sentence[0].isupper() or sentence[0].isdigit())
    return is_complete and not _PATH.search(sentence) and not _TRACE.search(sentence)


def keep(tally: Tally, folder: Path, into: Path) -> None:
    """Copy the damaged files that may have broken a rule."""
    for _, mutants in tally.wrong:
        into.mkdir(parents=True, exist_ok=True)
        for mutant in mutants:
            shutil.copy(folder / mutant.file, into)
