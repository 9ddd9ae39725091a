"""A real Chromium on the page of a workspace. Without Chromium these tests are skipped with a message."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bot.demo.slack_server import Workspace
from tests.browser.window import Window
from tests.support.slack_workspace import workspace_fixture

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Playwright

ws = workspace_fixture()

NAMES = ("chromium", "chromium-browser", "google-chrome")
Visit = Callable[..., Window]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all tests of this folder, so that `pytest -m browser` selects them."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.timeout(240))


def chromium() -> str | None:
    return next((found for name in NAMES if (found := shutil.which(name))), None)


@contextmanager
def launch(playwright: Playwright) -> Iterator[Browser]:
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
    with sync_playwright() as playwright, launch(playwright) as browser:
        yield browser


@pytest.fixture
def shots(request: pytest.FixtureRequest) -> Path | None:
    """Return the folder for screenshots of the steps (`--shots DIR`), or None."""
    folder = request.config.getoption("--shots")
    if not folder:
        return None
    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    return path


@pytest.fixture
def axe(request: pytest.FixtureRequest) -> str | None:
    """Return the source of axe-core's axe.min.js (`--axe FILE`), or None."""
    file = request.config.getoption("--axe")
    return Path(file).read_text(encoding="utf-8") if file else None


@pytest.fixture
def visit(browser: Browser, ws: Workspace, shots: Path | None) -> Iterator[Visit]:
    """Open windows on the page. At the end, check that each loaded nothing from other hosts and logged no errors."""
    opened: list[Window] = []

    def visit(**options: object) -> Window:
        opened.append(Window.open(browser, ws, shots, **options))
        return opened[-1]

    yield visit
    for window in opened:
        window.close()
