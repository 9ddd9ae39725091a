"""A real Chromium on the page of a workspace. Where there is none, these tests are skipped and say so."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bot.demo.slack_server import Workspace, open_workspace
from tests.browser.window import Window
from tests.flows.team import without_proxies

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
Opened = Callable[..., Window]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All here are of one kind: `pytest -m browser`."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.timeout(240))


def chromium() -> str | None:
    return next((found for name in NAMES if (found := shutil.which(name))), None)


@contextmanager
def launched(playwright: Playwright) -> Iterator[Browser]:
    # Chromium's sandbox does not start for root.
    browser = playwright.chromium.launch(executable_path=chromium(), chromium_sandbox=os.geteuid() != 0)
    try:
        yield browser
    finally:
        browser.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import sync_playwright

    if chromium() is None:
        pytest.skip("no Chromium on this machine: sudo apt install chromium")
    with sync_playwright() as playwright, launched(playwright) as browser:
        yield browser


@pytest.fixture
def ws() -> Iterator[Workspace]:
    with without_proxies(), open_workspace() as opened:
        yield opened


@pytest.fixture
def shots(request: pytest.FixtureRequest) -> Path | None:
    """Where pictures of the steps go, if anywhere: `--shots DIR`."""
    folder = request.config.getoption("--shots")
    if not folder:
        return None
    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    return path


@pytest.fixture
def axe(request: pytest.FixtureRequest) -> str | None:
    """The source of axe-core: `--axe FILE`, its axe.min.js."""
    file = request.config.getoption("--axe")
    return Path(file).read_text(encoding="utf-8") if file else None


@pytest.fixture
def visit(browser: Browser, ws: Workspace, shots: Path | None) -> Iterator[Opened]:
    """Opens windows on the page; each is checked in the end: nothing asked of elsewhere, nothing broken."""
    opened: list[Window] = []

    def visit(**how: object) -> Window:
        opened.append(Window.open(browser, ws, shots, **how))
        return opened[-1]

    yield visit
    for window in opened:
        window.close()
