"""Tests of the browser process: its sandbox, and its user if Magpie runs as root."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from rag.ingest.fetch.urls import browser_program
from tests.rag.ingest.fetch.site import Page, site

ROOT = Path(__file__).parents[4]
needs_browser = pytest.mark.skipif(browser_program("") is None, reason="no Chromium on this machine")
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads processes in /proc")

_FETCH = """
import sys
from pathlib import Path
from rag.errors import MagpieError
from rag.setting_groups import ReadSettings, WebSettings
from rag.ingest.fetch.urls import UrlFetcher
try:
    fetcher = UrlFetcher(WebSettings(allow=("127.0.0.1",), seconds=40), ReadSettings())
    print(fetcher(sys.argv[1], Path(sys.argv[2])).name)
except MagpieError as error:
    print(type(error).__name__, error, error.hint)
"""


def fetch(url: str, into: Path, *prefix: str) -> str:
    result = subprocess.run(
        [*prefix, sys.executable, "-c", _FETCH, url, str(into)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def is_ours(process: Path) -> bool:
    """Return whether this process started the one in a folder of /proc. Other tests use Chromium, too."""
    number = int(process.name)
    while number > 1:
        if number == os.getpid():
            return True
        status = Path("/proc", str(number), "status").read_text()
        number = int(status.partition("\nPPid:")[2].split()[0])
    return False


def browsers() -> list[tuple[int, bytes]]:
    """Return user ID and command line of all Chromium renderer processes that this process started."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes()
            if b"--type=renderer" in command and is_ours(folder):
                found.append((folder.stat().st_uid, command))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


@needs_browser
@on_linux
@pytest.mark.timeout(120)
def test_page_is_rendered_in_a_sandbox_and_never_as_root(tmp_path: Path) -> None:
    seen: list[tuple[int, bytes]] = []

    def answer(path: str) -> Page:
        if path == "/picture":  # requested while the page is being rendered
            seen.extend(browsers())
            return 404, {}, b""
        return 200, {"Content-Type": "text/html"}, b"<title>Wiki</title><p>words</p><img src='/picture'>"

    with site(answer) as (url, _):
        assert fetch(f"{url}/a", tmp_path / "copy") == "Wiki"
    assert seen
    assert not [command for user, command in seen if user == 0 or b"--no-sandbox" in command]


@needs_browser
@pytest.mark.skipif(
    platform.machine() != "x86_64" or sys.platform != "linux", reason="the container filter supports only x86_64"
)
@pytest.mark.timeout(120)
def test_page_is_refused_if_the_sandbox_cannot_start(tmp_path: Path) -> None:
    container = [sys.executable, "-m", "tests.rag.sandbox.container", "engine"]
    with site(lambda path: (200, {"Content-Type": "text/html"}, b"<p>words</p>")) as (url, _):
        message = fetch(f"{url}/a", tmp_path / "copy", *container)
    assert message.startswith("Unreadable Web pages can't be read here: Chromium can't start its sandbox.")
    assert "Save the page as a PDF" in message
