"""One question, from its row to its reply: every step is stored before the next, so that a kill repeats none.

What is posted carries the question in its metadata; what is uploaded has its ids stored before it is shared. After
a restart the thread is read before anything is posted again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic, time
from typing import Any

from slack_sdk import WebClient

from bot import ledger, render, shown
from bot.access import Access, Granted
from bot.events import Queried, Question, slack_file
from bot.files import KIND, SlackFiles, changed_ns
from bot.ledger import Asked
from bot.record import record
from bot.render import Reply
from bot.slack import Refused, Stopping, calling
from bot.uploads import Uploads
from rag import (
    Answer,
    MagpieError,
    NotFound,
    OperatorMustAct,
    Rag,
    Scope,
    Share,
    Standing,
    Unreadable,
    allowed,
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

_THINK = 3
"""How often a reply is thought out, when what it was made of changes meanwhile."""

_LOOK = 0.5


class Answering:
    """Answers questions of one workspace. Any thread may call `answer`; `stop` ends its waits."""

    def __init__(
        self,
        client: WebClient,
        poster: WebClient,
        rag: Rag,
        files: SlackFiles,
        access: Access,
        uploads: Uploads,
        me: str,
        document_seconds: float,
        stop: threading.Event,
    ) -> None:
        self._client = client
        self._poster = poster
        self._rag = rag
        self._files = files
        self._access = access
        self._uploads = uploads
        self._me = me
        self._document_seconds = document_seconds
        self._stop = stop
        self._turns = threading.BoundedSemaphore(rag.settings.answer.at_once)

    def answer(self, asked: Asked) -> None:
        """Take a claimed question to its end. Raises of our tree mean: not now, or not at all."""
        asked = self._greet(asked)
        asked, reply = self._cleared(asked)
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

    # ------------------------------------------------------------ what may be shown

    def _granted(self, question: Question) -> Granted:
        return self._access.granted(question.channel, question.user)

    def _cleared(self, asked: Asked) -> tuple[Asked, Reply]:
        """A reply that may be shown now. Between the search and this moment, which a slow model or a restart can make
        long, a source may have gone, or a reader come: then it is thought out anew."""
        for _ in range(_THINK):
            reply = Reply.restored(asked.reply) if asked.reply else self._think(asked)
            if self._may_show(asked, reply):
                return asked, reply
            log.info("A reply is thought out anew: what it was made of may be shown no longer.")
            with self._rag.writing() as connection:
                ledger.unthink(connection, asked.id)
            asked = replace(asked, reply=None, uploads=None, sharing=None)
        return asked, render.plain_reply(render.CHANGING)

    def _may_show(self, asked: Asked, reply: Reply) -> bool:
        """Whether everything a reply may be made of is in the scope of its readers now; if so, that is logged."""
        if not reply.documents:
            return True
        granted = self._granted(asked.question)
        with self._rag.writing() as connection:
            found = allowed(connection, reply.documents, granted.scope)
            if {one.document for one in found} != set(reply.documents):
                return False
            shown.log_access(connection, asked.question, found, granted.why)
        return True

    # ------------------------------------------------------------ the answer

    def _think(self, asked: Asked) -> Reply:
        question = asked.question
        pictures, documents = self._sent_with(question)
        standing = self._await_documents(asked, documents)
        remark = render.failures_remark(standing)
        if not question.text and not pictures:
            reply = render.plain_reply(remark or render.HELP)
        else:
            granted = self._granted(question)
            remark = " ".join(part for part in (granted.notice, remark) if part)
            if pictures:
                reply = self._about_picture(question, pictures[0], granted, remark)
            else:
                reply = self._about_words(asked, granted, standing, remark)
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
                found = standings(connection, KIND, documents, asked.question.channel)
            if all(one.state in ("ready", "failed") for one in found) or monotonic() > until:
                return found
            told(render.reading_status(found))
            if self._stop.wait(_LOOK):
                raise Stopping

    def _about_words(self, asked: Asked, granted: Granted, standing: Sequence[Standing], remark: str) -> Reply:
        """What was sent with the question first, then everything its readers may see."""
        scope = granted.scope
        sent = frozenset(one.document for one in standing if one.document is not None and one.state != "failed")
        if sent:
            answer = self._ask(asked, replace(scope, documents=sent))
            if not answer.abstained:
                return render.answer_reply(answer, remark)
        return render.answer_reply(self._ask(asked, scope), remark)

    def _ask(self, asked: Asked, scope: Scope) -> Answer:
        """An answer in words, shown as it comes. Questions wait for their turn at the model here, not in its error."""
        watch = _Watch(scope, self._inside(scope), self._access.changes)

        def tell(text: str) -> None:
            if self._unchanged(asked, watch):
                self._progress(asked, text)

        told = Throttle(tell)
        pieces: list[str] = []

        def on_text(piece: str) -> None:
            if self._stop.is_set():
                raise Stopping
            pieces.append(piece)
            told(render.unfinished("".join(pieces)))

        with self._turns:
            return self._rag.ask(asked.question.text, scope, None, on_text)

    def _inside(self, scope: Scope) -> frozenset[int]:
        return frozenset(row.id for row in self._rag.documents(scope))

    def _unchanged(self, asked: Asked, watch: _Watch) -> bool:
        """Whether words may be shown before the reply is whole. Nobody knows yet which documents they come from, so
        it takes that no reader came and that nothing went."""
        changes = self._access.changes
        if watch.changes != changes:
            if self._granted(asked.question).scope.spaces != watch.scope.spaces:
                return False
            watch.changes = changes
        return watch.documents <= self._inside(watch.scope)

    def _about_picture(self, question: Question, file: str, granted: Granted, remark: str) -> Reply:
        """Which page a screenshot shows; with words beside it, what they ask about that page."""
        scope = granted.scope
        with self._rag.scratch() as name:
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
        if (
            asked.sharing is not None
            and uploads
            and self._uploads.are_shared(uploads[0], asked.question.channel, asked.sharing)
        ):
            return
        if uploads is None:
            uploads = [self._uploads.send(picture) for picture in pictures]
            self._note(asked, uploads=list(uploads))
        if not self._may_show(asked, reply):  # a last time: the pictures come after the words
            return
        with self._rag.writing() as connection:
            of = {id: picture.document for id, picture in zip(uploads, pictures, strict=False)}
            shown.put_evidence(connection, asked.question.channel, of)
        self._note(asked, sharing=time())
        self._uploads.share(uploads, pictures, asked.question.channel, asked.question.thread)

    def _note(self, asked: Asked, **known: Any) -> None:
        with self._rag.writing() as connection:
            ledger.note_reply(connection, asked.id, **known)


@dataclass
class _Watch:
    """What words that are shown before the reply is whole depend on."""

    scope: Scope
    documents: frozenset[int]
    changes: int


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
