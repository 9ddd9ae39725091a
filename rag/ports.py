"""Protocols that adapters and the tests' fakes implement."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Generator as Yielding
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from rag.model.extraction import Attachments, Box, ExtractedPage, Inspection, Modality, Recognition
from rag.model.operations import ModelSummary
from rag.model.search import Scope

Vector: TypeAlias = NDArray[np.float32]
"""One unit-length row of shape (dim,)."""


class RegionDrawer(Protocol):
    """Draws parts of pages, in a guarded process."""

    def draw_region(self, path: Path, number: int, region: Box, width: int, turn: int, into: Path) -> Path:
        """Return the path of a JPEG in `into` of a region of a page, `width` pixels wide or as wide as it is stored.

        The page is turned upright as far as its text layer says, and by `turn` degrees clockwise. Raise Unreadable, or
        ExtractorStopped.
        """
        ...

    def close(self) -> None:
        """End the process for good. Any thread may call it; a call in progress raises ExtractorStopped."""
        ...


class Extractor(RegionDrawer, Protocol):
    """Extracts pages from a file, in a guarded process. Not thread-safe, except for `close`."""

    version: str
    """Changes whenever the same bytes would give a different result; part of an extraction's key."""

    def inspect(self, path: Path) -> Inspection:
        """Return type, page count and title.

        Raise Unreadable for an encrypted, empty or damaged file, an unsupported type, or too many pages or pixels.
        """
        ...

    def attachments(self, path: Path, media_type: str, into: Path) -> Attachments:
        """Write the files inside a file, also those inside of others, to the folder `into`; none for most types.

        Never raises Unreadable: the notes say what could not be read. Raise OSError if a file can't be written.
        """
        ...

    def skim(self, path: Path, media_type: str, first: int, last: int) -> Yielding[ExtractedPage, None, None]:
        """Yield pages `first` to `last` with the words that are seen on them and nothing else, as they are read.

        Much faster than `extract`: without layout, OCR and pictures. A page without words, or whose words need OCR, has
        no blocks; pages may be missing at the end. Raise Unreadable, or ExtractorStopped after `close`.
        """
        ...

    def extract(self, path: Path, first: int, last: int, into: Path) -> list[ExtractedPage]:
        """Return pages `first` to `last` (1-based, inclusive); write page images and crops to `into`.

        The result has one entry per page; `error` is set on a page that crashed or hung the process. Raise Unreadable
        for the file as a whole, ExtractorStopped after `close`.
        """
        ...

    def load_models(self) -> str:
        """Start the process and load its models now, instead of when the first page is extracted.

        Return why layout analysis does not work here although it is on; "" if it works or is off.
        """
        ...


@dataclass(frozen=True, slots=True)
class FetchResult:
    """Metadata of a fetched source. An empty name keeps the names of its shares.

    `validators`: kept for the fetcher's next request. `unchanged`: the source is as it was; there are no bytes.
    """

    mtime_ns: int | None = None
    size: int | None = None
    name: str = ""
    link: str | None = None
    validators: str = ""
    unchanged: bool = False


class Fetcher(Protocol):
    """Downloads sources of one kind. Thread-safe."""

    def __call__(self, ref: str, into: Path) -> FetchResult:
        """Write the bytes of `ref` to the new file `into`.

        Raise Unreadable if it can never be fetched; TryAgain or OperatorMustAct if it may work later (retried with
        back-off for a day); NotFound if the source is gone or must not be indexed: its shares are removed.
        """
        ...


ReadTransaction: TypeAlias = Callable[[], AbstractContextManager[Connection]]
"""Opens a read transaction of the catalog."""

WriteTransaction: TypeAlias = Callable[[], AbstractContextManager[Connection]]
"""Opens a write transaction of the catalog."""

OpenFetchers: TypeAlias = Callable[[ReadTransaction], Mapping[str, Fetcher]]
"""Builds the fetchers by kind of source."""


@runtime_checkable
class HostFetcher(Fetcher, Protocol):
    """A Fetcher of untrusted servers, which may be slow on purpose.

    Its sources are fetched by `web.at_once` threads of their own, one per host at a time, so that a slow host does not
    delay extraction or other hosts.
    """

    def host(self, ref: str) -> str:
        """Return the host that `ref` is fetched from, normalized. Never raises."""
        ...


class Ocr(Protocol):
    """Recognizes the words of a picture. Runs inside the extraction process."""

    def recognize(self, picture: Path) -> Recognition:
        """Return lines from top to bottom, with word boxes as fractions of the picture turned upright.

        `picture` has any size. Temporary files are written beside it.
        """
        ...


class Embedder(Protocol):
    """Embeds pictures and texts into one vector space. Not thread-safe."""

    @property
    def identity(self) -> str:
        """Return a name for model, weights' hash and preprocessing: 3 to 60 letters, digits, `.`, `_`, `-`."""
        ...

    @property
    def dim(self) -> int: ...

    def windows(self, text: str) -> list[str]:
        """Split a text into windows that fit the text tower; every word is in one. [] without words."""
        ...

    def windows_of(self, texts: Sequence[str]) -> list[list[str]]:
        """Return the windows of many texts, in one request if the embedder is remote."""
        ...

    def embed_texts(self, texts: Sequence[str]) -> list[Vector]:
        """Return one vector per text. Text beyond the tower's context is ignored: split it by `windows` first."""
        ...

    def embed_pictures(self, pictures: Sequence[Path]) -> list[Vector | None]:
        """Return one vector per picture file, None for a picture that cannot be decoded."""
        ...


Prepared: TypeAlias = Any
"""A preprocessed picture or text; opaque to everything but the embedder that made it."""


class EncoderObserver(Protocol):
    """Observes how long encoding takes, in seconds. Thread-safe."""

    def prepared(self, modality: Modality, seconds: float, /) -> None:
        """Record the preprocessing of one picture, or of all texts of one request."""
        ...

    def encoded(self, modality: Modality, count: int, seconds: float, /) -> None:
        """Record the forward pass of one batch of `count` inputs."""
        ...


class Encoder(Embedder, Protocol):
    """An Embedder in two steps, so that the requests of many clients can be encoded in one batch.

    `prepare_*` and `windows_of` are thread-safe, everything else is called from one thread. Every member may raise
    OperatorMustAct; `encode_*` raise it when memory runs out.
    """

    def prepare_picture(self, picture: bytes) -> Prepared:
        """Preprocess an encoded picture. Raise Unreadable if it cannot be decoded or has too many pixels."""
        ...

    def prepare_texts(self, texts: Sequence[str]) -> list[Prepared]: ...

    def encode_pictures(self, prepared: Sequence[Prepared]) -> list[Vector]:
        """Return one vector each, from one forward pass."""
        ...

    def encode_texts(self, prepared: Sequence[Prepared]) -> list[Vector]:
        """Return one vector each, from one forward pass."""
        ...


@runtime_checkable
class Offloadable(Protocol):
    """An embedder that can free the GPU it shares with a generator. Both calls are idempotent."""

    def offload(self) -> None:
        """Move the weights to the CPU and free the GPU's cache; embedding is slow until `reload`."""
        ...

    def reload(self) -> None:
        """Move the weights to the GPU. Raise EmbedderFailed, and stay on the CPU, if its memory is full."""
        ...


class ModelStore(Protocol):
    """The embedding models that can be chosen, and their weights on this machine."""

    def list_models(self) -> list[ModelSummary]:
        """Return the known models, and the one that the settings choose when it is not among them."""
        ...

    def pull_model(self, model: str | None, weights: str | None, report: Callable[[str], None]) -> Path:
        """Download weights and return their file; the weights that the settings choose unless others are named.

        Raise OperatorMustAct when they cannot be downloaded, BadSetting for an unknown name.
        """
        ...


class TextEmbedder(Protocol):
    """Embeds texts; queries and documents may get different prefixes. Not thread-safe.

    Every member may raise OperatorMustAct (no weights, no server, the wrong model) or TryAgain.
    """

    @property
    def identity(self) -> str:
        """Return a name for model, weights and prefixes: 3 to 60 letters, digits, `.`, `_`, `-`. May ask a server."""
        ...

    @property
    def dim(self) -> int: ...

    def windows(self, text: str) -> list[str]:
        """Split a text into windows that fit the model's context; every word is in one. [] if there are no words."""
        ...

    def embed_documents(self, texts: Sequence[str]) -> list[Vector]:
        """Return one vector per text to be indexed."""
        ...

    def embed_queries(self, texts: Sequence[str]) -> list[Vector]:
        """Return one vector per query. Many models need another prefix for queries than for documents."""
        ...


@dataclass(frozen=True, slots=True)
class PageTokens:
    """The token vectors of a page image, as they are stored.

    `vectors`: shape (n, dim), each a direction of any length. `boxes`: shape (n, 4), the part of the page that each one
    describes: x0, y0, x1, y1 in 255ths of its width and height.
    """

    vectors: NDArray[np.int8]
    boxes: NDArray[np.uint8]


class PageEmbedder(Protocol):
    """Embeds page images and questions by a late-interaction model: one vector for each token. Not thread-safe.

    Every member may raise OperatorMustAct or TryAgain.
    """

    @property
    def identity(self) -> str:
        """Return a name for model, weights and compression: 3 to 60 letters, digits, `.`, `_`, `-`."""
        ...

    def embed_pages(self, pictures: Sequence[bytes]) -> list[PageTokens | None]:
        """Return the tokens of each encoded picture, None for a picture that cannot be decoded."""
        ...

    def embed_question(self, text: str) -> NDArray[np.float32]:
        """Return unit rows, shape (n, dim)."""
        ...


MAX_PASSAGES, PASSAGE_CHARS = 32, 2000
"""The passages that are reranked at once, and the characters of each: a server of TEI refuses more by default, and most
rerankers read 512 tokens."""


class Reranker(Protocol):
    """Reads a question together with passages and scores how well each answers it. Not thread-safe.

    Every member may raise OperatorMustAct or TryAgain.
    """

    gives_probabilities: bool
    """Whether scores of different questions can be compared. If not, they only order the passages of one question."""

    def open(self) -> None:
        """Load the model, and check that it scores a full batch within the budget. Idempotent; downloads nothing."""
        ...

    def score(self, question: str, passages: Sequence[str]) -> list[float]:
        """Return a score for each passage, 0 to 1, in their order. May give up soon after the budget, with TryAgain."""
        ...

    def close(self) -> None: ...


@runtime_checkable
class ImageReranker(Reranker, Protocol):
    """A reranker that can read images of pages, too."""

    def score_images(self, question: str, pictures: Sequence[bytes]) -> list[float]:
        """Return a score for each JPEG, 0 to 1, in their order. May give up soon after the budget, with TryAgain."""
        ...


class TextModels(Protocol):
    """The text embedders that can be used, by their names in the setting `text.model`."""

    def find(self) -> str:
        """Return the name of the preferred one that is available now. Fast: it loads and downloads nothing.

        Raise OperatorMustAct or TryAgain if there is none.
        """
        ...

    def open(self, model: str) -> TextEmbedder:
        """Return a text embedder. It loads nothing and connects to nothing yet.

        Raise OperatorMustAct if there is no such model, BadSetting for an invalid name.
        """
        ...

    def pull(self, report: Callable[[str], None]) -> Path | None:
        """Download the model of the setting, or the default one for `auto`, and return its folder.

        Return None if there is nothing to download. Raise OperatorMustAct if it cannot be downloaded.
        """
        ...


@dataclass(frozen=True, slots=True)
class StoredVector:
    """The vector of one window of a chunk, as the vector store holds it."""

    chunk: int
    window: int
    document: int
    modality: Modality
    vector: Vector


@dataclass(frozen=True, slots=True)
class Neighbor:
    chunk: int
    window: int
    similarity: float
    """Cosine, -1 to 1."""


class VectorStore(Protocol):
    """Nearest-neighbor search over a copy of the catalog's vectors. Holds ids and numbers, never text or spaces.

    Only the owner of the data folder writes. Every method may raise StoreBroken (drop and refill the store) or Busy.
    """

    def add(self, identity: str, rows: Sequence[StoredVector]) -> None:
        """Insert or replace vectors; the first one of an embedder creates its collection."""
        ...

    def query(
        self,
        identity: str,
        modality: Modality,
        vector: Vector,
        k: int,
        among: Sequence[tuple[int, int]] | None = None,
    ) -> list[Neighbor]:
        """Return the k nearest neighbors of one modality, best first; `among` (chunk, window) limits the search."""
        ...

    def remove(self, rows: Sequence[tuple[int, int]]) -> None:
        """Delete (chunk, window) pairs from every collection; unknown pairs are ignored."""
        ...

    def count(self, identity: str) -> int: ...

    def usage(self) -> tuple[int, int]:
        """Return how many vectors of all embedders there are, and for how many the store takes space on disk.

        A deleted vector may keep its space, and its bytes, until its collection is dropped.
        """
        ...

    def drop(self, identity: str | None = None) -> None:
        """Delete the collections of one embedder, or all of them, even if they are damaged."""
        ...

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """The searchable text of one chunk, and its language. An index splits it by `rag.analysis.index_tokens`."""

    chunk: int
    document: int
    language: str
    title: str
    heading: str
    caption: str
    body: str


@dataclass(frozen=True, slots=True)
class Term:
    """A word, a code or a phrase to search for, as tokens of rag.analysis. A text that has any of them has the term.

    - `text`: what identifies the term, folded, but otherwise as people wrote it
    - `anywhere`: phrases of tokens that are found in all columns of the index
    - `as_written`: phrases that are found in words as they are written only; the index has other spellings of these
    - `surface`: the token of a word that is not stemmed; a text that has it ranks higher
    - `prefixes`: tokens that may begin a longer one, in languages that write compounds as one word
    """

    text: str
    anywhere: tuple[tuple[str, ...], ...]
    as_written: tuple[tuple[str, ...], ...] = ()
    surface: str = ""
    prefixes: tuple[str, ...] = ()


class FullTextIndex(Protocol):
    """Full-text search with BM25, in the catalog's transactions: a chunk and its words are committed together."""

    def add(self, connection: Connection, entries: Iterable[IndexEntry]) -> None: ...

    def replace(self, connection: Connection, entry: IndexEntry) -> None:
        """Set the words of one chunk."""
        ...

    def remove(self, connection: Connection, extraction_id: int, pages: tuple[int, int] | None = None) -> None:
        """Delete the words of an extraction's chunks, or of those on the pages from the first to the last of `pages`.

        Call it before the chunks are deleted.
        """
        ...

    def erase_deleted(self, open_transaction: WriteTransaction, stop: threading.Event) -> bool:
        """Rewrite the index so that no deleted word stays in it, in many short transactions with pauses between them.

        Return False if `stop` was set before the end.
        """
        ...

    def search(
        self, connection: Connection, terms: Sequence[Term], scope: Scope, limit: int
    ) -> list[tuple[int, int, int, float]]:
        """Return (chunk, document, page, BM25 score) of chunks in scope that have at least one of the terms.

        Best first; scores are positive. A term given twice counts twice.
        """
        ...

    def holders(self, connection: Connection, terms: Sequence[Term], scope: Scope) -> dict[str, set[int]]:
        """Return {text of the term: the chunks in scope that have it}."""
        ...

    def counts(self, connection: Connection, terms: Sequence[Term]) -> dict[str, int]:
        """Return {text of the term: how many chunks of the whole index have it}."""
        ...

    def missing(self, connection: Connection, terms: Sequence[Term], scope: Scope) -> list[str]:
        """Return the texts of the terms that no chunk in scope has."""
        ...

    def similar(self, connection: Connection, words: Sequence[str], scope: Scope) -> dict[str, list[str]]:
        """Return {word: words of chunks in scope that differ from it by typing errors}, the most similar first.

        All words are folded. Words of other chunks are never returned.
        """
        ...

    def count(self, connection: Connection, scope: Scope) -> int:
        """Return the number of chunks with words in the scope."""
        ...


@dataclass(frozen=True, slots=True)
class Prompt:
    """A request to the generator. Pictures are PNG or JPEG bytes, each announced in `user`.

    `shown`, `shortened` and `pictured` are numbers of passages: included, included in part, and included with their
    picture. `tokens` is an upper estimate for the whole prompt. `longest` (tokens of the answer) and `seconds` (between
    two pieces of it) lower the limits of the settings; 0 keeps those.
    """

    system: str
    user: str
    pictures: tuple[bytes, ...] = ()
    shown: tuple[int, ...] = ()
    shortened: tuple[int, ...] = ()
    pictured: tuple[int, ...] = ()
    tokens: int = 0
    longest: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """The abilities of a model. `window` is its context length in tokens, 0 if unknown."""

    model: str
    vision: bool
    window: int = 0


class Captioner(Protocol):
    """Describes pictures in words. Not thread-safe."""

    @property
    def identity(self) -> str:
        """Return the model's name as shown to readers, at most 128 characters.

        Raise OperatorMustAct or TryAgain if the model is not available.
        """
        ...

    def caption(self, picture: bytes, stop: threading.Event) -> str:
        """Describe a JPEG in a few sentences.

        Raise TryAgain, OperatorMustAct, or ExtractorStopped soon after `stop` is set.
        """
        ...


class Translator(Protocol):
    """Translates questions. Thread-safe."""

    @property
    def identity(self) -> str:
        """Return a name for the model, which translations are cached by."""
        ...

    def translate(self, question: str, languages: Sequence[str]) -> Mapping[str, str]:
        """Return the question in these languages, by ISO 639-1 code; those that could not be had are left out.

        Raise OperatorMustAct or TryAgain.
        """
        ...


class TokenStream(Iterator[str], Protocol):
    """An answer in pieces. `close` stops the generation at any time and is idempotent."""

    def close(self) -> None: ...


class Generator(Protocol):
    """Writes answers. Every call may raise GeneratorDown, ModelMissing, ModelUnfit, GeneratorBusy,
    GeneratorTimeout or GeneratorFailed."""

    def model_info(self) -> ModelInfo:
        """Return what the model can do. Cheap: asks the server without loading the model."""
        ...

    def stream(self, prompt: Prompt) -> TokenStream:
        """Return the answer's pieces as they arrive. The request is sent when the first piece is requested.

        A stream without a closing frame raises GeneratorFailed. An answer cut at the length limit, or written from a
        prompt that the server truncated, raises AnswerCut (a GeneratorFailed) after its pieces were yielded.
        """
        ...

    def close(self) -> None: ...
