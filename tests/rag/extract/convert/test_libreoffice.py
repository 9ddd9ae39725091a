"""Office documents: known by what is in them, made into pages by a stand-in for LibreOffice, and by the real one."""

from __future__ import annotations

import fcntl
import os
import signal
import stat
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import gettempdir
from typing import IO
from zipfile import ZipFile

import pytest

from rag.errors import ReaderStopped, Unreadable
from rag.extract.convert.libreoffice import office_program
from rag.extract.file_types import sniff
from rag.extract.guarded import GuardedReader
from rag.model import PageReading
from rag.settings import ReadSettings
from tests.rag.extract import office_files, papers
from tests.rag.extract.test_guarded import gone

WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
POINT = "application/vnd.openxmlformats-officedocument.presentationml.presentation"

STAND_IN = """#!{python}
import json, os, subprocess, sys, time
import pymupdf

out, document = sys.argv[sys.argv.index("--outdir") + 1], sys.argv[-1]
behaviour = {behaviour!r}
if behaviour == "fails":
    sys.exit(77)
if behaviour == "again" and not os.path.exists("started"):
    open("started", "w").close()
    sys.exit(81)
if behaviour == "hangs":
    subprocess.Popen([sys.executable, "-c", {left!r}])
    time.sleep(600)
if behaviour == "slow":
    time.sleep(4)
if behaviour != "nothing":
    os.makedirs(out, exist_ok=True)
    with pymupdf.open({pdf!r}) as made:
        made.set_metadata({{"title": f"Made at {{time.time_ns()}}"}})
        probed = {probe}
        report = json.dumps({{"argv": sys.argv[1:], "env": sorted(os.environ), "probed": probed}})
        made[0].insert_htmlbox((60, 100, 500, 800), report)
        made.save(os.path.join(out, os.path.splitext(os.path.basename(document))[0] + ".pdf"))
"""
"""Behaves like LibreOffice as seen from outside. It can write to its own folder alone, so it tells what it was called
with in the pages that it makes."""

LEFT = """
import fcntl, os, time
file = open("left.part", "w")
fcntl.flock(file, fcntl.LOCK_EX)
os.rename("left.part", "left")
time.sleep(600)
"""
"""Started by the stand-in and left to itself; it holds a lock as long as it lives."""

Open = Callable[..., GuardedReader]


class Office:
    """The stand-in: a program that behaves like LibreOffice as seen from outside."""

    def __init__(self, folder: Path, behaviour: str, probe: str = "None") -> None:
        document = papers.new()
        for number in range(1, 13):
            papers.text_page(document, f"These are the words of page N{number}")
        pdf = papers.save(document, folder / "made-by-office.pdf")
        self.program = folder / "program" / "soffice"  # as it is laid out, with what it needs beside its folder
        self.program.parent.mkdir()
        self.program.write_text(
            STAND_IN.format(python=sys.executable, behaviour=behaviour, pdf=str(pdf), probe=probe, left=LEFT)
        )
        self.program.chmod(self.program.stat().st_mode | stat.S_IXUSR)

    def left(self) -> IO[str]:
        """The file on which a process that the program started holds a lock."""
        end = time.monotonic() + 60
        pattern = f"magpie-read-{os.getpid()}-*/*/office/left"
        while not (found := list(Path(gettempdir()).glob(pattern))):
            assert time.monotonic() < end, "the program was not started"
        return found[0].open()


def await_end(left: IO[str]) -> None:
    """Wait until the process that holds the lock is gone, in whatever process namespace it was."""
    with left:
        fcntl.flock(left, fcntl.LOCK_EX)


@pytest.fixture
def office(tmp_path: Path) -> Callable[..., Office]:
    return lambda behaviour, probe="None": Office(tmp_path, behaviour, probe)


@pytest.fixture
def opened() -> Iterator[Open]:
    readers: list[GuardedReader] = []

    def open_reader(**more: object) -> GuardedReader:
        plain: dict[str, object] = {"layout": False, "ocr": False, "render_px": 400}
        readers.append(GuardedReader(ReadSettings.model_validate(plain | more), None))
        return readers[-1]

    yield open_reader
    for reader in readers:
        reader.close()


def good(folder: Path) -> Path:
    document = papers.new()
    papers.text_page(document)
    return papers.save(document, folder / "good.pdf")


def numbers(pages: list[PageReading]) -> list[str]:
    text = " ".join(block.text for page in pages for block in page.blocks)
    return [word for word in text.split() if word[0] == "N" and word[1:].isdigit()]


def test_makes_pages_of_a_document_once(
    tmp_path: Path, into: Path, office: Callable[..., Office], opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-secret")
    reader = opened(office=str(office("works").program))
    path = office_files.docx(tmp_path / "0123abcd", ["one"])
    found = reader.inspect(path)
    assert (found.media_type, found.page_count) == (WORD, 12)
    pages = [page for first in (1, 9) for page in reader.read(path, first, min(first + 7, 12), into)]
    assert numbers(pages) == [f"N{number}" for number in range(1, 13)]
    assert all((into / (page.render or "")).is_file() for page in pages)
    report = " ".join(block.text for block in pages[0].blocks)
    assert "document.docx" in report
    assert "--headless" in report
    assert "UserInstallation=file:///" in report
    assert "SLACK" not in report
    assert "MAGPIE" not in report


def test_starts_the_program_again_when_it_asks_for_that(
    tmp_path: Path, office: Callable[..., Office], opened: Open
) -> None:
    """As LibreOffice does once with a profile that is new: by the exit status 81."""
    reader = opened(office=str(office("again").program))
    assert reader.inspect(office_files.docx(tmp_path / "file", ["one"])).page_count == 12


def test_keeps_the_last_two_and_makes_a_changed_document_again(
    tmp_path: Path, office: Callable[..., Office], opened: Open
) -> None:
    reader = opened(office=str(office("works").program))
    a, b, c = (office_files.pptx(tmp_path / name, [name]) for name in "abc")
    assert reader.inspect(a).media_type == POINT
    made = [reader.inspect(path).title for path in (b, a, b, a)]
    assert made[0] == made[2] != made[1] == made[3]
    replaced = [reader.inspect(path).title for path in (c, c, a)]  # c drives out b, the older, then a is still there
    assert replaced[0] == replaced[1] not in made
    office_files.pptx(a, ["another text"])
    assert reader.inspect(a).title not in made + replaced


def test_a_new_child_makes_the_pages_again(
    tmp_path: Path, into: Path, office: Callable[..., Office], opened: Open
) -> None:
    """And waits for them longer than for a page."""
    reader = opened(office=str(office("slow").program), page_seconds=2, convert_seconds=30)
    path = office_files.docx(tmp_path / "file", ["one"])
    found = reader.inspect(path)
    assert found.page_count == 12
    assert reader.pid is not None
    os.kill(reader.pid, signal.SIGKILL)
    assert gone(reader.pid)
    assert numbers(reader.read(path, 3, 4, into)) == ["N3", "N4"]
    assert reader.inspect(path).title != found.title


@pytest.mark.parametrize("behaviour", ["fails", "nothing"])
def test_a_document_that_cannot_be_opened_says_so(
    tmp_path: Path, office: Callable[..., Office], opened: Open, behaviour: str
) -> None:
    reader = opened(office=str(office(behaviour).program))
    with pytest.raises(Unreadable, match="damaged, or encrypted") as refused:
        reader.inspect(office_files.docx(tmp_path / "file", ["one"]))
    assert refused.value.hint
    assert reader.inspect(good(tmp_path)).page_count == 1


def test_a_program_that_hangs_is_ended_with_all_it_started(
    tmp_path: Path, office: Callable[..., Office], opened: Open
) -> None:
    hangs = office("hangs")
    reader = opened(office=str(hangs.program), convert_seconds=3)
    assert reader.inspect(good(tmp_path)).page_count == 1  # the child ends with the thread that started it
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(reader.inspect, office_files.docx(tmp_path / "file", ["one"]))
        left = hangs.left()
        with pytest.raises(Unreadable, match="within 3 s"):
            waiting.result(timeout=60)
    await_end(left)
    pid = reader.pid
    assert reader.inspect(good(tmp_path)).page_count == 1
    assert reader.pid == pid


def test_closing_the_reader_ends_the_program(tmp_path: Path, office: Callable[..., Office], opened: Open) -> None:
    hangs = office("hangs")
    reader = opened(office=str(hangs.program))
    path = office_files.docx(tmp_path / "file", ["one"])
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(reader.inspect, path)
        left = hangs.left()
        reader.close()
        with pytest.raises(ReaderStopped, match="closed"):
            waiting.result(timeout=20)
    await_end(left)


@pytest.mark.parametrize(
    ("wanted", "said"), [("off", "read.office is off"), ("/nowhere/soffice", "not where read.office says")]
)
def test_without_a_program_the_remedy_is_named(tmp_path: Path, opened: Open, wanted: str, said: str) -> None:
    with pytest.raises(Unreadable, match=said) as refused:
        opened(office=wanted).inspect(office_files.docx(tmp_path / "file", ["one"]))
    assert refused.value.hint


def test_where_none_is_installed_it_is_said_how_to(
    tmp_path: Path, opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    if sys.platform == "darwin":
        pytest.skip("LibreOffice is looked for outside PATH too")
    with pytest.raises(Unreadable, match="not installed") as refused:
        opened().inspect(office_files.docx(tmp_path / "file", ["one"]))
    assert "apt install libreoffice" in refused.value.hint


# ---------------------------------------------------------------- what a file is


def zipped(**parts: str | bytes) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with ZipFile(path, "w") as archive:
            for name, content in parts.items():
                archive.writestr(name.replace("__", "/").replace("Types", "[Content_Types].xml"), content)

    return write


def torn(path: Path) -> None:
    office_files.docx(path, ["one"])
    path.write_bytes(path.read_bytes()[:300])


def bomb(path: Path) -> None:
    with ZipFile(path, "w", 8) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", bytes(11 << 20))


def compound(*streams: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        names = b"".join(f"{stream}\0".encode("utf-16-le").ljust(64, b"\0") for stream in streams)
        path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + names)

    return write


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (zipped(**{"photo.jpg": b"\xff\xd8\xff"}), "zip archive, and no document"),
        (zipped(Types="<Types/>", xl__workbook="<x/>"), "spreadsheet"),
        (zipped(mimetype="application/vnd.oasis.opendocument.spreadsheet"), "spreadsheet"),
        (
            zipped(
                mimetype="application/vnd.oasis.opendocument.text",
                **{"META-INF__manifest.xml": "<m:encryption-data/>"},
            ),
            "encrypted",
        ),
        (torn, "damaged"),
        (bomb, "would have 11 MB in 2 parts; the limits are 10 MB"),
        (compound("Root Entry", "EncryptedPackage"), "encrypted"),
        (compound("Root Entry", "Workbook"), "spreadsheet"),
        (compound("Root Entry"), "a kind of Office"),
    ],
    ids=["photos", "xlsx", "ods", "locked-odt", "torn", "bomb", "locked-docx", "xls", "msg"],
)
def test_what_is_refused_before_any_program_sees_it(tmp_path: Path, write: Callable[[Path], None], said: str) -> None:
    path = tmp_path / "file.docx"
    write(path)
    with pytest.raises(Unreadable, match=said) as refused:
        sniff(path, ReadSettings(max_mb=1))
    assert refused.value.hint


@pytest.mark.parametrize(
    ("write", "media_type"),
    [
        (lambda path: office_files.docx(path, ["one"]), WORD),
        (lambda path: office_files.pptx(path, ["one"]), POINT),
        (zipped(mimetype="application/vnd.oasis.opendocument.text"), "application/vnd.oasis.opendocument.text"),
        (
            zipped(mimetype="application/vnd.oasis.opendocument.presentation-template"),
            "application/vnd.oasis.opendocument.presentation",
        ),
        (compound("Root Entry", "WordDocument"), "application/msword"),
        (compound("PowerPoint Document"), "application/vnd.ms-powerpoint"),
        (lambda path: path.write_text(r"{\rtf1 words}"), "application/rtf"),
    ],
    ids=["docx", "pptx", "odt", "otp", "doc", "ppt", "rtf"],
)
def test_a_document_is_known_by_what_is_in_it(tmp_path: Path, write: Callable[[Path], None], media_type: str) -> None:
    path = tmp_path / "file.txt"
    write(path)
    assert sniff(path, ReadSettings()) == media_type


# ---------------------------------------------------------------- the real one

real = pytest.mark.skipif(office_program("") is None, reason="LibreOffice is not installed")


@real
def test_libreoffice_makes_pages(tmp_path: Path, into: Path, opened: Open) -> None:
    reader = opened()
    word = office_files.docx(
        tmp_path / "a", ["Words of page N1", "and of page N2: Größe, Привет"], title="Minutes of the harbour"
    )
    assert reader.inspect(word).title == "Minutes of the harbour"
    pages = reader.read(word, 1, 2, into)
    assert [numbers([page]) for page in pages] == [["N1"], []]
    assert pages[1].blocks[0].text == "and of page N2: Größe, Привет"
    slides = office_files.pptx(tmp_path / "b", ["Slide N1", "Slide N2", "Slide N3"])
    assert reader.inspect(slides).page_count == 3
    pages = reader.read(slides, 1, 3, into)
    assert [numbers([page]) for page in pages] == [["N1"], ["N2"], ["N3"]]
    assert pages[0].width > pages[0].height
    rich = tmp_path / "c"
    rich.write_text(r"{\rtf1\ansi Rich words of page N1}")
    assert numbers(reader.read(rich, 1, 1, into)) == ["N1"]


@real
def test_libreoffice_refuses_in_our_words(tmp_path: Path, opened: Open) -> None:
    broken = office_files.package(
        tmp_path / "broken", {"[Content_Types].xml": "<Types/>", "word/document.xml": "<w:document><w:body><w:p"}
    )
    with pytest.raises(Unreadable, match="cannot be read"):
        opened().inspect(broken)


@real
def test_libreoffice_brings_in_nothing_from_outside(tmp_path: Path, into: Path, opened: Open) -> None:
    """A picture that a document refers to would tell its writer who reads it, or show what lies on this disk."""
    asked = threading.Event()

    class Listening(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            asked.set()

        do_GET = do_HEAD = do_OPTIONS = do_PROPFIND = lambda self: self.send_error(404)

    picture = tmp_path / "secret.png"
    papers.lettering("Secret").save(picture)
    with ThreadingHTTPServer(("127.0.0.1", 0), Listening) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            addresses = [f"http://127.0.0.1:{server.server_port}/seen.png", picture.as_uri()]
            path = office_files.docx(tmp_path / "spy", ["Words of page N1"], pictures=addresses)
            [page] = opened().read(path, 1, 1, into)
        finally:
            server.shutdown()
            thread.join()
    assert numbers([page]) == ["N1"]
    assert not [block for block in page.blocks if block.picture]
    assert not asked.is_set()
