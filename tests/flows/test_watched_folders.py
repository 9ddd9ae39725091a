"""Folders of `[[sources]]` in magpie.toml: their files are found by those who may see them, and by no one else."""

from __future__ import annotations

from pathlib import Path

from bot.demo.slack_server import Workspace
from bot.folders import EVERYONE
from bot.jobs.folders import WatchedFolders
from rag import Scope
from tests.flows.team import ask, magpie, said, until


def test_files_of_folders_are_found_by_those_who_may_see_them(
    ws: Workspace, ada: str, ben: str, channel: str, tmp_path: Path
) -> None:
    data, handbook, plans = tmp_path / "data", tmp_path / "handbook", tmp_path / "plans"
    board = ws.channel("board", members=[ada], private=True)
    for folder in (data, handbook, plans):
        folder.mkdir()
    (handbook / "lighthouse.pdf").write_text("The lighthouse keeper is called Morwenna.")
    (plans / "dredger.pdf").write_text("The dredger arrives in October.")
    settings = data / "magpie.toml"
    settings.write_text(
        f'[[sources]]\nfolder = "{handbook}"\nvisible_to = "everyone"\n'
        f'[[sources]]\nfolder = "{plans}"\nvisible_to = ["{board}"]\n'
        '[[sources]]\nfolder = "relative"\nvisible_to = "everyone"\n'
    )
    with magpie(ws, data) as bot:

        def found(words: str, space: str) -> list[str]:
            return [hit.name for hit in bot.rag.find(words, Scope.of(space)).hits]

        until(lambda: found("lighthouse keeper", EVERYONE) == ["lighthouse.pdf"])
        until(lambda: found("dredger arrives", board) == ["dredger.pdf"])
        assert "Morwenna" in said(ask(ws, ben, channel, "What is the lighthouse keeper called?")[1])
        assert "October" not in said(ask(ws, ben, channel, "When does the dredger arrive?")[1])
        assert "October" in said(ask(ws, ada, board, "When does the dredger arrive?")[1])
        gus = ws.person("gus", guest="multi")
        ws.join(gus, channel)
        assert "Morwenna" not in said(ask(ws, ben, channel, "What is the lighthouse keeper called?")[1])

        settings.write_text(f'[[sources]]\nfolder = "{plans}"\nvisible_to = ["{board}"]\n')
        WatchedFolders(bot.rag, data).walk()
        until(lambda: bot.rag.documents(Scope.of(EVERYONE)) == [])
        assert found("dredger arrives", board) == ["dredger.pdf"]
