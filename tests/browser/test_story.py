"""A newcomer's story, with the real bot: from an empty workspace to the cited page and its picture."""

from __future__ import annotations

import threading
from collections.abc import Generator as Generating
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.demo.people import settle
from bot.demo.slack_server import Samples, Workspace
from bot.main import Bot
from rag.ports import Generator, Prompt
from tests.browser.conftest import Opened
from tests.flows.team import HANDBOOK, magpie, receipts, reply, settings
from tests.flows.test_slack import screenshot
from tests.support.generator import FakeGenerator

PDF = ("handbook.pdf", "application/pdf", HANDBOOK)
ASKED = "@magpie which port does the gateway use?"


@contextmanager
def at_work(ws: Workspace, data: Path, generator: Generator | None = None) -> Iterator[Bot]:
    rag = settings(data, read={"workers": 1, "layout": False})
    with magpie(ws, data, rag=rag, generator=generator) as bot:
        yield bot


@pytest.fixture
def bot(ws: Workspace, tmp_path: Path) -> Iterator[Bot]:
    settle(ws)
    with at_work(ws, tmp_path / "data") as bot:
        yield bot


def test_from_an_empty_workspace_to_a_cited_answer_with_its_picture(visit: Opened, bot: Bot) -> None:
    window = visit()
    page = window.page
    page.get_by_text("This is #harbour-watch").wait_for()
    window.shot("story-1-empty")
    window.drop(PDF)
    window.shot("story-2-dropped")
    window.send()
    page.locator("#room .reaction[aria-label*=read]").wait_for()
    window.shot("story-3-receipt")
    page.locator("#room textarea").press_sequentially("@mag")
    page.locator(".completion li[aria-selected=true]", has_text="Magpie").wait_for()
    window.shot("story-4-completion")
    page.keyboard.press("Enter")
    page.keyboard.type("which port does the gateway use?")
    page.keyboard.press("Enter")
    page.locator("#thread .message", has_text="port 8443").wait_for()
    shown = page.locator("#thread .shown img")
    shown.wait_for()
    page.wait_for_function("image => image.complete && image.naturalWidth > 500", arg=shown.element_handle())
    assert page.locator("#thread .linklike", has_text="handbook.pdf").count() == 1
    page.locator("#room .reaction[aria-label*=looked]").wait_for(state="detached")
    window.shot("story-5-answer")
    page.locator("#thread .picture").click()
    page.locator("dialog.lightbox[open] img").wait_for()
    window.shot("story-6-picture-large")
    page.keyboard.press("Escape")
    page.locator("dialog").wait_for(state="detached")
    assert page.evaluate("document.activeElement.className").startswith("picture")


def test_a_screenshot_from_the_clipboard_finds_its_page(visit: Opened, bot: Bot, ws: Workspace) -> None:
    room = next(each.id for each in ws.spaces() if each.name == "harbour-watch")
    receipts(ws, room, ws.post("ada", room, files=[("handbook.pdf", HANDBOOK)]), "white_check_mark")
    window = visit()
    window.paste("image.png", "image/png", screenshot())
    window.page.locator("#room textarea").fill("@magpie")
    window.shot("screenshot-1-pasted")
    window.page.locator("#room textarea").press("Escape")
    window.send()
    window.page.locator("#thread .message", has_text="This is handbook.pdf, p. 2").wait_for()
    window.page.locator("#thread .message .shown img").nth(1).wait_for()
    window.shot("screenshot-2-found")


def test_the_samples_are_offered_with_questions_about_them(visit: Opened, bot: Bot, ws: Workspace) -> None:
    ws.page.samples = Samples(("handbook.pdf",), ("Which port does the gateway use?",), lambda: [HANDBOOK])
    window = visit()
    window.page.get_by_text("Share two sample documents").click()
    window.page.locator("#room .reaction[aria-label*=read]").wait_for()
    window.shot("samples-1-offered")
    window.page.get_by_role("button", name="Which port does the gateway use?").click()
    window.page.keyboard.press("Enter")
    window.page.locator("#thread .message", has_text="port 8443").wait_for()
    assert window.page.locator(".suggestion").count() == 0


class Halting(FakeGenerator):
    """Says the first half, and the rest once it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = threading.Event()

    def stream(self, prompt: Prompt) -> Generating[str, None, None]:
        yield "The gateway listens on"
        assert self.go_on.wait(60)
        yield " port 8443. [1]"


def test_a_page_loaded_again_in_the_middle_of_an_answer_shows_its_end(
    visit: Opened, ws: Workspace, tmp_path: Path
) -> None:
    town, generator = settle(ws), Halting()
    with at_work(ws, tmp_path / "data", generator):
        receipts(ws, town.room, ws.post("ada", town.room, files=[("handbook.pdf", HANDBOOK)]), "white_check_mark")
        window = visit()
        window.say(ASKED)
        window.page.locator("#thread .message .growing", has_text="The gateway listens on …").wait_for()
        window.shot("reload-1-growing")
        window.page.reload()
        window.page.locator("#thread .message .growing", has_text="The gateway listens on …").wait_for()
        assert window.page.locator("#room .replies .growing").count() == 1
        generator.go_on.set()
        window.page.locator("#thread .message", has_text="The gateway listens on port 8443. [1]").wait_for()
        window.page.locator("#thread .shown img").wait_for()
        assert window.page.locator(".growing:not(.line)").count() == 0
        window.shot("reload-2-ended")


def test_a_page_whose_connection_was_cut_comes_back_by_itself(visit: Opened, ws: Workspace) -> None:
    town = settle(ws)
    window = visit()
    ws.cut()
    ts = ws.post("ben", town.room, "said while the line was down")
    window.message("said while the line was down").wait_for()
    ws.delete_message(town.room, ts)
    window.message("said while the line was down").wait_for(state="detached")
    # What was on its way when the line was cut is the browser's to complain about, and asked for again.
    window.broken[:] = [each for each in window.broken if "Failed to load resource: net::ERR_" not in each]


def test_what_is_shared_in_private_is_answered_there_and_nowhere_else(visit: Opened, bot: Bot, ws: Workspace) -> None:
    room = next(each.id for each in ws.spaces() if each.name == "harbour-watch")
    window = visit()
    window.become("Ben")
    window.enter("night-shift")
    window.drop(("rota.pdf", *PDF[1:]))
    window.send()
    window.page.locator("#room .reaction[aria-label*=read]").wait_for()
    window.say(ASKED)
    window.page.locator("#thread .message", has_text="port 8443").wait_for()
    window.page.locator("#thread .linklike", has_text="rota.pdf").wait_for()
    window.shot("private-1-ben")
    window.become("Ada")
    window.enter("harbour-watch")
    window.say(ASKED)
    window.page.locator("#thread .message", has_text="could not find").wait_for()
    assert window.seen(("night-shift", "rota", "8443")) == [False, False, False]
    assert "8443" not in reply(ws, room, ws.messages(room)[-1].thread_ts).text
    window.shot("private-2-ada")
    window.become("Ben")
    window.enter("night-shift")
    window.page.get_by_role("button", name="2 members").click()
    window.page.locator("dialog li", has_text="Ada").get_by_role("button", name="Add").click()
    window.become("Ada")
    window.enter("night-shift")
    window.page.locator("#room .file", has_text="rota.pdf").wait_for()


def test_a_deleted_file_is_gone_from_the_page_and_from_every_answer(visit: Opened, bot: Bot, ws: Workspace) -> None:
    room = next(each.id for each in ws.spaces() if each.name == "harbour-watch")
    shared = ws.post("ada", room, "our handbook", files=[("handbook.pdf", HANDBOOK)])
    receipts(ws, room, shared, "white_check_mark")
    window = visit()
    window.become("Ben")
    window.message("our handbook").wait_for()
    window.page.get_by_role("button", name="Delete the file").wait_for(state="detached")  # it was Ada's page before
    window.become("Ada")
    window.page.get_by_role("button", name="Delete the file handbook.pdf").click()
    window.shot("deletion-1-asked")
    window.confirm()
    window.page.locator(".file.deleted").wait_for()
    window.shot("deletion-2-gone")
    ws.settled()
    window.say(ASKED)
    window.page.locator("#thread .message", has_text="could not find").wait_for()
    assert "handbook" not in reply(ws, room, ws.messages(room)[-1].thread_ts).text
