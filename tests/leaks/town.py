"""A workspace with the bot in it, moved by hand: every event through the real Bolt app, every call looked at.

One thread does everything, so that the same steps give the same run.
"""

from __future__ import annotations

import json
import logging
import os
import re
import threading
from collections.abc import Callable, Iterator
from collections.abc import Generator as Generating
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from slack_bolt import BoltRequest

from bot.demo.slack_server import Workspace, open_workspace
from bot.demo.slack_server.state import Call, State
from bot.main import Bot, open_bot
from rag import Answer, DocumentSummary, Rag, Scope, SearchResult, open_rag
from rag.ports import Prompt
from tests.flows.team import settings, slack_settings
from tests.leaks.oracle import Rights, rights, rights_of
from tests.leaks.papers import NAME_MARK, TEXT_MARK, Paper, PaperReader, numbers_in
from tests.support.embedder import FakeEmbedder, FakeTextEmbedder
from tests.support.generator import FakeGenerator
from tests.support.slack_workspace import MANIFEST, without_proxies

_LINK = re.compile(r"/files/\w+/(F\w+)/")
_SHOWN = frozenset(
    "chat.postMessage chat.update chat.postEphemeral files.completeUploadExternal views.publish response_url".split()
)
_SPACE = re.compile(r"<#(\w+)>")
_MOST = 200
_LAST = re.compile(r"^Last question: (.*)$", re.MULTILINE)
_REPEATED = 4
_MARKS = re.compile(r"x(text|name)\d{5}x")


class Leak(BaseException):
    """Something got where somebody reads it who could not open it. No Exception, for the bot outlives those."""


@dataclass
class Telling(FakeGenerator):
    """Says everything that it was shown. `meanwhile` happens once, while it thinks."""

    meanwhile: Callable[[], None] | None = None
    shown: list[int] = field(default_factory=list)
    """The papers of the last prompt."""

    def stream(self, prompt: Prompt) -> Generating[str, None, None]:
        marks = dict.fromkeys(match.group() for match in _MARKS.finditer(prompt.user))
        self.shown = [int(mark[5:10]) for mark in marks if TEXT_MARK.fullmatch(mark)]
        happens, self.meanwhile = self.meanwhile, None
        if happens is not None:
            happens()
        asked = _LAST.search(prompt.user)
        if asked is not None:  # a follow-up, to be understood without its thread
            self.text = " ".join([asked.group(1), *list(marks)[:_REPEATED]])
            yield from super().stream(prompt)
            return
        numbers = dict.fromkeys(re.findall(r"<passage (\d+) ", prompt.user))
        self.text = None if not numbers else " ".join([*marks, *(f"[{number}]" for number in numbers)])
        yield from super().stream(prompt)


class WatchedRag:
    """The engine, with a look at whatever a search returned: a lane that lets something through is seen although a
    later step would hide it."""

    def __init__(self, rag: Rag) -> None:
        self._rag = rag
        self.meanwhile: Callable[[], None] | None = None
        """Happens once, between a search and what is made of it."""
        self.found: list[int] = []
        """Documents of the last search."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rag, name)

    def __enter__(self) -> WatchedRag:
        self._rag.__enter__()
        return self

    def __exit__(self, *raised: Any) -> None:
        self._rag.__exit__(*raised)

    def ask(self, question: str, scope: Scope, picture: Path | None = None, on_text: Any = None) -> Answer:
        inside = self._inside(scope)
        answer = self._rag.ask(question, scope, picture, on_text)
        self._check(answer.found, inside, "asked")
        return answer

    def find(self, query: str, scope: Scope, k: int = 10) -> SearchResult:
        inside = self._inside(scope)
        found = self._rag.find(query, scope, k)
        self._check(found, inside, "looked for words")
        self._happens(found)
        return found

    def find_picture(self, path: Path, scope: Scope, k: int = 10) -> SearchResult:
        inside = self._inside(scope)
        found = self._rag.find_picture(path, scope, k)
        self._check(found, inside, "looked for a picture")
        self._happens(found)
        return found

    def documents(self, scope: Scope) -> list[DocumentSummary]:
        self._inside(scope)
        return self._rag.documents(scope)

    def _happens(self, found: SearchResult) -> None:
        self.found = list(dict.fromkeys(hit.document for hit in found.hits))
        happens, self.meanwhile = self.meanwhile, None
        if happens is not None:
            happens()

    def _inside(self, scope: Scope) -> set[int]:
        """The documents of a scope, in SQL of our own."""
        if scope.spaces is None:
            raise Leak("the bot searched without a scope")
        with self._rag.read_transaction() as connection:
            marks = ",".join("?" * len(scope.spaces)) or "NULL"
            rows = connection.exec_driver_sql(
                "SELECT DISTINCT s.document_id FROM source s JOIN share h ON h.source_id = s.id "
                f"WHERE h.space IN ({marks}) AND h.hidden_at IS NULL AND s.state IN ('known', 'waiting', 'fetching')",
                tuple(scope.spaces),
            )
            return {row[0] for row in rows if row[0] is not None}

    @staticmethod
    def _check(found: SearchResult, inside: set[int], what: str) -> None:
        lanes = {lane: {document for document, _ in pages} for lane, pages in found.rankings.items()}
        lanes["hits"] = {hit.document for hit in found.hits}
        for lane, documents in lanes.items():
            if documents - inside:
                raise Leak(f"{what}: the lane {lane} brought a document from outside the scope")


class _Logged(logging.Handler):
    """Keeps what any logger said."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@dataclass
class Town:
    ws: Workspace
    world: State
    bot: Bot
    rag: WatchedRag
    generator: Telling
    data: Path
    logged: _Logged
    papers: list[Paper] = field(default_factory=list)
    shares: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Slack file -> (number of the paper, number of the name)."""
    shots: dict[str, int] = field(default_factory=dict)
    """Slack file -> the paper that it is a screenshot of."""
    asked: tuple[str, str] = ("", "")
    """Who used the command last, and where."""
    forgotten: set[str] = field(default_factory=set)
    """Slack files that the operator had forgotten, and that nobody shared since."""
    heard: int = 0
    looked: int = 0
    said: int = 0

    # ------------------------------------------------------------ moving

    def hear(self) -> None:
        """Every event since the last time, to the real app."""
        while new := self.ws.envelopes_after(self.heard):
            self.heard += len(new)
            for envelope in new:
                self.bot.app.dispatch(BoltRequest(body=envelope.payload, mode="socket_mode"))

    def work(self) -> None:
        """Until nothing is left to do: events, bytes and pages, jobs, questions."""
        for _ in range(_MOST):
            self.hear()
            self.rag.index([])
            with self.rag.write_transaction() as connection:  # known bytes wait as long as reading them took
                connection.exec_driver_sql("UPDATE share SET visible_from = 0 WHERE visible_from > 0")
            moved = False
            while self.bot.receipts.step():
                moved = True
            for worker in (self.bot.maintenance, self.bot.ephemeral, self.bot.placeholders, self.bot.answers):
                moved = worker.step() or moved
                self.look()
            if not moved and not self.ws.envelopes_after(self.heard):
                return
        raise RuntimeError("the bot does not come to rest")

    def during(self, act: Callable[[], None]) -> Callable[[], None]:
        """Something that happens while the model thinks; what was said before it is judged by what was before it."""

        def happens() -> None:
            self.look()
            act()
            self.hear()

        return happens

    # ------------------------------------------------------------ looking

    def look(self) -> None:
        """Judge everything that was shown or logged since the last look."""
        calls = self.ws.calls_after(self.looked)
        self.looked += len(calls)
        for call in calls:
            if call.method in _SHOWN:
                self._judge(call)
        lines, self.said = self.logged.lines[self.said :], len(self.logged.lines)
        for line in lines:
            if TEXT_MARK.search(line) or NAME_MARK.search(line):
                raise Leak(f"a log tells of a document: {_MARKS.sub(chr(42), line)[:200]}")

    def _judge(self, call: Call) -> None:
        told = call.arguments
        channel = str(told.get("channel") or told.get("channel_id") or "")
        only = str(told.get("user") or "") if call.method == "chat.postEphemeral" else ""
        if only and channel in self.world.conversations and only not in self.world.conversations[channel].members:
            return  # Slack refuses it, and nobody sees it
        if call.method == "views.publish":
            allowed = rights_of(self.world, self.world.people[str(told["user_id"])])
        elif call.method == "response_url":
            allowed = rights_of(self.world, self.world.people[self.world.responses[str(told["ticket"])].user])
        else:
            allowed = rights(self.world, channel, only)
        text = json.dumps(told, ensure_ascii=False, default=str)
        self._judge_text(text, allowed, call.method)
        if call.method == "files.completeUploadExternal":
            colours = {paper.colour: paper.number for paper in self.papers}
            for each in json.loads(told["files"]):
                data = self._uploaded(each["id"])
                for number in numbers_in(data, colours):
                    if not (self._paper_may(number, allowed) or self._shot_may(number, allowed)):
                        raise Leak(f"{call.method}: a picture of a forbidden paper")

    def _uploaded(self, file: str) -> bytes:
        if file in self.world.files:
            return self.world.files[file].data
        return self.world.uploads[file].data or b""

    def _judge_text(self, text: str, allowed: Rights, where: str) -> None:
        for mark in TEXT_MARK.findall(text):
            if not self._paper_may(int(mark), allowed):
                raise Leak(f"{where}: words of a forbidden paper")
        for mark in NAME_MARK.findall(text):
            if not self._name_may(int(mark), allowed):
                raise Leak(f"{where}: a name from where not every reader may look")
        for space in _SPACE.findall(text):
            if space not in allowed.spaces:
                raise Leak(f"{where}: a conversation that not every reader may know of")
        for file in _LINK.findall(text):
            if file in self.shares and not self._file_may(file, allowed):
                raise Leak(f"{where}: a link to where not every reader may look")

    def _file_may(self, file: str, allowed: Rights) -> bool:
        there = None if file in self.forgotten else self.world.files.get(file)
        if there is None or there.deleted:
            return False
        return any(one.conversation in allowed.spaces for one in there.shares)

    def _paper_may(self, number: int, allowed: Rights) -> bool:
        return any(self._file_may(file, allowed) for file, (paper, _) in self.shares.items() if paper == number)

    def _shot_may(self, number: int, allowed: Rights) -> bool:
        """Whether somebody put a screenshot of it where they can open that, and had it indexed."""
        return any(self._file_may(file, allowed) for file, paper in self.shots.items() if paper == number)

    def _name_may(self, name: int, allowed: Rights) -> bool:
        return any(self._file_may(file, allowed) for file, (_, known) in self.shares.items() if known == name)

    # ------------------------------------------------------------ what is left

    def shares_are_true(self) -> None:
        """At rest the catalog has no share that is not there in Slack, where the bot is."""
        with self.rag.read_transaction() as connection:
            rows = connection.exec_driver_sql("SELECT s.ref, h.space FROM source s JOIN share h ON h.source_id = s.id")
            known = {(row[0], row[1]) for row in rows}
        here = {id for id, space in self.world.conversations.items() if self.ws.bot_user in space.members}
        there = {
            (id, share.conversation)
            for id, file in self.world.files.items()
            if not file.deleted
            for share in file.shares
            if share.conversation in here
        }
        if known - there:
            raise Leak("a share that ended is still in the catalog")
        if {file for file, _ in known} & self.forgotten:
            raise Leak("what was forgotten came back")

    def leftovers(self) -> None:
        """After the passes: nothing in the data folder tells of a paper that is shared nowhere where the bot is."""
        self.work()
        self.rag.forget([])
        self.rag.checkpoint()
        spaces = {id for id, space in self.world.conversations.items() if self.ws.bot_user in space.members}
        everywhere = Rights(frozenset(spaces))
        kept = {known for file, known in self.shares.items() if self._file_may(file, everywhere)}
        papers, names = {paper for paper, _ in kept}, {name for _, name in kept}
        for parent, _, files in os.walk(self.data):
            for file in files:
                where = str((Path(parent) / file).relative_to(self.data))
                content = where + "\n" + (Path(parent) / file).read_bytes().decode("latin-1")
                if {int(mark) for mark in TEXT_MARK.findall(content)} - papers:
                    raise Leak(f"{_MARKS.sub('*', where)}: words of a paper that is gone are still there")
                if {int(mark) for mark in NAME_MARK.findall(content)} - names:
                    raise Leak(f"{_MARKS.sub('*', where)}: a name that is gone is still there")


@contextmanager
def open_town(data: Path) -> Iterator[Town]:
    logged = _Logged()
    root = logging.getLogger()
    before = root.level
    with ExitStack() as closing:
        closing.enter_context(without_proxies())
        root.addHandler(logged)
        root.setLevel(logging.INFO)
        closing.callback(root.setLevel, before)
        closing.callback(root.removeHandler, logged)
        ws = closing.enter_context(open_workspace(manifest=MANIFEST))
        ws.pace.share_delay = 0.0
        generator = Telling()
        opened = partial(
            _watched,
            extractor=PaperReader,
            embedder=FakeEmbedder(),
            text_embedder=FakeTextEmbedder(),
            generator=generator,
        )
        rag = settings(data, search={"min_confidence": 0.0})
        bot = closing.enter_context(open_bot(rag, slack_settings(ws), opened, threading.Event()))  # type: ignore[arg-type]
        watched: Any = bot.rag
        yield Town(ws, ws._state, bot, watched, generator, data, logged)


def _watched(*given: Any, **named: Any) -> WatchedRag:
    return WatchedRag(open_rag(*given, **named))
