"""Kill `magpie run` with SIGKILL while it answers, then count: one reply and one message of pictures each.

    python -m tests.faults.slack_kills [--kills 20] [--seed 1]

Every kill falls right after a call of the Web API that a question caused: which one is drawn by lot, and so is a
pause after it. Ends with one line of figures; exit code 1 when a reply is missing or there twice.
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
"""Calls of the Web API that one answer takes: reaction, placeholder, update, two for the pictures, reaction."""


@dataclass(frozen=True)
class Verdict:
    """What stood in the threads at the end. `killed`: runs that died while a question was open."""

    questions: int
    killed: int
    unanswered: int
    answered_twice: int
    without_pictures: int
    pictures_twice: int
    documents_lost: int

    @property
    def sound(self) -> bool:
        wrong = self.unanswered + self.answered_twice + self.without_pictures + self.pictures_twice
        return not wrong and not self.documents_lost


@contextmanager
def running(ws: Workspace, data: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`magpie run` against the workspace, in a process group of its own; killed at the end, children included."""
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


def play(ws: Workspace, data: Path, kills: int, chance: random.Random) -> Verdict:
    """Ask, kill, start again, ask the next; at the end wait for every answer."""
    ada = ws.person("ada")
    room = ws.channel("harbour", members=[ada])
    with running(ws, data) as process:
        receipts(ws, room, ws.post(ada, room, files=[("handbook.pdf", HANDBOOK)]), READ)
    asked: list[str] = []
    killed = 0
    for _ in range(kills):
        with running(ws, data) as process:
            ws.wait(lambda: ws.connections, 60, "the bot")
            for ts in asked:
                ws.wait(partial(answered, ws, room, ts), 90, f"the answer to {ts}")
            seen = len(ws.calls)
            asked.append(ws.post(ada, room, f"<@{ws.bot_user}> which port does the gateway use?"))
            fatal = seen + chance.randint(1, CALLS)
            try:
                ws.wait(partial(_called, ws, fatal), 8, "the fatal call")
            except TimeoutError:
                continue  # all was done before that many calls
            pause = chance.choice((0, 0, 0.01, 0.05, 0.2))
            time.sleep(pause)
            killed += process.poll() is None and not answered(ws, room, asked[-1])
    with running(ws, data):
        for ts in asked:
            ws.wait(partial(answered, ws, room, ts), 90, f"the answer to {ts}")
        ws.settled(30)
        asked.append(ws.post(ada, room, f"<@{ws.bot_user}> which port does the gateway use?"))
        ws.wait(partial(answered, ws, room, asked[-1]), 60, "the last answer")
    threads = [replies(ws, room, ts) for ts in asked]
    texts = [[one for one in thread if not one.files] for thread in threads]
    shown = [[one for one in thread if one.files] for thread in threads]
    return Verdict(
        questions=len(asked),
        killed=killed,
        unanswered=sum(not any(_says(one) for one in thread) for thread in texts),
        answered_twice=sum(len(thread) > 1 for thread in texts),
        without_pictures=sum(not thread for thread in shown),
        pictures_twice=sum(len(thread) > 1 for thread in shown),
        documents_lost=int(not _says(texts[-1][0])),
    )


def _called(ws: Workspace, times: int) -> bool:
    return len(ws.calls) >= times


def answered(ws: Workspace, room: str, ts: str) -> bool:
    """Whether all that belongs to an answer stands there: the reply, the pictures, no reaction left."""
    thread = replies(ws, room, ts)
    done = any(_says(one) for one in thread) and any(one.files for one in thread)
    return done and not ws.message(room, ts).reactions


def _says(message: Message) -> bool:
    return GATEWAY.split(".")[0] in str(message.blocks)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as data, open_workspace(manifest=MANIFEST, ack_timeout=1.0) as ws:
        verdict = play(ws, Path(data), options.kills, random.Random(options.seed))
    print(verdict)  # noqa: T201
    return 0 if verdict.sound else 1


if __name__ == "__main__":
    sys.exit(main())
