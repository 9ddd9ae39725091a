"""Kill `magpie run` with SIGKILL while it answers, then check that each question has one reply and its pictures once.

    python -m tests.faults.slack_kills [--kills 20] [--seed 1]

Each kill follows a random Web API call of an answer, after a random pause. Prints one line of counts. Exit code 1 if
a reply is missing or posted twice.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bot.demo.slack_server import Message, Workspace, open_workspace
from tests.flows.team import GATEWAY, HANDBOOK, READ, receipts, replies
from tests.support.slack_workspace import MANIFEST, PROXY_VARIABLES

CALLS = 9
"""Web API calls of one answer, at most: reactions, placeholder, updates and uploads of pictures."""


@dataclass(frozen=True)
class Verdict:
    """Counts of the messages in the threads. `killed` is the number of runs that died while a question was open."""

    questions: int
    killed: int
    unanswered: int
    answered_twice: int
    without_pictures: int
    pictures_twice: int
    documents_lost: int

    @property
    def is_sound(self) -> bool:
        errors = self.unanswered + self.answered_twice + self.without_pictures + self.pictures_twice
        return not errors and not self.documents_lost


@contextmanager
def running(ws: Workspace, data: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run `magpie run` in its own process group, which is killed at the end."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAGPIE_", "SLACK_"))}
    environment |= {
        "MAGPIE_ANSWER__MODEL": "",
        "MAGPIE_READ__WORKERS": "1",
        "MAGPIE_READ__OCR": "false",
        "MAGPIE_READ__LAYOUT": "false",
        "SLACK_BOT_TOKEN": ws.bot_token,
        "SLACK_APP_TOKEN": ws.app_token,
        "SLACK_API_URL": ws.api_url,
        "SLACK_FILE_HOSTS": ws.host,
    }
    for name in PROXY_VARIABLES:
        environment.pop(name, None)
    process = subprocess.Popen(
        [sys.executable, "-m", "bot.cli.main", "--data", str(data), "run"], env=environment, start_new_session=True
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def play(ws: Workspace, data: Path, kills: int, rng: random.Random) -> Verdict:
    """Ask, kill and restart repeatedly, then wait for all answers and count them."""
    ada = ws.person("ada")
    channel = ws.channel("harbor", members=[ada])
    with running(ws, data) as process:
        receipts(ws, channel, ws.post(ada, channel, files=[("handbook.pdf", HANDBOOK)]), READ)
    asked: list[str] = []
    killed = 0
    for _ in range(kills):
        with running(ws, data) as process:
            ws.wait(lambda: ws.connections, 60, "the bot")
            for ts in asked:
                ws.wait(partial(answered, ws, channel, ts), 90, f"the answer to {ts}")
            seen = len(ws.calls)
            asked.append(ws.post(ada, channel, f"<@{ws.bot_user}> which port does the gateway use?"))
            fatal = seen + rng.randint(1, CALLS)
            try:
                ws.wait(partial(_called, ws, fatal), 8, "the fatal call")
            except TimeoutError:
                continue  # the answer took fewer calls
            pause = rng.choice((0, 0, 0.01, 0.05, 0.2))
            time.sleep(pause)
            killed += process.poll() is None and not answered(ws, channel, asked[-1])
    with running(ws, data):
        for ts in asked:
            ws.wait(partial(answered, ws, channel, ts), 90, f"the answer to {ts}")
        ws.settled(30)
        asked.append(ws.post(ada, channel, f"<@{ws.bot_user}> which port does the gateway use?"))
        ws.wait(partial(answered, ws, channel, asked[-1]), 60, "the last answer")
    threads = [replies(ws, channel, ts) for ts in asked]
    texts = [[one for one in thread if not one.files] for thread in threads]
    shown = [[one for one in thread if one.files] for thread in threads]
    return Verdict(
        questions=len(asked),
        killed=killed,
        unanswered=sum(not any(_has_answer(one) for one in thread) for thread in texts),
        answered_twice=sum(len(thread) > 1 for thread in texts),
        without_pictures=sum(not thread for thread in shown),
        pictures_twice=sum(len(thread) > 1 for thread in shown),
        documents_lost=int(not _has_answer(texts[-1][0])),
    )


def _called(ws: Workspace, times: int) -> bool:
    return len(ws.calls) >= times


def answered(ws: Workspace, channel: str, ts: str) -> bool:
    """Return whether the thread has the reply and the pictures, and no reaction is left."""
    thread = replies(ws, channel, ts)
    done = any(_has_answer(one) for one in thread) and any(one.files for one in thread)
    return done and not ws.message(channel, ts).reactions


def _has_answer(message: Message) -> bool:
    return GATEWAY.split(".")[0] in str(message.blocks)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as data, open_workspace(manifest=MANIFEST, ack_timeout=1.0) as ws:
        verdict = play(ws, Path(data), options.kills, random.Random(options.seed))
    print(verdict)  # noqa: T201
    return 0 if verdict.is_sound else 1


if __name__ == "__main__":
    sys.exit(main())
