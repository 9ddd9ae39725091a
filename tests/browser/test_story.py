"""A newcomer's first steps with the real bot: from an empty workspace to the cited page and its picture."""

from __future__ import annotations

import threading
from collections.abc import Generator as Generating
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.demo.people import create_team
from bot.demo.slack_server import Samples, Workspace
from bot.main import Bot
from rag.ports import Generator, Prompt
from tests.browser.conftest import Visit
from tests.flows.team import HANDBOOK, magpie, receipts, reply, settings
from tests.flows.test_slack import screenshot
from tests.support.generator import FakeGenerator

PDF = ("handbook.pdf", "application/pdf", HANDBOOK)
QUESTION = "@magpie which port does the gateway use?"


@contextmanager
def run_bot(ws: Workspace, data: Path, generator: Generator | None = None) -> Iterator[Bot]:
    rag = settings(data, read={"workers": 1, "layout": False})
    with magpie(ws, data, rag=rag, generator=generator) as bot:
        yield bot


@pytest.fixture
def bot(ws: Workspace, tmp_path: Path) -> Iterator[Bot]:
    create_team(ws)
    with run_bot(ws, tmp_path / "data") as bot:
        yield bot


def test_new_workspace_leads_to_a_cited_answer_with_its_picture(visit: Visit, bot: Bot) -> None:
    window = visit()
    page = window.page
    page.get_by_text("This is #harbour-watch").wait_for()
    window.shot("story-1-empty")
    window.drop(PDF)
    window.shot("story-2-dropped")
    window.send()
    page.locator("#conversation .reaction[aria-label*=read]").wait_for()
    window.shot("story-3-receipt")
    page.locator("#conversation textarea").press_sequentially("@mag")
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
    page.locator("#conversation .reaction[aria-label*=looked]").wait_for(state="detached")
    window.shot("story-5-answer")
    page.locator("#thread .picture").click()
    page.locator("dialog.lightbox[open] img").wait_for()
    window.shot("story-6-picture-large")
    page.keyboard.press("Escape")
    page.locator("dialog").wait_for(state="detached")
    assert page.evaluate("document.activeElement.className").startswith("picture")


def test_pasted_screenshot_finds_its_page(visit: Visit, bot: Bot, ws: Workspace) -> None:
    channel = next(each.id for each in ws.conversations() if each.name == "harbour-watch")
    receipts(ws, channel, ws.post("ada", channel, files=[("handbook.pdf", HANDBOOK)]), "white_check_mark")
    window = visit()
    window.paste("image.png", "image/png", screenshot())
    window.page.locator("#conversation textarea").fill("@magpie")
    window.shot("screenshot-1-pasted")
    window.send()
    window.page.locator("#thread .message", has_text="This is handbook.pdf, p. 2").wait_for()
    window.page.locator("#thread .message .shown img").nth(1).wait_for()
    window.shot("screenshot-2-found")


def test_samples_are_offered_with_questions(visit: Visit, bot: Bot, ws: Workspace) -> None:
    ws.page.samples = Samples(("handbook.pdf",), ("Which port does the gateway use?",), lambda: [HANDBOOK])
    window = visit()
    window.page.get_by_text("Share two sample documents").click()
    window.page.locator("#conversation .reaction[aria-label*=read]").wait_for()
    window.shot("samples-1-offered")
    window.page.get_by_role("button", name="Which port does the gateway use?").click()
    window.page.keyboard.press("Enter")
    window.page.locator("#thread .message", has_text="port 8443").wait_for()
    assert window.page.locator(".suggestion").count() == 0


class PausingGenerator(FakeGenerator):
    """Generate a statement and the beginning of another one, and the rest once `go_on` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = threading.Event()

    def stream(self, prompt: Prompt) -> Generating[str, None, None]:
        yield "The gateway listens on port 8443. [1] Its lantern is "
        while not self.go_on.wait(0.2):
            yield ""
        yield "green. [1]"


def test_reload_during_an_answer_shows_its_end(visit: Visit, ws: Workspace, tmp_path: Path) -> None:
    team, generator = create_team(ws), PausingGenerator()
    with run_bot(ws, tmp_path / "data", generator):
        receipts(ws, team.channel, ws.post("ada", team.channel, files=[("handbook.pdf", HANDBOOK)]), "white_check_mark")
        window = visit()
        window.say(QUESTION)
        window.page.locator("#thread .message .growing", has_text="Found 1 page: handbook.pdf, p. 2.").wait_for()
        window.shot("reload-0-found")
        window.page.locator("#thread .message .growing", has_text="The gateway listens on port 8443.").wait_for()
        window.shot("reload-1-growing")
        window.page.reload()
        window.page.locator("#thread .message .growing", has_text="The gateway listens on port 8443.").wait_for()
        assert window.contains(("lantern",)) == [False]
        assert window.page.locator("#conversation .replies .growing").count() == 1
        generator.go_on.set()
        window.page.locator("#thread .message", has_text="Its lantern is green. [1]").wait_for()
        window.page.locator("#thread .shown img").wait_for()
        assert window.page.locator(".growing:not(.line)").count() == 0
        window.shot("reload-2-ended")


def test_page_reconnects_after_a_dropped_connection(visit: Visit, ws: Workspace) -> None:
    team = create_team(ws)
    window = visit()
    ws.drop_connections()
    ts = ws.post("ben", team.channel, "posted while disconnected")
    window.message("posted while disconnected").wait_for()
    ws.delete_message(team.channel, ts)
    window.message("posted while disconnected").wait_for(state="detached")
    # The browser logs requests that were running when the connection was dropped; the page repeats them.
    window.errors[:] = [each for each in window.errors if "Failed to load resource: net::ERR_" not in each]


def test_private_file_answers_only_in_its_channel(visit: Visit, bot: Bot, ws: Workspace) -> None:
    channel = next(each.id for each in ws.conversations() if each.name == "harbour-watch")
    window = visit()
    window.become("Ben")
    window.enter("night-shift")
    window.drop(("rota.pdf", *PDF[1:]))
    window.send()
    window.page.locator("#conversation .reaction[aria-label*=read]").wait_for()
    window.say(QUESTION)
    window.page.locator("#thread .message", has_text="port 8443").wait_for()
    window.page.locator("#thread .linklike", has_text="rota.pdf").wait_for()
    window.shot("private-1-ben")
    window.become("Ada")
    window.enter("harbour-watch")
    window.say(QUESTION)
    window.page.locator("#thread .message", has_text="could not find").wait_for()
    assert window.contains(("night-shift", "rota", "8443")) == [False, False, False]
    assert "8443" not in reply(ws, channel, ws.messages(channel)[-1].thread_ts).text
    window.shot("private-2-ada")
    window.become("Ben")
    window.enter("night-shift")
    window.page.get_by_role("button", name="2 members").click()
    window.page.locator("dialog li", has_text="Ada").get_by_role("button", name="Add").click()
    window.become("Ada")
    window.enter("night-shift")
    window.page.locator("#conversation .file", has_text="rota.pdf").wait_for()


def test_deleted_file_disappears_from_page_and_answers(visit: Visit, bot: Bot, ws: Workspace) -> None:
    channel = next(each.id for each in ws.conversations() if each.name == "harbour-watch")
    shared = ws.post("ada", channel, "our handbook", files=[("handbook.pdf", HANDBOOK)])
    receipts(ws, channel, shared, "white_check_mark")
    window = visit()
    window.become("Ben")
    window.message("our handbook").wait_for()
    window.page.get_by_role("button", name="Delete the file").wait_for(state="detached")  # still Ada's page before
    window.become("Ada")
    window.page.get_by_role("button", name="Delete the file handbook.pdf").click()
    window.shot("deletion-1-asked")
    window.confirm()
    window.page.locator(".file.deleted").wait_for()
    window.shot("deletion-2-gone")
    ws.settled()
    window.say(QUESTION)
    window.page.locator("#thread .message", has_text="could not find").wait_for()
    assert "handbook" not in reply(ws, channel, ws.messages(channel)[-1].thread_ts).text
