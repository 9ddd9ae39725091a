"""A workspace with the bot in it that advances step by step: events go through the real Bolt app, calls are checked.

Everything runs in one thread, so that the same steps give the same run.
"""

from __future__ import annotations

import itertools
import json
import logging
import os
import random
import re
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from slack_bolt import BoltRequest

from bot.demo.slack_server import Workspace, open_workspace
from bot.demo.slack_server.delivery import Envelope
from bot.demo.slack_server.state import Call, Json, Person, State
from bot.folders import EVERYONE
from bot.jobs.folders import WatchedFolders
from bot.main import Bot, open_bot
from bot.telemetry.telemetry import Telemetry
from bot.telemetry.traces import Traces
from rag import NotFound, Scope, SearchResult, Settings
from tests.flows.team import settings, slack_settings
from tests.leaks import world
from tests.leaks.catalog_checks import CatalogChecks, check_deletions, check_departures
from tests.leaks.catalog_version import CatalogVersion
from tests.leaks.marked_documents import (
    NAME_MARK,
    TEXT_MARK,
    WORD_MARK,
    MarkedDocument,
    MarkedDocumentExtractor,
    documents_named,
    name_of,
    numbers_in,
)
from tests.leaks.oracle import Rights, rights, rights_of
from tests.leaks.watched import MARKS, Leak, LogHandler, ReadingReranker, RepeatingGenerator, WatchedRag
from tests.leaks.world import Place
from tests.support.embedder import FakeEmbedder, FakeTextEmbedder
from tests.support.migrated import open_rag
from tests.support.page_embedder import FakePageEmbedder
from tests.support.slack_workspace import AGENT_MANIFEST, without_proxies

_LINK = re.compile(r"/files/\w+/(F\w+)/")
_SHOWN = frozenset(
    "chat.postMessage chat.update chat.postEphemeral files.completeUploadExternal views.publish response_url "
    "chat.startStream chat.appendStream chat.stopStream agents.sessions.setStatus".split()
)
_SPACE = re.compile(r"<#(\w+)>")
_MESSAGE_LINK = re.compile(r"(/archives/(\w+)/p(\d+))")
_TIME = re.compile(r"<!date\^(\d+)\^")
_WORDS = ("text", "blocks", "view", "initial_comment", "chunks", "title")
"""Arguments of calls that people read."""
_MAX_ROUNDS = 200
_FOLDER_NAMES = 5000
"""Numbers of names from here on are of files in folders. Those of attachments are larger."""
_INDEXED = (
    "SELECT id, state, document_id, size, mtime_ns FROM source ORDER BY id",
    "SELECT id, state, source_id FROM share ORDER BY id",
    "SELECT id, state, document_id FROM extraction ORDER BY id",
)
"""Queries for everything that a run of the indexer depends on."""
_OPEN = frozenset({"waiting", "fetching", "reading"})
"""States of sources and extractions that a run of the indexer changes."""


class FolderFile(NamedTuple):
    """A file in the folder of a space: the numbers of its document and of its name."""

    document: int
    name: int
    space: str


@dataclass
class Simulation:
    """The bot, its workspace, and what was shared in it."""

    ws: Workspace
    state: State
    bot: Bot
    rag: WatchedRag
    generator: RepeatingGenerator
    data: Path
    log: LogHandler
    spans: InMemorySpanExporter
    version: CatalogVersion
    documents: list[MarkedDocument] = field(default_factory=list)
    shares: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Slack file -> (number of the document, number of the name)."""
    folders: list[FolderFile] = field(default_factory=list)
    """The files in the folders that are followed."""
    screenshots: dict[str, int] = field(default_factory=dict)
    """Slack file -> number of the document that it is a screenshot of."""
    last_command: tuple[str, str] = ("", "")
    """Person and channel of the last slash command."""
    forgotten: set[Place] = field(default_factory=set)
    """Files in messages that stood when the operator removed the file."""
    requested: set[Place] = field(default_factory=set)
    """Files in messages that a person asked to index."""
    pointed_at: set[tuple[str, str, str]] = field(default_factory=set)
    """Person, and channel and digits of the time of a message that they used a shortcut on."""
    unannounced: set[Place] = field(default_factory=set)
    """Files in messages that Magpie heard nothing of."""
    lost: set[str] = field(default_factory=set)
    """Slack files of whose deletion Magpie heard nothing."""
    unshared: dict[tuple[str, str], float] = field(default_factory=dict)
    """File and channel -> when the file left the channel, as Magpie was told."""
    words: set[int] = field(default_factory=set)
    """All marked words that were written beside files."""
    catalog: CatalogChecks = field(default_factory=CatalogChecks)
    shuffle: random.Random | None = None
    """Delivers new events in any order, and some of them twice."""
    delivered: int = 0
    """Number of events that the app received."""
    _names: Iterator[int] = field(default_factory=itertools.count)
    _indexed: list[tuple[Any, ...]] | None = None
    """What the last run of the indexer left."""
    checked_calls: int = 0
    checked_lines: int = 0

    # ------------------------------------------------------------ run the bot

    def deliver_events(self) -> None:
        """Dispatch all new events to the app."""
        while new := self.ws.envelopes_after(self.delivered):
            self.delivered += len(new)
            arrived = [each for each in new if not each.given_up]
            lost = [each.payload["event"] for each in new if each.given_up]
            self.lost |= {event["file_id"] for event in lost if event["type"] == "file_deleted"}
            self.unshared |= {
                (event["file_id"], event["channel_id"]): float(event["event_ts"])
                for event in (each.payload.get("event", {}) for each in arrived)
                if event.get("type") == "file_unshared"
            }
            if self.shuffle is None:
                self._dispatch(arrived)
            else:
                self._dispatch_shuffled(arrived, self.shuffle)

    def _dispatch(self, envelopes: Iterable[Envelope], *, repeated: bool = False) -> None:
        for number, envelope in enumerate(envelopes):
            body = dict(envelope.payload)
            if repeated and "event_id" in body:  # Slack repeats an event under another id as well
                body["event_id"] = f"{body['event_id']}{number % 2}"
            self.bot.app.dispatch(BoltRequest(body=body, mode="socket_mode"))

    def _dispatch_shuffled(self, envelopes: Sequence[Envelope], chance: random.Random) -> None:
        """Dispatch events in any order, some of them twice. Often, the last one comes first, about a removal perhaps,
        and sometimes much earlier than the others."""
        first = envelopes[-1:] if chance.random() < 0.6 else []
        others = [*envelopes[: len(envelopes) - len(first)], *chance.choices(envelopes, k=len(envelopes) // 2)]
        chance.shuffle(others)
        self._dispatch(first)
        if first and chance.random() < 0.6:
            self.shuffle = None
            self.run_until_idle()
            self.shuffle = chance
        self._dispatch(others, repeated=True)

    def forget(self, file: str) -> bool:
        """Remove a file as the operator does. Return False if the catalog does not have it."""
        try:
            self.rag.forget([file])
        except NotFound:
            return False
        self.forgotten |= world.places_of(self.state, file)
        return True

    def change_id(self, channel: str) -> None:
        """Change the id of a conversation."""
        new = self.ws.change_id(channel)
        self.folders[:] = [file._replace(space=new) if file.space == channel else file for file in self.folders]
        if self.folder_of(channel).exists():  # the operator names the new id
            self.folder_of(channel).rename(self.folder_of(new))
            self.walk_folders()
        self.unshared = {(file, new if space == channel else space): at for (file, space), at in self.unshared.items()}
        for places in (self.forgotten, self.requested, self.unannounced):
            moved = {place for place in places if place.channel == channel}
            places -= moved
            places |= {place._replace(channel=new) for place in moved}

    def new_name(self) -> int:
        """Return the number of a name that no file has yet."""
        return _FOLDER_NAMES + next(self._names)

    def folder_of(self, space: str) -> Path:
        return self.data.parent / "followed" / space

    def walk_folders(self) -> None:
        """Name the folders in the settings, and have them walked as the bot does on a schedule."""
        entries = []
        for space in sorted({file.space for file in self.folders}):
            visible_to = f'"{EVERYONE}"' if space == EVERYONE else f'["{space}"]'
            entries.append(f'[[sources]]\nfolder = "{self.folder_of(space)}"\nvisible_to = {visible_to}\n')
        (self.data / "magpie.toml").write_text("".join(entries))
        WatchedFolders(self.bot.rag, self.data).walk()

    def run_until_idle(self) -> None:
        """Handle events, index files, and run jobs and questions until no work is left."""
        for _ in range(_MAX_ROUNDS):
            self.deliver_events()
            check_deletions(self)
            check_departures(self)
            self._index()
            self.catalog.check_delays(self)
            with self.rag.write_transaction() as connection:  # a share of known bytes is visible only after a delay
                connection.exec_driver_sql("UPDATE share SET visible_from = 0 WHERE visible_from > 0")
            moved = False
            while self.version.step(self.bot.receipts.step):
                moved = True
            for worker in (self.bot.maintenance, self.bot.ephemeral, self.bot.placeholders, self.bot.answers):
                if worker is self.bot.answers:
                    self._index()  # it waits for files that were just found, and nothing else reads them meanwhile
                moved = self.version.step(worker.step) or moved
                self.check_output()
            if not moved and not self.ws.envelopes_after(self.delivered):
                return
        raise RuntimeError("the bot does not become idle")

    def _run_delayed_jobs(self) -> None:
        """Run what the bot would do later: it looks up a file whose message does not arrive within seconds."""
        with self.rag.write_transaction() as connection:
            moved = connection.exec_driver_sql(
                "UPDATE job SET next_try = 0 WHERE state = 'waiting' AND next_try > 0"
            ).rowcount
        if moved:
            self.run_until_idle()

    def _index(self) -> None:
        self.version.step(self._index_what_waits)

    def _index_what_waits(self) -> bool:
        """Index what waits. A run takes long even if nothing does, so there is none if nothing has changed."""
        rows = self._rows()
        if self._indexed == rows and not _OPEN & {row[1] for row in rows}:
            return False
        self.rag.index([])
        self._indexed = self._rows()
        return True

    def _rows(self) -> list[tuple[Any, ...]]:
        with self.rag.read_transaction() as connection:
            return [tuple(row) for query in _INDEXED for row in connection.exec_driver_sql(query)]

    def search(self, query: str, scope: Scope) -> SearchResult:
        """Search for a check, without effect on the steps: what was to happen during an answer does not happen now."""
        hook, self.generator.hook = self.generator.hook, None
        try:
            return self.rag.search(query, scope)
        finally:
            self.generator.hook = hook

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
                raise Leak(f"a log message quotes a document: {MARKS.sub(chr(42), line)[:200]}")

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
        self._check_text(text, allowed, call.method, arguments)
        if call.method == "files.completeUploadExternal":
            for each in json.loads(arguments["files"]):
                self.check_picture(self._uploaded(each["id"]), allowed, call.method)

    def check_picture(self, data: bytes, allowed: Rights, where: str) -> None:
        """Raise Leak if a picture shows a document that not every reader can open."""
        colors = {document.color: document.number for document in self.documents}
        for number in numbers_in(data, colors):
            if not (self._may_see_document(number, allowed) or self._may_see_screenshot(number, allowed)):
                raise Leak(f"{where}: a picture of a document that not every reader can open")

    def check_text(self, text: str, allowed: Rights, where: str) -> None:
        """Raise Leak if a text shows what not every reader can open."""
        self._check_text(text, allowed, where, {"text": text})

    def _uploaded(self, file: str) -> bytes:
        if file in self.state.files:
            return self.state.files[file].data
        return self.state.uploads[file].data or b""

    def _check_text(self, text: str, allowed: Rights, where: str, arguments: Json) -> None:
        for number in documents_named(text):
            if not self._may_see_document(number, allowed):
                raise Leak(f"{where}: text of a document that not every reader can open", text)
        for mark in NAME_MARK.findall(text):
            if not self._may_see_name(int(mark), allowed) and not self._is_written(name_of(int(mark)), allowed):
                raise Leak(f"{where}: a file name from a conversation that not every reader can open", text)
        for mark in set(WORD_MARK.findall(text)):
            if not any(int(mark) in self._words_in(space) for space in allowed.spaces):
                raise Leak(f"{where}: words of a message that not every reader can open", text)
        shown = json.dumps([arguments[key] for key in _WORDS if key in arguments], ensure_ascii=False, default=str)
        self._check_sharers(shown, allowed, where)
        for space in _SPACE.findall(text):
            if space not in allowed.spaces:
                raise Leak(f"{where}: a conversation that not every reader can open")
        for file in _LINK.findall(text):
            if file in self.shares and not (self._may_see_file(file, allowed) or self._is_written(file, allowed)):
                raise Leak(f"{where}: a link to a file that not every reader can open")

    def _is_written(self, text: str, allowed: Rights) -> bool:
        """Return whether a person wrote this where all these readers can open it, such as a link in a question."""
        spaces = [self.state.conversations[id] for id in allowed.spaces if id in self.state.conversations]
        return any(text in message.text for space in spaces for message in world.written(self.state, space))

    def _is_pointed_at(self, channel: str, digits: str, allowed: Rights) -> bool:
        """Return whether the only reader used a shortcut on this message, whose link they had then."""
        return any(
            (person, channel, digits) in self.pointed_at
            for space in self.state.conversations.values()
            if space.kind == "im" and space.id in allowed.spaces
            for person in space.members
        )

    def _check_sharers(self, text: str, allowed: Rights, where: str) -> None:
        """Raise Leak if a text names a person, a time or a message of a share that not every reader can open."""
        for link, channel, digits in _MESSAGE_LINK.findall(text):
            is_theirs = self._is_written(link, allowed) or self._is_pointed_at(channel, digits, allowed)
            if channel not in allowed.spaces and not is_theirs:
                raise Leak(f"{where}: a link to a message that not every reader can open")
        spaces = [self.state.conversations[id] for id in allowed.spaces if id in self.state.conversations]
        for space in spaces:  # the name of a group's direct message has the names of its members
            text = text.replace(f"#{space.name} ", " ") if space.name else text
        for asker in {message.user for space in spaces for message in world.written(self.state, space)}:
            text = text.replace(f'"<@{asker}> ', '"')  # an answer that its asker wanted later begins with a mention
        named = [person for person in self.state.people.values() if not person.is_bot and _names(text, person)]
        times = {int(seconds) for seconds in _TIME.findall(text)}
        if not named and not times:
            return
        messages = [message for space in spaces for message in world.written(self.state, space)]
        known = {message.user for message in messages if message.files}
        said = "\n".join(message.text for message in messages)
        for person in named:
            if person.id not in known and not _names(said, person):
                raise Leak(f"{where}: a person who shared nothing that every reader can open", text)
        if times - {int(float(message.ts)) for message in messages}:
            raise Leak(f"{where}: the time of a message that not every reader can open")

    def _may_see_file(self, file: str, allowed: Rights) -> bool:
        if file not in self.state.files or self.state.files[file].deleted:
            return False
        left = world.places_of(self.state, file) - self.forgotten
        return any(place.channel in allowed.spaces for place in left)

    def _may_see_document(self, number: int, allowed: Rights) -> bool:
        if any(number in self.numbers_in(of) for of, _, space in self.folders if space in allowed.spaces):
            return True
        return any(
            self._may_see_file(file, allowed) for file, (of, _) in self.shares.items() if number in self.numbers_in(of)
        )

    def numbers_in(self, number: int) -> set[int]:
        """Return the numbers of a document and of all that are inside of it."""
        return self.documents[number].numbers if number >= 0 else {number}

    def _names_in(self, number: int) -> set[int]:
        return self.documents[number].names if number >= 0 else set()

    def _may_see_screenshot(self, number: int, allowed: Rights) -> bool:
        """Return whether a screenshot of the document was shared where all these readers can open it."""
        return any(self._may_see_file(file, allowed) for file, of in self.screenshots.items() if of == number)

    def _may_see_name(self, name: int, allowed: Rights) -> bool:
        followed = [(of, known) for of, known, space in self.folders if space in allowed.spaces]
        if any(name == known or name in self._names_in(of) for of, known in followed):
            return True
        return any(
            self._may_see_file(file, allowed)
            for file, (of, known) in self.shares.items()
            if name == known or name in self._names_in(of)
        )

    # ------------------------------------------------------------ check metrics and traces

    def check_telemetry(self) -> None:
        """Raise Leak if metrics or traces have text of a document or message, a name, or the id of a person or channel.

        No trace is recorded afterwards.
        """
        health = self.bot.open_health(lambda: True)
        page = self.bot.telemetry.metrics.text(health.queues()).decode()
        self.bot.telemetry.close()
        page += "\n".join(span.to_json(indent=None) for span in self.spans.get_finished_spans())
        for written in (MARKS, *(re.compile(re.escape(id)) for id in (*self.state.people, *self.state.conversations))):
            if found := written.search(page):
                line = next(line for line in page.splitlines() if found.group() in line)
                raise Leak(f"a metric or trace quotes what people shared: {MARKS.sub('*', line)[:40]}", line)

    # ------------------------------------------------------------ check the catalog and the data folder

    def check_shares(self) -> None:
        """Raise Leak or Missing if the catalog differs from what people shared."""
        self._run_delayed_jobs()
        self.catalog.check(self)

    def check_end(self) -> None:
        """Check the catalog after another sweep, searching for everything again, and the data folder."""
        self.bot.sweep_all()
        self.run_until_idle()
        self._run_delayed_jobs()
        self.catalog.check(self, again=True)
        self.check_telemetry()
        self.check_leftovers()

    def check_leftovers(self) -> None:
        """Raise Leak if the data folder still has text or a name of a document that is not shared with the bot, or
        words of a message that does not stand."""
        self.rag.forget([])
        self.rag.checkpoint()
        spaces = {id for id, space in self.state.conversations.items() if self.ws.bot_user in space.members}
        everywhere = Rights(frozenset(spaces))
        kept = {known for file, known in self.shares.items() if self._may_see_file(file, everywhere)}
        kept |= {(file.document, file.name) for file in self.folders}
        documents = set().union(*(self.numbers_in(document) for document, _ in kept))
        names = {name for _, name in kept}.union(*(self._names_in(document) for document, _ in kept))
        asked = self._questions()
        names |= set(map(int, NAME_MARK.findall(asked)))
        words = {number for id in spaces for number in self._words_in(id)} | set(map(int, WORD_MARK.findall(asked)))
        for parent, _, files in os.walk(self.data):
            for file in files:
                where = str((Path(parent) / file).relative_to(self.data))
                content = where + "\n" + (Path(parent) / file).read_bytes().decode("latin-1")
                if documents_named(content) - documents:
                    raise Leak(f"{MARKS.sub('*', where)}: text of a removed document is still there")
                if {int(mark) for mark in NAME_MARK.findall(content)} - names:
                    raise Leak(f"{MARKS.sub('*', where)}: a removed file name is still there")
                if {int(mark) for mark in WORD_MARK.findall(content)} - words:
                    raise Leak(f"{MARKS.sub('*', where)}: words of a message are still there")

    def _words_in(self, channel: str) -> set[int]:
        """Return the marked words that people can read in a conversation."""
        if channel == EVERYONE:
            return set()
        space = self.state.conversations[channel]
        return set().union(*(world.words_in(message) for message in world.written(self.state, space)))

    def _questions(self) -> str:
        """Return the texts of all questions, which are kept as long as the access log."""
        with self.rag.read_transaction() as connection:
            rows = connection.exec_driver_sql("SELECT text FROM question UNION SELECT text FROM access_log").all()
        return "\n".join(str(row[0]) for row in rows)


@contextmanager
def open_simulation(data: Path) -> Iterator[Simulation]:
    """Open a workspace and the bot, with fake models."""
    log = LogHandler()
    root = logging.getLogger()
    before = root.level
    with ExitStack() as closing:
        closing.enter_context(without_proxies())
        closing.enter_context(_without_certificates())
        root.addHandler(log)
        root.setLevel(logging.INFO)
        closing.callback(root.setLevel, before)
        closing.callback(root.removeHandler, log)
        ws = closing.enter_context(open_workspace(manifest=AGENT_MANIFEST))
        ws.pace.share_delay = 0.0
        generator = RepeatingGenerator()
        opened = partial(
            _watched,
            extractor=MarkedDocumentExtractor,
            embedder=FakeEmbedder(),
            text_embedder=FakeTextEmbedder(),
            page_embedder=FakePageEmbedder(),
            generator=generator,
        )
        rag = settings(data, search={"min_confidence": 0.0}, rerank={"budget_ms": 60_000, "images": True})
        spans = InMemorySpanExporter()
        slack, telemetry = slack_settings(ws, document_seconds=1, carousel=True), Telemetry(Traces(spans))
        bot = closing.enter_context(open_bot(rag, slack, opened, threading.Event(), telemetry))  # type: ignore[arg-type]
        watched: Any = bot.rag
        version = CatalogVersion(data / "catalog.db")
        closing.callback(version.close)
        yield Simulation(ws, ws._state, bot, watched, generator, data, log, spans, version)


def _names(text: str, person: Person) -> bool:
    """Return whether a text mentions or names a person."""
    names = "|".join(re.escape(name) for name in (person.name, person.real_name) if name)
    return f"<@{person.id}>" in text or re.search(rf"\b(?:{names})\b", text, re.IGNORECASE) is not None


@contextmanager
def _without_certificates() -> Iterator[None]:
    """Let httpx find no certificates: it loads all of them for each request, even of plain HTTP."""
    with tempfile.TemporaryDirectory() as empty, pytest.MonkeyPatch.context() as patch:
        patch.delenv("SSL_CERT_FILE", raising=False)
        patch.setenv("SSL_CERT_DIR", empty)
        yield


def _watched(settings: Settings, *given: Any, **named: Any) -> WatchedRag:
    reranker = ReadingReranker()
    return WatchedRag(open_rag(settings, *given, reranker=reranker, **named), reranker, settings.data)
