"""The settings of a channel, in the browser with the real bot: on a desk, on a phone, and in the dark."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.db import channel_settings
from bot.db.channel_settings import Digest
from bot.demo.people import DemoTeam, create_team
from bot.demo.slack_server import Workspace
from bot.slack.messages import settings_texts
from rag import FileType
from tests.browser.conftest import Visit
from tests.browser.test_story import run_bot
from tests.browser.window import DESK, PHONE, Window
from tests.support.slack_workspace import MANIFEST, workspace_fixture

ws = workspace_fixture(manifest=MANIFEST)


@pytest.fixture
def team(ws: Workspace) -> DemoTeam:
    return create_team(ws)


def open_settings(window: Window) -> None:
    window.say("/magpie settings")
    window.page.locator("dialog.modal").get_by_text(settings_texts.QUIET_CHOICE).wait_for()


@pytest.mark.parametrize(("viewport", "scheme"), [(DESK, "light"), (PHONE, "light"), (DESK, "dark")])
def test_settings_are_changed_in_a_modal(
    visit: Visit, ws: Workspace, team: DemoTeam, tmp_path: Path, viewport: dict[str, int], scheme: str
) -> None:
    with run_bot(ws, tmp_path / "data") as bot:
        window = visit(viewport=viewport, color_scheme=scheme)
        open_settings(window)
        modal = window.page.locator("dialog.modal")
        modal.get_by_label(settings_texts.LANGUAGE).select_option("de")
        modal.get_by_label("PDF").check()
        modal.get_by_label("Ben").check()
        modal.get_by_label("Every week").check()
        window.shot(f"settings-1-{scheme}-{viewport['width']}")
        modal.get_by_role("button", name="Save").click()
        modal.wait_for(state="detached")
        window.message("Saved. I answer in German here.").wait_for()
        window.shot(f"settings-2-{scheme}-{viewport['width']}")
        with bot.rag.read_transaction() as connection:
            known = channel_settings.find(connection, team.channel)
        assert (known.language, known.digest) == ("de", Digest.WEEKLY)
        assert (known.types, known.askers) == (frozenset({FileType.PDF}), frozenset({team.ben}))


def test_person_who_may_not_change_them_reads_why(visit: Visit, ws: Workspace, team: DemoTeam, tmp_path: Path) -> None:
    with run_bot(ws, tmp_path / "data"):
        window = visit()
        window.become("Ben")
        window.say("/magpie settings")
        window.page.locator("dialog.modal").get_by_text("Only the person who created this channel").wait_for()
        window.shot("settings-3-refused")
