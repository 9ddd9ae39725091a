"""Measure `magpie run` at rest: `python -m tests.bench.idle [--seconds 60] [--data DIR]`.

The command runs against a local Slack server. Reported are the time and the processor time until it has connected, and
then, after a file was shared and a question was answered, its memory, processor time and writes while nothing happens,
with those of its child processes. The models of extraction and embedding are not part of that: extraction processes
end after a minute without work, and no embedder is installed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event

from bot.demo.slack_server import Workspace, open_workspace
from bot.demo.slack_server.manifest import EVENTS, SCOPES
from tests.bench.stopwatch import memory_of
from tests.faults.slack_kills import answered, running
from tests.flows.team import HANDBOOK, READ, receipts
from tests.support.slack_workspace import without_proxies

_TICKS = 100
"""Clock ticks of /proc in a second, on Linux."""


@dataclass(frozen=True, slots=True)
class Used:
    """What a process and its running children have used: seconds of processor time, bytes written to disk, MB now."""

    processor: float
    written: int
    memory: int


def used_by(pid: int) -> Used:
    pids = [pid, *_children(pid)]
    return Used(sum(map(_processor, pids)), sum(map(_written, pids)), sum(map(memory_of, pids)))


def _children(pid: int) -> list[int]:
    found = [
        int(one) for task in Path(f"/proc/{pid}/task").iterdir() for one in (task / "children").read_text().split()
    ]
    return found + [inner for one in found for inner in _children(one)]


def _processor(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _written(pid: int) -> int:
    rows = Path(f"/proc/{pid}/io").read_text().splitlines()
    return int(next(row.split()[1] for row in rows if row.startswith("write_bytes")))


def measure(ws: Workspace, data: Path, rest: float, seconds: float) -> None:
    ada, never = ws.person("ada"), Event()
    channel = ws.channel("harbor", members=[ada])
    began = time.monotonic()
    with running(ws, data) as process:
        ws.wait(lambda: ws.connections, 120, "the bot")
        ready = used_by(process.pid)
        print(f"connected after {time.monotonic() - began:.2f} s, {ready.processor:.2f} s of processor time")  # noqa: T201
        print(f"memory when connected: {ready.memory} MB")  # noqa: T201
        receipts(ws, channel, ws.post(ada, channel, files=[("handbook.pdf", HANDBOOK)]), READ)
        ts = ws.post(ada, channel, f"<@{ws.bot_user}> which port does the gateway use?")
        ws.wait(partial(answered, ws, channel, ts), 120, "the answer")
        print(f"memory after an answer: {used_by(process.pid).memory} MB")  # noqa: T201
        never.wait(rest)
        before = used_by(process.pid)
        never.wait(seconds)
        after = used_by(process.pid)
        share = (after.processor - before.processor) / seconds
        print(f"at rest: {after.memory} MB, {share:.2%} of a core, {after.written - before.written} bytes written")  # noqa: T201


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--rest", type=float, default=90, help="seconds between the answer and the measurement")
    parser.add_argument("--data", type=Path, help="a data folder to start on")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, without_proxies(), open_workspace(scopes=SCOPES, events=EVENTS) as ws:
        measure(ws, options.data or Path(folder), options.rest, options.seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
