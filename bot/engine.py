"""The part of the engine that commands and other tools use alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from tempfile import TemporaryDirectory

    from sqlalchemy import Connection

    from rag import Answer, AnswerProgress, DocumentSummary, PageContent, Scope, SearchResult


class Engine(Protocol):
    """What `rag.Rag` offers to read documents within a scope."""

    def find(self, query: str, scope: Scope, k: int = ...) -> SearchResult: ...
    def find_picture(self, path: Path, scope: Scope, k: int = ...) -> SearchResult: ...
    def ask(
        self,
        question: str,
        scope: Scope,
        pictures: Sequence[Path] = ...,
        on_progress: Callable[[AnswerProgress], None] = ...,
        generating: Callable[[], AbstractContextManager[None]] = ...,
    ) -> Answer: ...
    def read_page(self, sha256: str, number: int, scope: Scope) -> PageContent: ...
    def documents(self, scope: Scope) -> list[DocumentSummary]: ...
    def scratch(self) -> TemporaryDirectory[str]: ...

    # For the bot's own tables, which lie in the catalog's file.
    def read_transaction(self) -> AbstractContextManager[Connection]: ...
