"""The engine's facade: class Rag delegates to the services that rag/build.py gives it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType

from sqlalchemy import Connection

from rag.answer.draft import OnProgress, no_progress
from rag.answer.generation import Generating
from rag.answer.query_rewrite import Turn, rewrite_question
from rag.answer.service import AnswerService
from rag.catalog import Catalog, ChangeWatch, documents, outages
from rag.catalog.backlog import Backlog, read_backlog
from rag.catalog.headings import Heading, headings_after
from rag.catalog.page_content import read_page
from rag.catalog.pages import page_images, page_words
from rag.catalog.readings import readings_named
from rag.catalog.shares import StoredShare
from rag.data_dir import temporary_folder
from rag.errors import NotFound
from rag.evaluation.projection_training import train_projection
from rag.extract.query_image import open_query_image
from rag.extract.spares import SpareExtractors
from rag.ingest.captions import Captions
from rag.ingest.disk_space import DiskSpace
from rag.ingest.following import Following
from rag.ingest.indexing import Indexing
from rag.ingest.worker import ProgressCallback, Worker, ignore_progress
from rag.model.operations import (
    Check,
    DocumentSummary,
    FileReading,
    FolderState,
    FollowedFolder,
    IndexOutcome,
    ModelSummary,
    Status,
)
from rag.model.search import (
    AS_SET,
    LOCAL,
    Answer,
    AnswerOptions,
    AnswerProgress,
    AnswerStage,
    Hit,
    PageContent,
    Scope,
    SearchResult,
)
from rag.observation import Observer
from rag.operations.doctor import checks
from rag.operations.retention import StoredData, list_stored_data
from rag.operations.status import read_status
from rag.ports import Extractor, Generator, ModelStore
from rag.search import confidence
from rag.search.picture_questions import fuse_with_pictures, matched_documents
from rag.search.reranking import Reranking
from rag.search.results import merge_results
from rag.search.retriever import Retriever
from rag.search.topics import answerable
from rag.settings import Settings
from rag.vectors.all_indexes import VectorIndexes
from rag.vectors.fingerprinting import Fingerprinting
from rag.vectors.projection import TrainedProjection

_PAGES = 10
"""Default number of pages that a search returns."""


@dataclass(frozen=True)
class Services:
    """The services that Rag delegates to. `generator` is None when no model is set."""

    catalog: Catalog
    worker: Worker
    indexing: Indexing
    following: Following
    retriever: Retriever
    answering: AnswerService
    indexes: VectorIndexes
    fingerprinting: Fingerprinting
    captions: Captions
    reranking: Reranking | None
    space: DiskSpace
    models: ModelStore
    open_extractor: Callable[[], Extractor]
    picture_extractors: SpareExtractors
    generator: Generator | None
    observer: Observer


class Rag:
    """The engine of one data folder. Every search takes a Scope and never leaves it."""

    def __init__(self, settings: Settings, services: Services, closing: ExitStack) -> None:
        """`closing` closes the services."""
        self.settings = settings
        self._catalog = services.catalog
        self._worker = services.worker
        self._indexing = services.indexing
        self._following = services.following
        self._retriever = services.retriever
        self._answering = services.answering
        self._indexes = services.indexes
        self._fingerprinting = services.fingerprinting
        self._captions = services.captions
        self._reranking = services.reranking
        self._space = services.space
        self._models = services.models
        self._open_extractor = services.open_extractor
        self._picture_extractors = services.picture_extractors
        self._generator = services.generator
        self._observer = services.observer
        self._closing = closing

    def __enter__(self) -> Rag:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._closing.close()

    # ------------------------------------------------------------ the data folder

    def write_transaction(self) -> AbstractContextManager[Connection]:
        """Open a write transaction of the catalog, for functions such as `rag.put_share` and for the bot's tables."""
        return self._catalog.write_transaction()

    def read_transaction(self) -> AbstractContextManager[Connection]:
        """Open a read transaction of the catalog: one snapshot."""
        return self._catalog.read_transaction()

    def checkpoint(self) -> bool:
        """Remove deleted data from the catalog's files. Return False when a reader prevents it; try again then."""
        return self._catalog.checkpoint()

    def give_back_space(self) -> bool:
        """Make the catalog's file smaller if much of it is free. Return whether it was done."""
        return self._catalog.give_back_space()

    def watch(self) -> ChangeWatch:
        """Return a watch for changes of the catalog, of this process and of others. Close it after use."""
        return self._catalog.watch()

    def is_writable(self) -> bool:
        """Return whether the catalog can be written now; see Catalog.is_writable."""
        return self._catalog.is_writable()

    def scratch(self) -> TemporaryDirectory[str]:
        """Return a temporary folder in the data folder. One that a crashed process left is deleted later."""
        return temporary_folder("query", self.settings.data)

    def serve(self, stop: threading.Event) -> None:
        """Fetch, extract, embed and delete what is queued, until `stop` is set. Wait while another process does it."""
        if self._reranking is not None:
            self._reranking.load()
        self._worker.serve(stop)

    # ------------------------------------------------------------ indexing

    def index(
        self, paths: Sequence[Path | str], space: str = LOCAL, report: ProgressCallback = ignore_progress
    ) -> list[IndexOutcome]:
        """Index files, folders and URLs into a space and wait until they can be found; see Indexing.index."""
        return self._indexing.index(paths, space, report)

    def reindex(self, names: Sequence[str] = (), report: ProgressCallback = ignore_progress) -> list[IndexOutcome]:
        """Extract documents again; without names, all of them. See Indexing.reindex."""
        return self._indexing.reindex(names, report)

    def retry(self, names: Sequence[str] = (), report: ProgressCallback = ignore_progress) -> list[IndexOutcome]:
        """Fetch and extract failed files again; without names, all of them. See Indexing.retry."""
        return self._indexing.retry(names, report)

    def follow(self, folders: Sequence[FollowedFolder], *, drop_others: bool = True) -> list[FolderState]:
        """Record what changed in folders, for `serve` to index; see Following.follow."""
        return self._following.follow(folders, drop_others=drop_others)

    def forget(self, names: Sequence[str], space: str | None = None, user: str | None = None) -> list[str]:
        """Remove files from one space, or from all; return their names; see Indexing.forget."""
        return self._indexing.forget(names, space, user)

    def find_shares(self, names: Sequence[str], space: str | None = None, user: str | None = None) -> list[StoredShare]:
        """Return what `forget` would remove, oldest first. Raise NotFound for an unknown name."""
        return self._indexing.find_shares(names, space, user)

    # ------------------------------------------------------------ search and answers

    def find(self, query: str, scope: Scope, k: int = _PAGES) -> SearchResult:
        """Return the pages for a question in words, best first."""
        with self._observer.stage("search"):
            return self._retriever.find(query, scope, k)

    def find_picture(self, path: Path, scope: Scope, k: int = _PAGES) -> SearchResult:
        """Return the pages that a screenshot shows. Raise NotFound, or Unreadable when it is not a picture."""
        return self._find_picture(path, scope, k)[0]

    def _find_picture(self, path: Path, scope: Scope, k: int) -> tuple[SearchResult, bytes]:
        """Return the pages, and the bytes of the picture as it was drawn; of a tall one, the part that is found.

        Its words are recognized and its pixels compared at the same time; words are not waited for if pixels suffice.
        """
        with self.scratch() as folder, ExitStack() as reading:
            with self._observer.stage("screenshot"):
                extractor = reading.enter_context(self._picture_extractors.lend())
                opened = reading.enter_context(open_query_image(path, extractor, Path(folder)))
                if len(opened.drawn) == 1:
                    matched = self._retriever.match_picture(opened.drawn[0], scope, k)
                    if matched is not None:
                        return matched, opened.drawn[0].read_bytes()
                parts = opened.read()
            with self._observer.stage("search"):
                results = [(self._retriever.find_picture(image, page, scope, k), image) for image, page in parts]
            shown = [(result, image) for result, image in results if result.found] or results[:1]
            return merge_results([result for result, _ in shown]), shown[0][1].read_bytes()

    def expect_picture(self) -> None:
        """Prepare for `find_picture` while the picture is still being downloaded. Returns at once."""
        self._picture_extractors.expect()

    def is_ready_for_picture(self) -> bool:
        """Return whether `find_picture` can begin to read a picture at once."""
        return self._picture_extractors.is_ready

    def ask(
        self,
        question: str,
        scope: Scope,
        pictures: Sequence[Path] = (),
        on_progress: OnProgress = no_progress,
        generating: Generating = nullcontext,
        options: AnswerOptions = AS_SET,
    ) -> Answer:
        """Answer from the scope's documents only, with citations and pictures of the cited regions.

        With `pictures` (screenshots), search for the pages that they show and for the question's words. The model sees
        the first picture whose page is found. `generating` is entered while the model writes. `on_progress` gets each
        statement as soon as it was checked and holds; what it raises ends the answer.
        """
        on_progress(AnswerProgress(AnswerStage.SEARCHING))
        results = [self._find_picture(picture, scope, _PAGES) for picture in pictures]
        pages = 2 * _PAGES if options.deeper else _PAGES
        found = self._find_with_pictures(question, scope, [result for result, _ in results], pages)
        sent = next((sent for result, sent in results if result.found), results[0][1] if results else None)
        return self._answering.answer(question, found, scope, on_progress, sent, generating, options)

    def _find_with_pictures(
        self, question: str, scope: Scope, pictures: Sequence[SearchResult], pages: int
    ) -> SearchResult:
        """Return the pages for a question and for the pictures that came with it; the words may be empty."""
        if pictures and not question.strip():
            return merge_results([result for result in pictures if result.found] or pictures)
        by_words = self.find(question, scope, pages)
        if not pictures:
            return by_words
        shown = matched_documents(pictures)
        inside = self.find(question, replace(scope, documents=shown)) if shown else None
        return fuse_with_pictures(by_words, inside, pictures, self.settings.search.rrf_k)

    def suggest_topics(self, question: str, chunks: Sequence[int], scope: Scope, limit: int) -> list[Heading]:
        """Return headings that follow these chunks, which an answer cites, in their documents.

        Each finds its own page in a search within its document, so that it can be asked next.
        """
        with self._catalog.read_transaction() as connection:
            headings = headings_after(connection, chunks, scope, 2 * limit)
        return answerable(headings, question, scope, self.find, limit)

    def rewrite_question(self, question: str, history: Sequence[Turn]) -> str:
        """Return a thread's question rewritten so that it can be understood alone.

        `history` has the thread's messages, oldest first.
        """
        with self._observer.stage("rewrite"):
            return rewrite_question(question, history, self._generator, self.settings.answer)

    def draw_page(self, hit: Hit) -> Path | None:
        """Return a picture of the hit's page with its region framed, or None when the page's picture is gone."""
        return self._answering.draw_page(hit)

    def documents(self, scope: Scope) -> list[DocumentSummary]:
        """Return the documents of a scope, by name."""
        with self._catalog.read_transaction() as connection:
            return documents.list_documents(connection, scope)

    def page_pictures(self, pages: Collection[tuple[int, int]], scope: Scope) -> dict[tuple[int, int], Path]:
        """Return the pictures of pages by (document, page), without pages outside the scope or without a picture."""
        with self._catalog.read_transaction() as connection:
            found = page_images(connection, pages, scope)
        return {page: self.settings.data / path for page, path in found.items()}

    def page_texts(self, pages: Collection[tuple[int, int]], scope: Scope) -> dict[tuple[int, int], str]:
        """Return the words of pages by (document, page), without pages outside the scope."""
        with self._catalog.read_transaction() as connection:
            words = {page: page_words(connection, *page, scope) for page in pages}
        return {page: " ".join(word.text for word in found) for page, found in words.items() if found}

    def read_page(self, sha256: str, number: int, scope: Scope) -> PageContent:
        """Return a page of the document whose SHA-256 begins like this. Raise NotFound if it is not in scope."""
        with self._catalog.read_transaction() as connection:
            return read_page(connection, sha256, number, scope, self.settings.data)

    # ------------------------------------------------------------ operations

    def status(self) -> Status:
        """Return what is stored, what is queued, what failed and why, and which lanes are on."""
        return read_status(
            self._catalog, self._indexes, self._fingerprinting, self._captions, self._space, self.lanes()
        )

    def file_readings(self, name: str) -> list[FileReading]:
        """Return how a file was read, page by page; several if the name is ambiguous.

        `name`: a path, a file name, or eight or more digits of a SHA-256, also of an attachment. Raise NotFound for an
        unknown one.
        """
        resolved = [str(Path(name).resolve())] if Path(name).exists() else []
        with self._catalog.read_transaction() as connection:
            found = readings_named(connection, [name, *resolved])
        if not found:
            raise NotFound(f"No indexed file has the name {name!r}.", "List the files with: magpie status")
        return found

    def backlog(self) -> Backlog:
        """Return how many files wait to be indexed, and since when."""
        with self._catalog.read_transaction() as connection:
            return read_backlog(connection)

    def intake_problems(self) -> list[str]:
        """Return why files wait that the operator has to do something for, in sentences."""
        with self._catalog.read_transaction() as connection:
            down = [row for row in outages.list_outages(connection) if row.needs_operator]
        shortage = self._space.shortage()
        return [row.reason for row in down] + ([shortage[0]] if shortage else [])

    def lanes(self) -> Mapping[str, str]:
        """Return `on`, or `off: why`, for every lane, and for the reranker if one is set. Loads the models."""
        return self._retriever.lanes()

    def load_reranker(self) -> None:
        """Load the reranker, if one is set, and wait for it. Searches before that go on without it."""
        if self._reranking is not None:
            self._reranking.status()

    def list_stored_data(self) -> list[StoredData]:
        """Return what is stored where, and for how long."""
        return list_stored_data(self.settings, self._catalog)

    def doctor(self) -> Iterator[Check]:
        """Yield the result of each check of the installation."""
        return checks(
            self.settings,
            self._catalog,
            self._indexes,
            self._captions,
            self._reranking,
            self._space,
            self._open_extractor,
            self._generator,
        )

    # ------------------------------------------------------------ models and training

    def list_models(self) -> list[ModelSummary]:
        """Return the known embedding models, whether they are on this machine, and which one the settings choose."""
        return self._models.list_models()

    def pull_model(self, model: str | None, weights: str | None, report: Callable[[str], None]) -> Path:
        """Download the weights of a model, or of the one that the settings choose; see ModelStore.pull_model."""
        return self._models.pull_model(model, weights, report)

    def pull_text_model(self, report: Callable[[str], None]) -> Path | None:
        """Download the text embedder that the settings choose, if it is needed; see TextIndexes.pull."""
        return self._indexes.text.pull(report)

    def train_projection(self, report: Callable[[int, int], None] = lambda *_: None) -> TrainedProjection:
        """Learn from the indexed texts to map text vectors to CLIP's, for embed.query_side=projection.

        Raise EmbedderFailed without one of the two embedders, UserCanFix for too few texts.
        """
        return train_projection(self._indexes, self.settings.data, report)

    def save_confidence_models(self, models: confidence.ConfidenceModels) -> Path:
        """Save confidence models in the data folder and return their file. They are used after a restart."""
        return confidence.save(self.settings.data, models)
