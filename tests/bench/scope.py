"""Measure the cost of access control: `python -m tests.bench.scope DATA [--questions Q.jsonl]`.

DATA is a data folder with indexed files, which is only read. Its chunks are multiplied into 500 spaces as for
`tests.bench.search`. Three things are timed: the access decision for a bot in 500 channels with 200 people, with an
empty and a filled cache (the local Slack server answers in about 1 ms, Slack in about 100 ms); a search in half of
the spaces, compared with the same search without a scope; and the check before a reply is shown.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median

from bot.access.directory import Directory
from bot.access.policy import Access
from bot.demo.slack_server import Workspace, open_workspace
from bot.demo.slack_server.manifest import EVENTS, SCOPES
from bot.settings import SlackSettings
from bot.slack.client import SlackClient
from bot.slack.transport import RetryPolicy
from rag import Rag, Scope, Settings, documents_allowed, open_rag
from tests.bench.multiplied import SPACES, build
from tests.bench.search import CountingStore, InstantEmbedder, Spread, _Watch, read_questions

CHANNELS, PEOPLE = 500, 200
_RUNS = 200


def took(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1000


@contextmanager
def company(channels: int, people: int) -> Iterator[tuple[Workspace, str, str]]:
    """Yield a workspace of this size, a channel with all people, and one of them."""
    with open_workspace(scopes=SCOPES, events=EVENTS) as ws:
        members = [ws.person(f"person-{number}") for number in range(people)]
        for number in range(channels - 1):
            ws.channel(f"channel-{number}", members[:5])
        yield ws, ws.channel("all", members), members[0]


def decisions(channels: int = CHANNELS, people: int = PEOPLE, runs: int = _RUNS) -> dict[str, Spread]:
    """Return the milliseconds of a decision in a channel, with an empty and a filled cache, and in a direct message."""
    with company(channels, people) as (ws, channel, user):
        settings = SlackSettings(bot_token=ws.bot_token, api_url=ws.api_url)
        access = Access(Directory(SlackClient(settings, RetryPolicy.IMPATIENT), ws.team_id))
        direct = ws.direct(user)

        def ask(conversation: str) -> None:
            if access.granted(conversation, user).notice:
                raise RuntimeError("the Slack server did not answer")

        def decide_without_cache() -> None:
            access.invalidate_all()
            ask(channel)

        first = [took(decide_without_cache) for _ in range(max(3, runs // 10))]
        warm = [took(partial(ask, channel)) for _ in range(runs)]
        alone = [took(partial(ask, direct)) for _ in range(max(3, runs // 10))]
    return {
        "first": Spread.of(first),
        "remembered": Spread.of(warm),
        "direct message": Spread.of(alone),
    }


def searches(rag: Rag, questions: Sequence[str], scope: Scope) -> dict[str, list[float]]:
    """Return the milliseconds of each search in a scope and without one, and of the check of its documents."""
    times: dict[str, list[float]] = {"scope": [], "none": [], "check": []}
    for question in questions:
        times["none"].append(took(partial(rag.find, question, Scope.operator())))
        times["scope"].append(took(partial(rag.find, question, scope)))
        documents = {hit.document for hit in rag.find(question, scope).hits}

        def check(documents: set[int] = documents) -> None:
            with rag.write_transaction() as connection:
                if len(documents_allowed(connection, documents, scope)) != len(documents):
                    raise RuntimeError("a found document is not in the scope")

        times["check"].append(took(check))
    return times


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--questions", type=Path, help="a question file of `magpie eval`")
    parser.add_argument("--chunks", type=int, default=100_000)
    parser.add_argument("--made", type=Path, help="keep the large catalog here and reuse it")
    options = parser.parse_args()
    for name, spread in decisions().items():
        print(f"decision, {name}: p50 {spread.p50:.1f} ms, p95 {spread.p95:.1f} ms")  # noqa: T201
    questions = read_questions(options.questions, options.data, 1, _RUNS)
    scope = Scope.of(*(f"S{number}" for number in range(0, SPACES, 2)))
    with tempfile.TemporaryDirectory() as scratch:
        made = options.made or Path(scratch)
        build(options.data, made, options.chunks, 1, _Watch())
        store = CountingStore(made / "chroma")
        with open_rag(Settings(data=made, answer={"model": ""}), embedder=InstantEmbedder(), store=store) as rag:
            searches(rag, questions[:5], scope)
            times = searches(rag, questions, scope)
    for name, values in times.items():
        spread = Spread.of(values)
        print(f"{name}: p50 {spread.p50:.1f} ms, p95 {spread.p95:.1f} ms")  # noqa: T201
    ratios = [a / b for a, b in zip(times["scope"], times["none"], strict=True)]
    print(f"median ratio of a search with a scope to one without: {median(ratios):.2f}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
