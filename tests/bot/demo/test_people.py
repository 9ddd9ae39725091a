"""Features that are not set up with their commands, and signals held back during imports."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from bot.demo.people import FeatureCheck, defer_stop_signals, describe
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
def test_finds_the_command_in_a_remedy(fix: str, command: str) -> None:
    assert describe(Check("picture lanes", "warn", "off: not here", fix), ".venv/bin/magpie").command == command


def test_describes_checks_by_feature() -> None:
    feature = describe(Check("picture lanes", "warn", "off: not here", "magpie models pull"), "magpie")
    assert (feature.name, feature.detail, feature.fix) == ("picture search", "Not here.", "")


def test_checks_once_and_again_on_request() -> None:
    found = [Check("model", "warn", "away", "start it"), Check("disk", "ok", "12 GB", "")]
    runs: list[int] = []

    def checks() -> Iterator[Check]:
        runs.append(1)
        yield from found

    check_features = FeatureCheck(checks, "magpie")
    assert [each.name for each in check_features(False) or ()] == ["written answers"]
    found.clear()
    assert len(check_features(False) or ()) == 1
    assert check_features(True) == []
    assert len(runs) == 2


def test_signals_wait_until_the_block_ends() -> None:
    done: list[str] = []
    before = signal.getsignal(signal.SIGTERM)

    def load() -> None:
        with defer_stop_signals():
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
            done.append("done")

    with pytest.raises(KeyboardInterrupt):
        load()
    assert done == ["done"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGTERM) is before


def test_signals_are_unchanged_outside_the_main_thread() -> None:
    def run_in_thread() -> str:
        with defer_stop_signals():
            return "done"

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(run_in_thread).result() == "done"
