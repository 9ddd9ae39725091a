"""What people see when a file changes or is gone: an edited snippet is read again, and reactions follow the files."""

from __future__ import annotations

from pathlib import Path
from time import time

from sqlalchemy import text

from bot.db import jobs
from bot.db.jobs import JobKind
from bot.demo.slack_server import Workspace
from bot.jobs.receipts import READ
from bot.jobs.retracted_receipts import EXPIRED_MARK
from rag import Scope
from tests.flows.team import GATEWAY, HANDBOOK, magpie, pdf, receipts, settings, share, until
from tests.support.slack_workspace import MANIFEST, workspace_fixture

ws = workspace_fixture("function", manifest=MANIFEST)


def reactions(ws: Workspace, channel: str, ts: str) -> list[str]:
    found = ws.message(channel, ts).reactions
    return sorted(name for name, people in found.items() if ws.bot_user in people)


def test_edited_snippet_of_the_same_size_is_read_again(ws: Workspace, tmp_path: Path) -> None:
    channel = ws.channel("harbor", members=[ws.person("ada")])
    with magpie(ws, tmp_path) as bot:
        ws.settled()
        file = ws.special.snippet("ada", channel, "gateway.txt", "The gateway listens on port 8080.")
        receipts(ws, channel, ws.messages(channel)[-1].ts, READ)
        ws.edit_file(file, b"The gateway listens on port 8081.")

        def port() -> str:
            hits = bot.rag.find("gateway port", Scope.of(channel)).hits
            return " ".join(hit.text for hit in hits)

        until(lambda: "8081" in port() and "8080" not in port())


def test_reaction_goes_with_the_last_file_of_a_message(ws: Workspace, tmp_path: Path) -> None:
    channel = ws.channel("harbor", members=[ws.person("ada")])
    with magpie(ws, tmp_path):
        ws.settled()
        ts = ws.post("ada", channel, files=[("a.pdf", HANDBOOK), ("b.pdf", pdf(GATEWAY))])
        receipts(ws, channel, ts, READ)
        first, second = ws.message(channel, ts).files
        ws.delete_file(first)
        ws.settled()
        ws.unshare(second, channel)
        ws.wait(lambda: not reactions(ws, channel, ts), 40, "the reaction to go")


def test_reaction_stays_while_a_file_of_the_message_is_shared(ws: Workspace, tmp_path: Path) -> None:
    channel = ws.channel("harbor", members=[ws.person("ada")])
    with magpie(ws, tmp_path) as bot:
        ws.settled()
        ts = ws.post("ada", channel, files=[("a.pdf", HANDBOOK), ("b.pdf", pdf(GATEWAY))])
        receipts(ws, channel, ts, READ)
        ws.delete_file(ws.message(channel, ts).files[0])

        def is_purged() -> bool:
            with bot.rag.read_transaction() as connection:
                kinds = [JobKind.PURGE, JobKind.CHECK_FILE, JobKind.RETRACT_RECEIPT]
                return not jobs.count(connection, kinds) and jobs.count(connection, [JobKind.RECEIPT]) == 1

        until(is_purged)
        assert reactions(ws, channel, ts) == [READ]


def test_file_that_retention_took_gets_another_mark(ws: Workspace, tmp_path: Path) -> None:
    channel = ws.channel("harbor", members=[ws.person("ada")])
    with magpie(ws, tmp_path) as bot:
        ws.settled()
        ts = share(ws, "ada", channel)
    with magpie(ws, tmp_path, rag=settings(tmp_path, keep={"files_days": 30})) as bot:
        with bot.rag.write_transaction() as connection:
            connection.execute(text(f"UPDATE share SET shared_at = {time() - 31 * 24 * 3600}"))
        until(lambda: bot.rag.documents(Scope.of(channel)) == [])
        with bot.rag.write_transaction() as connection:
            jobs.request(connection, JobKind.PURGE)
        ws.wait(lambda: reactions(ws, channel, ts) == [EXPIRED_MARK], 40, "the mark")


def test_forgotten_file_loses_its_reaction(ws: Workspace, tmp_path: Path) -> None:
    channel = ws.channel("harbor", members=[ws.person("ada")])
    with magpie(ws, tmp_path) as bot:
        ws.settled()
        ts = share(ws, "ada", channel)
        bot.rag.forget(["handbook.pdf"])
        bot.sweep_all()
        ws.wait(lambda: not reactions(ws, channel, ts), 40, "the reaction to go")
