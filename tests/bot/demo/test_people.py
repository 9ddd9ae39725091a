"""What the demo says is off, and how it is turned on; and that its loading is not broken off in an import."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from bot.demo.people import Lookout, off, unhurried
from rag import Check


@pytest.mark.parametrize(
    ("fix", "command"),
    [
        ("magpie models pull", ".venv/bin/magpie models pull"),
        ("install Ollama from https://ollama.com/download, then: ollama pull m:4b", "ollama pull m:4b"),
        ("OLLAMA_HOST=http://gpu:11434 ollama pull m:4b", "OLLAMA_HOST=http://gpu:11434 ollama pull m:4b"),
        ("Install LibreOffice (Debian: sudo apt install libreoffice-nogui).", "sudo apt install libreoffice-nogui"),
        ("Set MAGPIE_READ__OCR=true.", ""),
    ],
)
def test_the_command_can_be_pasted(fix: str, command: str) -> None:
    assert off(Check("picture lanes", "warn", "off: not here", fix), ".venv/bin/magpie").command == command


def test_a_check_is_said_in_words_for_newcomers() -> None:
    told = off(Check("picture lanes", "warn", "off: not here", "magpie models pull"), "magpie")
    assert (told.name, told.detail, told.fix) == ("search by what pictures show", "Not here.", "")


def test_it_looks_once_and_again_when_asked() -> None:
    found = [Check("model", "warn", "away", "start it"), Check("disk", "ok", "12 GB", "")]
    looked: list[int] = []

    def checks() -> Iterator[Check]:
        looked.append(1)
        yield from found

    lookout = Lookout(checks, "magpie")
    assert [each.name for each in lookout(False) or ()] == ["answers written by a model"]
    found.clear()
    assert len(lookout(False) or ()) == 1
    assert lookout(True) == []
    assert len(looked) == 2


def test_an_interrupt_waits_until_the_block_is_through() -> None:
    done: list[str] = []
    before = signal.getsignal(signal.SIGTERM)

    def load() -> None:
        with unhurried():
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
            done.append("through")

    with pytest.raises(KeyboardInterrupt):
        load()
    assert done == ["through"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGTERM) is before


def test_off_the_main_thread_signals_are_left_alone() -> None:
    def elsewhere() -> str:
        with unhurried():
            return "through"

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(elsewhere).result() == "through"
