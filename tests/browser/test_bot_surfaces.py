"""The real bot's surfaces in the browser: buttons under an answer, Stop, shortcuts, the command and Home."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.db import feedback
from bot.demo.people import DemoTeam, create_team
from bot.demo.slack_server import Workspace
from tests.browser.conftest import Visit
from tests.browser.test_story import QUESTION, PausingGenerator, run_bot
from tests.browser.window import PHONE
from tests.flows.team import HANDBOOK, magpie, pdf, receipts, until
from tests.flows.test_unread_files import Gate
from tests.support.slack_workspace import MANIFEST, workspace_fixture

ws = workspace_fixture(manifest=MANIFEST)

NOTES = pdf("The gateway stands in the old crane shed.", "The gateway was painted in spring.", "Herons like it.")


@pytest.fixture
def team(ws: Workspace) -> DemoTeam:
    return create_team(ws)


def share_documents(ws: Workspace, team: DemoTeam) -> None:
    files = [("handbook.pdf", HANDBOOK), ("notes.pdf", NOTES)]
    receipts(ws, team.channel, ws.post("ada", team.channel, "documents", files=files), "white_check_mark")


def test_answer_has_feedback_and_follow_up_buttons(visit: Visit, ws: Workspace, team: DemoTeam, tmp_path: Path) -> None:
    with run_bot(ws, tmp_path / "data") as bot:
        share_documents(ws, team)
        window = visit()
        thread = window.page.locator("#thread")
        window.say(QUESTION)
        thread.get_by_role("button", name="Bad answer").click()
        thread.locator(".message.ephemeral", has_text="Thanks.").wait_for()
        window.shot("pressed-1-judged")
        with bot.rag.read_transaction() as connection:
            assert feedback.counts(connection) == {"good": 0, "bad": 1}
        thread.get_by_role("button", name="Show more pages").click()
        window.message("More pages:", "#thread").wait_for()
        until(lambda: thread.locator(".shown img").count() >= 3)
        window.shot("pressed-2-more")
        thread.get_by_role("button", name="Only in handbook.pdf").first.click()
        window.message("Only in handbook.pdf:", "#thread").wait_for()
        window.shot("pressed-3-one-file")


def test_answer_can_be_stopped(visit: Visit, ws: Workspace, team: DemoTeam, tmp_path: Path) -> None:
    generator = PausingGenerator()
    with run_bot(ws, tmp_path / "data", generator):
        share_documents(ws, team)
        window = visit(viewport=PHONE)
        window.say(QUESTION)
        window.open_thread("which port")
        window.page.locator("#thread .growing", has_text="The gateway listens on port 8443.").wait_for()
        window.shot("pressed-4-growing-phone")
        window.page.locator("#thread").get_by_role("button", name="Stop").click()
        window.message("Stopped.", "#thread").wait_for()
        window.page.locator("#thread", has_text="is looking through").wait_for(state="detached")
        generator.go_on.set()
        window.shot("pressed-5-stopped-phone")


def test_question_that_was_asked_too_early_is_answered_again(
    visit: Visit, ws: Workspace, team: DemoTeam, tmp_path: Path
) -> None:
    gate = Gate()
    with magpie(ws, tmp_path / "data", extractor=gate):
        notes = [(f"notes-{number}.txt", b"The gateway listens on port 8443. %d" % number) for number in range(4)]
        ws.post("ada", team.channel, "for the shift", files=notes)
        window = visit()
        window.say(QUESTION)
        window.message("could not find", "#thread").wait_for()
        window.shot("early-1-offered")
        window.page.locator("#thread").get_by_role("button", name="Answer again when they are read").click()
        window.message("I'll answer here when", "#thread").wait_for()
        window.shot("early-2-waiting")
        gate.opened.set()
        window.message("Here is a new answer, as you asked:", "#thread").wait_for()
        window.message("port 8443", "#thread").wait_for()
        window.shot("early-3-answered")


def test_shortcuts_command_and_home(visit: Visit, ws: Workspace, team: DemoTeam, tmp_path: Path) -> None:
    with run_bot(ws, tmp_path / "data"):
        share_documents(ws, team)
        receipts(ws, team.channel, ws.post("ada", team.channel, files=[("torn.pdf", b"%PDF-1.4 torn")]), "warning")
        window = visit()
        window.say("/magpie find herons")
        window.message("Best pages:").wait_for()
        window.say("/magpie status")
        window.message("Here: 2 files (6 pages)").wait_for()
        window.shot("pressed-6-command")
        ws.post("ben", team.channel, "who feeds the herons at the gateway?")
        window.choose("who feeds the herons", "Find similar pages")
        direct = ws.direct("ada")
        ws.wait(lambda: any(one.files for one in ws.messages(direct)), 40, "the pages")
        window.enter("Magpie")
        window.message("Pages like").wait_for()
        window.shot("pressed-7-similar")
        window.page.get_by_role("navigation", name="Magpie").get_by_role("link", name="Home").click()
        window.page.get_by_text("2 files (6 pages)").first.wait_for()
        window.page.get_by_text("Files I couldn't read").wait_for()
        assert window.page.locator(".home .sign").count() == 2  # ✅ and 🟡, also without a font that has them
        window.shot("pressed-8-home")
        window.become("Cleo")
        window.page.get_by_text("Files I couldn't read").wait_for(state="detached")
        assert window.contains(["torn.pdf", "2 files (6 pages)"]) == [False, False]
