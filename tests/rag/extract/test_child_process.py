"""Tests of the extraction process: its environment variables and what it can reach."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag.errors import ExtractorStopped
from rag.extract.child_process import ChildProcess
from rag.sandbox import bubblewrap_prefix, confinement_gap
from rag.setting_groups import ReadSettings
from tests.rag.sandbox.probes import PROBES, write_probe

confined = pytest.mark.skipif(confinement_gap() is not None, reason=f"cannot confine here: {confinement_gap()}")


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="reads environments in /proc")
def test_child_inherits_only_harmless_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "a-long-random-word"
    for name in ("MAGPIE_EMBED__TOKEN", "SLACK_SIGNING_SECRET", "OPENAI_API_KEY", "DB_PASSWORD", "AWS_ACCESS_KEY_ID"):
        monkeypatch.setenv(name, secret)
    monkeypatch.setenv("LC_TIME", "C")
    child = ChildProcess(ReadSettings(), None, 1)
    try:
        environment = Path(f"/proc/{child.pid}/environ").read_bytes().decode()
    finally:
        child.kill()
    assert "LC_TIME=C" in environment.split("\0")
    assert secret not in environment


@pytest.fixture
def listeners(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """A TCP port and a local socket of another program of this user, for example a container engine."""
    local = tmp_path / "engine.sock"
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as engine:
        engine.bind(str(local))
        engine.listen()
        yield server.getsockname()[1], local


@confined
@pytest.mark.parametrize(
    "sandbox",
    [
        "landlock",
        pytest.param("bubblewrap", marks=pytest.mark.skipif(not bubblewrap_prefix((), ()), reason="no bwrap")),
    ],
)
def test_compromised_child_can_only_reach_its_own_folders(
    tmp_path: Path, listeners: tuple[int, Path], monkeypatch: pytest.MonkeyPatch, sandbox: str
) -> None:
    """The exploit is played by a fake OCR engine, which runs in the child with the child's permissions."""
    if sandbox == "landlock":
        monkeypatch.setenv("PATH", str(tmp_path))  # without bubblewrap
    page = tmp_path / "data" / "pictures" / "p0001.jpg"
    page.parent.mkdir(parents=True)
    page.write_bytes(b"a page of a private channel")
    modules = tmp_path / "modules"
    write_probe(modules / "compromised.py", page, *listeners, parent=os.getpid())
    monkeypatch.syspath_prepend(str(modules))
    with pytest.raises(ExtractorStopped) as stopped:
        ChildProcess(ReadSettings(layout=False), "compromised:open_probe", 1).load_models()
    assert "reached: own_folder;" in str(stopped.value)
    for name in PROBES:
        assert name in str(stopped.value), f"{name} was not tried"
    assert page.read_bytes() == b"a page of a private channel"
    sys.modules.pop("compromised", None)
