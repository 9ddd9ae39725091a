"""The events of a message in any order, late and repeated: the end is the state of the message in Slack."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.db import jobs, questions, tables
from bot.db.jobs import JobKind
from bot.demo.slack_server import Workspace, open_workspace
from bot.inbox.limits import Limits
from bot.inbox.recording import record
from bot.jobs.file_checks import FileChecks
from bot.slack.client import SlackClient
from bot.slack.files import KIND, SlackFiles
from bot.slack.payloads import parse
from rag import Rag, RoundRobin, ShareState, list_shares
from tests.flows.team import settings as rag_settings
from tests.flows.team import slack_settings
from tests.support.migrated import open_rag
from tests.support.slack_workspace import MANIFEST

CHECKS = [JobKind.CHECK_FILE, JobKind.LOCATE_FILE, JobKind.REFETCH_FILE]
CONTENT = {"a.pdf": b"%PDF-1.4 a", "shot.png": b"\x89PNG shot"}
STANDING = (ShareState.SHARED, ShareState.CHECKING)


@dataclass(frozen=True)
class Team:
    ws: Workspace
    rag: Rag
    checks: FileChecks


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    data = tmp_path_factory.mktemp("orders")
    with (
        open_workspace(manifest=MANIFEST) as ws,
        open_rag(rag_settings(data), histories=[tables.HISTORY]) as rag,
    ):
        ws.quirks.mention_files = False
        client = SlackClient(slack_settings(ws))
        files = SlackFiles(client, slack_settings(ws), ws.bot_user, 200)
        for name in ("ada", "ben"):
            ws.person(name)
        yield Team(ws, rag, FileChecks(client, rag, files, ws.bot_user, Limits()))


@dataclass
class Story:
    """A message of ada's, what happens to it, and its events on their way to Magpie."""

    team: Team
    channel: str
    delivered: int
    """Number of the workspace's events that were sent."""
    ts: str = ""
    on_their_way: list[dict[str, Any]] = field(default_factory=list)
    is_deleted: bool = False

    # ------------------------------------------------------------ what happens in Slack

    def post(self, text: str, names: list[str]) -> None:
        self.ts = self.team.ws.post("ada", self.channel, text, files=[(name, CONTENT[name]) for name in names])

    def files(self) -> list[str]:
        """Return the files of the message that were not deleted."""
        if self.is_deleted:
            return []
        known = {file.id for file in self.team.ws.files() if not file.deleted}
        return [id for id in self.team.ws.message(self.channel, self.ts).files if id in known]

    def has_picture(self) -> bool:
        return any(file.name.endswith("png") for file in self.team.ws.files() if file.id in self.files())

    def text(self) -> str:
        return self.team.ws.message(self.channel, self.ts).text

    def act(self, what: str) -> None:
        ws, files = self.team.ws, self.files()
        match what:
            case _ if self.is_deleted:
                return
            case "reword":
                ws.edit(self.channel, self.ts, f"{self.text()} please")
            case "mention":
                ws.edit(self.channel, self.ts, f"<@{ws.bot_user}> {self.text().replace(f'<@{ws.bot_user}> ', '')} now")
            case "take the mention out" if not self.has_picture():  # a picture that was a question stays out
                ws.edit(self.channel, self.ts, self.text().replace(f"<@{ws.bot_user}> ", ""))
            case "take a file out" if files:
                ws.edit(self.channel, self.ts, files=files[1:])
            case "share it again" if files:
                ws.share("ben", files[0], self.channel)
            case "unshare" if files:
                ws.unshare(files[0], self.channel)
            case "delete a file" if files:
                ws.delete_file(files[0])
            case "delete":
                ws.delete_message(self.channel, self.ts)
                self.is_deleted = True

    # ------------------------------------------------------------ what Magpie gets

    def collect(self) -> None:
        new = self.team.ws.envelopes_after(self.delivered)
        self.delivered += len(new)
        self.on_their_way += [envelope.payload["event"] for envelope in new if "event" in envelope.payload]

    def deliver(self, pick: int) -> None:
        """Deliver one of the events on their way; every third pick leaves it there, to be repeated."""
        self.collect()
        if self.on_their_way:
            place = pick % len(self.on_their_way)
            event = self.on_their_way[place] if pick % 3 == 0 else self.on_their_way.pop(place)
            with self.team.rag.write_transaction() as connection:
                for item in parse(event, self.team.ws.bot_user):
                    record(connection, item)

    def run_checks(self) -> None:
        """Ask Slack about files, as the bot does in the background."""
        for _ in range(50):
            with self.team.rag.write_transaction() as connection:
                connection.execute(tables.job.update().values(next_try=0))
                job = jobs.claim(connection, CHECKS, RoundRobin())
            if job is None:
                return
            checks = self.team.checks
            match job.kind:
                case JobKind.CHECK_FILE:
                    checks.check(job.key)
                case JobKind.LOCATE_FILE:
                    checks.locate(job.channel, job.key)
                case JobKind.REFETCH_FILE:
                    checks.refetch(job.key)
            with self.team.rag.write_transaction() as connection:
                jobs.finish(connection, job)
        raise AssertionError(f"Slack is asked about files without end: {job}")

    # ------------------------------------------------------------ the end

    def check_shares(self) -> None:
        with self.team.rag.read_transaction() as connection:
            found = list_shares(connection, KIND, space=self.channel, states=tuple(ShareState))
        live = {(share.message, share.ref): share.state for share in found if share.state in STANDING}
        assert live == dict.fromkeys(self.shared(), ShareState.SHARED)
        if self.is_deleted:
            mine = [share for share in found if share.message == self.ts]
            assert {share.state for share in mine} <= {ShareState.DEPARTED}
            assert not any(share.words or share.name for share in mine)

    def shared(self) -> set[tuple[str, str]]:
        """Return (message, file) of what stands in the channel and is for the index."""
        ws, standing = self.team.ws, {file.id: file for file in self.team.ws.files() if not file.deleted}
        asked = not self.is_deleted and self.is_addressed()
        return {
            (message.ts, id)
            for message in ws.messages(self.channel)
            for id in message.files
            if id in standing and not (asked and message.ts == self.ts and standing[id].name.endswith("png"))
        }

    def is_addressed(self) -> bool:
        return self.team.ws.bot_user in self.text()

    def check_question(self) -> None:
        with self.team.rag.read_transaction() as connection:
            found = questions.find_claimed(connection, self.channel, self.ts)
        if self.is_deleted or not self.is_addressed():
            assert found is None or found.cancellation == questions.Cancellation.DELETED
            return
        assert found is not None
        assert found.cancellation == ""
        assert f"<@{self.team.ws.bot_user}> {found.question.text}" == self.text()
        mine = self.team.ws.message(self.channel, self.ts).files
        assert [file for file in found.question.files if file in mine] == mine


ACTIONS = [
    "reword",
    "mention",
    "take the mention out",
    "take a file out",
    "share it again",
    "unshare",
    "delete a file",
    "delete",
]


@settings(deadline=None, max_examples=40)
@given(
    mentioned=st.booleans(),
    names=st.lists(st.sampled_from(sorted(CONTENT)), unique=True),
    actions=st.lists(st.sampled_from(ACTIONS), max_size=3),
    picks=st.lists(st.integers(0, 30), max_size=14),
    rest=st.permutations(range(12)),
)
def test_order_repetition_and_delay_of_events_do_not_change_the_end(
    team: Team, mentioned: bool, names: list[str], actions: list[str], picks: list[int], rest: list[int]
) -> None:
    """A pick above 20 asks Slack about the files in between, one above 24 lets the next thing happen first."""
    story = Story(team, team.ws.channel("orders", ["ada", "ben"]), len(team.ws.envelopes_after(0)))
    mention = f"<@{team.ws.bot_user}> " if mentioned else ""
    story.post(f"{mention}which port?", names)
    coming = list(actions)
    for pick in picks:
        if pick > 24 and coming:
            story.act(coming.pop(0))
        elif pick > 20:
            story.run_checks()
        else:
            story.deliver(pick)
    for action in coming:
        story.act(action)
    for number in (*rest, *rest):
        story.deliver(3 * number + 1)
    while story.on_their_way:
        story.deliver(1)
    story.run_checks()
    story.check_shares()
    story.check_question()
