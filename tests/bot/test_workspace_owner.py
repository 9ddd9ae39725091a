"""A data folder belongs to one app in one workspace. With another token, nothing in it is touched."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from bot.db import tables
from bot.db.workspaces import adopt, find_owner
from bot.demo.slack_server import Workspace
from bot.main import open_bot
from bot.slack.doctor import slack_checks
from bot.slack.files import KIND
from bot.slack.owner import Owner
from rag import OperatorMustAct, Share, put_share, shared_in
from tests.flows.team import settings, slack_settings
from tests.support.migrated import migrated, open_rag
from tests.support.slack_workspace import MANIFEST, workspace_fixture

ws = workspace_fixture("module", manifest=MANIFEST)


def owner_of(data: Path) -> Owner | None:
    with open_rag(settings(data), histories=[tables.HISTORY]) as rag, rag.read_transaction() as connection:
        return find_owner(connection)


def own(data: Path, owner: Owner) -> None:
    """Make a folder that belongs to this app and knows a shared file."""
    with open_rag(settings(data), histories=[tables.HISTORY]) as rag, rag.write_transaction() as connection:
        adopt(connection, owner)
        put_share(connection, Share(KIND, "F1", "C0STAGING", "plan.pdf"))


def test_first_start_records_the_workspace_and_the_app(ws: Workspace, tmp_path: Path) -> None:
    for _ in range(2):
        with open_bot(settings(migrated(tmp_path, tables.HISTORY)), slack_settings(ws)):
            pass
        assert owner_of(tmp_path) == Owner(ws.team_id, ws.app_id)


@pytest.mark.parametrize("other", ["workspace", "app"])
def test_another_token_is_refused_and_changes_nothing(ws: Workspace, tmp_path: Path, other: str) -> None:
    owner = Owner("T0OTHER", "A0OTHER") if other == "workspace" else Owner(ws.team_id, "A0OTHER")
    own(tmp_path, owner)
    with (
        pytest.raises(OperatorMustAct, match=f"belongs to the {other} .0OTHER") as refusal,
        open_bot(settings(migrated(tmp_path, tables.HISTORY)), slack_settings(ws)),
    ):
        pass
    assert "MAGPIE_DATA" in refusal.value.hint
    with open_rag(settings(tmp_path), histories=[tables.HISTORY]) as rag, rag.read_transaction() as connection:
        assert shared_in(connection, KIND, "C0STAGING") == ["F1"]
        assert connection.scalar(text("SELECT count(*) FROM job")) == 0


def test_app_that_slack_does_not_name_is_learned_later(ws: Workspace, tmp_path: Path) -> None:
    own(tmp_path, Owner(ws.team_id, ""))
    with open_bot(settings(migrated(tmp_path, tables.HISTORY)), slack_settings(ws)):
        pass
    assert owner_of(tmp_path) == Owner(ws.team_id, ws.app_id)


def test_app_is_not_compared_if_slack_does_not_name_it(ws: Workspace, tmp_path: Path) -> None:
    own(tmp_path, Owner(ws.team_id, "A0OTHER"))
    ws.faults.fail("bots.info", error="missing_scope")
    with open_bot(settings(migrated(tmp_path, tables.HISTORY)), slack_settings(ws)):
        pass
    assert owner_of(tmp_path) == Owner(ws.team_id, "A0OTHER")


@pytest.mark.parametrize(("app", "status"), [("", "ok"), ("A0OTHER", "fail")])
def test_doctor_compares_the_token_with_the_folder(ws: Workspace, app: str, status: str) -> None:
    owner = Owner(ws.team_id, app or ws.app_id)
    found = {check.name: check for check in slack_checks(lambda: slack_settings(ws), 200, owner)}
    assert found["slack workspace"].status == status
