"""The engine and the model that the simulated bot runs with: both pass on what they do to the checks."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable, Sequence
from collections.abc import Generator as Generating
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from rag import Answer, AnswerOptions, AnswerProgress, DocumentSummary, Heading, Hit, Rag, Scope, SearchResult
from rag.model.search import AS_SET
from rag.ports import Prompt
from tests.leaks.marked_documents import TEXT_MARK, marks_of
from tests.support.generator import FakeGenerator
from tests.support.reranker import FakeReranker

MARKS = re.compile(r"x(text|name|word)\d{5}x")
_LAST_QUESTION = re.compile(r"^Last question: (.*)$", re.MULTILINE)
_LANGUAGES = {"en": "English", "de": "German"}
"""The languages of the documents, by code."""
_TRANSLATED = re.compile(r"<question \w+>\n(.*)\n</question \w+>", re.DOTALL)
UNANSWERED = "zqwxv"
"""A word of questions that the model does not answer."""

_REPEATED = 4
"""Marks that a rewritten query repeats."""


class Leak(BaseException):
    """A reader got something that they cannot open. A BaseException, because the bot catches every Exception.

    `detail` says more about this run; the same leak has the same text in every run.
    """

    def __init__(self, text: str, detail: object = "") -> None:
        super().__init__(text)
        self.detail = detail


class Missing(Leak):
    """The opposite: a reader cannot find what they can open. It ends a run like a leak."""


@dataclass
class RepeatingGenerator(FakeGenerator):
    """Repeats all marks of the prompt."""

    hook: Callable[[], None] | None = None
    """Called once, while the next answer is generated."""
    last_shown: list[int] = field(default_factory=list)
    """Numbers of the documents in the last prompt."""

    def stream(self, prompt: Prompt) -> Generating[str, None, None]:
        marks = dict.fromkeys(match.group() for match in MARKS.finditer(prompt.user))
        self.last_shown = [int(mark[5:10]) for mark in marks if TEXT_MARK.fullmatch(mark)]
        hook, self.hook = self.hook, None
        if hook is not None:
            hook()
        follow_up = _LAST_QUESTION.search(prompt.user)
        if follow_up is not None:  # the prompt of the query rewrite
            self.text = " ".join([follow_up.group(1), *list(marks)[:_REPEATED]])
            yield from super().stream(prompt)
            return
        question = _TRANSLATED.fullmatch(prompt.user)
        if question is not None:
            self.text = json.dumps({"de": f"{question.group(1)} bitte"})
            yield from super().stream(prompt)
            return
        if UNANSWERED in prompt.user:
            self.text = "NOT FOUND"
            yield from super().stream(prompt)
            return
        numbers = dict.fromkeys(re.findall(r"<passage (\d+) ", prompt.user))
        self.text = None if not numbers else " ".join([*marks, *(f"[{number}]" for number in numbers)])
        yield from super().stream(prompt)


class ReadingReranker(FakeReranker):
    """Keeps the order of the pages, and the marks of all passages and pictures since they were last checked.

    It is given the texts of pages, or their images once `read_images` was called.
    """

    score_images: Callable[[str, Sequence[bytes]], list[float]]
    """Only while it reads images: having this method is how a reranker says so."""

    def __init__(self) -> None:
        super().__init__(lambda _, passages: [0.5] * len(passages))
        self._pictures: list[bytes] = []

    @property
    def reads_images(self) -> bool:
        return "score_images" in vars(self)

    def read_images(self, *, on: bool) -> None:
        if on:
            self.score_images = self._score_images
        elif self.reads_images:
            del self.score_images

    def _score_images(self, question: str, pictures: Sequence[bytes]) -> list[float]:
        self._pictures += pictures
        return self.scoring(question, [""] * len(pictures))

    def marks_read(self) -> set[str]:
        """Return the marks in the passages and pictures since the last call."""
        calls, self.calls = self.calls, []
        pictures, self._pictures = self._pictures, []
        texts = {match.group() for _, passages in calls for text in passages for match in MARKS.finditer(text)}
        return texts.union(*map(marks_of, pictures))


class WatchedRag:
    """The engine, with a check of the rankings of each lane: a leak is found even if a later step would hide it."""

    def __init__(self, rag: Rag, reranker: ReadingReranker, data: Path) -> None:
        self._rag = rag
        self._data = data
        self._reranker = reranker
        self.rerank_images = reranker.read_images
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
        pictures: Sequence[Path] = (),
        on_progress: Callable[[AnswerProgress], None] = lambda _: None,
        generating: Any = nullcontext,
        options: AnswerOptions = AS_SET,
    ) -> Answer:
        expected = self._readable(scope)

        def watch(progress: AnswerProgress) -> None:
            if progress.passages:
                self._run_hook([passage.hit for passage in progress.passages])
            on_progress(progress)

        answer = self._rag.ask(question, scope, pictures, watch, generating, options)
        self._check(answer.found, expected, "ask")
        return answer

    def find(self, query: str, scope: Scope, k: int = 10) -> SearchResult:
        expected = self._readable(scope)
        found = self._rag.find(query, scope, k)
        self._check(found, expected, "find")
        self._run_hook(found.hits)
        return found

    def search(self, query: str, scope: Scope) -> SearchResult:
        """Search for a check, without effect on the steps."""
        found = self._rag.find(query, scope)
        self._reranker.marks_read()
        return found

    def find_picture(self, path: Path, scope: Scope, k: int = 10) -> SearchResult:
        expected = self._readable(scope)
        found = self._rag.find_picture(path, scope, k)
        self._check(found, expected, "find_picture")
        self._run_hook(found.hits)
        return found

    def suggest_topics(self, question: str, chunks: Sequence[int], scope: Scope, limit: int) -> list[Heading]:
        documents, marks = self._readable(scope)
        found = self._rag.suggest_topics(question, chunks, scope, limit)
        if {heading.document for heading in found} - documents:
            raise Leak("a heading of a document outside the scope is suggested")
        if self._reranker.marks_read() - marks:
            raise Leak("suggest_topics: the reranker was given a name or a text from outside the scope")
        return found

    def documents(self, scope: Scope) -> list[DocumentSummary]:
        self._documents_in(scope)
        return self._rag.documents(scope)

    def _run_hook(self, hits: Sequence[Hit]) -> None:
        self.last_found = list(dict.fromkeys(hit.document for hit in hits))
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
                f"WHERE h.space IN ({marks}) AND h.state = 'shared' AND h.visible_from <= ? "
                "AND s.state IN ('known', 'waiting', 'fetching')",
                (*scope.spaces, time.time()),
            )
            own = {row[0] for row in rows if row[0] is not None}
            inside = connection.exec_driver_sql("SELECT document_id, attached_id FROM attachment").all()
            return own | {attached for document, attached in inside if document in own and attached is not None}

    def _readable(self, scope: Scope) -> tuple[set[int], set[str]]:
        """Return the documents in a scope, and the marks in them and in what shares them: names and messages."""
        documents, spaces = self._documents_in(scope), tuple(scope.spaces or ())
        with self._rag.read_transaction() as connection:
            texts = connection.exec_driver_sql(
                f"SELECT heading || caption || text FROM chunk WHERE document_id IN ({','.join('?' * len(documents))}) "
                f"UNION ALL SELECT name || ' ' || words FROM share WHERE space IN ({','.join('?' * len(spaces))})",
                (*documents, *spaces),
            )
            marks = {match.group() for row in texts for match in MARKS.finditer(row[0])}
            if self._reranker.reads_images:
                marks |= self._marks_shown(connection, documents)
            return documents, marks

    def _marks_shown(self, connection: Connection, documents: set[int]) -> set[str]:
        """Return the marks of the documents that the page images of these documents show."""
        rows = connection.exec_driver_sql(
            "SELECT p.extraction_id, p.image FROM page p JOIN document d ON d.extraction_id = p.extraction_id "
            f"WHERE p.image IS NOT NULL AND d.id IN ({','.join('?' * len(documents))})",
            tuple(documents),
        )
        shown = [self._data / "pictures" / str(row[0]) / row[1] for row in rows]
        return set[str]().union(*(marks_of(path.read_bytes()) for path in shown if path.is_file()))

    def _check(self, found: SearchResult, readable: tuple[set[int], set[str]], method: str) -> None:
        expected, marks = readable
        lanes = {lane: {document for document, _ in pages} for lane, pages in found.rankings.items()}
        lanes["hits"] = {hit.document for hit in found.hits}
        for lane, documents in lanes.items():
            if documents - expected:
                raise Leak(f"{method}: the lane {lane} returned a document from outside the scope")
        if self._reranker.marks_read() - marks:
            raise Leak(f"{method}: the reranker was given a name or a text from outside the scope")
        if found.translations and not self._languages_of(expected) >= found.translations.keys():
            raise Leak(f"{method}: the result names a language that no document in the scope is in")

    def _languages_of(self, documents: set[int]) -> set[str]:
        with self._rag.read_transaction() as connection:
            marks = ",".join("?" * len(documents))
            rows = connection.exec_driver_sql(
                f"SELECT DISTINCT language FROM chunk WHERE document_id IN ({marks})", tuple(documents)
            )
            return {_LANGUAGES[row[0]] for row in rows if row[0] is not None}


class LogHandler(logging.Handler):
    """Keeps the messages of all loggers."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))
