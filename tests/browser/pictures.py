"""Make the pictures of the README and of docs/: `python -m tests.browser.pictures FOLDER` (bot/demo/samples).

The real bot reads the samples and answers the question. The tests' fake generator stands in for the model.
"""

from __future__ import annotations

import sys
import tempfile
import time
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from bot.demo.people import create_team
from bot.demo.samples import draw_samples
from bot.demo.slack_server import open_workspace
from rag import Settings
from tests.browser.conftest import launch
from tests.browser.window import Window
from tests.flows.team import READ, magpie
from tests.support.slack_workspace import without_proxies

QUESTION = "What happens when a gateway starts with the wrong time?"
SIZE = {"width": 1180, "height": 760}
MORNING = datetime(2026, 11, 2, 9, 41, tzinfo=UTC)
"""The time shown in the pictures, so that they change only with the page."""
COLORS = 224
"""Palette size: a third of the bytes without a visible difference."""


def save_small(picture: bytes, path: Path) -> None:
    with Image.open(BytesIO(picture)) as image:
        plain = image.convert("RGB").quantize(COLORS, dither=Image.Dither.NONE)
        plain.save(path, "PNG", optimize=True)


def take_pictures(window: Window, folder: Path) -> None:
    """Ask as Ben about Ada's documents. Take pictures of the answer and of the inspector."""
    page = window.page
    window.become("Ben")
    window.say(f"@magpie {QUESTION}")
    page.locator("#thread .shown img").first.wait_for()
    page.locator("#conversation .reaction[aria-label*=looked]").wait_for(state="detached")
    page.locator("#thread .shown img").first.evaluate("image => image.decode()")
    page.locator("#thread .scroller").evaluate("each => { each.scrollTop = 0; }")
    page.evaluate("document.activeElement.blur()")
    save_small(page.screenshot(), folder / "thread.png")
    answer = page.locator("#thread .message", has=page.get_by_role("button", name="Good answer"))
    save_small(answer.screenshot(), folder / "follow-ups.png")
    page.emulate_media(color_scheme="dark")
    page.get_by_role("button", name="Close the thread").click()
    page.get_by_role("button", name="Inspector").click()
    page.locator("#inspector summary", has_text="app_mention").first.wait_for()
    page.locator("#inspector .records").evaluate("each => { each.scrollTop = each.scrollHeight; }")
    page.mouse.move(0, 0)
    page.evaluate("document.activeElement.blur()")
    save_small(page.screenshot(), folder / "inspector.png")
    page.emulate_media(color_scheme="light")
    page.get_by_role("button", name="Close the inspector").click()


def take_settings_picture(window: Window, folder: Path) -> None:
    """Take a picture of the settings of a channel, as Ada, who created it."""
    window.become("Ada")
    window.say("/magpie settings")
    modal = window.page.locator("dialog.modal")
    modal.get_by_label("PDF").check()
    modal.get_by_label("Every week").check()
    window.page.evaluate("document.activeElement.blur()")
    save_small(modal.screenshot(), folder / "settings.png")
    modal.get_by_role("button", name="Cancel").click()


def run(folder: Path, data: Path) -> None:
    began = time.monotonic()
    drawn = [path for path in draw_samples(data / "samples") if path.suffix == ".pdf"]
    with without_proxies(), open_workspace(now=lambda: MORNING.timestamp() + time.monotonic() - began) as ws:
        team = create_team(ws)
        with magpie(ws, data / "data", rag=Settings(data=data / "data")):
            files = [(path.name, path.read_bytes()) for path in drawn]
            shared = ws.post("ada", team.channel, "The handbook, and the report on the sensors.", files=files)
            ws.wait(lambda: READ in ws.message(team.channel, shared).reactions, 300, "the documents to be read")
            with sync_playwright() as playwright, launch(playwright) as browser:
                window = Window.open(browser, ws, viewport=SIZE, timezone_id="UTC")
                take_pictures(window, folder)
                take_settings_picture(window, folder)
                window.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        into = Path(sys.argv[1])
        into.mkdir(parents=True, exist_ok=True)
        run(into, Path(name))
