"""Ask many questions at once: `python -m tests.bench.load [--questions 30] [--users 10] [--tokens 40] [--pause 0.02]`.

The users of a local workspace ask several questions each at the same time. The real bot answers them from an indexed
document, with a fake model that generates one answer at a time and one word every `pause` seconds. The report has
the order of the answers, the queue positions, and the time of a single question to its first words, without the
time of the model.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Generator as Generating
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from threading import Event

from bot.demo.slack_server import Workspace, open_workspace
from bot.demo.slack_server.manifest import EVENTS, SCOPES
from bot.slack.buttons import is_working
from rag.ports import Prompt
from tests.flows.team import READ, magpie, pdf, receipts, said
from tests.support.generator import FakeGenerator, pieces_of, reply_to
from tests.support.slack_workspace import without_proxies

BIRDS = """heron gannet kestrel plover dunlin curlew avocet bittern fulmar godwit grebe jackdaw kittiwake lapwing merlin
nightjar osprey petrel quail redshank sanderling tern turnstone whimbrel wigeon yellowhammer shelduck pintail goldeneye
smew""".split()
_TIMEOUT = 300


@dataclass
class SteadyGenerator(FakeGenerator):
    """Generates the fake answer and `tokens` more words, one every `pause` seconds."""

    pause: float = 0.02
    tokens: int = 40
    spent: list[float] = field(default_factory=list)
    """Seconds to the first word of each answer."""

    def stream(self, prompt: Prompt) -> Generating[str, None, None]:
        began = time.perf_counter()
        for count, piece in enumerate(pieces_of(reply_to(prompt.user)) + [" so"] * self.tokens):
            Event().wait(self.pause)
            if not count:
                self.spent.append(time.perf_counter() - began)
            yield piece


@dataclass(frozen=True)
class Result:
    """The result of a question. Times are in seconds since it was posted; `positions` in the queue as shown."""

    user: int
    bird: str
    positions: tuple[int, ...]
    words: float
    answered: float
    text: str


def guide(birds: Sequence[str] = BIRDS) -> bytes:
    return pdf(*(f"The {bird} beacon flashes {100 + number} times." for number, bird in enumerate(birds)))


def ask_at_once(ws: Workspace, channel: str, users: Sequence[str], each: int) -> list[Result]:
    """Post `each` questions of every user, user by user. Return the results in the order of the answers."""
    asked: dict[str, tuple[int, str, float]] = {}
    for number, user in enumerate(users):
        for turn in range(each):
            bird = BIRDS[(number * each + turn) % len(BIRDS)]
            now = time.perf_counter()
            ts = ws.post(user, channel, f"<@{ws.bot_user}> how often does the {bird} beacon flash?")
            asked[f"{channel}:{ts}"] = (number, bird, now)
    return watch(ws, channel, asked)


def watch(ws: Workspace, channel: str, asked: dict[str, tuple[int, str, float]]) -> list[Result]:
    """Record all calls until all questions are answered. Return the results in the order of the answers."""
    updates: dict[str, list[tuple[float, str, bool]]] = {}
    seen = len(ws.calls)

    def all_answered() -> bool:
        nonlocal seen
        now, calls = time.perf_counter(), ws.calls_after(seen)
        seen += len(calls)
        for call in calls:
            if call.method in ("chat.postMessage", "chat.update"):
                arguments = call.arguments
                metadata = arguments.get("metadata")
                payload = json.loads(metadata) if isinstance(metadata, str) else metadata
                name = payload["event_payload"]["question"] if payload else arguments["ts"]
                blocks = arguments.get("blocks") or []
                blocks = json.loads(blocks) if isinstance(blocks, str) else blocks
                updates.setdefault(name, []).append((now, str(arguments.get("text")), is_working(blocks)))
        return sum(any(not working for _, _, working in each) for each in updates.values()) == len(asked)

    ws.wait(all_answered, _TIMEOUT, "all answers")
    found = []
    for message in ws.messages(channel):
        name = str((message.metadata.get("event_payload") or {}).get("question"))
        if name in asked:
            user, bird, began = asked[name]
            steps = updates.get(name, []) + updates.get(message.ts, [])
            positions = [int(text.split()[1]) for _, text, _ in steps if text.startswith("Queued")]
            words = next(at for at, text, _ in steps if text.startswith("The"))
            done = next(at for at, _, working in steps if not working)
            found.append((done, Result(user, bird, tuple(positions), words - began, done - began, said(message))))
    return [one for _, one in sorted(found, key=lambda each: each[0])]


def rounds(answered: Sequence[Result]) -> list[int]:
    """Return for each answer the number of earlier answers to the same user."""
    return [sum(other.user == one.user for other in answered[:index]) for index, one in enumerate(answered)]


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--questions", type=int, default=30)
    parser.add_argument("--users", type=int, default=10)
    parser.add_argument("--tokens", type=int, default=40)
    parser.add_argument("--pause", type=float, default=0.02)
    parser.add_argument("--alone", type=int, default=20, help="questions asked one at a time")
    given = parser.parse_args()
    model = SteadyGenerator(pause=given.pause, tokens=given.tokens)
    with (
        tempfile.TemporaryDirectory() as folder,
        without_proxies(),
        open_workspace(scopes=SCOPES, events=EVENTS) as ws,
        magpie(ws, Path(folder), generator=model, workers=4) as _,
    ):
        users = [ws.person(f"person-{number}") for number in range(given.users)]
        channel = ws.channel("harbor", users)
        receipts(ws, channel, ws.post(users[0], channel, files=[("beacons.pdf", guide())]), READ)
        alone = []
        for number in range(given.alone):
            model.spent.clear()
            [one] = ask_at_once(ws, channel, [users[number % len(users)]], 1)
            alone.append(one.words - model.spent[0])
        say(
            f"{given.alone} questions, one at a time: to the first words, without the model's own time, "
            f"median {median(alone) * 1000:.0f} ms, p95 {quantiles(alone, n=20)[-1] * 1000:.0f} ms"
        )
        began = time.perf_counter()
        answered = ask_at_once(ws, channel, users, given.questions // given.users)
        took = time.perf_counter() - began
    order = rounds(answered)
    right = sum(str(100 + BIRDS.index(one.bird)) in one.text for one in answered)
    waited = [one for one in answered if one.positions]
    say(f"{len(answered)} questions of {given.users} people at once: answered in {took:.1f} s, {right} correctly")
    say(f"in order of rounds: {'yes' if order == sorted(order) else 'NO'} ({' '.join(map(str, order))})")
    say(f"queued: {len(waited)}; first positions: {' '.join(str(one.positions[0]) for one in waited)}")
    say(f"first words after: {' '.join(f'{one.words:.1f}' for one in answered)} s")
    return 0 if right == len(answered) == given.questions and order == sorted(order) else 1


if __name__ == "__main__":
    raise SystemExit(main())
