"""A bot that is killed while it answers: one reply and one message of pictures each. `slack_kills.py` at length."""

import random
from pathlib import Path

import pytest

from bot.demo.slack_server import open_workspace
from tests.faults.slack_kills import play
from tests.support.slack_workspace import MANIFEST


@pytest.mark.timeout(400)
def test_killed_while_it_answers_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    with open_workspace(manifest=MANIFEST, ack_timeout=1.0) as ws:
        verdict = play(ws, tmp_path, 4, random.Random(8))
    assert verdict.sound, verdict
    assert verdict.questions == 5
