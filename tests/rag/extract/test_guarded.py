"""Tests of GuardedExtractor with pages that crash, hang or exhaust the child, and of the end of both processes."""

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

from rag.errors import ExtractorStopped
from rag.extract.child_process import ChildProcess
from rag.extract.guarded import GuardedExtractor
from rag.extract.render import page_name
from rag.setting_groups import ReadSettings
from tests.rag.extract import papers

FAKES = "tests.support.ocr"


def three_pages(path: Path) -> Path:
    """Write a PDF of three pictures of words; the fakes misbehave on the second, which is red."""
    document = papers.new()
    for color in ("black", "red", "black"):
        papers.picture_page(document, papers.lettering("Word", (300, 400), fill=color))
    return papers.save(document, path)


def ends(pid: int, seconds: float = 20) -> bool:
    """Return whether a process ends within this time."""
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
    """Return whether a file appears within this time."""
    end = time.monotonic() + seconds
    while not path.exists() and time.monotonic() < end:
        time.sleep(0.02)
    return path.exists()


@pytest.mark.parametrize(
    ("factory", "seconds", "reason"),
    [
        ("open_aborting", 60, "it crashed the extraction process"),
        ("open_hanging", 3, "it took longer than 3 s"),
        ("open_hungry", 60, "it needed more than 1000 MB of memory"),
        ("open_raising", 60, "its content is damaged"),
    ],
)
def test_bad_page_fails_without_affecting_others(
    tmp_path: Path, into: Path, factory: str, seconds: float, reason: str
) -> None:
    settings = ReadSettings(page_seconds=seconds, memory_mb=1000, layout=False, render_px=400)
    extractor = GuardedExtractor(settings, f"{FAKES}:{factory}")
    path = three_pages(tmp_path / "three.pdf")
    try:
        pages = extractor.extract(path, 1, 3, into)
        assert [page.number for page in pages] == [1, 2, 3]
        assert [page.error is None for page in pages] == [True, False, True]
        assert reason in (pages[1].error or "")
        assert (pages[1].blocks, pages[1].render) == ((), None)
        assert pages[0].blocks
        assert pages[2].blocks
        assert [page.error for page in extractor.extract(path, 3, 3, into)] == [None]
    finally:
        extractor.close()


@pytest.mark.parametrize("factory", ["open_aborting", "open_raising"])
def test_failed_page_keeps_its_text_layer(tmp_path: Path, into: Path, factory: str) -> None:
    document = papers.new()
    page = papers.text_page(document)
    page.insert_image((60, 400, 540, 700), stream=papers.png(papers.lettering("Word", fill="red")))
    path = papers.save(document, tmp_path / "text.pdf")
    extractor = GuardedExtractor(ReadSettings(layout=False, render_px=400), f"{FAKES}:{factory}")
    try:
        [extracted] = extractor.extract(path, 1, 1, into)
    finally:
        extractor.close()
    assert (extracted.error or "").endswith(" Only the words of its text layer can be found.")
    assert papers.PARAGRAPH in " ".join(" ".join(block.text for block in extracted.blocks).split())
    assert (extracted.render, extracted.width, extracted.height) == (None, 600, 800)


def test_text_layer_of_a_failed_page_has_no_covered_words(tmp_path: Path, into: Path) -> None:
    document = papers.new()
    page = papers.text_page(document)
    page.insert_image((60, 400, 540, 700), stream=papers.png(papers.lettering("Word", fill="red")))
    page.insert_text((100, 500), "underneath", render_mode=3)
    for top, color in ((320, (0, 0, 0)), (340, (1, 1, 1))):
        page.draw_rect((60, top, 300, top + 15), fill=(1, 1, 1))
        page.insert_text((100, top + 12), f"covered{top}", fontsize=11)
        page.draw_rect((60, top, 300, top + 15), fill=color)
    page.insert_text((100, 380), "white", color=(1, 1, 1))
    page.insert_text((300, 380), "invisible", render_mode=3)
    page.draw_rect((400, 370, 500, 390), fill=(0, 0, 0.5))
    page.insert_text((410, 384), "label", color=(1, 1, 1))
    for top, fill, opacity in ((720, (1, 0, 0), 1), (740, (1, 1, 1), 1), (760, (1, 0, 0), 0.5)):
        page.draw_rect((60, top, 300, top + 15), color=None, fill=fill, fill_opacity=opacity)
        page.insert_text((100, top + 12), f"same{top}", fontsize=11, color=fill)
    page.insert_text((200, 732), "contrast", fontsize=11)
    path = papers.save(document, tmp_path / "covered.pdf")
    extractor = GuardedExtractor(ReadSettings(layout=False, render_px=400), f"{FAKES}:open_aborting")
    try:
        [extracted] = extractor.extract(path, 1, 1, into)
    finally:
        extractor.close()
    words = " ".join(block.text for block in extracted.blocks).split()
    hidden = ["covered320", "covered340", "white", "invisible", "same720", "same740"]
    assert [word for word in hidden if word in words] == []
    assert {"label", "underneath", "committee", "contrast", "same760"} <= {*words}
    assert [note.lost for note in extracted.notes] == [False]


def test_rejects_invalid_replies_of_the_child(tmp_path: Path, into: Path) -> None:
    extractor = GuardedExtractor(ReadSettings(layout=False, render_px=400), f"{FAKES}:open_lying")
    try:
        pages = extractor.extract(three_pages(tmp_path / "three.pdf"), 1, 1, into)
    finally:
        extractor.close()
    assert pages[0].error == "This page couldn't be read: it crashed the extraction process."


def pid_of(extractor: GuardedExtractor) -> int:
    assert extractor.pid is not None
    return extractor.pid


def test_child_is_reused_and_replaced_after_it_dies(tmp_path: Path, into: Path) -> None:
    extractor = GuardedExtractor(ReadSettings(layout=False, ocr=False, render_px=400), None)
    path = three_pages(tmp_path / "three.pdf")
    try:
        extractor.inspect(path)
        first = pid_of(extractor)
        extractor.extract(path, 1, 3, into)
        assert pid_of(extractor) == first
        os.kill(first, signal.SIGKILL)
        assert ends(first)
        assert len(extractor.extract(path, 1, 3, into)) == 3
        second = pid_of(extractor)
        assert second != first
    finally:
        extractor.close()
    assert ends(second)
    extractor.close()


def test_close_stops_an_extraction_in_another_thread(tmp_path: Path, into: Path) -> None:
    extractor = GuardedExtractor(ReadSettings(layout=False, render_px=400), f"{FAKES}:open_hanging")
    path = three_pages(tmp_path / "three.pdf")
    extractor.inspect(path)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(extractor.extract, path, 1, 2, into)
        assert appears(into / page_name(1))  # the second page is being extracted and never ends
        extractor.close()
        with pytest.raises(ExtractorStopped, match="stopped"):
            waiting.result(timeout=20)
    with pytest.raises(ExtractorStopped):
        extractor.extract(path, 1, 1, into)


def test_child_that_cannot_load_its_models_reports_the_reason(tmp_path: Path, into: Path) -> None:
    extractor = GuardedExtractor(ReadSettings(layout=False), f"{FAKES}:open_broken")
    path = three_pages(tmp_path / "three.pdf")
    assert extractor.inspect(path).page_count == 3
    with pytest.raises(ExtractorStopped, match="the model is not there"):
        extractor.extract(path, 1, 3, into)
    assert extractor.pid is None


PARENT = """
import sys
from pathlib import Path
from rag.extract.guarded import GuardedExtractor
from rag.setting_groups import ReadSettings

extractor = GuardedExtractor(ReadSettings(layout=False, page_seconds=600), sys.argv[3])
path = Path(sys.argv[1])
extractor.inspect(path)
print(extractor.pid, flush=True)
extractor.extract(path, 1, 3, Path(sys.argv[2]))
print("read", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("factory", ["open_ink", "open_hanging"])
def test_child_ends_when_the_parent_is_killed(tmp_path: Path, into: Path, factory: str) -> None:
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
        else:  # the child is busy: the first page's picture appears, the second's never does
            assert appears(into / page_name(1))
        assert Path(f"/proc/{child}").exists()
        parent.kill()
    assert ends(child)


def test_unwritable_picture_folder_stops_the_extraction(tmp_path: Path, into: Path) -> None:
    extractor = GuardedExtractor(ReadSettings(layout=False, ocr=False, render_px=400), None)
    path = three_pages(tmp_path / "three.pdf")
    try:
        with pytest.raises(ExtractorStopped, match=r"could not be written: No such file or directory\."):
            extractor.extract(path, 1, 3, tmp_path / "nowhere")
        assert [page.number for page in extractor.extract(path, 2, 3, into)] == [2, 3]
    finally:
        extractor.close()


class Interrupted(BaseException):
    pass


def test_interrupted_request_kills_the_child(tmp_path: Path, into: Path) -> None:
    extractor = GuardedExtractor(ReadSettings(layout=False, render_px=400), f"{FAKES}:open_hanging")
    path = three_pages(tmp_path / "three.pdf")

    def interrupt(number: int, frame: object) -> None:
        raise Interrupted

    def interrupt_when_busy() -> None:
        if appears(into / page_name(1)):
            os.kill(os.getpid(), signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, interrupt)
    watcher = threading.Thread(target=interrupt_when_busy, daemon=True)
    watcher.start()
    try:
        with pytest.raises(Interrupted):
            extractor.extract(path, 1, 3, into)
        assert extractor.pid is None
        assert [page.number for page in extractor.extract(path, 3, 3, into)] == [3]
    finally:
        watcher.join()
        signal.signal(signal.SIGUSR1, before)
        extractor.close()


def test_printing_library_does_not_disturb_the_protocol(tmp_path: Path) -> None:
    child = ChildProcess(ReadSettings(layout=False), f"{__name__}:open_printing", 1)
    child.kill()


def open_printing(threads: int) -> object:
    """Return an Ocr and print to standard output."""
    print("loading...")  # noqa: T201
    os.write(1, b"and past Python as well\n")
    from tests.support.ocr import open_ink

    return open_ink(threads)
