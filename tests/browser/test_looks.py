"""Phone and desk, light and dark: what is too wide, unnamed, too pale or too small to touch is found here.

With `--axe FILE`, where FILE is axe-core's axe.min.js, axe looks too.
"""

from __future__ import annotations

import pytest

from bot.demo.people import Town, settle
from bot.demo.slack_server import Off, Samples, Workspace
from tests.bot.demo.slack_server.conftest import client_of
from tests.browser.conftest import Opened
from tests.browser.gallery import FEEDBACK, gallery
from tests.browser.looks import check
from tests.browser.test_surfaces import shown
from tests.browser.window import DESK, PHONE, Window
from tests.flows.team import HANDBOOK


@pytest.fixture
def town(ws: Workspace) -> Town:
    """A lively room: blocks, a thread, files, a sentence for one person."""
    town, client = settle(ws), client_of(ws)
    id = shown(ws, town)
    ws.post("ben", town.room, "our handbook", files=[("harbour-gateway-handbook-of-the-year.pdf", HANDBOOK)])
    ws.react(ws.bot_user, town.room, ws.messages(town.room)[-1].ts, "white_check_mark")
    client.chat_postMessage(channel=town.room, text="a gallery", blocks=gallery(id))
    asked = ws.post("ada", town.room, f"<@{ws.bot_user}> which port does the gateway use?")
    words = {"type": "section", "text": {"type": "mrkdwn", "text": "The gateway listens on port 8443. [1]"}}
    client.chat_postMessage(channel=town.room, thread_ts=asked, text="8443", blocks=[words, FEEDBACK])
    client.chat_postEphemeral(channel=town.room, user=town.ada, text="Your file could not be read.")
    ws.page.samples = Samples(("handbook.pdf",), ("Which port?",), lambda: [HANDBOOK])
    ws.page.off = lambda _: [Off("answers written by a model", "Ollama is away.", "", "ollama pull m")]
    return town


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", ["desk", "phone"])
def test_every_part_is_named_legible_and_fits(
    visit: Opened, ws: Workspace, town: Town, axe: str | None, scheme: str, size: str
) -> None:
    phone = size == "phone"
    window = visit(
        viewport=PHONE if phone else DESK,
        color_scheme=scheme,
        bypass_csp=axe is not None,
        has_touch=phone,
        is_mobile=phone,
    )
    page, name = window.page, f"looks-{size}-{scheme}"

    def look(what: str) -> None:
        check(window, axe)
        window.shot(f"{name}-{what}")

    window.message("Your file could not be read").wait_for()
    look("1-room")
    window.begin_thread("which port does the gateway use?")
    look("2-thread")
    page.get_by_role("button", name="Close the thread").click()
    page.get_by_role("button", name="This channel").click()
    look("3-menu")
    page.keyboard.press("Escape")
    _side(window, phone)
    look("4-side")
    page.get_by_role("button", name="How to turn on").click()
    look("5-off")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Inspector").click()
    page.locator("#inspector summary", has_text="chat.postMessage").first.click()
    page.locator("#inspector pre").first.wait_for()
    look("6-inspector")
    page.get_by_role("button", name="Close the inspector").click()
    _side(window, phone)
    window.enter("with-tidewater")
    look("7-empty")
    window.drop(("a.pdf", "application/pdf", HANDBOOK), ("b.png", "image/png", ws.files("page.png")[0].data))
    look("8-files")


def _side(window: Window, phone: bool) -> None:
    if phone:
        window.page.locator("#room").get_by_role("button", name="Conversations").click()
        window.page.locator(".side-open #side").wait_for()


def test_nothing_moves_for_who_asked_for_less_motion(visit: Opened, ws: Workspace, town: Town) -> None:
    moving = "() => document.getAnimations().length"
    ts = ws.post("ada", ws.direct("ada"), "what is new?")
    client_of(ws).assistant_threads_setStatus(channel_id=ws.direct("ada"), thread_ts=ts, status="is reading …")
    window = visit(reduced_motion="no-preference")
    window.enter("Magpie")
    window.page.locator(".growing", has_text="is reading").first.wait_for()
    assert window.page.evaluate(moving) > 0
    window.page.emulate_media(reduced_motion="reduce")
    assert window.page.evaluate(moving) == 0
    del town
