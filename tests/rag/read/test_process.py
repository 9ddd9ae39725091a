"""What the reading process, which opens strangers' files, is started with."""

import os
from pathlib import Path

import pytest

from rag.read.process import Child
from rag.settings import ReadSettings


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="tells a process's environment on Linux alone")
def test_it_is_started_without_tokens_and_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MAGPIE_EMBED__TOKEN", "SLACK_SIGNING_SECRET", "Some_Token"):
        monkeypatch.setenv(name, "a-long-random-word")
    monkeypatch.setenv("MAGPIE_TEST_SHOWN", "seen")
    child = Child(ReadSettings(), None, 1)
    try:
        told = Path(f"/proc/{child.pid}/environ").read_bytes().decode()
    finally:
        child.kill()
    assert "MAGPIE_TEST_SHOWN=seen" in told.split("\0")
    assert "a-long-random-word" not in told
    assert os.environ["MAGPIE_EMBED__TOKEN"] == "a-long-random-word"
