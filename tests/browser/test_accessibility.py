"""Accessibility on phone and desktop, light and dark: names, overflow, contrast and target sizes.

`--axe FILE`, with axe-core's axe.min.js, also runs axe.
"""

from __future__ import annotations

import pytest

from bot.demo.people import DemoTeam, create_team
from bot.demo.slack_server import Samples, UnavailableFeature, Workspace
from tests.bot.demo.slack_server.conftest import web_client
from tests.browser.checks import check
from tests.browser.conftest import Visit
from tests.browser.gallery import FEEDBACK, gallery
from tests.browser.test_surfaces import post_picture
from tests.browser.window import DESK, PHONE, Window
from tests.flows.team import HANDBOOK


@pytest.fixture
def team(ws: Workspace) -> DemoTeam:
    """A channel with blocks, a thread, files and an ephemeral message."""
    team, client = create_team(ws), web_client(ws)
    id = post_picture(ws, team)
    ws.post("ben", team.channel, "our handbook", files=[("harbour-gateway-handbook-of-the-year.pdf", HANDBOOK)])
    ws.react(ws.bot_user, team.channel, ws.messages(team.channel)[-1].ts, "white_check_mark")
    client.chat_postMessage(channel=team.channel, text="a gallery", blocks=gallery(id))
    question = ws.post("ada", team.channel, f"<@{ws.bot_user}> which port does the gateway use?")
    words = {"type": "section", "text": {"type": "mrkdwn", "text": "The gateway listens on port 8443. [1]"}}
    client.chat_postMessage(channel=team.channel, thread_ts=question, text="8443", blocks=[words, FEEDBACK])
    client.chat_postEphemeral(channel=team.channel, user=team.ada, text="Your file could not be read.")
    ws.page.samples = Samples(("handbook.pdf",), ("Which port?",), lambda: [HANDBOOK])
    ws.page.off = lambda _: [UnavailableFeature("written answers", "Ollama is not running.", "", "ollama pull m")]
    return team


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", ["desk", "phone"])
def test_every_part_is_accessible_and_fits(
    visit: Visit, ws: Workspace, team: DemoTeam, axe: str | None, scheme: str, size: str
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
    look("1-conversation")
    window.open_thread("which port does the gateway use?")
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
        window.page.locator("#conversation").get_by_role("button", name="Conversations").click()
        window.page.locator(".side-open #side").wait_for()


def test_reduced_motion_stops_animations(visit: Visit, ws: Workspace, team: DemoTeam) -> None:
    moving = "() => document.getAnimations().length"
    ts = ws.post("ada", ws.direct("ada"), "what is new?")
    web_client(ws).assistant_threads_setStatus(channel_id=ws.direct("ada"), thread_ts=ts, status="is reading …")
    window = visit(reduced_motion="no-preference")
    window.enter("Magpie")
    window.page.locator(".growing", has_text="is reading").first.wait_for()
    assert window.page.evaluate(moving) > 0
    window.page.emulate_media(reduced_motion="reduce")
    assert window.page.evaluate(moving) == 0
    del team
