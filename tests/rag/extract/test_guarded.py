"""Pages that abort, hang or starve the reading process, and processes that are left alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rag.errors import ReaderStopped
from rag.extract.child_process import Child
from rag.extract.guarded import GuardedReader
from rag.extract.render import page_name
from rag.settings import ReadSettings
from tests.rag.extract import papers

FAKES = "tests.support.ocr"


def three_pages(path: Path) -> Path:
    """Pictures of words; those of the second are red, which the fakes cannot bear."""
    document = papers.new()
    for colour in ("black", "red", "black"):
        papers.picture_page(document, papers.lettering("Word", (300, 400), fill=colour))
    return papers.save(document, path)


def gone(pid: int, seconds: float = 20) -> bool:
    """Whether a process ends within this time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


def appears(path: Path, seconds: float = 60) -> bool:
    """Whether a file is there within this time."""
    end = time.monotonic() + seconds
    while not path.exists() and time.monotonic() < end:
        time.sleep(0.02)
    return path.exists()


@pytest.mark.parametrize(
    ("factory", "seconds", "reason"),
    [
        ("open_aborting", 60, "it stopped the reader"),
        ("open_hanging", 3, "it ran past 3 s"),
        ("open_hungry", 60, "it needed more than 1000 MB of memory"),
        ("open_raising", 60, "its content is damaged"),
    ],
)
def test_a_bad_page_fails_alone(tmp_path: Path, into: Path, factory: str, seconds: float, reason: str) -> None:
    settings = ReadSettings(page_seconds=seconds, memory_mb=1000, layout=False, render_px=400)
    reader = GuardedReader(settings, f"{FAKES}:{factory}")
    path = three_pages(tmp_path / "three.pdf")
    try:
        pages = reader.read(path, 1, 3, into)
        assert [page.number for page in pages] == [1, 2, 3]
        assert [page.error is None for page in pages] == [True, False, True]
        assert reason in (pages[1].error or "")
        assert (pages[1].blocks, pages[1].render) == ((), None)
        assert pages[0].blocks
        assert pages[2].blocks
        assert [page.error for page in reader.read(path, 3, 3, into)] == [None]
    finally:
        reader.close()


def test_what_no_honest_child_says_is_not_believed(tmp_path: Path, into: Path) -> None:
    reader = GuardedReader(ReadSettings(layout=False, render_px=400), f"{FAKES}:open_lying")
    try:
        pages = reader.read(three_pages(tmp_path / "three.pdf"), 1, 1, into)
    finally:
        reader.close()
    assert pages[0].error == "This page could not be read: it stopped the reader."


def pid_of(reader: GuardedReader) -> int:
    assert reader.pid is not None
    return reader.pid


def test_one_child_serves_until_it_dies_and_is_replaced(tmp_path: Path, into: Path) -> None:
    reader = GuardedReader(ReadSettings(layout=False, ocr=False, render_px=400), None)
    path = three_pages(tmp_path / "three.pdf")
    try:
        reader.inspect(path)
        first = pid_of(reader)
        reader.read(path, 1, 3, into)
        assert pid_of(reader) == first
        os.kill(first, signal.SIGKILL)
        assert gone(first)
        assert len(reader.read(path, 1, 3, into)) == 3
        second = pid_of(reader)
        assert second != first
    finally:
        reader.close()
    assert gone(second)
    reader.close()


def test_closing_ends_a_read_that_another_thread_waits_for(tmp_path: Path, into: Path) -> None:
    reader = GuardedReader(ReadSettings(layout=False, render_px=400), f"{FAKES}:open_hanging")
    path = three_pages(tmp_path / "three.pdf")
    reader.inspect(path)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(reader.read, path, 1, 2, into)
        assert appears(into / page_name(1))  # the second page is read now, and never ends
        reader.close()
        with pytest.raises(ReaderStopped, match="closed"):
            waiting.result(timeout=20)
    with pytest.raises(ReaderStopped):
        reader.read(path, 1, 1, into)


def test_a_child_that_cannot_start_says_why(tmp_path: Path) -> None:
    reader = GuardedReader(ReadSettings(layout=False), f"{FAKES}:open_broken")
    with pytest.raises(ReaderStopped, match="the model is not there"):
        reader.inspect(three_pages(tmp_path / "three.pdf"))
    assert reader.pid is None


PARENT = """
import sys
from pathlib import Path
from rag.extract.guarded import GuardedReader
from rag.settings import ReadSettings

reader = GuardedReader(ReadSettings(layout=False, page_seconds=600), sys.argv[3])
path = Path(sys.argv[1])
reader.inspect(path)
print(reader.pid, flush=True)
reader.read(path, 1, 3, Path(sys.argv[2]))
print("read", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("factory", ["open_ink", "open_hanging"])
def test_a_killed_parent_leaves_no_child(tmp_path: Path, into: Path, factory: str) -> None:
    path = three_pages(tmp_path / "three.pdf")
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(path), str(into), f"{FAKES}:{factory}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": str(tmp_path)},
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        if factory == "open_ink":
            assert parent.stdout.readline() == "read\n"
        else:  # busy: the first page's picture appears, the second's never does
            assert appears(into / page_name(1))
        assert Path(f"/proc/{child}").exists()
        parent.kill()
    assert gone(child)


def test_a_disk_that_refuses_pictures_is_not_the_pages_fault(tmp_path: Path, into: Path) -> None:
    reader = GuardedReader(ReadSettings(layout=False, ocr=False, render_px=400), None)
    path = three_pages(tmp_path / "three.pdf")
    try:
        with pytest.raises(ReaderStopped, match=r"could not be written: No such file or directory\."):
            reader.read(path, 1, 3, tmp_path / "nowhere")
        assert [page.number for page in reader.read(path, 2, 3, into)] == [2, 3]
    finally:
        reader.close()


class Interrupted(BaseException):
    pass


def test_an_interrupted_request_is_not_answered_later(tmp_path: Path, into: Path) -> None:
    reader = GuardedReader(ReadSettings(layout=False, render_px=400), f"{FAKES}:open_hanging")
    path = three_pages(tmp_path / "three.pdf")

    def interrupt(number: int, frame: object) -> None:
        raise Interrupted

    def when_busy() -> None:
        if appears(into / page_name(1)):
            os.kill(os.getpid(), signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, interrupt)
    watcher = threading.Thread(target=when_busy, daemon=True)
    watcher.start()
    try:
        with pytest.raises(Interrupted):
            reader.read(path, 1, 3, into)
        assert reader.pid is None
        assert [page.number for page in reader.read(path, 3, 3, into)] == [3]
    finally:
        watcher.join()
        signal.signal(signal.SIGUSR1, before)
        reader.close()


def test_nothing_a_library_prints_reaches_the_talk(tmp_path: Path) -> None:
    child = Child(ReadSettings(layout=False), f"{__name__}:open_talkative", 1)
    child.kill()


def open_talkative(threads: int) -> object:
    """An Ocr factory that prints as it is opened."""
    print("loading...")  # noqa: T201
    os.write(1, b"and past Python as well\n")
    from tests.support.ocr import open_ink

    return open_ink(threads)
