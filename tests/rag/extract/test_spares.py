"""Extractors for query pictures: ready in advance, each for one picture, ended when none is expected."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from rag.errors import ExtractorStopped, OperatorMustAct
from rag.extract.guarded import GuardedExtractor
from rag.extract.spares import SpareExtractors
from rag.setting_groups import ReadSettings
from tests.flows.team import until
from tests.support.extractor import TextExtractor


class LoadedExtractor(TextExtractor):
    """Records what happens to it. Loading waits for `gate`, and raises `problem`."""

    def __init__(self, gate: threading.Event, problem: Exception | None = None) -> None:
        super().__init__()
        self.is_loaded = self.is_closed = False
        self._gate = gate
        self._problem = problem

    def load_models(self) -> str:
        assert self._gate.wait(10)
        if self._problem is not None:
            raise self._problem
        self.is_loaded = True
        return ""

    def close(self) -> None:
        self.is_closed = True


class Opened:
    """Opens extractors and records them in `all`."""

    def __init__(self) -> None:
        self.all: list[LoadedExtractor] = []
        self.gate = threading.Event()
        self.gate.set()
        self.problem: Exception | None = None

    def __call__(self) -> LoadedExtractor:
        self.all.append(LoadedExtractor(self.gate, self.problem))
        return self.all[-1]

    def loaded(self) -> int:
        return sum(one.is_loaded for one in self.all)


@pytest.fixture
def opened() -> Opened:
    return Opened()


@pytest.fixture
def spares(opened: Opened) -> Iterator[SpareExtractors]:
    spares = SpareExtractors(opened)
    yield spares
    spares.close()


def test_expected_picture_gets_an_extractor_that_is_loaded(opened: Opened, spares: SpareExtractors) -> None:
    spares.expect()
    until(lambda: opened.loaded() == 1)
    with spares.lend() as extractor:
        assert extractor is opened.all[0]


def test_each_extractor_is_lent_once_and_then_ended(opened: Opened, spares: SpareExtractors) -> None:
    spares.expect()
    lent = []
    for _ in range(3):
        until(lambda: spares.is_ready)  # without being asked for
        with spares.lend() as extractor:
            lent.append(extractor)
    assert len(set(map(id, lent))) == 3
    assert all(one.is_closed for one in opened.all[:3])


def test_extractor_that_is_being_made_ready_is_waited_for(opened: Opened, spares: SpareExtractors) -> None:
    opened.gate.clear()
    spares.expect()
    threading.Timer(0.05, opened.gate.set).start()
    with spares.lend() as extractor:
        assert extractor is opened.all[0]
        assert opened.all[0].is_loaded


def test_nothing_is_kept_ready_unless_a_picture_is_expected(opened: Opened, spares: SpareExtractors) -> None:
    with spares.lend():
        assert not opened.all[0].is_loaded
    assert len(opened.all) == 1


def test_pictures_at_the_same_time_have_extractors_of_their_own(opened: Opened, spares: SpareExtractors) -> None:
    spares.expect()
    until(lambda: opened.loaded() == 1)
    with spares.lend() as one, spares.lend() as other:
        assert one is not other


def test_spare_is_ended_when_no_picture_comes(opened: Opened) -> None:
    spares = SpareExtractors(opened, idle_seconds=0.05)
    spares.expect()
    until(lambda: bool(opened.all) and opened.all[0].is_closed)
    spares.expect()  # and made ready again for the next one
    until(lambda: opened.loaded() == 2)
    spares.close()


def test_process_of_a_lent_extractor_outlives_the_idle_time(opened: Opened) -> None:
    spares = SpareExtractors(opened, idle_seconds=0.05)
    spares.expect()
    with spares.lend() as extractor:
        assert extractor is opened.all[0]
        keepers = [thread for thread in threading.enumerate() if thread.name == "spare-extractor"]
        assert keepers
        keepers[0].join(0.2)  # its processes would end with it
        assert keepers[0].is_alive()
    keepers[0].join(10)
    assert not keepers[0].is_alive()
    spares.close()


def test_failure_to_load_is_left_to_the_user_of_an_extractor(opened: Opened, spares: SpareExtractors) -> None:
    opened.problem = OperatorMustAct("RapidOCR's model is missing.")
    spares.expect()
    until(lambda: bool(opened.all) and opened.all[0].is_closed)
    with spares.lend() as extractor, pytest.raises(OperatorMustAct):
        extractor.load_models()


def test_close_ends_everything(opened: Opened) -> None:
    spares = SpareExtractors(opened)
    spares.expect()
    until(lambda: opened.loaded() == 1)
    with spares.lend():
        spares.close()
        assert opened.all[0].is_closed
    with pytest.raises(ExtractorStopped), spares.lend():
        pass
    spares.expect()
    assert len(opened.all) == 1


@pytest.mark.timeout(60)
def test_no_process_sees_two_pictures(tmp_path: Path) -> None:
    Image.new("RGB", (300, 200), "white").save(tmp_path / "shot.png")
    pids: list[int | None] = []

    def open_extractor() -> GuardedExtractor:
        return GuardedExtractor(ReadSettings(ocr=False, layout=False), None)

    spares = SpareExtractors(open_extractor)
    for _ in range(2):
        spares.expect()
        until(lambda: spares.is_ready)
        with spares.lend() as extractor:
            assert isinstance(extractor, GuardedExtractor)
            assert extractor.pid is not None
            extractor.inspect(tmp_path / "shot.png")
            pids.append(extractor.pid)
    spares.close()
    assert len(set(pids)) == 2
    assert not any(_is_running(pid) for pid in pids)


def _is_running(pid: int | None) -> bool:
    assert pid is not None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
