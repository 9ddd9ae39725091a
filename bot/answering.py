"""One question, from its row to its reply: every step is stored before the next, so that a kill repeats none.

What is posted carries the question in its metadata; what is uploaded has its ids stored before it is shared. After
a restart the thread is read before anything is posted again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, time
from typing import Any

import httpx
from slack_sdk import WebClient

from bot import ledger, render
from bot.access import scope_of
from bot.events import Queried, Question, slack_file
from bot.files import KIND, SlackFiles, changed_ns
from bot.ledger import Asked
from bot.record import record
from bot.render import Picture, Reply
from bot.slack import Refused, calling
from rag import (
    Answer,
    MagpieError,
    NotFound,
    OperatorMustAct,
    Rag,
    Scope,
    Share,
    Standing,
    TryAgain,
    Unreadable,
    put_share,
    standings,
)

log = logging.getLogger("magpie")

SEEN = "eyes"
EVENT_TYPE = "magpie_answer"

UPDATE_EVERY = 3.0
"""Seconds between two updates of one message; what Slack asks for."""

_FRESH = 5.0
"""Seconds after which a question may have been answered by a run whose data is gone: the thread is read first."""

_LOOK = 0.5
_SHARED_WITHIN = 20.0
"""Seconds after which pictures whose sharing was asked for, by a process that then died, are shared again."""

_POLL = (0.5, 1, 2, 2, 4, 4, 8)


class Stopping(Exception):
    """Magpie ends: the question is put back as it is. Outside rag's tree, so that rag makes no answer of it."""


class Answering:
    """Answers questions of one workspace. Any thread may call `answer`; `stop` ends its waits."""

    def __init__(
        self,
        client: WebClient,
        poster: WebClient,
        rag: Rag,
        files: SlackFiles,
        me: str,
        document_seconds: float,
        stop: threading.Event,
    ) -> None:
        self._client = client
        self._poster = poster
        self._rag = rag
        self._files = files
        self._me = me
        self._document_seconds = document_seconds
        self._stop = stop
        self._turns = threading.BoundedSemaphore(rag.settings.answer.at_once)

    def answer(self, asked: Asked) -> None:
        """Take a claimed question to its end. Raises of our tree mean: not now, or not at all."""
        asked = self._greet(asked)
        reply = Reply.restored(asked.reply) if asked.reply else self._think(asked)
        self._update(asked, reply)
        self._show(asked, reply)
        self._react(asked.question, "reactions_remove")

    def apologise(self, asked: Asked) -> None:
        """Say that there will be no answer, where one is awaited."""
        self._update(self._greet(asked), render.plain_reply(render.BROKEN))
        self._react(asked.question, "reactions_remove")

    # ------------------------------------------------------------ the placeholder

    def _greet(self, asked: Asked) -> Asked:
        """The reaction, and the one message that becomes the answer."""
        self._react(asked.question, "reactions_add")
        if asked.placeholder:
            return asked
        question = asked.question
        # An empty placeholder says that one may stand there already, posted by a try that did not live to note it.
        tried = asked.placeholder is not None or asked.attempts > 1 or time() - asked.asked > _FRESH
        ts = self._posted_before(question) if tried else None
        if ts is None:
            self._note(asked, placeholder="")
            with calling():
                ts = self._poster.chat_postMessage(
                    channel=question.channel,
                    thread_ts=question.thread,
                    text=render.LOOKING,
                    metadata={"event_type": EVENT_TYPE, "event_payload": {"question": _key(question)}},
                    unfurl_links=False,
                    unfurl_media=False,
                )["ts"]
        self._note(asked, placeholder=ts)
        return replace(asked, placeholder=ts)

    def _posted_before(self, question: Question) -> str | None:
        """The placeholder that an earlier run posted without living to note it."""
        cursor = None
        while True:
            with calling():
                found = self._client.conversations_replies(
                    channel=question.channel,
                    ts=question.thread,
                    oldest=question.ts,
                    include_all_metadata=True,
                    limit=200,
                    cursor=cursor,
                )
            for message in found["messages"]:
                metadata = message.get("metadata") or {}
                said = (metadata.get("event_payload") or {}).get("question")
                if message.get("user") == self._me and said == _key(question):
                    return str(message["ts"])
            cursor = (found.get("response_metadata") or {}).get("next_cursor")
            if not cursor:
                return None

    def _react(self, question: Question, method: str) -> None:
        """A reaction is a courtesy: where it may not be, the answer goes on without."""
        try:
            with calling():
                getattr(self._client, method)(channel=question.channel, timestamp=question.ts, name=SEEN)
        except (Refused, OperatorMustAct) as error:
            if not (isinstance(error, Refused) and error.code in ("already_reacted", "no_reaction")):
                log.info("No reaction on a question: %s", error)

    # ------------------------------------------------------------ the answer

    def _think(self, asked: Asked) -> Reply:
        question = asked.question
        pictures, documents = self._sent_with(question)
        standing = self._await_documents(asked, documents)
        remark = render.failures_remark(standing)
        if not question.text and not pictures:
            reply = render.plain_reply(remark or render.HELP)
        elif pictures:
            reply = self._about_picture(question, pictures[0], remark)
        else:
            reply = self._about_words(asked, standing, remark)
        self._note(asked, reply=reply.stored())
        return reply

    def _sent_with(self, question: Question) -> tuple[list[str], list[str]]:
        """(pictures, documents) sent with a question. Pictures are the query, documents are read first."""
        pictures, documents = [], []
        for id in question.files:
            try:
                file = slack_file(self._files.ready(id))
            except NotFound:
                continue
            if file.picture:
                pictures.append(id)
                with self._rag.writing() as connection:
                    record(connection, Queried(id, question.channel))
            elif file.readable:
                documents.append(id)
                share = Share(
                    KIND, id, question.channel, file.name, file.link, question.user, file.size, changed_ns(file)
                )
                with self._rag.writing() as connection:
                    put_share(connection, share)
        return pictures, documents

    def _await_documents(self, asked: Asked, documents: Sequence[str]) -> list[Standing]:
        """Wait until the documents sent with a question are read, at most `document_seconds`; says how far it is."""
        if not documents:
            return []
        until, told = monotonic() + self._document_seconds, Throttle(lambda text: self._progress(asked, text))
        while True:
            with self._rag.reading() as connection:
                found = standings(connection, KIND, documents)
            if all(one.state in ("ready", "failed") for one in found) or monotonic() > until:
                return found
            told(render.reading_status(found))
            if self._stop.wait(_LOOK):
                raise Stopping

    def _about_words(self, asked: Asked, standing: Sequence[Standing], remark: str) -> Reply:
        """What was sent with the question first, then everything shared in the conversation."""
        scope = scope_of(asked.question)
        sent = frozenset(one.document for one in standing if one.document is not None and one.state != "failed")
        if sent:
            answer = self._ask(asked, replace(scope, documents=sent))
            if not answer.abstained:
                return render.answer_reply(answer, remark)
        return render.answer_reply(self._ask(asked, scope), remark)

    def _ask(self, asked: Asked, scope: Scope) -> Answer:
        """An answer in words, shown as it comes. Questions wait for their turn at the model here, not in its error."""
        told = Throttle(lambda text: self._progress(asked, text))
        pieces: list[str] = []

        def on_text(piece: str) -> None:
            if self._stop.is_set():
                raise Stopping
            pieces.append(piece)
            told(render.unfinished("".join(pieces)))

        with self._turns:
            return self._rag.ask(asked.question.text, scope, None, on_text)

    def _about_picture(self, question: Question, file: str, remark: str) -> Reply:
        """Which page a screenshot shows; with words beside it, what they ask about that page."""
        scope = scope_of(question)
        with TemporaryDirectory(dir=self._rag.settings.data, prefix="query-") as name:
            raw = self._files.ready(file)
            path = Path(name) / f"picture.{slack_file(raw).ending}"
            try:
                self._files.download(raw, path)
                if question.text:
                    with self._turns:
                        return render.answer_reply(self._rag.ask(question.text, scope, path), remark)
                found = self._rag.find_picture(path, scope)
            except Unreadable as error:
                return render.plain_reply(f"I could not read this picture: {error} {error.hint}".strip())
        if not found.found or not found.hits:
            return render.unseen_reply(found.hits, remark)
        first = found.hits[0]
        return render.page_reply(first, self._rag.draw_place(first) if first.why else first.render, remark)

    def _progress(self, asked: Asked, text: str) -> None:
        """Progress is a courtesy: an update that fails is left out."""
        try:
            with calling():
                self._client.chat_update(
                    channel=asked.question.channel, ts=str(asked.placeholder), text=text, parse="none"
                )
        except MagpieError as error:
            log.info("No progress shown: %s", error)

    def _update(self, asked: Asked, reply: Reply) -> None:
        with calling():
            self._client.chat_update(
                channel=asked.question.channel, ts=str(asked.placeholder), text=reply.text, blocks=reply.blocks
            )

    # ------------------------------------------------------------ the pictures

    def _show(self, asked: Asked, reply: Reply) -> None:
        """All pictures in one message of the thread, exactly once."""
        pictures = [picture for picture in reply.pictures if Path(picture.path).is_file()]
        if not pictures:
            return
        uploads = asked.uploads
        if asked.sharing is not None and uploads and self._are_shared(asked, uploads):
            return
        if uploads is None:
            uploads = [self._upload(picture) for picture in pictures]
            self._note(asked, uploads=list(uploads))
        self._note(asked, sharing=time())
        titled: list[dict[str, str | None]] = [
            {"id": id, "title": picture.title} for id, picture in zip(uploads, pictures, strict=False)
        ]
        with calling():
            self._poster.files_completeUploadExternal(
                files=titled, channel_id=asked.question.channel, thread_ts=asked.question.thread
            )

    def _upload(self, picture: Picture) -> str:
        content = Path(picture.path).read_bytes()
        with calling():
            target = self._client.files_getUploadURLExternal(filename=picture.filename, length=len(content))
        try:
            sent = httpx.post(target["upload_url"], content=content, timeout=60)
        except httpx.HTTPError as error:
            raise TryAgain(f"A picture could not be uploaded ({type(error).__name__}).") from error
        if sent.status_code != 200:
            raise TryAgain(f"A picture could not be uploaded ({sent.status_code}).")
        return str(target["file_id"])

    def _are_shared(self, asked: Asked, uploads: Sequence[str]) -> bool:
        """Whether the pictures came through, though nobody lived to hear it. Slack shares them a little later."""
        until = (asked.sharing or 0) + _SHARED_WITHIN
        for wait in (*_POLL, 0):
            try:
                raw = self._files.info(uploads[0])
            except NotFound:
                return False
            named = {channel for places in (raw.get("shares") or {}).values() for channel in places}
            if asked.question.channel in named:
                return True
            if time() > until:
                return False
            if self._stop.wait(wait):
                raise Stopping
        return False

    def _note(self, asked: Asked, **known: Any) -> None:
        with self._rag.writing() as connection:
            ledger.note_reply(connection, asked.id, **known)


class Throttle:
    """Passes on the first text, and after that at most one every UPDATE_EVERY seconds, and none twice."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._last = ""
        self._next = monotonic()

    def __call__(self, text: str) -> None:
        if text != self._last and monotonic() >= self._next:
            self._last, self._next = text, monotonic() + UPDATE_EVERY
            self._tell(text)


def _key(question: Question) -> str:
    return f"{question.channel}:{question.ts}"
