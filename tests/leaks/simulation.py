"""A workspace with the bot in it that advances step by step: events go through the real Bolt app, calls are checked.

Everything runs in one thread, so that the same steps give the same run.
"""

from __future__ import annotations

import json
import logging
import os
import re
import threading
from collections.abc import Callable, Iterator
from collections.abc import Generator as Generating
from contextlib import ExitStack, contextmanager, nullcontext
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
from tests.leaks.marked_documents import NAME_MARK, TEXT_MARK, MarkedDocument, MarkedDocumentExtractor, numbers_in
from tests.leaks.oracle import Rights, rights, rights_of
from tests.support.embedder import FakeEmbedder, FakeTextEmbedder
from tests.support.generator import FakeGenerator
from tests.support.slack_workspace import MANIFEST, without_proxies

_LINK = re.compile(r"/files/\w+/(F\w+)/")
_SHOWN = frozenset(
    "chat.postMessage chat.update chat.postEphemeral files.completeUploadExternal views.publish response_url".split()
)
_SPACE = re.compile(r"<#(\w+)>")
_MAX_ROUNDS = 200
_LAST_QUESTION = re.compile(r"^Last question: (.*)$", re.MULTILINE)
_REPEATED = 4
"""Marks that a rewritten query repeats."""
_MARKS = re.compile(r"x(text|name)\d{5}x")


class Leak(BaseException):
    """A reader got something that they cannot open. A BaseException, because the bot catches every Exception."""


@dataclass
class RepeatingGenerator(FakeGenerator):
    """Repeats all marks of the prompt."""

    hook: Callable[[], None] | None = None
    """Called once, while the next answer is generated."""
    last_shown: list[int] = field(default_factory=list)
    """Numbers of the documents in the last prompt."""

    def stream(self, prompt: Prompt) -> Generating[str, None, None]:
        marks = dict.fromkeys(match.group() for match in _MARKS.finditer(prompt.user))
        self.last_shown = [int(mark[5:10]) for mark in marks if TEXT_MARK.fullmatch(mark)]
        hook, self.hook = self.hook, None
        if hook is not None:
            hook()
        follow_up = _LAST_QUESTION.search(prompt.user)
        if follow_up is not None:  # the prompt of the query rewrite
            self.text = " ".join([follow_up.group(1), *list(marks)[:_REPEATED]])
            yield from super().stream(prompt)
            return
        numbers = dict.fromkeys(re.findall(r"<passage (\d+) ", prompt.user))
        self.text = None if not numbers else " ".join([*marks, *(f"[{number}]" for number in numbers)])
        yield from super().stream(prompt)


class WatchedRag:
    """The engine, with a check of the rankings of each lane: a leak is found even if a later step would hide it."""

    def __init__(self, rag: Rag) -> None:
        self._rag = rag
        self.hook: Callable[[], None] | None = None
        """Called once, when the next search has returned."""
        self.last_found: list[int] = []
        """IDs of the documents that the last search returned."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rag, name)

    def __enter__(self) -> WatchedRag:
        self._rag.__enter__()
        return self

    def __exit__(self, *raised: Any) -> None:
        self._rag.__exit__(*raised)

    def ask(
        self,
        question: str,
        scope: Scope,
        picture: Path | None = None,
        on_text: Any = None,
        generating: Any = nullcontext,
    ) -> Answer:
        expected = self._documents_in(scope)
        answer = self._rag.ask(question, scope, picture, on_text, generating)
        self._check(answer.found, expected, "ask")
        return answer

    def find(self, query: str, scope: Scope, k: int = 10) -> SearchResult:
        expected = self._documents_in(scope)
        found = self._rag.find(query, scope, k)
        self._check(found, expected, "find")
        self._run_hook(found)
        return found

    def find_picture(self, path: Path, scope: Scope, k: int = 10) -> SearchResult:
        expected = self._documents_in(scope)
        found = self._rag.find_picture(path, scope, k)
        self._check(found, expected, "find_picture")
        self._run_hook(found)
        return found

    def documents(self, scope: Scope) -> list[DocumentSummary]:
        self._documents_in(scope)
        return self._rag.documents(scope)

    def _run_hook(self, found: SearchResult) -> None:
        self.last_found = list(dict.fromkeys(hit.document for hit in found.hits))
        hook, self.hook = self.hook, None
        if hook is not None:
            hook()

    def _documents_in(self, scope: Scope) -> set[int]:
        """Return the IDs of the documents in a scope, by a query that does not use the engine's code."""
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
    def _check(found: SearchResult, expected: set[int], method: str) -> None:
        lanes = {lane: {document for document, _ in pages} for lane, pages in found.rankings.items()}
        lanes["hits"] = {hit.document for hit in found.hits}
        for lane, documents in lanes.items():
            if documents - expected:
                raise Leak(f"{method}: the lane {lane} returned a document from outside the scope")


class _LogHandler(logging.Handler):
    """Keeps the messages of all loggers."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@dataclass
class Simulation:
    """The bot, its workspace, and what was shared in it."""

    ws: Workspace
    state: State
    bot: Bot
    rag: WatchedRag
    generator: RepeatingGenerator
    data: Path
    log: _LogHandler
    documents: list[MarkedDocument] = field(default_factory=list)
    shares: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Slack file -> (number of the document, number of the name)."""
    screenshots: dict[str, int] = field(default_factory=dict)
    """Slack file -> number of the document that it is a screenshot of."""
    last_command: tuple[str, str] = ("", "")
    """Person and channel of the last slash command."""
    forgotten: set[str] = field(default_factory=set)
    """Slack files that the operator removed and that were not shared again since."""
    delivered: int = 0
    """Number of events that the app received."""
    checked_calls: int = 0
    checked_lines: int = 0

    # ------------------------------------------------------------ run the bot

    def deliver_events(self) -> None:
        """Dispatch all new events to the app."""
        while new := self.ws.envelopes_after(self.delivered):
            self.delivered += len(new)
            for envelope in new:
                self.bot.app.dispatch(BoltRequest(body=envelope.payload, mode="socket_mode"))

    def run_until_idle(self) -> None:
        """Handle events, index files, and run jobs and questions until no work is left."""
        for _ in range(_MAX_ROUNDS):
            self.deliver_events()
            self.rag.index([])
            with self.rag.write_transaction() as connection:  # a share of known bytes is visible only after a delay
                connection.exec_driver_sql("UPDATE share SET visible_from = 0 WHERE visible_from > 0")
            moved = False
            while self.bot.receipts.step():
                moved = True
            for worker in (self.bot.maintenance, self.bot.ephemeral, self.bot.placeholders, self.bot.answers):
                moved = worker.step() or moved
                self.check_output()
            if not moved and not self.ws.envelopes_after(self.delivered):
                return
        raise RuntimeError("the bot does not become idle")

    def interrupting(self, act: Callable[[], None]) -> Callable[[], None]:
        """Return a hook that checks the output so far, then calls `act` and delivers its events."""

        def hook() -> None:
            self.check_output()
            act()
            self.deliver_events()

        return hook

    # ------------------------------------------------------------ check calls and logs

    def check_output(self) -> None:
        """Raise Leak if a call or log message since the last check shows what a reader cannot open."""
        calls = self.ws.calls_after(self.checked_calls)
        self.checked_calls += len(calls)
        for call in calls:
            if call.method in _SHOWN:
                self._check_call(call)
        lines, self.checked_lines = self.log.lines[self.checked_lines :], len(self.log.lines)
        for line in lines:
            if TEXT_MARK.search(line) or NAME_MARK.search(line):
                raise Leak(f"a log message quotes a document: {_MARKS.sub(chr(42), line)[:200]}")

    def _check_call(self, call: Call) -> None:
        arguments = call.arguments
        channel = str(arguments.get("channel") or arguments.get("channel_id") or "")
        only = str(arguments.get("user") or "") if call.method == "chat.postEphemeral" else ""
        if only and channel in self.state.conversations and only not in self.state.conversations[channel].members:
            return  # Slack refuses it
        if call.method == "views.publish":
            allowed = rights_of(self.state, self.state.people[str(arguments["user_id"])])
        elif call.method == "response_url":
            allowed = rights_of(self.state, self.state.people[self.state.responses[str(arguments["ticket"])].user])
        else:
            allowed = rights(self.state, channel, only)
        text = json.dumps(arguments, ensure_ascii=False, default=str)
        self._check_text(text, allowed, call.method)
        if call.method == "files.completeUploadExternal":
            colors = {document.color: document.number for document in self.documents}
            for each in json.loads(arguments["files"]):
                data = self._uploaded(each["id"])
                for number in numbers_in(data, colors):
                    if not (self._may_see_document(number, allowed) or self._may_see_screenshot(number, allowed)):
                        raise Leak(f"{call.method}: a picture of a document that not every reader can open")

    def _uploaded(self, file: str) -> bytes:
        if file in self.state.files:
            return self.state.files[file].data
        return self.state.uploads[file].data or b""

    def _check_text(self, text: str, allowed: Rights, where: str) -> None:
        for mark in TEXT_MARK.findall(text):
            if not self._may_see_document(int(mark), allowed):
                raise Leak(f"{where}: text of a document that not every reader can open")
        for mark in NAME_MARK.findall(text):
            if not self._may_see_name(int(mark), allowed):
                raise Leak(f"{where}: a file name from a conversation that not every reader can open")
        for space in _SPACE.findall(text):
            if space not in allowed.spaces:
                raise Leak(f"{where}: a conversation that not every reader can open")
        for file in _LINK.findall(text):
            if file in self.shares and not self._may_see_file(file, allowed):
                raise Leak(f"{where}: a link to a file that not every reader can open")

    def _may_see_file(self, file: str, allowed: Rights) -> bool:
        found = None if file in self.forgotten else self.state.files.get(file)
        if found is None or found.deleted:
            return False
        return any(share.conversation in allowed.spaces for share in found.shares)

    def _may_see_document(self, number: int, allowed: Rights) -> bool:
        return any(self._may_see_file(file, allowed) for file, (of, _) in self.shares.items() if of == number)

    def _may_see_screenshot(self, number: int, allowed: Rights) -> bool:
        """Return whether a screenshot of the document was shared where all these readers can open it."""
        return any(self._may_see_file(file, allowed) for file, of in self.screenshots.items() if of == number)

    def _may_see_name(self, name: int, allowed: Rights) -> bool:
        return any(self._may_see_file(file, allowed) for file, (_, known) in self.shares.items() if known == name)

    # ------------------------------------------------------------ check the catalog and the data folder

    def check_shares(self) -> None:
        """Raise Leak if the catalog has a share that Slack does not have, or that was forgotten."""
        with self.rag.read_transaction() as connection:
            rows = connection.exec_driver_sql("SELECT s.ref, h.space FROM source s JOIN share h ON h.source_id = s.id")
            known = {(row[0], row[1]) for row in rows}
        joined = {id for id, space in self.state.conversations.items() if self.ws.bot_user in space.members}
        existing = {
            (id, share.conversation)
            for id, file in self.state.files.items()
            if not file.deleted
            for share in file.shares
            if share.conversation in joined
        }
        if known - existing:
            raise Leak("a share that was removed in Slack is still in the catalog")
        if {file for file, _ in known} & self.forgotten:
            raise Leak("a forgotten file is in the catalog again")

    def check_leftovers(self) -> None:
        """Raise Leak if the data folder still has text or a name of a document that is not shared with the bot."""
        self.run_until_idle()
        self.rag.forget([])
        self.rag.checkpoint()
        spaces = {id for id, space in self.state.conversations.items() if self.ws.bot_user in space.members}
        everywhere = Rights(frozenset(spaces))
        kept = {known for file, known in self.shares.items() if self._may_see_file(file, everywhere)}
        documents, names = {document for document, _ in kept}, {name for _, name in kept}
        for parent, _, files in os.walk(self.data):
            for file in files:
                where = str((Path(parent) / file).relative_to(self.data))
                content = where + "\n" + (Path(parent) / file).read_bytes().decode("latin-1")
                if {int(mark) for mark in TEXT_MARK.findall(content)} - documents:
                    raise Leak(f"{_MARKS.sub('*', where)}: text of a removed document is still there")
                if {int(mark) for mark in NAME_MARK.findall(content)} - names:
                    raise Leak(f"{_MARKS.sub('*', where)}: a removed file name is still there")


@contextmanager
def open_simulation(data: Path) -> Iterator[Simulation]:
    """Open a workspace and the bot, with fake models."""
    log = _LogHandler()
    root = logging.getLogger()
    before = root.level
    with ExitStack() as closing:
        closing.enter_context(without_proxies())
        root.addHandler(log)
        root.setLevel(logging.INFO)
        closing.callback(root.setLevel, before)
        closing.callback(root.removeHandler, log)
        ws = closing.enter_context(open_workspace(manifest=MANIFEST))
        ws.pace.share_delay = 0.0
        generator = RepeatingGenerator()
        opened = partial(
            _watched,
            extractor=MarkedDocumentExtractor,
            embedder=FakeEmbedder(),
            text_embedder=FakeTextEmbedder(),
            generator=generator,
        )
        rag = settings(data, search={"min_confidence": 0.0})
        bot = closing.enter_context(open_bot(rag, slack_settings(ws), opened, threading.Event()))  # type: ignore[arg-type]
        watched: Any = bot.rag
        yield Simulation(ws, ws._state, bot, watched, generator, data, log)


def _watched(*given: Any, **named: Any) -> WatchedRag:
    return WatchedRag(open_rag(*given, **named))
