"""A newcomer's story, with the real bot: from an empty workspace to the cited page and its picture."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.running import Bot
from bot.workspace import Workspace
from tests.browser.conftest import Opened
from tests.flows.team import HANDBOOK, magpie, settings

PDF = ("handbook.pdf", "application/pdf", HANDBOOK)


@pytest.fixture
def harbour(ws: Workspace) -> str:
    ada, ben = ws.person("ada"), ws.person("ben")
    ws.person("cleo", guest="multi")
    return ws.channel("harbour-watch", [ada, ben])


@pytest.fixture
def bot(ws: Workspace, harbour: str, tmp_path: Path) -> Iterator[Bot]:
    rag = settings(tmp_path / "data", read={"workers": 1, "layout": False})
    with magpie(ws, tmp_path / "data", rag=rag) as bot:
        yield bot


def test_from_an_empty_workspace_to_a_cited_answer_with_its_picture(visit: Opened, bot: Bot) -> None:
    window = visit()
    page = window.page
    page.locator("text=This is #harbour-watch").wait_for()
    window.shot("01-empty")
    window.drop(PDF)
    window.shot("02-dropped")
    window.send()
    page.locator("#room .reaction[aria-label*=read]").wait_for()
    window.shot("03-receipt")
    page.locator("#room textarea").type("@mag")
    page.locator(".completion li[aria-selected=true]", has_text="Magpie").wait_for()
    window.shot("04-completion")
    page.keyboard.press("Enter")
    page.keyboard.type("which port does the gateway use?")
    page.keyboard.press("Enter")
    page.locator("#thread .message", has_text="port 8443").wait_for()
    page.locator("#thread .shown img").wait_for()
    page.wait_for_function("document.querySelector('#thread .shown img').complete")
    assert page.locator("#thread .linklike", has_text="handbook.pdf").count()
    window.shot("05-answer")
    page.locator("#thread .picture").click()
    page.locator("dialog.lightbox[open] img").wait_for()
    window.shot("06-picture-large")
    page.keyboard.press("Escape")
    page.locator("dialog").wait_for(state="detached")
