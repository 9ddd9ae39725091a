"""A short run of `slack_kills.py`, which kills the bot while it answers."""

import random
from pathlib import Path

import pytest

from bot.demo.slack_server import open_workspace
from tests.faults.slack_kills import play
from tests.support.slack_workspace import MANIFEST


@pytest.mark.timeout(400)
def test_answers_are_posted_once_if_the_bot_is_killed(tmp_path: Path) -> None:
    with open_workspace(manifest=MANIFEST, ack_timeout=1.0) as ws:
        verdict = play(ws, tmp_path, 4, random.Random(8))
    assert verdict.is_sound, verdict
    assert verdict.questions == 5
