"""What the daily retention run deletes."""

from __future__ import annotations

from pathlib import Path

from bot.db import deliveries, jobs, message_states, tables
from bot.db.jobs import JobKind
from bot.demo.slack_server import Workspace
from bot.main import open_bot
from tests.flows.team import settings, slack_settings
from tests.support.migrated import migrated
from tests.support.slack_workspace import MANIFEST, workspace_fixture

ws = workspace_fixture(manifest=MANIFEST)


def test_old_deliveries_and_states_of_messages_are_deleted(ws: Workspace, tmp_path: Path) -> None:
    with open_bot(settings(migrated(tmp_path, tables.HISTORY)), slack_settings(ws)) as bot:
        with bot.rag.write_transaction() as connection:
            for number in (1, 2):
                deliveries.put_delivery(connection, f"Ev{number}")
                message_states.advance(connection, "C1", f"{number}.0", float(number))
            connection.execute(tables.delivery.update().where(tables.delivery.c.event_id == "Ev1").values(at=1.0))
            connection.execute(tables.message.update().where(tables.message.c.ts == "1.0").values(at=1.0))
            jobs.request(connection, JobKind.EXPIRE)
        assert bot.maintenance.step()
        with bot.rag.read_transaction() as connection:
            left = [row.event_id for row in connection.execute(tables.delivery.select())]
            assert (left, message_states.count(connection)) == (["Ev2"], 1)
