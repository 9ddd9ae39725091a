"""Fixtures of the flows in Slack: a workspace, two people, a channel, and a bot that runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.demo.slack_server import Workspace
from bot.main import Bot
from tests.flows.team import magpie
from tests.support.slack_workspace import MANIFEST, workspace_fixture

ws = workspace_fixture(manifest=MANIFEST, ack_timeout=1.0)


@pytest.fixture
def ada(ws: Workspace) -> str:
    return ws.person("ada")


@pytest.fixture
def ben(ws: Workspace) -> str:
    return ws.person("ben")


@pytest.fixture
def channel(ws: Workspace, ada: str, ben: str) -> str:
    return ws.channel("harbor", members=[ada, ben])


@pytest.fixture
def bot(ws: Workspace, tmp_path: Path) -> Iterator[Bot]:
    with magpie(ws, tmp_path / "data") as bot:
        yield bot
