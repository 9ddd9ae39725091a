"""What each of three people sees: nothing else is anywhere in their page."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.demo.people import DemoTeam, create_team
from bot.demo.slack_server import Workspace
from tests.browser.conftest import Visit
from tests.browser.window import Window
from tests.flows.team import HANDBOOK, UNREADABLE, magpie, receipts

SECRETS = ("night-shift", "the code is 4711", "ledger.pdf", "Dora")

HOME = "Magpie’s Home"


@pytest.fixture
def team(ws: Workspace) -> DemoTeam:
    return create_team(ws)


def private(ws: Workspace) -> str:
    return next(space.id for space in ws.conversations() if space.name == "night-shift")


def connect(ws: Workspace) -> str:
    return next(space.id for space in ws.conversations() if space.name == "with-tidewater")


def test_private_channel_is_shown_to_members_only(visit: Visit, ws: Workspace, team: DemoTeam) -> None:
    ws.post("ben", private(ws), "the code is 4711", files=[("ledger.pdf", HANDBOOK)])
    window = visit()
    window.page.locator("#side .places a").first.wait_for()
    assert window.places() == [HOME, "harbour-watch", "with-tidewater", "Magpie"]
    assert window.contains(SECRETS[:3]) == [False, False, False]
    window.shot("people-1-ada")
    window.become("Ben")
    window.enter("night-shift")
    window.message("the code is 4711").wait_for()
    window.shot("people-2-ben")
    window.become("Cleo")
    window.page.get_by_role("heading", name="Cleo can’t see this conversation").wait_for()
    assert window.places() == [HOME, "with-tidewater", "Magpie"]
    assert window.contains(SECRETS[:3]) == [False, False, False]
    window.shot("people-3-cleo")
    window.become("Ben")
    window.enter("harbour-watch")
    window.become("Cleo")
    window.page.get_by_role("heading", name="Cleo isn’t in #harbour-watch").wait_for()
    window.enter("with-tidewater")
    window.page.get_by_role("button", name="5 members").click()
    window.page.locator("dialog li", has_text="from another company").wait_for()
    window.shot("people-4-shared")


def test_ephemeral_message_reaches_one_person(visit: Visit, ws: Workspace, team: DemoTeam, tmp_path: Path) -> None:
    with magpie(ws, tmp_path / "data"):
        receipts(ws, team.channel, ws.post("ada", team.channel, files=[("torn.pdf", b"%PDF-1.4 torn")]), UNREADABLE)
        ws.wait(lambda: ws.ephemerals("ada"))
        window = visit()
        window.message("I couldn't read torn.pdf").wait_for()
        assert window.page.locator(".ephemeral", has_text="Only you can see this").count() == 1
        window.shot("people-5-ephemeral")
        window.become("Ben")
        window.message("I couldn't read").wait_for(state="detached")
        window.page.locator(".reaction[aria-label*='could not be read']").wait_for()
        assert window.contains(["I couldn't read"]) == [False]


def test_changing_person_twice_at_once_logs_no_error(visit: Visit, ws: Workspace, team: DemoTeam) -> None:
    ws.post("ben", private(ws), "the code is 4711")
    window = visit()
    window.page.evaluate(
        """() => {
          for (const name of ["Cleo", "Ben"]) {
            [...document.querySelectorAll("#side .who button")].find(each => each.innerText.includes(name)).click();
            window.dispatchEvent(new HashChangeEvent("hashchange"));
          }
        }"""
    )
    window.enter("night-shift")
    window.message("the code is 4711").wait_for()


def test_leaving_joining_and_adding(visit: Visit, ws: Workspace, team: DemoTeam) -> None:
    window = visit()
    window.enter("harbour-watch")
    choose_in_channel_menu(window, "Leave #harbour-watch")
    window.confirm()
    window.page.get_by_text("You are looking at #harbour-watch.").wait_for()
    assert team.ada not in ws.conversation(team.channel).members
    assert window.page.get_by_role("heading", name="More channels").count() == 1
    window.shot("people-6-left")
    window.page.get_by_role("button", name="Join", exact=True).click()
    window.page.locator("#conversation .composer").wait_for()
    assert team.ada in ws.conversation(team.channel).members
    choose_in_channel_menu(window, "Remove Magpie")
    window.page.get_by_text("Magpie is not in this channel").wait_for()
    window.say("/invite @magpie")
    ws.wait(lambda: ws.bot_user in ws.conversation(team.channel).members, what="Magpie to be back")
    window.become("Ben")
    window.enter("night-shift")
    choose_in_channel_menu(window, "Members")
    window.page.locator("dialog li", has_text="Ada").get_by_role("button", name="Add").click()
    window.become("Ada")
    window.enter("night-shift")


def choose_in_channel_menu(window: Window, choice: str) -> None:
    window.page.get_by_role("button", name="This channel").click()
    window.page.get_by_role("menuitem", name=choice).click()


def test_messages_can_be_edited_reacted_to_and_deleted(visit: Visit, ws: Workspace, team: DemoTeam) -> None:
    window, other = visit(), visit()
    other.become("Ben")
    other.enter("harbour-watch")
    window.say("the *gull* has landed & <b>rests</b>, @ben: see https://example.org/a?b=1.")
    other.message("the gull has landed & <b>rests</b>, @ben").wait_for()
    (message,) = ws.messages(team.channel)
    assert message.text == (
        f"the *gull* has landed &amp; &lt;b&gt;rests&lt;/b&gt;, <@{team.ben}>: see <https://example.org/a?b=1>."
    )
    other.message("gull").hover()
    other.page.get_by_role("button", name="React with +1").click()
    window.page.locator(".reaction[aria-label*=ben]").wait_for()
    window.choose("gull", "Edit")
    area = window.page.get_by_label("Edit the message")
    assert area.input_value() == "the *gull* has landed & <b>rests</b>, @ben: see https://example.org/a?b=1."
    area.fill("the heron has landed")
    area.press("Enter")
    other.message("the heron has landed (edited)").wait_for()
    other.message("heron").hover()
    other.page.get_by_role("button", name="Reply in a thread").click()
    other.page.locator("#thread textarea").fill("and the tern")
    other.page.locator("#thread textarea").press("Enter")
    window.page.locator(".replies", has_text="1 reply").wait_for()
    window.choose("heron", "Delete")
    window.confirm()
    window.message("This message was deleted").wait_for()


def test_enter_completes_a_part_of_a_name_and_sends_a_whole_one(visit: Visit, ws: Workspace, team: DemoTeam) -> None:
    window = visit()
    area = window.page.locator("#conversation .composer textarea")
    chosen = window.page.locator("#conversation .completion li[aria-selected=true]", has_text="Magpie")
    area.press_sequentially("@mag")
    chosen.wait_for()
    area.press("Enter")
    chosen.wait_for(state="hidden")
    assert area.input_value() == "@magpie "
    assert window.page.locator("#conversation .message").count() == 0
    area.fill("")
    area.press_sequentially("@magpie")
    chosen.wait_for()
    window.shot("people-8-typed-in-full")
    area.press("Enter")
    window.page.locator("#conversation .message .mention", has_text="@magpie").wait_for()
    assert area.input_value() == ""


def test_everything_works_by_keyboard(visit: Visit, ws: Workspace, team: DemoTeam) -> None:
    for number in range(3):
        ws.post("ben", team.channel, f"word {number}")
    window = visit()
    window.message("word 2").wait_for()
    page = window.page
    where = page.url
    page.get_by_role("link", name="Skip to the conversation").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "conversation"
    assert page.url == where
    page.keyboard.press("Alt+ArrowDown")
    page.get_by_role("heading", name="with-tidewater", exact=True).wait_for()
    page.keyboard.press("Alt+ArrowUp")
    page.get_by_role("heading", name="harbour-watch", exact=True).wait_for()
    assert page.evaluate("document.activeElement.dataset.focus") == "write"
    window.message("word 2").focus()
    page.keyboard.press("ArrowUp")
    assert page.evaluate("document.activeElement.textContent").endswith("word 1")
    for _ in range(5):
        page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.ariaLabel") == "More"
    page.keyboard.press("Enter")
    page.get_by_role("menuitem", name="Copy text").wait_for()
    window.shot("people-7-menu")
    page.keyboard.press("Enter")
    page.wait_for_function("async () => await navigator.clipboard.readText() === 'word 1'")
    assert page.evaluate("document.activeElement.ariaLabel") == "More"
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    page.locator("#thread .message").wait_for()
    page.keyboard.press("Escape")
    page.locator("#thread").wait_for(state="hidden")
    assert page.evaluate("document.activeElement.textContent").endswith("word 1")
