"""A workspace with files in a public channel, a private channel and nowhere in Slack, and the API over them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from time import time
from typing import Any

import pytest
from pydantic import BaseModel

from bot.access.directory import Directory
from bot.access.policy import Access
from bot.answers.fair_lock import FairLock
from bot.api.api import Api
from bot.api.operations import BY_NAME
from bot.api.tokens import new_token
from bot.db import api_tokens, tables
from bot.db.api_tokens import ApiToken
from bot.demo.slack_server import Workspace, open_workspace
from bot.demo.slack_server.manifest import EVENTS, SCOPES
from bot.slack.client import SlackClient
from bot.slack.transport import RetryPolicy
from rag import Rag, Settings, open_rag
from rag.ports import Prompt
from tests.flows.team import slack_settings
from tests.support.absent import NoEmbedder
from tests.support.extractor import TextExtractor
from tests.support.generator import FakeGenerator
from tests.support.migrated import migrated
from tests.support.slack_workspace import without_proxies


@dataclass
class InterruptedGenerator(FakeGenerator):
    """Calls `hook` once, while the next answer is generated."""

    hook: Callable[[], None] | None = None

    def stream(self, prompt: Prompt) -> Generator[str, None, None]:
        hook, self.hook = self.hook, None
        if hook is not None:
            hook()
        yield from super().stream(prompt)


@dataclass
class Office:
    """`public` and `secret` are channels with handbook.pdf and salaries.pdf; the space local has notes.pdf. Ada is in
    both channels, Ben only in the public one."""

    ws: Workspace
    rag: Rag
    generator: InterruptedGenerator
    access: Access
    api: Api
    fair: FairLock
    stop: threading.Event
    ada: str
    ben: str
    public: str
    secret: str

    def token(self, user: str = "", *spaces: str, days: int = 90, at: float = 0.0) -> tuple[ApiToken, str]:
        """Return a stored token and its text."""
        token, text = new_token("a test", at or time(), days, user, spaces)
        with self.rag.write_transaction() as connection:
            api_tokens.put_token(connection, token)
        return token, text

    def person(self, name: str, *channels: str) -> str:
        """Add a person who is in these channels."""
        user = self.ws.person(name)
        for channel in channels:
            self.ws.join(user, channel)
        self.access.invalidate_all()
        return user

    def call(self, token: ApiToken, operation_name: str, /, **arguments: Any) -> Any:
        operation = BY_NAME[operation_name]
        request: BaseModel = operation.request(**arguments)
        return self.api.call(token, operation, request)

    def files(self, token: ApiToken) -> list[str]:
        return [row.file for row in self.call(token, "list_documents").documents]


FILES = (
    ("handbook.pdf", "Welcome aboard\fThe gateway listens on port 8443\fGoodbye"),
    ("salaries.pdf", "The gateway keeper earns 4711 crowns"),
    ("notes.pdf", "The operator's gateway notes"),
)


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """One office for all tests of a module. A test that changes something about a person adds its own."""
    tmp_path = tmp_path_factory.mktemp("office")
    settings = Settings(
        data=migrated(tmp_path / "data", tables.HISTORY), answer={"model": "fake"}, search={"min_confidence": 0.0}
    )
    generator, reader, stop = InterruptedGenerator(), TextExtractor(), threading.Event()
    with (
        without_proxies(),
        open_workspace(scopes=SCOPES, events=EVENTS) as ws,
        open_rag(
            settings,
            extractor=lambda: reader,
            embedder=NoEmbedder(),
            generator=generator,
            histories=[tables.HISTORY],
        ) as rag,
    ):
        ada, ben = ws.person("ada"), ws.person("ben")
        public, secret = ws.channel("public", [ada, ben]), ws.channel("secret", [ada], private=True)
        for space, (name, text) in zip((public, secret, "local"), FILES, strict=True):
            path = tmp_path / space / name
            path.parent.mkdir()
            path.write_text(text)
            rag.index([path], space)
        access = Access(Directory(SlackClient(slack_settings(ws), RetryPolicy.IMPATIENT), ws.team_id))
        fair = FairLock(1)
        api = Api(rag, access, fair, 120, stop)
        yield Office(ws, rag, generator, access, api, fair, stop, ada, ben, public, secret)
